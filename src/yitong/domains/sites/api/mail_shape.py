"""What an address looks like from outside whose mails are read and answered, and a template of answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from yitong.domains.sites.api.shapes import Id, Language, Named, Text
from yitong.domains.sites.api.text_shapes import WORDED

_CERTIFICATES = r"^\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)*$"
_Host = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:]{2,45})$")]
_Name = Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\x00\r\n]*$")]
_Secret = Annotated[Text, StringConstraints(max_length=256)]
_Port = Annotated[int, Field(ge=1, le=65535)]
_Security = Literal["tls", "starttls", "none"]
_HERE = ("localhost", "127.0.0.1", "::1")


class MailAccount(Named):
    """An address: where its mails are (IMAP), where answers go (SMTP), who answers. Passwords are written, never read."""

    site: Id
    queue: Id
    enabled: bool = True
    address: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,189}$", to_lower=True)]
    sender: Annotated[_Name, StringConstraints(max_length=120)] = ""
    signature: Annotated[Text, StringConstraints(max_length=4000)] = ""
    imap_host: _Host
    imap_port: _Port = 993
    imap_security: _Security = "tls"
    imap_username: Annotated[_Name, StringConstraints(min_length=1)]
    imap_password: _Secret | None = None
    folder: Annotated[_Name, StringConstraints(min_length=1)] = "INBOX"
    done_folder: _Name = ""
    smtp_host: _Host
    smtp_port: _Port = 587
    smtp_security: _Security = "starttls"
    smtp_username: _Name = ""
    smtp_password: _Secret | None = None
    tls_ca: Annotated[str, StringConstraints(max_length=64_000, pattern=_CERTIFICATES)] = ""
    flood_per_hour: Annotated[int, Field(ge=1, le=10_000)] = 30
    keep_days: Annotated[int, Field(ge=1, le=36_500)] = 730

    @model_validator(mode="after")
    def _encrypted(self) -> MailAccount:
        """Passwords and mails leave this machine encrypted only."""
        for host, security in ((self.imap_host, self.imap_security), (self.smtp_host, self.smtp_security)):
            if security == "none" and host not in _HERE:
                raise ValueError("security none is for a server on this machine only")
        return self


class MailTemplate(Named):
    """What agents may write to whoever sent a mail; ``{customer.name}``, ``{agent.name}``, ``{mail.subject}`` and other CEL expressions
    stand for what is known when it is written."""

    texts: Annotated[dict[Language, Annotated[Text, StringConstraints(min_length=1, max_length=4000), WORDED]], Field(min_length=1)]

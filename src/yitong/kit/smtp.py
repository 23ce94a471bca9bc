"""Mail by SMTP (RFC 5321), encrypted unless it stays on this machine: the ``smtp_`` settings. The password is never told."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from email.message import EmailMessage

import aiosmtplib

TIMEOUT_SECONDS = 20.0


class Undeliverable(Exception):
    """The server did not take it; ``final``: it says that it never will (5xx for the recipient or the message)."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Uncertain(Exception):
    """The connection was lost after the mail was given: the server may have it."""


class Smtp:
    """One server. ``security``: ``tls`` from the beginning, ``starttls`` (refused without), or ``none``. ``ca``: a PEM file to trust;
    ``trusted``: certificates to trust, as PEM."""

    def __init__(
        self, host: str, port: int, *, security: str, sender: str, username: str = "", password: str = "", ca: str = "",
        trusted: str = "", timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:  # fmt: skip
        self.sender = sender
        self._host, self._port = host, port
        self._security = security
        self._username, self._password = username, password
        self._context = ssl.create_default_context(cafile=ca or None, cadata=trusted or None) if security != "none" else None
        self._timeout = timeout_seconds

    async def send(self, message: EmailMessage) -> None:
        """Hand a mail over. Raises Undeliverable."""
        try:
            await aiosmtplib.send(
                message, hostname=self._host, port=self._port, use_tls=self._security == "tls", start_tls=self._security == "starttls",
                username=self._username or None, password=self._password or None, tls_context=self._context, timeout=self._timeout,
            )  # fmt: skip
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [one.code for one in error.recipients]
            raise Undeliverable(f"recipient refused: {codes}", final=all(500 <= code < 600 for code in codes)) from error
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            raise Undeliverable(f"{error.code} {error.message}", final=500 <= error.code < 600) from error
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Undeliverable(f"{error.code}: user name or password refused", final=False) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Undeliverable(f"{type(error).__name__}: {error}"[:200], final=False) from error

    async def hand_over(self, octets: bytes, recipients: Sequence[str]) -> None:
        """Give a mail to the server at most once, to all ``recipients`` or to none. Raises Undeliverable (it has nothing), Uncertain."""
        client = aiosmtplib.SMTP(
            hostname=self._host, port=self._port, use_tls=self._security == "tls", start_tls=self._security == "starttls",
            username=self._username or None, password=self._password or None, tls_context=self._context, timeout=self._timeout,
        )  # fmt: skip
        try:
            await self._begin(client, recipients)
            await self._give(client, octets)
        finally:
            client.close()

    async def _begin(self, client: aiosmtplib.SMTP, recipients: Sequence[str]) -> None:
        try:
            await client.connect()
            await client.mail(self.sender)
            for recipient in recipients:
                await client.rcpt(recipient)
        except aiosmtplib.SMTPRecipientRefused as error:
            raise Undeliverable(f"{error.code} {error.recipient}: {error.message}"[:200], final=500 <= error.code < 600) from error
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Undeliverable(f"{error.code}: user name or password refused", final=False) from error
        except aiosmtplib.SMTPResponseException as error:
            raise Undeliverable(f"{error.code} {error.message}"[:200], final=500 <= error.code < 600) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Undeliverable(f"{type(error).__name__}: {error}"[:200], final=False) from error

    async def _give(self, client: aiosmtplib.SMTP, octets: bytes) -> None:
        try:
            await client.data(octets)
        except aiosmtplib.SMTPResponseException as error:
            raise Undeliverable(f"{error.code} {error.message}"[:200], final=500 <= error.code < 600) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Uncertain(f"{type(error).__name__}: {error}"[:200]) from error

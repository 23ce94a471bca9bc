"""Mail by SMTP (RFC 5321), encrypted unless it stays on this machine: the ``smtp_`` settings. The password is never told."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage

import aiosmtplib

TIMEOUT_SECONDS = 20.0


class Undeliverable(Exception):
    """The server did not take it; ``final``: it says that it never will (5xx for the recipient or the message). ``code``: why it takes
    nothing at all (no_connection, certificate, credentials, protocol), empty when it is about this mail."""

    def __init__(self, reason: str, *, final: bool, code: str = "") -> None:
        super().__init__(reason)
        self.final, self.code = final, code


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
        client = self._client()
        try:
            await self._connect(client)
            await self._begin(client, recipients)
            await self._give(client, octets)
        finally:
            client.close()

    async def sign_in(self) -> None:
        """Whether the server takes anything from us. Raises Undeliverable."""
        client = self._client()
        try:
            await self._connect(client)
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host, port=self._port, use_tls=self._security == "tls", start_tls=self._security == "starttls",
            tls_context=self._context, timeout=self._timeout,
        )  # fmt: skip

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        try:
            await client.connect()
            if self._username:
                await client.ehlo()
                # one way is tried: servers count wrong passwords, and cut whoever tries several
                ways = client.supported_auth_methods
                await (client.auth_plain if "plain" in ways else client.login)(self._username, self._password)
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Undeliverable(f"{error.code}: user name or password refused", final=False, code="credentials") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Undeliverable(f"{type(error).__name__}: {error}"[:200], final=False, code=_code(error)) from error

    async def _begin(self, client: aiosmtplib.SMTP, recipients: Sequence[str]) -> None:
        try:
            await client.mail(self.sender)
            for recipient in recipients:
                await client.rcpt(recipient)
        except aiosmtplib.SMTPRecipientRefused as error:
            raise Undeliverable(f"{error.code} {error.recipient}: {error.message}"[:200], final=500 <= error.code < 600) from error
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


def _code(error: BaseException) -> str:
    """Why nothing can be handed over, by what lies below the error."""
    chain: list[BaseException] = []
    below: BaseException | None = error
    while below is not None and below not in chain:
        chain.append(below)
        below = below.__cause__ or below.__context__
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in chain):
        return "certificate"
    if any(isinstance(one, ssl.SSLError) for one in chain):
        return "protocol"
    lost = (OSError, aiosmtplib.SMTPConnectError, aiosmtplib.SMTPTimeoutError, aiosmtplib.SMTPServerDisconnected)
    return "no_connection" if isinstance(error, lost) else "protocol"

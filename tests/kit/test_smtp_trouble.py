"""Why a mail server takes nothing: each reason as a real server gives it."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult
from tests.kit.certificates import make_certificate
from tests.ports import free_port

from yitong.kit.smtp import Smtp, Undeliverable

ME = "service@example.com"


@contextmanager
def server(**more: Any) -> Iterator[int]:
    """Takes everything from whom it knows; its port."""
    made = Controller(Sink(), hostname="127.0.0.1", port=free_port(), ready_timeout=20, **more)
    made.start()
    try:
        yield made.port
    finally:
        made.stop()


async def trouble(port: int, security: str, **more: str) -> str:
    """Why it takes nothing; empty: it does. Both ways of asking say the same."""
    mail = Smtp("127.0.0.1", port, security=security, sender=ME, timeout_seconds=10.0, **more)
    told = [await why(mail.sign_in()), await why(mail.hand_over(b"Subject: x\r\n\r\nx", ["to@example.com"]))]
    assert told[0] == told[1]
    return told[0]


async def why(ask: Awaitable[None]) -> str:
    try:
        await ask
    except Undeliverable as refused:
        return "for ever" if refused.final else refused.code
    return ""


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    make_certificate(certificate, key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return certificate, context


async def test_nobody_there() -> None:
    assert await trouble(free_port(), "none") == "no_connection"


async def test_a_certificate_that_nobody_vouches_for(tls: tuple[Path, ssl.SSLContext]) -> None:
    certificate, context = tls
    with server(ssl_context=context) as port:
        assert await trouble(port, "tls") == "certificate"
        assert await trouble(port, "tls", trusted=certificate.read_text()) == ""
    with server(tls_context=context) as port:
        assert await trouble(port, "starttls") == "certificate"
        assert await trouble(port, "starttls", trusted=certificate.read_text()) == ""


async def test_the_wrong_encryption(tls: tuple[Path, ssl.SSLContext]) -> None:
    with server() as port:
        assert await trouble(port, "tls") == "protocol"
        assert await trouble(port, "starttls") == "protocol"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_a_wrong_password() -> None:
    def knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (ME.encode(), b"right"), handled=False)

    with server(authenticator=knows, auth_required=True, auth_require_tls=False) as port:
        assert await trouble(port, "none", username=ME, password="wrong") == "credentials"
        assert await trouble(port, "none", username=ME, password="right") == ""


async def test_a_recipient_who_is_refused_is_no_trouble_of_the_server() -> None:
    class Choosy(Sink):
        async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
            return "550 nobody of that name"

    made = Controller(Choosy(), hostname="127.0.0.1", port=free_port(), ready_timeout=20)
    made.start()
    try:
        mail = Smtp("127.0.0.1", made.port, security="none", sender=ME)
        with pytest.raises(Undeliverable) as refused:
            await mail.hand_over(b"Subject: x\r\n\r\nx", ["to@example.com"])
        assert (refused.value.final, refused.value.code) == (True, "")
    finally:
        made.stop()

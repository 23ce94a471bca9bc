"""Messages to e-mail, by a real SMTP server: encrypted, with a password, tried again, failed for all to see, never twice."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from sqlalchemy import text
from tests.kit.certificates import make_certificate
from tests.ports import free_port
from tests.web.world import World, write_wav

from yitong.domains.mailbox.service.mailing import Mailing, pause_after
from yitong.domains.mailbox.store.files import MessagesFolder
from yitong.kit.clock import SECOND, SystemClock
from yitong.kit.settings import SettingsError, load
from yitong.kit.smtp import Smtp, Undeliverable


class Postman:
    """What comes in; ``answers`` are given instead of taking it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        self.answers: list[str] = []
        self.asked = 0
        self.seconds = 0.0

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        if server.transport is None or server.transport.is_closing():
            return "451 gone"
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def server(postman: Postman, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Wants STARTTLS, then the user name and password. Port and certificate."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificate(certificate, key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    def right(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        good = isinstance(given, LoginPassword) and (given.login, given.password) == (b"yitong", b"p-secret-9")
        return AuthResult(success=good, handled=False)

    controller = Controller(
        postman, hostname="127.0.0.1", port=free_port(), tls_context=context, require_starttls=True, auth_required=True, authenticator=right
    )
    controller.start()
    yield controller.port, certificate
    controller.stop()


def smtp(server: tuple[int, Path], password: str = "p-secret-9") -> Smtp:
    return Smtp(
        "127.0.0.1", server[0], security="starttls", sender="centre@example.com", username="yitong", password=password, ca=str(server[1])
    )


async def prepared(world: World, recipient: str) -> str:
    """A message in a mailbox with an address; returns its id."""
    contact = await world.contact(world.mine, "one", "1001", told=False)
    async with world.database.transaction() as connection:
        await connection.execute(
            text("update mailboxes set email = :email where tenant_id = :id"), {"email": recipient, "id": world.mine.id}
        )
        await connection.execute(text("delete from mailbox_messages"))
    message = await world.seed.message(world.mine, contact=contact)
    write_wav(world.settings.home / "recordings" / "messages" / world.mine.id / f"{message}.wav", 0.5, 1)
    return message


def mailing(world: World, mailer: Smtp) -> Mailing:
    return Mailing(world.database, SystemClock(), mailer, MessagesFolder(world.settings.home / "recordings"))


async def now_due(world: World) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(text("update mails set next_at = now() - interval '1 second' where state = 'waiting'"))


async def test_a_message_comes_as_mail(world: World, postman: Postman, server: tuple[int, Path]) -> None:
    message = await prepared(world, "sales@example.com")
    job = mailing(world, smtp(server))
    assert [await job.once(), await job.once()] == [1, 0]
    (mail,), (encrypted,) = postman.mails, postman.encrypted
    assert encrypted
    assert (mail["To"], mail["From"], mail["Message-ID"]) == ("sales@example.com", "centre@example.com", f"<{message}@example.com>")
    assert mail["Subject"].startswith("语音留言：王小明 +86139")
    assert "，0:01（" in mail["Subject"]
    (sound,) = mail.iter_attachments()
    assert sound.get_content_type() == "audio/wav"
    path = world.settings.home / "recordings" / "messages" / world.mine.id / f"{message}.wav"
    assert sound.get_payload(decode=True) == path.read_bytes()
    owner = await world.headers("1001")
    shown = (await world.ask("GET", "/voice_messages", owner)).json()["items"][0]
    assert (shown["mailed"], shown["mail"]["state"], shown["mail"]["tries"]) == (True, "sent", 1)


async def test_it_is_tried_again_and_fails_for_all_to_see(world: World, postman: Postman, server: tuple[int, Path]) -> None:
    await prepared(world, "sales@example.com")
    postman.answers = ["451 later"]
    job = mailing(world, smtp(server))
    await job.once()
    assert job.figures == {"waiting": 1}
    assert await job.once() == 0  # not before its time
    await now_due(world)
    await job.once()
    assert (len(postman.mails), job.figures) == (1, {})
    assert [pause_after(tries) // SECOND for tries in (1, 2, 3, 20)] == [30, 60, 120, 3600]


async def test_nobody_there_and_a_wrong_password(
    world: World, postman: Postman, server: tuple[int, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    message = await prepared(world, "nobody@example.com")
    job = mailing(world, smtp(server))
    await job.once()
    assert job.figures == {"failed": 1}
    owner = await world.headers("1001")
    shown = (await world.ask("GET", "/voice_messages", owner)).json()["items"][0]
    assert (shown["mail"]["state"], "550" in shown["mail"]["error"]) == ("failed", True)
    async with world.database.transaction() as connection:
        await connection.execute(text("update mailboxes set email = 'sales@example.com'"))
        await connection.execute(text("update mails set state = 'waiting', recipient = 'sales@example.com', next_at = now()"))
    wrong = mailing(world, smtp(server, "not-the-password"))
    await wrong.once()
    assert wrong.figures == {"waiting": 1}
    assert "not-the-password" not in capsys.readouterr().out
    assert message


async def test_two_workers_send_it_once_and_one_that_dies_leaves_it_to_the_other(
    world: World, postman: Postman, server: tuple[int, Path]
) -> None:
    await prepared(world, "sales@example.com")
    postman.seconds = 1.0
    dying = asyncio.create_task(mailing(world, smtp(server)).once())
    await until(lambda: postman.asked == 1)
    dying.cancel()
    with suppress(asyncio.CancelledError):
        await dying
    postman.seconds = 0.3
    before = len(postman.mails)  # the server may take what nobody waits for any more
    jobs = [mailing(world, smtp(server)) for _ in range(2)]
    assert sorted(await asyncio.gather(*(job.once() for job in jobs))) == [0, 1]
    assert len(postman.mails) == before + 1
    assert len({mail["Message-ID"] for mail in postman.mails}) == 1


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_it_is_never_sent_in_the_clear(postman: Postman) -> None:
    plain = Controller(postman, hostname="127.0.0.1", port=free_port())
    plain.start()
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@example.com", "b@example.com"
    mail.set_content("x")
    try:
        with pytest.raises(Undeliverable):
            await Smtp("127.0.0.1", plain.port, security="starttls", sender="a@example.com").send(mail)
        assert postman.mails == []
        await Smtp("127.0.0.1", plain.port, security="none", sender="a@example.com").send(mail)
        assert len(postman.mails) == 1
    finally:
        plain.stop()


@pytest.mark.parametrize(
    "settings",
    [
        {"SMTP_HOST": "mail.example.com", "SMTP_SENDER": "a@example.com", "SMTP_SECURITY": "none"},
        {"SMTP_HOST": "mail.example.com", "SMTP_SENDER": ""},
        {"SMTP_HOST": "mail.example.com", "SMTP_SENDER": "a@example.com\r\nBcc: x@example.com"},
        {"SMTP_SECURITY": "perhaps"},
        {"SMTP_HOST": "mail.example.com", "SMTP_SENDER": "a@example.com", "SMTP_CA": "/nowhere.pem"},
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load({f"YITONG_{name}": value for name, value in settings.items()}, tmp_path)
    good = load({"YITONG_SMTP_HOST": "mail.example.com", "YITONG_SMTP_SENDER": "a@example.com", "YITONG_SMTP_PASSWORD": "hush"}, tmp_path)
    assert "hush" not in repr(good)

"""The worker's part in mailboxes: mails, and files of messages."""

from __future__ import annotations

from yitong.contact.client import Core
from yitong.contact.messages import NumberOf
from yitong.domains.mailbox.service.keeping import Keeping
from yitong.domains.mailbox.service.mailing import Mailing
from yitong.domains.mailbox.store import work
from yitong.domains.mailbox.store.files import MessagesFolder
from yitong.kit.clock import Clock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.keyring import Keyring
from yitong.kit.nats import Nats
from yitong.kit.settings import Settings
from yitong.kit.smtp import Smtp
from yitong.kit.tasks import Tasks


class MailboxJobs:
    """Mails are sent where a server is set up."""

    def __init__(self, settings: Settings, database: Database, nats: Nats, clock: Clock) -> None:
        folder = MessagesFolder(settings.home / "recordings", Keyring(settings.keys_folder, clock, RandomIds()))
        self._database, self._nats = database, nats
        self._keeping = Keeping(database, clock, Core(nats), folder)
        self._mailing = Mailing(database, clock, smtp_of(settings), folder) if settings.smtp_host else None

    async def start(self, tasks: Tasks) -> None:
        """Begin."""
        await self._nats.answer("ask.number.*", NumberOf, self._number, queue="mailboxes", beside=tasks)
        tasks.keep(self._keeping.run, "files of messages")
        if self._mailing is not None:
            tasks.keep(self._mailing.run, "mailing")

    async def _number(self, subject: str, asked: NumberOf) -> str:
        async with self._database.transaction() as connection:
            return await work.number(connection, subject.rpartition(".")[2], asked.personal)

    def figures(self) -> dict[str, float]:
        """Mails that wait, and those that have failed for good."""
        told = self._mailing.figures if self._mailing is not None else {}
        return {f"mails_{state}": float(count) for state, count in told.items()}


def smtp_of(settings: Settings) -> Smtp:
    """The mail server of the settings."""
    return Smtp(
        settings.smtp_host, settings.smtp_port, security=settings.smtp_security, sender=settings.smtp_sender,
        username=settings.smtp_username, password=settings.smtp_password, ca=settings.smtp_ca,
    )  # fmt: skip

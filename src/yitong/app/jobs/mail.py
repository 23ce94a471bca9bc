"""The worker's part in mail: fetching, giving to core, sending, keeping."""

from __future__ import annotations

from yitong.contact.client import Core
from yitong.domains.mail.service.fetching import Fetching
from yitong.domains.mail.service.giving import Giving
from yitong.domains.mail.service.sending import Keeping, Sending
from yitong.domains.mail.store.files import MailsFolder
from yitong.kit.clock import Clock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.keyring import Keyring
from yitong.kit.nats import Nats
from yitong.kit.sealed_text import sealer_of
from yitong.kit.settings import Settings
from yitong.kit.tasks import Tasks


class MailJobs:
    """Wired; nothing happens where no account is configured."""

    def __init__(self, settings: Settings, database: Database, nats: Nats, clock: Clock, tasks: Tasks) -> None:
        folder = MailsFolder(settings.home / "mails", Keyring(settings.keys_folder, clock, RandomIds()))
        sealer = sealer_of(settings.secrets_folder, clock)
        owner = f"{settings.node}/{settings.worker}"
        self._fetching = Fetching(database, clock, RandomIds(), folder, sealer, tasks, owner)
        self._giving = Giving(database, Core(nats), clock, self._fetching.fetched)
        self._sending = Sending(database, clock, folder, sealer)
        self._keeping = Keeping(database, clock, folder)

    def start(self, tasks: Tasks) -> None:
        """Begin."""
        tasks.keep(self._fetching.run, "mailboxes")
        tasks.keep(self._giving.run, "mails for core")
        tasks.keep(self._sending.run, "mails to send")
        tasks.keep(self._sending.knock, "mail servers that take nothing")
        tasks.keep(self._keeping.run, "mails kept")

    @property
    def troubles(self) -> dict[str, int]:
        """Accounts that cannot be read, and (``sending_``) that cannot send, by reason."""
        return self._sending.troubles

    def figures(self) -> dict[str, float]:
        """Mails by state, and accounts that cannot be read or cannot send."""
        told = {f"mail_{state}": float(count) for state, count in self._sending.figures.items()}
        return told | {f"mail_account_{reason}": float(count) for reason, count in self._sending.troubles.items()}

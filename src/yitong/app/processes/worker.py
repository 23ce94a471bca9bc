"""The worker: projections and jobs. Any number may run; no call notices when one dies, its work is taken up again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from yitong.app.jobs.configuration import Configuration
from yitong.app.jobs.ledger import LedgerWriter, project
from yitong.app.jobs.mail import MailJobs
from yitong.app.jobs.mailboxes import MailboxJobs
from yitong.app.jobs.personals import PersonalsWriter
from yitong.app.jobs.recordings import RecordingsKeeper, vault_of
from yitong.app.jobs.speech import SpeechJobs
from yitong.app.jobs.texts import TextJobs
from yitong.app.jobs.tidy import Tidy
from yitong.app.migrate import require_current
from yitong.app.process import Health, current
from yitong.contact.client import Core
from yitong.contact.messages import Card
from yitong.domains.crm.messages import Ask
from yitong.domains.crm.service import Finder
from yitong.domains.fax.service.sending import FaxFiles, Sender
from yitong.domains.fax.store.files import FaxesFolder
from yitong.domains.reporting.service import Projector
from yitong.kit.clock import Clock
from yitong.kit.database import OUTAGES, Database
from yitong.kit.ids import RandomIds
from yitong.kit.lending import Borrower, Lender
from yitong.kit.nats import Nats
from yitong.kit.settings import Settings
from yitong.kit.tasks import Tasks

if TYPE_CHECKING:
    from yitong.flow.speech import Speech


class Worker:
    """The jobs of one worker process, wired."""

    def __init__(
        self, database: Database, nats: Nats, clock: Clock, prompts: Path, *, streamed: Database | None = None, fax_days: int = 0
    ) -> None:
        """``streamed``: the database for what is written from streams, where a commit need not wait for the disk."""
        streamed = streamed or database
        ids = RandomIds()
        self._nats = nats
        self._clock = clock
        self._finder = Finder(database, clock, ids)
        self.ledger = LedgerWriter(streamed, nats, clock, ids)
        self.personals = PersonalsWriter(streamed, nats, clock)
        self.projector = Projector(streamed, clock, ids)
        self.configuration = Configuration(database, nats, clock)
        self.tidy = Tidy(database, clock, prompts)
        self.sender = Sender(database, Core(nats), clock, ids)
        self.fax_files = FaxFiles(database, clock, FaxesFolder(prompts.parent / "faxes"), fax_days)
        self.speech = SpeechJobs(prompts, clock, _kokoro)
        self.recordings: RecordingsKeeper | None = None
        self.mailboxes: MailboxJobs | None = None
        self.texts: TextJobs | None = None
        self.mail: MailJobs | None = None

    async def start(self, tasks: Tasks) -> None:
        """Begin all jobs; each is started again by itself when it fails."""
        await self._nats.answer("ask.crm.*", list[Ask], self._who, queue="crm", beside=tasks)
        tasks.keep(self.ledger.inbox.run, "ledger writer")
        tasks.keep(lambda: project(self.ledger, self.projector, self._clock), "projector")
        tasks.keep(self.personals.inbox.run, "personals writer")
        tasks.keep(self.configuration.run, "configuration")
        tasks.keep(self.tidy.run, "tidy")
        tasks.keep(self.sender.run, "sendings of faxes")
        tasks.keep(self.fax_files.run, "fax files")
        await self.speech.start(self._nats, tasks)
        if self.mailboxes is not None:
            await self.mailboxes.start(tasks)
        if self.mail is not None:
            self.mail.start(tasks)
        if self.texts is not None:
            self.texts.start(tasks)
        if self.recordings is not None:
            tasks.keep(self.recordings.run, "files of recordings")
            if self.recordings.checks:
                tasks.keep(self.recordings.watch, "check of recordings")
                tasks.keep(self.recordings.kept.run, "files of messages and faxes")
        tasks.start(self._finder.learn_regions(), "regions")

    async def _who(self, subject: str, asked: list[Ask]) -> list[Card | None]:
        return await self._finder.find_all(subject.rpartition(".")[2], asked)

    def health(self) -> Health:
        """Degraded while the database is away (everything waits in the streams) and while the ledger has faults nobody has seen."""
        figures = {
            "ledger_events": float(self.ledger.events),
            "ledger_waiting": float(self.ledger.inbox.waiting),
            "projections_behind": float(self.tidy.behind),
            "personals_waiting": float(self.personals.inbox.waiting),
            **{f"ledger_fault_{code}": float(count) for code, count in self.tidy.faults.items()},
            **self.speech.figures(),
            **(self.recordings.figures() if self.recordings is not None else {}),
            **(self.mailboxes.figures() if self.mailboxes is not None else {}),
            **(self.texts.figures() if self.texts is not None else {}),
            **(self.mail.figures() if self.mail is not None else {}),
        }
        if self.ledger.inbox.away or self.personals.inbox.away:
            return Health(state="degraded", reason="the database is away", figures=figures)
        if self.configuration.away:
            return Health(state="degraded", reason="configuration is not published", figures=figures)
        if self.tidy.faults:
            return Health(state="degraded", reason=f"ledger faults: {', '.join(sorted(self.tidy.faults))}", figures=figures)
        if self.recordings is not None and self.recordings.faults:
            return Health(state="degraded", reason=f"recordings: {', '.join(sorted(self.recordings.faults))}", figures=figures)
        if self.mail is not None and self.mail.troubles:
            return Health(state="degraded", reason=f"mail accounts: {', '.join(sorted(self.mail.troubles))}", figures=figures)
        if self.texts is not None and self.texts.fault:
            return Health(state="degraded", reason=self.texts.fault, figures=figures)
        return Health(figures=figures)


def _kokoro() -> Speech:
    from yitong.domains.ivr.speech.kokoro import Kokoro  # and numpy, which no other job needs

    return Kokoro()


async def run(settings: Settings) -> None:
    """The body of the process."""
    frame = current()
    database = Database(settings.database_url, name="worker", size=6)
    nats = await Nats.connect(settings.nats_url, "worker")
    streamed = Database(settings.database_url, name="worker streams", size=4, lazy=True)
    worker = Worker(database, nats, frame.clock, settings.home / "prompts", streamed=streamed, fax_days=settings.fax_days)
    worker.mailboxes = MailboxJobs(settings, database, nats, frame.clock)
    worker.mail = MailJobs(settings, database, nats, frame.clock, frame.tasks)
    worker.texts = TextJobs(settings, database, frame.clock, frame.tasks)
    vault = vault_of(settings, frame.clock, Borrower(nats))
    if settings.worker == 0:
        await Lender(vault, nats, frame.tasks).start()
    worker.recordings = RecordingsKeeper(database, frame.clock, vault, settings, f"{settings.node}/{settings.worker}")
    try:
        await _schema(database, frame.clock)
        frame.health(worker.health)
        await worker.start(frame.tasks)
        frame.ready()
        await asyncio.Event().wait()
    finally:
        await frame.tasks.close(3.0)
        await nats.close()
        await streamed.close()
        await database.close()


async def _schema(database: Database, clock: Clock) -> None:
    """Wait for the database; an older schema is refused."""
    while True:
        try:
            await require_current(database)
        except OUTAGES:
            await clock.sleep(0.5)
        else:
            return

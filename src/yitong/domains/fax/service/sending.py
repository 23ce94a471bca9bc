"""Works sendings off, in the worker: which number is called next is committed before core is asked to call it.

Any number of workers may do so: a sending is locked while it is decided. A worker that dies has either not begun an attempt, or begun it
for good; then the same attempt is asked of core again, which calls once for it. What became of it is read from the ledger's projection.
"""

from __future__ import annotations

import asyncio

import structlog

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.fax import rules
from yitong.domains.fax.messages import SendFaxTo
from yitong.domains.fax.model import Attempt
from yitong.domains.fax.store import work
from yitong.domains.fax.store.files import FaxesFolder
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, Database
from yitong.kit.ids import Ids

LOOK_SECONDS = 1.0
IDLE_SECONDS = 2.0
AGAIN_US = 30 * SECOND
"""After so long without an end core is asked once more: whether it knows the attempt."""
FILES_SECONDS = 600.0
DAY_US = 86_400 * SECOND
_log = structlog.get_logger("yitong.fax")


class Sender:
    """The job."""

    def __init__(self, database: Database, core: Core, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._core = core
        self._clock = clock
        self._ids = ids

    async def run(self) -> None:
        """For ever."""
        while True:
            busy = False
            try:
                busy = await self.once()
            except OUTAGES as error:
                _log.info("sendings wait", error=str(error)[:200])
            await self._clock.sleep(LOOK_SECONDS if busy else IDLE_SECONDS)

    async def once(self) -> bool:
        """Decide every sending, then ask core to call; false when there is none."""
        async with self._database.transaction() as connection:
            busy = await work.busy(connection)
        for tenant, id in busy:
            await self._decide(tenant, id)
        await self._ask()
        return bool(busy)

    async def _decide(self, tenant: str, id: str) -> None:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            sending = await work.locked(connection, tenant, id)
            if sending is None:
                return
            for result in await work.results(connection, sending):
                verdict = rules.after(result)
                await work.settle(
                    connection, sending, result.recipient, state=verdict.state, outcome=result.outcome, counts=verdict.counts, now=now,
                    next_at=now + verdict.seconds * SECOND if verdict.state == "waiting" else 0,
                )  # fmt: skip
            if sending.state == "cancelled":
                await work.cancel_waiting(connection, sending, now)
            free = sending.lines - await work.dialling(connection, sending) if rules.may_call_now(sending, now) else 0
            for recipient in await work.due(connection, sending, now, free) if free > 0 else ():
                await work.begin(connection, sending, recipient, self._ids.new(now))
            await work.finish(connection, sending, now)

    async def _ask(self) -> None:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            attempts = await work.unasked(connection, now - AGAIN_US)
        for attempt in attempts:
            if await self._told(attempt):
                async with self._database.transaction() as connection:
                    await work.asked(connection, attempt, now)

    async def _told(self, attempt: Attempt) -> bool:
        """Whether core has taken the attempt; away, or on its way out, it is asked again."""
        command = SendFaxTo(
            attempt=attempt.attempt, recipient=attempt.recipient, number=attempt.number, file=attempt.file, document="",
            station=attempt.station,
        )  # fmt: skip
        try:
            await self._core.obey(attempt.tenant, attempt.site, command)
        except Refused as error:
            _log.info("a fax is not called yet", attempt=attempt.attempt, reason=error.code)
            return False
        return True


class FaxFiles:
    """Takes the pages away of faxes whose time is over (``days``), of deleted ones after a month, and uploads nobody sent after a week."""

    def __init__(self, database: Database, clock: Clock, folder: FaxesFolder, days: int) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder
        self._days = days

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.once()
            except OUTAGES as error:
                _log.info("fax files wait", error=str(error)[:200])
            await self._clock.sleep(FILES_SECONDS)

    async def once(self) -> int:
        """How many files went."""
        now = self._clock.now()
        oldest = now - self._days * DAY_US if self._days else 0
        async with self._database.transaction() as connection:
            old = await work.old_files(connection, oldest, now - 30 * DAY_US)
            for one in old:
                await work.file_gone(connection, one["tenant"], one["id"], now)
            files = [(one["tenant"], one["file"]) for one in [*old, *await work.drop_uploads(connection, now - 7 * DAY_US)] if one["file"]]
            going = [file for tenant, file in dict.fromkeys(files) if not await work.needed(connection, tenant, file)]
        await asyncio.to_thread(self._unlink, going)
        if going:
            _log.info("fax files taken away", files=len(going))
        return len(going)

    def _unlink(self, files: list[str]) -> None:
        for file in files:
            self._folder.remove(file)

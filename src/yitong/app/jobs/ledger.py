"""The ledger stream into the ledger table, in the order of each site's sequence, then folded into the projections."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.app.jobs.audited import note
from yitong.app.jobs.inbox import Inbox
from yitong.contact import store
from yitong.contact.ledger import Batch, Event
from yitong.domains.reporting.service import Projector
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, REFUSALS, Database
from yitong.kit.ids import Ids
from yitong.kit.nats import Nats, decode
from yitong.kit.stream import Stored

_LOOK_SECONDS = 2.0
"""How often is looked for what others wrote."""
_FOLD_SECONDS = 0.5
"""The least time between two folds: what was written meanwhile is folded together."""
GAP_US = 10 * SECOND
"""How long a missing sequence is waited for before the rest goes on without it, with an alarm."""

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_log = structlog.get_logger("yitong.ledger")

Site = tuple[str, str]


class Unreadable(Exception):
    """A message that is no batch of this site's events."""


def batch_of(message: Stored) -> Batch:
    """The batch in a message of ``ledger.{tenant}.{site}``. Raises Unreadable."""
    try:
        batch: Batch = decode(message.data, Batch)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Unreadable(str(error)) from error
    if message.subject != f"ledger.{batch.tenant}.{batch.site}":
        raise Unreadable("the batch is of another site than its subject")
    ids: set[str] = set()
    for event in batch.events:
        ids.update((event.id, event.tenant, event.site, event.contact or event.id, event.segment or event.id, event.agent or event.id))
        ids.update((event.queue or event.id, event.caused_by or event.id))
        if (event.tenant, event.site) != (batch.tenant, batch.site) or event.sequence < 1 or not 0 < event.occurred_at < 1 << 53:
            raise Unreadable(f"event {event.sequence} has an envelope that cannot be")
    if not all(map(_ID.fullmatch, ids)):
        raise Unreadable("an event names something by what is no id")
    return batch


class Held(msgspec.Struct):
    """What came for a site and is not written: by first sequence, with the number of its message. ``since``: of the first gap."""

    batches: dict[int, tuple[int, Batch]] = {}
    since: int = 0


class LedgerWriter:
    """Takes the messages of the stream in whatever order they come; tells ``written`` after each commit."""

    def __init__(self, database: Database, nats: Nats, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._held: dict[Site, Held] = {}
        self._last = 0
        self.written = asyncio.Event()
        self.fresh: dict[Site, list[Event]] = {}
        """What was written since ``written`` was cleared."""
        self.events = 0
        self.inbox = Inbox(database, nats, clock, stream="LEDGER", subject="ledger.>", write=self.write, begin=self.begin)

    def begin(self) -> None:
        """The stream is read again from what is committed: nothing is held."""
        self._held.clear()
        self._last = 0

    async def write(self, messages: list[Stored]) -> None:
        """One transaction for all of ``messages`` that can be written now; what comes too early is held."""
        if not messages and not self._held:
            return
        try:
            await self._write(messages)
        except OUTAGES:
            raise
        except REFUSALS:
            if len(messages) <= 1:
                await self._refuse(messages)
                return
            _log.exception("messages are written one by one")
            for message in messages:
                await self.write([message])

    async def _write(self, messages: list[Stored]) -> None:
        faults: list[store.Fault] = []
        for message in messages:
            self._take(message, faults)
        written: dict[Site, tuple[Event, ...]] = {}
        async with self._database.transaction() as connection:
            for site in list(self._held):
                written[site] = await self._append(connection, site, faults)
                await note(connection, written[site])
            for fault in faults:
                await store.keep_fault(connection, fault)
            await self.inbox.read_to(connection, self._safe())
        for fault in faults:
            _log.error("ledger fault", code=fault.code, tenant=fault.tenant, site=fault.site, **fault.details)
        for site, events in written.items():
            if events:
                self.events += len(events)
                self.fresh.setdefault(site, []).extend(events)
                self.written.set()

    def _take(self, message: Stored, faults: list[store.Fault]) -> None:
        self._last = max(self._last, message.sequence)
        try:
            batch = batch_of(message)
        except Unreadable as error:
            faults.append(self._fault("unreadable", details={"subject": message.subject, "error": str(error)[:500]}, message=message.data))
            return
        if batch.events:
            held = self._held.setdefault((batch.tenant, batch.site), Held())
            held.batches.setdefault(batch.events[0].sequence, (message.sequence, batch))

    async def _append(self, connection: AsyncConnection, site: Site, faults: list[store.Fault]) -> tuple[Event, ...]:
        """Write what follows; keep holding what does not, unless it has waited too long."""
        held, now = self._held[site], self._clock.now()
        late = bool(held.since) and now - held.since > GAP_US
        events = [event for _, batch in held.batches.values() for event in batch.events]
        done = await store.append(connection, *site, events, over_gaps=late)
        for event in done.taken:
            faults.append(self._fault("sequence_taken", site, {"sequence": event.sequence}, msgspec.msgpack.encode(event)))
        for first, last in done.missing:
            faults.append(self._fault("gap", site, {"from": first, "to": last}))
        held.batches = {first: kept for first, kept in held.batches.items() if kept[1].events[-1].sequence > done.position}
        held.since = (held.since if held.since and not late else now) if held.batches else 0
        if not held.batches:
            del self._held[site]
        return done.written

    def _safe(self) -> int:
        """The number of the last message before the first one that is held."""
        return min((number - 1 for held in self._held.values() for number, _ in held.batches.values()), default=self._last)

    def _fault(self, code: str, site: Site = ("", ""), details: dict[str, Any] | None = None, message: bytes = b"") -> store.Fault:
        now = self._clock.now()
        return store.Fault(
            id=self._ids.new(now), at=now, code=code, tenant=site[0], site=site[1], details=details or {}, message=message
        )  # fmt: skip

    async def _refuse(self, messages: list[Stored]) -> None:
        """A message that PostgreSQL does not take must not stop those behind it: it is kept as it came."""
        _log.exception("message not written")
        self._held.clear()  # what came with it is written when its gap is noticed, or read again
        async with self._database.transaction() as connection:
            for message in messages:
                fault = self._fault("unwritable", details={"subject": message.subject}, message=message.data)
                await store.keep_fault(connection, fault)
                await self.inbox.read_to(connection, message.sequence)


async def project(writer: LedgerWriter, projector: Projector, clock: Clock) -> None:
    """Fold what was written, soon and for ever; what others wrote a little later."""
    looked = -_LOOK_SECONDS
    while True:
        writer.written.clear()
        fresh, writer.fresh = writer.fresh, {}
        for site, events in fresh.items():
            projector.offer(*site, events)
        try:
            await projector.keep_up()
            if clock.monotonic() - looked >= _LOOK_SECONDS:
                await projector.catch_up(but=fresh.keys() | writer.fresh.keys())
                looked = clock.monotonic()
        except OUTAGES:
            await clock.sleep(1.0)
        await clock.sleep(_FOLD_SECONDS)
        with suppress(TimeoutError):
            await asyncio.wait_for(writer.written.wait(), _LOOK_SECONDS)

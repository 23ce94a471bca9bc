"""Keeping the projections up with the ledger: live, in the worker, and from the beginning, by ``yitong ledger rebuild``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable

import structlog

from yitong.contact import store as ledger
from yitong.contact.ledger import Event
from yitong.domains.reporting import store
from yitong.domains.reporting.model import Rows
from yitong.domains.reporting.rules.agents import Zones
from yitong.domains.reporting.rules.fold import fold
from yitong.kit.clock import Clock
from yitong.kit.database import Connection, Database
from yitong.kit.ids import Ids

LIVE_STEP = 2_000
REBUILD_STEP = 10_000
_HELD_CONTACTS = 4_000
_FRESH = 20_000
"""So many events that were just written are kept for the fold; the rest is read."""
_ZONES_SECONDS = 30.0

_log = structlog.get_logger("yitong.reporting")


class Projector:
    """Folds the ledger into the projections, one site after the other, each step one transaction with its position."""

    def __init__(self, database: Database, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._rows = Rows()
        self._at: dict[tuple[str, str], int] = {}
        self._fresh: dict[tuple[str, str], list[Event]] = {}
        self._zones: dict[str, tuple[float, Zones]] = {}

    def offer(self, tenant: str, site: str, events: Iterable[Event]) -> None:
        """``events`` were just written: they need not be read again."""
        held = self._fresh.setdefault((tenant, site), [])
        held.extend(events)
        if len(held) > _FRESH:
            held.clear()

    async def keep_up(self) -> int:
        """Fold what was offered, and what is written below it; returns how many events."""
        return sum([await self._step(tenant, site, LIVE_STEP) for tenant, site in list(self._fresh)])

    async def catch_up(
        self, *, step: int = LIVE_STEP, told: Callable[[int], None] | None = None, but: Collection[tuple[str, str]] = ()
    ) -> int:
        """Fold everything that is written and not folded yet, except the sites of ``but``, whose events are offered just now; returns how
        many events. ``told(n)`` hears of each step.
        """
        count = 0
        while True:
            async with self._database.transaction() as connection:
                sites = [site for site in await store.behind(connection) if site not in but]
            if not sites:
                return count
            for tenant, site in sites:
                while folded := await self._step(tenant, site, step):
                    count += folded
                    if told is not None:
                        told(count)

    async def rebuild(self, told: Callable[[int], None] | None = None) -> int:
        """Drop every projection and make them anew from the ledger; returns how many events were folded."""
        self._rows.forget()
        self._at.clear()
        async with self._database.transaction() as connection:
            await store.drop_all(connection)
        return await self.catch_up(step=REBUILD_STEP, told=told)

    async def _step(self, tenant: str, site: str, step: int) -> int:
        try:
            async with self._database.transaction() as connection:
                position = await store.position(connection, tenant, site)
                if self._at.get((tenant, site)) != position:
                    self._rows.forget()  # somebody else folded meanwhile: what is held may be old
                events = self._following(tenant, site, position, step) or await ledger.after(connection, tenant, site, position, step)
                if not events:
                    return 0
                zones = await self._zones_of(connection, tenant)
                await store.load(connection, self._rows, events)
                for event in events:
                    await self._fold(event, zones, lambda fault: ledger.keep_fault(connection, fault))
                await store.save(connection, self._rows)
                await store.advance(connection, tenant, site, events[-1].sequence)
        except BaseException:
            self._rows.forget()
            self._at.clear()
            self._fresh.clear()
            raise
        self._at[tenant, site] = events[-1].sequence
        self._let_go()
        return len(events)

    def _following(self, tenant: str, site: str, position: int, step: int) -> list[Event]:
        """The offered events that follow ``position``; none when some between are missing."""
        held = [event for event in self._fresh.pop((tenant, site), ()) if event.sequence > position]
        if not held or held[0].sequence != position + 1 or held[-1].sequence != position + len(held):
            return []
        if len(held) > step:
            self._fresh[tenant, site] = held[step:]
        return held[:step]

    async def _zones_of(self, connection: Connection, tenant: str) -> Zones:
        known = self._zones.get(tenant)
        if known is None or self._clock.monotonic() - known[0] > _ZONES_SECONDS:
            known = self._zones[tenant] = (self._clock.monotonic(), await store.zones(connection, tenant))
        return known[1]

    async def _fold(self, event: Event, zones: Zones, keep: Callable[[ledger.Fault], Awaitable[None]]) -> None:
        """One event that cannot be folded must not stop all others: it is kept as a fault, which is an alarm."""
        try:
            fold(event, self._rows, zones)
        except Exception as error:  # noqa: BLE001 - the others go on
            _log.exception("event not folded", id=event.id, type=event.type)
            details = {"event": event.id, "type": event.type, "sequence": event.sequence, "error": repr(error)[:500]}
            now = self._clock.now()
            await keep(ledger.Fault(id=event.id, at=now, code="not_folded", tenant=event.tenant, site=event.site, details=details))

    def _let_go(self) -> None:
        """Hold no more than a bounded number of contacts; those that are over go first."""
        held = list(self._rows.contacts())
        if len(held) > _HELD_CONTACTS:
            for contact in held[: len(held) - _HELD_CONTACTS // 2]:
                self._rows.forget_contact(contact)

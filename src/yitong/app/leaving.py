"""How the decisions of one partition leave core: personal values, then facts, and only when both are acknowledged what they ask and answer.

Decisions made while earlier facts are on their way to the disk of the stream wait for that and leave together, as one message (group
commit): a quiet core waits for nothing, a busy one pays for one acknowledgement where it would have paid for many. Nothing waits longer
than ``GATHER_SECONDS``, and nothing at all while the stream is away, when the publisher writes to its own disk. A decision that asks and
answers nothing keeps nobody waiting: it leaves with the next one that does, or after ``QUIET_SECONDS``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from yitong.contact.engine import Outcome
from yitong.contact.ledger import Batch
from yitong.ct.services import AnyService
from yitong.kit import logs
from yitong.kit.gather import Gathering
from yitong.kit.nats import OUTAGES, encode
from yitong.kit.publisher import Acknowledged, Publisher

GATHER_SECONDS = 0.02
RATE, BURST = 80.0, 4
"""Departures a second in the long run, and so many in a row: each costs the stream a write to its disk."""
QUIET_SECONDS = 0.05
"""How long facts alone may wait for company."""
LARGEST = 1_000
"""Facts in one message: some 400 kB of the stream's 8 MB."""
_log = logs.get("yitong.core")

Acks = asyncio.Future[Acknowledged]


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, and what answers the command that it is about."""

    outcome: Outcome
    answer: Callable[[], Awaitable[None]] | None = None

    @property
    def urgent(self) -> bool:
        """Somebody waits for it."""
        return self.answer is not None or bool(self.outcome.services) or bool(self.outcome.questions)


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves together: the acknowledgements that it waits for, and what happens then."""

    then: Callable[[], Awaitable[None]]
    ledger: Acks | None = None
    personal: Acks | None = None

    @property
    def waits(self) -> bool:
        """It carries something that must be acknowledged."""
        return self.ledger is not None or self.personal is not None


class Leaving:
    """``take`` decisions in order; ``await run()`` lets them go. ``release(decided)`` is called with those whose facts are true."""

    def __init__(
        self, tenant: str, site: str, *, ledger: Publisher, personal: Publisher, release: Callable[[list[Decided]], Awaitable[None]]
    ) -> None:
        self.ledger_at = self.personal_at = 0
        """How far the streams are when everything that left is true."""
        self._place, self._tenant, self._site = f"{tenant}.{site}", tenant, site
        self._ledger, self._personal = ledger, personal
        self._release = release
        self._departing: asyncio.Queue[Departure] = asyncio.Queue()
        self._gathered: list[Decided] = []
        self._urgent = False
        self._flying = 0
        self._gathering = Gathering(self._depart, rate=RATE, burst=BURST)

    def take(self, decided: Decided) -> None:
        """Let a decision leave: with the next turn of the loop, or with the others when the last ones are acknowledged."""
        self._gathered.append(decided)
        self._urgent = self._urgent or decided.urgent
        if self._ledger.disturbed:
            self._gathering.within(0.0)
        elif not decided.urgent:
            self._gathering.within(QUIET_SECONDS)
        else:
            self._gathering.within(GATHER_SECONDS if self._flying else 0.0)

    def afterwards(self, then: Callable[[], Awaitable[None]]) -> None:
        """Do ``then`` when everything that was decided so far is true."""
        self._gathering.now()
        self._departing.put_nowait(Departure(then=then))

    def hurry(self) -> None:
        """Nothing waits for company any more."""
        self._gathering.now()

    @property
    def empty(self) -> bool:
        """Nothing waits to leave."""
        return not self._gathered and self._departing.empty()

    async def run(self) -> None:
        """For ever. A conflict in the ledger (somebody else owns it) is raised."""
        while True:
            one = await self._departing.get()
            if one.personal is not None:
                self.personal_at = max(self.personal_at, (await one.personal).sequence)
            if one.ledger is not None:
                self.ledger_at = max(self.ledger_at, (await one.ledger).sequence)
            if one.waits:
                self._flying -= 1
                if self._urgent and not self._flying:
                    self._gathering.now()
            try:
                await one.then()
            except OUTAGES as error:
                _log.warning("nats away, what was asked is healed later", error=repr(error))

    def _depart(self) -> None:
        gathered, self._gathered, self._urgent = self._gathered, [], False
        while gathered:
            count = facts = 0
            while count < len(gathered) and (not count or facts < LARGEST):
                batch = gathered[count].outcome.batch
                facts += len(batch.events) if batch is not None else 0
                count += 1
            self._publish(gathered[:count])
            gathered = gathered[count:]

    def _publish(self, together: list[Decided]) -> None:
        """One message of personal values and one of facts."""
        personals = [record for one in together for record in one.outcome.personals]
        batches = [one.outcome.batch for one in together if one.outcome.batch is not None]
        personal = ledger = None
        if personals:
            subject = f"personal.{self._tenant}"
            personal = self._personal.publish(subject, encode(personals), f"{self._tenant}.{personals[0].id}")
        if batches:
            events = batches[0].events if len(batches) == 1 else tuple(event for batch in batches for event in batch.events)
            data = encode(Batch(tenant=self._tenant, site=self._site, events=events))
            ledger = self._ledger.publish(f"ledger.{self._place}", data, f"{self._place}.{events[0].sequence}")
        departure = Departure(then=lambda: self._release(together), ledger=ledger, personal=personal)
        self._flying += departure.waits
        self._departing.put_nowait(departure)


def asked(decided: list[Decided]) -> list[AnyService]:
    """What decisions ask of the switch, in order."""
    return [service for one in decided for service in one.outcome.services]

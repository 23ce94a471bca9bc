"""Decides for one partition (tenant and site): values and the moment in, an ``Outcome`` and the next deadline out. Sans-IO.

What an outcome carries leaves the process in this order: personals, then the batch, and only when the ledger has acknowledged it the
services, questions and the reply. A process that dies in between has decided nothing, or decided it for good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.journey import Journey
from yitong.contact.ledger import Batch, Personal
from yitong.contact.messages import Card, Command, Question
from yitong.contact.registry import Registry, RegistryState
from yitong.ct.events import (
    AnyEvent,
    ConnectionCleared,
    CtEvent,
    Failed,
    FaxEnded,
    MessageRecorded,
    QualityReported,
    RecordingEnded,
    Snapshot,
)
from yitong.ct.services import AnyService
from yitong.kit.ids import Ids

LATE_RESULTS = (RecordingEnded, QualityReported, FaxEnded, MessageRecorded)
"""What the switch told while nobody listened and what no snapshot shows."""


class Part(Protocol):
    """A part of the partition's state, with its own deadlines."""

    name: str

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Published configuration came, changed or went (None)."""
        ...

    def next_deadline(self) -> int | None: ...

    def timer(self, unit: Unit) -> None:
        """Do everything that is due at ``unit.now``."""
        ...

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """Heal the difference to the switch's picture; what was begun less than ``fresh_us`` ago may still be on its way."""
        ...

    def dump(self) -> bytes: ...

    def load(self, data: bytes, now: int) -> None: ...


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one decision brought. ``refused`` is a command's refusal; ``fault`` a programming error that ended the decision early."""

    batch: Batch | None = None
    personals: tuple[Personal, ...] = ()
    services: tuple[AnyService, ...] = ()
    questions: tuple[Question, ...] = ()
    reply: Any = None
    refused: Refused | None = None
    corrections: int = 0
    fault: Exception | None = None


class Seen(msgspec.Struct, kw_only=True):
    """How far the switch's events were heard."""

    switch: str = ""
    epoch: int = 0
    sequence: int = 0


class EngineState(msgspec.Struct, kw_only=True):
    """A snapshot of the partition as of ledger sequence ``sequence``."""

    sequence: int
    seen: Seen
    registry: RegistryState
    parts: dict[str, bytes]
    latest: int = 0


NOTHING = Outcome()


class Engine:
    """One partition. ``epoch`` is its owner's lease; every service carries it, and the switch refuses older ones."""

    def __init__(
        self, bus: Bus, registry: Registry, journey: Journey, parts: Sequence[Part], ids: Ids, *, tenant: str, site: str, producer: str
    ) -> None:
        self.bus = bus
        self.registry = registry
        self.journey = journey
        self.parts = parts
        self.tenant = tenant
        self.site = site
        self.epoch = 0
        self.sequence = 0
        self.seen = Seen()
        self.behind = True
        self.alive_at = 0
        """The last moment at which the switch's life in ``seen`` was known to go on, or our own former life (UTC microseconds)."""
        self._latest = 0
        self._ids = ids
        self._producer = producer

    # --- inputs --------------------------------------------------------------------------------------------------------------------

    def hear(self, event: AnyEvent, now: int) -> Outcome:
        """What the switch tells. A doubled event is left; after a gap nothing is heard until the missing ones or a Snapshot came."""
        if not self._in_order(event):
            return NOTHING
        self.alive_at = now
        return self._decide(now, lambda unit: self.bus.hear(event, unit))

    def obey(self, command: Command, now: int) -> Outcome:
        """A command of a desk or of another process."""
        return self._decide(now, lambda unit: self.bus.obey(command, unit))

    def know(self, contact: str, card: Card | None, now: int) -> Outcome:
        """The answer to ``WhoIs``."""
        return self._decide(now, lambda unit: self.journey.know(contact, card, unit))

    def answered(self, question: Question, answer: Any, now: int) -> Outcome:
        """The answer to any other question."""
        return self._decide(now, lambda unit: self.bus.answered(question, answer, unit))

    def timer(self, now: int) -> Outcome:
        """Something is due (see ``next_deadline``)."""

        def due(unit: Unit) -> None:
            for part in self.parts:
                part.timer(unit)

        return self._decide(now, due)

    def lapse(self, snapshot: Snapshot, now: int, *, missed: Sequence[AnyEvent] = ()) -> list[Outcome]:
        """End what ended while nobody listened, each at the moment when it did and not when we see it; comes before ``reconcile``.

        That moment is told in ``missed``, what the switch told meanwhile; where that life of the switch ended too, it is ``alive_at``,
        the last moment that is known (case K10).
        """
        outcomes = []
        for event in self.journey.lapsed(snapshot, missed, epoch=self.seen.epoch, alive_at=self.alive_at):
            at = min(max(event.at, self._latest), now)
            outcomes.append(self._decide(at, lambda unit, event=event: self.bus.hear(event, unit), settle=False))  # type: ignore[misc]
        return outcomes

    def reconcile(self, snapshot: Snapshot, now: int, *, fresh_us: int = 0, missed: Sequence[AnyEvent] = ()) -> Outcome:
        """Compare with the switch's picture and heal the difference by events. ``missed``: what it told since we last listened.

        How a connection ended is taken from there, where it is known: a page that was lost did not hang up.
        """
        corrections = 0
        ends = {event.connection: event for event in missed if isinstance(event, ConnectionCleared | Failed)}

        def heal(unit: Unit) -> int:
            nonlocal corrections
            for event in missed:
                if isinstance(event, LATE_RESULTS):
                    self.bus.hear(event, unit)
            for part in self.parts:
                corrections += part.reconcile(snapshot, unit, lambda event: self.bus.hear(_truly(event, ends), unit), fresh_us)
            return corrections

        self.seen = Seen(switch=snapshot.switch, epoch=snapshot.epoch, sequence=snapshot.sequence)
        self.behind = False
        self.alive_at = now
        outcome = self._decide(now, heal)
        return msgspec.structs.replace(outcome, corrections=corrections)

    def comparable(self, snapshot: Snapshot) -> bool:
        """The snapshot shows the very moment up to which we have heard; only then is a difference a mistake."""
        return not self.behind and (snapshot.epoch, snapshot.sequence) == (self.seen.epoch, self.seen.sequence)

    def next_deadline(self) -> int | None:
        """When ``timer`` wants to be called (UTC microseconds)."""
        return min([at for part in self.parts if (at := part.next_deadline()) is not None], default=None)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Published configuration; causes nothing by itself, the next decision sees it."""
        for part in self.parts:
            part.configure(kind, key, value)

    # --- life after death ----------------------------------------------------------------------------------------------------------

    def state(self) -> bytes:
        """Everything that a restart needs, as of ``self.sequence``."""
        return msgspec.msgpack.encode(EngineState(
            sequence=self.sequence, seen=self.seen, registry=self.registry.state(), parts={part.name: part.dump() for part in self.parts},
            latest=self._latest,
        ))  # fmt: skip

    def restore(self, data: bytes, now: int) -> None:
        """Take up a snapshot. Raises msgspec.ValidationError for one of another release."""
        state = msgspec.msgpack.decode(data, type=EngineState)
        self.sequence, self.seen, self.behind = state.sequence, state.seen, True
        self._latest = state.latest
        self.registry.restore(state.registry)
        for part in self.parts:
            if part.name in state.parts:
                part.load(state.parts[part.name], now)

    def replay(self, batch: Batch) -> None:
        """Facts that became true after the snapshot; those it has already are left."""
        for event in batch.events:
            if event.sequence > self.sequence:
                self.bus.replay(event)
                self.sequence = event.sequence
                self._latest = max(self._latest, event.occurred_at)

    def replay_personals(self, records: Sequence[Personal]) -> None:
        """Personal values told after the snapshot: give all of them before the facts, then ``replayed``."""
        for record in records:
            self.bus.kept(record)

    def replayed(self) -> None:
        """Everything was replayed."""
        self.registry.drop_early()

    # --- deciding ------------------------------------------------------------------------------------------------------------------

    def _decide(self, now: int, decision: Callable[[Unit], Any], *, settle: bool = True) -> Outcome:
        unit = Unit(self.bus, now, self._ids)
        reply, refused, fault = None, None, None
        try:
            reply = decision(unit)
            if settle:
                self.bus.settle(unit)
        except Refused as error:
            refused = error
        except Exception as error:  # noqa: BLE001 - what was told is true already; the host logs the fault, the reconciler heals
            fault = error
        self.registry.drop_early()
        if not unit.facts and not unit.services and not unit.questions and reply is None and refused is None and fault is None:
            return NOTHING
        return self._outcome(unit, reply, refused, fault)

    def _outcome(self, unit: Unit, reply: Any, refused: Refused | None, fault: Exception | None) -> Outcome:
        batch = None
        if unit.facts:
            batch = unit.batch(tenant=self.tenant, site=self.site, producer=self._producer, epoch=self.epoch, after=self.sequence)
            self.sequence += len(batch.events)
            self._latest = max(self._latest, unit.now)
        services = tuple(msgspec.structs.replace(service, epoch=self.epoch) for service in unit.services)
        return Outcome(
            batch=batch, personals=tuple(unit.personals), services=services, questions=tuple(unit.questions), reply=reply,
            refused=refused, fault=fault,
        )  # fmt: skip

    def _in_order(self, event: CtEvent) -> bool:
        """Events without a sequence (tests) are always taken."""
        if not event.sequence:
            return True
        if event.epoch == self.seen.epoch and event.sequence <= self.seen.sequence:
            return False
        if self.behind or event.epoch != self.seen.epoch or event.sequence != self.seen.sequence + 1:
            self.behind = True
            return False
        self.seen.sequence = event.sequence
        return True


def _truly(event: AnyEvent, ends: Mapping[str, ConnectionCleared | Failed]) -> AnyEvent:
    """The end of a connection as the switch told it in place of one that is only guessed."""
    return ends.get(event.connection, event) if isinstance(event, ConnectionCleared | Failed) else event

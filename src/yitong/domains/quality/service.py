"""Records every talk with an agent, from the answer to the release, and keeps what became of the file and how well it was heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from yitong.contact.bus import Bus, Unit
from yitong.contact.deadlines import Deadlines
from yitong.contact.registry import Registry
from yitong.ct import events as ct
from yitong.ct.events import QualityReported, ServiceFailed, Snapshot
from yitong.ct.services import StartRecording, StopRecording
from yitong.domains.acd.messages import AssignmentEnded, AssignmentInterrupted, AssignmentResumed, ContactTaken, DialAnswered, OfferAnswered
from yitong.domains.quality.messages import RecordingAsked, RecordingEnded, RecordingLost, SpeechMeasured

CLOSE_LEASE_US = 60_000_000
KEEP_US = 120_000_000


class Running(msgspec.Struct, kw_only=True):
    """A recording whose end was not told yet; ``stopped_at`` 0 while the talk goes on."""

    recording: str
    file: str
    contact: str
    segment: str
    agent: str
    queue: str
    left: str
    right: str
    started_at: int
    service: str = ""
    stopped_at: int = 0


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a connection's speech quality belongs to, for a while after its end."""

    contact: str
    segment: str
    agent: str
    queue: str
    side: str
    at: int


class QualityState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps."""

    running: dict[str, Running] = {}
    owners: dict[str, Owner] = {}


class Recordings:
    """The part of a partition that records."""

    name = "quality"

    def __init__(self, bus: Bus, registry: Registry, *, tenant: str) -> None:
        self._registry = registry
        self._tenant = tenant
        self._running: dict[str, Running] = {}
        self._owners: dict[str, Owner] = {}
        self._deadlines = Deadlines()
        bus.reacts(OfferAnswered, self._begin)
        bus.reacts(AssignmentResumed, self._begin)
        bus.reacts(ContactTaken, self._begin)
        bus.reacts(DialAnswered, self._begin)
        bus.reacts(AssignmentEnded, self._stop)
        bus.reacts(AssignmentInterrupted, self._stop)
        bus.applies(RecordingAsked, self._asked)
        bus.applies(RecordingEnded, self._over)
        bus.applies(RecordingLost, self._over)
        bus.applies(SpeechMeasured, self._measured)
        bus.hears(ct.RecordingEnded, self._ended)
        bus.hears(ServiceFailed, self._failed)
        bus.hears(QualityReported, self._quality)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Everything is recorded; nothing to configure yet."""

    def recorded(self, segment: str) -> bool:
        """A recording of that segment runs."""
        return any(one.segment == segment and not one.stopped_at for one in self._running.values())

    # --- deciding ------------------------------------------------------------------------------------------------------------------

    def _begin(self, fact: OfferAnswered | AssignmentResumed | ContactTaken | DialAnswered, unit: Unit) -> None:
        contact = self._registry.get(fact.contact)
        if contact is None:
            return
        recording = unit.new_id()
        day = datetime.fromtimestamp(unit.now // 1_000_000, UTC)
        file = f"{self._tenant}/{day:%Y/%m/%d}/{recording}.wav"
        unit.tell(RecordingAsked(
            contact=fact.contact, segment=fact.segment, connection=fact.connection, agent=fact.agent, queue=fact.queue,
            recording=recording, file=file, left=contact.connection, right=fact.connection,
        ))  # fmt: skip
        service = StartRecording(
            id=unit.new_id(), tenant=self._tenant, recording=recording, call=contact.call, left=contact.connection,
            right=fact.connection, file=file,
        )  # fmt: skip
        self._running[recording].service = service.id
        unit.ask(service)

    def _stop(self, fact: AssignmentEnded | AssignmentInterrupted, unit: Unit) -> None:
        """The switch closes a recording by itself when a side leaves; asking too does no harm, and silence has an end."""
        for one in self._running.values():
            if one.segment == fact.segment and not one.stopped_at:
                one.stopped_at = unit.now
                self._deadlines.set(one.recording, unit.now + CLOSE_LEASE_US)
                unit.ask(StopRecording(id=unit.new_id(), tenant=self._tenant, recording=one.recording))

    def _ended(self, event: ct.RecordingEnded, unit: Unit) -> None:
        one = self._running.get(event.recording)
        if one is not None:
            unit.tell(RecordingEnded(
                contact=one.contact, segment=one.segment, agent=one.agent, queue=one.queue, connection=one.left,
                recording=one.recording, file=event.file, milliseconds=event.milliseconds, bytes=event.bytes, sha256=event.sha256,
                holds=event.holds, complete=event.complete,
            ))  # fmt: skip

    def _failed(self, event: ServiceFailed, unit: Unit) -> None:
        if event.kind != "StartRecording":
            return
        for one in [one for one in self._running.values() if one.service == event.service]:
            self._lose(one, event.reason, unit)

    def _lose(self, one: Running, cause: str, unit: Unit) -> None:
        unit.tell(RecordingLost(
            contact=one.contact, segment=one.segment, agent=one.agent, queue=one.queue, cause=cause, recording=one.recording, file=one.file
        ))  # fmt: skip

    def _quality(self, event: QualityReported, unit: Unit) -> None:
        owner = self._owners.get(event.connection)
        contact = self._registry.of_customer(event.connection)
        if owner is None and contact is not None:
            owner = Owner(contact=contact.id, segment=contact.segment, agent="", queue="", side="customer", at=unit.now)
        if owner is not None:
            unit.tell(SpeechMeasured(
                contact=owner.contact, segment=owner.segment, agent=owner.agent, queue=owner.queue, connection=event.connection,
                side=owner.side, packets=event.packets, lost=event.lost, late=event.late, jitter_ms=event.jitter_ms, mos=event.mos,
            ))  # fmt: skip

    # --- facts ---------------------------------------------------------------------------------------------------------------------

    def _asked(self, fact: RecordingAsked, at: int) -> None:
        self._running[fact.recording] = Running(
            recording=fact.recording, file=fact.file, contact=fact.contact, segment=fact.segment, agent=fact.agent, queue=fact.queue,
            left=fact.left, right=fact.right, started_at=at,
        )  # fmt: skip
        for side, connection in (("customer", fact.left), ("agent", fact.right)):
            self._owners[connection] = Owner(
                contact=fact.contact, segment=fact.segment, agent=fact.agent, queue=fact.queue, side=side, at=at
            )
        self._deadlines.set(f"owner:{fact.right}", 0)

    def _over(self, fact: RecordingEnded | RecordingLost, at: int) -> None:
        one = self._running.pop(fact.recording, None)
        self._deadlines.drop(fact.recording)
        if one is not None:
            for connection in (one.left, one.right):
                self._deadlines.set(f"owner:{connection}", at + KEEP_US)

    def _measured(self, fact: SpeechMeasured, at: int) -> None:
        self._owners.pop(fact.connection, None)
        self._deadlines.drop(f"owner:{fact.connection}")

    # --- time and healing ----------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        return self._deadlines.next()

    def timer(self, unit: Unit) -> None:
        for key in self._deadlines.due(unit.now):
            kind, _, connection = key.partition(":")
            if kind == "owner":
                self._owners.pop(connection, None)
            elif key in self._running:
                self._lose(self._running[key], "silent", unit)

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """A recording that nobody makes any more gets its lease, whatever ended it."""
        made = {connection.recording for connection in snapshot.connections if connection.recording}
        corrections = 0
        for one in self._running.values():
            if one.recording not in made and not one.stopped_at and one.started_at + fresh_us <= unit.now:
                one.stopped_at = unit.now
                self._deadlines.set(one.recording, unit.now + CLOSE_LEASE_US)
                corrections += 1
        return corrections

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(QualityState(running=self._running, owners=self._owners))

    def load(self, data: bytes, now: int) -> None:
        state = msgspec.msgpack.decode(data, type=QualityState)
        self._running, self._owners = state.running, state.owners
        for one in self._running.values():
            if one.stopped_at:
                self._deadlines.set(one.recording, one.stopped_at + CLOSE_LEASE_US)
        live = {connection for one in self._running.values() for connection in (one.left, one.right)}
        for connection in self._owners.keys() - live:
            self._deadlines.set(f"owner:{connection}", now + KEEP_US)

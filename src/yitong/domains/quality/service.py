"""Has talks recorded that are to be, and keeps what became of the files; and how well each side was heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.deadlines import Deadlines
from yitong.contact.registry import Registry
from yitong.ct import events as ct
from yitong.ct.events import QualityReported, ServiceFailed, Snapshot
from yitong.ct.model import ConnectionState
from yitong.ct.services import StartRecording, StopRecording
from yitong.domains.acd.messages import AssignmentEnded, AssignmentResumed, ContactTaken, DialAnswered, OfferAnswered
from yitong.domains.quality.messages import RecordingAsked, RecordingEnded, RecordingLost, SpeechMeasured, StartTake, StopTake

CLOSE_LEASE_US = 60_000_000
KEEP_US = 120_000_000
HEARD = (ConnectionState.CONNECTED, ConnectionState.HOLD)


class Running(msgspec.Struct, kw_only=True):
    """A recording whose end was not told yet; ``stopped_at`` 0 while it is to go on, ``again``: it was asked for twice."""

    recording: str
    file: str
    contact: str
    segment: str
    agent: str
    queue: str
    left: str
    right: str
    started_at: int
    stopped_at: int = 0
    again: bool = False


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
        bus.obeys(StartTake, self.start)
        bus.obeys(StopTake, self.stop)
        for talks in (OfferAnswered, AssignmentResumed, ContactTaken, DialAnswered):
            bus.applies(talks, self._talks)
        bus.applies(AssignmentEnded, self._talked)
        bus.applies(RecordingAsked, self._asked)
        bus.applies(RecordingEnded, self._over)
        bus.applies(RecordingLost, self._over)
        bus.applies(SpeechMeasured, self._measured)
        bus.hears(ct.RecordingEnded, self._ended)
        bus.hears(ServiceFailed, self._failed)
        bus.hears(QualityReported, self._quality)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """What is recorded is decided elsewhere."""

    def recorded(self, segment: str) -> bool:
        """A recording of that segment runs."""
        return any(one.segment == segment and not one.stopped_at for one in self._running.values())

    # --- deciding ------------------------------------------------------------------------------------------------------------------

    def start(self, command: StartTake, unit: Unit) -> str:
        """The service is named like the recording, so that it can be asked for again and is done once. Raises Refused: not_found."""
        if self._registry.get(command.contact) is None:
            raise Refused("not_found")
        recording = unit.new_id()
        day = datetime.fromtimestamp(unit.now // 1_000_000, UTC)
        unit.tell(RecordingAsked(
            contact=command.contact, segment=command.segment, connection=command.right, agent=command.agent, queue=command.queue,
            recording=recording, file=f"{self._tenant}/{day:%Y/%m/%d}/{recording}.wav", left=command.left, right=command.right,
            demand=command.demand,
        ))  # fmt: skip
        self._ask(self._running[recording], unit)
        return recording

    def _ask(self, one: Running, unit: Unit) -> None:
        contact = self._registry.get(one.contact)
        unit.ask(StartRecording(
            id=one.recording, tenant=self._tenant, recording=one.recording, call=contact.call if contact is not None else "",
            left=one.left, right=one.right, file=one.file,
        ))  # fmt: skip

    def stop(self, command: StopTake, unit: Unit) -> None:
        """The switch closes a recording by itself when its sides leave; asking too does no harm, and silence has an end."""
        one = self._running.get(command.recording)
        if one is not None and not one.stopped_at:
            one.stopped_at = unit.now
            self._deadlines.set(one.recording, unit.now + CLOSE_LEASE_US)
            unit.ask(StopRecording(id=unit.new_id(), tenant=self._tenant, recording=one.recording))

    def _ended(self, event: ct.RecordingEnded, unit: Unit) -> None:
        one = self._running.get(event.recording)
        if one is not None:
            unit.tell(RecordingEnded(
                contact=one.contact, segment=one.segment, agent=one.agent, queue=one.queue, connection=one.left,
                recording=one.recording, file=event.file, milliseconds=event.milliseconds, bytes=event.bytes, sha256=event.sha256,
                holds=event.holds, complete=event.complete, pauses=event.pauses,
            ))  # fmt: skip

    def _failed(self, event: ServiceFailed, unit: Unit) -> None:
        if event.kind != "StartRecording":
            return
        one = self._running.get(event.service)
        if one is not None and event.reason != "recording_exists":
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

    def _talks(self, fact: OfferAnswered | AssignmentResumed | ContactTaken | DialAnswered, at: int) -> None:
        """Whose speech is measured, recorded or not."""
        contact = self._registry.get(fact.contact)
        if not fact.connection:
            return
        for side, connection in (("customer", contact.connection if contact is not None else ""), ("agent", fact.connection)):
            self._owners[connection] = Owner(
                contact=fact.contact, segment=fact.segment, agent=fact.agent, queue=fact.queue, side=side, at=at
            )
            self._deadlines.drop(f"owner:{connection}")

    def _talked(self, fact: AssignmentEnded, at: int) -> None:
        for connection, owner in self._owners.items():
            if owner.segment == fact.segment:
                self._deadlines.set(f"owner:{connection}", at + KEEP_US)

    def _over(self, fact: RecordingEnded | RecordingLost, at: int) -> None:
        self._running.pop(fact.recording, None)
        self._deadlines.drop(fact.recording)

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
        """A recording that the switch never began (we died just before) is asked for once more, one that it still makes and should
        not is ended again; one that nobody makes any more gets its lease, whatever ended it."""
        made = {one.recording for one in snapshot.recordings}
        heard = {one.connection for one in snapshot.connections if one.state in HEARD}
        corrections = 0
        for one in [one for one in self._running.values() if (one.stopped_at or one.started_at) + max(1, fresh_us) <= unit.now]:
            if one.stopped_at:
                if one.recording in made:
                    unit.ask(StopRecording(id=unit.new_id(), tenant=self._tenant, recording=one.recording))
                continue
            if one.recording in made:
                continue
            corrections += 1
            if not one.again and {one.left, one.right} <= heard:
                one.again, one.started_at = True, unit.now
                self._ask(one, unit)
                continue
            one.stopped_at = unit.now
            self._deadlines.set(one.recording, unit.now + CLOSE_LEASE_US)
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
        talks = {contact.segment for contact in self._registry}
        for connection in [connection for connection, owner in self._owners.items() if owner.segment not in talks]:
            self._deadlines.set(f"owner:{connection}", now + KEEP_US)

"""The part of a partition that confers: hears calls and keys, obeys desks and flows, heals after a restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Bus, Unit
from yitong.contact.messages import ContactEnded
from yitong.contact.registry import Registry
from yitong.ct import events as ct
from yitong.ct.events import ConnectionCleared, Established, Failed, ServiceFailed, Snapshot
from yitong.ct.model import Cause, Connection, ConnectionState
from yitong.ct.services import LeaveHall
from yitong.domains.conference import messages as m
from yitong.domains.conference.model import Conference, ConferenceState, Member, Model
from yitong.domains.conference.service.acts import Acts
from yitong.domains.conference.service.calling import Calling
from yitong.domains.conference.service.entering import Doors
from yitong.domains.conference.service.hosting import Hosting
from yitong.domains.conference.service.live import ConferencesLive
from yitong.domains.quality.messages import RecordingLost
from yitong.flow.prompts import Library


class Conferences:
    """The part of a partition that confers. ``resume(contact, outcome, unit)`` gives a contact back to its flow."""

    name = "conference"

    def __init__(
        self, bus: Bus, registry: Registry, library: Library, resume: Callable[[str, str, Unit], None], *, tenant: str, site: str
    ) -> None:
        self.model = Model(bus, registry, site)
        self.acts = Acts(self.model, library, resume, tenant)
        self.doors = Doors(bus, self.acts)
        self.hosting = Hosting(bus, self.acts)
        self.calling = Calling(bus, self.acts, self.doors)
        self.live = ConferencesLive(self.model, bus)
        self._tenant = tenant
        bus.hears(ConnectionCleared, self._cleared)
        bus.hears(Failed, self._cleared)
        bus.hears(ct.RecordingEnded, self._recorded)
        bus.hears(ServiceFailed, self._failed)
        bus.reacts(ContactEnded, self._contact_ended)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        self.model.configure(kind, key, value)

    # --- what the switch tells -------------------------------------------------------------------------------------------------------

    def _cleared(self, event: ConnectionCleared | Failed, unit: Unit) -> None:
        found = self.model.of_connection(event.connection)
        if found is not None:
            self.calling.left(*found, event.cause, unit)

    def _contact_ended(self, fact: ContactEnded, unit: Unit) -> None:
        """However the contact ended, nothing of it stays here."""
        if fact.contact in self.model.entering:
            unit.tell(m.EntryEnded(contact=fact.contact, connection=fact.connection, cause="left"))
        found = self.model.of_connection(fact.connection)
        if found is not None:
            self.acts.gone(*found, "left", unit)

    def _recorded(self, event: ct.RecordingEnded, unit: Unit) -> None:
        one = next((one for one in self.model.conferences.values() if one.recording == event.recording), None)
        if one is not None:
            unit.tell(m.RecordingOver(conference=one.id, recording=one.recording))

    def _failed(self, event: ServiceFailed, unit: Unit) -> None:
        """A recording that cannot be; somebody who cannot be let in because he is not there any more."""
        if event.kind != "RecordHall":
            return
        one = next((one for one in self.model.conferences.values() if one.recording == event.service), None)
        if one is not None:
            unit.tell(RecordingLost(recording=one.recording, file="", cause=event.reason))
            unit.tell(m.RecordingOver(conference=one.id, recording=one.recording, cause=event.reason))

    # --- time ------------------------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        return self.model.deadlines.next()

    def timer(self, unit: Unit) -> None:
        """Conferences that lasted too long, members to be sent out, ringing that nobody told the end of."""
        for key in self.model.deadlines.due(unit.now):
            kind, _, rest = key.partition(":")
            if kind == "limit" and (one := self.model.conferences.get(rest)) is not None:
                self.acts.end(one, "limit", unit)
            elif kind == "out":
                self.acts.drain(rest, unit)
            elif kind == "ring":
                conference, _, member = rest.partition(":")
                self.calling.overdue(conference, member, unit)

    # --- healing ---------------------------------------------------------------------------------------------------------------------

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """Compare every member with the switch's picture and make it what was decided; returns the number of corrections."""
        there = {connection.connection: connection for connection in snapshot.connections}
        self.live.see(snapshot)
        corrections = 0
        for one, member in self.model.members():
            if member.since + fresh_us <= unit.now:
                corrections += self._compare(one, member, there.get(member.connection), unit, hear)
        for entering in list(self.model.entering.values()):
            real = there.get(entering.connection)
            silent = real is not None and not real.playing and not real.collecting
            if silent and entering.since + fresh_us <= unit.now:
                self.doors.ask_again(entering, unit)
        for one in list(self.model.conferences.values()):
            corrections += self._compare_recording(one, snapshot, unit, fresh_us)
        return corrections + self._strangers(snapshot, unit)

    def _compare(self, one: Conference, member: Member, real: Connection | None, unit: Unit, hear: Callable[[Any], None]) -> int:
        if real is None:
            if member.contact:
                return 0  # the journey tells its end
            hear(ConnectionCleared(call="", connection=member.connection, device="", cause=Cause.NORMAL, by_device=True))
            return 1
        if member.state == "ringing" and real.state is ConnectionState.CONNECTED:
            hear(Established(call=real.call, connection=member.connection, device=real.device))
            return 1
        if member.state == "confirming" and not real.collecting:
            self.doors.confirm(member, unit)
        elif member.state == "greeting" and not real.playing:
            self.acts.join(one, member, unit)
        elif member.state == "waiting" and not real.playing:
            self.acts.wait(one, member, unit)
        elif member.state == "in" and (real.hall != one.id or real.participation is not self.acts.participation(one, member)):
            self.acts.hear(one, member, unit)
            return 1
        return 0

    def _compare_recording(self, one: Conference, snapshot: Snapshot, unit: Unit, fresh_us: int) -> int:
        if not one.recording or one.recording_at + fresh_us > unit.now:
            return 0
        if any(real.hall == one.id and real.recording == one.recording for real in snapshot.connections):
            return 0
        unit.tell(m.RecordingOver(conference=one.id, recording=one.recording, cause="silent"))
        return 1

    def _strangers(self, snapshot: Snapshot, unit: Unit) -> int:
        """Whoever is in a hall and should not be."""
        corrections = 0
        for real in snapshot.connections:
            found = self.model.of_connection(real.connection) if real.hall else None
            if real.hall and (found is None or found[1].state != "in"):
                unit.ask(LeaveHall(id=unit.new_id(), tenant=self._tenant, connection=real.connection))
                corrections += 1
        return corrections

    # --- snapshots -------------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self.model.state())

    def load(self, data: bytes, now: int) -> None:
        self.model.restore(msgspec.msgpack.decode(data, type=ConferenceState))

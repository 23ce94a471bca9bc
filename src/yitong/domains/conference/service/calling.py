"""Members who are called into a conference: an outside number by the classes that the asking agent may call, or an agent's telephone."""

from __future__ import annotations

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.messages import ContactArrived
from yitong.ct import services as ct
from yitong.ct.events import Established, Transferred
from yitong.ct.model import Cause
from yitong.ct.numbering import can_be_dialled, plain
from yitong.ct.results import result_of
from yitong.domains.conference import messages as m
from yitong.domains.conference.model import Conference, Member, Room
from yitong.domains.conference.rules import MOST_SPEAKERS, speakers
from yitong.domains.conference.service.acts import Acts
from yitong.domains.conference.service.entering import Doors
from yitong.kit.clock import SECOND

RING_SECONDS = 45.0
LEASE_SECONDS = 10.0
FAILURES = {Cause.BUSY: "refused", Cause.REFUSED: "refused", Cause.NO_ANSWER: "no_answer", Cause.CANCELLED: "removed"}


class Calling:
    """The command, then what becomes of the ringing."""

    def __init__(self, bus: Bus, acts: Acts, doors: Doors) -> None:
        self._acts = acts
        self._model = acts.model
        self._doors = doors
        bus.obeys(m.CallIn, self.call_in)
        bus.hears(Established, self._established)
        bus.hears(Transferred, self._transferred)

    def call_in(self, command: m.CallIn, unit: Unit) -> str:
        """Raises Refused: not_found, no_telephone, bad_number, number_not_allowed, conference_full, too_many_speakers, wrong_state."""
        room = self._model.rooms.get(command.room)
        asker = self._model.agents.get(command.agent)
        if room is None or asker is None:
            raise Refused("not_found")
        number = plain(command.number)
        to_agent = command.to_agent or self._agent_of_extension(number)
        device = self._device_of(to_agent) if to_agent else ""
        if not to_agent and not can_be_dialled(number):
            raise Refused("bad_number")
        if not to_agent and not self._model.dialling.may_call(number, asker.get("may_call") or ()):
            raise Refused("number_not_allowed")
        self._refuse_crowd(room, to_agent, command.speaking)
        one = self._acts.conference_in(room, unit)
        return self._ring(one, room, command, unit, number="" if to_agent else number, agent=to_agent, device=device)

    def _agent_of_extension(self, number: str) -> str:
        return next((key for key, agent in self._model.agents.items() if agent.get("extension") == number), "")

    def _device_of(self, agent: str) -> str:
        if agent not in self._model.agents:
            raise Refused("not_found")
        devices = self._model.devices.get(agent) or {}
        if not devices:
            raise Refused("no_telephone")
        return min(devices, key=lambda name: (devices[name] != "page", name))

    def _refuse_crowd(self, room: Room, agent: str, speaking: bool) -> None:
        one = self._model.of_room(room.id)
        if one is None:
            return
        if len(one.members) >= room.size:
            raise Refused("conference_full", most=room.size)
        if speaking and speakers(one.members.values()) >= MOST_SPEAKERS:
            raise Refused("too_many_speakers", most=MOST_SPEAKERS)
        if agent and any(member.agent == agent for member in one.members.values()):
            raise Refused("wrong_state", state="in_conference")

    def _ring(
        self, one: Conference, room: Room, command: m.CallIn, unit: Unit, *, number: str, agent: str, device: str
    ) -> str:  # fmt: skip
        member, connection, call = unit.new_id(), unit.new_id(), unit.new_id()
        if number:
            unit.tell(ContactArrived(
                contact=member, connection=connection, channel="voice", direction="out", call=call, number=room.number,
                called=unit.keep(self._acts.tenant, "address", number, member),
                calling=unit.keep(self._acts.tenant, "address", room.number, member), language=self._acts.library.language,
            ))  # fmt: skip
        unit.tell(m.MemberCalled(
            contact=member if number else "", connection=connection, agent=command.agent, conference=one.id, member=member,
            speaking=command.speaking, host=command.host, to_agent=agent,
            ring_until=unit.now + round((RING_SECONDS + LEASE_SECONDS) * SECOND),
        ))  # fmt: skip
        unit.ask(ct.Make(
            id=unit.new_id(), tenant=self._acts.tenant, call=call, connection=connection, device=device, number=number,
            calling=room.number, ring_seconds=RING_SECONDS, auto_answer=agent == command.agent, tones=bool(number),
        ))  # fmt: skip
        return member

    # --- what the switch tells -------------------------------------------------------------------------------------------------------

    def _transferred(self, event: Transferred, unit: Unit) -> None:
        """An agent's other telephone has taken the place of the one that was called; what that was told, this one did not hear."""
        one, member = self._model.of_connection(event.connection) or (None, None)
        if one is None or member is None or not member.agent:
            return
        unit.tell(m.MemberMoved(connection=event.to_connection, agent=member.agent, conference=one.id, member=member.id))
        if member.state == "ringing":
            self._answered(one, member, unit)
        elif member.state == "greeting":
            self._acts.greet(one, member, unit)
        elif member.state == "waiting":
            self._acts.wait(one, member, unit)

    def _established(self, event: Established, unit: Unit) -> None:
        found = self._model.of_connection(event.connection)
        if found is not None and found[1].state == "ringing":
            self._answered(*found, unit)

    def _answered(self, one: Conference, member: Member, unit: Unit) -> None:
        if member.contact:
            unit.tell(m.MemberAnswered(
                contact=member.contact, connection=member.connection, conference=one.id, member=member.id
            ))  # fmt: skip
            self._doors.confirm(member, unit)
        else:
            self._acts.admit(one, member.id, member.connection, "", unit, host=member.host, speaking=member.speaking)

    def left(self, one: Conference, member: Member, cause: Cause, unit: Unit) -> None:
        """His connection is gone: he left, or never came."""
        never = member.state == "ringing"
        why = result_of(cause) if member.contact and cause is not Cause.CANCELLED else FAILURES.get(cause, "unreachable")
        self._acts.gone(one, member, why if never else "left", unit)

    def overdue(self, conference: str, key: str, unit: Unit) -> None:
        """The switch kept silent about whom it rings."""
        one = self._model.conferences.get(conference)
        member = one.members.get(key) if one is not None else None
        if one is not None and member is not None and member.state == "ringing":
            self._acts.send_out(one, member, "no_answer", unit)

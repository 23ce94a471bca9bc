"""The moves that every part of a conference makes: let somebody hear, be heard, go; open, record and end it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from yitong.contact.bus import Refused, Unit
from yitong.contact.journey import begin_segment
from yitong.ct import services as ct
from yitong.ct.model import Participation, Prompt
from yitong.domains.conference import messages as m
from yitong.domains.conference.model import Conference, Member, Model, Room
from yitong.domains.conference.rules import MOST_SPEAKERS, greeting, speakers
from yitong.domains.quality.messages import RecordingAsked
from yitong.flow.prompts import Library
from yitong.kit.clock import SECOND

TONE = Prompt(tone="beep")
SENT_OUT_AT_ONCE = 40
"""Members who leave with one decision when a conference ends: a batch must not grow without bounds."""
MINUTE = 60 * SECOND


class Acts:
    """``resume(contact, outcome, unit)`` gives a contact back to its flow."""

    def __init__(self, model: Model, library: Library, resume: Callable[[str, str, Unit], None], tenant: str) -> None:
        self.model = model
        self.library = library
        self.resume = resume
        self.tenant = tenant

    # --- what a member hears ---------------------------------------------------------------------------------------------------------

    def language(self, contact: str) -> str:
        found = self.model.registry.get(contact)
        return found.language if found is not None else self.library.language

    def play(self, connection: str, pieces: Iterable[Any], language: str, unit: Unit, *, loop: bool = False) -> str:
        """Play prompts by their codes; answers the service's id, empty when there is nothing to play."""
        prompts = self.library.resolve(pieces, language, {})
        if not prompts:
            return ""
        service = ct.Play(id=unit.new_id(), tenant=self.tenant, connection=connection, prompts=prompts, loop=loop)
        unit.ask(service)
        return service.id

    def say(self, member: Member, code: str, unit: Unit) -> None:
        """A word to one who is in; meanwhile he does not hear the others."""
        self.play(member.connection, [code], self.language(member.contact), unit)

    def greet(self, one: Conference, member: Member, unit: Unit) -> None:
        """Tell how many are there; whoever cannot be told goes in at once."""
        room = self.model.rooms.get(one.room)
        others = sum(1 for other in one.members.values() if other.state in ("in", "waiting"))
        codes = greeting(others, self.language(member.contact), speaking=member.speaking, may_ask=room is None or room.may_ask)
        member.service = self.play(member.connection, codes, self.language(member.contact), unit)
        if not member.service:
            self.join(one, member, unit)

    def wait(self, one: Conference, member: Member, unit: Unit) -> None:
        """Music until the host is there."""
        room = self.model.rooms.get(one.room)
        pieces = ["conference.wait_host", room.music if room is not None and room.music else "music"]
        self.play(member.connection, pieces, self.language(member.contact), unit, loop=True)

    # --- coming in -------------------------------------------------------------------------------------------------------------------

    def conference_in(self, room: Room, unit: Unit) -> Conference:
        """What goes on in the room; begun when nothing does."""
        one = self.model.of_room(room.id)
        if one is None:
            until = unit.now + room.maximum_minutes * MINUTE
            conference = unit.new_id()
            unit.tell(m.ConferenceBegan(conference=conference, room=room.id, open=not room.wait_for_host, until=until))
            one = self.model.conferences[conference]
        return one

    def admit(self, one: Conference, member: str, connection: str, contact: str, unit: Unit, *, host: bool, speaking: bool) -> None:
        """Let somebody in; a speaker for whom there is no place begins as a listener."""
        known = one.members.get(member)
        others = [other for other in one.members.values() if other is not known]
        speaking = speaking and speakers(others) < MOST_SPEAKERS
        live = self.model.registry.get(contact)
        segment = begin_segment(live, "conference", unit) if live is not None else ""
        unit.tell(m.MemberEntered(
            contact=contact, segment=segment, connection=connection, conference=one.id, member=member, host=host, speaking=speaking
        ))  # fmt: skip
        self.greet(one, one.members[member], unit)

    def join(self, one: Conference, member: Member, unit: Unit) -> None:
        """He has heard how many are there."""
        if member.host and not one.open:
            self.open(one, unit)
        self._tell(m.MemberJoined, one, member, unit, waiting=not one.open)
        if not one.open:
            self.wait(one, member, unit)
            return
        self._announce(one, member, unit)
        self.hear(one, member, unit)
        room = self.model.rooms.get(one.room)
        if room is not None and room.recorded and not one.recording_at:
            self.record(one, unit)

    def _announce(self, one: Conference, member: Member, unit: Unit) -> None:
        """A tone to the speakers when another one comes; what listeners do is of no concern to them."""
        room = self.model.rooms.get(one.room)
        if room is None or not room.entry_tone or not member.speaking:
            return
        for other in one.members.values():
            if other.state == "in" and other.speaking and other is not member:
                unit.ask(ct.Play(id=unit.new_id(), tenant=self.tenant, connection=other.connection, prompts=(TONE,)))

    def open(self, one: Conference, unit: Unit) -> None:
        """The host is there."""
        waiting = [member for member in one.members.values() if member.state == "waiting"]
        unit.tell(m.ConferenceOpened(conference=one.id))
        for member in waiting:
            unit.ask(ct.Stop(id=unit.new_id(), tenant=self.tenant, connection=member.connection))
            self.hear(one, member, unit)

    def hear(self, one: Conference, member: Member, unit: Unit) -> None:
        """Let the switch have him where he is: in the hall, heard or not. Asked again it changes nothing."""
        unit.ask(ct.EnterHall(
            id=unit.new_id(), tenant=self.tenant, connection=member.connection, hall=one.id, participation=self.participation(one, member)
        ))  # fmt: skip

    def participation(self, one: Conference, member: Member) -> Participation:
        return Participation.ACTIVE if one.is_heard(member) else Participation.SILENT

    # --- changes ---------------------------------------------------------------------------------------------------------------------

    def _tell(
        self, kind: type[Any], one: Conference, member: Member, unit: Unit, *, agent: str = "", cause: str = "", **fields: Any
    ) -> None:
        unit.tell(kind(
            contact=member.contact, connection=member.connection, agent=agent or member.agent, cause=cause, conference=one.id,
            member=member.id, **fields,
        ))  # fmt: skip

    def ask_to_speak(self, one: Conference, member: Member, unit: Unit) -> None:
        self._tell(m.MemberAsked, one, member, unit)

    def ask_over(self, one: Conference, member: Member, cause: str, unit: Unit, agent: str = "") -> None:
        self._tell(m.AskEnded, one, member, unit, agent=agent, cause=cause)

    def set_speaking(self, one: Conference, member: Member, on: bool, cause: str, unit: Unit, agent: str = "") -> None:
        """Raises Refused: too_many_speakers."""
        if on == member.speaking:
            return
        if on and speakers(one.members.values()) >= MOST_SPEAKERS:
            raise Refused("too_many_speakers", most=MOST_SPEAKERS)
        if member.asked_at:
            self.ask_over(one, member, "granted" if on else "withdrawn", unit, agent)
        self._tell(m.RoleChanged, one, member, unit, agent=agent, cause=cause, speaking=on)
        if member.state == "in":
            self.hear(one, member, unit)
            self.say(member, "conference.speaker" if on else "conference.listener", unit)

    def mute(self, one: Conference, member: Member, on: bool, cause: str, unit: Unit, agent: str = "") -> None:
        if on != member.muted and member.speaking:
            self._tell(m.MemberMuted, one, member, unit, agent=agent, cause=cause, on=on)
            if member.state == "in":
                self.hear(one, member, unit)

    def mute_all(self, one: Conference, on: bool, unit: Unit, agent: str = "") -> None:
        if on == one.muted_all:
            return
        unit.tell(m.AllMuted(conference=one.id, on=on, agent=agent))
        for member in one.members.values():
            if member.state == "in" and member.speaking and not member.host:
                self.hear(one, member, unit)

    def lock(self, one: Conference, on: bool, unit: Unit, agent: str = "") -> None:
        if on != one.locked:
            unit.tell(m.ConferenceLocked(conference=one.id, on=on, agent=agent))

    # --- recording -------------------------------------------------------------------------------------------------------------------

    def record(self, one: Conference, unit: Unit, agent: str = "") -> None:
        """Record the mix: a recording of the conference, and of the contact that has been there longest. Raises Refused: wrong_state."""
        there = [member for member in one.members.values() if member.state == "in"]
        if not there or one.recording:
            raise Refused("wrong_state", state="recording" if one.recording else "empty")
        owner = min(there, key=lambda member: (not member.contact, member.since, member.id))
        live = self.model.registry.get(owner.contact)
        recording = unit.new_id()
        day = datetime.fromtimestamp(unit.now // SECOND, UTC)
        file = f"{self.tenant}/{day:%Y/%m/%d}/{recording}.wav"
        unit.tell(m.RecordingBegan(contact=owner.contact, agent=agent, conference=one.id, recording=recording))
        unit.tell(RecordingAsked(
            contact=live.id if live is not None else "", segment=live.segment if live is not None else "", connection=owner.connection,
            agent=agent, recording=recording, file=file, left=one.id, right=one.id, conference=one.id, room=one.room,
        ))  # fmt: skip
        unit.ask(ct.RecordHall(id=recording, tenant=self.tenant, recording=recording, hall=one.id, file=file))

    def stop_recording(self, one: Conference, unit: Unit) -> None:
        if one.recording:
            unit.ask(ct.StopRecording(id=unit.new_id(), tenant=self.tenant, recording=one.recording))

    # --- going -----------------------------------------------------------------------------------------------------------------------

    def send_out(self, one: Conference, member: Member, cause: str, unit: Unit) -> None:
        """Whoever came by a flow goes on in it, whoever was called is hung up."""
        if member.state == "in":
            unit.ask(ct.LeaveHall(id=unit.new_id(), tenant=self.tenant, connection=member.connection))
        elif member.state == "waiting":
            unit.ask(ct.Stop(id=unit.new_id(), tenant=self.tenant, connection=member.connection))
        if member.called:
            unit.ask(ct.Clear(id=unit.new_id(), tenant=self.tenant, connection=member.connection))
        called, contact = member.called, member.contact
        self.gone(one, member, cause, unit)
        if not called:
            self.resume(contact, "removed" if cause == "removed" else "done", unit)

    def gone(self, one: Conference, member: Member, cause: str, unit: Unit) -> None:
        """He is no longer there; the last one ends the conference."""
        self._tell(m.MemberLeft, one, member, unit, cause=cause)
        if not one.members and not one.ended:
            unit.tell(m.ConferenceEnded(conference=one.id, room=one.room, cause="last_left"))

    def end(self, one: Conference, cause: str, unit: Unit, agent: str = "") -> None:
        """Over for all; they are sent out some at a time (``drain``)."""
        if not one.ended:
            unit.tell(m.ConferenceEnded(conference=one.id, room=one.room, cause=cause, agent=agent))

    def drain(self, conference: str, unit: Unit) -> None:
        """Send the next ones out of a conference that is over."""
        one = self.model.conferences.get(conference)
        if one is not None and one.ended:
            for member in list(one.members.values())[:SENT_OUT_AT_ONCE]:
                self.send_out(one, member, "ended", unit)

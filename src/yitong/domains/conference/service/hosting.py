"""What hosts do: at their telephones by keys, at a desk by commands; and what a member's own keys do."""

from __future__ import annotations

from yitong.contact.bus import Bus, Refused, Unit
from yitong.ct.events import DigitPressed
from yitong.domains.conference import messages as m
from yitong.domains.conference.model import Conference, Member
from yitong.domains.conference.rules import Act, act_of, next_asking
from yitong.domains.conference.service.acts import Acts
from yitong.flow.numbers import number_prompts
from yitong.kit.clock import SECOND

AGAIN_US = 5 * SECOND
"""How soon a host must press the key that ends the conference a second time."""


class Hosting:
    """One function a command, then one an act of a telephone's keys. Rights are checked before a command comes."""

    def __init__(self, bus: Bus, acts: Acts) -> None:
        self._acts = acts
        self._model = acts.model
        bus.obeys(m.Grant, self.grant)
        bus.obeys(m.RefuseAsk, self.refuse)
        bus.obeys(m.SetSpeaking, self.set_speaking)
        bus.obeys(m.MuteMember, self.mute)
        bus.obeys(m.MuteAll, self.mute_all)
        bus.obeys(m.LockConference, self.lock)
        bus.obeys(m.RemoveMember, self.remove)
        bus.obeys(m.RecordConference, self.record)
        bus.obeys(m.EndConference, self.end)
        bus.hears(DigitPressed, self._pressed)

    def _conference(self, key: str) -> Conference:
        one = self._model.conferences.get(key)
        if one is None or one.ended:
            raise Refused("not_found")
        return one

    def _member(self, conference: str, member: str) -> tuple[Conference, Member]:
        one = self._conference(conference)
        found = one.members.get(member)
        if found is None:
            raise Refused("not_found")
        return one, found

    def _asking(self, conference: str, member: str) -> tuple[Conference, Member]:
        one, found = self._member(conference, member)
        if not found.asked_at:
            raise Refused("wrong_state", state="listener")
        return one, found

    # --- commands --------------------------------------------------------------------------------------------------------------------

    def grant(self, command: m.Grant, unit: Unit) -> None:
        one, member = self._asking(command.conference, command.member)
        self._acts.set_speaking(one, member, True, "granted", unit, command.agent)

    def refuse(self, command: m.RefuseAsk, unit: Unit) -> None:
        self._refuse(*self._asking(command.conference, command.member), unit, command.agent)

    def _refuse(self, one: Conference, member: Member, unit: Unit, agent: str = "") -> None:
        self._acts.ask_over(one, member, "refused", unit, agent)
        self._acts.say(member, "conference.ask_refused", unit)

    def set_speaking(self, command: m.SetSpeaking, unit: Unit) -> None:
        one, member = self._member(command.conference, command.member)
        self._acts.set_speaking(one, member, command.on, "host", unit, command.agent)

    def mute(self, command: m.MuteMember, unit: Unit) -> None:
        one, member = self._member(command.conference, command.member)
        if not member.speaking:
            raise Refused("wrong_state", state="listener")
        self._acts.mute(one, member, command.on, "host", unit, command.agent)

    def mute_all(self, command: m.MuteAll, unit: Unit) -> None:
        self._acts.mute_all(self._conference(command.conference), command.on, unit, command.agent)

    def lock(self, command: m.LockConference, unit: Unit) -> None:
        self._acts.lock(self._conference(command.conference), command.on, unit, command.agent)

    def remove(self, command: m.RemoveMember, unit: Unit) -> None:
        one, member = self._member(command.conference, command.member)
        self._acts.send_out(one, member, "removed", unit)

    def record(self, command: m.RecordConference, unit: Unit) -> None:
        one = self._conference(command.conference)
        if command.on:
            self._acts.record(one, unit, command.agent)
        elif one.recording:
            self._acts.stop_recording(one, unit)
        else:
            raise Refused("wrong_state", state="not_recorded")

    def end(self, command: m.EndConference, unit: Unit) -> None:
        self._acts.end(self._conference(command.conference), "host", unit, command.agent)

    # --- keys ------------------------------------------------------------------------------------------------------------------------

    def _pressed(self, event: DigitPressed, unit: Unit) -> None:
        found = self._model.of_connection(event.connection)
        act = act_of(event.digit, host=found[1].host) if found is not None and found[1].state == "in" else None
        if found is None or act is None:
            return
        try:
            self._do(act, *found, unit)
        except Refused as refusal:
            self._acts.say(found[1], f"conference.{refusal.code}", unit)

    def _do(self, act: Act, one: Conference, member: Member, unit: Unit) -> None:
        acts = self._acts
        match act:
            case Act.ASK:
                self._ask(one, member, unit)
            case Act.GRANT_NEXT | Act.REFUSE_NEXT:
                self._next(one, act, unit)
            case Act.LOCK:
                acts.lock(one, not one.locked, unit)
                acts.say(member, "conference.is_locked" if one.locked else "conference.is_unlocked", unit)
            case Act.MUTE_ALL:
                acts.mute_all(one, not one.muted_all, unit)
                acts.say(member, "conference.all_muted" if one.muted_all else "conference.all_heard", unit)
            case Act.MUTE_SELF:
                acts.mute(one, member, not member.muted, "own", unit)
                acts.say(member, "conference.muted" if member.muted else "conference.heard", unit)
            case Act.RECORD:
                self._record(one, unit)
            case Act.COUNT:
                others = sum(1 for other in one.members.values() if other.state in ("in", "waiting")) - 1
                codes = ["conference.before", *number_prompts(others, acts.language(member.contact)), "conference.after"]
                acts.play(member.connection, codes, acts.language(member.contact), unit)
            case Act.LEAVE:
                acts.send_out(one, member, "left", unit)
            case Act.END:
                self._end(one, member, unit)

    def _record(self, one: Conference, unit: Unit) -> None:
        if one.recording:
            self._acts.stop_recording(one, unit)
        else:
            self._acts.record(one, unit)

    def _ask(self, one: Conference, member: Member, unit: Unit) -> None:
        """A listener asks, or asks no more; a speaker becomes a listener."""
        room = self._model.rooms.get(one.room)
        if member.speaking:
            self._acts.set_speaking(one, member, False, "own", unit)
        elif member.asked_at:
            self._acts.ask_over(one, member, "withdrawn", unit)
            self._acts.say(member, "conference.ask_withdrawn", unit)
        elif member.host:
            self._acts.set_speaking(one, member, True, "own", unit)
        elif room is None or room.may_ask:
            self._acts.ask_to_speak(one, member, unit)
            self._acts.say(member, "conference.asked", unit)

    def _next(self, one: Conference, act: Act, unit: Unit) -> None:
        asking = next_asking(one.members.values())
        if asking is not None and act is Act.GRANT_NEXT:
            self._acts.set_speaking(one, asking, True, "granted", unit)
        elif asking is not None:
            self._refuse(one, asking, unit)

    def _end(self, one: Conference, member: Member, unit: Unit) -> None:
        if member.ending_at and unit.now - member.ending_at <= AGAIN_US:
            self._acts.end(one, "host", unit)
            return
        member.ending_at = unit.now
        self._acts.say(member, "conference.end_again", unit)

"""Decides what is recorded of which talk and when nothing is: by rule, on demand, with pauses for card data.

Pauses are the switch's to keep: it is told for how long, so that a pause ends by itself, and holds while core is away. What should begin
to be recorded in a pause begins after it. See docs/decisions/0023.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.registry import Registry
from yitong.ct import events as ct
from yitong.ct.events import Snapshot
from yitong.ct.model import Take
from yitong.ct.number_plan import NumberPlan
from yitong.ct.services import PauseRecording, ResumeRecording
from yitong.domains.acd import messages as acd
from yitong.domains.quality.messages import StartTake, StopTake
from yitong.domains.recording import messages as m
from yitong.domains.recording.model import Demand, Model, Pause, RecordingState, Talk
from yitong.domains.recording.rules import LONGEST_PAUSE_SECONDS, Rule, decide
from yitong.flow.messages import FlowEnded, SideFlowEnded, StepLeft

SECOND = 1_000_000
EARLY_US = 2 * SECOND
"""A pause that the switch ends by itself so much before we would is over; one that ends earlier still was lost, and begins again."""
ENDS = {"intercepted": "intercept", "released": "release"}
"""How a talk's end is called as the end of what was recorded on demand; any other: call_over."""


class Recorder:
    """The part of a partition that decides about recordings. ``quality`` has them made and keeps their files."""

    name = "recording"

    def __init__(self, bus: Bus, registry: Registry, *, tenant: str, site: str) -> None:
        self._registry = registry
        self._tenant = tenant
        self._site = site
        self._queues: dict[str, Rule] = {}
        self._classes: dict[str, tuple[str, Rule]] = {}
        """Of each configured class of numbers: its code and its rule."""
        self._plan = NumberPlan()
        self.model = Model(bus, self._customer_of)
        for began in (acd.OfferAnswered, acd.ContactTaken, acd.DialAnswered, acd.OutsideBegan):
            bus.reacts(began, self._begin)
        bus.reacts(acd.AssignmentInterrupted, self._interrupted)
        bus.reacts(acd.AssignmentResumed, self._resumed)
        for ended in (acd.AssignmentEnded, acd.OutsideEnded):
            bus.reacts(ended, self._end)
        bus.reacts(acd.DetourEntered, self._apart)
        bus.reacts(StepLeft, self._step_left)
        for over in (acd.DetourEnded, SideFlowEnded, FlowEnded):
            bus.reacts(over, self._flow_over)
        bus.obeys(m.PauseTalk, self.pause)
        bus.obeys(m.ResumeTalk, self.resume)
        bus.obeys(m.PauseForStep, self.pause_for_step)
        bus.obeys(m.RecordTalk, self.record)
        bus.obeys(m.EndRecordTalk, self.end_record)
        bus.hears(ct.RecordingPaused, self._paused)
        bus.hears(ct.RecordingResumed, self._went_on)

    def _customer_of(self, contact: str) -> str:
        found = self._registry.get(contact)
        return found.connection if found is not None else ""

    # --- configuration -------------------------------------------------------------------------------------------------------------

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """The rules of queues, and of classes of outside numbers."""
        if kind == "queue":
            self._queues.pop(key, None)
            if value is not None and value.get("site") in (None, "", self._site):
                self._queues[key] = rule_of(value)
        self._plan.configure(kind, key, value)
        if kind == "number_class":
            self._classes.pop(key, None)
            if value is not None:
                self._classes[key] = str(value["code"]), rule_of(value)

    def _rule(self, contact: str, queue: str) -> tuple[str, Rule]:
        """The rule of a talk, and what it is of: its queue, the class of the number that was called, or the default."""
        if queue in self._queues:
            return "queue", self._queues[queue]
        found = self._registry.get(contact)
        kind = self._plan.class_of(found.peer) if found is not None and found.direction == "out" else None
        if kind is not None and kind.value in (rules := dict(self._classes.values())):
            return kind.value, rules[kind.value]
        return "default", Rule()

    # --- talks ---------------------------------------------------------------------------------------------------------------------

    def _begin(self, fact: acd.OfferAnswered | acd.ContactTaken | acd.DialAnswered | acd.OutsideBegan, unit: Unit) -> None:
        """Decided once for a talk: a rule that is changed meanwhile holds for the next one."""
        talk = self.model.talks.get(fact.segment)
        if talk is None:
            return
        of, rule = self._rule(fact.contact, fact.queue)
        decision = decide(rule, fact.contact)
        unit.tell(m.RecordingDecided(
            contact=talk.contact, segment=talk.segment, connection=talk.right, agent=talk.agent, queue=talk.queue, cause=decision.reason,
            mode=rule.mode, recorded=decision.recorded, of=of, percent=rule.percent, drawn=decision.drawn,
            pause_seconds=rule.pause_seconds,
        ))  # fmt: skip
        self._want(talk, unit)

    def _want(self, talk: Talk, unit: Unit) -> None:
        """Have recorded what ought to be, unless nothing may be now."""
        if talk.contact in self.model.pauses:
            return
        for purpose in talk.purposes():
            if purpose not in talk.takes:
                unit.obey(StartTake(
                    contact=talk.contact, segment=talk.segment, agent=talk.agent, queue=talk.queue, left=talk.left, right=talk.right,
                    demand=purpose,
                ))  # fmt: skip

    def _stop(self, unit: Unit) -> None:
        for recording in list(self.model.unwanted):
            unit.obey(StopTake(recording=recording))

    def _interrupted(self, fact: acd.AssignmentInterrupted, unit: Unit) -> None:
        self._stop(unit)

    def _resumed(self, fact: acd.AssignmentResumed, unit: Unit) -> None:
        talk = self.model.talks.get(fact.segment)
        if talk is not None:
            self._want(talk, unit)

    def _end(self, fact: acd.AssignmentEnded | acd.OutsideEnded, unit: Unit) -> None:
        for talk in [talk for talk in self.model.ending.values() if talk.contact == fact.contact]:
            if talk.demand is not None:
                self._end_demand(talk, talk.demand, ENDS.get(fact.cause, "call_over"), "", unit)
            pause = self.model.paused_with(talk.segment)
            if pause is not None:
                self._end_pause(pause, "talk_over", "", unit)
        self._stop(unit)

    # --- on demand -----------------------------------------------------------------------------------------------------------------

    def _talk(self, agent: str, assignment: str) -> Talk:
        talk = self.model.of_agent(agent, assignment)
        if talk is None:
            raise Refused("not_found" if assignment else "wrong_state")
        if not talk.there:
            raise Refused("wrong_state", state="interrupted")
        return talk

    def record(self, command: m.RecordTalk, unit: Unit) -> str:
        talk = self._talk(command.agent, command.assignment)
        if talk.demand is not None:
            raise Refused("recorded_on_demand")
        if talk.mode == "none":
            raise Refused("recording_forbidden")
        demand = unit.new_id()
        unit.tell(m.DemandBegan(
            contact=talk.contact, segment=talk.segment, connection=talk.right, agent=talk.agent, queue=talk.queue, demand=demand,
            user=command.actor, by_agent=command.by_agent, until=unit.now + command.seconds * SECOND if command.seconds else 0,
        ))  # fmt: skip
        self._want(talk, unit)
        return demand

    def end_record(self, command: m.EndRecordTalk, unit: Unit) -> None:
        talk = self.model.of_agent(command.agent, command.assignment)
        if talk is None or talk.demand is None:
            raise Refused("wrong_state")
        if command.assignment and talk.demand.by_agent != command.agent:
            raise Refused("recorded_on_demand")
        self._end_demand(talk, talk.demand, "key", command.actor, unit)
        self._stop(unit)

    def _end_demand(self, talk: Talk, demand: Demand, cause: str, by: str, unit: Unit) -> None:
        unit.tell(m.DemandEnded(
            contact=talk.contact, segment=talk.segment, connection=talk.right, agent=talk.agent, queue=talk.queue, demand=demand.id,
            cause=cause, user=by,
        ))  # fmt: skip

    # --- pauses --------------------------------------------------------------------------------------------------------------------

    def pause(self, command: m.PauseTalk, unit: Unit) -> None:
        talk = self._talk(command.agent, command.assignment)
        if talk.contact in self.model.pauses:
            raise Refused("wrong_state", state="paused")
        if not talk.takes:
            raise Refused("not_recorded")
        if not talk.pause_seconds:
            raise Refused("no_pause")
        seconds = min(command.seconds or talk.pause_seconds, talk.pause_seconds, LONGEST_PAUSE_SECONDS)
        cause = "agent" if command.assignment else "supervisor"
        self._begin_pause(talk.contact, talk, seconds, cause, command.actor, unit)

    def resume(self, command: m.ResumeTalk, unit: Unit) -> None:
        talk = self._talk(command.agent, command.assignment)
        pause = self.model.pauses.get(talk.contact)
        if pause is None or pause.cause == "step":
            raise Refused("wrong_state", state="paused" if pause is not None else "recording")
        self._end_pause(pause, "agent" if command.assignment else "supervisor", command.actor, unit)

    def pause_for_step(self, command: m.PauseForStep, unit: Unit) -> None:
        """A pause that somebody else began goes on as he wants."""
        if command.contact not in self.model.pauses:
            self._begin_pause(command.contact, None, LONGEST_PAUSE_SECONDS, "step", "", unit, step=command.step)

    def _apart(self, fact: acd.DetourEntered, unit: Unit) -> None:
        """The contact is alone in a flow while the agent waits: what it says and types there is nobody's."""
        if fact.contact not in self.model.pauses:
            self._begin_pause(fact.contact, None, LONGEST_PAUSE_SECONDS, "step", "", unit)

    def _step_left(self, fact: StepLeft, unit: Unit) -> None:
        pause = self.model.pauses.get(fact.contact)
        if pause is not None and pause.step and pause.step == fact.step:
            self._end_pause(pause, "step", "", unit)

    def _flow_over(self, fact: acd.DetourEnded | SideFlowEnded | FlowEnded, unit: Unit) -> None:
        """The contact came back, was taken out of its flow, or has gone."""
        pause = self.model.pauses.get(fact.contact)
        if pause is not None and pause.cause == "step":
            self._end_pause(pause, "step", "", unit)

    def _begin_pause(self, contact: str, talk: Talk | None, seconds: int, cause: str, by: str, unit: Unit, *, step: str = "") -> None:
        of = {"segment": talk.segment, "agent": talk.agent, "queue": talk.queue} if talk is not None else {}
        unit.tell(m.PauseBegan(contact=contact, cause=cause, user=by, until=unit.now + seconds * SECOND, step=step, **of))
        for recording in self.model.takes_of(contact):
            self._ask_pause(recording, seconds, unit)

    def _ask_pause(self, recording: str, seconds: float, unit: Unit) -> None:
        unit.ask(PauseRecording(id=unit.new_id(), tenant=self._tenant, recording=recording, seconds=seconds))

    def _end_pause(self, pause: Pause, cause: str, by: str, unit: Unit) -> None:
        talk = self.model.talks.get(pause.segment) or self.model.ending.get(pause.segment)
        of = {"segment": talk.segment, "agent": talk.agent, "queue": talk.queue} if talk is not None else {}
        unit.tell(m.PauseEnded(contact=pause.contact, cause=cause, user=by, **of))
        for recording in self.model.takes_of(pause.contact):
            unit.ask(ResumeRecording(id=unit.new_id(), tenant=self._tenant, recording=recording))
        for talk in self.model.of_contact(pause.contact):
            self._want(talk, unit)

    # --- what the switch tells -----------------------------------------------------------------------------------------------------

    def _paused(self, event: ct.RecordingPaused, unit: Unit) -> None:
        talk = self.model.of_take(event.recording)
        if talk is not None:
            self._say_paused(talk, event.recording, unit)

    def _say_paused(self, talk: Talk, recording: str, unit: Unit) -> None:
        unit.tell(m.TakePaused(
            contact=talk.contact, segment=talk.segment, connection=talk.right, agent=talk.agent, queue=talk.queue, recording=recording
        ))  # fmt: skip

    def _say_resumed(self, talk: Talk, recording: str, cause: str, unit: Unit) -> None:
        unit.tell(m.TakeResumed(
            contact=talk.contact, segment=talk.segment, connection=talk.right, agent=talk.agent, queue=talk.queue, recording=recording,
            cause=cause,
        ))  # fmt: skip

    def _went_on(self, event: ct.RecordingResumed, unit: Unit) -> None:
        """By itself: the pause was long enough, or the switch was told of another end than ours."""
        talk = self.model.of_take(event.recording)
        if talk is None:
            return
        self._say_resumed(talk, event.recording, "asked" if event.service else "time", unit)
        pause = self.model.pauses.get(talk.contact)
        if pause is None:
            return
        if pause.until - unit.now > EARLY_US:
            self._ask_pause(event.recording, (pause.until - unit.now) / SECOND, unit)
        elif not event.service:
            self._end_pause(pause, "time", "", unit)

    # --- time and healing ----------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        return self.model.deadlines.next()

    def timer(self, unit: Unit) -> None:
        """Pauses and recordings on demand that have lasted as long as they may."""
        for key in self.model.deadlines.due(unit.now):
            kind, _, name = key.partition(":")
            talk, pause = self.model.talks.get(name), self.model.pauses.get(name)
            if kind == "d" and talk is not None and talk.demand is not None:
                self._end_demand(talk, talk.demand, "timer", "", unit)
                self._stop(unit)
            elif kind == "p" and pause is not None:
                self._end_pause(pause, "time", "", unit)

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """What was decided and may not have reached the switch is asked again: pauses, their ends, ends of recordings.

        A service too many does no harm: the switch refuses it.
        """
        return sum(self._compare(one, unit) for one in snapshot.recordings)

    def _compare(self, one: Take, unit: Unit) -> int:
        talk = self.model.of_take(one.recording)
        pause = self.model.pauses.get(talk.contact) if talk is not None else None
        if one.recording in self.model.unwanted:
            unit.obey(StopTake(recording=one.recording))
        if talk is None or one.recording in self.model.unwanted:
            return 0
        silent = one.recording in self.model.silent
        if one.paused and not silent:
            self._say_paused(talk, one.recording, unit)
        elif silent and not one.paused:
            self._say_resumed(talk, one.recording, "time", unit)
        if pause is not None and not one.paused:
            self._ask_pause(one.recording, max(1.0, (pause.until - unit.now) / SECOND), unit)
        elif pause is None and one.paused:
            unit.ask(ResumeRecording(id=unit.new_id(), tenant=self._tenant, recording=one.recording))
        return int((pause is not None) != one.paused)

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self.model.state())

    def load(self, data: bytes, now: int) -> None:
        self.model.restore(msgspec.msgpack.decode(data, type=RecordingState))


def rule_of(value: Mapping[str, Any]) -> Rule:
    """The rule in published configuration; without one everything is recorded."""
    return msgspec.convert(value.get("recording") or {}, Rule)

"""Talks with what records them, and pauses, changed by facts only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from yitong.contact.bus import Bus
from yitong.contact.deadlines import Deadlines
from yitong.contact.states import Table
from yitong.domains.acd import messages as acd
from yitong.domains.quality.messages import RecordingAsked, RecordingEnded, RecordingLost
from yitong.domains.recording import messages as m

DEMANDS = Table("Recording on demand", {
    ("", "begin"): "recording",
    ("recording", "interrupt"): "interrupted",
    ("interrupted", "resume"): "recording",
    ("recording", "key"): "",
    ("recording", "intercept"): "",
    ("recording", "release"): "",
    ("recording", "call_over"): "",
    ("recording", "timer"): "",
    ("interrupted", "key"): "",
    ("interrupted", "intercept"): "",
    ("interrupted", "release"): "",
    ("interrupted", "call_over"): "",
    ("interrupted", "timer"): "",
})  # fmt: skip
"""H87: its five ends. ``interrupted``: the agent's telephone was lost; the talk goes on when it is back."""

RULE = ""
"""The purpose of a recording that runs by rule; else it is the id of the demand."""


class Demand(msgspec.Struct, kw_only=True):
    """A recording on demand, see ``messages.DemandBegan``."""

    id: str
    by_agent: str
    since: int
    until: int
    state: str = ""

    def move(self, event: str) -> None:
        self.state = DEMANDS.next(self.state, event)


class Talk(msgspec.Struct, kw_only=True):
    """A segment with its two connections. ``assignment``: the agent's; empty for an outside number. ``takes``: the recordings that run
    for it, by purpose. ``there``: both sides are connected."""

    segment: str
    contact: str
    agent: str
    queue: str
    assignment: str
    left: str
    right: str
    there: bool = True
    by_rule: bool = False
    mode: str = ""
    pause_seconds: int = 0
    demand: Demand | None = None
    takes: dict[str, str] = {}

    def purposes(self) -> list[str]:
        """For what it ought to be recorded now."""
        if not self.there:
            return []
        return [*([RULE] if self.by_rule else []), *([self.demand.id] if self.demand is not None else [])]


class Pause(msgspec.Struct, kw_only=True):
    """Nothing of a contact is recorded. ``segment``: the talk with which it ends; empty for a step's."""

    contact: str
    segment: str
    cause: str
    since: int
    until: int
    step: str = ""
    """It ends when this step of a flow is left."""


class RecordingState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps. ``unwanted``: recordings that were to end, and whose end was not told yet, by the segment of their talk.
    ``silent``: those that the switch has said to pause."""

    talks: dict[str, Talk] = {}
    pauses: dict[str, Pause] = {}
    unwanted: dict[str, str] = {}
    silent: list[str] = []


class Model:
    """Talks by segment, pauses by contact."""

    def __init__(self, bus: Bus, customer_of: Callable[[str], str]) -> None:
        self._customer_of = customer_of
        self.talks: dict[str, Talk] = {}
        self.pauses: dict[str, Pause] = {}
        self.unwanted: dict[str, str] = {}
        self.silent: set[str] = set()
        self.ending: dict[str, Talk] = {}
        """Talks that are over, until what ends with them is told: within one decision."""
        self.deadlines = Deadlines()
        self._of_take: dict[str, str] = {}
        handlers: dict[type, Callable[[Any, int], None]] = {
            acd.OfferAnswered: self._began, acd.ContactTaken: self._began, acd.DialAnswered: self._began,
            acd.OutsideBegan: self._began, acd.AssignmentInterrupted: self._interrupted, acd.AssignmentResumed: self._resumed,
            acd.AssignmentEnded: self._ended, acd.OutsideEnded: self._ended,
            m.RecordingDecided: self._decided, m.DemandBegan: self._demanded, m.DemandEnded: self._demand_over,
            m.PauseBegan: self._pause, m.PauseEnded: self._pause_over,
            m.TakePaused: lambda fact, at: self.silent.add(fact.recording),
            m.TakeResumed: lambda fact, at: self.silent.discard(fact.recording),
            RecordingAsked: self._asked, RecordingEnded: self._over, RecordingLost: self._over,
        }  # fmt: skip
        for kind, handler in handlers.items():
            bus.applies(kind, handler)

    # --- reading -------------------------------------------------------------------------------------------------------------------

    def of_agent(self, agent: str, assignment: str = "") -> Talk | None:
        """The talk that an agent has now, or by his assignment."""
        return next((one for one in self.talks.values() if one.agent == agent and assignment in ("", one.assignment)), None)

    def of_contact(self, contact: str) -> Iterator[Talk]:
        return (one for one in list(self.talks.values()) if one.contact == contact)

    def of_take(self, recording: str) -> Talk | None:
        """The talk that is in a recording."""
        return self.talks.get(self._of_take.get(recording, ""))

    def takes_of(self, contact: str) -> list[str]:
        """The recordings of a contact that run."""
        return [recording for talk in self.of_contact(contact) for recording in talk.takes.values()]

    # --- talks ---------------------------------------------------------------------------------------------------------------------

    def _began(self, fact: acd.OfferAnswered | acd.ContactTaken | acd.DialAnswered | acd.OutsideBegan, at: int) -> None:
        if not fact.connection:
            return  # nothing is heard of what is not switched
        self.talks[fact.segment] = Talk(
            segment=fact.segment, contact=fact.contact, agent=fact.agent, queue=fact.queue, left=self._customer_of(fact.contact),
            right=fact.connection, assignment="" if isinstance(fact, acd.OutsideBegan) else fact.assignment,
        )  # fmt: skip

    def _decided(self, fact: m.RecordingDecided, at: int) -> None:
        talk = self.talks.get(fact.segment)
        if talk is not None:
            talk.by_rule, talk.mode, talk.pause_seconds = fact.recorded, fact.mode, fact.pause_seconds

    def _interrupted(self, fact: acd.AssignmentInterrupted, at: int) -> None:
        talk = self.talks.get(fact.segment)
        if talk is None:
            return
        talk.there = False
        self._unwant(talk, list(talk.takes))
        if talk.demand is not None:
            talk.demand.move("interrupt")

    def _resumed(self, fact: acd.AssignmentResumed, at: int) -> None:
        talk = self.talks.get(fact.segment)
        if talk is not None:
            talk.there, talk.right = True, fact.connection
            if talk.demand is not None:
                talk.demand.move("resume")

    def _ended(self, fact: acd.AssignmentEnded | acd.OutsideEnded, at: int) -> None:
        """Nothing runs on for it. A demand or a pause that ends with it is told in the same decision."""
        others = (one for one in self.of_contact(fact.contact) if one.right == fact.connection)
        talk = self.talks.get(fact.segment) or next(others, None)
        if talk is None:
            return
        self._unwant(talk, list(talk.takes))
        del self.talks[talk.segment]
        self.deadlines.drop(f"d:{talk.segment}")
        if talk.demand is not None or self.paused_with(talk.segment) is not None:
            self.ending[talk.segment] = talk

    def paused_with(self, segment: str) -> Pause | None:
        """The pause that ends with this talk."""
        return next((one for one in self.pauses.values() if one.segment == segment), None)

    def _settle(self, segment: str) -> None:
        talk = self.ending.get(segment)
        if talk is not None and talk.demand is None and self.paused_with(segment) is None:
            del self.ending[segment]

    # --- on demand -----------------------------------------------------------------------------------------------------------------

    def _demanded(self, fact: m.DemandBegan, at: int) -> None:
        talk = self.talks.get(fact.segment)
        if talk is not None:
            talk.demand = Demand(id=fact.demand, by_agent=fact.by_agent, since=at, until=fact.until)
            talk.demand.move("begin")
            self.deadlines.set(f"d:{talk.segment}", fact.until)

    def _demand_over(self, fact: m.DemandEnded, at: int) -> None:
        talk = self.talks.get(fact.segment) or self.ending.get(fact.segment)
        if talk is None or talk.demand is None:
            return
        talk.demand.move(fact.cause)
        self._unwant(talk, [talk.demand.id])
        talk.demand = None
        self.deadlines.drop(f"d:{fact.segment}")
        self._settle(fact.segment)

    # --- pauses --------------------------------------------------------------------------------------------------------------------

    def _pause(self, fact: m.PauseBegan, at: int) -> None:
        self.pauses[fact.contact] = Pause(
            contact=fact.contact, segment=fact.segment, cause=fact.cause, since=at, until=fact.until, step=fact.step
        )
        self.deadlines.set(f"p:{fact.contact}", fact.until)

    def _pause_over(self, fact: m.PauseEnded, at: int) -> None:
        pause = self.pauses.pop(fact.contact, None)
        self.deadlines.drop(f"p:{fact.contact}")
        if pause is not None:
            self._settle(pause.segment)

    # --- recordings ----------------------------------------------------------------------------------------------------------------

    def _asked(self, fact: RecordingAsked, at: int) -> None:
        talk = self.talks.get(fact.segment)
        if talk is not None:
            talk.takes[fact.demand] = fact.recording
            self._of_take[fact.recording] = fact.segment

    def _unwant(self, talk: Talk, purposes: list[str]) -> None:
        for purpose in purposes:
            recording = talk.takes.pop(purpose, "")
            if recording:
                self.unwanted[recording] = talk.segment

    def _over(self, fact: RecordingEnded | RecordingLost, at: int) -> None:
        self.unwanted.pop(fact.recording, None)
        self.silent.discard(fact.recording)
        self._of_take.pop(fact.recording, None)
        talk = self.talks.get(fact.segment)
        if talk is not None:
            talk.takes = {purpose: recording for purpose, recording in talk.takes.items() if recording != fact.recording}

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def state(self) -> RecordingState:
        return RecordingState(talks=self.talks, pauses=self.pauses, unwanted=self.unwanted, silent=sorted(self.silent))

    def restore(self, state: RecordingState) -> None:
        """Take up a snapshot; indexes and deadlines are made anew."""
        self.talks, self.pauses, self.unwanted, self.silent = state.talks, state.pauses, state.unwanted, set(state.silent)
        for talk in self.talks.values():
            self._of_take.update(dict.fromkeys(talk.takes.values(), talk.segment))
            if talk.demand is not None:
                self.deadlines.set(f"d:{talk.segment}", talk.demand.until)
        for pause in self.pauses.values():
            self.deadlines.set(f"p:{pause.contact}", pause.until)

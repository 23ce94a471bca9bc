"""The fold of calls between agents."""

from __future__ import annotations

from yitong.contact.bus import Bus
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment, Inside
from yitong.domains.acd.model.together import Agents


class Insides:
    """Each of the two has an assignment without a contact."""

    def __init__(self, model: Agents, bus: Bus) -> None:
        self._model = model
        bus.applies(m.InsideBegan, self._began)
        bus.applies(m.InsideWentOut, self._went_out)
        bus.applies(m.InsideOffered, self._offered)
        bus.applies(m.InsideAnswered, self._answered)
        bus.applies(m.InsideEnded, self._ended)

    def _held(self, key: str) -> tuple[Assignment, Inside]:
        assignment = self._model.assignment(key)
        assert assignment is not None
        assert assignment.inside is not None
        return assignment, assignment.inside

    def _admit(self, fact: m.InsideBegan | m.InsideOffered, inside: Inside, at: int) -> None:
        assignment = Assignment(
            id=fact.assignment, agent=fact.agent, contact="", queue="", segment="", channel="voice", state="", since=at, offered_at=at,
            ring_until=fact.ring_until, lease_until=fact.ring_until, targets={fact.connection: fact.device}, inside=inside,
        )  # fmt: skip
        assignment.move("offer", at)
        self._model.admit(assignment, at)

    def _began(self, fact: m.InsideBegan, at: int) -> None:
        self._admit(fact, Inside(agent=fact.to_agent, connection=fact.to_connection, until=fact.ring_until, caller=True), at)

    def _offered(self, fact: m.InsideOffered, at: int) -> None:
        caller, inside = self._held(fact.peer)
        inside.peer = fact.assignment
        there = Inside(agent=fact.from_agent, connection=caller.connection, until=fact.ring_until, peer=fact.peer)
        self._admit(fact, there, at)

    def _there(self, assignment: Assignment, connection: str, at: int) -> None:
        assignment.move("answer", at)
        assignment.connection, assignment.device = connection, assignment.targets.get(connection, "")
        assignment.targets, assignment.answered_at = {}, at

    def _went_out(self, fact: m.InsideWentOut, at: int) -> None:
        assignment, inside = self._held(fact.assignment)
        self._there(assignment, fact.connection, at)
        inside.until = fact.ring_until
        self._model.watch(assignment)

    def _answered(self, fact: m.InsideAnswered, at: int) -> None:
        assignment, inside = self._held(fact.assignment)
        if assignment.state == "offered":
            self._there(assignment, fact.connection, at)
        inside.talks, assignment.since, assignment.answered_at = True, at, at
        self._model.watch(assignment)

    def _ended(self, fact: m.InsideEnded, at: int) -> None:
        assignment, _ = self._held(fact.assignment)
        if assignment.state != "offered":
            assignment.move("end", at)
        self._model.dismiss(assignment, at)

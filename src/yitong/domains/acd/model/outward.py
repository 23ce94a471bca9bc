"""The fold of agents' calls to outside numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.contact.bus import Bus
from yitong.contact.ledger import Personal
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment, Dial
from yitong.domains.acd.model.together import Agents

DIALLED = "dialled"
"""The kind of the Personal record of a number before there is a contact."""


class Outward:
    """A dialled call is an assignment from the first moment on; its customer's connection is found by ``dialled``."""

    def __init__(self, model: Agents, bus: Bus) -> None:
        self._model = model
        handlers: dict[type, Callable[[Any, int], None]] = {
            m.DialBegan: self._began, m.DialWentOut: self._went_out, m.DialAnswered: self._answered, m.DialEnded: self._ended,
        }  # fmt: skip
        for kind, handler in handlers.items():
            bus.applies(kind, handler)
        self._numbers: dict[str, str] = {}
        bus.keeps(self._keep)

    def _keep(self, record: Personal) -> None:
        """A number that is about to be dialled, told just before its ``DialBegan``."""
        if record.kind == DIALLED:
            self._numbers[record.id] = record.value

    def dialled(self, connection: str) -> Assignment | None:
        """The assignment whose number is rung on that connection."""
        return next((one for one in self._model.assignments() if one.dial is not None and one.dial.connection == connection), None)

    def _held(self, key: str) -> tuple[Assignment, Dial]:
        assignment = self._model.assignment(key)
        assert assignment is not None
        assert assignment.dial is not None
        return assignment, assignment.dial

    def _began(self, fact: m.DialBegan, at: int) -> None:
        assignment = Assignment(
            id=fact.assignment, agent=fact.agent, contact=fact.to_contact, queue="", segment="", channel="voice", state="", since=at,
            offered_at=at, ring_until=fact.ring_until, lease_until=fact.ring_until, targets={fact.connection: fact.device},
            dial=Dial(
                call=fact.call, contact=fact.to_contact, connection=fact.to_connection, number=self._numbers.pop(fact.address, ""),
                until=fact.ring_until, then=fact.then, own=fact.own,
            ),
        )  # fmt: skip
        assignment.move("offer", at)
        self._model.admit(assignment, at)

    def _went_out(self, fact: m.DialWentOut, at: int) -> None:
        assignment, dial = self._held(fact.assignment)
        assignment.move("answer", at)
        assignment.connection, assignment.device = fact.connection, fact.device or assignment.targets.get(fact.connection, "")
        for rung in assignment.targets.keys() - {fact.connection}:
            self._model.give_up(rung, at)
        assignment.targets, assignment.segment = {}, fact.segment
        dial.out, dial.until = True, fact.ring_until
        self._model.watch(assignment)

    def _answered(self, fact: m.DialAnswered, at: int) -> None:
        assignment, _ = self._held(fact.assignment)
        assignment.dial, assignment.segment, assignment.answered_at, assignment.since = None, fact.segment, at, at
        self._model.watch(assignment)

    def _ended(self, fact: m.DialEnded, at: int) -> None:
        assignment, _ = self._held(fact.assignment)
        if assignment.state != "offered":
            assignment.move("end", at)
        self._model.dismiss(assignment, at)

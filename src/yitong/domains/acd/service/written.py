"""Contacts that are no calls (mails): opened, given back, and left on a desk only while its agent is there.

Nothing of them is on the switch, so nothing is asked of it: what is decided here is true as soon as the ledger has it.
"""

from __future__ import annotations

from yitong.contact.bus import Bus, Refused, Unit
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Agent, Assignment
from yitong.domains.acd.service.acts import Acts


class Written:
    """One function a command."""

    def __init__(self, bus: Bus, acts: Acts) -> None:
        self._acts = acts
        self._model = acts.model
        bus.obeys(m.OpenContact, self.open)
        bus.obeys(m.ReturnContact, self.give_back)

    def open(self, command: m.OpenContact, unit: Unit) -> None:
        """The wait is over; opened twice (a double click, an answer that was lost) is opened once."""
        assignment = self._acts.mine(command.agent, command.assignment, "offered", "active", written=True)
        if assignment.switched:
            raise Refused("wrong_state", state=assignment.channel)
        if assignment.state == "offered":
            self._acts.answered(assignment, "", unit)

    def give_back(self, command: m.ReturnContact, unit: Unit) -> None:
        """Raises Refused: not_found, wrong_state, unknown_queue."""
        assignment = self._acts.mine(command.agent, command.assignment, "active", written=True)
        if assignment.switched:
            raise Refused("wrong_state", state=assignment.channel)
        queue = self._model.queue_named(command.queue or assignment.queue)
        if queue is None:
            raise Refused("unknown_queue")
        self._return(assignment, queue.id, unit, rests=assignment.agent)

    def give_back_all(self, agent: Agent, unit: Unit) -> None:
        """The agent goes home: what he has not answered is somebody else's."""
        for assignment in [one for one in agent.assignments.values() if not one.switched]:
            if assignment.state == "offered":
                self._acts.end_offer(assignment, "lost", unit, rest_seconds=0)
            elif assignment.state == "active":
                self._return(assignment, assignment.queue, unit)

    def _return(self, assignment: Assignment, queue: str, unit: Unit, *, rests: str = "") -> None:
        """Its place, and when it should have been answered, count from its first arrival."""
        contact = self._acts.registry.get(assignment.contact)
        self._acts.end_talk(assignment, "given_back", unit)
        if contact is not None:
            self._acts.queue(contact, queue, unit, virtual_arrival=contact.arrived_at, rests=rests)

"""What agents ask for. A command that does not fit the moment is refused with ``wrong_state`` and changes nothing."""

from __future__ import annotations

from yitong.contact.bus import Bus, Refused, Unit
from yitong.ct.model import Cause
from yitong.ct.services import Clear, Hold, Retrieve
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Agent, Assignment
from yitong.domains.acd.model.queue import micro
from yitong.domains.acd.service.acts import LEASE_SECONDS, Acts
from yitong.domains.acd.service.written import Written


class Desk:
    """One function a command."""

    def __init__(self, bus: Bus, acts: Acts, tenant: str) -> None:
        self._written = Written(bus, acts)
        self._acts = acts
        self._model = acts.model
        self._tenant = tenant
        bus.obeys(m.SetAgentState, self.set_state)
        bus.obeys(m.LockDesk, self.lock)
        bus.obeys(m.UnlockDesk, self.unlock)
        bus.applies(m.DeskLocked, self._locked)
        bus.obeys(m.RefuseOffer, self.refuse)
        bus.obeys(m.HoldContact, self.hold)
        bus.obeys(m.RetrieveContact, self.retrieve)
        bus.obeys(m.HangUp, self.hang_up)
        bus.obeys(m.WrapUp, self.wrap_up)

    def _chosen(self, kind: str, word: str, refusal: str) -> None:
        """Raises Refused when it is none of those to choose from: no words of somebody's own stand in the ledger."""
        if word and not self._model.knows(kind, word):
            raise Refused(refusal)

    def set_state(self, command: m.SetAgentState, unit: Unit) -> str:
        return self.change_state(command.agent, command.state, command.reason, "agent", unit)

    def change_state(self, key: str, duty: m.Duty, reason: str, by: str, unit: Unit) -> str:
        """Change the duty; answers the derived state. A break asked for in a call begins after it."""
        if key not in self._model.agent_configs:
            raise Refused("not_found")
        self._chosen("reason", reason, "unknown_reason")
        agent = self._model.agents.get(key) or Agent(id=key)
        if agent.locked and duty == "ready" and by == "supervisor":
            raise Refused("wrong_state", state="locked")
        if duty == "logged_off":
            if agent.talks:
                raise Refused("wrong_state", state=agent.state)
            self._written.give_back_all(agent, unit)
            for assignment in list(agent.assignments.values()):
                self._end_wrap_up(assignment, "logged_off", assignment.code, assignment.note, unit)
        if agent.locked and duty != "not_ready":
            unit.tell(m.DeskLocked(agent=key, on=False, by="system"))
        if (agent.duty, agent.reason) != (duty, reason):
            unit.tell(m.AgentDutyChanged(agent=key, duty=duty, reason=reason, by=by))
        known = self._model.agents.get(key)
        return known.state if known is not None else agent.state

    def lock(self, command: m.LockDesk, unit: Unit) -> None:
        """Raises Refused: wrong_state, not_found, unknown_reason."""
        agent = self._model.agents.get(command.agent)
        if agent is not None and agent.assignments:
            raise Refused("wrong_state", state=agent.state)
        self.change_state(command.agent, "not_ready", command.reason, "agent", unit)
        unit.tell(m.DeskLocked(agent=command.agent, on=True))

    def _locked(self, fact: m.DeskLocked, at: int) -> None:
        self._model.agents[fact.agent].locked = fact.on

    def unlock(self, command: m.UnlockDesk, unit: Unit) -> None:
        """Unlocking what is not locked changes nothing."""
        agent = self._model.agents.get(command.agent)
        if agent is not None and agent.locked:
            unit.tell(m.DeskLocked(agent=command.agent, on=False, by=command.by))

    def refuse(self, command: m.RefuseOffer, unit: Unit) -> None:
        assignment = self._acts.mine(command.agent, command.assignment, "offered", inside=True, written=True)
        if assignment.inside is not None and assignment.inside.caller:
            raise Refused("wrong_state", state="dialling")
        if assignment.host or assignment.inside is not None:
            for connection in assignment.targets:
                self._acts.clear(connection, unit, Cause.REFUSED)
            return
        self._acts.end_offer(assignment, "refused", unit)

    def hold(self, command: m.HoldContact, unit: Unit) -> None:
        assignment = self._acts.mine(command.agent, command.assignment, "active")
        contact = self._acts.registry.get(assignment.contact)
        music = self._acts.music_file(self._model.queue_configs.get(assignment.queue), contact.language if contact else "")
        unit.ask(Hold(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection, music=music))

    def retrieve(self, command: m.RetrieveContact, unit: Unit) -> None:
        assignment = self._acts.mine(command.agent, command.assignment, "held")
        unit.ask(Retrieve(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection))

    def hang_up(self, command: m.HangUp, unit: Unit) -> None:
        """The switch is asked to clear the agent's connection; should it stay silent, the talk is over all the same."""
        states = ("offered", "active", "held", "interrupted")
        assignment = self._acts.mine(command.agent, command.assignment, *states, dialling=True, apart=True, inside=True, written=True)
        if assignment.dial is not None or (assignment.inside is not None and (assignment.inside.caller or assignment.inside.talks)):
            for connection in assignment.connections():
                self._acts.clear(connection, unit)
            return
        if assignment.state == "offered":
            raise Refused("wrong_state", state=assignment.state)
        if assignment.state == "interrupted" or not assignment.switched:
            self._acts.released(assignment, unit, clear=True)
            return
        if assignment.host:
            self._acts.clear(assignment.connection, unit)
            return
        assignment.hang_up_by = unit.now + micro(LEASE_SECONDS)
        self._model.deadlines.set(f"a:{assignment.id}", assignment.deadline())
        unit.ask(Clear(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection))

    def wrap_up(self, command: m.WrapUp, unit: Unit) -> None:
        """A draft may be written as soon as the agent talks; the end of wrap-up names the next duty, or leaves it as it is."""
        states = ("active", "held", "interrupted", "wrapping_up") if command.draft else ("wrapping_up",)
        assignment = self._acts.mine(command.agent, command.assignment, *states, apart=True, written=True)
        self._chosen("wrap_up_code", command.code, "unknown_code")
        self._chosen("reason", command.reason, "unknown_reason")
        note = unit.keep(self._tenant, "note", command.note, assignment.contact) if command.note else ""
        if command.draft:
            unit.tell(m.WrapUpDrafted(
                contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
                assignment=assignment.id, code=command.code, note=note,
            ))  # fmt: skip
            return
        self._end_wrap_up(assignment, "agent", command.code or assignment.code, note or assignment.note, unit)
        agent = self._model.agents[assignment.agent]
        if command.next_state and (agent.duty, agent.reason) != (command.next_state, command.reason):
            unit.tell(m.AgentDutyChanged(agent=agent.id, duty=command.next_state, reason=command.reason, by="agent"))

    def _end_wrap_up(self, assignment: Assignment, cause: str, code: str, note: str, unit: Unit) -> None:
        unit.tell(m.WrapUpEnded(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue, cause=cause,
            assignment=assignment.id, code=code, note=note, wrap_up_us=unit.now - assignment.wrap_since,
        ))  # fmt: skip

    def wrap_up_over(self, assignment: Assignment, unit: Unit) -> None:
        """The time for after-call work is over; what was drafted stands. The duty stays as it is."""
        self._end_wrap_up(assignment, "time_limit", assignment.code, assignment.note, unit)

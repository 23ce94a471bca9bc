"""Agents let contacts into flows: for good, or while they wait apart and get back what the flow collected (H53, H67, H69).

The contact enters only when the switch has said that the agent is in a room of his own: he never hears what the customer says or presses
there, and nothing of it is recorded. When the flow gives the contact back (or the agent takes it) he comes back into the customer's room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.journey import begin_segment
from yitong.contact.messages import AttributeSet
from yitong.contact.registry import LiveContact
from yitong.ct import services as ct
from yitong.ct.events import Moved, ServiceFailed, TransferAsked
from yitong.ct.model import Cause, Connection, StandingOrder
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment
from yitong.domains.acd.model.detours import Flows
from yitong.domains.acd.model.queue import micro
from yitong.domains.acd.service.acts import LEASE_SECONDS, RESUME_SECONDS, STANDING_SECONDS, Acts
from yitong.flow.made import FAX, PROMPT, START, name_of
from yitong.flow.messages import SideFlowEnded

GIVEN_BACK = frozenset({"returned", "taken_back", "fault"})
LONGEST_VALUE = 200


class Detours:
    """One function a command, then what the switch and the flow tell. ``flows`` is set by the composition root."""

    flows: Flows
    flow_of: Callable[[str], str] = staticmethod(lambda number: "")
    """The flow of a number of ours, empty without one; set by the composition root."""

    def __init__(self, bus: Bus, acts: Acts, tenant: str) -> None:
        self._acts = acts
        self._model = acts.model
        self._tenant = tenant
        acts.end_detour, acts.agent_away = self.end, self.agent_away
        acts.sending, acts.send = self.sending, self.send
        bus.obeys(m.ListEntries, self.entries)
        bus.obeys(m.LetIntoFlow, self.let_in)
        bus.obeys(m.SendInto, self.send_into)
        bus.obeys(m.TakeBack, self.take_back)
        bus.hears(Moved, self._moved)
        bus.hears(TransferAsked, self._asked_by_telephone)
        bus.hears(ServiceFailed, self._service_failed)
        bus.reacts(SideFlowEnded, self._flow_ended)

    # --- commands ------------------------------------------------------------------------------------------------------------------

    def entries(self, command: m.ListEntries, unit: Unit) -> list[dict[str, Any]]:
        return [
            {
                "flow": flow, "flow_name": dict(document.name), "step": step, "name": dict(entry.name), "beside": entry.beside,
                "takes": [{"name": name, "label": dict(document.data.get(name, {}))} for name in entry.takes],
                "returns": [{"name": name, "label": dict(document.data.get(name, {}))} for name in entry.returns],
            }
            for flow, document, step, entry in sorted(self.flows.entries(), key=lambda one: (one[0], one[2]))
        ]  # fmt: skip

    def let_in(self, command: m.LetIntoFlow, unit: Unit) -> None:
        """Raises Refused: wrong_state, unknown_entry, not_beside, unknown_value."""
        assignment = self._mine(command.agent, command.assignment)
        entry = self.flows.entry(command.flow, command.step)
        if entry is None or ":" in command.flow:
            raise Refused("unknown_entry")
        if command.wait and not entry.beside:
            raise Refused("not_beside")
        if command.values.keys() - set(entry.takes) or any(len(value) > LONGEST_VALUE for value in command.values.values()):
            raise Refused("unknown_value")
        for name, value in command.values.items():
            kept = unit.keep(self._tenant, "value", value, assignment.contact)
            unit.tell(AttributeSet(contact=assignment.contact, name=name, personal=kept))
        self.begin(assignment, command.flow, command.step, unit, wait=command.wait)

    def send_into(self, command: m.SendInto, unit: Unit) -> None:
        """Raises Refused: wrong_state, unknown_prompt, unknown_fax."""
        assignment = self._mine(command.agent, command.assignment)
        self.begin(assignment, self.sending(command.prompt, command.fax), START, unit, wait=command.wait)

    def send(self, assignment: Assignment, flow: str, unit: Unit) -> None:
        """What was asked for when the number was dialled."""
        self.begin(assignment, flow, START, unit, wait=True)

    def sending(self, prompt: str, fax: str) -> str:
        """The flow that sends a prompt or a fax. Raises Refused when there is no such thing."""
        if prompt:
            if self._acts.library.find(prompt, "") is None:
                raise Refused("unknown_prompt")
            return name_of(PROMPT, prompt)
        if not self._acts.has_fax(fax):
            raise Refused("unknown_fax")
        return name_of(FAX, fax)

    def _mine(self, agent: str, key: str) -> Assignment:
        assignment = self._acts.mine(agent, key, "active", "held")
        asked = assignment.consultation
        if assignment.host or not (asked is None or (asked.state == "over" and not asked.aside)):
            raise Refused("wrong_state", state="consulting")
        return assignment

    def begin(self, assignment: Assignment, flow: str, step: str, unit: Unit, *, wait: bool) -> None:
        """The agent steps aside, or leaves."""
        if assignment.consultation is not None:
            self._acts.end_consultation(assignment, "returned", unit)
        if not wait:
            self._give(assignment, flow, step, unit)
            return
        unit.tell(m.DetourBegan(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
            connection=assignment.connection, assignment=assignment.id, flow=flow, step=step, until=unit.now + micro(LEASE_SECONDS),
        ))  # fmt: skip
        unit.ask(ct.StepAside(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection))

    def _give(self, assignment: Assignment, flow: str, step: str, unit: Unit) -> None:
        """The agent is free; the contact goes on in the flow, and after it where it would have gone after the talk."""
        contact, connection = self._acts.registry.get(assignment.contact), assignment.connection
        if contact is None:
            raise Refused("not_found")
        self._acts.end_talk(assignment, "transferred", unit)
        self._acts.clear(connection, unit, Cause.TRANSFERRED)
        self._acts.wrap_up(assignment, unit)
        begin_segment(contact, "ivr", unit, cause="transferred")
        self.flows.let_in(contact.id, flow, step, unit, beside=False)

    def take_back(self, command: m.TakeBack, unit: Unit) -> None:
        """What plays or collects ends at once. Raises Refused: wrong_state."""
        assignment = self._acts.mine(command.agent, command.assignment, "active", "held", "interrupted", apart=True)
        if assignment.detour is None:
            raise Refused("wrong_state", state=assignment.state)
        if assignment.detour.state == "leaving":
            self._ended(assignment, "taken_back", "", unit)
        else:
            self.flows.fetch(assignment.contact, "taken_back", unit)

    def _asked_by_telephone(self, event: TransferAsked, unit: Unit) -> None:
        """The agent's telephone transfers to a number of a flow: from its beginning, for good. What he may not do now is left undone."""
        assignment = self._model.of_connection(event.connection)
        flow = self.flow_of(event.number)
        step = self.flows.first(flow) if flow else ""
        if assignment is None or not step or self._acts.registry.get(assignment.contact) is None:
            return
        try:
            self._mine(assignment.agent, assignment.id)
        except Refused:
            return
        self.begin(assignment, flow, step, unit, wait=False)

    # --- what the switch and the flow tell -----------------------------------------------------------------------------------------

    def _moved(self, event: Moved, unit: Unit) -> None:
        assignment = self._model.of_connection(event.connection)
        detour = assignment.detour if assignment is not None else None
        if assignment is None or detour is None or detour.state != "leaving" or event.room != event.connection:
            return
        unit.tell(m.DetourEntered(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
            connection=assignment.connection, assignment=assignment.id,
        ))  # fmt: skip
        self.flows.let_in(assignment.contact, detour.flow, detour.step, unit, beside=True)

    def _service_failed(self, event: ServiceFailed, unit: Unit) -> None:
        assignment = self._model.of_connection(event.connection)
        if event.kind == ct.StepAside.__name__ and assignment is not None:
            self.overdue(assignment, unit)

    def overdue(self, assignment: Assignment, unit: Unit) -> None:
        """The switch did not let the agent step aside, or keeps silent."""
        if assignment.detour is not None and assignment.detour.state == "leaving":
            self._ended(assignment, "failed", "", unit)

    def _flow_ended(self, fact: SideFlowEnded, unit: Unit) -> None:
        """The contact left the flow."""
        assignment = self._model.of_contact(fact.contact)
        if assignment is None or assignment.detour is None or assignment.detour.state != "there":
            return
        self._ended(assignment, fact.cause, fact.result, unit)

    def _ended(self, assignment: Assignment, cause: str, result: str, unit: Unit) -> None:
        """The contact is the agent's again, unless it is gone; if his device was lost meanwhile it has its time to come back now."""
        interrupted = assignment.state == "interrupted" and cause in GIVEN_BACK
        unit.tell(m.DetourEnded(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
            connection=assignment.connection, assignment=assignment.id, cause=cause, result=result,
            resume_until=unit.now + micro(RESUME_SECONDS) if interrupted else 0,
        ))  # fmt: skip
        contact = self._acts.registry.get(assignment.contact)
        if contact is not None and cause in ("taken_back", "fault"):
            unit.ask(ct.Stop(id=unit.new_id(), tenant=self._tenant, connection=contact.connection))
        if interrupted:
            self._wait_with_music(assignment, contact, unit)
            self._acts.try_resume(assignment, unit)
        elif assignment.connection and cause in (*GIVEN_BACK, "failed"):
            self._rejoin(assignment, unit)

    def _wait_with_music(self, assignment: Assignment, contact: LiveContact | None, unit: Unit) -> None:
        if contact is not None:
            self._acts.play_music(contact, self._model.queue_configs.get(assignment.queue), unit)

    def _rejoin(self, assignment: Assignment, unit: Unit) -> None:
        unit.ask(ct.Reconnect(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection))

    # --- shared --------------------------------------------------------------------------------------------------------------------

    def end(self, assignment: Assignment, cause: str, unit: Unit) -> None:
        """The agent's talk is over. Who hung up leaves the contact in the flow; else it is taken out of it."""
        detour = assignment.detour
        if detour is None:
            return
        self._ended(assignment, cause, "", unit)
        if detour.state != "there":
            return
        if cause in ("agent_left", "released"):
            self.flows.leave_alone(assignment.contact, unit)
        elif cause != "customer_left":
            self.flows.fetch(assignment.contact, cause, unit)

    def agent_away(self, assignment: Assignment, unit: Unit) -> None:
        """His device was lost: the contact goes on in the flow, and the switch does not release it for being alone."""
        contact = self._acts.registry.get(assignment.contact)
        if contact is None:
            return
        order = StandingOrder(
            wait_seconds=STANDING_SECONDS,
            music=self._acts.music_file(self._model.queue_configs.get(assignment.queue), contact.language),
        )
        unit.ask(ct.SetStandingOrder(id=unit.new_id(), tenant=self._tenant, connection=contact.connection, order=order))

    def compare(self, assignment: Assignment, real: Connection, fresh: bool, unit: Unit) -> Moved | None:
        """The agent's connection in the switch's picture: where he is and where he should be. Answers what we missed."""
        apart, detour = real.room == real.connection, assignment.detour
        if detour is not None and detour.state == "leaving" and apart:
            return Moved(call=real.call, connection=real.connection, room=real.room)
        if fresh:
            return None
        if detour is not None and detour.state == "there" and not apart:
            unit.ask(ct.StepAside(id=unit.new_id(), tenant=self._tenant, connection=real.connection))
        elif detour is None and assignment.consultation is None and apart:
            self._rejoin(assignment, unit)
        return None

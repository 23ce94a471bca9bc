"""Agents call outside numbers: the right to it, the agent's own telephone first, then the number."""

from __future__ import annotations

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.journey import begin_segment
from yitong.contact.messages import ContactArrived
from yitong.contact.registry import LiveContact
from yitong.ct import services as ct
from yitong.ct.model import Cause
from yitong.ct.number_plan import NumberPlan
from yitong.ct.numbering import can_be_dialled, plain
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment, Dial
from yitong.domains.acd.model.outward import DIALLED
from yitong.domains.acd.model.queue import micro
from yitong.domains.acd.service.acts import LEASE_SECONDS, Acts

OWN_SECONDS = 20.0
RING_SECONDS = 60.0
FAILURES = {Cause.BUSY: "refused", Cause.REFUSED: "refused", Cause.NO_ANSWER: "no_answer"}


class Outward:
    """One function a command, then one an event of the switch."""

    def __init__(self, bus: Bus, acts: Acts, tenant: str, dialling: NumberPlan) -> None:
        self._dialling = dialling
        self._acts = acts
        self._model = acts.model
        self._registry = acts.registry
        self._tenant = tenant
        bus.obeys(m.CallOut, self.call_out)

    def call_out(self, command: m.CallOut, unit: Unit) -> str:
        """Raises Refused: not_found, wrong_state, no_telephone, bad_number, number_not_allowed, unknown_prompt, unknown_fax."""
        config, agent = self._model.agent_configs.get(command.agent), self._model.agents.get(command.agent)
        if config is None:
            raise Refused("not_found")
        number = plain(command.number)
        if not can_be_dialled(number):
            raise Refused("bad_number")
        if not self._dialling.may_call(number, config.may_call):
            raise Refused("number_not_allowed")
        if agent is None or not agent.reachable:
            raise Refused("no_telephone")
        if agent.load("voice") >= config.capacity.get("voice", 1):
            raise Refused("wrong_state", state=agent.state)
        usable = sorted((device for device in agent.devices.values() if device.usable), key=lambda one: (one.kind != "page", one.device))
        then = self._acts.sending(command.prompt, command.fax) if command.prompt or command.fax else ""
        return self._begin(command.agent, usable[0].device, number, then, unit)

    def _begin(self, agent: str, device: str, number: str, then: str, unit: Unit) -> str:
        contact, assignment, connection, call = (unit.new_id() for _ in range(4))
        unit.tell(m.DialBegan(
            agent=agent, connection=connection, assignment=assignment, device=device, call=call, to_contact=contact,
            to_connection=unit.new_id(), address=unit.keep(self._tenant, DIALLED, number, contact),
            ring_until=unit.now + micro(OWN_SECONDS + LEASE_SECONDS), then=then,
        ))  # fmt: skip
        unit.ask(ct.Make(
            id=unit.new_id(), tenant=self._tenant, call=call, connection=connection, device=device, called="", calling=number,
            ring_seconds=OWN_SECONDS, auto_answer=True,
        ))  # fmt: skip
        return assignment

    # --- what the switch tells -------------------------------------------------------------------------------------------------------

    def device_there(self, assignment: Assignment, connection: str, unit: Unit) -> None:
        """The agent's own telephone answered: the number is rung, and the contact arrives."""
        dial = assignment.dial
        if dial is None or dial.out:
            return
        if not dial.number:  # erased meanwhile
            self.overdue(assignment, unit)
            return
        config = self._model.agent_configs.get(assignment.agent)
        own, language = (config.extension, config.language) if config is not None else ("", "")
        unit.tell(ContactArrived(
            contact=dial.contact, connection=dial.connection, channel="voice", direction="out", call=dial.call, number=own,
            called=unit.keep(self._tenant, "address", dial.number, dial.contact),
            calling=unit.keep(self._tenant, "address", own, dial.contact), language=language or "zh-CN",
        ))  # fmt: skip
        contact = self._registry.get(dial.contact)
        assert contact is not None
        segment = begin_segment(contact, "dial", unit, agent=assignment.agent)
        unit.tell(m.DialWentOut(
            contact=contact.id, segment=segment, agent=assignment.agent, connection=connection, assignment=assignment.id,
            ring_until=unit.now + micro(RING_SECONDS + LEASE_SECONDS),
        ))  # fmt: skip
        unit.ask(ct.Route(
            id=unit.new_id(), tenant=self._tenant, connection=connection, contact=contact.id, ring_seconds=RING_SECONDS, calling=own,
            targets=(ct.Target(connection=dial.connection, number=dial.number),),
        ))  # fmt: skip

    def customer_there(self, contact: LiveContact, unit: Unit) -> None:
        """The called one answered; what was to be sent follows by itself."""
        assignment = self._model.outward.dialled(contact.connection)
        if assignment is not None:
            then = assignment.dial.then if assignment.dial is not None else ""
            rang = unit.now - assignment.since
            segment = begin_segment(contact, "agent", unit, agent=assignment.agent, cause="answered")
            unit.tell(m.DialAnswered(
                contact=contact.id, segment=segment, agent=assignment.agent, connection=assignment.connection, assignment=assignment.id,
                rang_us=rang,
            ))  # fmt: skip
            if then:
                self._acts.send(assignment, then, unit)

    def customer_gone(self, contact: LiveContact, cause: Cause, unit: Unit) -> bool:
        """The number was not reached; true when that was all there was to the contact."""
        assignment = self._model.outward.dialled(contact.connection)
        if assignment is None:
            return False
        connection = assignment.connection
        self._end(assignment, FAILURES.get(cause, "unreachable"), unit)
        self._acts.clear(connection, unit)
        return True

    def device_gone(self, assignment: Assignment, cause: Cause, unit: Unit) -> None:
        """The agent's own telephone did not answer, or hung up before the number did; the customer's connection ends with it."""
        dial = assignment.dial
        if dial is not None:
            self._end(assignment, "agent_left" if dial.out else FAILURES.get(cause, "unreachable"), unit)
            self._drop(dial, unit)

    def overdue(self, assignment: Assignment, unit: Unit) -> None:
        """The switch kept silent."""
        dial, connections = assignment.dial, assignment.connections()
        if dial is not None:
            self._end(assignment, "no_answer", unit)
            for connection in connections:
                self._acts.clear(connection, unit, Cause.CANCELLED)
            self._drop(dial, unit)

    def _drop(self, dial: Dial, unit: Unit) -> None:
        if dial.out:
            self._acts.clear(dial.connection, unit, Cause.CANCELLED)

    def _end(self, assignment: Assignment, cause: str, unit: Unit) -> None:
        out = assignment.dial is not None and assignment.dial.out
        unit.tell(m.DialEnded(
            contact=assignment.contact if out else "", segment=assignment.segment, agent=assignment.agent,
            connection=assignment.connection, assignment=assignment.id, cause=cause,
        ))  # fmt: skip

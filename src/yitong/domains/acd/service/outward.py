"""Agents call outside numbers: the right to it, the agent's own telephone first, then the number."""

from __future__ import annotations

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.journey import begin_segment
from yitong.contact.messages import ContactAnswered, ContactArrived
from yitong.contact.registry import LiveContact
from yitong.ct import services as ct
from yitong.ct.events import Originated, Transferred
from yitong.ct.model import Cause, Dialled
from yitong.ct.number_plan import NumberPlan
from yitong.ct.numbering import NumberClass, can_be_dialled, plain
from yitong.ct.results import result_of
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment, Dial
from yitong.domains.acd.model.outward import DIALLED
from yitong.domains.acd.model.queue import micro
from yitong.domains.acd.service.acts import LEASE_SECONDS, Acts
from yitong.flow.made import MESSAGE, name_of

OWN_SECONDS = 20.0
RING_SECONDS = 60.0
OWN = {Cause.BUSY: "refused", Cause.REFUSED: "refused", Cause.NO_ANSWER: "no_answer"}
"""Why the agent's own telephone did not take the call: who is busy there has refused."""


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
        urgent = self.is_emergency(number) and not agent.talks  # what he writes up can wait
        if agent.load("voice") >= config.most("voice") and not urgent:
            raise Refused("wrong_state", state=agent.state)
        usable = sorted((device for device in agent.devices.values() if device.usable), key=lambda one: (one.kind != "page", one.device))
        then = self._acts.sending(command.prompt, command.fax) if command.prompt or command.fax else ""
        if command.after_beep:
            if not command.prompt:
                raise Refused("unknown_prompt")
            then = name_of(MESSAGE, command.prompt)
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

    # --- dialled at the telephone ----------------------------------------------------------------------------------------------------

    def is_emergency(self, number: str) -> bool:
        return self._dialling.class_of(plain(number)) is NumberClass.EMERGENCY

    def refused(self, agent: str, number: str) -> Cause | None:
        """Why an agent may not call a number that he dialled."""
        config, number = self._model.agent_configs.get(agent), plain(number)
        if not can_be_dialled(number):
            return Cause.NO_SUCH_NUMBER
        allowed = config is not None and self._dialling.may_call(number, config.may_call)
        return None if allowed else Cause.NOT_ALLOWED

    def dialled(self, agent: str, event: Originated, dialled: Dialled, unit: Unit, *, route: bool = True) -> None:
        """The agent dialled at a telephone of his own: as at the desk, but that telephone is there. ``route``: it is to be rung."""
        assignment, contact = unit.new_id(), unit.new_id()
        unit.tell(m.DialBegan(
            agent=agent, connection=event.connection, assignment=assignment, device=event.device, call=event.call, to_contact=contact,
            to_connection=dialled.connection, address=unit.keep(self._tenant, DIALLED, plain(dialled.number), contact),
            ring_until=unit.now + micro(RING_SECONDS + LEASE_SECONDS), own=True,
        ))  # fmt: skip
        held = self._model.assignment(assignment)
        if held is not None:
            self._go_out(held, event.connection, unit, route=route)

    def given(self, talker: Assignment, event: Transferred, unit: Unit) -> None:
        """A colleague gave whom he talked with to an outside number, which has answered: a contact begins, and they talk."""
        assignment, contact = unit.new_id(), unit.new_id()
        unit.tell(m.DialBegan(
            agent=talker.agent, connection=talker.connection, assignment=assignment, device=talker.device, call=event.call,
            to_contact=contact, to_connection=event.to_connection, address=unit.keep(self._tenant, DIALLED, plain(event.called), contact),
            ring_until=unit.now + micro(LEASE_SECONDS), own=True,
        ))  # fmt: skip
        held = self._model.assignment(assignment)
        assert held is not None
        self._go_out(held, talker.connection, unit, route=False)
        began = self._registry.get(contact)
        assert began is not None
        unit.tell(ContactAnswered(contact=began.id, connection=began.connection))
        self._talk(held, began, unit)

    # --- what the switch tells -------------------------------------------------------------------------------------------------------

    def device_there(self, assignment: Assignment, connection: str, unit: Unit, device: str = "") -> None:
        """The agent's own telephone is there: the number is rung, and the contact arrives; where he dialled at it, the number answered.
        ``device``: another telephone of his than the one that was rung."""
        dial = assignment.dial
        if dial is None:
            return
        if dial.out:
            contact = self._registry.get(dial.contact)
            if dial.own and contact is not None and contact.state == "live":
                self._talk(assignment, contact, unit)
        elif not dial.number:  # erased meanwhile
            self.overdue(assignment, unit)
        else:
            self._go_out(assignment, connection, unit, device=device)

    def _go_out(self, assignment: Assignment, connection: str, unit: Unit, *, route: bool = True, device: str = "") -> None:
        dial = assignment.dial
        assert dial is not None
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
            ring_until=unit.now + micro(RING_SECONDS + LEASE_SECONDS), device=device,
        ))  # fmt: skip
        if not route:
            return
        unit.ask(ct.Route(
            id=unit.new_id(), tenant=self._tenant, connection=connection, contact=contact.id, ring_seconds=RING_SECONDS, calling=own,
            targets=(ct.Target(connection=dial.connection, number=dial.number),), tones=True,
        ))  # fmt: skip

    def customer_there(self, contact: LiveContact, unit: Unit) -> None:
        """The called one answered; a telephone that dialled by itself is answered now, and they talk when it is there."""
        assignment = self._model.outward.dialled(contact.connection)
        if assignment is not None and assignment.dial is not None and not assignment.dial.own:
            self._talk(assignment, contact, unit)

    def _talk(self, assignment: Assignment, contact: LiveContact, unit: Unit) -> None:
        """Both are there; what was to be sent follows by itself."""
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
        self.end(assignment, result_of(cause), unit)
        self._acts.clear(connection, unit)
        return True

    def device_gone(self, assignment: Assignment, cause: Cause, unit: Unit) -> None:
        """The agent's own telephone did not answer, or hung up before the number did; the customer's connection ends with it."""
        dial = assignment.dial
        if dial is not None:
            self.end(assignment, "agent_left" if dial.out else OWN.get(cause, "unreachable"), unit)
            self._drop(dial, unit)

    def overdue(self, assignment: Assignment, unit: Unit) -> None:
        """The switch kept silent."""
        dial, connections = assignment.dial, assignment.connections()
        if dial is not None:
            self.end(assignment, "no_answer", unit)
            for connection in connections:
                self._acts.clear(connection, unit, Cause.CANCELLED)
            self._drop(dial, unit)

    def _drop(self, dial: Dial, unit: Unit) -> None:
        if dial.out:
            self._acts.clear(dial.connection, unit, Cause.CANCELLED)

    def end(self, assignment: Assignment, cause: str, unit: Unit) -> None:
        out = assignment.dial is not None and assignment.dial.out
        unit.tell(m.DialEnded(
            contact=assignment.contact if out else "", segment=assignment.segment, agent=assignment.agent,
            connection=assignment.connection, assignment=assignment.id, cause=cause,
        ))  # fmt: skip

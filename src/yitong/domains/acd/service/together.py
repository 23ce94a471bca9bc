"""Several at one contact: consultation, alternate, conference, transfer; what agents ask for, and what the switch tells of it."""

from __future__ import annotations

from dataclasses import dataclass

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.journey import begin_segment, end_segment
from yitong.contact.registry import LiveContact
from yitong.ct import services as ct
from yitong.ct.events import Conferenced, Moved, Transferred
from yitong.ct.model import Cause, Participation
from yitong.ct.number_plan import NumberPlan
from yitong.ct.results import result_of
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment, Consultation
from yitong.domains.acd.model.queue import micro
from yitong.domains.acd.model.together import Handover, Outside
from yitong.domains.acd.service.acts import LEASE_SECONDS, Acts

RING_SECONDS = 30.0
KEYS = frozenset("0123456789*#ABCD")
FAILURES = {
    Cause.BUSY: "refused", Cause.REFUSED: "refused", Cause.NO_ANSWER: "no_answer", Cause.NO_SUCH_NUMBER: "unreachable",
    Cause.UNREACHABLE: "unreachable",
}  # fmt: skip


@dataclass(frozen=True)
class Whom:
    """Who shall be rung: a device of ours with its agent, or an outside number."""

    device: str = ""
    agent: str = ""
    number: str = ""


class Together:
    """One function a command, then one an event. Each ``*_of`` event function says whether the connection was its business."""

    def __init__(self, bus: Bus, acts: Acts, tenant: str, dialling: NumberPlan) -> None:
        self._dialling = dialling
        self._acts = acts
        self._model = acts.model
        self._registry = acts.registry
        self._tenant = tenant
        acts.end_consultation = self.end
        acts.hand_over = self.hand_over
        bus.obeys(m.Consult, self.consult)
        bus.obeys(m.Alternate, self.alternate)
        bus.obeys(m.Reconnect, self.reconnect)
        bus.obeys(m.Conference, self.conference)
        bus.obeys(m.Transfer, self.transfer)
        bus.obeys(m.Mute, self.mute)
        bus.obeys(m.SendKeys, self.send_keys)
        bus.hears(Moved, self._moved)
        bus.hears(Conferenced, self._conferenced)
        bus.hears(Transferred, self._transferred)

    # --- commands ------------------------------------------------------------------------------------------------------------------

    def consult(self, command: m.Consult, unit: Unit) -> None:
        """Raises Refused: wrong_state, not_found, agent_unreachable, agent_busy, bad_number, number_not_allowed."""
        assignment = self._acts.mine(command.agent, command.assignment, "active", "held")
        self._may_begin(assignment)
        self._begin(assignment, self._whom(command.agent, command.to_agent, command.number), unit)

    def _may_begin(self, assignment: Assignment) -> None:
        over = assignment.consultation is not None and assignment.consultation.state == "over" and not assignment.consultation.aside
        if assignment.host or not (assignment.consultation is None or over):
            raise Refused("wrong_state", state="consulting")

    def _whom(self, asker: str, agent: str, number: str) -> Whom:
        agent = agent or self._model.agent_of_account(number) or ""
        if not agent:
            digits = number.replace(" ", "").replace("-", "")
            if not digits.removeprefix("+").isdigit() or len(digits) > 20:
                raise Refused("bad_number")
            self._refuse_outside(asker, digits)
            return Whom(number=digits)
        config, live = self._model.agent_configs.get(agent), self._model.agents.get(agent)
        if config is None or agent == asker:
            raise Refused("not_found")
        if live is None or live.duty == "logged_off" or not live.reachable:
            raise Refused("agent_unreachable")
        if live.load("voice") >= config.most("voice"):
            raise Refused("agent_busy")
        usable = sorted((device for device in live.devices.values() if device.usable), key=lambda one: (one.kind != "page", one.device))
        return Whom(device=usable[0].device, agent=agent)

    def _refuse_outside(self, asker: str, number: str) -> None:
        config = self._model.agent_configs.get(asker)
        if not self._dialling.may_call(number, config.may_call if config is not None else ()):
            raise Refused("number_not_allowed")

    def _begin(self, assignment: Assignment, whom: Whom, unit: Unit) -> None:
        if assignment.consultation is not None:
            self._tell_end(assignment, assignment.consultation, "returned", unit)
        connection, guest = unit.new_id(), unit.new_id() if whom.agent else ""
        until = unit.now + micro(RING_SECONDS + LEASE_SECONDS)
        address = unit.keep(self._tenant, "address", whom.number, assignment.contact) if whom.number else ""
        unit.tell(m.ConsultationBegan(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue, connection=connection,
            assignment=assignment.id, ring_until=until, to_agent=whom.agent, guest=guest, address=address,
        ))  # fmt: skip
        if guest:
            unit.tell(m.GuestInvited(
                contact=assignment.contact, segment=assignment.segment, agent=whom.agent, queue=assignment.queue, connection=connection,
                assignment=guest, host=assignment.id, device=whom.device, ring_until=until,
            ))  # fmt: skip
        calling, data = self._acts.goes_along(assignment, whom.agent, whom.number)
        contact, queue = self._registry.get(assignment.contact), self._model.queue_configs.get(assignment.queue)
        unit.ask(ct.Consult(
            id=unit.new_id(), tenant=self._tenant, connection=assignment.connection, ring_seconds=RING_SECONDS,
            target=ct.Target(connection=connection, device=whom.device, number=whom.number, data=data),
            calling=calling, music=self._acts.music_file(queue, contact.language if contact is not None else ""),
        ))  # fmt: skip

    def _consulting(self, agent: str, key: str, *states: str) -> tuple[Assignment, Consultation]:
        assignment = self._acts.mine(agent, key, "active")
        consultation = assignment.consultation
        if consultation is None or (states and consultation.state not in states):
            raise Refused("wrong_state", state=consultation.state if consultation is not None else assignment.state)
        return assignment, consultation

    def alternate(self, command: m.Alternate, unit: Unit) -> None:
        assignment, _ = self._consulting(command.agent, command.assignment, "talking")
        unit.ask(ct.Alternate(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection))

    def reconnect(self, command: m.Reconnect, unit: Unit) -> None:
        """Back to the customer, whether the consultation still goes on or is over."""
        assignment, consultation = self._consulting(command.agent, command.assignment, "ringing", "talking", "over")
        if consultation.aside or consultation.state != "over":
            unit.ask(ct.Reconnect(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection))
        self._tell_end(assignment, consultation, "returned", unit)

    def conference(self, command: m.Conference, unit: Unit) -> None:
        assignment, _ = self._consulting(command.agent, command.assignment, "talking")
        unit.ask(ct.Conference(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection))

    def transfer(self, command: m.Transfer, unit: Unit) -> None:
        """What is asked of the switch is done when it says so; a queue takes the contact at once."""
        if command.queue:
            self._to_queue(command, unit)
            return
        if command.to_agent or command.number:
            assignment = self._acts.mine(command.agent, command.assignment, "active", "held")
            self._may_begin(assignment)
            self._begin(assignment, self._whom(command.agent, command.to_agent, command.number), unit)
        else:
            assignment, consultation = self._consulting(command.agent, command.assignment, "ringing", "talking", "conference")
            if consultation.state == "conference":
                self.hand_over(assignment, unit, clear=True)
                return
        unit.ask(ct.Transfer(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection))

    def _to_queue(self, command: m.Transfer, unit: Unit) -> None:
        assignment = self._acts.mine(command.agent, command.assignment, "active", "held")
        queue, contact = self._model.queue_named(command.queue), self._registry.get(assignment.contact)
        self._may_begin(assignment)
        if queue is None or contact is None:
            raise Refused("not_found")
        connection = assignment.connection
        if assignment.consultation is not None:
            self._tell_end(assignment, assignment.consultation, "returned", unit)
        self._acts.end_talk(assignment, "transferred", unit)
        self._acts.clear(connection, unit, Cause.TRANSFERRED)
        self._acts.wrap_up(assignment, unit)
        end_segment(contact, unit, "transferred")
        self._acts.queue(contact, queue.id, unit, virtual_arrival=contact.arrived_at, anew=True)

    def mute(self, command: m.Mute, unit: Unit) -> None:
        assignment = self._acts.mine(command.agent, command.assignment, "active", "held", inside=True)
        how = Participation.SILENT if command.on else Participation.ACTIVE
        unit.ask(ct.Participate(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection, participation=how))
        unit.tell(m.AssignmentMuted(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
            connection=assignment.connection, assignment=assignment.id, on=command.on,
        ))  # fmt: skip

    def send_keys(self, command: m.SendKeys, unit: Unit) -> None:
        """Raises Refused: bad_keys, wrong_state."""
        assignment = self._acts.mine(command.agent, command.assignment, "active")
        contact, consultation = self._registry.get(assignment.contact), assignment.consultation
        if not command.keys or len(command.keys) > 32 or not set(command.keys) <= KEYS:
            raise Refused("bad_keys")
        aside = consultation is not None and consultation.aside and consultation.state == "talking"
        connection = consultation.connection if aside and consultation is not None else contact.connection if contact is not None else ""
        unit.ask(ct.SendDigits(id=unit.new_id(), tenant=self._tenant, connection=connection, digits=command.keys))

    # --- what the switch tells -------------------------------------------------------------------------------------------------------

    def established(self, connection: str, unit: Unit) -> bool:
        """A consulted one answered, or the next one of a handover."""
        together = self._model.together
        asker = self._model.assignment(together.consulting.get(connection, ""))
        if asker is not None and asker.consultation is not None:
            if asker.consultation.state == "ringing":
                unit.tell(m.ConsultationAnswered(
                    contact=asker.contact, segment=asker.segment, agent=asker.agent, queue=asker.queue, connection=connection,
                    assignment=asker.id,
                ))  # fmt: skip
                self._join(asker.consultation.guest, connection, unit)
            return True
        handover = together.handovers.get(connection)
        if handover is None:
            return connection in together.outside
        contact = self._registry.get(handover.contact)
        if contact is None or not contact.rings or contact.state != "arriving":  # else both must be there: ``customer_there``
            self._taken(handover, contact, unit)
        return True

    def customer_there(self, contact: LiveContact, unit: Unit) -> None:
        """Whoever came from another site for one of our agents is connected, since that one answered."""
        handover = self._model.together.of_contact(contact.id)
        if isinstance(handover, Handover):
            self._taken(handover, contact, unit)

    def _taken(self, handover: Handover, contact: LiveContact | None, unit: Unit) -> None:
        connection = handover.connection
        unit.tell(m.HandoverEnded(contact=handover.contact, connection=connection, queue=handover.queue, cause="taken"))
        self._join(handover.guest, connection, unit)
        if contact is not None:
            self.take(contact, connection, handover.queue, handover.guest, handover.address, unit)

    def _join(self, guest: str, connection: str, unit: Unit) -> None:
        helper = self._model.assignment(guest)
        if helper is not None:
            unit.tell(m.GuestJoined(
                contact=helper.contact, segment=helper.segment, agent=helper.agent, queue=helper.queue, connection=connection,
                assignment=helper.id,
            ))  # fmt: skip

    def gone(self, connection: str, cause: Cause, unit: Unit) -> bool:
        """A connection ended, or could not be made, that belongs to a consultation, a handover or an outside talk."""
        together = self._model.together
        asker = self._model.assignment(together.consulting.get(connection, ""))
        if asker is not None and asker.consultation is not None:
            failed = asker.consultation.state == "ringing"
            why = result_of(cause) if asker.consultation.address else FAILURES.get(cause, "unreachable")
            self._tell_end(asker, asker.consultation, why if failed else "left", unit)
            return True
        handover, outside = together.handovers.get(connection), together.outside.get(connection)
        if handover is not None:
            self._nobody_took(handover, FAILURES.get(cause, "unreachable"), unit)
        elif outside is not None:
            self._outside_left(outside, unit)
        return handover is not None or outside is not None

    def _nobody_took(self, handover: Handover, cause: str, unit: Unit) -> None:
        """The contact goes back to the front of its queue; one without a queue goes on in its flow."""
        contact = self._registry.get(handover.contact)
        self._end_handover(handover, cause, unit)
        if contact is None or self._acts.comes_back(handover, contact, cause, unit) or contact.state != "live":
            return
        if handover.queue in self._model.queue_configs:
            self._acts.queue(contact, handover.queue, unit, front=True)
        else:
            end_segment(contact, unit, cause)
            self._acts.resume(contact.id, "served", unit)

    def _end_handover(self, handover: Handover, cause: str, unit: Unit) -> None:
        unit.tell(m.HandoverEnded(contact=handover.contact, connection=handover.connection, queue=handover.queue, cause=cause))
        self._dismiss(handover.guest, cause, unit)

    def _outside_left(self, outside: Outside, unit: Unit) -> None:
        contact = self._registry.get(outside.contact)
        segment = contact.segment if contact is not None else ""
        unit.tell(m.OutsideEnded(
            contact=outside.contact, segment=segment, connection=outside.connection, queue=outside.queue, cause="left"
        ))  # fmt: skip
        if contact is not None and contact.state == "live":
            end_segment(contact, unit, "left")
            self._acts.resume(contact.id, "served", unit)

    def customer_gone(self, contact: LiveContact, unit: Unit) -> None:
        """The customer left while somebody rang for him or he talked outside."""
        without = self._model.together.of_contact(contact.id)
        if isinstance(without, Handover):
            self._end_handover(without, "customer_left", unit)
        elif without is not None:
            unit.tell(m.OutsideEnded(
                contact=contact.id, segment=contact.segment, connection=without.connection, queue=without.queue, cause="customer_left"
            ))  # fmt: skip
        if without is not None:
            self._acts.clear(without.connection, unit)

    def _moved(self, event: Moved, unit: Unit) -> None:
        assignment = self._model.of_connection(event.connection)
        consultation = assignment.consultation if assignment is not None else None
        aside = consultation is not None and event.room == (consultation.room or consultation.connection)
        if assignment is not None and consultation is not None and consultation.aside != aside:
            unit.tell(m.ConsultationTurned(
                contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
                connection=consultation.connection, assignment=assignment.id, aside=aside,
            ))  # fmt: skip

    def _conferenced(self, event: Conferenced, unit: Unit) -> None:
        assignment = self._model.of_connection(event.connection)
        if assignment is not None and assignment.consultation is not None and assignment.consultation.state == "talking":
            unit.tell(m.ConferenceBegan(
                contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
                connection=assignment.consultation.connection, assignment=assignment.id,
            ))  # fmt: skip

    def _transferred(self, event: Transferred, unit: Unit) -> None:
        """The agent left those behind whom he brought together; or his telephone did, by itself, with whomever it knows."""
        assignment = self._model.of_connection(event.connection)
        if assignment is None or assignment.participation or assignment.state not in ("offered", "active", "held"):
            return
        consultation = assignment.consultation
        if consultation is not None and consultation.connection == event.to_connection:
            self.hand_over(assignment, unit, clear=False)
        else:
            self._acts.telephone_moved(assignment, event, unit)

    # --- shared --------------------------------------------------------------------------------------------------------------------

    def hand_over(self, assignment: Assignment, unit: Unit, *, clear: bool) -> None:
        """The agent is out; who was consulted has the contact, or rings for it. ``clear``: the agent's connection is still there."""
        consultation, contact, connection = assignment.consultation, self._registry.get(assignment.contact), assignment.connection
        assert consultation is not None
        self._acts.end_talk(assignment, "transferred", unit)
        if clear:
            self._acts.clear(connection, unit, Cause.TRANSFERRED)
        self._acts.wrap_up(assignment, unit)
        rings = consultation.state == "ringing"
        if contact is not None and rings:
            segment = begin_segment(contact, "transfer", unit, queue=assignment.queue, cause="transferred")
            distant = self._dialling.is_distant(contact.personals.get(consultation.address, ""))
            unit.tell(m.HandoverBegan(
                contact=contact.id, segment=segment, connection=consultation.connection, queue=assignment.queue,
                ring_until=consultation.ring_until, guest=consultation.guest, address=consultation.address,
                back_to=assignment.agent if distant else "",
            ))  # fmt: skip
        elif contact is not None:
            self.take(contact, consultation.connection, assignment.queue, consultation.guest, consultation.address, unit)
        unit.tell(self._ended(assignment, consultation, "transferred"))

    def take(
        self, contact: LiveContact, connection: str, queue: str, guest: str, address: str, unit: Unit, *, cause: str = "transferred"
    ) -> None:
        """The contact is the guest's now, or an outside number's."""
        helper = self._model.assignment(guest)
        if helper is not None:
            segment = begin_segment(contact, "agent", unit, agent=helper.agent, queue=queue, cause=cause)
            unit.tell(m.ContactTaken(
                contact=contact.id, segment=segment, agent=helper.agent, queue=queue, connection=connection, assignment=helper.id
            ))  # fmt: skip
            return
        segment = begin_segment(contact, "outside", unit, queue=queue, cause="transferred")
        unit.tell(m.OutsideBegan(contact=contact.id, segment=segment, connection=connection, queue=queue, address=address))

    def end(self, assignment: Assignment, cause: str, unit: Unit) -> None:
        """The agent's own talk is over: so is his consultation."""
        consultation = assignment.consultation
        if consultation is None:
            return
        if consultation.state != "over":
            self._acts.clear(consultation.connection, unit)
        self._tell_end(assignment, consultation, cause, unit)

    def _tell_end(self, assignment: Assignment, consultation: Consultation, cause: str, unit: Unit) -> None:
        guest = consultation.guest
        unit.tell(self._ended(assignment, consultation, cause))
        self._dismiss(guest, cause, unit)

    def _ended(self, assignment: Assignment, consultation: Consultation, cause: str) -> m.ConsultationEnded:
        return m.ConsultationEnded(
            contact=assignment.contact,
            segment=assignment.segment,
            agent=assignment.agent,
            queue=assignment.queue,
            connection=consultation.connection,
            assignment=assignment.id,
            cause=cause,
        )

    def _dismiss(self, guest: str, cause: str, unit: Unit) -> None:
        helper = self._model.assignment(guest)
        if helper is not None:
            unit.tell(m.GuestLeft(
                contact=helper.contact, segment=helper.segment, agent=helper.agent, queue=helper.queue, connection=helper.connection,
                assignment=helper.id, cause=cause,
            ))  # fmt: skip

    # --- time and healing ------------------------------------------------------------------------------------------------------------

    def overdue(self, assignment: Assignment, unit: Unit) -> None:
        """The switch kept silent about whom it rings."""
        if assignment.consultation is not None:
            self._acts.clear(assignment.consultation.connection, unit, Cause.CANCELLED)
            self._tell_end(assignment, assignment.consultation, "no_answer", unit)

    def handover_overdue(self, connection: str, unit: Unit) -> None:
        """Likewise for a handover."""
        handover = self._model.together.handovers.get(connection)
        if handover is not None:
            self._acts.clear(connection, unit, Cause.CANCELLED)
            self._nobody_took(handover, "no_answer", unit)

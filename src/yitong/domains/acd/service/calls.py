"""What the switch tells, as the dispatcher understands it."""

from __future__ import annotations

from yitong.contact.bus import Bus, Unit
from yitong.contact.registry import LiveContact
from yitong.ct.events import (
    CallEvent,
    ConnectionCleared,
    Delivered,
    DeviceChanged,
    Established,
    Failed,
    Held,
    Originated,
    Retrieved,
    ServiceFailed,
)
from yitong.ct.model import Cause
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import AgentDevice, Assignment
from yitong.domains.acd.service.acts import LOST_REST_SECONDS, Acts
from yitong.domains.acd.service.inside import InsideCalls
from yitong.domains.acd.service.outward import Outward
from yitong.domains.acd.service.supervising import Supervising
from yitong.domains.acd.service.together import Together

REFUSING = frozenset({Cause.REFUSED, Cause.BUSY})
LOSING = frozenset({Cause.SIGNALLING_LOST, Cause.MEDIA_LOST, Cause.INTERRUPTED, Cause.UNREACHABLE, Cause.FAILED})
OURS = frozenset({Cause.ANSWERED_ELSEWHERE, Cause.CANCELLED})


class Calls:
    """Turns events of connections into what happened to offers and assignments."""

    def __init__(
        self, bus: Bus, acts: Acts, together: Together, supervising: Supervising, outward: Outward, inside: InsideCalls
    ) -> None:  # fmt: skip
        self._inside = inside
        self._acts = acts
        self._together = together
        self._supervising = supervising
        self._outward = outward
        self._model = acts.model
        self._registry = acts.registry
        for kind in (Originated, Delivered):
            bus.hears(kind, self._rings)
        bus.hears(Established, self.established)
        bus.hears(Failed, self.failed)
        bus.hears(ConnectionCleared, self.cleared)
        bus.hears(Held, self._held)
        bus.hears(Retrieved, self._retrieved)
        bus.hears(ServiceFailed, self._service_failed)
        bus.hears(DeviceChanged, self.device_changed)

    def _rings(self, event: CallEvent, unit: Unit) -> None:
        """A connection that was given up still began: it is cleared."""
        if event.connection in self._model.gone:
            self._acts.clear(event.connection, unit, Cause.CANCELLED)

    def established(self, event: Established, unit: Unit) -> None:
        """A device of an agent answered; one that comes too late is cleared, and its customer hears music again."""
        if event.connection in self._model.gone:
            self._acts.clear(event.connection, unit)
            self._calm(event.call, unit)
            return
        contact = self._registry.of_customer(event.connection)
        if contact is not None and contact.direction == "out":
            self._outward.customer_there(contact, unit)
            return
        if contact is not None and contact.rings and contact.state == "arriving":
            self._together.customer_there(contact, unit)
            return
        assignment = self._model.of_connection(event.connection)
        if self._together.established(event.connection, unit) or assignment is None:
            return
        if assignment.participation:
            self._supervising.established(assignment, event.connection, unit)
            return
        if assignment.inside is not None:
            self._inside.established(assignment, event.connection, unit)
            return
        if assignment.dial is not None:
            self._outward.device_there(assignment, event.connection, unit)
        elif assignment.state == "offered":
            self._acts.answered(assignment, event.connection, unit)
        elif assignment.state == "interrupted" and assignment.resume_target == event.connection:
            self._acts.resumed(assignment, unit)

    def _calm(self, call: str, unit: Unit) -> None:
        contact = self._registry.of_call(call)
        queued = self._model.queued.get(contact.id) if contact else None
        if contact is not None and queued is not None:
            self._acts.play_music(contact, self._model.queue_configs.get(queued.queue), unit)

    def failed(self, event: Failed, unit: Unit) -> None:
        """A connection could not be made."""
        customer = self._registry.of_customer(event.connection)
        if customer is not None:
            self.customer_gone(customer, unit, event.cause)
            return
        assignment = self._model.of_connection(event.connection)
        if not self._together.gone(event.connection, event.cause, unit) and assignment is not None:
            self._ended(assignment, event.connection, event.cause, by_device=False, unit=unit)

    def cleared(self, event: ConnectionCleared, unit: Unit) -> None:
        """A connection ended: the customer's, or an agent's."""
        customer = self._registry.of_customer(event.connection)
        if customer is not None:
            self.customer_gone(customer, unit, event.cause)
            return
        assignment = self._model.of_connection(event.connection)
        if not self._together.gone(event.connection, event.cause, unit) and assignment is not None:
            self._ended(assignment, event.connection, event.cause, by_device=event.by_device, unit=unit)

    def customer_gone(self, contact: LiveContact, unit: Unit, cause: Cause) -> None:
        """The caller left while waiting (an agent who rings for him stops at once), or while talking."""
        if self._outward.customer_gone(contact, cause, unit):
            return
        queued = self._model.queued.get(contact.id)
        assignment = self._model.of_contact(contact.id)
        if assignment is not None and assignment.state == "offered":
            self._acts.end_offer(assignment, "abandoned", unit, rest_seconds=0)
        if queued is not None:
            outcome = "lost" if contact.state == "releasing" else "abandoned"
            self._acts.leave(queued, outcome, unit)
        if assignment is not None and assignment.state in ("active", "held", "interrupted"):
            self._acts.customer_left(assignment, unit)
        self._together.customer_gone(contact, unit)

    def _ended(self, assignment: Assignment, connection: str, cause: Cause, *, by_device: bool, unit: Unit) -> None:
        if assignment.participation:
            self._supervising.gone(assignment, cause, unit)
        elif assignment.inside is not None:
            self._inside.gone(assignment, connection, cause, unit)
        elif assignment.dial is not None:
            self._outward.device_gone(assignment, cause, unit)
        elif assignment.state == "offered":
            self._target_ended(assignment, connection, cause, by_device=by_device, unit=unit)
        elif assignment.state == "interrupted":
            self._acts.resume_failed(assignment, unit)
        elif cause in LOSING and not by_device and not assignment.hang_up_by:
            self._acts.interrupted(assignment, unit)
        else:
            self._acts.released(assignment, unit, clear=False)

    def _target_ended(self, assignment: Assignment, connection: str, cause: Cause, *, by_device: bool, unit: Unit) -> None:
        if cause in REFUSING or (by_device and cause not in LOSING):
            self._acts.end_offer(assignment, "refused", unit)
        elif cause is Cause.NO_ANSWER:
            self._acts.end_offer(assignment, "no_answer", unit)
        elif len(assignment.targets) > 1:
            unit.tell(m.OfferDeviceLost(
                contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
                connection=connection, assignment=assignment.id, cause=cause,
            ))  # fmt: skip
        elif cause in OURS:
            self._acts.end_offer(assignment, "lost", unit, rest_seconds=LOST_REST_SECONDS)
        else:
            self._acts.end_offer(assignment, "unreachable", unit)

    def _held(self, event: Held, unit: Unit) -> None:
        assignment = self._model.of_connection(event.connection)
        if assignment is not None and assignment.state == "active":
            unit.tell(m.AssignmentHeld(
                contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
                connection=assignment.connection, assignment=assignment.id,
            ))  # fmt: skip

    def _retrieved(self, event: Retrieved, unit: Unit) -> None:
        assignment = self._model.of_connection(event.connection)
        if assignment is not None and assignment.state == "held":
            unit.tell(m.AssignmentRetrieved(
                contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
                connection=assignment.connection, assignment=assignment.id, held_us=unit.now - assignment.hold_since,
            ))  # fmt: skip

    def _service_failed(self, event: ServiceFailed, unit: Unit) -> None:
        """A Route that cannot be done ends its offer; other services are watched over by leases and the reconciler."""
        if event.kind != "Route":
            return
        contact = self._registry.of_customer(event.connection)
        assignment = self._model.of_contact(contact.id) if contact is not None else None
        if assignment is None:
            return
        if assignment.state == "offered":
            self._acts.end_offer(assignment, "lost", unit, rest_seconds=LOST_REST_SECONDS)
        elif assignment.state == "interrupted" and assignment.resume_target:
            self._acts.resume_failed(assignment, unit)

    def device_changed(self, event: DeviceChanged, unit: Unit) -> None:
        """A device came, went, or stopped or began to answer. A page that comes back in a call gets it again."""
        agent_id = self._model.agent_of_account(event.device.account)
        if agent_id is None:
            return
        now = AgentDevice(
            device=event.device.device, kind=event.device.kind, registered=event.device.registered, answering=event.device.answering
        )
        agent = self._model.agents.get(agent_id)
        before = agent.devices.get(now.device) if agent is not None else None
        if before == now or (before is None and not now.registered):
            return
        unit.tell(m.AgentDeviceChanged(
            agent=agent_id, device=now.device, kind=now.kind, registered=now.registered, answering=now.answering
        ))  # fmt: skip
        for assignment in list(self._model.agents[agent_id].assignments.values()):
            if not now.usable:
                self._device_out(assignment, now.device, unit)
            elif assignment.state == "interrupted":
                self._acts.try_resume(assignment, unit)

    def _device_out(self, assignment: Assignment, device: str, unit: Unit) -> None:
        """A device that is gone does not ring any more (the page was closed)."""
        if assignment.state != "offered" or assignment.host or assignment.dial is not None or assignment.inside is not None:
            return
        for connection in [name for name, rings in assignment.targets.items() if rings == device]:
            self._acts.clear(connection, unit, Cause.CANCELLED)
            self._target_ended(assignment, connection, Cause.UNREACHABLE, by_device=False, unit=unit)

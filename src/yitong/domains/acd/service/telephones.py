"""What agents do at their telephones by themselves: numbers dialled there, calls brought together, given away or taken elsewhere.

Whatever else rings or talks on an agent's telephone (a conference, a number of ours that he called) occupies him.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.contact.bus import Bus, Unit
from yitong.contact.journey import begin_segment, end_segment
from yitong.contact.messages import ContactEnded
from yitong.contact.registry import LiveContact
from yitong.ct import services as ct
from yitong.ct.events import ConnectionCleared, Delivered, Established, Failed, Originated, Snapshot, Transferred
from yitong.ct.model import Cause, Connection, ConnectionState, DeviceKind, Dialled
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment
from yitong.domains.acd.model.queue import micro
from yitong.domains.acd.service.acts import LEASE_SECONDS, RESUME_SECONDS, Acts
from yitong.domains.acd.service.inside import InsideCalls
from yitong.domains.acd.service.outward import Outward
from yitong.domains.acd.service.together import RING_SECONDS, Together

OURS = (DeviceKind.PHONE, DeviceKind.PAGE)


class Telephones:
    """Hears what nobody asked for. Rights and numbers are the same as at the desk, and so is what comes of it."""

    def __init__(self, bus: Bus, acts: Acts, together: Together, outward: Outward, inside: InsideCalls, tenant: str) -> None:
        self._acts = acts
        self._model = acts.model
        self._registry = acts.registry
        self._together = together
        self._outward = outward
        self._inside = inside
        self._tenant = tenant
        acts.telephone_moved = self._moved
        bus.hears(Originated, self._originated)
        bus.hears(Delivered, self._delivered)
        bus.hears(Failed, self._gone)
        bus.hears(ConnectionCleared, self._gone)

    def _agent_at(self, device: str) -> str:
        """The agent whose telephone or page that is; empty: nobody's."""
        _, kind, extension = device.rsplit("/", 2) if device.count("/") >= 2 else ("", "", "")
        return (self._model.agent_of_account(extension) or "") if kind in OURS else ""

    # --- dialled at a telephone ------------------------------------------------------------------------------------------------------

    def _originated(self, event: Originated, unit: Unit) -> None:
        if event.kind not in OURS or self._known(event.connection):
            return
        if event.dialled is None or not self._dialled(event, event.dialled, unit):
            self._occupy(self._agent_at(event.device), event.connection, event.device, unit)

    def _known(self, connection: str) -> bool:
        model = self._model
        return model.of_connection(connection) is not None or connection in model.gone or connection in model.together.claimed()

    def _dialled(self, event: Originated, dialled: Dialled, unit: Unit) -> bool:
        """An agent dials: a contact begins (an outside number), or a call between agents. False: neither, and it goes on by itself."""
        agent, colleague = self._agent_at(event.device), self._model.agent_of_account(dialled.number) or ""
        if not agent or (dialled.device and not colleague):
            unit.ask(ct.Route(id=unit.new_id(), tenant=self._tenant, connection=event.connection, targets=()))
            return False
        refusal = self._rung(agent, dialled) or (
            self._inside.refused(agent, colleague) if colleague else self._outward.refused(agent, dialled.number)
        )
        if refusal is not None:
            self._acts.clear(event.connection, unit, refusal)
        elif colleague:
            self._inside.dialled(agent, colleague, event, dialled, unit)
        else:
            self._outward.dialled(agent, event, dialled, unit)
        return True

    def _rung(self, agent: str, dialled: Dialled) -> Cause | None:
        """Whoever is offered something answers it first, but for an emergency."""
        live = self._model.agents.get(agent)
        rings = live is not None and any(one.state == "offered" and one.switched for one in live.assignments.values())
        return Cause.BUSY if rings and not self._outward.is_emergency(dialled.number) else None

    # --- occupied --------------------------------------------------------------------------------------------------------------------

    def _delivered(self, event: Delivered, unit: Unit) -> None:
        """A telephone of ours calls a number that leads to a flow."""
        if event.incoming and event.kind in OURS and not self._known(event.connection):
            self._occupy(self._agent_at(event.device), event.connection, event.device, unit)

    def _occupy(self, agent: str, connection: str, device: str, unit: Unit) -> None:
        live = self._model.agents.get(agent)
        if agent and (live is None or connection not in live.seats):
            unit.tell(m.AgentOccupied(agent=agent, connection=connection, device=device))

    def _gone(self, event: Failed | ConnectionCleared, unit: Unit) -> None:
        agents = self._model.agents
        told = agents.get(self._agent_at(event.device)) if event.device else None
        live = told or next((one for one in agents.values() if not event.device and event.connection in one.seats), None)
        if live is not None and event.connection in live.seats:
            unit.tell(m.AgentFreed(agent=live.id, connection=event.connection))

    # --- brought together, given away, taken elsewhere -------------------------------------------------------------------------------

    def _moved(self, assignment: Assignment, event: Transferred, unit: Unit) -> None:
        """The agent's telephone left by itself, and somebody is in its place or has whom he talked with."""
        if self._agent_at(event.device) == assignment.agent:
            self._elsewhere(assignment, event, unit)
        elif assignment.inside is not None:
            self._inside_given(assignment, event, unit)
        elif assignment.state in ("active", "held") and assignment.dial is None and not assignment.host:
            self._together.end(assignment, "agent_left", unit)
            self._acts.end_talk(assignment, "transferred", unit)
            self._acts.wrap_up(assignment, unit)
            contact = self._registry.get(assignment.contact)
            if contact is not None:
                self._give(contact, assignment, event, unit)

    def _elsewhere(self, assignment: Assignment, event: Transferred, unit: Unit) -> None:
        """He goes on, or answers, at another telephone of his own."""
        offered = assignment.state == "offered"
        if offered and assignment.inside is not None:
            self._inside.established(assignment, event.to_connection, unit)
        elif offered and not assignment.host and assignment.dial is None:
            self._acts.answered(assignment, event.to_connection, unit, device=event.device)
        elif offered and assignment.dial is not None and not assignment.dial.out:
            self._outward.device_there(assignment, event.to_connection, unit, event.device)
        elif assignment.state in ("active", "held"):
            self._go_on_at(assignment, event, unit)

    def _go_on_at(self, assignment: Assignment, event: Transferred, unit: Unit) -> None:
        until = unit.now + micro(RESUME_SECONDS)
        on = {
            "contact": assignment.contact, "segment": assignment.segment, "agent": assignment.agent, "queue": assignment.queue,
            "assignment": assignment.id,
        }  # fmt: skip
        target = m.OfferTarget(connection=event.to_connection, device=event.device)
        asker = self._model.assignment(assignment.host)
        if asker is not None and asker.consultation is not None and asker.consultation.guest == assignment.id:
            unit.tell(m.ConsultationMoved(
                contact=asker.contact, segment=asker.segment, agent=asker.agent, queue=asker.queue, connection=target.connection,
                assignment=asker.id,
            ))  # fmt: skip
        unit.tell(m.AssignmentInterrupted(**on, connection=assignment.connection, resume_until=until))
        unit.tell(m.ResumeTried(**on, connection=target.connection, target=target, again_at=until))
        unit.tell(m.AssignmentResumed(**on, connection=target.connection, device=target.device))

    def _inside_given(self, assignment: Assignment, event: Transferred, unit: Unit) -> None:
        """A colleague talks on with somebody else, without this agent; an outside number is his contact from now on."""
        peer = self._model.assignment(assignment.inside.peer) if assignment.inside is not None else None
        self._inside.part(assignment, unit)
        if peer is not None and peer.connection and event.called:
            self._outward.given(peer, event, unit)
        elif peer is not None and peer.connection:
            self._occupy(peer.agent, peer.connection, peer.device, unit)

    def _give(self, contact: LiveContact, assignment: Assignment, event: Transferred, unit: Unit) -> None:
        """Whom the telephone brought together with the customer: a colleague or a customer whom it called, or somebody else."""
        other, called = self._model.of_connection(event.to_connection), self._registry.of_customer(event.to_connection)
        colleague = self._model.agents.get(self._agent_at(event.device))
        if other is not None and other.inside is not None:
            there = other.state != "offered"
            self._inside.part(other, unit)
            self._to_agent(contact, assignment, event, other.agent, unit, there=there)
        elif called is not None:
            self._to_called(contact, assignment, called, unit)
        elif colleague is not None and colleague.duty != "logged_off":
            if event.to_connection in colleague.seats:
                unit.tell(m.AgentFreed(agent=colleague.id, connection=event.to_connection))
            self._to_agent(contact, assignment, event, colleague.id, unit, there=True)
        else:
            self._together.take(contact, event.to_connection, assignment.queue, "", "", unit)

    def _to_agent(
        self, contact: LiveContact, assignment: Assignment, event: Transferred, agent: str, unit: Unit, *, there: bool
    ) -> None:  # fmt: skip
        """The colleague has the contact, or rings for it."""
        guest, until = unit.new_id(), unit.now + micro(RING_SECONDS + LEASE_SECONDS)
        on = {
            "contact": contact.id, "segment": assignment.segment, "agent": agent, "queue": assignment.queue,
            "connection": event.to_connection, "assignment": guest,
        }  # fmt: skip
        unit.tell(m.GuestInvited(**on, host=assignment.id, device=event.device, ring_until=until))
        if there:
            unit.tell(m.GuestJoined(**on))
            self._together.take(contact, event.to_connection, assignment.queue, guest, "", unit)
        else:
            self._hand(contact, event.to_connection, assignment.queue, unit, guest=guest)

    def _hand(self, contact: LiveContact, connection: str, queue: str, unit: Unit, *, guest: str = "", address: str = "") -> None:
        segment = begin_segment(contact, "transfer", unit, queue=queue, cause="transferred")
        unit.tell(m.HandoverBegan(
            contact=contact.id, segment=segment, connection=connection, queue=queue, guest=guest, address=address,
            ring_until=unit.now + micro(RING_SECONDS + LEASE_SECONDS),
        ))  # fmt: skip

    def _to_called(self, contact: LiveContact, assignment: Assignment, called: LiveContact, unit: Unit) -> None:
        """Two customers talk: the one who was called belongs to the other's contact from now on, his own ends."""
        own, connection, live = self._model.of_contact(called.id), called.connection, called.state == "live"
        address = unit.keep(self._tenant, "address", called.peer, contact.id)
        if own is not None and own.dial is not None:
            self._outward.end(own, "joined", unit)
        elif own is not None:
            self._acts.end_talk(own, "joined", unit)
        end_segment(called, unit, "transferred")
        unit.tell(ContactEnded(contact=called.id, connection=connection, by="agent", cause="transferred"))
        if live:
            self._together.take(contact, connection, assignment.queue, "", address, unit)
        else:
            self._hand(contact, connection, assignment.queue, unit, address=address)

    # --- healing ---------------------------------------------------------------------------------------------------------------------

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """What telephones began while we did not listen, and what occupies nobody any more; returns the number of corrections."""
        there = {one.connection: one for one in snapshot.connections}
        corrections = 0
        for agent in self._model.agents.values():
            for connection in [name for name in agent.seats if name not in there]:
                hear(ConnectionCleared(call="", connection=connection, device="", cause=Cause.NORMAL, by_device=True))
                corrections += 1
        for one in there.values():
            if one.kind in OURS and one.since + fresh_us <= unit.now and not self._known(one.connection):
                corrections += self._unknown(one, snapshot, unit, hear)
        return corrections

    def _unknown(self, one: Connection, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None]) -> int:
        """A connection of an agent's telephone that we do not know."""
        agent = self._agent_at(one.device)
        if not agent or self._registry.is_gone(one.connection):
            return 0
        if one.dialled is not None:
            hear(Originated(call=one.call, connection=one.connection, device=one.device, kind=one.kind, dialled=one.dialled))
            return 1
        others = [other for other in snapshot.connections if other.call == one.call and other is not one]
        rang = one.incoming and len(others) == 1 and not others[0].incoming and self._registry.of_customer(one.connection) is None
        if rang and self._went_on(one, others[0], agent, unit, hear):
            return 1
        before = len(unit.facts)
        self._occupy(agent, one.connection, one.device, unit)
        return int(len(unit.facts) > before)

    def _went_on(self, one: Connection, other: Connection, agent: str, unit: Unit, hear: Callable[[Any], None]) -> bool:
        """It was dialled while we were away, and the switch went on by itself: it becomes what it would have become."""
        colleague = self._agent_at(other.device)
        event = Originated(call=one.call, connection=one.connection, device=one.device, kind=one.kind)
        dialled = Dialled(number=one.called, connection=other.connection, calling=one.calling, device=other.device if colleague else "")
        if self._model.of_connection(other.connection) is not None or self._registry.of_connection(other.connection) is not None:
            return False
        if other.kind is DeviceKind.TRUNK:
            self._outward.dialled(agent, event, dialled, unit, route=False)
        elif colleague and colleague != agent:
            self._inside.dialled(agent, colleague, event, dialled, unit, route=False)
        else:
            return False
        for side in (other, one):
            if side.state in (ConnectionState.CONNECTED, ConnectionState.HOLD):
                hear(Established(call=side.call, connection=side.connection, device=side.device))
        return True

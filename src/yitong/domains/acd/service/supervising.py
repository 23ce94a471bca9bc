"""Supervisors at an agent's contact: listen, whisper, talk too, take over, end; and the agent's duty changed for him."""

from __future__ import annotations

from yitong.contact.bus import Bus, Refused, Unit
from yitong.ct import services as ct
from yitong.ct.model import Cause, Participation
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment
from yitong.domains.acd.model.queue import micro
from yitong.domains.acd.service.acts import LEASE_SECONDS, Acts
from yitong.domains.acd.service.desk import Desk
from yitong.domains.acd.service.together import FAILURES, Together

RING_SECONDS = 20.0


class Supervising:
    """One function a command, then what becomes of a supervisor's connection. Rights and teams are checked before a command comes."""

    def __init__(self, bus: Bus, acts: Acts, together: Together, desk: Desk, tenant: str) -> None:
        self._acts = acts
        self._model = acts.model
        self._together = together
        self._desk = desk
        self._tenant = tenant
        acts.end_supervision = self.end
        bus.obeys(m.Supervise, self.supervise)
        bus.obeys(m.Intercept, self.intercept)
        bus.obeys(m.ForceRelease, self.force_release)
        bus.obeys(m.ForceAgentState, self.force_state)

    # --- commands ------------------------------------------------------------------------------------------------------------------

    def supervise(self, command: m.Supervise, unit: Unit) -> str:
        """Raises Refused: wrong_state (nobody talks), no_telephone and own_telephone_busy (the supervisor's)."""
        host = self._talking(command.whom)
        mine = next((one for one in self._guests(host.id) if one.agent == command.agent), None)
        if mine is not None:
            self._change(mine, command.participation, unit)
            return mine.id
        device = self._own_device(command.agent)
        connection, guest = unit.new_id(), unit.new_id()
        unit.tell(m.GuestInvited(
            contact=host.contact, segment=host.segment, agent=command.agent, queue=host.queue, connection=connection, assignment=guest,
            host=host.id, device=device, ring_until=unit.now + micro(RING_SECONDS + LEASE_SECONDS), participation=command.participation,
        ))  # fmt: skip
        config = self._model.agent_configs.get(host.agent)
        unit.ask(ct.Join(
            id=unit.new_id(), tenant=self._tenant, connection=host.connection, attend=True, auto_answer=True,
            target=ct.Target(connection=connection, device=device), participation=Participation(command.participation),
            calling=config.extension if config is not None else "", ring_seconds=RING_SECONDS,
        ))  # fmt: skip
        return guest

    def _talking(self, agent: str) -> Assignment:
        live = self._model.agents.get(agent)
        held = live.assignments.values() if live is not None else ()
        talks = (one for one in held if one.switched and one.state in ("active", "held"))
        found = next((one for one in talks if not one.host and one.dial is None and one.inside is None), None)
        if found is None:
            raise Refused("wrong_state", state=live.state if live is not None else "logged_off")
        return found

    def _own_device(self, agent: str) -> str:
        live = self._model.agents.get(agent)
        if live is None or not live.reachable:
            raise Refused("no_telephone")
        if live.seats or any(one.switched for one in live.assignments.values()):
            raise Refused("own_telephone_busy")
        usable = sorted((device for device in live.devices.values() if device.usable), key=lambda one: (one.kind != "page", one.device))
        return usable[0].device

    def _guests(self, host: str) -> list[Assignment]:
        return [one for one in self._model.assignments() if one.host == host and one.participation]

    def _change(self, guest: Assignment, participation: str, unit: Unit) -> None:
        if guest.participation == participation:
            return
        unit.tell(m.SupervisionChanged(
            contact=guest.contact, segment=guest.segment, agent=guest.agent, queue=guest.queue, connection=guest.connection,
            assignment=guest.id, participation=participation,
        ))  # fmt: skip
        if guest.state == "active":
            self._ask(guest, participation, unit)

    def _ask(self, guest: Assignment, participation: str, unit: Unit, *, attend: bool = True) -> None:
        unit.ask(ct.Participate(
            id=unit.new_id(), tenant=self._tenant, connection=guest.connection, participation=Participation(participation), attend=attend
        ))  # fmt: skip

    def intercept(self, command: m.Intercept, unit: Unit) -> None:
        """The supervisor becomes a party of his own before the agent is released, so that the customer is never alone."""
        guest = self._acts.mine(command.agent, command.assignment, "active")
        host, contact = self._model.assignment(guest.host), self._acts.registry.get(guest.contact)
        if host is None or contact is None or not guest.participation or host.state not in ("active", "held") or host.detour is not None:
            raise Refused("wrong_state", state=guest.state)
        connection = host.connection
        self._ask(guest, "active", unit, attend=False)
        guest_id = guest.id
        self._acts.end_talk(host, "intercepted", unit, keep=guest_id)
        self._acts.clear(connection, unit, Cause.TRANSFERRED)
        self._acts.wrap_up(host, unit)
        self._together.take(contact, guest.connection, host.queue, guest_id, "", unit, cause="intercepted")

    def force_release(self, command: m.ForceRelease, unit: Unit) -> None:
        """As if the agent hung up."""
        self._acts.released(self._talking(command.agent), unit, clear=True, cause="released")

    def force_state(self, command: m.ForceAgentState, unit: Unit) -> str:
        return self._desk.change_state(command.agent, command.state, command.reason, "supervisor", unit)

    # --- what the switch tells -------------------------------------------------------------------------------------------------------

    def established(self, guest: Assignment, connection: str, unit: Unit) -> None:
        """The supervisor's telephone answered, perhaps after he had changed his mind about the way."""
        if guest.state != "offered":
            return
        unit.tell(m.GuestJoined(
            contact=guest.contact, segment=guest.segment, agent=guest.agent, queue=guest.queue, connection=connection, assignment=guest.id
        ))  # fmt: skip
        self._ask(guest, guest.participation, unit)

    def gone(self, guest: Assignment, cause: Cause, unit: Unit) -> None:
        """His connection ended or could not be made."""
        self._leave(guest, FAILURES.get(cause, "unreachable") if guest.state == "offered" else "left", unit)

    def _leave(self, guest: Assignment, cause: str, unit: Unit) -> None:
        unit.tell(m.GuestLeft(
            contact=guest.contact, segment=guest.segment, agent=guest.agent, queue=guest.queue, connection=guest.connection,
            assignment=guest.id, cause=cause,
        ))  # fmt: skip

    def end(self, host: Assignment, cause: str, unit: Unit, keep: str) -> None:
        """The agent's talk is over: nobody has anything to listen to there (H84), but for ``keep``, who takes it over."""
        for guest in self._guests(host.id):
            if guest.id == keep:
                continue
            for connection in guest.connections():
                self._acts.clear(connection, unit)
            self._leave(guest, cause, unit)

"""The dispatcher: hears calls, obeys desks and flows, matches whoever waits with whoever is free."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.registry import Registry
from yitong.ct.events import ConnectionCleared, DeviceChanged, Established, Failed, Held, Retrieved, Snapshot
from yitong.ct.model import Cause, Connection, ConnectionState, Device, DeviceKind
from yitong.ct.number_plan import NumberPlan
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment
from yitong.domains.acd.model.model import Model
from yitong.domains.acd.model.state import AcdState
from yitong.domains.acd.rules.selection import choose
from yitong.domains.acd.service.acts import Acts
from yitong.domains.acd.service.calls import Calls
from yitong.domains.acd.service.desk import Desk
from yitong.domains.acd.service.detours import Detours
from yitong.domains.acd.service.inside import InsideCalls
from yitong.domains.acd.service.links import Links
from yitong.domains.acd.service.outward import Outward
from yitong.domains.acd.service.supervising import Supervising
from yitong.domains.acd.service.telephones import Telephones
from yitong.domains.acd.service.together import Together
from yitong.domains.acd.service.treatment import Treatment
from yitong.flow.prompts import Library


class Acd:
    """The part of a partition that distributes contacts. ``resume(contact, outcome, unit)`` gives one back to its flow."""

    name = "acd"

    def __init__(
        self, bus: Bus, registry: Registry, library: Library, resume: Callable[[str, str, Unit], None], *, tenant: str, site: str
    ) -> None:
        self.model = Model(bus, registry, site)
        self.dialling = NumberPlan()
        self.acts = Acts(self.model, registry, library, resume, tenant)
        self.together = Together(bus, self.acts, tenant, self.dialling)
        self.desk = Desk(bus, self.acts, tenant)
        self.detours = Detours(bus, self.acts, tenant)
        self.supervising = Supervising(bus, self.acts, self.together, self.desk, tenant)
        self.outward = Outward(bus, self.acts, tenant, self.dialling)
        self.inside = InsideCalls(bus, self.acts, tenant)
        self.calls = Calls(bus, self.acts, self.together, self.supervising, self.outward, self.inside)
        self.telephones = Telephones(bus, self.acts, self.together, self.outward, self.inside, tenant)
        self.treatment = Treatment(bus, self.acts, tenant)
        self.links = Links(self.acts, self.dialling, tenant, site)
        self._registry = registry
        self._tenant = tenant
        bus.obeys(m.EnqueueContact, self.enqueue)
        bus.obeys(m.LeaveQueue, self.leave_queue)
        bus.settles(self.dispatch)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        self.model.configure(kind, key, value)
        self.dialling.configure(kind, key, value)
        self.links.configure(kind, key, value)

    # --- waiting -------------------------------------------------------------------------------------------------------------------

    def enqueue(self, command: m.EnqueueContact, unit: Unit) -> str:
        """Let the contact wait: ""; or say why not: full, no_agents (what is no call always may). Raises Refused: not_found."""
        queue, contact = self.model.queue_named(command.queue), self._registry.get(command.contact)
        if queue is None or contact is None:
            raise Refused("not_found")
        if contact.id in self.model.queued or self.model.of_contact(contact.id) is not None:
            raise Refused("wrong_state")
        waiting = sum(1 for queued in self.model.queued.values() if queued.queue == queue.id)
        refusal = "full" if queue.maximum_waiting and waiting >= queue.maximum_waiting else ""
        if not refusal and queue.refuse_when_empty and not self._anybody(queue.id):
            refusal = "no_agents"
        if refusal and contact.switched:
            unit.tell(m.QueueRefused(contact=contact.id, segment=contact.segment, queue=queue.id, cause=refusal))
            return refusal
        self.acts.queue(contact, queue.id, unit, virtual_arrival=command.virtual_arrival, priority=command.priority + contact.priority)
        return ""

    def _anybody(self, queue: str) -> bool:
        """Somebody who may serve the queue is logged on, be it on a break."""
        policy = self.model.policies[queue]
        return any(agent.duty != "logged_off" and self.model.may_serve(key, policy) for key, agent in self.model.agents.items())

    def leave_queue(self, command: m.LeaveQueue, unit: Unit) -> None:
        """Take the contact out. Raises Refused when it does not wait (any more)."""
        queued = self.model.queued.get(command.contact)
        if queued is None:
            raise Refused("wrong_state")
        assignment = self.model.assignment(queued.assignment)
        if assignment is not None:
            self.acts.end_offer(assignment, "flowed_out", unit, rest_seconds=0)
        self.acts.leave(queued, command.outcome, unit)
        self.acts.resume(command.contact, command.outcome, unit)

    def dispatch(self, unit: Unit) -> None:
        """Match until no free agent may take anyone who waits. Called at the end of every decision."""
        due = self.model.deadlines.next()
        if due is not None and due <= unit.now:
            self.model.changed = True
        while self.model.changed:
            self.model.changed = False
            if not self.model.available:
                return
            waiting = [queued.waiting() for queued in self.model.queued.values() if not queued.assignment]
            if not waiting:
                return
            match = choose(waiting, self.model.free(), self.model.policies, unit.now)
            if match is not None:
                self.acts.offer(match, unit)

    # --- time ----------------------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        moments = [at for at in (self.model.deadlines.next(), self.treatment.deadlines.next()) if at is not None]
        return min(moments, default=None)

    def timer(self, unit: Unit) -> None:
        """Leases that ran out, waits and wrap-ups that are over, announcements."""
        for key in self.model.deadlines.due(unit.now):
            kind, _, name = key.partition(":")
            assignment = self.model.assignment(name)
            if kind == "h":
                self.together.handover_overdue(name, unit)
            elif kind == "q":
                self._queued_due(name, unit)
            elif assignment is not None:
                self._assignment_due(assignment, unit)
        self.treatment.timer(unit)
        self.model.forget_old(unit.now)

    def _queued_due(self, contact: str, unit: Unit) -> None:
        queued = self.model.queued.get(contact)
        if queued is None or queued.assignment:
            return
        if queued.leave_at and queued.leave_at <= unit.now:
            self.acts.leave(queued, "timeout", unit)
            self.acts.resume(contact, "timeout", unit)
            return
        for agent in [agent for agent, until in queued.not_to.items() if until <= unit.now]:
            del queued.not_to[agent]
        self.model.watch_queued(queued)

    def _assignment_due(self, assignment: Assignment, unit: Unit) -> None:
        if assignment.inside is not None:
            self.inside.overdue(assignment, unit)
        elif assignment.state == "offered" and assignment.dial is None:
            self.acts.end_offer(assignment, "no_answer", unit)
        elif assignment.state == "wrapping_up":
            self.desk.wrap_up_over(assignment, unit)
        elif assignment.detour is not None and not assignment.hang_up_by:
            self.detours.overdue(assignment, unit)
        elif assignment.state == "interrupted" and assignment.resume_until <= unit.now:
            self.acts.agent_lost(assignment, unit)
        elif assignment.state == "interrupted" and assignment.resume_target:
            self.acts.resume_failed(assignment, unit)
        elif assignment.state == "interrupted":
            self.acts.try_resume(assignment, unit)
            if not assignment.resume_target:
                assignment.resume_again_at = 0
            self.model.deadlines.set(f"a:{assignment.id}", assignment.deadline())
        elif assignment.dial is not None:
            self.outward.overdue(assignment, unit)
        elif assignment.hang_up_by:
            self.acts.released(assignment, unit, clear=True)
        else:
            self.together.overdue(assignment, unit)

    # --- healing -------------------------------------------------------------------------------------------------------------------

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """Tell ourselves what the switch's picture says and we missed; returns the number of corrections."""
        there = {connection.connection: connection for connection in snapshot.connections}
        corrections = self._devices(snapshot, unit, hear)
        for assignment in self.model.assignments():
            for connection in assignment.connections():
                fresh = assignment.since + fresh_us > unit.now
                corrections += self._compare(assignment, connection, there.get(connection), fresh, hear)
                real = there.get(connection)
                moved = self.detours.compare(assignment, real, fresh, unit) if real is not None and not assignment.host else None
                if moved is not None:
                    hear(moved)
                    corrections += 1
        corrections += self.telephones.reconcile(snapshot, unit, hear, fresh_us)
        for connection in self.model.together.claimed() - there.keys():
            if not fresh_us:
                hear(ConnectionCleared(call="", connection=connection, device="", cause=Cause.NORMAL, by_device=True))
                corrections += 1
        for connection in there.keys() & self.model.gone.keys():
            self.acts.clear(connection, unit)
            corrections += 1
        for queued in list(self.model.queued.values()):
            mine = there.get(queued.connection)
            silent = mine is not None and mine.state is ConnectionState.CONNECTED and not mine.playing
            if silent and queued.entered_at + fresh_us <= unit.now:
                self.treatment.again(queued, unit)
        return corrections

    def _devices(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None]) -> int:
        seen = {device.device: device for device in snapshot.devices}
        before = {key: dict(agent.devices) for key, agent in self.model.agents.items()}
        for device in snapshot.devices:
            hear(DeviceChanged(device=device, at=unit.now))
        for agent, devices in before.items():
            config = self.model.agent_configs.get(agent)
            for name in devices.keys() - seen.keys():
                kind = DeviceKind(devices[name].kind)
                account = config.extension if config is not None else ""
                gone = Device(device=name, account=account, tenant=self._tenant, kind=kind, registered=False, answering=False)
                hear(DeviceChanged(device=gone, at=unit.now))
        return sum(1 for key, devices in before.items() if devices != self.model.agents[key].devices)

    def _has(self, agent: str, device: str) -> bool:
        known = self.model.agents[agent].devices.get(device)
        return known is not None and known.registered

    def _compare(self, assignment: Assignment, connection: str, real: Connection | None, fresh: bool, hear: Callable[[Any], None]) -> int:
        """One connection of an assignment against the picture."""
        contact = self._registry.get(assignment.contact)
        call = contact.call if contact is not None else ""
        ringing = connection in assignment.targets or connection == assignment.resume_target
        device = assignment.targets.get(connection, assignment.device)
        if real is None:
            if fresh:
                return 0
            if ringing:
                hear(Failed(call=call, connection=connection, device=device, cause=Cause.CANCELLED))
            else:
                there = self._has(assignment.agent, device)  # a page that is gone, too, was lost; whoever hung up is there
                cause = Cause.NORMAL if there else Cause.SIGNALLING_LOST
                hear(ConnectionCleared(call=call, connection=connection, device=device, cause=cause, by_device=there))
            return 1
        own = assignment.dial is not None and assignment.dial.own and real.state in (ConnectionState.CONNECTED, ConnectionState.HOLD)
        if own or (ringing and real.state is ConnectionState.CONNECTED):
            hear(Established(call=call, connection=connection, device=device))
            return 1
        if assignment.state == "active" and real.state is ConnectionState.HOLD:
            hear(Held(call=call, connection=connection))
            return 1
        if assignment.state == "held" and real.state is ConnectionState.CONNECTED and not fresh:
            hear(Retrieved(call=call, connection=connection))
            return 1
        return 0

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self.model.state())

    def load(self, data: bytes, now: int) -> None:
        self.model.restore(msgspec.msgpack.decode(data, type=AcdState))
        self.treatment.rebuild(now)

"""Agents call agents: the own telephone first, then the other one's. Both count as busy, so that the dispatcher offers them nothing."""

from __future__ import annotations

from yitong.contact.bus import Bus, Refused, Unit
from yitong.ct import services as ct
from yitong.ct.events import Originated
from yitong.ct.model import Cause, Dialled, Prompt
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Agent, Assignment
from yitong.domains.acd.model.inside import Insides
from yitong.domains.acd.model.queue import micro
from yitong.domains.acd.service.acts import LEASE_SECONDS, Acts

OWN_SECONDS = 20.0
RING_SECONDS = 30.0
FAILURES = {Cause.BUSY: "refused", Cause.REFUSED: "refused", Cause.NO_ANSWER: "no_answer"}


class InsideCalls:
    """A command, then what becomes of the two connections."""

    def __init__(self, bus: Bus, acts: Acts, tenant: str) -> None:
        self._acts = acts
        self._model = acts.model
        self._tenant = tenant
        Insides(acts.model, bus)
        bus.obeys(m.CallInside, self.call)

    def call(self, command: m.CallInside, unit: Unit) -> str:
        """Raises Refused: not_found, no_telephone, wrong_state, agent_unreachable, agent_busy."""
        to_agent = command.to_agent or self._model.agent_of_account(command.number) or ""
        if to_agent not in self._model.agent_configs or to_agent == command.agent:
            raise Refused("not_found")
        own, other = self._model.agents.get(command.agent), self._model.agents.get(to_agent)
        if own is None or not own.reachable:
            raise Refused("no_telephone")
        if own.assignments or own.seats:
            raise Refused("wrong_state", state=own.state)
        self._refuse_unless_free(to_agent, other)
        assignment, connection, call = (unit.new_id() for _ in range(3))
        device, config = _device(own), self._model.agent_configs[to_agent]
        unit.tell(m.InsideBegan(
            agent=command.agent, connection=connection, assignment=assignment, device=device, call=call, to_agent=to_agent,
            to_connection=unit.new_id(), ring_until=unit.now + micro(OWN_SECONDS + LEASE_SECONDS),
        ))  # fmt: skip
        unit.ask(ct.Make(
            id=unit.new_id(), tenant=self._tenant, call=call, connection=connection, device=device, called="", calling=config.extension,
            ring_seconds=OWN_SECONDS, auto_answer=True,
        ))  # fmt: skip
        return assignment

    # --- dialled at the telephone ----------------------------------------------------------------------------------------------------

    def refused(self, agent: str, to_agent: str) -> Cause | None:
        """Why a colleague cannot be called whom an agent dialled; one who is not on duty may have a telephone that rings."""
        other = self._model.agents.get(to_agent)
        if to_agent == agent:
            return Cause.NO_SUCH_NUMBER
        if other is None or not other.reachable:
            return Cause.UNREACHABLE
        return Cause.BUSY if other.load("voice") >= self._model.agent_configs[to_agent].most("voice") else None

    def dialled(self, agent: str, to_agent: str, event: Originated, dialled: Dialled, unit: Unit, *, route: bool = True) -> None:
        """An agent dialled a colleague at a telephone of his own, which is there. ``route``: the colleague is to be rung."""
        assignment = unit.new_id()
        unit.tell(m.InsideBegan(
            agent=agent, connection=event.connection, assignment=assignment, device=event.device, call=event.call, to_agent=to_agent,
            to_connection=dialled.connection, ring_until=unit.now + micro(RING_SECONDS + LEASE_SECONDS),
        ))  # fmt: skip
        held = self._model.assignment(assignment)
        if held is not None:
            self._go_out(held, event.connection, dialled.device, unit)
            if route:
                self._route(held, event.connection, unit)

    def part(self, assignment: Assignment, unit: Unit) -> None:
        """The two are apart, and their connections live on with others."""
        assert assignment.inside is not None
        for one in (assignment, self._model.assignment(assignment.inside.peer)):
            if one is not None:
                unit.tell(m.InsideEnded(agent=one.agent, connection=one.connection, assignment=one.id, cause="joined"))

    def _refuse_unless_free(self, key: str, agent: Agent | None) -> None:
        if agent is None or agent.duty == "logged_off" or not agent.reachable:
            raise Refused("agent_unreachable")
        if agent.load("voice") >= self._model.agent_configs[key].most("voice"):
            raise Refused("agent_busy")

    # --- what the switch tells -------------------------------------------------------------------------------------------------------

    def established(self, assignment: Assignment, connection: str, unit: Unit) -> None:
        """The own telephone is there: the colleague is rung, unless he has got something else to do meanwhile. Or he answered."""
        inside = assignment.inside
        if inside is None or inside.talks:
            return
        if not inside.caller:
            self._talk(assignment, connection, unit)
            return
        if assignment.state != "offered":
            return
        try:
            self._refuse_unless_free(inside.agent, self._model.agents.get(inside.agent))
        except Refused as refusal:
            self.end(assignment, "refused" if refusal.code == "agent_busy" else "unreachable", unit, but="")
            self._acts.clear(connection, unit)
            return
        self._ring(assignment, connection, unit)

    def _ring(self, assignment: Assignment, connection: str, unit: Unit) -> None:
        assert assignment.inside is not None
        ringback = (Prompt(tone="ringback"),)
        self._go_out(assignment, connection, _device(self._model.agents[assignment.inside.agent]), unit)
        unit.ask(ct.Play(id=unit.new_id(), tenant=self._tenant, connection=connection, prompts=ringback, loop=True))
        self._route(assignment, connection, unit)

    def _go_out(self, assignment: Assignment, connection: str, device: str, unit: Unit) -> None:
        inside = assignment.inside
        assert inside is not None
        until, to_agent, to_connection = unit.now + micro(RING_SECONDS + LEASE_SECONDS), inside.agent, inside.connection
        unit.tell(m.InsideWentOut(agent=assignment.agent, connection=connection, assignment=assignment.id, ring_until=until))
        unit.tell(m.InsideOffered(
            agent=to_agent, connection=to_connection, assignment=unit.new_id(), peer=assignment.id, from_agent=assignment.agent,
            device=device, ring_until=until,
        ))  # fmt: skip

    def _route(self, assignment: Assignment, connection: str, unit: Unit) -> None:
        inside, config = assignment.inside, self._model.agent_configs.get(assignment.agent)
        assert inside is not None
        peer = self._model.assignment(inside.peer)
        device = peer.targets.get(inside.connection, "") if peer is not None else ""
        unit.ask(ct.Route(
            id=unit.new_id(), tenant=self._tenant, connection=connection, ring_seconds=RING_SECONDS,
            calling=config.extension if config is not None else "", targets=(ct.Target(connection=inside.connection, device=device),),
        ))  # fmt: skip

    def _talk(self, assignment: Assignment, connection: str, unit: Unit) -> None:
        """The colleague answered."""
        assert assignment.inside is not None
        caller = self._model.assignment(assignment.inside.peer)
        unit.tell(m.InsideAnswered(agent=assignment.agent, connection=connection, assignment=assignment.id))
        if caller is not None:
            unit.tell(m.InsideAnswered(agent=caller.agent, connection=caller.connection, assignment=caller.id))

    def gone(self, assignment: Assignment, connection: str, cause: Cause, unit: Unit) -> None:
        """One of the two connections ended or could not be made: so does the other one."""
        inside = assignment.inside
        if inside is None:
            return
        if inside.talks:
            told = "left"
        elif inside.caller:
            told = "cancelled" if assignment.state != "offered" else FAILURES.get(cause, "unreachable")
        else:
            told = FAILURES.get(cause, "cancelled" if cause is Cause.CANCELLED else "unreachable")
        self.end(assignment, told, unit, but=connection)

    def end(self, assignment: Assignment, cause: str, unit: Unit, *, but: str) -> None:
        """It is over for both; every connection of theirs is cleared ``but`` the one that ended by itself."""
        assert assignment.inside is not None
        both = [one for one in (assignment, self._model.assignment(assignment.inside.peer)) if one is not None]
        for one in both:
            connections = one.connections()
            unit.tell(m.InsideEnded(agent=one.agent, connection=one.connection, assignment=one.id, cause=cause))
            for connection in connections - {but}:
                self._acts.clear(connection, unit, Cause.CANCELLED if cause == "cancelled" else Cause.NORMAL)

    def overdue(self, assignment: Assignment, unit: Unit) -> None:
        """The switch kept silent."""
        self.end(assignment, "no_answer", unit, but="")


def _device(agent: Agent) -> str:
    usable = sorted((device for device in agent.devices.values() if device.usable), key=lambda one: (one.kind != "page", one.device))
    return usable[0].device

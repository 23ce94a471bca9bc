"""The fold of what agents are there for: their duty, their devices, and what else occupies their telephones."""

from __future__ import annotations

from typing import Protocol

from yitong.contact.bus import Bus
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import DUTIES, Agent, AgentDevice


class Agents(Protocol):
    """What the fold needs of the dispatcher's model."""

    gone: dict[str, int]

    def agent(self, key: str) -> Agent: ...
    def touch(self, agent: Agent, before: str, at: int) -> None: ...


class Duties:
    """One handler a fact."""

    def __init__(self, model: Agents, bus: Bus) -> None:
        self._model = model
        bus.applies(m.AgentDutyChanged, self._duty)
        bus.applies(m.AgentDeviceChanged, self._device)
        bus.applies(m.AgentOccupied, self._occupied)
        bus.applies(m.AgentFreed, self._freed)

    def _duty(self, fact: m.AgentDutyChanged, at: int) -> None:
        agent = self._model.agent(fact.agent)
        before = agent.state
        if agent.duty == "logged_off" and fact.duty != "logged_off":
            agent.logged_on_at, agent.answered, agent.misses = at, 0, 0
        if fact.duty == "ready":
            agent.misses = 0
        agent.duty, agent.reason, agent.duty_since = DUTIES.next(agent.duty, fact.duty), fact.reason, at
        self._model.touch(agent, before, at)

    def _device(self, fact: m.AgentDeviceChanged, at: int) -> None:
        agent = self._model.agent(fact.agent)
        before = agent.state
        if fact.registered:
            agent.devices[fact.device] = AgentDevice(device=fact.device, kind=fact.kind, registered=True, answering=fact.answering)
        else:
            agent.devices.pop(fact.device, None)
        self._model.touch(agent, before, at)

    def _occupied(self, fact: m.AgentOccupied, at: int) -> None:
        agent = self._model.agent(fact.agent)
        before = agent.state
        agent.seats[fact.connection] = fact.device
        self._model.gone.pop(fact.connection, None)
        self._model.touch(agent, before, at)

    def _freed(self, fact: m.AgentFreed, at: int) -> None:
        agent = self._model.agent(fact.agent)
        before = agent.state
        agent.seats.pop(fact.connection, None)
        self._model.touch(agent, before, at)

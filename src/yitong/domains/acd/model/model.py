"""The dispatcher's state, changed by facts only. Indexes and deadlines are rebuilt from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Bus
from yitong.contact.deadlines import Deadlines
from yitong.contact.medium import VOICE
from yitong.contact.messages import ContactEnded
from yitong.contact.registry import TOMBSTONE_US, Registry
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Agent, AgentConfig, Assignment
from yitong.domains.acd.model.candidates import Free, Policy, unfit
from yitong.domains.acd.model.duties import Duties
from yitong.domains.acd.model.outward import Outward
from yitong.domains.acd.model.queue import QueueConfig, Queued, read_queue
from yitong.domains.acd.model.state import AcdState
from yitong.domains.acd.model.together import Together

FORGETTING = 1 / 16
"""The weight of the newest contact in a queue's mean handle time."""


class Model:
    """Agents, queues, the waiting and the assignments of one partition."""

    def __init__(self, bus: Bus, registry: Registry, site: str) -> None:
        self.registry = registry
        self.deadlines = Deadlines()
        self.agent_configs: dict[str, AgentConfig] = {}
        self.queue_configs: dict[str, QueueConfig] = {}
        self.policies: dict[str, Policy] = {}
        self.words: dict[str, dict[str, str]] = {"reason": {}, "wrap_up_code": {}}
        """What an agent may name, by kind: ids with their codes."""
        self.agents: dict[str, Agent] = {}
        self.queued: dict[str, Queued] = {}
        self.gone: dict[str, int] = {}
        self.handle: dict[str, float] = {}
        self.places: dict[str, int] = {}
        self.waits: dict[str, int] = {}
        self.available: dict[str, Free] = {}
        self.changed = True
        self._site = site
        self._extensions: dict[str, str] = {}
        self._assignments: dict[str, Assignment] = {}
        self._by_connection: dict[str, str] = {}
        self.together = Together(self, bus)
        self.outward = Outward(self, bus)
        Duties(self, bus)
        self._register(bus)

    def _register(self, bus: Bus) -> None:
        handlers: dict[type, Callable[[Any, int], None]] = {
            m.ContactQueued: self._queue,
            m.ContactLeftQueue: self._left, m.ContactOffered: self._offered, m.OfferDeviceLost: self._device_lost,
            m.OfferEnded: self._offer_ended, m.OfferAnswered: self._answered, m.AssignmentHeld: self._held,
            m.AssignmentRetrieved: self._retrieved, m.AssignmentInterrupted: self._interrupted, m.ResumeTried: self._resume_tried,
            m.ResumeFailed: self._resume_failed, m.AssignmentResumed: self._resumed, m.AssignmentEnded: self._ended,
            m.WrapUpBegan: self._wrap_up, m.WrapUpDrafted: self._drafted, m.WrapUpEnded: self._wrapped_up,
            ContactEnded: self._contact_ended,
        }  # fmt: skip
        for kind, handler in handlers.items():
            bus.applies(kind, handler)

    # --- configuration -------------------------------------------------------------------------------------------------------------

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Agents and queues of this site, and the words that agents choose from."""
        if value is not None and value.get("site") not in (None, "", self._site):
            value = None
        if kind == "agent":
            self.agent_configs.pop(key, None)
            self._extensions = {extension: agent for extension, agent in self._extensions.items() if agent != key}
            if value is not None:
                config = msgspec.convert({name: item for name, item in value.items() if item is not None}, AgentConfig)
                self.agent_configs[key] = config
                self._extensions[config.extension] = key
            self._refresh(self.agents.get(key))
        elif kind == "queue":
            self.queue_configs.pop(key, None)
            self.policies.pop(key, None)
            if value is not None:
                self.queue_configs[key] = read_queue(value)
                self.policies[key] = self.queue_configs[key].policy()
            self.changed = True
        elif kind in self.words:
            kept = {other: code for other, code in self.words[kind].items() if other != key}
            self.words[kind] = kept if value is None else {**kept, key: value["code"]}

    def knows(self, kind: str, word: str) -> bool:
        """Whether ``word`` is the id or the code of a reason or a wrap-up code."""
        return word in self.words[kind] or word in self.words[kind].values()

    def queue_named(self, name: str) -> QueueConfig | None:
        """A queue by id or code."""
        return self.queue_configs.get(name) or next((queue for queue in self.queue_configs.values() if queue.code == name), None)

    # --- reading -------------------------------------------------------------------------------------------------------------------

    def agent_of_account(self, account: str) -> str | None:
        """The agent whose extension an account's name is."""
        return self._extensions.get(account)

    def assignment(self, key: str) -> Assignment | None:
        return self._assignments.get(key)

    def assignments(self) -> Iterator[Assignment]:
        return iter(list(self._assignments.values()))

    def of_connection(self, connection: str) -> Assignment | None:
        """The assignment that rings or talks on a connection."""
        return self._assignments.get(self._by_connection.get(connection, ""))

    def of_contact(self, contact: str) -> Assignment | None:
        """The assignment that has the contact now (not one that only wraps up)."""
        found = (item for item in self._assignments.values() if item.contact == contact and item.state != "wrapping_up" and not item.host)
        return next(found, None)

    def free(self) -> list[Free]:
        """Every agent who can take one more contact now, of whatever medium."""
        return list(self.available.values())

    def staffed(self, queue: str) -> int:
        """Agents on duty (not on a break) who may serve the queue."""
        policy = self.policies.get(queue)
        if policy is None:
            return 0
        present = (key for key, agent in self.agents.items() if agent.state not in ("logged_off", "not_ready"))
        return sum(1 for key in present if self.may_serve(key, policy))

    def may_serve(self, agent: str, policy: Policy) -> bool:
        """Membership and skills allow it."""
        config = self.agent_configs.get(agent)
        return config is not None and not unfit(agent, config.skills, policy)

    # --- keeping indexes -----------------------------------------------------------------------------------------------------------

    def agent(self, key: str) -> Agent:
        return self.agents.setdefault(key, Agent(id=key))

    def touch(self, agent: Agent, before: str, at: int) -> None:
        """After a change: the derived state's since, availability, and the moment from which the agent is idle."""
        if agent.state != before:
            agent.state_since = at
            if agent.state == "ready":
                agent.idle_since = at
        self._refresh(agent)

    def _refresh(self, agent: Agent | None) -> None:
        self.changed = True
        if agent is None:
            return
        config = self.agent_configs.get(agent.id)
        media = agent.open_media(config) if config is not None else frozenset[str]()
        if config is None or not media:
            self.available.pop(agent.id, None)
            return
        self.available[agent.id] = Free(
            agent=agent.id, skills=config.skills, idle_since=agent.idle_since, answered_today=agent.answered, media=media
        )

    def _index(self, assignment: Assignment) -> None:
        for connection in assignment.connections():
            self._by_connection[connection] = assignment.id
            self.registry.claimed.add(connection)
            self.gone.pop(connection, None)  # given up by one of two telephones' calls, it may live on in the other
        self.deadlines.set(f"a:{assignment.id}", assignment.deadline())

    def _unindex(self, connection: str, at: int) -> None:
        """The connection is given up; should it still speak, it is cleared."""
        if connection in self._by_connection:
            self.give_up(connection, at)

    def watch(self, assignment: Assignment) -> None:
        """Its connections or its deadline changed."""
        self._index(assignment)

    def give_up(self, connection: str, at: int) -> None:
        """Nobody has to do with a connection any more that may still be there."""
        self._by_connection.pop(connection, None)
        self.gone[connection] = at
        self.forget_old(at)

    def admit(self, guest: Assignment, at: int) -> None:
        """An agent takes part in somebody else's contact."""
        agent = self.agent(guest.agent)
        before = agent.state
        agent.assignments[guest.id] = self._assignments[guest.id] = guest
        self._index(guest)
        self.touch(agent, before, at)

    def dismiss(self, guest: Assignment, at: int) -> None:
        """He does not any more."""
        self._drop(guest, at, self.agents[guest.agent].state)

    def forget_old(self, now: int) -> None:
        """Let tombstones go after ten minutes."""
        while self.gone and (oldest := next(iter(self.gone.items())))[1] + TOMBSTONE_US < now:
            del self.gone[oldest[0]]
            self.registry.claimed.discard(oldest[0])

    def watch_queued(self, queued: Queued) -> None:
        self.deadlines.set(f"q:{queued.contact}", queued.deadline())
        self.changed = True

    # --- facts: queues -------------------------------------------------------------------------------------------------------------

    def _queue(self, fact: m.ContactQueued, at: int) -> None:
        contact = self.registry.get(fact.contact)
        queued = Queued(
            contact=fact.contact, connection=fact.connection, queue=fact.queue, segment=fact.segment, entered_at=at,
            virtual_arrival=fact.virtual_arrival, wait_from=fact.wait_from, due_at=fact.due_at, priority=fact.priority, front=fact.front,
            leave_at=fact.leave_at, medium=contact.channel if contact is not None else VOICE,
            not_to={fact.rests: fact.rest_until} if fact.rests else {},
        )  # fmt: skip
        self.queued[fact.contact] = queued
        self.places.setdefault(fact.contact, fact.virtual_arrival)
        self.watch_queued(queued)

    def _left(self, fact: m.ContactLeftQueue, at: int) -> None:
        queued = self.queued.pop(fact.contact, None)
        if queued is not None and fact.outcome == "answered":
            counted_in = queued.wait_from < queued.entered_at
            self.waits[fact.contact] = fact.waited_us + (0 if counted_in else self.waits.get(fact.contact, 0))
        self.deadlines.drop(f"q:{fact.contact}")
        self.changed = True

    def _contact_ended(self, fact: ContactEnded, at: int) -> None:
        self.places.pop(fact.contact, None)
        self.waits.pop(fact.contact, None)

    # --- facts: assignments --------------------------------------------------------------------------------------------------------

    def _offered(self, fact: m.ContactOffered, at: int) -> None:
        agent = self.agent(fact.agent)
        before = agent.state
        assignment = Assignment(
            id=fact.assignment, agent=fact.agent, contact=fact.contact, queue=fact.queue, segment=fact.segment, channel=fact.channel,
            state="", since=at, offered_at=at, ring_until=fact.ring_until, lease_until=fact.lease_until,
            targets={target.connection: target.device for target in fact.targets},
        )  # fmt: skip
        assignment.move("offer", at)
        agent.assignments[assignment.id] = self._assignments[assignment.id] = assignment
        self._index(assignment)
        queued = self.queued.get(fact.contact)
        if queued is not None:
            queued.assignment = assignment.id
            self.watch_queued(queued)
        self.touch(agent, before, at)

    def _device_lost(self, fact: m.OfferDeviceLost, at: int) -> None:
        self._assignments[fact.assignment].targets.pop(fact.connection, None)
        self._unindex(fact.connection, at)

    def _offer_ended(self, fact: m.OfferEnded, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        queued = self.queued.get(assignment.contact)
        if queued is not None and queued.assignment == assignment.id:
            queued.assignment = ""
            if fact.rest_until:
                queued.not_to[fact.agent] = fact.rest_until
            self.watch_queued(queued)
        agent = self.agents[assignment.agent]
        if fact.cause in ("no_answer", "unreachable"):
            agent.misses += 1
        self._drop(assignment, at, agent.state)

    def _answered(self, fact: m.OfferAnswered, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        agent = self.agents[assignment.agent]
        before = agent.state
        for connection in [name for name in assignment.targets if name != fact.connection]:
            self._unindex(connection, at)
        assignment.move("answer", at)
        assignment.targets = {}
        assignment.connection, assignment.device, assignment.segment = fact.connection, fact.device, fact.segment
        assignment.answered_at, assignment.waited_us = at, fact.waited_us
        agent.answered += 1
        agent.misses = 0
        self.places.pop(assignment.contact, None)
        self._index(assignment)
        self.touch(agent, before, at)

    def _held(self, fact: m.AssignmentHeld, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        assignment.move("hold", at)
        assignment.hold_since = at

    def _retrieved(self, fact: m.AssignmentRetrieved, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        assignment.move("retrieve", at)
        assignment.held_us, assignment.hold_since = assignment.held_us + fact.held_us, 0

    def _interrupted(self, fact: m.AssignmentInterrupted, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        if assignment.hold_since:
            assignment.held_us, assignment.hold_since = assignment.held_us + at - assignment.hold_since, 0
        assignment.move("interrupt", at)
        self._unindex(assignment.connection, at)
        assignment.connection = ""
        assignment.hold_since = at
        assignment.resume_until, assignment.hang_up_by = fact.resume_until, 0
        self._index(assignment)

    def _resume_tried(self, fact: m.ResumeTried, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        assignment.resume_target, assignment.resume_device = fact.target.connection, fact.target.device
        assignment.resume_again_at = fact.again_at
        self._index(assignment)

    def _resume_failed(self, fact: m.ResumeFailed, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        self._unindex(assignment.resume_target, at)
        assignment.resume_target, assignment.resume_again_at = "", fact.again_at
        self._index(assignment)

    def _resumed(self, fact: m.AssignmentResumed, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        assignment.move("resume", at)
        assignment.connection, assignment.device = fact.connection, fact.device
        assignment.held_us, assignment.hold_since = assignment.held_us + at - assignment.hold_since, 0
        assignment.resume_target, assignment.resume_until, assignment.resume_again_at = "", 0, 0
        self._index(assignment)

    def _ended(self, fact: m.AssignmentEnded, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        before = self.agents[assignment.agent].state
        for connection in assignment.connections():
            self._unindex(connection, at)
        assignment.move("end", at)
        if fact.cause in m.WITHOUT_WRAP_UP:
            self._drop(assignment, at, before)
            return
        assignment.connection = assignment.resume_target = ""
        assignment.hang_up_by = 0

    def _wrap_up(self, fact: m.WrapUpBegan, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        agent = self.agents[assignment.agent]
        assignment.move("wrap_up", at)
        assignment.wrap_since, assignment.wrap_until = at, fact.until
        self.deadlines.set(f"a:{assignment.id}", assignment.deadline())
        self.touch(agent, "busy", at)

    def _drafted(self, fact: m.WrapUpDrafted, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        assignment.code, assignment.note = fact.code, fact.note

    def _wrapped_up(self, fact: m.WrapUpEnded, at: int) -> None:
        assignment = self._assignments[fact.assignment]
        handled = (at - assignment.answered_at) / 1_000_000
        mean = self.handle.get(assignment.queue, handled)
        self.handle[assignment.queue] = mean + FORGETTING * (handled - mean)
        self._drop(assignment, at, self.agents[assignment.agent].state)

    def _drop(self, assignment: Assignment, at: int, before: str) -> None:
        """The assignment is over; ``before`` was the agent's state."""
        agent = self.agents[assignment.agent]
        for connection in assignment.connections():
            self._unindex(connection, at)
        assignment.move("end", at)
        del agent.assignments[assignment.id], self._assignments[assignment.id]
        self.deadlines.drop(f"a:{assignment.id}")
        self.touch(agent, before, at)

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def state(self) -> AcdState:
        return AcdState(
            agents=self.agents, queued=self.queued, gone=self.gone, handle=self.handle, places=self.places,
            waits=self.waits, handovers=self.together.handovers, outside=self.together.outside,
        )  # fmt: skip

    def restore(self, state: AcdState) -> None:
        """Take up a snapshot: one object per assignment, indexes and deadlines made anew."""
        self.agents, self.queued, self.gone, self.handle, self.places = state.agents, state.queued, state.gone, state.handle, state.places
        self.waits = state.waits
        for agent in self.agents.values():
            self._assignments.update(agent.assignments)
            self._refresh(agent)
        for assignment in self._assignments.values():
            self._index(assignment)
        for queued in self.queued.values():
            self.watch_queued(queued)
        self.registry.claimed.update(self.gone)
        self.together.restore(state.handovers, state.outside)

"""What desks and the board are drawn from: a fold of facts over one partition, with the configured names.

Personal values (numbers, cards) are taken from the registry while the contact lives; they stay in memory as long as a desk shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from yitong.contact.bus import Bus
from yitong.contact.ledger import Fact, Personal
from yitong.contact.messages import ContactArrived, ContactEnded
from yitong.contact.registry import LiveContact, Registry
from yitong.domains.acd import messages as acd
from yitong.domains.reporting.rules import flows, mail, recorded, several
from yitong.domains.reporting.rules.counters import AgentToday, count, day_of
from yitong.domains.reporting.rules.seen import PastCall, SeenAgent, SeenAssignment, SeenContact, SeenWaiting, ViewState
from yitong.domains.survey.messages import SurveyAnswered
from yitong.flow.messages import FlowStarted, StepLeft

CALLS_KEPT = 50


class View:
    """The fold. ``touched`` collects what changed since it was last emptied: ("agent", id), ("queue", id), ("assignment", id), ..."""

    def __init__(self, bus: Bus, registry: Registry, *, site: str) -> None:
        self.state = ViewState()
        self.zone: tzinfo = UTC
        self.names: dict[str, dict[str, Mapping[str, Any]]] = {
            kind: {} for kind in ("agent", "queue", "team", "reason", "wrap_up_code", "flow", "site", "tenant", "mailbox", "trunk")
        }
        self.touched: set[tuple[str, str]] = set()
        self._registry = registry
        self._site = site
        registry.on_card.append(self._card)
        bus.keeps(self._keep_note)
        for kind, handler in self._handlers().items():
            bus.applies(kind, self._folding(handler))

    def _handlers(self) -> dict[type[Fact], Callable[[Any, int], None]]:
        return {
            ContactArrived: self._arrived, ContactEnded: self._contact_ended, FlowStarted: self._flow_started,
            StepLeft: self._step_left,
            acd.AgentDutyChanged: self._duty, acd.AgentDeviceChanged: self._device,
            acd.ContactQueued: self._queued, acd.QueueRefused: self._nothing, acd.ContactLeftQueue: self._left,
            acd.ContactOffered: self._offered, acd.OfferEnded: self._offer_ended, acd.OfferAnswered: self._answered,
            acd.AssignmentHeld: self.moving("held"), acd.AssignmentRetrieved: self.moving("active"),
            acd.AssignmentInterrupted: self.moving("interrupted"), acd.AssignmentResumed: self.moving("active"),
            acd.AssignmentEnded: self._ended, acd.WrapUpBegan: self._wrap_up, acd.WrapUpDrafted: self._drafted,
            acd.WrapUpEnded: self._wrapped_up, SurveyAnswered: self._survey,
            **recorded.handlers(self), **several.handlers(self), **flows.handlers(self), **mail.handlers(self),
        }  # fmt: skip

    # --- configuration -------------------------------------------------------------------------------------------------------------

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Names, and the zone of site and tenant."""
        held = self.names.get(kind)
        if held is None:
            return
        if value is None or (kind in ("agent", "queue") and value.get("site") not in (None, "", self._site)):
            held.pop(key, None)
        else:
            held[key] = value
        if kind in ("site", "tenant"):
            self._set_zone()
        self.touched.add(("names", ""))

    def _set_zone(self) -> None:
        site = self.names["site"].get(self._site, {})
        tenant = next(iter(self.names["tenant"].values()), {})
        name = site.get("zone") or tenant.get("zone")
        self.zone = ZoneInfo(str(name)) if name else UTC

    # --- reading -------------------------------------------------------------------------------------------------------------------

    def agent_state(self, agent: SeenAgent) -> str:
        """The derived state of ECMA-269, as the dispatcher has it."""
        states = {self.state.assignments[key].state for key in agent.assignments}
        if agent.seats or states & {"offered", "active", "held", "interrupted"}:
            return "busy"
        if "wrapping_up" in states:
            return "working_after_call"
        reachable = any(registered and answering for _, registered, answering in agent.devices.values())
        return "not_ready" if agent.duty == "ready" and not reachable else agent.duty

    def queues_of(self, agent: str) -> list[str]:
        """The queues that the agent may serve."""
        config = self.names["agent"].get(agent, {})
        skills = config.get("skills") or {}
        return [key for key, queue in self.names["queue"].items() if _serves(agent, skills, queue)]

    def agents_of(self, queue: str) -> list[str]:
        """The agents who may serve the queue."""
        value = self.names["queue"].get(queue)
        if value is None:
            return []
        return [key for key, agent in self.names["agent"].items() if _serves(key, agent.get("skills") or {}, value)]

    # --- days ----------------------------------------------------------------------------------------------------------------------

    def roll(self, at: int) -> None:
        """A new day begins at midnight of the site: sums and own calls begin anew."""
        if self.state.today.began_at <= at < self.state.today.ends_at:
            return
        self.state.today = day_of(at, self.zone)
        self.state.calls.clear()
        self.touched.add(("names", ""))

    # --- the fold ------------------------------------------------------------------------------------------------------------------

    def _folding(self, handler: Callable[[Any, int], None]) -> Callable[[Any, int], None]:
        def fold(fact: Any, at: int) -> None:
            self.roll(at)
            agent = self.state.agents.get(fact.agent) if fact.agent else None
            before, since = (self.agent_state(agent), agent.state_since) if agent is not None else ("logged_off", 0)
            count(self.state.today, fact)
            handler(fact, at)
            if fact.agent:
                self._turn(fact.agent, before, since, at)
            if fact.queue:
                self.touched.add(("queue", fact.queue))

        return fold

    def _turn(self, key: str, before: str, since: int, at: int) -> None:
        """The agent's state may have changed: the time in the old one is counted, the board shows the new one."""
        agent = self.state.agents.get(key)
        if agent is None:
            return
        self.touched.add(("agent", key))
        after = self.agent_state(agent)
        if after == before:
            return
        agent.state_since = at
        today: AgentToday = self.state.today.agent(key)
        spent = at - max(since, self.state.today.began_at)
        if before == "ready":
            today.ready_us += spent
        elif before == "not_ready":
            today.not_ready_us += spent
        for queue in self.queues_of(key):
            self.touched.add(("queue", queue))

    def _nothing(self, fact: Fact, at: int) -> None:
        """Counting was all."""

    def agent(self, key: str) -> SeenAgent:
        return self.state.agents.setdefault(key, SeenAgent(id=key))

    def _duty(self, fact: acd.AgentDutyChanged, at: int) -> None:
        agent = self.agent(fact.agent)
        if agent.duty == "logged_off" and fact.duty != "logged_off":
            agent.logged_on_at = at
        agent.duty, agent.reason, agent.duty_since = fact.duty, fact.reason, at

    def _device(self, fact: acd.AgentDeviceChanged, at: int) -> None:
        agent = self.agent(fact.agent)
        if fact.registered:
            agent.devices[fact.device] = (fact.kind, fact.registered, fact.answering)
        else:
            agent.devices.pop(fact.device, None)

    def _arrived(self, fact: ContactArrived, at: int) -> None:
        live = self._registry.get(fact.contact)
        self.state.contacts[fact.contact] = SeenContact(
            id=fact.contact, calling=live.peer if live else "",
            called=live.called if live and fact.direction == "in" else fact.number,
            direction=fact.direction, language=fact.language, trunk=fact.trunk,
            brought=live.brought if live else None,
        )  # fmt: skip

    def _card(self, live: LiveContact) -> None:
        contact = self.state.contacts.get(live.id)
        if contact is None:
            return
        contact.card = live.card
        for assignment in self._assignments_of(live.id):
            self.touched.add(("assignment", assignment.id))

    def _flow_started(self, fact: FlowStarted, at: int) -> None:
        contact = self.state.contacts.get(fact.contact)
        if contact is not None:
            contact.flow = fact.flow

    def address(self, contact: str, record: str) -> str:
        """The value of a Personal record of a live contact."""
        live = self._registry.get(contact)
        return live.personals.get(record, "") if live is not None else ""

    def line(self, contact: SeenContact | None) -> Any:
        """The name of the outside line that a contact came by; null for a page, or a telephone of ours."""
        code = contact.trunk if contact is not None else ""
        known = self.names["trunk"].values() if code else ()
        return next((trunk.get("name") or code for trunk in known if trunk.get("code") == code), None)

    def key_name(self, flow: str, step: str, keys: str) -> Any:
        """What the keys mean that were pressed in a step, in words per language, where the published flow has them."""
        document = self.names["flow"].get(flow, {}).get("document") or {}
        return document.get("steps", {}).get(step, {}).get("names", {}).get(keys, "")

    def _step_left(self, fact: StepLeft, at: int) -> None:
        contact = self.state.contacts.get(fact.contact)
        if contact is None:
            return
        if self._assignments_of(contact.id):
            return  # a desk shows how the contact came to it, not what follows (the survey)
        if fact.keys:
            contact.keys = [*contact.keys, (fact.step, fact.keys)][-20:]
        live = self._registry.get(fact.contact)
        contact.language = live.language if live is not None else contact.language

    def _contact_ended(self, fact: ContactEnded, at: int) -> None:
        contact = self.state.contacts.get(fact.contact)
        if contact is not None:
            contact.ended = True
            self._drop_contact(contact.id)

    def _assignments_of(self, contact: str) -> list[SeenAssignment]:
        return [assignment for assignment in self.state.assignments.values() if assignment.contact == contact]

    def _drop_contact(self, key: str) -> None:
        """A contact that has ended and stands on no desk is forgotten."""
        contact = self.state.contacts.get(key)
        if contact is not None and contact.ended and not self._assignments_of(key):
            del self.state.contacts[key]

    def _queued(self, fact: acd.ContactQueued, at: int) -> None:
        self.state.waiting[fact.contact] = SeenWaiting(contact=fact.contact, queue=fact.queue, since=fact.wait_from)

    def _left(self, fact: acd.ContactLeftQueue, at: int) -> None:
        self.state.waiting.pop(fact.contact, None)

    def _offered(self, fact: acd.ContactOffered, at: int) -> None:
        waiting = self.state.waiting.get(fact.contact)
        assignment = SeenAssignment(
            id=fact.assignment, agent=fact.agent, contact=fact.contact, queue=fact.queue, segment=fact.segment, channel=fact.channel,
            state="offered", since=at, waited_us=at - waiting.since if waiting is not None else 0, ring_until=fact.ring_until,
        )  # fmt: skip
        self.state.assignments[assignment.id] = assignment
        self.agent(fact.agent).assignments.append(assignment.id)
        self.touched.add(("assignment", assignment.id))

    def _offer_ended(self, fact: acd.OfferEnded, at: int) -> None:
        self.drop(fact.assignment)

    def _answered(self, fact: acd.OfferAnswered, at: int) -> None:
        assignment = self.state.assignments.get(fact.assignment)
        if assignment is not None:
            assignment.waited_us = fact.waited_us
            self.begin_call(assignment, fact.segment, at)

    def begin_call(self, assignment: SeenAssignment, segment: str, at: int) -> None:
        """The agent has the contact: one of his own calls."""
        self._move(assignment, "active", at)
        assignment.segment, assignment.answered_at = segment, at
        contact = self.state.contacts.get(assignment.contact)
        call = PastCall(
            contact=assignment.contact, segment=segment, at=at, direction=contact.direction if contact else "in", queue=assignment.queue,
            calling=contact.calling if contact else "", customer=contact.card.name if contact and contact.card else "",
        )  # fmt: skip
        self.state.calls[assignment.agent] = [call, *self.state.calls.get(assignment.agent, [])][:CALLS_KEPT]
        self.touched.add(("calls", assignment.agent))

    def moving(self, state: str) -> Callable[[Any, int], None]:
        def move(fact: Any, at: int) -> None:
            assignment = self.state.assignments.get(fact.assignment)
            if assignment is not None:
                self._move(assignment, state, at)

        return move

    def _move(self, assignment: SeenAssignment, state: str, at: int) -> None:
        assignment.state, assignment.since = state, at
        self.touched.add(("assignment", assignment.id))

    def _ended(self, fact: acd.AssignmentEnded, at: int) -> None:
        for call in self._call(fact.agent, fact.segment):
            call.talk_us += fact.talk_us
        recorded.forget(self, fact.segment)
        if fact.cause in acd.WITHOUT_WRAP_UP:
            self.drop(fact.assignment)

    def _wrap_up(self, fact: acd.WrapUpBegan, at: int) -> None:
        assignment = self.state.assignments.get(fact.assignment)
        if assignment is not None:
            self._move(assignment, "wrapping_up", at)
            assignment.wrap_until, assignment.wrapping = fact.until, True

    def _drafted(self, fact: acd.WrapUpDrafted, at: int) -> None:
        assignment = self.state.assignments.get(fact.assignment)
        if assignment is not None:
            if assignment.note != fact.note:
                self.state.notes.pop(assignment.note, None)
            assignment.code, assignment.note = fact.code, fact.note
            self.touched.add(("assignment", assignment.id))

    def _wrapped_up(self, fact: acd.WrapUpEnded, at: int) -> None:
        self.state.notes.pop(fact.note, None)
        self.drop(fact.assignment)

    def drop(self, key: str) -> None:
        assignment = self.state.assignments.pop(key, None)
        if assignment is None:
            return
        agent = self.agent(assignment.agent)
        agent.assignments = [other for other in agent.assignments if other != key]
        self.state.notes.pop(assignment.note, None)
        self.touched.add(("assignment", f"{key}@{assignment.agent}"))
        self._drop_contact(assignment.contact)

    def _survey(self, fact: SurveyAnswered, at: int) -> None:
        for call in self._call(fact.agent, fact.segment):
            call.survey = fact.answer

    def _call(self, agent: str, segment: str) -> Iterable[PastCall]:
        self.touched.add(("calls", agent))
        return [call for call in self.state.calls.get(agent, ()) if call.segment == segment]

    def _keep_note(self, record: Personal) -> None:
        """The text of a note, kept as long as it is a draft."""
        if record.kind == "note":
            self.state.notes[record.id] = record.value


def _serves(agent: str, skills: Mapping[str, int], queue: Mapping[str, Any]) -> bool:
    members = queue.get("members") or ()
    if members and all(member.get("agent") != agent for member in members):
        return False
    return all(int(skills.get(need["skill"], 0)) >= int(need.get("level", 1)) for need in queue.get("requirement") or ())

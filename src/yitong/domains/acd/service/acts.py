"""What the dispatcher does to contacts and agents, one function an act: facts first, then what is asked of the switch."""

from __future__ import annotations

from collections.abc import Callable

from yitong.contact.bus import Refused, Unit
from yitong.contact.journey import begin_segment, end_segment
from yitong.contact.registry import LiveContact, Registry
from yitong.ct.events import Transferred
from yitong.ct.model import Cause, Participation, StandingOrder
from yitong.ct.services import Clear, Participate, Play, Route, Target
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment
from yitong.domains.acd.model.model import Model
from yitong.domains.acd.model.queue import QueueConfig, Queued, micro
from yitong.domains.acd.model.together import Handover
from yitong.domains.acd.rules.selection import Match
from yitong.flow.prompts import Library

RESUME_SECONDS = 30.0
RESUME_RING_SECONDS = 6.0
RESUME_PAUSE_SECONDS = 2.0
LEASE_SECONDS = 3.0
LOST_REST_SECONDS = 2.0
GIVEN_BACK_REST_SECONDS = 600.0
"""For how long an agent is not offered again what he gave back."""
STANDING_SECONDS = 45.0
"""Longer than RESUME_SECONDS, so that core, when it lives, always decides before the switch does."""


class Acts:
    """``resume(contact, outcome, unit)`` gives a contact back to its flow."""

    def __init__(self, model: Model, registry: Registry, library: Library, resume: Callable[[str, str, Unit], None], tenant: str) -> None:
        self.model = model
        self.registry = registry
        self.library = library
        self.resume = resume
        self._tenant = tenant
        self.end_consultation: Callable[[Assignment, str, Unit], None]
        self.hand_over: Callable[..., None]
        self.end_supervision: Callable[[Assignment, str, Unit, str], None]
        self.end_detour: Callable[[Assignment, str, Unit], None]
        self.agent_away: Callable[[Assignment, Unit], None]
        self.telephone_moved: Callable[[Assignment, Transferred, Unit], None]
        self.has_fax: Callable[[str], bool]
        self.sending: Callable[[str, str], str]
        self.send: Callable[[Assignment, str, Unit], None]
        self.goes_along: Callable[[Assignment, str, str], tuple[str, str]]
        self.comes_back: Callable[[Handover, LiveContact, str, Unit], bool]

    def mine(
        self, agent: str, key: str, *states: str, dialling: bool = False, apart: bool = False, inside: bool = False, written: bool = False
    ) -> Assignment:  # fmt: skip
        """The agent's assignment in one of ``states``; ``dialling``: also while he still calls; ``apart``: also while the contact is in a
        flow beside him; ``inside``: also a call to a colleague; ``written``: also one that is no call. Raises Refused: not_found,
        wrong_state."""
        assignment = self.model.assignment(key)
        if assignment is None or assignment.agent != agent:
            raise Refused("not_found")
        if not assignment.switched and not written:
            raise Refused("wrong_state", state=assignment.channel)
        if assignment.dial is not None and not dialling:
            raise Refused("wrong_state", state="dialling")
        if assignment.inside is not None and not inside:
            raise Refused("wrong_state", state="inside")
        if assignment.detour is not None and not apart:
            raise Refused("wrong_state", state="in_flow")
        if assignment.state not in states:
            raise Refused("wrong_state", state=assignment.state)
        return assignment

    # --- asking the switch ---------------------------------------------------------------------------------------------------------

    def clear(self, connection: str, unit: Unit, cause: Cause = Cause.NORMAL) -> None:
        unit.ask(Clear(id=unit.new_id(), tenant=self._tenant, connection=connection, cause=cause))

    def music_file(self, queue: QueueConfig | None, language: str) -> str:
        """The file of the queue's music; empty without one."""
        prompt = self.library.find(queue.music, language) if queue is not None and queue.music else None
        return prompt.file if prompt is not None else ""

    def play_music(self, contact: LiveContact, queue: QueueConfig | None, unit: Unit) -> None:
        """Music, or nothing, until something else is played."""
        if not contact.switched:
            return
        prompt = self.library.find(queue.music, contact.language) if queue is not None and queue.music else None
        if prompt is not None:
            unit.ask(Play(id=unit.new_id(), tenant=self._tenant, connection=contact.connection, prompts=(prompt,), loop=True))

    # --- offers --------------------------------------------------------------------------------------------------------------------

    def offer(self, match: Match, unit: Unit) -> None:
        """Reserve the agent and ring all the devices that answer; what is not switched shows on his desk, until a call comes first."""
        queued, agent = self.model.queued[match.contact], self.model.agents[match.agent]
        contact = self.registry.get(match.contact)
        queue = self.model.queue_configs[queued.queue]
        if contact is None:
            return
        if contact.switched:
            for other in [one for one in agent.assignments.values() if one.state == "offered" and not one.switched]:
                self.end_offer(other, "interrupted", unit, rest_seconds=0)
        devices = sorted(device.device for device in agent.devices.values() if device.usable and contact.switched)
        targets = [m.OfferTarget(connection=unit.new_id(), device=device) for device in devices]
        ring_until = unit.now + micro(queue.ring_seconds)
        unit.tell(m.ContactOffered(
            contact=contact.id, segment=queued.segment, agent=agent.id, queue=queue.id, assignment=unit.new_id(), targets=targets,
            ring_until=ring_until, lease_until=ring_until + micro(LEASE_SECONDS), decision=match.decision, channel=contact.channel,
        ))  # fmt: skip
        if contact.switched:
            self._route(contact, targets, queue, unit, ring_seconds=queue.ring_seconds, resume=False)

    def _route(
        self, contact: LiveContact, targets: list[m.OfferTarget], queue: QueueConfig | None, unit: Unit, *,
        ring_seconds: float, resume: bool,
    ) -> None:  # fmt: skip
        unit.ask(Route(
            id=unit.new_id(), tenant=self._tenant, connection=contact.connection, calling=contact.peer, contact=contact.id,
            calling_name=contact.card.name if contact.card else "", ring_seconds=ring_seconds, resume=resume,
            targets=tuple(Target(connection=target.connection, device=target.device) for target in targets),
            order=StandingOrder(wait_seconds=STANDING_SECONDS, music=self.music_file(queue, contact.language)),
        ))  # fmt: skip

    def end_offer(self, assignment: Assignment, cause: str, unit: Unit, *, rest_seconds: float | None = None) -> None:
        """The agent stops ringing and is free; the contact keeps its place. After too many misses the agent goes on a break."""
        queue = self.model.queue_configs.get(assignment.queue)
        if rest_seconds is None:
            rest_seconds = queue.rest_seconds if queue is not None else 30.0
        ringing = list(assignment.targets)
        unit.tell(m.OfferEnded(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue, cause=cause,
            assignment=assignment.id, rang_us=unit.now - assignment.offered_at,
            rest_until=unit.now + micro(rest_seconds) if rest_seconds else 0,
        ))  # fmt: skip
        for connection in ringing:
            self.clear(connection, unit, Cause.CANCELLED)
        agent = self.model.agents[assignment.agent]
        allowed = queue.misses_allowed if queue is not None else 1
        if cause in ("no_answer", "unreachable") and agent.duty == "ready" and allowed and agent.misses >= allowed:
            unit.tell(m.AgentDutyChanged(agent=agent.id, duty="not_ready", reason=cause, by="system", cause=cause))

    def answered(self, assignment: Assignment, connection: str, unit: Unit, *, device: str = "") -> None:
        """The first device answered: the wait is over, the agent's segment begins. ``device``: another one than was rung."""
        queued, contact = self.model.queued.get(assignment.contact), self.registry.get(assignment.contact)
        if queued is None or contact is None:
            self.end_offer(assignment, "lost", unit, rest_seconds=0)
            return
        waited = unit.now - queued.wait_from
        self.leave(queued, "answered", unit, agent=assignment.agent)
        segment = begin_segment(contact, "agent", unit, agent=assignment.agent, queue=assignment.queue, cause="answered")
        unit.tell(m.OfferAnswered(
            contact=contact.id, segment=segment, connection=connection, agent=assignment.agent, queue=assignment.queue,
            assignment=assignment.id, device=device or assignment.targets.get(connection, ""), waited_us=waited,
            rang_us=unit.now - assignment.offered_at,
        ))  # fmt: skip

    def leave(self, queued: Queued, outcome: str, unit: Unit, *, agent: str = "") -> None:
        """The wait is over with ``outcome``."""
        queue = self.model.queue_configs.get(queued.queue)
        within = micro(queue.objective.answer_within_seconds) if queue is not None else 20_000_000
        short = micro(queue.objective.short_seconds) if queue is not None else 5_000_000
        unit.tell(m.ContactLeftQueue(
            contact=queued.contact, segment=queued.segment, queue=queued.queue, agent=agent, outcome=outcome, cause=outcome,
            waited_us=unit.now - queued.wait_from, answer_within_us=within, short_us=short,
        ))  # fmt: skip

    # --- the end of a talk ---------------------------------------------------------------------------------------------------------

    def end_talk(self, assignment: Assignment, cause: str, unit: Unit, *, keep: str = "") -> None:
        """Agent and customer are apart: ``cause`` agent_left, customer_left, agent_lost, transferred, intercepted or released.

        ``keep``: the supervisor's assignment that goes on.
        """
        self.end_supervision(assignment, cause, unit, keep)
        self.end_detour(assignment, cause, unit)
        if assignment.consultation is not None and cause != "transferred":
            self.end_consultation(assignment, cause, unit)
        held = assignment.held_us + (unit.now - assignment.hold_since if assignment.hold_since else 0)
        unit.tell(m.AssignmentEnded(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue, cause=cause,
            connection=assignment.connection, assignment=assignment.id, talk_us=unit.now - assignment.answered_at - held, hold_us=held,
        ))  # fmt: skip

    def wrap_up(self, assignment: Assignment, unit: Unit) -> None:
        queue = self.model.queue_configs.get(assignment.queue)
        seconds = queue.wrap_up_seconds if queue is not None else 0.0
        unit.tell(m.WrapUpBegan(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
            assignment=assignment.id, until=unit.now + micro(seconds) if seconds else 0,
        ))  # fmt: skip

    def released(self, assignment: Assignment, unit: Unit, *, clear: bool, cause: str = "agent_left") -> None:
        """The agent hung up: he wraps up, the customer goes on in the flow. ``clear``: the connection may still be there.

        In a conference the customer goes on with the other one; in a flow beside the agent, there.
        """
        if assignment.consultation is not None and assignment.consultation.state == "conference":
            self.hand_over(assignment, unit, clear=clear)
            return
        contact = self.registry.get(assignment.contact)
        pending = assignment.resume_target or assignment.connection
        apart = assignment.detour is not None and assignment.detour.state == "there"
        self.end_talk(assignment, cause, unit)
        if pending and clear:
            self.clear(pending, unit)
        self.wrap_up(assignment, unit)
        if contact is not None and apart:
            begin_segment(contact, "ivr", unit, cause="agent_left")
        elif contact is not None:
            end_segment(contact, unit, cause)
            self.resume(contact.id, "served", unit)

    def customer_left(self, assignment: Assignment, unit: Unit) -> None:
        """The customer hung up: the agent's connection is cleared, he wraps up."""
        pending = assignment.resume_target or assignment.connection
        self.end_talk(assignment, "customer_left", unit)
        if pending:
            self.clear(pending, unit)
        self.wrap_up(assignment, unit)

    # --- losing an agent -----------------------------------------------------------------------------------------------------------

    def interrupted(self, assignment: Assignment, unit: Unit) -> None:
        """The agent's device was lost: the standing order plays music; his page has half a minute to come back.

        A contact that is in a flow beside him goes on there; he is rung when it comes back.
        """
        if assignment.detour is not None and assignment.detour.state == "leaving":
            self.end_detour(assignment, "failed", unit)
        unit.tell(m.AssignmentInterrupted(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
            connection=assignment.connection, assignment=assignment.id, resume_until=unit.now + micro(RESUME_SECONDS),
        ))  # fmt: skip
        if assignment.consultation is not None:
            self.end_consultation(assignment, "agent_left", unit)
        if assignment.detour is not None:
            self.agent_away(assignment, unit)
        self.try_resume(assignment, unit)

    def try_resume(self, assignment: Assignment, unit: Unit) -> None:
        """Give the call to the device that he had, if it is there again, else to his page, else to what he has."""
        agent, contact = self.model.agents[assignment.agent], self.registry.get(assignment.contact)
        usable = [device for device in agent.devices.values() if device.usable]
        usable.sort(key=lambda device: (device.device != assignment.device, device.kind != "page", device.device))
        if not usable or contact is None or assignment.resume_target or assignment.detour is not None:
            return
        target = m.OfferTarget(connection=unit.new_id(), device=usable[0].device)
        unit.tell(m.ResumeTried(
            contact=contact.id, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
            connection=target.connection, assignment=assignment.id, target=target,
            again_at=unit.now + micro(RESUME_RING_SECONDS + RESUME_PAUSE_SECONDS),
        ))  # fmt: skip
        queue = self.model.queue_configs.get(assignment.queue)
        self._route(contact, [target], queue, unit, ring_seconds=RESUME_RING_SECONDS, resume=True)

    def resume_failed(self, assignment: Assignment, unit: Unit) -> None:
        """The device was not there after all: try again shortly."""
        unit.tell(m.ResumeFailed(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
            connection=assignment.resume_target, assignment=assignment.id, again_at=unit.now + micro(RESUME_PAUSE_SECONDS),
        ))  # fmt: skip

    def resumed(self, assignment: Assignment, unit: Unit) -> None:
        """Agent and customer are together again."""
        unit.tell(m.AssignmentResumed(
            contact=assignment.contact, segment=assignment.segment, agent=assignment.agent, queue=assignment.queue,
            connection=assignment.resume_target, assignment=assignment.id, device=assignment.resume_device,
        ))  # fmt: skip
        if assignment.muted:  # his desk still says so, and the new connection does not know of it
            silent = Participation.SILENT
            unit.ask(Participate(id=unit.new_id(), tenant=self._tenant, connection=assignment.connection, participation=silent))

    def agent_lost(self, assignment: Assignment, unit: Unit) -> None:
        """He did not come back: the contact goes to the front of its queue (without one on in its flow, if any), the agent to a break whose
        reason shows."""
        contact, queue_id = self.registry.get(assignment.contact), assignment.queue
        agent = self.model.agents[assignment.agent]
        pending = assignment.resume_target
        self.end_talk(assignment, "agent_lost", unit)
        if pending:
            self.clear(pending, unit, Cause.CANCELLED)
        if agent.duty == "ready":
            unit.tell(m.AgentDutyChanged(agent=agent.id, duty="not_ready", reason="connection_lost", by="system", cause="agent_lost"))
        if contact is not None and queue_id in self.model.queue_configs:
            self.queue(contact, queue_id, unit, front=True)
        elif contact is not None:
            end_segment(contact, unit, "agent_lost")
            self.resume(contact.id, "served", unit)

    # --- waiting -------------------------------------------------------------------------------------------------------------------

    def queue(
        self, contact: LiveContact, queue_id: str, unit: Unit, *, virtual_arrival: int = 0, priority: int = 0, front: bool = False,
        anew: bool = False, rests: str = "",
    ) -> None:  # fmt: skip
        """Let the contact wait. A place once taken is kept over re-entry: whoever comes back from an agent by a flow waits on from what he
        has waited; one whose agent was lost waits anew, at the front. ``anew``: the wait counts from now, whatever the place (a
        transfer). ``rests``: who gave it back. What is not switched waits until somebody has it, however long.
        """
        queue = self.model.queue_configs.get(queue_id)
        place = self.model.places.get(contact.id, 0)
        again = bool(place) or contact.served is not None
        virtual = virtual_arrival or place or unit.now - self.model.waits.get(contact.id, 0)
        within = micro(queue.objective.answer_within_seconds) if queue is not None else 20_000_000
        leave = micro(queue.maximum_wait_seconds) if queue is not None and contact.switched else 0
        segment = begin_segment(contact, "queue", unit, queue=queue_id, cause="agent_lost" if front else "")
        unit.tell(m.ContactQueued(
            contact=contact.id, segment=segment, connection=contact.connection, queue=queue_id, virtual_arrival=virtual,
            wait_from=unit.now if front or anew else virtual, priority=priority + (queue.priority if queue is not None else 0),
            due_at=virtual + within, leave_at=unit.now + leave if leave else 0, front=front, again=again,
            rests=rests, rest_until=unit.now + micro(GIVEN_BACK_REST_SECONDS) if rests else 0,
        ))  # fmt: skip
        self.play_music(contact, queue, unit)

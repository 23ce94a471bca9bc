"""What the dispatcher tells of agents, queues and assignments. Times are UTC microseconds (``*_at``, ``*_until``) or lengths (``*_us``)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from yitong.contact.ledger import Fact
from yitong.domains.acd.messages.commands import Duty

# --- agents ------------------------------------------------------------------------------------------------------------------------


class AgentDutyChanged(Fact, frozen=True):
    """An agent is on duty or not. ``by``: agent, supervisor, system; ``cause`` in the envelope when the system did it (no_answer, ...)."""

    TYPE: ClassVar[str] = "acd.agent_duty_changed"
    duty: Duty
    reason: str = ""
    by: str = "agent"


class DeskLocked(Fact, frozen=True):
    """The agent locked his desk (``on``), or it is unlocked: ``by`` agent, supervisor, or system (he became ready or went home)."""

    TYPE: ClassVar[str] = "acd.desk_locked"
    on: bool
    by: str = "agent"


class AgentDeviceChanged(Fact, frozen=True):
    """A device of the agent registered, went away, answers or does not."""

    TYPE: ClassVar[str] = "acd.agent_device_changed"
    device: str
    kind: str
    registered: bool
    answering: bool


# --- queues ------------------------------------------------------------------------------------------------------------------------


class ContactQueued(Fact, frozen=True):
    """A contact waits. Its place counts from ``virtual_arrival``, its wait from ``wait_from`` (the same but after an agent was lost).

    ``again``: it had been in a queue before. ``due_at``: when the objective of the queue is missed; ``leave_at``: when it has waited
    too long (0: never). It is not offered to the agent ``rests``, who gave it back, before ``rest_until``.
    """

    TYPE: ClassVar[str] = "acd.contact_queued"
    virtual_arrival: int
    wait_from: int
    priority: int
    due_at: int
    leave_at: int = 0
    front: bool = False
    again: bool = False
    rests: str = ""
    rest_until: int = 0


class QueueRefused(Fact, frozen=True):
    """A contact asked for a queue and could not wait there: ``cause`` full or no_agents."""

    TYPE: ClassVar[str] = "acd.queue_refused"


class PositionAnnounced(Fact, frozen=True):
    """The caller was told the place (1 is next; 0: not told) and the expected wait (-1: unknown or not told)."""

    TYPE: ClassVar[str] = "acd.position_announced"
    position: int
    wait_seconds: int


class ContactLeftQueue(Fact, frozen=True):
    """The wait is over. ``outcome``: answered, abandoned, timeout, flowed_out, lost.

    ``answer_within_us`` and ``short_us`` are the queue's objective at that moment, so that a number can be counted from this fact alone.
    """

    TYPE: ClassVar[str] = "acd.contact_left_queue"
    outcome: str
    waited_us: int
    answer_within_us: int
    short_us: int


class CandidateScore(msgspec.Struct, frozen=True, kw_only=True):
    """An agent who could have had the contact, with what the strategy compared (smaller is better)."""

    agent: str
    score: list[float]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why this contact and this agent. ``refusals``: how many agents could not have it, by reason; ``passed_over``: contacts before
    it in the order that nobody free may take."""

    strategy: str
    order: list[float]
    candidates: list[CandidateScore]
    refusals: dict[str, int] = {}
    passed_over: int = 0


class OfferTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A device that rings, and the connection it rings on."""

    connection: str
    device: str


# --- assignments -------------------------------------------------------------------------------------------------------------------


class ContactOffered(Fact, frozen=True):
    """An agent is reserved and rings until ``ring_until``; the reservation itself ends at ``lease_until`` whatever happens.

    ``channel``: the medium; one that is not switched (a mail) rings nowhere (no ``targets``): it shows on his desk.
    """

    TYPE: ClassVar[str] = "acd.contact_offered"
    assignment: str
    targets: list[OfferTarget]
    ring_until: int
    lease_until: int
    decision: Explanation
    channel: str = "voice"


class OfferDeviceLost(Fact, frozen=True):
    """One of several ringing devices is out; the others ring on."""

    TYPE: ClassVar[str] = "acd.offer_device_lost"
    assignment: str


class OfferEnded(Fact, frozen=True):
    """The agent did not get the contact; ``cause``: refused, no_answer, abandoned, unreachable, lost, flowed_out, interrupted (a call
    came first).

    Until ``rest_until`` (0: no rest) this agent is not offered the same contact again.
    """

    TYPE: ClassVar[str] = "acd.offer_ended"
    assignment: str
    rang_us: int
    rest_until: int = 0


class OfferAnswered(Fact, frozen=True):
    """The agent and the customer hear each other. ``waited_us``: from the contact's arrival in the queue to this moment."""

    TYPE: ClassVar[str] = "acd.offer_answered"
    assignment: str
    device: str
    waited_us: int
    rang_us: int


class AssignmentHeld(Fact, frozen=True):
    """The customer was put on hold."""

    TYPE: ClassVar[str] = "acd.assignment_held"
    assignment: str


class AssignmentRetrieved(Fact, frozen=True):
    """The hold is over."""

    TYPE: ClassVar[str] = "acd.assignment_retrieved"
    assignment: str
    held_us: int


class AssignmentInterrupted(Fact, frozen=True):
    """The agent's device was lost in the call (page reloaded, network): the customer hears music until ``resume_until``."""

    TYPE: ClassVar[str] = "acd.assignment_interrupted"
    assignment: str
    resume_until: int


class ResumeTried(Fact, frozen=True):
    """The agent's device is back and gets the call again."""

    TYPE: ClassVar[str] = "acd.resume_tried"
    assignment: str
    target: OfferTarget
    again_at: int


class ResumeFailed(Fact, frozen=True):
    """The device did not take the call; it is tried again at ``again_at``, or as soon as one registers."""

    TYPE: ClassVar[str] = "acd.resume_failed"
    assignment: str
    again_at: int


class AssignmentResumed(Fact, frozen=True):
    """Agent and customer hear each other again, on the envelope's connection."""

    TYPE: ClassVar[str] = "acd.assignment_resumed"
    assignment: str
    device: str


class AssignmentEnded(Fact, frozen=True):
    """The agent's call is over; ``cause``: agent_left, customer_left, agent_lost, transferred, intercepted, released (by a supervisor),
    joined (the customer belongs to another contact now), given_back (what is written goes back to a queue). After agent_lost, joined
    and given_back there is no wrap-up.

    Talk excludes hold."""

    TYPE: ClassVar[str] = "acd.assignment_ended"
    assignment: str
    talk_us: int
    hold_us: int


WITHOUT_WRAP_UP = frozenset({"agent_lost", "joined", "given_back"})
"""Causes of AssignmentEnded after which nothing is wrapped up."""


class WrapUpBegan(Fact, frozen=True):
    """After-call work until ``until`` (0: until the agent ends it)."""

    TYPE: ClassVar[str] = "acd.wrap_up_began"
    assignment: str
    until: int


class WrapUpDrafted(Fact, frozen=True):
    """What the agent wrote so far; ``note`` is the id of a Personal record (kind note) or empty."""

    TYPE: ClassVar[str] = "acd.wrap_up_drafted"
    assignment: str
    code: str = ""
    note: str = ""


class WrapUpEnded(Fact, frozen=True):
    """After-call work is done; ``cause``: agent, time_limit, logged_off. ``note`` as in WrapUpDrafted."""

    TYPE: ClassVar[str] = "acd.wrap_up_ended"
    assignment: str
    code: str = ""
    note: str = ""
    wrap_up_us: int = 0

"""Who is next, for whom: one dispatcher over all queues, one total order of the waiting, a pure function of values and the moment.

The order: priority (higher first), then who has the least time left until the queue's objective is missed, then virtual arrival. A
contact that nobody free may take is passed over, so it never holds up the others; an agent gets the first contact in the order that
he may take, and among several free agents the queue's strategy chooses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, nsmallest

import msgspec

from yitong.domains.acd.messages import CandidateScore, Explanation
from yitong.domains.acd.model.candidates import Free, Policy, Waiting, unfit

LISTED = 10
"""So many candidates are written into an explanation."""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with its explanation."""

    contact: str
    agent: str
    decision: Explanation


def order_key(waiting: Waiting) -> tuple[float, float, float, float, str]:
    """The total order of the waiting; smaller is served first. ``front``: someone who had an agent already and lost him."""
    return (0 if waiting.front else 1, -waiting.priority, waiting.due_at, waiting.virtual_arrival, waiting.contact)


def score(agent: Free, policy: Policy, contact: str) -> tuple[float, ...]:
    """What the strategy compares; smaller is better, ties go to the longest idle."""
    idle = float(agent.idle_since)
    if policy.strategy == "sequential":
        return (float(policy.members.get(agent.agent, 0)), idle)
    if policy.strategy == "even":
        return (float(agent.answered_today), idle)
    if policy.strategy == "most_skilled":
        levels = sum(agent.skills.get(skill, 0) for skill in policy.requirement) if policy.requirement else sum(agent.skills.values())
        return (-float(levels), idle)
    if policy.strategy == "random":
        drawn = hashlib.sha256(f"{contact}/{agent.agent}".encode()).digest()
        return (float(int.from_bytes(drawn[:4], "big")), idle)
    return (idle,)


STRATEGIES = frozenset({"longest_idle", "sequential", "even", "most_skilled", "random"})


def choose(waiting: Iterable[Waiting], free: Sequence[Free], policies: Mapping[str, Policy], now: int) -> Match | None:
    """The next match, or None when no free agent may take any waiting contact."""
    if not free:
        return None
    able: dict[tuple[str, str], tuple[list[Free], dict[str, int]]] = {}
    passed_over = 0
    order = [(order_key(contact), contact) for contact in waiting]
    heapify(order)  # the first one mostly finds somebody: no need to sort all who wait
    while order:
        contact = heappop(order)[1]
        policy = policies.get(contact.queue)
        if policy is None:
            continue
        kind = contact.queue, contact.medium
        if kind not in able:
            able[kind] = _able(free, policy, contact.medium)
        fit, refusals = able[kind]
        candidates = [agent for agent in fit if contact.not_to.get(agent.agent, 0) <= now] if contact.not_to else fit
        if candidates:
            had_it = {"had_it": len(fit) - len(candidates)} if len(fit) > len(candidates) else {}
            return _match(contact, candidates, refusals | had_it, policy, passed_over)
        passed_over += 1
    return None


def _able(free: Sequence[Free], policy: Policy, medium: str) -> tuple[list[Free], dict[str, int]]:
    """Who may serve the queue and has room for one more of the medium, and how many may not, by reason."""
    fit: list[Free] = []
    refusals: dict[str, int] = {}
    for agent in free:
        reason = unfit(agent.agent, agent.skills, policy) or ("" if medium in agent.media else "capacity")
        if reason:
            refusals[reason] = refusals.get(reason, 0) + 1
        else:
            fit.append(agent)
    return fit, refusals


def _match(contact: Waiting, candidates: list[Free], refusals: dict[str, int], policy: Policy, passed_over: int) -> Match:
    ranked = nsmallest(LISTED, ((score(agent, policy, contact.contact), agent.agent) for agent in candidates))
    decision = Explanation(
        strategy=policy.strategy, order=[float(part) for part in order_key(contact)[:4]],
        candidates=[CandidateScore(agent=agent, score=list(points)) for points, agent in ranked],
        refusals=refusals, passed_over=passed_over,
    )  # fmt: skip
    return Match(contact=contact.contact, agent=ranked[0][1], decision=decision)


def position(contact: Waiting, others: Iterable[Waiting]) -> int:
    """The place of ``contact`` among those of its queue: 1 is next."""
    mine = order_key(contact)
    return 1 + sum(1 for other in others if other.queue == contact.queue and order_key(other) < mine)

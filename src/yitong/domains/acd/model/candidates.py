"""What the dispatcher compares: queues' policies, free agents, waiting contacts. Plain values, so that a choice can be replayed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from yitong.contact.medium import VOICE


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a queue wants: skills with minimum levels, its members with their order (none: whoever has the skills), its strategy."""

    queue: str
    requirement: Mapping[str, int] = {}
    members: Mapping[str, int] = {}
    strategy: str = "longest_idle"


class Free(msgspec.Struct, frozen=True, kw_only=True):
    """An agent who could take one more contact now."""

    agent: str
    skills: Mapping[str, int]
    idle_since: int
    answered_today: int = 0
    media: frozenset[str] = frozenset({VOICE})
    """Of which media he can have one more."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A contact that waits and is offered to nobody. ``not_to``: agents who had it and did not take it, with the end of their rest."""

    contact: str
    queue: str
    virtual_arrival: int
    due_at: int
    priority: int = 0
    front: bool = False
    not_to: Mapping[str, int] = {}
    medium: str = VOICE


def unfit(agent: str, skills: Mapping[str, int], policy: Policy) -> str:
    """Why the agent may not serve the queue at all: not_member, skill; empty when he may."""
    if policy.members and agent not in policy.members:
        return "not_member"
    for skill, level in policy.requirement.items():
        if skills.get(skill, 0) < level:
            return "skill"
    return ""

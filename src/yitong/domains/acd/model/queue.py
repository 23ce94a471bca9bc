"""A queue's configuration and the contacts that wait in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from yitong.contact.medium import VOICE
from yitong.domains.acd.model.candidates import Policy, Waiting

SECOND = 1_000_000


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A skill and the level that is needed."""

    skill: str
    level: int = 1


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of a queue; lower ``order`` first, where the strategy asks for it."""

    agent: str
    order: int = 0


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """``percent`` of contacts answered within so many seconds; shorter waits than ``short_seconds`` of those who left do not count."""

    answer_within_seconds: float = 20.0
    percent: float = 80.0
    short_seconds: float = 5.0


class Announce(msgspec.Struct, frozen=True, kw_only=True):
    """What the waiting are told, and how often. 0 seconds: never."""

    position: bool = False
    wait: bool = False
    first_seconds: float = 10.0
    every_seconds: float = 30.0

    @property
    def spoken(self) -> bool:
        """Something is said at all."""
        return (self.position or self.wait) and self.every_seconds > 0


class QueueConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Published configuration of a queue; 0 means no limit. ``misses_allowed``: so many unanswered offers in a row send an agent to
    not ready; ``rest_seconds``: how long an agent who did not take a contact is not offered the same again."""

    id: str
    code: str
    name: Any = ""
    site: str | None = ""
    requirement: tuple[Requirement, ...] = ()
    members: tuple[Member, ...] = ()
    strategy: str = "longest_idle"
    objective: Objective = Objective()
    music: str | None = ""
    announce: Announce = Announce()
    ring_seconds: float = 20.0
    wrap_up_seconds: float = 0.0
    maximum_wait_seconds: float = 0.0
    maximum_waiting: int = 0
    priority: int = 0
    wrap_up_codes: tuple[str, ...] = ()
    refuse_when_empty: bool = False
    misses_allowed: int = 1
    rest_seconds: float = 30.0

    def policy(self) -> Policy:
        return Policy(
            queue=self.id, requirement={need.skill: need.level for need in self.requirement},
            members={member.agent: member.order for member in self.members}, strategy=self.strategy,
        )  # fmt: skip


class Queued(msgspec.Struct, kw_only=True):
    """A contact that waits; ``assignment`` while it rings somewhere. ``not_to``: agents who had it, until when they rest from it."""

    contact: str
    connection: str
    queue: str
    segment: str
    entered_at: int
    virtual_arrival: int
    wait_from: int
    due_at: int
    priority: int
    front: bool
    leave_at: int = 0
    assignment: str = ""
    not_to: dict[str, int] = {}
    medium: str = VOICE

    def deadline(self) -> int:
        """When to look at it again: the end of its patience (ours), or of an agent's rest from it."""
        if self.assignment:
            return 0
        moments = [self.leave_at, *self.not_to.values()]
        return min((at for at in moments if at), default=0)

    def waiting(self) -> Waiting:
        return Waiting(
            contact=self.contact, queue=self.queue, virtual_arrival=self.virtual_arrival, due_at=self.due_at, priority=self.priority,
            front=self.front, not_to=self.not_to, medium=self.medium,
        )  # fmt: skip


def micro(seconds: float) -> int:
    """Seconds as whole microseconds."""
    return round(seconds * SECOND)


def read_queue(value: Mapping[str, Any]) -> QueueConfig:
    """A queue from its published JSON; what is null there is the default here."""
    return msgspec.convert({key: item for key, item in value.items() if item is not None}, QueueConfig)

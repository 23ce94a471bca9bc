"""What stands at the far end of the simulated switch's lines: devices that behave by script, and callers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from yitong.ct.model import Cause, Device, Prompt
from yitong.ct.switching.ports import Invitation
from yitong.sim.timeline import Happening


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What a device does with one call that rings it. Times in seconds from the ringing; None: never.

    ``refuse_with`` is the cause of a refusal (busy, refused) after ``refuse_after``; ``hang_up_after`` counts from the answer.
    """

    ring_after: float | None = 0.1
    answer_after: float | None = None
    refuse_after: float | None = None
    refuse_with: Cause = Cause.REFUSED
    hang_up_after: float | None = None


ANSWERS = Behaviour(answer_after=2.0)
IGNORES = Behaviour()
REFUSES = Behaviour(refuse_after=1.0)
BUSY = Behaviour(ring_after=None, refuse_after=0.0, refuse_with=Cause.BUSY)
DEAD = Behaviour(ring_after=None)
FULL = Behaviour(ring_after=None, refuse_after=0.0, refuse_with=Cause.OVERLOADED)
GOES_ON = frozenset({Cause.OVERLOADED, Cause.UNREACHABLE, Cause.FAILED})
"""Failures of a trunk after which the next one is tried; a number that is busy is busy by any."""
SILENT_SECONDS = 1.5
"""A trunk that says nothing for so long is left for the next."""


class Caller(Protocol):
    """Who stands at the far end of an incoming connection."""

    def rings(self) -> None: ...
    def accepted(self) -> None: ...
    def released(self, cause: Cause) -> None: ...
    def hears(self, prompts: tuple[Prompt, ...], collecting: bool) -> None: ...
    def linked(self, source: str, on: bool) -> None: ...


@dataclass
class SimDevice:
    """A registered device. ``queue`` holds the behaviours of the next calls, ``usual`` that of all others."""

    device: Device
    number: str
    usual: Behaviour = ANSWERS
    queue: deque[Behaviour] = field(default_factory=deque)
    rung: list[tuple[str, Invitation]] = field(default_factory=list)
    released: dict[str, Cause] = field(default_factory=dict)

    def will(self, *behaviours: Behaviour) -> None:
        """Script the next calls."""
        self.queue.extend(behaviours)


@dataclass
class SimLine:
    """The far end of one connection."""

    device: SimDevice | None = None
    caller: Caller | None = None
    plans: list[Happening] = field(default_factory=list)
    answered: bool = False
    invitation: Invitation = field(default_factory=Invitation)
    tried: set[str] = field(default_factory=set)
    """Trunks that have failed."""

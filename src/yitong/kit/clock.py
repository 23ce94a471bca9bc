"""The one clock. Nothing else in the package reads time or sleeps (ruff bans it).

Two readings, each for one purpose:

* ``now()``: UTC in whole microseconds, *steady*: anchored to the wall clock once and advanced by the monotonic clock, so that
  a wall clock that jumps (NTP step, an operator's mistake) moves no timer and makes no duration negative.
* ``wall()``: the wall clock as it stands; only for legal hours, certificates and display.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

MICROSECOND = 1
MILLISECOND = 1_000
SECOND = 1_000_000


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(microseconds: int) -> datetime:
    """``microseconds`` UTC as PostgreSQL and people have it, without loss."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds(moment: datetime) -> int:
    """The other way round; ``moment`` must have a zone."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> int:
        """UTC, microseconds, never going backwards within a process."""
        ...

    def wall(self) -> int:
        """UTC, microseconds, as the operating system says."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary point; what SIP and RTP timers count in."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds``; zero or less only yields."""
        ...


class SystemClock:
    """The clock of a running process."""

    def __init__(self) -> None:
        self._anchor = time.time_ns() // 1_000 - time.monotonic_ns() // 1_000  # noqa: TID251 - this is the clock

    def now(self) -> int:
        return self._anchor + time.monotonic_ns() // 1_000  # noqa: TID251

    def wall(self) -> int:
        return time.time_ns() // 1_000  # noqa: TID251

    def monotonic(self) -> float:
        return time.monotonic()  # noqa: TID251

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))  # noqa: TID251


class OnwardClock:
    """A clock that goes on from a former life: never before a moment it was given, else as ``clock``.

    A wall clock that was set back while a process was away would put the process before what it remembers: what is due would come late by
    the step, and waits would be negative. It stays ahead by the rest of the step until it is started after the wall clock has caught up.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0

    def not_before(self, at: int) -> int:
        """``now()`` is ``at`` or later from here on; returns by how much it had to move (microseconds)."""
        moved = max(0, at - self.now())
        self._ahead += moved
        return moved

    def now(self) -> int:
        return self._clock.now() + self._ahead

    def wall(self) -> int:
        return self._clock.wall()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


class ManualClock:
    """A clock that stands until it is moved: for tests and simulation."""

    def __init__(self, start: int = 1_790_000_000 * SECOND) -> None:
        self._start = start
        self._now = start

    def now(self) -> int:
        return self._now

    def wall(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start) / SECOND

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds``."""
        self._now += round(seconds * SECOND)

    async def sleep(self, seconds: float) -> None:
        self.advance(max(0.0, seconds))
        await asyncio.sleep(0)  # noqa: TID251

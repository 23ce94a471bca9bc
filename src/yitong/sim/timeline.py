"""The future of a simulation: what happens when, in one order, on a clock that jumps."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from yitong.kit.clock import SECOND, ManualClock


class Happening:
    """Something that will happen, unless cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Timeline:
    """Actions ordered by time, equal times in the order in which they were planned."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self._heap: list[tuple[int, int, Happening]] = []
        self._count = 0
        self.ran = 0

    @property
    def now(self) -> int:
        return self.clock.now()

    def after(self, seconds: float, action: Callable[[], None]) -> Happening:
        """Plan ``action`` for ``seconds`` from now (0: after what is going on now)."""
        return self.at(self.clock.now() + round(seconds * SECOND), action)

    def at(self, moment: int, action: Callable[[], None]) -> Happening:
        """Plan ``action`` for ``moment`` (UTC microseconds), at once when that is past."""
        happening = Happening(action)
        self._count += 1
        heapq.heappush(self._heap, (max(moment, self.clock.now()), self._count, happening))
        return happening

    def step(self, until: int | None = None) -> bool:
        """Let the next thing happen; false when nothing is planned (up to ``until``)."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        if not self._heap or (until is not None and self._heap[0][0] > until):
            return False
        moment, _, happening = heapq.heappop(self._heap)
        if moment > self.clock.now():
            self.clock.advance((moment - self.clock.now()) / SECOND)
        action, happening.action = happening.action, None
        self.ran += 1
        if action is not None:
            action()
        return True

    def run(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self.run_until(self.clock.now() + round(seconds * SECOND))

    def run_until(self, moment: int) -> None:
        """Let everything up to ``moment`` happen and stand there."""
        while self.step(moment):
            pass
        if moment > self.clock.now():
            self.clock.advance((moment - self.clock.now()) / SECOND)

    def run_out(self, limit: int = 10_000_000) -> None:
        """Let everything happen until nothing is planned, at most ``limit`` things."""
        while limit and self.step():
            limit -= 1

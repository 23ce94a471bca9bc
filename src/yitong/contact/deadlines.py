"""When the next thing is due: one deadline per key, found in logarithmic time. Plain values; nothing here reads a clock."""

from __future__ import annotations

import heapq


class Deadlines:
    """Keys with the moment (UTC microseconds) at which each is due. Setting a key again replaces its moment."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def set(self, key: str, at: int) -> None:
        """``key`` is due at ``at``; 0 means never."""
        if not at:
            self._at.pop(key, None)
        elif self._at.get(key) != at:
            self._at[key] = at
            heapq.heappush(self._heap, (at, key))

    def drop(self, key: str) -> None:
        """``key`` is not due any more."""
        self._at.pop(key, None)

    def next(self) -> int | None:
        """The earliest moment; None when nothing is due ever."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: int) -> list[str]:
        """Take out every key that is due at ``now``, the earliest first."""
        keys = []
        while (at := self.next()) is not None and at <= now:
            key = heapq.heappop(self._heap)[1]
            if self._at.pop(key, None) is not None:
                keys.append(key)
        return keys

    def __len__(self) -> int:
        return len(self._at)

    def clear(self) -> None:
        self._at.clear()
        self._heap.clear()

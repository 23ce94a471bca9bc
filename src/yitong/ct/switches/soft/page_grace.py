"""Lines whose page lost its connection: for a while it may come back by another one, with the same call."""

from __future__ import annotations

from yitong.ct.switches.soft.line import Line

GRACE_SECONDS = 2.0
"""How long a page whose WebSocket broke may take to come back by another."""


class Grace:
    """``lines``: those that live, by connection. ``now`` is seconds, monotonic."""

    def __init__(self, lines: dict[str, Line]) -> None:
        self._lines = lines
        self._broken: set[str] = set()

    def begin(self, line: Line, now: float) -> None:
        """The way of a line's dialog broke; who finds it again sets ``lost_at`` to 0."""
        line.lost_at = now
        self._broken.add(line.connection)

    def next_deadline(self) -> float | None:
        """When the first one has waited long enough."""
        return min((line.lost_at + GRACE_SECONDS for line in self._waiting()), default=None) if self._broken else None

    def over(self, now: float) -> list[Line]:
        """Those that did not come back in time."""
        over = [line for line in self._waiting() if line.lost_at + GRACE_SECONDS <= now] if self._broken else []
        for line in over:
            line.lost_at = 0.0
        return over

    def _waiting(self) -> list[Line]:
        found = [line for name in self._broken if (line := self._lines.get(name)) is not None and line.lost_at]
        self._broken = {line.connection for line in found}
        return found

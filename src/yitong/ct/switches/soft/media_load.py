"""How much a worker can still take, from what its steps cost now."""

from __future__ import annotations

from collections import deque

from yitong.ct.switches.soft.media_messages import WorkerState

_REFUSE = 0.75
"""Share of a core at which no row is added; those that talk have the rest."""
_ENOUGH_ROWS = 40
"""Fewer rows say nothing of the cost of one."""
_KEPT = 400


class Load:
    """Costs of the last two seconds of steps."""

    def __init__(self, step_seconds: float) -> None:
        self._step_seconds = step_seconds
        self._costs: deque[float] = deque(maxlen=_KEPT)
        self._busy = 0.0
        self._late = 0
        self._latest = 0

    def late(self, steps: int) -> None:
        """``steps`` began later than they should."""
        self._late += steps
        self._latest = max(self._latest, steps)

    def begin_anew(self) -> None:
        """What was latest has been told."""
        self._latest = 0

    def took(self, seconds: float, steps: int) -> None:
        """``steps`` took ``seconds`` together."""
        cost = seconds / steps
        self._costs.append(cost)
        self._busy += (cost / self._step_seconds - self._busy) / 200

    def overloaded(self, rows: int) -> bool:
        """Whether another row would hurt those that are there."""
        return rows >= _ENOUGH_ROWS and self._busy > _REFUSE

    def state(self, rows: int, most: int, free_ports: int) -> WorkerState:
        """As told every second."""
        capacity = min(most, rows + free_ports)
        if rows >= _ENOUGH_ROWS and self._busy > 0:
            capacity = min(capacity, max(rows if self._busy < _REFUSE else 0, int(rows * _REFUSE / self._busy)))
        ordered = sorted(self._costs)
        worst = ordered[int(len(ordered) * 0.99)] if ordered else 0.0
        return WorkerState(
            ports=rows, capacity=capacity, late_ticks=self._late, tick_ms_p99=round(worst * 1000, 3),
            latest_ms=round(1000 * self._latest * self._step_seconds, 1),
        )  # fmt: skip

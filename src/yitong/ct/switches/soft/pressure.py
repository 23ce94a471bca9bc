"""Whether a new call can be taken in time. Who cannot be served soon hears 503 at once, and those who were taken are served whole.

Two things tell of overload: the switch itself is late with what it does, or calls wait for core although core works. A core that says
nothing at all is not overloaded but away: then calls wait for its return (``core_seconds``), as many as ``MOST_WAITING``.
Plain values; ``now`` is seconds, monotonic.
"""

from __future__ import annotations

from collections.abc import Container

from yitong.kit.clock import Clock

BEAT_SECONDS = 0.05
"""How often is looked how late we are."""
LATE_SECONDS = 0.08
WAITED_SECONDS = 0.25
"""The oldest call may have waited so long for core."""
AWAY_SECONDS = 1.0
"""Core has said nothing for so long: it is away."""
MOST_WAITING = 2_000


class Pressure:
    """``waits`` and ``heard`` follow the calls that wait for core; ``beat`` runs beside in the loop whose lateness counts."""

    def __init__(self) -> None:
        self.late = 0.0
        """By how many seconds the last beat came too late."""
        self.refused = 0
        self._waiting: dict[str, float] = {}
        self._heard_at = 0.0

    async def beat(self, clock: Clock) -> None:
        """For ever: find out how late the loop is."""
        while True:
            due = clock.monotonic() + BEAT_SECONDS
            await clock.sleep(BEAT_SECONDS)
            self.late = clock.monotonic() - due

    def waits(self, connection: str, now: float) -> None:
        """A call has come in, and core was told."""
        self._waiting[connection] = now

    def heard(self, connection: str, now: float) -> None:
        """Core asked for something, perhaps for that connection."""
        self._heard_at = now
        self._waiting.pop(connection, None)

    def refuses(self, alive: Container[str], now: float) -> bool:
        """Whether a call that comes now is refused; ``alive``: the connections there are."""
        while self._waiting and (oldest := next(iter(self._waiting))) not in alive:
            del self._waiting[oldest]
        since = next(iter(self._waiting.values()), now)
        slow = now - since > WAITED_SECONDS and now - self._heard_at < AWAY_SECONDS
        refuses = self.late > LATE_SECONDS or slow or len(self._waiting) >= MOST_WAITING
        self.refused += refuses
        return refuses

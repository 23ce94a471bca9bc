"""Whether a new call can be taken in time. Who cannot be served soon hears 503 at once, and those who were taken are served whole.

Two things tell of overload: the switch itself is late with all that it does, for some time and not for a moment; or a call waits for core
although core works on others. A core that says nothing at all is not overloaded but away: then calls wait for its return
(``core_seconds``), as many as ``MOST_WAITING``. ``now`` is seconds, monotonic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container

from yitong.kit.clock import Clock

BEAT_SECONDS = 0.05
"""How often is looked how late we are."""
BEATS = 4
"""The least lateness of so many beats counts: that of a queue that stands, not of one that comes and goes (as in RFC 8289)."""
LATE_SECONDS = 0.05
WAITED_SECONDS = 0.5
"""The oldest call may have waited so long for a core that works."""
MOST_WAITING = 2_000


class Pressure:
    """``waits`` and ``heard`` follow the calls that wait for core; ``beat`` runs beside in the loop whose lateness counts."""

    def __init__(self) -> None:
        self.refused = 0
        self._late: deque[float] = deque([0.0] * BEATS, maxlen=BEATS)
        self._waiting: dict[str, float] = {}
        self._heard_at = 0.0

    async def beat(self, clock: Clock) -> None:
        """For ever: find out how late the loop is."""
        while True:
            due = clock.monotonic() + BEAT_SECONDS
            await clock.sleep(BEAT_SECONDS)
            self.was_late(clock.monotonic() - due)

    def was_late(self, seconds: float) -> None:
        """A beat came so much too late."""
        self._late.append(seconds)

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
        slow = now - since > WAITED_SECONDS and self._heard_at - since > WAITED_SECONDS / 2
        refuses = min(self._late) > LATE_SECONDS or slow or len(self._waiting) >= MOST_WAITING
        self.refused += refuses
        return refuses

"""Whether a new call can be taken in time. Who cannot be served soon hears 503 at once, and those who were taken are served whole.

Three things tell of overload:

* the switch itself is late with all that it does, for some time and not for a moment: its loop, or what waits in the kernel to be read;
* calls wait for core although core works: the oldest one for long, or more of them than core decides soon, at the pace of its last ones,
  and not for a moment only, unless calls have been refused lately;
* the process is short of descriptors or memory (``lacks``).

Where many calls come, the first signs count: a refusal must be heard within 0.2 s, and what is refused is what makes us late. Where few
come, it is something else that makes us late, refusing them would not help, and they are better served late than not at all.

A core that says nothing at all is not overloaded but away: then calls wait for its return (``core_seconds``), as many as
``MOST_WAITING``. ``now`` is seconds, monotonic.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Container

from yitong.kit.clock import Clock

BEAT_SECONDS = 0.025
"""How often is looked how late we are."""
BEATS, FIRST_BEATS = 8, 3
"""The least lateness of so many beats counts: that of a queue that stands, not of one that comes and goes (as in RFC 8289)."""
LATE_SECONDS = 0.05
UNREAD_A_SECOND = 800_000
"""Octets that wait in the socket (as the kernel counts them, 2,304 a request) for each second until they are read, about."""
WAITED_SECONDS = 0.5
"""The oldest call may have waited so long for a core that works."""
SOON_SECONDS = 0.2
"""Where many come, a call must be expected to be decided within that time ..."""
STANDS_SECONDS, LATEST_SECONDS = 0.2, 0.28
"""... but for a moment, and never later than that: a core that had no processor for some tenths of a second has soon caught up."""
CALM_SECONDS = 5.0
"""Where calls were refused so lately, nothing is taken for a moment: calls that go over and under the pace of core do so again."""
PACE_CALLS = 16
"""The pace of core is that of so many decisions at most, made without a pause."""
UNREAD_SECONDS = 0.125
"""Where many come and so much is unread, nobody waits for the next beat: a loop that is short of processor makes few of them."""
FIRST_LATE_SECONDS, FIRST_UNREAD_SECONDS = 0.08, 0.15
"""The same two where no call was refused lately: what a moment without a processor leaves behind is soon read."""
MANY = 12
"""So many calls within a second are many."""
MOST_WAITING = 2_000


class Pressure:
    """``waits`` and ``heard`` follow the calls that wait for core; ``beat`` runs beside in the loop whose lateness counts."""

    def __init__(self) -> None:
        self.refused = 0
        self.short_of = ""
        self.unread: Callable[[], int] = lambda: 0
        """Octets that wait in the kernel to be read."""
        self._refused_at = float("-inf")
        self._late: deque[float] = deque([0.0] * BEATS, maxlen=BEATS)
        self._first: deque[float] = deque([0.0] * FIRST_BEATS, maxlen=FIRST_BEATS)
        self._offered: deque[float] = deque(maxlen=MANY)
        self._waiting: dict[str, float] = {}
        self._decided: deque[float] = deque(maxlen=PACE_CALLS)
        """When core decided, since somebody waits all the time."""
        self._heard_at = 0.0
        self._behind_since = float("inf")
        """Since when calls are expected to wait too long."""

    async def beat(self, clock: Clock, unread: Callable[[], int]) -> None:
        """For ever: find out how late the loop is, and how much waits ``unread`` (octets)."""
        self.unread = unread
        while True:
            due = clock.monotonic() + BEAT_SECONDS
            await clock.sleep(BEAT_SECONDS)
            self.was_late(clock.monotonic() - due, unread())

    def was_late(self, seconds: float, unread: int = 0) -> None:
        """A beat came so much too late, and so many octets are unread."""
        self._late.append(seconds)
        self._first.append(max(seconds, unread / UNREAD_A_SECOND))

    def lacks(self, what: str) -> None:
        """The process is short of something (``kit.limits``), or of nothing."""
        self.short_of = what

    def waits(self, connection: str, now: float) -> None:
        """A call has come in, and core was told."""
        self._waiting[connection] = now

    def heard(self, connection: str, now: float) -> None:
        """Core asked for something, perhaps for that connection."""
        self._heard_at = now
        if self._waiting.pop(connection, None) is not None:
            self._decided.append(now)
        if not self._waiting:
            self._decided.clear()

    def refuses(self, alive: Container[str], now: float) -> bool:
        """Whether a call that comes now is refused; ``alive``: the connections there are."""
        while self._waiting and (oldest := next(iter(self._waiting))) not in alive:
            del self._waiting[oldest]
        self._offered.append(now)
        many = len(self._offered) == MANY and now - self._offered[0] < 1.0
        again = self.refused_within(CALM_SECONDS, now)
        slow = self._core_is_slow(many, again, now)
        refuses = bool(self.short_of) or self._late_by(many, again) or slow or len(self._waiting) >= MOST_WAITING
        if refuses:
            self.refused += 1
            self._refused_at = now
        return refuses

    def refused_within(self, seconds: float, now: float) -> bool:
        """Whether a call was refused lately."""
        return now - self._refused_at < seconds

    def _late_by(self, many: bool, again: bool) -> bool:
        if min(self._late) > LATE_SECONDS:
            return True
        late, unread = (LATE_SECONDS, UNREAD_SECONDS) if again else (FIRST_LATE_SECONDS, FIRST_UNREAD_SECONDS)
        return many and (min(self._first) > late or self.unread() / UNREAD_A_SECOND > unread)

    def _core_is_slow(self, many: bool, again: bool, now: float) -> bool:
        since = next(iter(self._waiting.values()), now)
        if now - since > WAITED_SECONDS and self._heard_at - since > WAITED_SECONDS / 2:
            return True
        expected = (len(self._waiting) + 1) * self._pace() if many else 0.0
        self._behind_since = min(self._behind_since, now) if expected > SOON_SECONDS else float("inf")
        stands = again or now - self._behind_since > STANDS_SECONDS
        return expected > (SOON_SECONDS if stands else LATEST_SECONDS)

    def _pace(self) -> float:
        """Seconds that core takes for a call, its longest pause left out: then it may have had no processor. 0 while that is not known."""
        steps = [after - before for before, after in itertools.pairwise(self._decided)]
        return (sum(steps) - max(steps)) / (len(steps) - 1) if len(steps) > 2 else 0.0

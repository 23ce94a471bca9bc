"""How wrong passwords slow the next try. Values and ``now`` in, seconds to wait out; nobody is ever locked out for good.

Three counts, each of wrong tries within a window:

* by (user, source): after 5 the wait doubles, 1 s to 60 s. The person himself at another address does not feel it.
* by source: names tried from one address (password spraying); after 20 different ones the same doubling.
* by user over all sources (many addresses, one victim): after 20 every try from an address at which he was never in
  must be 5 s after the one before. From a *known* address he still gets in at once.
"""

from __future__ import annotations

from collections import OrderedDict

from yitong.kit.clock import SECOND

WINDOW = 15 * 60 * SECOND
FREE_TRIES = 5
FREE_NAMES = 20
FREE_TRIES_OF_ALL = 20
LONGEST = 60 * SECOND
GAP_OF_ALL = 5 * SECOND
REMEMBERED = 20_000


class _Count:
    """Wrong tries of one key."""

    __slots__ = ("last", "names", "tries")

    def __init__(self) -> None:
        self.tries = 0
        self.last = 0
        self.names: set[str] = set()


class Throttle:
    """What this process knows of wrong tries; the oldest keys are forgotten first, so that a flood cannot fill memory."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()

    def wait(self, user: str, source: str, now: int, *, known: bool = False) -> int:
        """Whole seconds until a try of ``user`` from ``source`` is looked at; 0: now. ``known``: he was in from there before."""
        pair = self._at("pair", f"{user}\0{source}", now)
        spray = self._at("source", source, now)
        until = max(_doubling(pair, pair.tries - FREE_TRIES), _doubling(spray, len(spray.names) - FREE_NAMES))
        every = self._at("user", user, now)
        if not known and every.tries >= FREE_TRIES_OF_ALL:
            until = max(until, every.last + GAP_OF_ALL)
        return max(0, -((now - until) // SECOND)) if until > now else 0

    def failed(self, user: str, source: str, now: int) -> None:
        """A try of ``user`` from ``source`` was wrong."""
        for kind, key in (("pair", f"{user}\0{source}"), ("source", source), ("user", user)):
            count = self._at(kind, key, now)
            count.tries += 1
            count.last = now
            if kind == "source" and len(count.names) < 1_000:
                count.names.add(user)
            self._counts[kind, key] = count
            self._counts.move_to_end((kind, key))
        while len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)

    def succeeded(self, user: str, source: str) -> None:
        """``user`` got in from ``source``: their count is over; the source's spraying count stays."""
        self._counts.pop(("pair", f"{user}\0{source}"), None)

    def _at(self, kind: str, key: str, now: int) -> _Count:
        count = self._counts.get((kind, key))
        return count if count is not None and now - count.last < WINDOW else _Count()


class Allowance:
    """At most ``tries`` per ``window`` microseconds and key (guests asking for a phone)."""

    def __init__(self, tries: int, window: int) -> None:
        self._tries = tries
        self._window = window
        self._used: OrderedDict[str, list[int]] = OrderedDict()

    def take(self, key: str, now: int) -> int:
        """0 when one more is allowed (and taken), else the seconds to wait."""
        used = [at for at in self._used.pop(key, []) if now - at < self._window]
        self._used[key] = used
        while len(self._used) > REMEMBERED:
            self._used.popitem(last=False)
        if len(used) >= self._tries:
            return 1 + (used[0] + self._window - now) // SECOND
        used.append(now)
        return 0


def _doubling(count: _Count, beyond: int) -> int:
    """Until when a key must wait that has ``beyond`` tries more than its free ones."""
    if beyond < 0:
        return 0
    return count.last + min(LONGEST, SECOND << min(beyond, 6))

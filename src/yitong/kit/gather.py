"""Letting things leave together: what is urgent at once, the rest a moment later or with the next urgent thing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Gathering:
    """Calls ``leave`` once for all that came since the last time: at once, but in the long run no more than ``rate`` times a second, after
    ``burst`` times in a row. So whoever is quiet waits for nothing, and whoever is busy pays for few messages.
    """

    def __init__(self, leave: Callable[[], None], *, rate: float, burst: int) -> None:
        self._leave = leave
        self._rate = rate
        self._burst = float(burst)
        self._free = self._burst
        """How often it may leave now."""
        self._counted_at = self._at = 0.0
        self._handle: asyncio.Handle | None = None

    def within(self, seconds: float) -> None:
        """``leave`` is called in ``seconds`` at the latest, or as soon as it may; 0: with the next turn of the loop."""
        if self._handle is not None and not self._at:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._count(now)
        at = now + max(seconds, (1.0 - self._free) / self._rate)
        if self._handle is not None:
            if self._at <= at:
                return
            self._handle.cancel()
        self._at = at if at > now else 0.0
        self._handle = loop.call_at(at, self._due) if self._at else loop.call_soon(self._due)

    def now(self) -> None:
        """``leave`` is called here."""
        if self._handle is not None:
            self._handle.cancel()
        self._due()

    def _count(self, now: float) -> None:
        self._free = min(self._burst, self._free + (now - self._counted_at) * self._rate)
        self._counted_at = now

    def _due(self) -> None:
        self._handle = None
        self._count(asyncio.get_running_loop().time())
        self._free = max(0.0, self._free - 1.0)
        self._leave()

"""Tones of the network in what the other side says: busy, congestion, «no such number», and the beep after which one may leave a message.

In: whether each frame of 20 ms is a pure tone, and of how many hertz. Bounds are those of ITU-T E.180 and its supplement 2 (China: 450 Hz,
busy 350 ms on and off, congestion 700 ms, GB/T 3380); the special information tone is three bursts of 950, 1,400 and 1,800 Hz, 330 ms each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

FRAME_MS = 20
BUSY, CONGESTION, UNOBTAINABLE = "busy", "congestion", "unobtainable"
LEAST_MS = 100
"""Anything shorter is no tone: speech has such moments."""
_SAME_HERTZ = 20.0
_LINE = (390.0, 490.0)
"""Where tones of the network are: 400 to 450 Hz, with what a frame of 20 ms cannot tell."""
_RATIO = (0.67, 1.5)
_BUSY_MS = (250, 1_100)
_CONGESTION_MS = (1_100, 1_700)
_INFORMATION = ((900.0, 1_000.0), (1_350.0, 1_450.0), (1_750.0, 1_850.0))
_INFORMATION_MS = (240, 420)
_BESIDE_MS = 80
_BEEP = (400.0, 2_000.0)
_LONGEST_BEEP_MS = 2_000
_LONGEST_LOW_BEEP_MS = 800
"""At the pitch of the network a longer burst is ringing, or a dial tone."""
_AFTER_BEEP_MS = 160
_AFTER_LOW_BEEP_MS = 900
"""How long nothing may follow: the second burst of a busy tone, the second of a special information tone."""


class Burst(NamedTuple):
    """A pure tone from ``begin`` to ``end`` (ms)."""

    hertz: float
    begin: int
    end: int

    @property
    def lasted(self) -> int:
        return self.end - self.begin


class Bursts:
    """Follows one stream; ``done`` are the bursts that ended, at most the last eight."""

    def __init__(self) -> None:
        self.done: list[Burst] = []
        self._ms = 0
        self._begin = 0
        self._last = 0
        self._hertz = 0.0
        self._frames = 0

    @property
    def sounding_ms(self) -> int:
        """For how long the present tone has been heard; 0 without one, or one too short to be one."""
        lasted = self._last - self._begin
        return lasted if self._frames and lasted >= LEAST_MS else 0

    def hear(self, hertz: float) -> Burst | None:
        """The next frame; 0 Hz: it is no tone. Answers the burst that ended by it. A single frame without counts for nothing (a lost
        packet)."""
        self._ms += FRAME_MS
        mean = self._hertz / self._frames if self._frames else 0.0
        if hertz and self._frames and abs(hertz - mean) <= _SAME_HERTZ:
            self._hertz += hertz
            self._frames += 1
            self._last = self._ms
            return None
        over = bool(hertz) or self._ms - self._last > FRAME_MS
        ended = self._end() if over else None
        if hertz:
            self._begin, self._last = self._ms - FRAME_MS, self._ms
            self._hertz, self._frames = hertz, 1
        return ended

    def _end(self) -> Burst | None:
        if not self._frames:
            return None
        burst = Burst(self._hertz / self._frames, self._begin, self._last)
        self._frames = 0
        if burst.lasted < LEAST_MS:
            return None
        self.done = [*self.done[-7:], burst]
        return burst


def network_tone(bursts: Sequence[Burst]) -> str:
    """What the last bursts say: busy, congestion, unobtainable, or nothing."""
    if _is_information(bursts[-3:]):
        return UNOBTAINABLE
    if len(bursts) < 2:
        return ""
    first, second = bursts[-2:]
    on, off = (first.lasted + second.lasted) / 2, second.begin - first.end
    if not (_within(first.hertz, _LINE) and _within(second.hertz, _LINE)) or off <= 0:
        return ""
    if not (_within(first.lasted / second.lasted, _RATIO) and _within(on / off, _RATIO)):
        return ""
    if _within(on + off, _BUSY_MS):
        return BUSY
    return CONGESTION if _within(on + off, _CONGESTION_MS) else ""


def _is_information(bursts: Sequence[Burst]) -> bool:
    if len(bursts) < 3:
        return False
    close = all(second.begin - first.end <= _BESIDE_MS for first, second in pairwise(bursts))
    return close and all(
        _within(burst.hertz, bounds) and _within(burst.lasted, _INFORMATION_MS) for burst, bounds in zip(bursts, _INFORMATION, strict=True)
    )


def beep(bursts: Sequence[Burst], now_ms: int, sounding_ms: int) -> Burst | None:
    """The beep that is over now: the last burst, when nothing followed it for long enough."""
    if not bursts or sounding_ms:
        return None
    last = bursts[-1]
    low = last.hertz <= _LINE[1]
    if not _within(last.hertz, _BEEP) or last.lasted > (_LONGEST_LOW_BEEP_MS if low else _LONGEST_BEEP_MS):
        return None
    wait = _AFTER_LOW_BEEP_MS if low else _AFTER_BEEP_MS
    alone = len(bursts) < 2 or last.begin - bursts[-2].end > wait
    return last if alone and now_ms - last.end >= wait else None


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]

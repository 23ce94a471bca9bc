"""Keys in the audio itself (ITU-T Q.23, Q.24): a bank of eight Goertzel filters is one matrix product over all rows that ask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yitong.media.rtp import FRAME

_LOW = (697, 770, 852, 941)
_HIGH = (1209, 1336, 1477, 1633)
_KEYS = "123A456B789C*0#D"
NONE = -1
_LEAST_POWER = 1.0e5
_FORWARD_TWIST = 6.3
_REVERSE_TWIST = 2.5
_SHARE = 0.65
_CLEAR = 6.0


def _bank() -> NDArray[np.float32]:
    angles = 2j * np.pi / 8000 * np.outer(np.arange(FRAME), _LOW + _HIGH)
    turns = np.exp(-angles)
    return np.concatenate([turns.real, turns.imag], axis=1).astype(np.float32)


_BANK = _bank()


def symbols(frames: NDArray[np.int16]) -> NDArray[np.int64]:
    """The key (index into the key pad) whose two tones make up each frame, or NONE."""
    signal = frames.astype(np.float32)
    parts = signal @ _BANK
    power = (parts[:, :8] ** 2 + parts[:, 8:] ** 2) * (2.0 / FRAME**2)
    total = (signal**2).mean(axis=1) + 1.0
    low, high = power[:, :4], power[:, 4:]
    low_at, high_at = low.argmax(axis=1), high.argmax(axis=1)
    row = np.arange(len(frames))
    low_power, high_power = low[row, low_at], high[row, high_at]
    low_rest = np.partition(low, 2, axis=1)[:, 2]
    high_rest = np.partition(high, 2, axis=1)[:, 2]
    hit = (
        (low_power > _LEAST_POWER / 2)
        & (high_power > _LEAST_POWER / 2)
        & (high_power < low_power * _FORWARD_TWIST)
        & (low_power < high_power * _FORWARD_TWIST)
        & (low_power > low_rest * _CLEAR)
        & (high_power > high_rest * _CLEAR)
        & (low_power + high_power > _SHARE * total)
    )
    return np.where(hit, low_at * 4 + high_at, NONE)


class Detector:
    """Two frames alike make a key, two others end it: 40 ms, as Q.24 asks."""

    def __init__(self, capacity: int) -> None:
        self._last = np.full(capacity, NONE, dtype=np.int64)
        self._down = np.full(capacity, NONE, dtype=np.int64)

    def reset(self, row: int) -> None:
        """Forget a row."""
        self._last[row] = self._down[row] = NONE

    def listen(self, rows: NDArray[np.intp], frames: NDArray[np.int16]) -> list[tuple[int, str]]:
        """The rows in which a key began, with the key."""
        found = symbols(frames)
        twice = found == self._last[rows]
        begun = twice & (found != NONE) & (found != self._down[rows])
        ended = twice & (found == NONE)
        self._last[rows] = found
        self._down[rows[ended]] = NONE
        self._down[rows[begun]] = found[begun]
        return [(int(rows[i]), _KEYS[int(found[i])]) for i in np.flatnonzero(begun)]

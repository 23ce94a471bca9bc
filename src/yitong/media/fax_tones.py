"""The tones by which fax machines show themselves (ITU-T T.30 §4.1): CNG, 1,100 Hz, of who calls; CED, 2,100 Hz, of who answers.

One matrix product over all rows that are listened to, as for keys. A tone is told once for each listening.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yitong.media.rtp import FRAME

CNG, CED = "cng", "ced"
NAMES = (CNG, CED)
_HERTZ = (1_070, 1_100, 1_130, 2_085, 2_100, 2_115)
"""Each tone with its tolerance (38 and 15 Hz)."""
_SHARE = 0.55
"""Of the frame's power; a tone between two filters keeps more."""
_LEAST_POWER = 5.0e3
"""About -43 dBm0."""
FRAMES = (20, 22)
"""CNG lasts 0.5 s, CED at least 2.6 s, which phase reversals cut every 0.45 s."""
_LONGEST = 3_000
"""A minute of listening: whoever has not shown himself by then speaks."""


def _bank() -> NDArray[np.float32]:
    turns = np.exp(-2j * np.pi / 8_000 * np.outer(np.arange(FRAME), _HERTZ))
    return np.concatenate([turns.real, turns.imag], axis=1).astype(np.float32)


_BANK = _bank()


def tones(frames: NDArray[np.int16]) -> NDArray[np.bool_]:
    """For each frame whether it is CNG's and whether it is CED's tone [n, 2]."""
    signal = frames.astype(np.float32)
    parts = signal @ _BANK
    power = (parts[:, :6] ** 2 + parts[:, 6:] ** 2) * (2.0 / FRAME**2)
    total = (signal**2).mean(axis=1)[:, None]
    best = np.stack([power[:, :3].max(axis=1), power[:, 3:].max(axis=1)], axis=1)
    found: NDArray[np.bool_] = (best > _SHARE * total) & (total > _LEAST_POWER)
    return found


class FaxTones:
    """Which rows are listened to, and for how long each has had a tone."""

    def __init__(self, capacity: int) -> None:
        self._left = np.zeros(capacity, dtype=np.int64)
        self._run = np.zeros((capacity, 2), dtype=np.int64)
        self._told = np.zeros((capacity, 2), dtype=np.bool_)
        self.any = False
        """Whether a row may be listened to."""

    def begin(self, row: int) -> None:
        """Listen to a row for the next minute. One that is listened to already is not told anew."""
        if not self._left[row]:
            self._run[row] = 0
        self._left[row] = _LONGEST
        self.any = True

    def end(self, row: int) -> None:
        """Listen no longer."""
        self._left[row] = 0
        self.any = bool(self._left.any())

    def forget(self, row: int) -> None:
        """The row is another one's from now on."""
        self.end(row)
        self._told[row] = False

    def listens(self, row: int) -> bool:
        """Whether a row is listened to."""
        return bool(self._left[row] > 0)

    def wanted(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of ``rows`` are listened to."""
        return self._left[rows] > 0

    def listen(self, rows: NDArray[np.intp], frames: NDArray[np.int16]) -> list[tuple[int, str]]:
        """A frame of each of ``rows``; the rows in which a tone is certain now, with its name."""
        self._left[rows] -= 1
        self._run[rows] = np.where(tones(frames), self._run[rows] + 1, 0)
        certain = (self._run[rows] >= FRAMES) & ~self._told[rows]
        out: list[tuple[int, str]] = []
        for at, which in np.argwhere(certain):
            self._told[rows[at], which] = True
            out.append((int(rows[at]), NAMES[int(which)]))
        return out

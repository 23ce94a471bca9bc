"""Two-track recordings as arrays: every 20 ms one frame of the left and one of the right row of each, in real time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yitong.media.jitter import NEVER, STEPS
from yitong.media.rtp import FRAME

CHUNK_FRAMES = 50
"""Frames handed on at a time: one second, 32 kB."""


class Chunk(NamedTuple):
    """A second of the recording with this index, interleaved 16-bit stereo."""

    recording: int
    data: bytes


class Tracks:
    """Running recordings, at most ``capacity``."""

    def __init__(self, capacity: int) -> None:
        self._left = np.zeros(capacity, dtype=np.intp)
        self._right = np.zeros(capacity, dtype=np.intp)
        self._due = np.full(capacity, NEVER, dtype=np.int64)
        self._at = np.zeros(capacity, dtype=np.intp)
        self._frames = np.zeros(capacity, dtype=np.int64)
        self._buffer = np.zeros((capacity, CHUNK_FRAMES, FRAME, 2), dtype=np.int16)
        self._free = list(range(capacity - 1, -1, -1))

    def start(self, left: int, right: int, now: int) -> int | None:
        """A recording of two rows; None when there are too many."""
        if not self._free:
            return None
        index = self._free.pop()
        self._left[index], self._right[index] = left, right
        self._due[index] = now + index % STEPS
        self._at[index] = self._frames[index] = 0
        return index

    def replace(self, row: int) -> None:
        """A row is gone: its track is silent from now on."""
        self._left[self._left == row] = 0
        self._right[self._right == row] = 0

    def milliseconds(self, index: int) -> int:
        """Length so far."""
        return int(self._frames[index]) * 20

    def stop(self, index: int) -> bytes:
        """End a recording; answers what was not handed on yet."""
        rest = self._buffer[index, : self._at[index]].tobytes()
        self._due[index] = NEVER
        self._free.append(index)
        return rest

    def advance(self, frames: NDArray[np.int16], now: int) -> list[Chunk]:
        """Take the current frames of all recordings that are due; answers the chunks that became full."""
        due = np.flatnonzero(self._due <= now)
        if not len(due):
            return []
        at = self._at[due]
        both = np.empty((len(due), FRAME, 2), dtype=np.int16)
        both[:, :, 0] = frames[self._left[due]]
        both[:, :, 1] = frames[self._right[due]]
        self._buffer[due, at] = both
        self._due[due] += STEPS
        self._at[due] = at + 1
        self._frames[due] += 1
        full = due[at == CHUNK_FRAMES - 1]
        self._at[full] = 0
        return [Chunk(index, self._buffer[index].tobytes()) for index in full.tolist()]

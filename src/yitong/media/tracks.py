"""Two-track recordings as arrays: every 20 ms one frame of the left and one of the right row of each, in real time.

A frame stands where it was said, not where it was heard: what its row's jitter buffer waits is taken off, so that the two tracks stay
together whatever the two networks do. A frame may therefore be written up to ``LAG_FRAMES`` before the newest one, and pieces are handed
on so much later.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yitong.media.jitter import MOST, NEVER, STEPS
from yitong.media.rtp import FRAME

CHUNK_FRAMES = 50
"""Frames handed on at a time: one second, 32 kB."""
LAG_FRAMES = MOST // STEPS
_COLUMNS = LAG_FRAMES + CHUNK_FRAMES


class Chunk(NamedTuple):
    """The next piece of the recording with this index, interleaved 16-bit stereo."""

    recording: int
    data: bytes


class Tracks:
    """Running recordings, at most ``capacity``."""

    def __init__(self, capacity: int) -> None:
        self._left = np.zeros(capacity, dtype=np.intp)
        self._right = np.zeros(capacity, dtype=np.intp)
        self._due = np.full(capacity, NEVER, dtype=np.int64)
        self._at = np.zeros(capacity, dtype=np.intp)
        self._begin = np.zeros(capacity, dtype=np.intp)
        self._frames = np.zeros(capacity, dtype=np.int64)
        self._buffer = np.zeros((capacity, _COLUMNS, FRAME, 2), dtype=np.int16)
        self._free = list(range(capacity - 1, -1, -1))

    def start(self, left: int, right: int, now: int) -> int | None:
        """A recording of two rows; None when there are too many."""
        if not self._free:
            return None
        index = self._free.pop()
        self._left[index], self._right[index] = left, right
        self._due[index] = now + index % STEPS
        self._at[index] = self._begin[index] = LAG_FRAMES  # the columns before hold what was said before the start: left out
        self._frames[index] = 0
        self._buffer[index] = 0
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
        rest = self._piece(index, int(self._at[index]))
        self._due[index] = NEVER
        self._free.append(index)
        return rest

    def advance(self, frames: NDArray[np.int16], delay: NDArray[np.int64], now: int) -> list[Chunk]:
        """Take the current frames of all recordings that are due; answers the pieces that became full. ``delay``: each row's, in steps."""
        due = np.flatnonzero(self._due <= now)
        if not len(due):
            return []
        at = self._at[due]
        sides = np.stack((self._left[due], self._right[due]))
        back = np.minimum((delay[sides] + STEPS // 2) // STEPS, LAG_FRAMES)
        both = np.empty((len(due), FRAME, 2), dtype=np.int16)
        both[:, :, 0], both[:, :, 1] = frames[sides[0]], frames[sides[1]]
        if (back[0] == back[1]).all():  # as on most networks; one copy instead of two in pieces
            self._buffer[due, at - back[0]] = both
        else:
            for side in (0, 1):
                self._buffer[due, at - back[side], :, side] = both[:, :, side]
        self._due[due] += STEPS
        self._at[due] = at + 1
        self._frames[due] += 1
        return [self._hand_on(index) for index in due[at == _COLUMNS - 1].tolist()]

    def _hand_on(self, index: int) -> Chunk:
        chunk = Chunk(index, self._piece(index, CHUNK_FRAMES))
        held = self._buffer[index]
        held[:LAG_FRAMES] = held[CHUNK_FRAMES:]
        held[LAG_FRAMES:] = 0
        self._at[index], self._begin[index] = LAG_FRAMES, 0
        return chunk

    def _piece(self, index: int, end: int) -> bytes:
        """The columns before ``end`` that were not handed on, left and right in turn."""
        return self._buffer[index, self._begin[index] : end].tobytes()

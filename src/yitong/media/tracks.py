"""Two-track recordings as arrays: every 20 ms one frame of the left and one of the right row of each, in real time.

A frame stands where it was said, not where it was heard: what its row's jitter buffer waits is taken off, so that the two tracks stay
together whatever the two networks do. A frame may therefore be written up to ``LAG_FRAMES`` before the newest one, and pieces are handed
on so much later. Frames are kept as the octets that came, with their law; whoever writes the file decodes them (``to_samples``).

Where more than one row belongs on the right track (a talk of three), each of them is added to what stands there at the moment when it was
said.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yitong.media import g711
from yitong.media.current import Current
from yitong.media.jitter import MOST, NEVER, STEPS
from yitong.media.rtp import FRAME

CHUNK_FRAMES = 50
"""Frames handed on at a time: one second, 16 kB of octets, 32 kB of samples."""
LAG_FRAMES = MOST // STEPS
_COLUMNS = LAG_FRAMES + CHUNK_FRAMES


Rows = NDArray[np.intp]


class Piece(NamedTuple):
    """Some frames of a recording: octets [frames, 2 (left, right), 160] and their laws [frames, 2]."""

    octets: NDArray[np.uint8]
    law: NDArray[np.uint8]


class Chunk(NamedTuple):
    """The next piece of the recording with this index."""

    recording: int
    piece: Piece


def to_samples(piece: Piece, channels: int = 2) -> bytes:
    """16-bit samples: interleaved stereo, or the left track alone."""
    if channels == 2 and len(piece.law) and (piece.law == piece.law[:1]).all():
        left, right = piece.law[0].tolist()
        return g711.decode_stereo(piece.octets[:, 0], piece.octets[:, 1], (left, right)).tobytes()
    octets, law = piece.octets[:, :channels], piece.law[:, :channels]
    samples = g711.decode(octets.reshape(-1, FRAME), law.reshape(-1))
    return samples.reshape(-1, channels, FRAME).swapaxes(1, 2).tobytes()


class Tracks:
    """Running recordings, at most ``capacity``."""

    def __init__(self, capacity: int) -> None:
        self._left = np.zeros(capacity, dtype=np.intp)
        self._right = np.zeros(capacity, dtype=np.intp)
        self._due = np.full(capacity, NEVER, dtype=np.int64)
        self._at = np.zeros(capacity, dtype=np.intp)
        self._begin = np.zeros(capacity, dtype=np.intp)
        self._frames = np.zeros(capacity, dtype=np.int64)
        self._open_from = np.zeros(capacity, dtype=np.int64)
        """The first frame that may be written: what was said before the end of a pause is not, however late it comes."""
        self._octets = np.zeros((capacity, _COLUMNS, 2, FRAME), dtype=np.uint8)
        self._law = np.zeros((capacity, _COLUMNS, 2), dtype=np.uint8)
        self._free = list(range(capacity - 1, -1, -1))
        self._also: dict[int, list[int]] = {}
        """Of recordings with several on the right track: the others."""

    def start(self, left: int, right: int, now: int) -> int | None:
        """A recording of two rows; None when there are too many."""
        if not self._free:
            return None
        index = self._free.pop()
        self._left[index], self._right[index] = left, right
        self._due[index] = now + now % STEPS  # all in the same steps: what a step costs by itself is paid once
        self._at[index] = self._begin[index] = LAG_FRAMES  # the columns before hold what was said before the start: left out
        self._frames[index] = self._open_from[index] = 0
        self._clear(index, 0)
        return index

    def left(self, indices: Rows) -> Rows:
        """The left rows of recordings."""
        rows: Rows = self._left[indices]
        return rows

    def also(self, index: int, rows: list[int]) -> None:
        """Whose voices are on the right track besides that of the right row, from now on."""
        if rows:
            self._also[index] = rows
        else:
            self._also.pop(index, None)

    def silence(self, index: int, row: int) -> None:
        """A row of a recording is gone: its track is silent from now on."""
        for side in (self._left, self._right):
            if side[index] == row:
                side[index] = 0

    def pause(self, index: int, on: bool) -> None:
        """Nothing is written from now on, or again."""
        self._open_from[index] = NEVER if on else self._frames[index]

    def milliseconds(self, index: int) -> int:
        """Length so far."""
        return int(self._frames[index]) * 20

    def stop(self, index: int) -> Piece:
        """End a recording; answers what was not handed on yet."""
        rest = self._piece(index, int(self._at[index]))
        self._due[index] = NEVER
        self._also.pop(index, None)
        self._free.append(index)
        return rest

    def advance(self, current: Current, delay: NDArray[np.int64], now: int) -> list[Chunk]:
        """Take the current frames of all recordings that are due; answers the pieces that became full. ``delay``: each row's, in steps."""
        due = (self._due <= now).nonzero()[0]
        if not len(due):
            return []
        at = self._at[due]
        latest = self._frames[due] - self._open_from[due]
        for side, rows in enumerate((self._left[due], self._right[due])):
            back = np.minimum((delay[rows] + STEPS // 2) // STEPS, LAG_FRAMES)
            wanted = latest >= back
            if side and self._also:
                several = np.isin(due, list(self._also))
                wanted &= ~several
                self._add_up(due[several], at[several], latest[several], current, delay)
            self._put(due, at - back, side, rows, current, wanted)
        self._due[due] += STEPS
        self._at[due] = at + 1
        self._frames[due] += 1
        return [self._hand_on(index) for index in due[at == _COLUMNS - 1].tolist()]

    def _add_up(self, due: Rows, at: Rows, latest: NDArray[np.int64], current: Current, delay: NDArray[np.int64]) -> None:
        """Add the current frames of all who are on a right track to what stands where each was said."""
        for index, newest, most in zip(due.tolist(), at.tolist(), latest.tolist(), strict=True):
            for row in {int(self._right[index]), *self._also[index]} - {0}:
                back = min((int(delay[row]) + STEPS // 2) // STEPS, LAG_FRAMES)
                if back > most:
                    continue
                place, law = (index, newest - back, 1), self._law[index, newest - back, 1:2]
                there = g711.decode(self._octets[place][None], law).astype(np.int32)
                total = np.clip(there + current.samples(np.array([row], dtype=np.intp)), -32768, 32767)
                self._octets[place] = g711.encode(total.astype(np.int16), law)[0]

    def _put(self, due: Rows, where: Rows, side: int, rows: Rows, current: Current, wanted: NDArray[np.bool_]) -> None:
        """The current frames of ``rows`` into their columns, as far as they are wanted."""
        if np.count_nonzero(wanted) < len(due):
            due, where, rows = due[wanted], where[wanted], rows[wanted]
        law = current.law[rows] & np.uint8(1)
        self._octets[due, where, side] = current.octets(rows, law)
        self._law[due, where, side] = law

    def _hand_on(self, index: int) -> Chunk:
        chunk = Chunk(index, self._piece(index, CHUNK_FRAMES))
        for held in (self._octets[index], self._law[index]):
            held[:LAG_FRAMES] = held[CHUNK_FRAMES:]
        self._clear(index, LAG_FRAMES)
        self._at[index], self._begin[index] = LAG_FRAMES, 0
        return chunk

    def _clear(self, index: int, begin: int) -> None:
        """Silence from the column ``begin`` on."""
        self._octets[index, begin:] = g711.SILENCE[g711.PCMU]
        self._law[index, begin:] = 0

    def _piece(self, index: int, end: int) -> Piece:
        """The columns before ``end`` that were not handed on."""
        begin = self._begin[index]
        return Piece(self._octets[index, begin:end].copy(), self._law[index, begin:end].copy())

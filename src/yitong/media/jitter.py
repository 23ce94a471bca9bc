"""The jitter buffers of all rows, as arrays.

Time runs in *steps* of 5 ms; a frame is 20 ms, 160 samples, four steps. Each row has a ring of frames addressed by the RTP timestamp
(``slot = (timestamp - origin) / 160``), so order, duplicates and silence suppression need no thought. A row's next frame is fetched at
``next_fetch``; when a packet comes after its fetch the row is shifted later by what was missing, when all packets of two seconds came
early enough it is shifted earlier. On a clean path a frame therefore waits one step (5 ms), on a bad one up to 200 ms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yitong.media.rtp import FRAME

STEPS = 4
"""Steps of 5 ms in a frame."""
SLOTS = 64
"""Frames a row can hold: 1.28 s."""
MARGIN = 1
"""Steps that a frame waits at least."""
MOST = 40
"""Steps of delay at most: 200 ms."""
NEVER = 1 << 60
_WINDOW = 400
_REVIEW = 21
"""Odd, so that rows of every phase are met just after their fetch."""
_REACH = SLOTS - 8
_STREAK = 5
_TOO_EARLY = MOST + 20
"""Steps: a packet that would wait longer than 300 ms came in a burst."""
_AFTER_BURST = 12
_EMPTY = -(1 << 61)  # no slot: slots before the first packet's are negative
_PLAYED = -(1 << 60)
"""A slot that was played is tagged ``_PLAYED - slot``, one that is empty -1."""

Rows = NDArray[np.intp]
Longs = NDArray[np.int64]


class Fetched(NamedTuple):
    """The frames due now: ``present`` is false where none arrived in time."""

    rows: Rows
    present: NDArray[np.bool_]
    octets: NDArray[np.uint8]


class Jitter:
    """Rings, positions and delays of ``capacity`` rows."""

    def __init__(self, capacity: int) -> None:
        self._ring = np.zeros((capacity, SLOTS, FRAME), dtype=np.uint8)
        self._tag = np.full((capacity, SLOTS), _EMPTY, dtype=np.int64)
        self.next_slot = np.zeros(capacity, dtype=np.int64)
        self.next_fetch = np.full(capacity, NEVER, dtype=np.int64)
        self.delay = np.zeros(capacity, dtype=np.int64)
        self.late = np.zeros(capacity, dtype=np.int64)
        self._timestamp = np.zeros(capacity, dtype=np.int64)
        self._position = np.zeros(capacity, dtype=np.int64)
        self._played_to = np.full(capacity, -1, dtype=np.int64)
        self._headroom = np.full(capacity, NEVER, dtype=np.int64)
        self._window_end = np.zeros(capacity, dtype=np.int64)
        self._review_at = 0
        self._streak = np.zeros(capacity, dtype=np.int64)
        self._late_at = np.zeros(capacity, dtype=np.int64)

    def reset(self, row: int) -> None:
        """Forget a row wholly."""
        self._tag[row] = _EMPTY
        self.next_fetch[row] = NEVER
        self.late[row] = self.delay[row] = 0

    def started(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of ``rows`` have a stream."""
        running: NDArray[np.bool_] = self.next_fetch[rows] != NEVER
        return running

    def start(self, row: int, timestamp: int, now: int) -> None:
        """A new stream begins in ``row`` with a packet of ``timestamp`` arriving now; a running schedule is kept in phase."""
        self._tag[row] = _EMPTY
        self._timestamp[row] = timestamp
        self._position[row] = 0
        self._played_to[row] = -1
        self.next_slot[row] = 0
        self.next_fetch[row] = now + MARGIN
        self.delay[row] = MARGIN
        self._headroom[row] = NEVER
        self._window_end[row] = now + _WINDOW
        self._streak[row] = 0

    def place(self, rows: Rows, timestamps: Longs, payloads: NDArray[np.uint8], now: int) -> Rows:
        """Put one whole frame a row (``rows`` unique) into the rings. Answers the rows whose timestamp is out of reach: restart them."""
        position = self._advance(rows, timestamps)
        slot, offset = np.divmod(position, FRAME)
        far = self._adapt(rows, slot, now)
        good = ~far & (offset == 0) & (slot >= self.next_slot[rows]) & (slot > self._played_to[rows])
        if not good.all():
            for i in np.flatnonzero((offset != 0) & ~far):
                self._place_piece(int(rows[i]), int(position[i]), payloads[i])
            rows_far = rows[far]
            rows, slot, payloads = rows[good], slot[good], payloads[good]
        else:
            rows_far = rows[:0]
        index = slot % SLOTS
        self._ring[rows, index] = payloads
        self._tag[rows, index] = slot
        return rows_far

    def place_odd(self, row: int, timestamp: int, payload: NDArray[np.uint8], now: int) -> bool:
        """Put a packet of any length (10, 30, 60 ms ...) into the ring; false when out of reach."""
        rows = np.array([row], dtype=np.intp)
        position = self._advance(rows, np.array([timestamp], dtype=np.int64))
        if self._adapt(rows, position // FRAME, now)[0]:
            return False
        self._place_piece(row, int(position[0]), payload)
        return True

    def _advance(self, rows: Rows, timestamps: Longs) -> Longs:
        """Timestamps (32 bits, wrapping) to positions since the stream's start."""
        reached = self._position[rows]
        delta = (timestamps - self._timestamp[rows] - reached).astype(np.int32)
        position = reached + delta
        self._position[rows] = np.maximum(reached, position)
        return position

    def _adapt(self, rows: Rows, slot: Longs, now: int) -> NDArray[np.bool_]:
        """Learn from the arrival of ``slot`` in each row; true where the packet is out of reach and the stream must start anew."""
        headroom = self.next_fetch[rows] + (slot - self.next_slot[rows]) * STEPS - now
        early = headroom > _TOO_EARLY
        if early.any():
            self._catch_up(rows[early], headroom[early])
            headroom = self.next_fetch[rows] + (slot - self.next_slot[rows]) * STEPS - now
        self._headroom[rows] = np.minimum(self._headroom[rows], headroom)
        late = headroom < 0
        if late.any():
            late &= self._tag[rows, slot % SLOTS] != _PLAYED - slot  # a duplicate of what was played says nothing
            far = self._delay_more(rows[late], headroom[late], now)
            result = headroom > _REACH * STEPS
            result[np.flatnonzero(late)[far]] = True
            return result
        return headroom > _REACH * STEPS

    def _catch_up(self, rows: Rows, headroom: Longs) -> None:
        """A burst after a pause lies in the ring: what was said long ago is dropped for what is said now."""
        near = headroom <= _REACH * STEPS
        self.next_slot[rows[near]] += (headroom[near] - _AFTER_BURST) // STEPS

    def _delay_more(self, rows: Rows, headroom: Longs, now: int) -> NDArray[np.bool_]:
        """Shift late rows so that this packet would have been in time; true where even 200 ms do not suffice, five times running."""
        self.late[rows] += 1
        again = now - self._late_at[rows] <= 2 * STEPS
        self._streak[rows] = np.where(again, self._streak[rows] + 1, 1)
        self._late_at[rows] = now
        need = MARGIN - headroom
        can = self.delay[rows] + need <= MOST
        moved, by = rows[can], need[can]
        self.delay[moved] += by
        self._headroom[moved] = MARGIN
        self._window_end[moved] = now + _WINDOW
        fetch = self.next_fetch[moved] + by
        frames = np.maximum(fetch - now - 1, 0) // STEPS
        self.next_fetch[moved] = fetch - frames * STEPS
        self.next_slot[moved] -= frames
        return ~can & (self._streak[rows] >= _STREAK)

    def _place_piece(self, row: int, position: int, payload: NDArray[np.uint8]) -> None:
        """Write octets at any position; a frame begun is filled up with its neighbour, not with silence of the wrong law."""
        done = 0
        while done < len(payload):
            slot, offset = divmod(position + done, FRAME)
            take = min(FRAME - offset, len(payload) - done)
            index = slot % SLOTS
            if 0 <= slot - self.next_slot[row] < _REACH and slot > self._played_to[row]:
                if self._tag[row, index] != slot:
                    self._ring[row, index] = payload[done + take - 1]
                    self._tag[row, index] = slot
                self._ring[row, index, offset : offset + take] = payload[done : done + take]
            done += take

    def fetch(self, now: int) -> Fetched:
        """Take the frame of every row that is due, and set when its next one is."""
        rows = np.flatnonzero(self.next_fetch <= now)
        slot = self.next_slot[rows]
        index = slot % SLOTS
        present = self._tag[rows, index] == slot
        octets = self._ring[rows, index]
        self._tag[rows, index] = np.where(present, _PLAYED - slot, _EMPTY)
        self._played_to[rows] = np.where(present, slot, self._played_to[rows])
        self.next_slot[rows] = slot + 1
        self.next_fetch[rows] += STEPS
        if now >= self._review_at:
            self._review(now)
        return Fetched(rows, present, octets)

    def _review(self, now: int) -> None:
        """Of rows whose window ended: fetch sooner where all packets had more time than they needed."""
        self._review_at = now + _REVIEW
        ended = np.flatnonzero((self._window_end <= now) & (self.next_fetch == now + STEPS))
        spare = self._headroom[ended]
        spare = np.where(spare >= NEVER // 2, 0, spare) - MARGIN - 1
        shrink = np.clip(spare, 0, STEPS - 1)
        skip = np.maximum(spare - STEPS, 0) // STEPS
        self.next_fetch[ended] -= shrink
        self.next_slot[ended] += skip
        self.delay[ended] = np.maximum(self.delay[ended] - shrink - skip * STEPS, MARGIN)
        self._headroom[ended] = NEVER
        self._window_end[ended] = now + _WINDOW

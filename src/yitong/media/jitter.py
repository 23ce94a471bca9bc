"""The jitter buffers of all rows, as arrays.

Time runs in *steps* of 10 ms; a frame is 20 ms, 160 samples, two steps. Each row has a ring of frames addressed by the RTP timestamp
(``slot = (timestamp - origin) / 160``), so order, duplicates and silence suppression need no thought. A row's next frame is fetched at
``next_fetch``; when a packet comes after its fetch the row is shifted later by what was missing, when all packets of two seconds came
early enough it is shifted earlier. On a clean path a frame therefore waits one step, on a bad one up to 200 ms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yitong.media.lines import Lines
from yitong.media.rtp import FRAME

STEP_MS = 10
"""Half a frame: what each step costs apart from its packets is halved against 5 ms, for 5 ms more of delay."""
STEPS = 20 // STEP_MS
"""Steps in a frame."""
SLOTS = 64
"""Frames a row can hold: 1.28 s."""
MARGIN = 1
"""Steps that a frame waits at least."""
MOST = 200 // STEP_MS
"""Steps of delay at most."""
NEVER = 1 << 60
_WINDOW = 2000 // STEP_MS
_REVIEW = 100 // STEP_MS | 1
"""Odd, so that rows of every phase are met just after their fetch."""
_REACH = SLOTS - 8
_STREAK = 5
_TOO_EARLY = 300 // STEP_MS
"""Steps: a packet that would wait longer than 300 ms came in a burst."""
_AFTER_BURST = 60 // STEP_MS
_EMPTY = -(1 << 61)  # no slot: slots before the first packet's are negative
_PLAYED = -(1 << 60)
"""A slot that was played is tagged ``_PLAYED - slot``, one that is empty -1."""

Rows = NDArray[np.intp]
Longs = NDArray[np.int64]


_STAMP, _REACHED, _SLOT, _LEAST, _HEADROOM = range(5)
"""Columns of what every packet of a row reads and writes, together in one line of the cache: the timestamp reached, as it stands in the
packet and since the stream's start; the slot fetched next; the first slot not yet played; the least time that a packet had left."""
_COLUMNS = 8
_FRAME = np.dtype(f"V{FRAME}")


class Fetched(NamedTuple):
    """The frames due now, as rows of ``Jitter.store``: ``present`` is false where none arrived in time."""

    rows: Rows
    present: NDArray[np.bool_]
    at: NDArray[np.intp]


class Jitter:
    """Rings, positions and delays of ``capacity`` rows."""

    def __init__(self, capacity: int) -> None:
        self.store = np.zeros((capacity * SLOTS, FRAME), dtype=np.uint8)
        """Frame ``slot`` of a row lies at ``row * SLOTS + slot % SLOTS``."""
        self._frames = self.store.view(_FRAME)[:, 0]
        self._tag = np.full(capacity * SLOTS, _EMPTY, dtype=np.int64)
        self._lines = Lines(capacity, _COLUMNS)
        self.next_slot = self._lines.column(_SLOT)
        self._least = self._lines.column(_LEAST)
        self._headroom = self._lines.column(_HEADROOM)
        self.next_fetch = np.full(capacity, NEVER, dtype=np.int64)
        self.delay = np.zeros(capacity, dtype=np.int64)
        self.late = np.zeros(capacity, dtype=np.int64)
        self._window_end = np.zeros(capacity, dtype=np.int64)
        self._review_at = 0
        self._streak = np.zeros(capacity, dtype=np.int64)
        self._late_at = np.zeros(capacity, dtype=np.int64)

    def reset(self, row: int) -> None:
        """Forget a row wholly."""
        self._tag[row * SLOTS : row * SLOTS + SLOTS] = _EMPTY
        self.next_fetch[row] = NEVER
        self.late[row] = self.delay[row] = 0

    def rest(self, row: int) -> None:
        """Nothing is fetched until ``start``; what was counted stays."""
        self.next_fetch[row] = NEVER

    def start(self, row: int, timestamp: int, now: int) -> None:
        """A new stream begins in ``row`` with a packet of ``timestamp`` arriving now."""
        self._tag[row * SLOTS : row * SLOTS + SLOTS] = _EMPTY
        self._lines.all[row, : _HEADROOM + 1] = timestamp, 0, 0, 0, NEVER
        self.next_fetch[row] = now + MARGIN
        self.delay[row] = MARGIN
        self._window_end[row] = now + _WINDOW
        self._streak[row] = 0

    def place(self, rows: Rows, timestamps: Longs, payloads: NDArray[np.uint8], now: int) -> Rows:
        """Put one whole frame a row (``rows`` unique) into the rings. Answers the rows whose timestamp is out of reach: restart them."""
        lines = self._lines.read(rows)
        position = self._advance(lines, timestamps)
        slot, offset = np.divmod(position, FRAME)
        headroom = self.next_fetch[rows] + (slot - lines[:, _SLOT]) * STEPS - now
        np.minimum(lines[:, _HEADROOM], headroom, out=lines[:, _HEADROOM])
        self._lines.write(rows, lines)
        unusual = (headroom < 0) | (headroom > _TOO_EARLY) | offset.astype(np.bool_)
        if np.count_nonzero(unusual):
            return self._place_unusual(rows, position, payloads, now)
        good = slot >= np.maximum(lines[:, _SLOT], lines[:, _LEAST])
        if np.count_nonzero(good) < len(rows):
            rows, slot, payloads = rows[good], slot[good], payloads[good]
        self._keep(rows, slot, payloads)
        return rows[:0]

    def _place_unusual(self, rows: Rows, position: Longs, payloads: NDArray[np.uint8], now: int) -> Rows:
        """Where a packet came late, much too early, or with a frame that does not begin where the others do."""
        slot, offset = np.divmod(position, FRAME)
        far = self._adapt(rows, slot, now)
        good = ~far & (offset == 0) & (slot >= self.next_slot[rows]) & (slot >= self._least[rows])
        for i in np.flatnonzero((offset != 0) & ~far):
            self._place_piece(int(rows[i]), int(position[i]), payloads[i])
        self._keep(rows[good], slot[good], payloads[good])
        return rows[far]

    def _keep(self, rows: Rows, slot: Longs, payloads: NDArray[np.uint8]) -> None:
        at = rows * SLOTS + (slot & SLOTS - 1)
        self._frames[at] = np.ascontiguousarray(payloads).view(_FRAME)[:, 0]
        self._tag[at] = slot

    def place_odd(self, row: int, timestamp: int, payload: NDArray[np.uint8], now: int) -> bool:
        """Put a packet of any length (10, 30, 60 ms ...) into the ring; false when out of reach."""
        rows = np.array([row], dtype=np.intp)
        lines = self._lines.read(rows)
        position = self._advance(lines, np.array([timestamp], dtype=np.int64))
        self._lines.write(rows, lines)
        if self._adapt(rows, position // FRAME, now)[0]:
            return False
        self._place_piece(row, int(position[0]), payload)
        return True

    @staticmethod
    def _advance(lines: Longs, timestamps: Longs) -> Longs:
        """Timestamps (32 bits, wrapping) to positions since the stream's start; how far it reaches is noted in ``lines``."""
        delta = (timestamps - lines[:, _STAMP]).astype(np.int32)
        position: Longs = lines[:, _REACHED] + delta
        forward = np.maximum(delta, 0)
        lines[:, _STAMP] += forward
        lines[:, _REACHED] += forward
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
            late &= self._tag[rows * SLOTS + (slot & SLOTS - 1)] != _PLAYED - slot  # a duplicate of what was played says nothing
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
            at = row * SLOTS + slot % SLOTS
            if 0 <= slot - self.next_slot[row] < _REACH and slot >= self._least[row]:
                if self._tag[at] != slot:
                    self.store[at] = payload[done + take - 1]
                    self._tag[at] = slot
                self.store[at, offset : offset + take] = payload[done : done + take]
            done += take

    def fetch(self, now: int) -> Fetched:
        """Take the frame of every row that is due, and set when its next one is."""
        rows = (self.next_fetch <= now).nonzero()[0]
        slot = self.next_slot[rows]
        at = rows * SLOTS + (slot & SLOTS - 1)
        present = self._tag[at] == slot
        following = slot + 1
        if np.count_nonzero(present) == len(rows):
            self._tag[at] = _PLAYED - slot
            self._least[rows] = following
        else:
            self._tag[at] = np.where(present, _PLAYED - slot, _EMPTY)
            self._least[rows] = np.where(present, following, self._least[rows])
        self.next_slot[rows] = following
        self.next_fetch[rows] += STEPS
        if now >= self._review_at:
            self._review(now)
        return Fetched(rows, present, at)

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

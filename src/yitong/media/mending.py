"""Where frames are lost, rows go on with what they said and fade; where audio comes again, the two are joined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yitong.media import conceal, g711
from yitong.media.current import Current
from yitong.media.jitter import SLOTS, Fetched
from yitong.media.rtp import FRAME

_HEARABLE_LOSS = len(conceal.FADE) - 1
Rows = NDArray[np.intp]


class Mending:
    """Losses of ``capacity`` rows, mended in ``current``."""

    def __init__(self, capacity: int, current: Current) -> None:
        self.current = current
        self._lost = np.full(capacity, _HEARABLE_LOSS, dtype=np.int64)
        self._history: dict[int, NDArray[np.int16]] = {}
        self._tail = np.zeros((capacity, conceal.OVERLAP), dtype=np.int16)
        self._period = np.full(capacity, 80, dtype=np.intp)

    def rest(self, row: int) -> None:
        """The row says nothing until a frame comes."""
        self._lost[row] = _HEARABLE_LOSS
        self._history.pop(row, None)

    def take(self, fetched: Fetched, law: NDArray[np.uint8], now: int) -> None:
        """The fetched frames are what their rows say now; made up where none came, cross-faded where one comes again. ``law``: of
        each row's packets."""
        rows, present, at = fetched
        if not len(rows):
            return
        whole = np.count_nonzero(present) == len(rows)
        if not whole:
            self._keep_history(rows[~present])
        self.current.set(rows, at, law[rows], now)
        back = self._lost[rows] > 0
        if not whole:
            self._conceal(rows[~present])
            back &= present
        if np.count_nonzero(back):
            self._join(rows[back])

    def _join(self, rows: Rows) -> None:
        """Audio came back: turn from what was made up to what arrived."""
        frame = self.current.samples(rows)
        conceal.blend(self._tail[rows], frame)
        self.current.replace(rows, frame)
        self._lost[rows] = 0
        self._tail[rows] = 0
        for row in rows.tolist():
            self._history.pop(row, None)

    def _keep_history(self, rows: Rows) -> None:
        """What the rows said before their first loss: this frame and the one before it, which the jitter buffer still holds."""
        first = rows[self._lost[rows] == 0]
        if not len(first):
            return
        base = first * SLOTS
        before = base + (self.current.at[first] - base - 1 & SLOTS - 1)
        earlier = g711.decode(self.current.store[before], self.current.law[first] & 1)
        history = np.concatenate([earlier, self.current.samples(first)], axis=1)
        self._period[first] = conceal.find_pitch(history)
        for row, one in zip(first.tolist(), history, strict=True):
            self._history[row] = one

    def _conceal(self, rows: Rows) -> None:
        """Rows without a frame go on with their last pitch period and fade; after 60 ms, or while a key is down, they are silent."""
        lost = self._lost[rows]
        hearable = lost < _HEARABLE_LOSS
        made = rows[hearable]
        if len(made):
            history = np.stack([self._history[row] for row in made.tolist()])
            audio = conceal.conceal(history, self._period[made], lost[hearable])
            self.current.replace(made, audio[:, :FRAME])
            self._tail[made] = audio[:, FRAME:]
        silent = rows[~hearable]
        if len(silent):
            self.current.mute(silent)
            self._tail[silent] = 0
        self._lost[rows] = lost + 1

"""What every row says now: octets where the jitter buffer holds them, and samples only where somebody needs samples.

Most rows are heard by one other of the same law, so most frames go from the jitter buffer into a packet, and into a recording, as they
came. They are decoded when they are mixed, listened to for keys, or continued after a loss.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yitong.media import g711
from yitong.media.jitter import SLOTS
from yitong.media.rtp import FRAME

BOTH = 2
"""The law of a row whose frame is there in both (silence, a conference): mu-law, and A-law behind it."""

Rows = NDArray[np.intp]
Samples = NDArray[np.int16]


class Current:
    """The frames of ``capacity`` rows within ``store``, the jitter buffers' frames one below the other. Row 0 is silence."""

    def __init__(self, capacity: int, store: NDArray[np.uint8]) -> None:
        self.store = store
        self._blocks = store.view(np.dtype(f"V{FRAME}"))[:, 0]
        self.at = np.zeros(capacity, dtype=np.intp)
        self.law = np.full(capacity, BOTH, dtype=np.uint8)
        self.since = np.full(capacity, -1, dtype=np.int64)
        """The step in which the frame became the current one."""
        self.frames = np.zeros((capacity, FRAME), dtype=np.int16)
        self._decoded = np.full(capacity, -1, dtype=np.int64)
        store[0], store[1] = g711.SILENCE[g711.PCMU], g711.SILENCE[g711.PCMA]

    def silence(self, row: int) -> None:
        """The row says nothing from now on."""
        self.at[row] = 0
        self.since[row] = self._decoded[row] = -1
        self.law[row] = BOTH
        self.frames[row] = 0

    def set(self, rows: Rows, at: Rows, law: NDArray[np.uint8], now: int) -> None:
        """Frames of ``store`` become the current ones."""
        self.at[rows] = at
        self.law[rows] = law
        self.since[rows] = now

    def octets(self, rows: Rows, law: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frames of ``rows`` as they came; of one that is there in both laws that of ``law``."""
        at = self.at[rows] + (self.law[rows] == BOTH) * law
        frames: NDArray[np.uint8] = self._blocks[at].view(np.uint8).reshape(-1, FRAME)
        return frames

    def samples(self, rows: Rows) -> Samples:
        """The frames of ``rows`` decoded: a fresh array. ``frames`` holds them too, from then on until the next ones are due."""
        stale = rows[self._decoded[rows] != self.since[rows]]
        if len(stale):
            self.frames[stale] = g711.decode(self.store[self.at[stale]], self.law[stale] & 1)
            self._decoded[stale] = self.since[stale]
        result: Samples = self.frames[rows]
        return result

    def replace(self, rows: Rows, frames: Samples) -> None:
        """Other samples in place of the current frames: made up, or cross-faded."""
        self.store[self.at[rows]] = g711.encode(frames, self.law[rows])
        self.frames[rows] = frames
        self._decoded[rows] = self.since[rows]

    def mute(self, rows: Rows) -> None:
        """Silence in place of the current frames."""
        self.at[rows] = self.law[rows] & 1
        self.frames[rows] = 0
        self._decoded[rows] = self.since[rows]

    def put_both(self, row: int, frame: Samples, now: int) -> None:
        """The frame of a row that has no stream of its own."""
        at = row * SLOTS
        self.store[at : at + 2] = g711.encode(np.stack((frame, frame)), np.arange(2, dtype=np.uint8))
        self.at[row], self.law[row], self.frames[row] = at, BOTH, frame
        self.since[row] = self._decoded[row] = now

"""The loudest samples of equal steps of a sound, gathered block by block: what is drawn of it. No block is kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


class Loudness:
    """``frames`` frames in at most ``points`` steps; ``feed`` them in order. ``top``: the loudest per step and track, 0 to 1."""

    def __init__(self, frames: int, channels: int, points: int) -> None:
        count = min(points, frames)
        self._edges = np.linspace(0, frames, count + 1, dtype=np.int64)[:-1]
        self._at = 0
        self.top = np.zeros((count, channels))

    def feed(self, block: Samples) -> None:
        """The next frames [.., channels]."""
        if not len(block) or not len(self._edges):
            return
        end = self._at + len(block)
        first = int(np.searchsorted(self._edges, self._at, "right")) - 1
        last = int(np.searchsorted(self._edges, end, "left"))
        cuts = np.maximum(self._edges[first:last] - self._at, 0)
        loud = np.maximum.reduceat(np.abs(block.astype(np.int32)), cuts, axis=0) / 32768.0
        self.top[first:last] = np.maximum(self.top[first:last], loud)
        self._at = end


def packed(top: NDArray[np.float64]) -> bytes:
    """Small enough for a row: the number of tracks, then an octet per step, track after track; its root, so that quiet speech is seen."""
    return bytes([top.shape[1]]) + np.round(np.sqrt(np.clip(top, 0, 1)) * 255).astype(np.uint8).T.tobytes()


def unpacked(data: bytes) -> NDArray[np.float64]:
    """What ``packed`` was given."""
    return (np.frombuffer(data[1:], dtype=np.uint8).reshape(data[0], -1).T / 255.0) ** 2


def fewer(top: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    """The same in at most ``points`` steps."""
    if len(top) <= points:
        return top
    edges = np.linspace(0, len(top), points + 1, dtype=np.int64)[:-1]
    return np.maximum.reduceat(top, edges, axis=0)


def tracks(top: NDArray[np.float64]) -> list[list[float]]:
    """Per track, as numbers with four digits."""
    return [[float(value) for value in track] for track in np.round(top, 4).T]

"""The sound of a message: mono, PCM 16 bit, 8 kHz."""

from __future__ import annotations

import numpy as np

HEADER_BYTES = 44
BYTES_A_MS = 16


def milliseconds_of(size: int) -> int:
    """How long a file of ``size`` octets lasts, whatever its header says: it may have been cut off by a crash."""
    return max(0, size - HEADER_BYTES) // BYTES_A_MS


def peaks(samples: bytes, points: int) -> list[float]:
    """The loudest sample (0..1) of each of at most ``points`` steps of equal length."""
    values = np.frombuffer(samples[: len(samples) & ~1], dtype="<i2")
    count = min(points, len(values))
    if count == 0:
        return []
    edges = np.linspace(0, len(values), count + 1, dtype=np.int64)[:-1]
    loudest = np.maximum.reduceat(np.abs(values.astype(np.int32)), edges) / 32768.0
    return [float(value) for value in np.round(loudest, 4)]

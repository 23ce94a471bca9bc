"""Reception statistics (RFC 3550 §6.4, §A.3, §A.8) of all rows, and a G.107 estimate of what people heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]
Rows = NDArray[np.intp]
_SAMPLES_PER_MS = 8
_MOST_CHANGE = 4000.0
"""Samples (half a second): more is a jump of the sender's clock, not jitter of the path."""


class Reception:
    """Counters of ``capacity`` rows."""

    def __init__(self, capacity: int) -> None:
        self.packets = np.zeros(capacity, dtype=np.int64)
        self.first = np.zeros(capacity, dtype=np.int64)
        self.highest = np.full(capacity, -1, dtype=np.int64)
        self.ssrc = np.full(capacity, -1, dtype=np.int64)
        self.earlier_expected = np.zeros(capacity, dtype=np.int64)
        self._earlier_packets = np.zeros(capacity, dtype=np.int64)
        self._transit = np.zeros(capacity, dtype=np.int64)
        self._jitter = np.zeros(capacity, dtype=np.float64)
        self._report: dict[int, tuple[int, int]] = {}

    def reset(self, row: int) -> None:
        """Forget a row wholly."""
        for array in (self.packets, self.first, self.earlier_expected, self._earlier_packets, self._transit, self._jitter):
            array[row] = 0
        self.highest[row] = self.ssrc[row] = -1
        self._report.pop(row, None)

    def start(self, row: int, ssrc: int, sequence: int, transit: int) -> None:
        """A stream of ``ssrc`` begins; what came before stays counted."""
        self.earlier_expected[row] = self.expected(row)
        self._earlier_packets[row] = self.packets[row]
        self.ssrc[row] = ssrc
        self.first[row] = sequence
        self.highest[row] = sequence - 1
        self._transit[row] = transit

    def count(self, rows: Rows, sequences: Longs, transits: Longs) -> None:
        """One packet for each of ``rows`` (unique); ``transits`` are arrival minus timestamp in samples."""
        highest = self.highest[rows]
        delta = (sequences - highest).astype(np.int16)
        self.highest[rows] = highest + np.maximum(delta, 0)
        self.packets[rows] += 1
        change = np.abs((transits - self._transit[rows]).astype(np.int32)).astype(np.float64)
        self._transit[rows] = transits
        jitter = self._jitter[rows]
        jitter += (np.minimum(change, _MOST_CHANGE) - jitter) / 16.0
        self._jitter[rows] = jitter

    def transit(self, rows: Rows) -> Longs:
        """The last transit of each row: counting with it leaves the jitter alone (events repeat their timestamp)."""
        return self._transit[rows]

    def expected(self, row: int) -> int:
        """Packets that the sequence numbers promise."""
        if self.highest[row] < 0:
            return 0
        return int(self.earlier_expected[row] + self.highest[row] - self.first[row] + 1)

    def lost(self, row: int) -> int:
        """Packets that never came (never negative: duplicates count as received)."""
        return max(0, self.expected(row) - int(self.packets[row]))

    def jitter_samples(self, row: int) -> float:
        """Interarrival jitter in samples, as RTCP reports it."""
        return float(self._jitter[row])

    def jitter_ms(self, row: int) -> float:
        """Interarrival jitter in milliseconds."""
        return float(self._jitter[row]) / _SAMPLES_PER_MS

    def fraction_lost(self, row: int) -> int:
        """Loss since the last call, in 1/256 (RFC 3550 §A.3)."""
        expected, packets = self.expected(row), int(self.packets[row])
        before_expected, before_packets = self._report.get(row, (0, 0))
        self._report[row] = (expected, packets)
        span = expected - before_expected
        lost = span - (packets - before_packets)
        return min(255, (lost << 8) // span) if span > 0 and lost > 0 else 0


def estimate_mos(loss: float, delay_ms: float, concealed: bool = True) -> float:
    """MOS from the E-model (G.107) for G.711: ``loss`` 0 to 1 at the listener, ``delay_ms`` mouth to ear; 1.0 to 4.5.

    Equipment impairment of G.113: Ie 0, Bpl 25.1 with concealment, 4.3 without.
    """
    robustness = 25.1 if concealed else 4.3
    percent = 100.0 * min(max(loss, 0.0), 1.0)
    impairment = 95.0 * percent / (percent + robustness)
    delay = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)
    rating = 93.2 - delay - impairment
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    mos = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6
    return round(min(4.5, max(1.0, mos)), 2)

"""Reception statistics (RFC 3550 §6.4, §A.3, §A.8) of all rows, and a G.107 estimate of what people heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yitong.media.lines import Lines

Longs = NDArray[np.int64]
Rows = NDArray[np.intp]
_SAMPLES_PER_MS = 8
SAMPLED = 8
"""Of a row that nobody listens to, one packet in so many may be read: the others are known by its sequence number."""
_MOST_CHANGE = 4000
"""Samples (half a second): more is a jump of the sender's clock, not jitter of the path."""


_HIGHEST, _PACKETS, _TRANSIT, _JITTER, _SSRC = range(5)
"""Columns of what every packet of a row reads and writes, together in one line of the cache; the jitter is 16-fold, as in §A.8."""
_COLUMNS = 8


class Reception:
    """Counters of ``capacity`` rows."""

    def __init__(self, capacity: int) -> None:
        self._lines = Lines(capacity, _COLUMNS)
        self.packets = self._lines.column(_PACKETS)
        self.highest = self._lines.column(_HIGHEST)
        self.ssrc = self._lines.column(_SSRC)
        self.first = np.zeros(capacity, dtype=np.int64)
        self.earlier_expected = np.zeros(capacity, dtype=np.int64)
        self._report: dict[int, tuple[int, int]] = {}
        self.highest[:] = self.ssrc[:] = -1

    def reset(self, row: int) -> None:
        """Forget a row wholly."""
        self._lines.all[row] = 0
        self.first[row] = self.earlier_expected[row] = 0
        self.highest[row] = self.ssrc[row] = -1
        self._report.pop(row, None)

    def start(self, row: int, ssrc: int, sequence: int, transit: int) -> None:
        """A stream of ``ssrc`` begins; what came before stays counted."""
        self.earlier_expected[row] = self.expected(row)
        self.first[row] = sequence
        line = self._lines.all[row]
        line[_SSRC], line[_HIGHEST], line[_TRANSIT] = ssrc, sequence - 1, transit

    def count(self, rows: Rows, sequences: Longs, transits: Longs, sampled: NDArray[np.bool_] | None = None) -> None:
        """One packet for each of ``rows`` (unique); ``transits`` are arrival minus timestamp in samples. Where it is ``sampled`` it stands
        for those before it that were not read."""
        lines = self._lines.read(rows)
        delta = (sequences - lines[:, _HIGHEST]).astype(np.int16)
        forward = np.maximum(delta, 0)
        lines[:, _HIGHEST] += forward
        lines[:, _PACKETS] += 1 if sampled is None else np.where(sampled, np.minimum(forward, SAMPLED), 1)
        change = np.abs((transits - lines[:, _TRANSIT]).astype(np.int32))
        lines[:, _TRANSIT] = transits
        lines[:, _JITTER] += np.minimum(change, _MOST_CHANGE) - (lines[:, _JITTER] + 8 >> 4)
        self._lines.write(rows, lines)

    def transit(self, rows: Rows) -> Longs:
        """The last transit of each row: counting with it leaves the jitter alone (events repeat their timestamp)."""
        last: Longs = self._lines.all[rows, _TRANSIT]
        return last

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
        return float(self._lines.all[row, _JITTER]) / 16

    def jitter_ms(self, row: int) -> float:
        """Interarrival jitter in milliseconds."""
        return self.jitter_samples(row) / _SAMPLES_PER_MS

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

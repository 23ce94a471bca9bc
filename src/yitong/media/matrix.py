"""The mixing matrix: which row hears which, with what gain.

Almost every row hears one row at full gain: its packets carry that row's octets. The others are summed from a list of entries sorted by
hearer. A *bus* (conference) is a row whose frame is the sum of what it hears, kept in 32 bits; who hears a bus and is heard by it gets
himself taken off ("minus own"), so a conference of n costs 2n entries, not n squared; who only listens to it costs no sum at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from yitong.media.current import Current
from yitong.media.rtp import FRAME

Rows = NDArray[np.intp]


class Matrix:
    """Entries and sums over ``capacity`` rows; row 0 is silence and never allotted."""

    def __init__(self, capacity: int, current: Current) -> None:
        self.hears: dict[int, dict[int, float]] = {}
        self.heard_by: dict[int, set[int]] = {}
        self.single = np.zeros(capacity, dtype=np.intp)
        """The one row that a row hears; 0 when there is none, or more."""
        self.is_mixed = np.zeros(capacity, dtype=np.bool_)
        self._current = current
        self._buses: dict[int, tuple[Rows, NDArray[np.float32]]] = {}
        """Of each bus: who feeds it, with what gain."""
        self._number = np.full(capacity, -1, dtype=np.intp)
        """A bus's line in ``_totals``."""
        self._totals = np.zeros((0, FRAME), dtype=np.float32)
        self._dirty = False
        self._to = np.zeros(0, dtype=np.intp)
        self._from = np.zeros(0, dtype=np.intp)
        self._gain = np.zeros(0, dtype=np.float32)

    @property
    def buses(self) -> list[int]:
        """The rows that are buses."""
        return list(self._buses)

    def add_bus(self, row: int) -> None:
        """``row`` becomes a bus."""
        self._buses[row] = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32))
        free = set(range(len(self._buses))) - set(self._number.tolist())
        self._number[row] = min(free)
        if self._number[row] >= len(self._totals):
            self._totals = np.concatenate([self._totals, np.zeros((1, FRAME), dtype=np.float32)])

    def set(self, row: int, source: int, gain: float) -> None:
        """Row hears source with ``gain``; 0 takes the entry out."""
        entries = self.hears.setdefault(row, {})
        if gain == 0.0:
            entries.pop(source, None)
            self.heard_by.get(source, set()).discard(row)
        else:
            entries[source] = gain
            self.heard_by.setdefault(source, set()).add(row)
        self._classify(row)
        if row in self._buses:
            self._buses[row] = (np.array(list(entries), dtype=np.intp), np.array(list(entries.values()), dtype=np.float32))
            self._classify(source)

    def remove(self, row: int) -> None:
        """Take a row out wholly: it hears nobody and nobody hears it."""
        for source in list(self.hears.get(row, {})):
            self.set(row, source, 0.0)
        for listener in list(self.heard_by.get(row, set())):
            self.set(listener, row, 0.0)
        self.hears.pop(row, None)
        self.heard_by.pop(row, None)
        if self._buses.pop(row, None) is not None:
            self._number[row] = -1
        self._current.silence(row)

    def _classify(self, row: int) -> None:
        entries = self.hears.get(row, {})
        simple = len(entries) <= 1 and all(gain == 1.0 for gain in entries.values())
        simple = simple and not any(source in self._buses and row in self.hears.get(source, {}) for source in entries)
        self.single[row] = next(iter(entries), 0) if simple else 0
        self.is_mixed[row] = not simple
        self._dirty = True

    def _entries(self, row: int) -> list[tuple[int, int, float]]:
        """Entries of a row, with itself taken off every bus that it both feeds and hears."""
        result = [(row, source, gain) for source, gain in self.hears.get(row, {}).items()]
        own = sum(gain * self.hears.get(bus, {}).get(row, 0.0) for bus, gain in self.hears.get(row, {}).items() if bus in self._buses)
        return [*result, (row, row, -own)] if own else result

    def _rebuild(self) -> None:
        entries = [entry for row in np.flatnonzero(self.is_mixed) for entry in self._entries(int(row))]
        self._to = np.array([entry[0] for entry in entries], dtype=np.intp)
        self._from = np.array([entry[1] for entry in entries], dtype=np.intp)
        self._gain = np.array([entry[2] for entry in entries], dtype=np.float32)
        self._dirty = False

    def sum_bus(self, bus: int, now: int) -> None:
        """Add up what a bus hears now."""
        sources, gains = self._buses[bus]
        total = self._totals[self._number[bus]]
        total[:] = gains @ self._current.samples(sources).astype(np.float32) if len(sources) else 0.0
        self._current.put_both(bus, np.clip(np.rint(total), -32768, 32767).astype(np.int16), now)

    def mix(self, rows: Rows) -> NDArray[np.int16]:
        """What each of ``rows`` (ascending) hears now: int16 [n, 160], clipped, a fresh array."""
        heard = self._current.samples(self.single[rows])
        mixed = self.is_mixed[rows]
        if mixed.any():
            if self._dirty:
                self._rebuild()
            self._mix_general(rows, np.flatnonzero(mixed), heard)
        return heard

    def _mix_general(self, rows: Rows, where: NDArray[np.intp], heard: NDArray[np.int16]) -> None:
        wanted = np.zeros(len(self.single), dtype=np.bool_)
        wanted[rows[where]] = True
        chosen = wanted[self._to]
        sources = self._from[chosen]
        if not len(sources):
            return
        values = self._current.samples(sources).astype(np.float32)
        number = self._number[sources]
        buses = number >= 0
        values[buses] = self._totals[number[buses]]
        values *= self._gain[chosen][:, None]
        to = self._to[chosen]
        starts = np.flatnonzero(np.concatenate(([True], to[1:] != to[:-1])))
        sums = np.add.reduceat(values, starts, axis=0)
        heard[np.searchsorted(rows, to[starts])] = np.clip(np.rint(sums), -32768, 32767).astype(np.int16)

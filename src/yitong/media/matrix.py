"""The mixing matrix: which row hears which, with what gain.

Almost every row hears one row at full gain: its packets carry that row's octets. The others are summed from a list of entries sorted by
hearer. A *bus* (conference) is a row whose frame is the sum of what it hears, kept in 32 bits; who hears a bus and is heard by it gets
himself taken off ("minus own"), so a conference of n costs 2n entries, not n squared; who only listens to it costs no sum at all.

Rooms whose members are linked in pairs cost no more: rows that hear the same others, or the same others and one another, share one sum
(``_Shared``), which is encoded once for all who only listen. Who hears two rows as loud as they are (a supervisor at a talk, each of three
who talk together) is added up without a list.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from yitong.media import g711, pairs
from yitong.media.current import BOTH, Current
from yitong.media.rtp import FRAME

Rows = NDArray[np.intp]
_MANY = 5
"""Rows that must share a sum; fewer are summed one by one, all at once."""


class _Shared:
    """A sum that several rows hear, those among its ``sources`` without themselves."""

    def __init__(self, sources: Rows) -> None:
        self.sources = sources
        self.total = np.zeros(FRAME, dtype=np.float32)
        self.octets = np.zeros((2, FRAME), dtype=np.uint8)
        self.at = -1

    def refresh(self, current: Current, now: int) -> None:
        """Add up, once a step."""
        if self.at != now:
            self.at = now
            self.total = current.samples(self.sources).astype(np.float32).sum(axis=0)
            frame = np.clip(self.total, -32768, 32767).astype(np.int16)
            self.octets = g711.encode(np.stack((frame, frame)), np.arange(2, dtype=np.uint8))


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
        self._shared: list[_Shared] = []
        self._share = np.full(capacity, -1, dtype=np.intp)
        self._feeds = np.zeros(capacity, dtype=np.bool_)
        """Whether a row is itself part of the sum that it shares."""
        self._dirty = False
        self._pair = np.full((2, capacity), -1, dtype=np.intp)
        """The two rows that a row hears, where it is as simple as that."""
        self._to = np.zeros(0, dtype=np.intp)
        self._from = np.zeros(0, dtype=np.intp)
        self._gain = np.zeros(0, dtype=np.float32)

    @property
    def buses(self) -> list[int]:
        """The rows that are buses."""
        return list(self._buses)

    @property
    def sums(self) -> int:
        """How many sums are shared now."""
        if self._dirty:
            self._rebuild()
        return len(self._shared)

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
        self._divide()
        self._pair[:] = -1
        for row in np.flatnonzero(self.is_mixed & (self._share < 0)).tolist():
            if len(self.hears[row]) == 2 and self._is_even(row):
                self._pair[:, row] = list(self.hears[row])
        alone = np.flatnonzero(self.is_mixed & (self._share < 0) & (self._pair[0] < 0))
        entries = [entry for row in alone.tolist() for entry in self._entries(row)]
        self._to = np.array([entry[0] for entry in entries], dtype=np.intp)
        self._from = np.array([entry[1] for entry in entries], dtype=np.intp)
        self._gain = np.array([entry[2] for entry in entries], dtype=np.float32)
        self._dirty = False

    def _divide(self) -> None:
        """Find the sums that several rows share."""
        self._share[:], self._feeds[:] = -1, False
        heard = {row: frozenset(self.hears[row]) for row in np.flatnonzero(self.is_mixed).tolist() if self._is_even(row)}
        whole = {row: sources | {row} for row, sources in heard.items()}
        wanted = Counter([*heard.values(), *whole.values()])
        numbers: dict[frozenset[int], int] = {}
        for row, sources in heard.items():
            chosen = max(whole[row], sources, key=wanted.__getitem__)
            if wanted[chosen] >= _MANY:
                self._share[row] = numbers.setdefault(chosen, len(numbers))
                self._feeds[row] = row in chosen
        self._shared = [_Shared(np.array(sorted(sources), dtype=np.intp)) for sources in numbers]

    def _is_even(self, row: int) -> bool:
        """Whether a row hears rows only, all as loud as they are."""
        return all(gain == 1.0 and source != row and source not in self._buses for source, gain in self.hears[row].items())

    def listeners(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of ``rows`` (mixed ones) hear a shared sum as it is: ``octets`` has it."""
        if self._dirty:
            self._rebuild()
        result: NDArray[np.bool_] = (self._share[rows] >= 0) & ~self._feeds[rows]
        return result

    def octets(self, rows: Rows, law: NDArray[np.uint8], now: int) -> NDArray[np.uint8]:
        """What each of the ``listeners`` hears now, in its law."""
        share = self._share[rows]
        numbers, which = np.unique(share, return_inverse=True)
        for number in numbers.tolist():
            self._shared[number].refresh(self._current, now)
        both = np.stack([self._shared[number].octets for number in numbers.tolist()])
        return both[which, law]

    def pairs(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of ``rows`` hear two others as they are: ``pair_octets`` has it."""
        if self._dirty:
            self._rebuild()
        result: NDArray[np.bool_] = self._pair[0, rows] >= 0
        return result

    def pair_octets(self, rows: Rows, law: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What each of the ``pairs`` hears now, in its law."""
        sides, wanted = self._pair[:, rows].ravel(), np.concatenate((law, law))
        its_law = self._current.law[sides]
        laws = np.where(its_law == BOTH, wanted, its_law).reshape(2, -1)
        frames = self._current.octets(sides, wanted).reshape(2, -1, FRAME)
        return pairs.add(frames[0], frames[1], laws[0], laws[1], law)

    def sum_bus(self, bus: int, now: int) -> None:
        """Add up what a bus hears now."""
        sources, gains = self._buses[bus]
        total = self._totals[self._number[bus]]
        total[:] = gains @ self._current.samples(sources).astype(np.float32) if len(sources) else 0.0
        self._current.put_both(bus, np.clip(np.rint(total), -32768, 32767).astype(np.int16), now)

    def mix(self, rows: Rows, now: int) -> NDArray[np.int16]:
        """What each of ``rows`` (ascending) hears now: int16 [n, 160], clipped, a fresh array."""
        heard = self._current.samples(self.single[rows])
        mixed = self.is_mixed[rows]
        if mixed.any():
            if self._dirty:
                self._rebuild()
            sharing = self._share[rows] >= 0
            if sharing.any():
                self._mix_shared(rows, np.flatnonzero(sharing), heard, now)
            paired = self._pair[0, rows] >= 0
            if paired.any():
                first, second = self._pair[:, rows[paired]]
                total = np.add(self._current.samples(first), self._current.samples(second), dtype=np.int32)
                heard[paired] = np.clip(total, -32768, 32767, out=total)
            self._mix_general(rows, np.flatnonzero(mixed & ~sharing & ~paired), heard)
        return heard

    def _mix_shared(self, rows: Rows, where: NDArray[np.intp], heard: NDArray[np.int16], now: int) -> None:
        hearers = rows[where]
        share = self._share[hearers]
        own = self._current.samples(hearers).astype(np.float32) * self._feeds[hearers][:, None]
        for number in np.unique(share).tolist():
            one, mine = self._shared[number], share == number
            one.refresh(self._current, now)
            heard[where[mine]] = np.clip(one.total - own[mine], -32768, 32767).astype(np.int16)

    def _mix_general(self, rows: Rows, where: NDArray[np.intp], heard: NDArray[np.int16]) -> None:
        if not len(where):
            return
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

"""Who hears whom, against the plain sum of all that each hears."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from yitong.media import g711
from yitong.media.current import Current
from yitong.media.jitter import SLOTS
from yitong.media.matrix import Matrix
from yitong.media.rtp import FRAME

ROWS = 24


class Room:
    """Rows 1 to ``ROWS`` that each say something else; ``hear`` is what a hearer gets, decoded."""

    def __init__(self) -> None:
        self.current = Current(ROWS + 2, np.zeros(((ROWS + 2) * SLOTS, FRAME), dtype=np.uint8))
        self.matrix = Matrix(ROWS + 2, self.current)
        self.now = 0
        self.speak()

    def speak(self) -> None:
        """Everybody says the next frame."""
        self.now += 1
        rows = np.arange(1, ROWS + 1)
        frames = np.random.default_rng(self.now).integers(-3000, 3000, (ROWS, FRAME)).astype(np.int16)
        law = (rows % 2).astype(np.uint8)
        self.current.store[rows * SLOTS] = g711.encode(frames, law)
        self.current.set(rows, rows * SLOTS, law, self.now)

    def plainly(self, row: int) -> NDArray[np.int64]:
        """The sum of all that a row hears."""
        total = np.zeros(FRAME)
        for source, gain in self.matrix.hears.get(row, {}).items():
            total += self.current.samples(np.array([source]))[0] * gain
        return np.clip(np.rint(total), -32768, 32767).astype(np.int64)

    def check(self) -> None:
        rows = np.arange(1, ROWS + 1)
        heard = self.matrix.mix(rows, self.now)
        for row in rows.tolist():
            assert np.abs(heard[row - 1] - self.plainly(row)).max() <= 1
        mixed = rows[self.matrix.is_mixed[rows]]
        listening = mixed[self.matrix.listeners(mixed)]
        law = np.ones(len(listening), dtype=np.uint8)
        if len(listening):
            octets = self.matrix.octets(listening, law, self.now)
            assert (octets == g711.encode(np.stack([self.plainly(row) for row in listening.tolist()]).astype(np.int16), law)).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, ROWS), st.integers(1, ROWS), st.sampled_from([0.0, 1.0, 1.0, 1.0, 0.5])), max_size=80))
def test_whatever_is_linked_each_hears_the_sum_of_the_others(links: list[tuple[int, int, float]]) -> None:
    room = Room()
    for row, source, gain in links:
        if row != source:
            room.matrix.set(row, source, gain)
    room.check()
    room.matrix.remove(links[0][1] if links else 1)
    room.speak()
    room.check()


@pytest.mark.parametrize("speakers", [2, 8, ROWS])
def test_a_room_linked_in_pairs_is_one_sum(speakers: int) -> None:
    room = Room()
    for row in range(1, ROWS + 1):
        for source in range(1, speakers + 1):
            if source != row:
                room.matrix.set(row, source, 1.0)
    room.check()
    rows = np.arange(1, ROWS + 1)
    assert room.matrix.sums == 1
    assert np.count_nonzero(room.matrix.listeners(rows)) == ROWS - speakers
    room.speak()
    room.matrix.remove(speakers)
    room.check()


def test_two_that_are_heard_at_once_are_summed_octet_by_octet() -> None:
    """By a table, in every choice of laws, as decoding, adding and encoding does it; one of the two may be there in both laws."""
    room = Room()
    room.matrix.add_bus(21)
    room.matrix.set(21, 20, 1.0)
    room.matrix.sum_bus(21, room.now)
    pairs = [(1, 3), (1, 4), (2, 3), (2, 4)]
    for hearer, (first, second) in enumerate(pairs, 8):
        room.matrix.set(hearer, first, 1.0)
        room.matrix.set(hearer, second, 1.0)
    hearers = np.arange(8, 12)
    assert room.matrix.pairs(hearers).all()
    assert not room.matrix.pairs(np.array([1, 12])).any()
    room.current.put_both(2, room.current.samples(np.array([2]))[0], room.now)
    for law in (0, 1):
        laws = np.full(4, law, dtype=np.uint8)
        plainly = np.stack([room.plainly(row) for row in hearers.tolist()]).astype(np.int16)
        octets = room.matrix.pair_octets(hearers, laws)
        kept = [0, 1]  # whom the one in both laws is heard by hears it coded once more
        assert (octets[kept] == g711.encode(plainly, laws)[kept]).all()
        coded = g711.decode(room.current.octets(np.array([2]), laws[:1]), laws[:1])[0].astype(np.int32)
        for at, other in ((2, 3), (3, 4)):
            total = np.clip(coded + room.current.samples(np.array([other]))[0], -32768, 32767).astype(np.int16)
            assert (octets[at] == g711.encode(total[None], laws[:1])[0]).all()

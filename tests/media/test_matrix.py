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

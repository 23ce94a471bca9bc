"""Jitter buffers: what is fetched when, on clean and on bad paths."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from yitong.media.jitter import MARGIN, MOST, STEP_MS, STEPS, Jitter

ROW = np.array([3], dtype=np.intp)


def payload(number: int) -> np.typing.NDArray[np.uint8]:
    return np.full((1, 160), number % 251, dtype=np.uint8)


class Path:
    """One row: packets that arrive at given steps, and what comes out."""

    def __init__(self, first_timestamp: int = 0xFFFFFF00) -> None:
        self.jitter = Jitter(8)
        self.base = first_timestamp
        self.out: list[tuple[int, int]] = []
        self.step = 0
        self.begun = False

    def arrive(self, number: int) -> None:
        timestamp = (self.base + number * 160) & 0xFFFFFFFF
        if not self.begun:
            self.jitter.start(3, timestamp, self.step)
            self.begun = True
        self.jitter.place(ROW, np.array([timestamp], dtype=np.int64), payload(number), self.step)

    def run(self, arrivals: dict[int, list[int]], steps: int) -> None:
        for self.step in range(steps):
            for number in arrivals.get(self.step, []):
                self.arrive(number)
            rows, present, at = self.jitter.fetch(self.step)
            for i in range(len(rows)):
                self.out.append((self.step, int(self.jitter.store[at[i], 0]) if present[i] else -1))


def test_on_a_clean_path_every_frame_waits_one_step() -> None:
    path = Path()
    path.run({number * STEPS: [number] for number in range(2000)}, 8000)
    assert path.out[:1990] == [(number * STEPS + MARGIN, number % 251) for number in range(1990)]


def test_order_and_duplicates_need_no_thought() -> None:
    path = Path()
    arrivals = {number * STEPS: [number] for number in range(50)}
    arrivals[20 * STEPS], arrivals[10 * STEPS] = [21, 20, 21], [10, 10]
    arrivals[21 * STEPS] = [20]
    path.run(arrivals, 45 * STEPS)
    assert [value for _, value in path.out[:40]] == list(range(40))


def test_a_late_packet_moves_the_row_once_and_nothing_is_lost_then() -> None:
    path = Path()
    path.run({number * STEPS + (MARGIN + 1 if number >= 20 else 0): [number] for number in range(100)}, 95 * STEPS)
    values = [value for _, value in path.out]
    assert values.count(-1) <= 1
    assert [value for value in values if value >= 0] == list(range(len([v for v in values if v >= 0])))
    assert path.jitter.late[3] == 1


def test_the_delay_shrinks_again_when_the_path_is_good() -> None:
    path = Path()
    arrivals = {number * STEPS: [number] for number in range(3000)}
    arrivals[100 * STEPS], arrivals[102 * STEPS + 1] = [], [100, 102]
    path.run(arrivals, 3000 * STEPS - 8)
    assert path.jitter.delay[3] <= MARGIN + 2


def test_a_jump_of_the_timestamp_asks_for_a_new_start() -> None:
    path = Path()
    path.run({number * STEPS: [number] for number in range(5)}, 20)
    far = path.jitter.place(ROW, np.array([path.base + 160 * 5000 & 0xFFFFFFFF]), payload(0), 20)
    assert far.tolist() == [3]


def test_a_burst_after_a_pause_does_not_stay_as_delay() -> None:
    path = Path()
    arrivals = {number * STEPS: [number] for number in range(700)}
    for number in range(30, 60):
        arrivals[number * STEPS] = []
    arrivals[60 * STEPS] = list(range(30, 61))
    path.run(arrivals, 700 * STEPS)
    waited = [(step - value * STEPS) % (251 * STEPS) for step, value in path.out[-600:-2] if value >= 0]
    assert max(waited) <= 400 // STEP_MS
    assert waited[-1] <= 3 * STEPS


def test_other_packet_times_fill_the_same_frames() -> None:
    jitter = Jitter(8)
    jitter.start(3, 0, 0)
    audio = np.arange(480, dtype=np.int64) % 251
    got: list[int] = []
    for step in range(15 * STEPS):
        if step % (3 * STEPS) == 0 and step < 12 * STEPS:
            jitter.place_odd(3, step // (3 * STEPS) * 480, audio.astype(np.uint8), step)
        fetched = jitter.fetch(step)
        if len(fetched.rows) and fetched.present[0]:
            got.extend(jitter.store[fetched.at[0]].tolist())
    assert got == audio.tolist() * 4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3 * STEPS), min_size=100, max_size=100), st.sets(st.integers(0, 99), max_size=10))
@example([3 * STEPS, STEPS + 1, *[0] * 98], set())  # the first two overtaken: nothing may come out for them
def test_what_comes_out_is_in_order_and_never_twice(delays: list[int], lost: set[int]) -> None:
    path = Path()
    arrivals: dict[int, list[int]] = {}
    for number, delay in enumerate(delays):
        if number not in lost:
            arrivals.setdefault(number * STEPS + delay, []).append(number)
    path.run(arrivals, 120 * STEPS)
    values = [value for _, value in path.out if value >= 0]
    assert values == sorted(set(values))
    assert path.jitter.delay[3] <= MOST
    frames = [step for step, _ in path.out]
    assert all(later - earlier <= 2 * STEPS for earlier, later in pairwise(frames))

"""The pressure rule against a made-up machine on a virtual clock: more calls than it can take, hiccups, and afterwards."""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from yitong.ct.switches.soft import pressure as p
from yitong.ct.switches.soft.pressure import Pressure

READ_AT_ONCE = 32
"""Datagrams that the event loop takes from a socket before it looks at its timers again (libuv)."""
OCTETS = 2_304
"""Of a request in the kernel's queue."""
FOLLOWING = 4
"""Requests and answers that a call brings besides its INVITE."""
PROMPT, SOON = 0.2, 0.5


@dataclass
class Machine:
    """One loop that reads everything in order, one core behind it. Costs in seconds."""

    invite: float = 0.003
    core: float = 0.006
    refusal: float = 0.0006
    follow: float = 0.0008
    pressure: Pressure = field(default_factory=Pressure)
    refused: dict[int, float] = field(default_factory=dict)
    """Call → seconds until its 503 left; ``decided``: until core's decision came."""
    decided: dict[int, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Calls a second that it can take."""
        return 1 / max(self.invite + FOLLOWING * self.follow, self.core)

    def run(
        self, arrivals: list[float], stops: tuple[tuple[float, float], ...] = (), core_stops: tuple[tuple[float, float], ...] = ()
    ) -> None:
        """INVITEs at these moments; at each of ``stops`` (when, how long) the loop does nothing at all, at ``core_stops`` core."""
        coming = [(at, 0, number) for number, at in enumerate(arrivals)]
        heapq.heapify(coming)
        unread: deque[tuple[float, int, int]] = deque()
        answers: deque[tuple[float, int]] = deque()
        self.pressure.unread = lambda: OCTETS * len(unread)
        waiting, begun, pauses, core_pauses = set[str](), dict[int, float](), deque(stops), deque(core_stops)
        now, due, core_free = 0.0, p.BEAT_SECONDS, 0.0
        while coming or unread or answers:
            if pauses and now >= pauses[0][0]:
                now += pauses.popleft()[1]
            while coming and coming[0][0] <= now:
                unread.append(heapq.heappop(coming))
            if now >= due:
                self.pressure.was_late(now - due, OCTETS * len(unread))
                due = now + p.BEAT_SECONDS
            idle = not unread
            while answers and answers[0][0] <= now:
                _, number = answers.popleft()
                waiting.discard(str(number))
                self.pressure.heard(str(number), now)
                self.decided[number] = now - begun[number]
                for later in range(FOLLOWING):
                    heapq.heappush(coming, (now + 0.05 * (later + 1), 1, number))
            for _ in range(min(READ_AT_ONCE, len(unread))):
                at, kind, number = unread.popleft()
                if kind:
                    now += self.follow
                elif self.pressure.refuses(waiting, now):
                    now += self.refusal
                    self.refused[number] = now - at
                else:
                    now += self.invite
                    begun[number] = at
                    waiting.add(str(number))
                    self.pressure.waits(str(number), now)
                    core_free = max(core_free, now) + self.core
                    if core_pauses and core_free >= core_pauses[0][0]:
                        core_free += core_pauses.popleft()[1]
                    answers.append((core_free, number))
            if idle:
                now = max(now, min([due, coming[0][0] if coming else due, answers[0][0] if answers else due]))


def calls(rate: float, begin: float, seconds: float, seed: int) -> list[float]:
    """Moments of calls that come by chance at ``rate``."""
    chance, at, found = random.Random(seed), begin, list[float]()
    while (at := at + chance.expovariate(rate)) < begin + seconds:
        found.append(at)
    return found


def share(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else 0.0


@pytest.mark.case("F7")
@settings(max_examples=12, deadline=None)
@given(invite=st.floats(0.002, 0.005), core=st.floats(0.002, 0.02), times=st.floats(1.6, 2.4), seed=st.integers(0, 9))
@example(invite=0.003, core=0.006, times=2.0, seed=1)
@example(invite=0.00405362340982212, core=0.009610918808957043, times=1.875, seed=4)
def test_beyond_its_rate_it_refuses_soon_serves_whom_it_took_and_is_itself_again(
    invite: float, core: float, times: float, seed: int
) -> None:
    machine = Machine(invite, core)
    over = 3.0
    arrivals = calls(times * machine.rate, 0.0, over, seed)
    after = calls(0.5 * machine.rate, over + 2.0, 2.0, seed + 100)
    machine.run([*arrivals, *after])
    refused = [machine.refused[number] for number in range(len(arrivals)) if number in machine.refused]
    taken = [machine.decided[number] for number in range(len(arrivals)) if number in machine.decided]
    assert len(refused) + len(taken) == len(arrivals)
    assert share(refused, 0.99) <= PROMPT
    assert share(taken, 0.99) <= SOON
    assert len(taken) >= 0.5 * machine.rate * over, "refusing must not cost more than it saves"
    assert not any(number in machine.refused for number in range(len(arrivals), len(arrivals) + len(after))), "two seconds later"


@pytest.mark.case("F7")
def test_twice_the_rate_for_a_minute() -> None:
    machine = Machine(invite=0.005, core=0.01)
    arrivals = calls(2 * machine.rate, 0.0, 60.0, 7)
    machine.run(arrivals)
    refused, taken = list(machine.refused.values()), list(machine.decided.values())
    told = f"{1000 * share(refused, 0.5):.0f} / {1000 * share(refused, 0.99):.0f} / {1000 * max(refused):.0f} ms"
    print(f"{len(arrivals)} calls, {len(refused)} refused after {told}, {1000 * share(taken, 0.99):.0f} ms until core decided (p99)")
    assert share(refused, 0.99) <= PROMPT
    assert share(taken, 0.99) <= SOON


STOPS = [(seed, 0.02 + 0.01 * length) for seed in range(4) for length in range(11)]
"""Seeds, and seconds for which there is no processor."""


def test_half_its_rate_with_hiccups_is_no_overload() -> None:
    refused = total = 0
    for seed, stop in STOPS:
        machine = Machine()
        arrivals = calls(0.5 * machine.rate, 0.0, 6.0, seed)
        machine.run(arrivals, tuple((1.5 * (number + 1), stop) for number in range(3)))
        assert len(machine.decided) + len(machine.refused) == len(arrivals)
        refused, total = refused + len(machine.refused), total + len(arrivals)
    assert refused <= 0.001 * total


@pytest.mark.parametrize("core", [0.006, 0.01, 0.015])
def test_a_core_that_has_no_processor_for_a_moment_is_no_overload(core: float) -> None:
    """As where a machine's host takes it away: nobody who would be served a quarter of a second later is sent away."""
    refused = total = 0
    for seed, stop in STOPS:
        machine = Machine(core=core)
        arrivals = calls(0.6 * machine.rate, 0.0, 12.0, seed)
        machine.run(arrivals, core_stops=tuple((2.0 * (number + 1), 2 * stop) for number in range(5)))
        assert share(list(machine.decided.values()), 1.0) <= SOON + 2 * stop
        refused, total = refused + len(machine.refused), total + len(arrivals)
    assert refused <= 0.0005 * total


def test_few_calls_are_taken_though_the_machine_is_late() -> None:
    one, alive = Pressure(), set[str]()
    for number in range(20):
        now = number * 0.2
        one.was_late(1.0, 0)
        one.was_late(1.0, 10**7)
        one.was_late(0.0, 10**7)
        assert not one.refuses(alive, now)


def test_what_the_process_lacks_is_a_reason() -> None:
    one = Pressure()
    one.lacks("no_memory")
    assert one.refuses(set(), 1.0)
    assert one.refused_within(60.0, 2.0)
    one.lacks("")
    assert not one.refuses(set(), 3.0)
    assert not one.refused_within(60.0, 62.0)

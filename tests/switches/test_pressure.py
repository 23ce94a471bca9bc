"""When new calls are refused: the switch late, or core too slow; not while core is away."""

from __future__ import annotations

from yitong.ct.switches.soft import pressure as p
from yitong.ct.switches.soft.pressure import Pressure


def test_a_quiet_switch_takes_every_call() -> None:
    one, alive = Pressure(), set[str]()
    for number in range(100):
        now = number / 10
        assert not one.refuses(alive, now)
        alive.add(name := f"c{number}")
        one.waits(name, now)
        one.heard(name, now + 0.01)
    assert one.refused == 0


def test_a_switch_that_is_late_for_some_time_takes_none_until_it_is_punctual_again() -> None:
    one = Pressure()
    for _ in range(p.BEATS - 1):
        one.was_late(1.0)
    assert not one.refuses(set(), 1.0), "one hiccup is no overload"
    one.was_late(p.LATE_SECONDS + 0.01)
    assert one.refuses(set(), 1.0)
    one.was_late(0.0)
    assert not one.refuses(set(), 1.1)
    assert one.refused == 1


def test_calls_that_wait_for_a_core_that_works_keep_others_out_until_it_has_caught_up() -> None:
    one, alive = Pressure(), {"a", "b"}
    one.waits("a", 1.0)
    one.waits("b", 1.01)
    one.heard("x", 1.4)
    assert not one.refuses(alive, 1.0 + p.WAITED_SECONDS - 0.01)
    assert one.refuses(alive, 1.0 + p.WAITED_SECONDS + 0.02)
    one.heard("a", 1.55)
    assert one.refuses(alive, 1.55), "the next one waits as long"
    one.heard("b", 1.56)
    assert not one.refuses(alive, 1.57)


def test_a_core_that_is_away_is_waited_for() -> None:
    one, alive = Pressure(), {"a"}
    one.waits("a", 1.0)
    one.heard("x", 1.1)
    assert not one.refuses(alive, 1.0 + p.WAITED_SECONDS + 0.1)
    assert not one.refuses(alive, 8.0)
    for number in range(p.MOST_WAITING):
        one.waits(f"more {number}", 3.0)
    assert one.refuses(alive, 3.0), "but not by any number"


def test_a_caller_who_gave_up_keeps_nobody_out() -> None:
    one = Pressure()
    one.waits("a", 1.0)
    one.heard("x", 1.9)
    assert not one.refuses(set(), 2.0)

"""An overloaded worker refuses before it hurts."""

from __future__ import annotations

from yitong.ct.switches.soft.media_load import Load


def test_rows_are_refused_when_the_steps_take_too_long() -> None:
    load = Load(0.005)
    assert not load.overloaded(100)
    for _ in range(1000):
        load.took(0.0045, 1)
    assert load.overloaded(100)
    assert not load.overloaded(10)
    assert load.state(100, 1000, 500).capacity < 100
    for _ in range(1000):
        load.took(0.001, 1)
    assert not load.overloaded(100)
    assert 350 < load.state(100, 1000, 2000).capacity < 380


def test_late_steps_are_counted() -> None:
    load = Load(0.005)
    load.late(3)
    load.took(0.01, 4)
    state = load.state(1, 1000, 7)
    assert (state.late_ticks, state.capacity) == (3, 8)
    assert (state.tick_ms_p99, state.latest_ms) == (2.5, 15.0)
    load.begin_anew()
    assert load.state(1, 1000, 7).latest_ms == 0

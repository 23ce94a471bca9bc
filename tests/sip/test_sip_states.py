"""The tables of the transactions and their pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from yitong.sip.states import MACHINES, State, Timings, mermaid

FOLDER = Path(__file__).parents[2] / "docs" / "states"


@pytest.mark.parametrize("name", MACHINES)
def test_the_picture_is_drawn_from_the_table(name: str) -> None:
    assert (FOLDER / f"sip-{name}.md").read_text(encoding="utf-8") == mermaid(name)


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_reached_and_left(name: str) -> None:
    first, table = MACHINES[name]
    reached = {first} | {step.state for step in table.values()}
    assert {state for state, _ in table} | {State.TERMINATED} == reached


@pytest.mark.parametrize("name", MACHINES)
def test_a_timer_that_is_started_is_awaited_where_it_runs(name: str) -> None:
    _, table = MACHINES[name]
    for step in table.values():
        for verb, thing in step.actions:
            if verb in ("start", "double", "slow"):
                assert (step.state, f"timer {thing}") in table, (name, thing)


def test_the_values_of_rfc_3261_table_4() -> None:
    timings = Timings()
    unreliable = {name: timings.first(name, False) for name in "ABDEFGHIJKLM"}
    assert unreliable == {"A": 0.5, "B": 32, "D": 32, "E": 0.5, "F": 32, "G": 0.5, "H": 32, "I": 5, "J": 32, "K": 5, "L": 32, "M": 32}
    reliable = {name: timings.first(name, True) for name in "ABDEFGHIJKLM"}
    assert reliable == {"A": None, "B": 32, "D": 0, "E": None, "F": 32, "G": None, "H": 32, "I": 0, "J": 0, "K": 0, "L": 32, "M": 32}
    assert [timings.next("A", 8.0), timings.next("E", 2.0), timings.next("G", 4.0)] == [16.0, 4.0, 4.0]

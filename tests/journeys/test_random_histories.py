"""Random histories that lose, double and delay events, restart core and the switch anywhere, and still come out whole.

Checked after every decision: no free agent while somebody whom he may take waits, one agent per contact at most, every reservation has
its lease. Checked at the end: no contact lost, none stuck, every journey whole, the board says what the events say.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.journeys.histories import KINDS, Action, History
from tests.journeys.world import QUEUE, World

from yitong.contact.ledger import fact_of
from yitong.domains.reporting.rules.counters import Today, count

ACTIONS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2), st.integers(0, 59)), max_size=60)
LONG = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2), st.integers(0, 59)), max_size=200)
HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def play(seed: int, actions: list[Action], *, lose: float, services: float = 0.0) -> None:
    history = History(seed, lose=lose, double=lose, delay=2 * lose, lose_services=services)
    history.play(actions)
    history.finish()
    check_board(history.world)


def check_board(world: World) -> None:
    """The base quantities of kpis §1 from the events alone, in plain words, against the fold and the board."""
    events = world.events()
    left = [event for event in events if event.type == "acd.contact_left_queue"]
    outcomes = Counter(event.payload["outcome"] for event in left)
    counted = Today()
    for event in events:
        fact = fact_of(event)
        if fact is not None:
            count(counted, fact)
    queue = counted.queue(QUEUE)
    assert queue.offered == sum(1 for event in events if event.type == "acd.contact_queued")
    assert queue.offered == queue.answered + queue.abandoned + queue.flowed_out + queue.timed_out + queue.lost
    assert (queue.answered, queue.abandoned, queue.timed_out) == (outcomes["answered"], outcomes["abandoned"], outcomes["timeout"])
    in_time = [event for event in left if event.payload["outcome"] == "answered" and event.payload["waited_us"] <= 20_000_000]
    assert queue.answered_in_time == len(in_time)
    assert world.partition is not None
    world.partition.live.flush()
    board = world.partition.live.document("board")[1]
    if board["day"] == day_of_all(world):
        row = board["queues"][QUEUE]
        assert (row["offered"], row["answered"], row["answered_in_time"], row["abandoned"]) == (
            queue.offered, queue.answered, queue.answered_in_time, queue.abandoned,
        )  # fmt: skip
        assert row["waiting"] == 0


def day_of_all(world: World) -> str:
    """The day of the site in which everything happened; empty when midnight lay in between."""
    assert world.partition is not None
    today = world.partition.live.view.state.today
    first = world.events()[0].occurred_at
    return today.day if first >= today.began_at else ""


@pytest.mark.case("K4", "K11", "L3")
@settings(max_examples=300, deadline=None, suppress_health_check=HEALTH, database=None)
@given(seed=st.integers(0, 1 << 30), actions=ACTIONS)
def test_histories_come_out_whole(seed: int, actions: list[Action]) -> None:
    play(seed, actions, lose=0.04)


@settings(max_examples=60, deadline=None, suppress_health_check=HEALTH, database=None)
@given(seed=st.integers(0, 1 << 30), actions=ACTIONS)
def test_histories_on_a_terrible_network_come_out_whole(seed: int, actions: list[Action]) -> None:
    play(seed, actions, lose=0.2, services=0.03)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=20_000, deadline=None, suppress_health_check=HEALTH, database=None)
@given(seed=st.integers(0, 1 << 30), actions=LONG)
def test_twenty_thousand_histories(seed: int, actions: list[Action]) -> None:
    play(seed, actions, lose=0.1, services=0.01)

"""Deadlines by key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yitong.contact.deadlines import Deadlines


def test_the_earliest_is_next_and_a_key_has_one_moment() -> None:
    deadlines = Deadlines()
    deadlines.set("a", 5)
    deadlines.set("b", 3)
    deadlines.set("b", 9)
    assert (deadlines.next(), len(deadlines)) == (5, 2)
    assert deadlines.due(4) == []
    assert deadlines.due(9) == ["a", "b"]
    assert deadlines.next() is None


def test_zero_is_never_and_dropped_is_gone() -> None:
    deadlines = Deadlines()
    deadlines.set("a", 5)
    deadlines.set("a", 0)
    deadlines.set("b", 5)
    deadlines.drop("b")
    assert deadlines.due(100) == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), max_size=30), st.integers(0, 9))
def test_like_a_dictionary(sets: list[tuple[str, int]], now: int) -> None:
    deadlines, plain = Deadlines(), {}
    for key, at in sets:
        deadlines.set(key, at)
        plain[key] = at
    due = {key for key, at in plain.items() if 0 < at <= now}
    assert set(deadlines.due(now)) == due
    assert deadlines.next() == min((at for key, at in plain.items() if at > now), default=None)

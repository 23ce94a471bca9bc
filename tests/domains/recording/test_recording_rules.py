"""Who is recorded by rule, as a pure function; the table of recordings on demand, as its picture shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from yitong.contact.states import WrongState
from yitong.domains.recording.model import DEMANDS
from yitong.domains.recording.rules import DRAWS, Rule, decide, draw
from yitong.kit.ids import RandomIds

PICTURE = Path(__file__).parents[3] / "docs" / "states" / "recording-on-demand.md"
ENDS = ("key", "intercept", "release", "call_over", "timer")


@pytest.mark.parametrize(("mode", "recorded"), [("all", True), ("none", False), ("on_demand", False)])
def test_modes_without_a_draw(mode: str, recorded: bool) -> None:
    decision = decide(Rule(mode=mode), "c")  # type: ignore[arg-type]
    assert (decision.recorded, decision.reason, decision.drawn) == (recorded, mode, -1)


@pytest.mark.parametrize("percent", [0, 1, 25, 99, 100])
def test_percent_is_kept_over_many_contacts_and_each_decision_for_ever(percent: int) -> None:
    ids = RandomIds()
    contacts = [ids.new(1_700_000_000_000_000 + number) for number in range(4000)]
    rule = Rule(mode="percent", percent=percent)
    first = [decide(rule, contact) for contact in contacts]
    assert [decide(rule, contact) for contact in contacts] == first
    assert all(decision.drawn == draw(contact) < DRAWS for decision, contact in zip(first, contacts, strict=True))
    share = sum(decision.recorded for decision in first) / len(first)
    assert share == percent / 100 if percent in (0, 100) else abs(share - percent / 100) < 0.03


def test_who_is_recorded_by_few_percent_is_by_more() -> None:
    for number in range(500):
        recorded = [decide(Rule(mode="percent", percent=percent), str(number)).recorded for percent in range(0, 101, 10)]
        assert recorded == sorted(recorded)


def test_a_recording_on_demand_ends_in_five_ways_and_once() -> None:
    assert PICTURE.read_text() == DEMANDS.picture("src/yitong/domains/recording/model.py"), f"draw {PICTURE} again"
    for state in ("recording", "interrupted"):
        assert {event for before, event in DEMANDS.rows if before == state and not DEMANDS.next(state, event)} == set(ENDS)
    for end in ENDS:
        with pytest.raises(WrongState):
            DEMANDS.next("", end)

"""Agents: duty, devices and assignments; the five states are derived; the pictures show the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from yitong.contact.journey import STATES
from yitong.contact.states import Table, WrongState
from yitong.domains.acd.model.agent import ASSIGNMENTS, DUTIES, Agent, AgentDevice, Assignment

PICTURES = (
    (STATES, "contact.md", "src/yitong/contact/journey.py"),
    (ASSIGNMENTS, "assignment.md", "src/yitong/domains/acd/model/agent.py"),
    (DUTIES, "duty.md", "src/yitong/domains/acd/model/agent.py"),
)
FOLDER = Path(__file__).parents[3] / "docs" / "states"


@pytest.mark.parametrize(("table", "name", "source"), PICTURES)
def test_the_pictures_show_the_tables(table: Table, name: str, source: str) -> None:
    assert (FOLDER / name).read_text() == table.picture(source), f"draw docs/states/{name} again"


def assignment(state: str) -> Assignment:
    return Assignment(
        id="s", agent="a", contact="c", queue="q", segment="g", channel="voice", state=state, since=0, offered_at=0, ring_until=0,
        lease_until=0, targets={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("duty", "answering", "state", "expected"),
    [
        ("logged_off", True, "", "logged_off"), ("not_ready", True, "", "not_ready"), ("ready", True, "", "ready"),
        ("ready", False, "", "not_ready"), ("ready", True, "offered", "busy"), ("not_ready", True, "active", "busy"),
        ("ready", False, "interrupted", "busy"), ("ready", True, "held", "busy"), ("ready", True, "wrapping_up", "working_after_call"),
    ],
)  # fmt: skip
def test_the_five_states_are_derived(duty: str, answering: bool, state: str, expected: str) -> None:
    device = AgentDevice(device="d", kind="phone", registered=True, answering=answering)
    agent = Agent(id="a", duty=duty, devices={"d": device}, assignments={"s": assignment(state)} if state else {})
    assert agent.state == expected


def test_a_way_that_the_table_does_not_have_is_an_error() -> None:
    with pytest.raises(WrongState):
        assignment("offered").move("hold", 1)
    assert not ASSIGNMENTS.allows("wrapping_up", "answer")

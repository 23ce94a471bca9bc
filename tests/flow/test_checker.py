"""Every kind of fault that the checker promises to find, with the step named; and random documents never make it raise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flow.flowing import CODES, kinds, library

from yitong.flow.checker import Knowledge, check, problem_text
from yitong.flow.numbers import number_prompts

KINDS = kinds(library())
KNOWS = Knowledge(
    languages=frozenset({"zh-CN", "en"}), prompts={code: frozenset({"zh-CN", "en"}) for code in CODES}, extensions=frozenset({"1001"})
)
END = {"kind": "hang_up"}


def found(steps: dict[str, Any], start: str = "a") -> set[tuple[str, str]]:
    document, problems = KINDS.parse({"schema_version": 1, "name": {"en": "x"}, "start": start, "steps": steps})
    problems = check(document, KINDS, KNOWS) if document else problems
    assert all(problem_text(problem) for problem in problems)
    return {(problem.step, problem.code) for problem in problems}


def play(target: str, prompt: str = "welcome") -> dict[str, Any]:
    return {"kind": "play", "prompts": [prompt], "next": {"done": target}}


def menu(**ways: str) -> dict[str, Any]:
    return {"kind": "menu", "prompts": ["menu"], "keys": ["1"], "next": ways}


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ({"a": play("b"), "b": play("a")}, ("a", "flow.endless_loop")),
        ({"a": play("b"), "b": play("a")}, ("b", "flow.no_exit")),
        ({"a": menu(**{"1": "end", "timeout": "a", "wrong": "end"}), "end": END}, ("a", "flow.endless_loop")),
        ({"a": play("nowhere")}, ("a", "flow.unknown_step")),
        ({"a": menu(**{"1": "end", "wrong": "end"}), "end": END}, ("a", "flow.no_way_on")),
        ({"a": menu(**{"1": "end", "2": "end", "wrong": "end", "timeout": "end"}), "end": END}, ("a", "flow.unknown_outcome")),
        ({"a": END, "b": play("a")}, ("b", "flow.unreachable")),
        ({"a": play("end", "no_such_prompt"), "end": END}, ("a", "flow.no_prompt")),
        ({"a": {"kind": "say", "text": {"zh-CN": "您好"}, "next": {"done": "end"}}, "end": END}, ("a", "flow.no_speech")),
        ({"a": {"kind": "set", "values": {"x": "1 +"}, "next": {"done": "end"}}, "end": END}, ("a", "flow.bad_expression")),
        (
            {"a": {"kind": "transfer", "extension": "99", "next": {"done": "end", "failed": "end"}}, "end": END},
            ("a", "flow.unknown_extension"),
        ),
        (
            {"a": {"kind": "hours", "zone": "Mars/Olympus", "open": [], "next": {"open": "end", "closed": "end"}}, "end": END},
            ("a", "flow.unknown_zone"),
        ),
        ({"a": {"kind": "dance"}}, ("a", "flow.form")),
        ({"a": {"kind": "transfer", "next": {"done": "a", "failed": "a"}}}, ("a", "flow.form")),
        ({"a": {"kind": "transfer", "extension": "1002", "number": "139", "next": {"done": "a", "failed": "a"}}}, ("a", "flow.form")),
        ({"a": {"kind": "transfer", "number": "vars.x", "next": {"done": "a", "failed": "a"}}}, ("a", "flow.form")),
        ({"a": {"kind": "play", "next": {"done": "a"}}}, ("a", "flow.form")),
        ({"a": {"kind": "menu", "prompts": [], "keys": ["11"]}}, ("a", "flow.form")),
    ],
)
def test_faults_are_named_with_their_step(steps: dict[str, Any], problem: tuple[str, str]) -> None:
    assert problem in found(steps)


def test_an_unknown_start() -> None:
    assert found({"a": END}, start="z") == {("", "flow.unknown_start")}


def test_a_circle_that_the_caller_chooses_is_fine() -> None:
    steps = {"a": menu(**{"1": "b", "timeout": "end", "wrong": "end"}), "b": play("a", "information"), "end": END}
    assert found(steps) == set()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@settings(deadline=None)
@given(JSON)
def test_anything_that_is_not_a_flow_is_refused_with_a_reason(raw: Any) -> None:
    document, problems = KINDS.parse(raw)
    assert document is None
    assert problems


@given(st.integers(0, 99_999_999))
def test_every_number_can_be_said(value: int) -> None:
    assert _chinese_value(number_prompts(value, "zh-CN")) == value


def _chinese_value(codes: list[str]) -> int:
    """The listener's arithmetic, written apart from the speaker's."""
    units = {"shi": 10, "bai": 100, "qian": 1_000}
    total = group = digit = 0
    for word in (code.removeprefix("number.") for code in codes):
        if word == "wan":
            total, group, digit = (group + digit) * 10_000, 0, 0
        elif word in units:
            group, digit = group + (digit or 1) * units[word], 0
        else:
            digit = int(word)
    return total + group + digit


BACK = {"kind": "return", "next": {"nowhere": "end"}}
PIN = {"kind": "collect", "prompts": ["menu"], "name": "pin", "maximum": 4, "secret": True,
       "next": dict.fromkeys(("done", "timeout", "wrong"), "b")}  # fmt: skip
WAYS_IN: list[tuple[dict[str, Any], dict[str, Any], set[tuple[str, str]]]] = [
    ({"a": PIN, "b": BACK, "end": END}, {}, set()),
    ({"a": PIN, "b": END}, {}, {("a", "flow.no_return")}),
    ({"a": PIN, "b": {"kind": "transfer", "extension": "1001", "next": {"done": "c", "failed": "c"}}, "c": BACK, "end": END}, {},
     {("b", "flow.not_beside_an_agent")}),
    ({"a": PIN, "b": BACK, "end": END}, {"data": {}}, {("a", "flow.unnamed_data")}),
    ({"a": {**PIN, "name": "other"}, "b": BACK, "end": END}, {}, {("a", "flow.not_collected")}),
    ({"a": PIN, "b": {"kind": "set", "values": {"kept": "vars.pin + '1'"}, "next": {"done": "c"}}, "c": BACK, "end": END}, {},
     {("b", "flow.secret_copied")}),
    ({"a": PIN, "b": BACK, "end": END}, {"entries": {"nowhere": {"name": {"en": "x"}}}}, {("", "flow.unknown_step")}),
    ({"a": menu(**{"1": "end", "timeout": "end", "wrong": "end"}), "end": END}, {"entries": {}, "help": {"key": "1", "step": "end"}},
     {("a", "flow.help_key_taken")}),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "more", "problems"), WAYS_IN)
def test_ways_in_for_agents_fit_the_flow(steps: dict[str, Any], more: dict[str, Any], problems: set[tuple[str, str]]) -> None:
    entries = {"a": {"name": {"en": "PIN"}, "beside": True, "returns": ["pin"]}}
    raw = {"schema_version": 1, "name": {"en": "x"}, "start": "a", "data": {"pin": {"en": "PIN"}}, "entries": entries, "steps": steps}
    document, problem = KINDS.parse(raw | more)
    assert document, problem
    assert {(one.step, one.code) for one in check(document, KINDS, KNOWS)} == problems

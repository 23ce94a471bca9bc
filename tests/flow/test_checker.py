"""Every kind of fault that the checker promises to find, with the step named; and random documents never make it raise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
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

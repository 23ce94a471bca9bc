"""What marks come to: the properties of the one function, and values worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from yitong.domains.assessment import rules
from yitong.domains.assessment.model import SHOWN, WAYS, Criterion, Mark, Sheet

POLITE = Criterion(key="polite", kind="points", weight=30, points=5)
RIGHT = Criterion(key="right", kind="points", weight=50, points=10)
NAMED = Criterion(key="named", kind="yes_no", weight=20)
SECRET = Criterion(key="secret", kind="knock_out")
SHEET = Sheet(id="s", version=1, criteria=(POLITE, RIGHT, NAMED, SECRET), pass_percent=80)


def marks(**values: int | None) -> list[Mark]:
    return [Mark(key=key, value=value, skipped=value is None) for key, value in values.items()]


def test_values_worked_out_by_hand() -> None:
    assert rules.score(SHEET, marks(polite=5, right=10, named=1, secret=1)) == 10_000
    assert rules.score(SHEET, marks(polite=4, right=7, named=1, secret=1)) == 7_900  # 30 × 4/5 + 50 × 7/10 + 20 of 100
    assert rules.score(SHEET, marks(polite=4, right=7, named=None, secret=1)) == 7_375  # 59 of 80
    assert rules.score(SHEET, marks(polite=5, right=10, named=1, secret=0)) == 0
    assert rules.score(SHEET, marks(polite=None, right=None, named=None, secret=1)) is None
    assert rules.score(SHEET, []) is None
    third = Sheet(id="s", version=1, criteria=(Criterion(key="a", kind="points", points=3),))
    assert [rules.score(third, marks(a=value)) for value in range(4)] == [0, 3_333, 6_667, 10_000]
    assert [rules.passed(SHEET, scored) for scored in (8_000, 7_999, None)] == [True, False, None]
    assert rules.passed(third, 0) is None
    assert (rules.mean(10_000 + 7_375, 2), rules.mean(0, 0), rules.percent(8_688)) == (8_688, None, 86.88)


@dataclass(frozen=True)
class Marked:
    sheet: Sheet
    marks: list[Mark]


@some.composite
def marked(draw: some.DrawFn) -> Marked:
    """A sheet with at least one criterion that weighs, and every criterion marked or skipped."""
    kinds = draw(some.lists(some.sampled_from(["points", "yes_no", "knock_out"]), max_size=7))
    criteria = tuple(
        Criterion(key=f"k{place}", kind=kind, weight=draw(some.integers(1, 1000)), points=draw(some.integers(1, 100)))  # type: ignore[arg-type]
        for place, kind in enumerate(["points", *kinds])
    )
    given = [Mark(key=one.key, value=draw(some.none() | some.integers(0, one.most))) for one in criteria]
    sheet = Sheet(id="s", version=1, criteria=criteria)
    return Marked(sheet, [msgspec.structs.replace(mark, skipped=mark.value is None) for mark in given])


def failed(case: Marked) -> bool:
    knocking = {one.key for one in case.sheet.criteria if one.kind == "knock_out"}
    return any(mark.key in knocking and mark.value == 0 for mark in case.marks)


@given(marked())
def test_a_score_lies_between_nothing_and_full_and_a_failed_knock_out_is_nothing(case: Marked) -> None:
    scored = rules.score(case.sheet, case.marks)
    assert scored is None or 0 <= scored <= rules.FULL
    assert rules.unfit(case.sheet, case.marks) is None
    assert rules.unmarked(case.sheet, case.marks) == []
    if failed(case):
        assert scored == 0
    best = {one.key: one.most for one in case.sheet.criteria}
    assert rules.score(case.sheet, [Mark(key=key, value=value) for key, value in best.items()]) == rules.FULL


@given(marked())
def test_neither_the_order_nor_a_common_factor_of_the_weights_matters(case: Marked) -> None:
    scored = rules.score(case.sheet, case.marks)
    assert rules.score(case.sheet, case.marks[::-1]) == scored
    heavier = tuple(msgspec.structs.replace(one, weight=7 * one.weight) for one in case.sheet.criteria)
    assert rules.score(msgspec.structs.replace(case.sheet, criteria=heavier[::-1]), case.marks) == scored


@given(marked(), some.integers(0, 7))
def test_a_better_mark_never_makes_a_worse_score_and_what_is_skipped_is_as_if_it_were_not_there(case: Marked, place: int) -> None:
    mark = case.marks[place % len(case.marks)]
    criterion = next(one for one in case.sheet.criteria if one.key == mark.key)
    others = [one for one in case.marks if one.key != mark.key]
    scores = [rules.score(case.sheet, [*others, Mark(key=mark.key, value=value)]) for value in range(criterion.most + 1)]
    known = [scored for scored in scores if scored is not None]
    assert known == sorted(known)
    without = msgspec.structs.replace(case.sheet, criteria=tuple(one for one in case.sheet.criteria if one is not criterion))
    assert rules.score(case.sheet, [*others, Mark(key=mark.key, skipped=True)]) == rules.score(without, others)


@pytest.mark.parametrize(
    "wrong", [marks(other=1), [*marks(named=1), *marks(named=1)], marks(polite=6), marks(secret=2), marks(named=-1)],
)  # fmt: skip
def test_marks_that_a_sheet_does_not_allow_are_found(wrong: list[Mark]) -> None:
    assert rules.unfit(SHEET, wrong) is not None


def test_what_has_no_mark_yet_is_named() -> None:
    assert [one.key for one in rules.unmarked(SHEET, [Mark(key="polite"), *marks(right=0, named=None)])] == ["polite", "secret"]


def test_every_way_leads_on_and_only_a_draft_can_go() -> None:
    assert {state for ways in WAYS.values() for state in ways.values() if state} == set(WAYS)
    assert [state for state, ways in WAYS.items() if None in ways.values()] == ["draft"]
    assert set(SHOWN) == set(WAYS) - {"draft"}

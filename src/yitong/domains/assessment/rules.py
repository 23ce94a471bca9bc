"""What marks come to. Scores are whole hundredths of a per cent, 0 to 10000, so that they are the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from yitong.domains.assessment.model import Criterion, Mark, Sheet

FULL = 10_000


def score(sheet: Sheet, marks: Iterable[Mark]) -> int | None:
    """Σ weight × mark / Σ weight (kpis §5): each mark as a share of its best one, skipped criteria left out, halves rounded up.

    A failed knock-out makes it 0. Knock-outs that are passed weigh nothing. None where nothing that weighs was marked.
    """
    given = {mark.key: mark for mark in marks}
    marked = [(one, given[one.key].value) for one in sheet.criteria if one.key in given and not given[one.key].skipped]
    if any(one.kind == "knock_out" and value == 0 for one, value in marked):
        return 0
    weighed = [(one, value) for one, value in marked if one.kind != "knock_out" and value is not None]
    whole = sum(one.weight for one, _ in weighed)
    if not whole:
        return None
    return _rounded(FULL * sum((Fraction(one.weight * value, one.most) for one, value in weighed), Fraction()) / whole)


def passed(sheet: Sheet, scored: int | None) -> bool | None:
    """Whether a score is enough; None where the sheet asks for none."""
    return None if scored is None or not sheet.pass_percent else scored >= 100 * sheet.pass_percent


def mean(total: int, count: int) -> int | None:
    """The mean of ``count`` scores that add up to ``total``; None of none."""
    return _rounded(Fraction(total, count)) if count else None


def percent(scored: int | None) -> float | None:
    """A score as people read it, with two decimals at most."""
    return None if scored is None else scored / 100


def unmarked(sheet: Sheet, marks: Iterable[Mark]) -> list[Criterion]:
    """The criteria that have neither a mark nor were skipped."""
    done = {mark.key for mark in marks if mark.skipped or mark.value is not None}
    return [one for one in sheet.criteria if one.key not in done]


def unfit(sheet: Sheet, marks: Sequence[Mark]) -> Mark | None:
    """The first mark that the sheet does not allow: unknown, given twice, or beyond its best one."""
    most = {one.key: one.most for one in sheet.criteria}
    seen = set[str]()
    for mark in marks:
        if mark.key in seen or mark.key not in most or not 0 <= (mark.value or 0) <= most[mark.key]:
            return mark
        seen.add(mark.key)
    return None


def _rounded(value: Fraction) -> int:
    return int(value + Fraction(1, 2))

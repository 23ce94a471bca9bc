"""Lists of numbers to fax to, and what follows an attempt. Plain functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import msgspec

from yitong.ct.numbering import NumberClass, Rules, can_be_dialled, number_class, plain
from yitong.domains.fax.model import Line, Result, Sending, Verdict
from yitong.kit.week import is_open

MOST_LINES = 20_000
_BETWEEN = re.compile(r"[,;\t、]")
_WITHOUT_QUOTES = str.maketrans("", "", "\"'\ufeff")
_FEWEST_DIGITS = 3

FOR_GOOD = frozenset({"no_such_number", "not_allowed", "bad_file", "no_such_file", "fax_unavailable"})
"""Outcomes that another attempt does not change."""
NOT_THEIRS = frozenset({"overloaded", "interrupted", "old_epoch", "media_lost"})
"""Outcomes that say something of us, not of the number: the attempt is made again soon, and does not count, some times."""
SOON_SECONDS = 15
MOST_MISSES = 20


def read_lines(text: str) -> list[Line]:
    """One number a line, perhaps with a name beside it (comma, semicolon or tab between, in any order); empty lines are left out.

    Nothing is dropped: a line without a usable number, and a number that stands there twice, say so in ``fault``.
    """
    seen: set[str] = set()
    lines = []
    for place, given in enumerate(text.splitlines(), 1):
        if given.strip():
            line = _line(place, given.strip()[:300])
            doubled = not line.fault and line.number in seen
            seen.add(line.number)
            lines.append(msgspec.structs.replace(line, fault="doubled") if doubled else line)
    return lines


def _line(place: int, given: str) -> Line:
    written = unicodedata.normalize("NFKC", given.translate(_WITHOUT_QUOTES))
    fields = [field.strip() for field in _BETWEEN.split(written)]
    number = next((plain(field) for field in fields if _usable(plain(field))), "")
    if not number:
        return Line(line=place, given=given, fault="bad_number" if any(letter.isdigit() for letter in given) else "no_number")
    name = next((field for field in fields if field and plain(field) != number), "")
    return Line(line=place, given=given, number=number, name=name[:120])


def _usable(number: str) -> bool:
    return can_be_dialled(number) and len(number.lstrip("+")) >= _FEWEST_DIGITS


def allowed_lines(lines: Iterable[Line], allowed: Iterable[str], rules: Rules) -> list[Line]:
    """The same lines; whose number may not be called by whom has the classes ``allowed`` says so. Emergency numbers get no fax."""
    classes = frozenset(allowed)
    return [line if line.fault else _by_class(line, number_class(line.number, rules), classes) for line in lines]


def _by_class(line: Line, kind: NumberClass | None, allowed: frozenset[str]) -> Line:
    if kind is NumberClass.EMERGENCY:
        return msgspec.structs.replace(line, fault="emergency")
    return line if kind is not None and kind.value in allowed else msgspec.structs.replace(line, fault="not_allowed")


def after(result: Result) -> Verdict:
    """What follows an attempt. A number that has the fax is never called again."""
    outcome = result.outcome
    if outcome == "ok":
        return Verdict(state="sent")
    if outcome in FOR_GOOD:
        return Verdict(state="failed")
    if outcome in NOT_THEIRS and result.misses < MOST_MISSES:
        return Verdict(state="waiting", seconds=SOON_SECONDS, counts=False)
    return Verdict(state="waiting", seconds=result.spacing_seconds) if result.tries < result.allowed else Verdict(state="failed")


def may_call_now(sending: Sending, now: int) -> bool:
    """Whether the sending goes on, and it is one of its hours."""
    return sending.state == "running" and (not sending.hours or is_open(now, sending.zone, sending.hours))

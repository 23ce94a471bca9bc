"""Who is not simply let in: black and white lists of calling numbers, by pattern, by number of ours and by hour.

The rules of a tenant are read in their order; the first that fits decides. ``allow`` is the white list: nothing after it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from yitong.ct.numbering import Matcher, plain
from yitong.kit.week import is_open


class Action(StrEnum):
    """What is done with a caller. ``REJECT`` is never answered, so nobody pays for the call; ``PROMPT`` hears the rule's flow instead
    of the number's; ``LOW_PRIORITY`` waits behind everybody else."""

    ALLOW = "allow"
    REJECT = "reject"
    PROMPT = "prompt"
    LOW_PRIORITY = "low_priority"


class Period(msgspec.Struct, frozen=True, kw_only=True, rename={"begin": "from", "end": "to"}):
    """Hours of days of the week (``kit/week.py``)."""

    days: list[str]
    begin: str
    end: str


class CallerRule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the lists (config kind ``caller_rule``).

    ``patterns`` of calling numbers; ``withheld``: callers without a number, too. ``numbers`` of ours and ``hours`` narrow it, empty:
    any. ``flow`` for ``PROMPT``; ``priority`` is taken from that of ``LOW_PRIORITY``.
    """

    id: str
    code: str
    order: int = 1
    enabled: bool = True
    patterns: list[str] = []
    withheld: bool = False
    numbers: list[str] = []
    hours: list[Period] = []
    action: Action = Action.REJECT
    flow: str = ""
    priority: int = 50


Line = tuple[CallerRule, Matcher]
"""A rule with its patterns made ready."""


def ready(rule: CallerRule) -> Line:
    """The rule as it is asked."""
    return rule, Matcher(rule.patterns)


def screened(lines: Iterable[Line], calling: str, called: str, now: int, zone: str) -> CallerRule | None:
    """The rule that decides about a call to our number ``called`` at ``now`` (UTC microseconds); None when none fits."""
    found = [line[0] for line in lines if line[0].enabled and _fits(*line, plain(calling), called, now, zone)]
    return min(found, key=lambda rule: (rule.order, rule.code), default=None)


def _fits(rule: CallerRule, patterns: Matcher, calling: str, called: str, now: int, zone: str) -> bool:
    if rule.numbers and called not in rule.numbers:
        return False
    if rule.hours and not is_open(now, zone, ({"days": one.days, "from": one.begin, "to": one.end} for one in rule.hours)):
        return False
    return patterns.fits(calling) if calling else rule.withheld


class Screening:
    """The lists of one partition, kept up to date."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._zone = "UTC"

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Rules, and the zone in which their hours are meant. Raises msgspec.ValidationError."""
        if kind == "tenant" and value is not None:
            self._zone = str(value.get("zone") or "UTC")
        elif kind == "caller_rule" and value is None:
            self._lines.pop(key, None)
        elif kind == "caller_rule":
            self._lines[key] = ready(msgspec.convert(value, CallerRule))

    def of(self, calling: str, called: str, now: int) -> CallerRule | None:
        """The rule that decides about a call."""
        return screened(self._lines.values(), calling, called, now, self._zone)

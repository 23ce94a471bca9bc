"""Telephone numbers by pattern: what class a number is of, and how it is rewritten. Plain functions; the switch and the domains share them.

A pattern is read from left to right: a digit, ``+``, ``*`` or ``#`` stands for itself, ``X`` for any digit, ``[3-57]`` for one of
these; a last ``.`` for any rest, also none. Without it the pattern is as long as the number. ``+861[3-9].`` begins a Chinese mobile number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache

import msgspec

PATTERN = r"^([0-9+*#X]|\[([0-9](-[0-9])?){1,10}\])*\.?$"
"""What a pattern looks like, for whoever takes one from outside. Empty fits nothing."""

_PATTERN = re.compile(PATTERN)
_DIALLED = re.compile(r"\+?[0-9]{2,24}")
_VISUAL = str.maketrans("", "", " -.()/")


class PatternError(ValueError):
    """What was given is no pattern."""


class NumberClass(StrEnum):
    """Kinds of numbers as far as the right to call them goes."""

    INTERNAL = "internal"
    LOCAL = "local"
    NATIONAL = "national"
    MOBILE = "mobile"
    INTERNATIONAL = "international"
    PREMIUM = "premium"
    EMERGENCY = "emergency"


Rules = Mapping[NumberClass, Sequence[str]]
"""The patterns of each class."""

EVERYWHERE: Rules = {
    NumberClass.EMERGENCY: ("112", "911"), NumberClass.INTERNATIONAL: ("00.", "+."), NumberClass.NATIONAL: ("."),
}  # fmt: skip
"""Where no better rules are known: whatever does not begin like an international number is a national one."""

CHINA: Rules = {
    NumberClass.EMERGENCY: ("110", "119", "120", "122", "112", "999", "12395"),
    NumberClass.PREMIUM: (
        "16[08].", "0[12]X16[08].", "0[3-9]XX16[08].", "+8616[08].", "008616[08].", "+86[12]X16[08].", "+86[3-9]XX16[08].",
    ),
    NumberClass.MOBILE: ("1[3-9]XXXXXXXXX", "01[3-9]XXXXXXXXX", "+861[3-9]XXXXXXXXX", "00861[3-9]XXXXXXXXX"),
    NumberClass.NATIONAL: ("0[1-9].", "+86.", "0086."),
    NumberClass.LOCAL: ("[2-8]XXXXXX", "[2-8]XXXXXXX", "1XX", "1[0-2]X.", "9[56].", "[48]00."),
    NumberClass.INTERNATIONAL: ("00.", "+."),
}  # fmt: skip
"""The numbering plan of mainland China: what a tenant has until it says otherwise. 160 and 168 are the paid information services."""

_BY_COUNTRY: Mapping[str, Rules] = {"CN": CHINA}


@lru_cache(maxsize=2048)
def pattern_of(text: str) -> re.Pattern[str]:
    """The pattern, to be matched in full. Raises PatternError."""
    if _PATTERN.fullmatch(text) is None or not text:
        raise PatternError(text)
    body, rest = (text[:-1], ".*") if text.endswith(".") else (text, "")
    try:
        return re.compile(re.sub(r"[+*]", lambda sign: f"\\{sign[0]}", body.replace("X", "[0-9]")) + rest)
    except re.error as error:
        raise PatternError(text) from error


class Matcher:
    """Many patterns at once, made ready for many numbers; those that are no patterns fit none."""

    def __init__(self, patterns: Iterable[str]) -> None:
        exact, others = set(), []
        for pattern in patterns:
            if _DIALLED.fullmatch(pattern) is not None:
                exact.add(pattern)
                continue
            try:
                others.append(pattern_of(pattern).pattern)
            except PatternError:
                continue
        self._exact = frozenset(exact)
        self._others = re.compile("|".join(f"(?:{one})" for one in others)) if others else None

    def fits(self, number: str) -> bool:
        """Whether one of them fits."""
        return number in self._exact or (self._others is not None and self._others.fullmatch(number) is not None)


def fits(pattern: str, number: str) -> bool:
    """Whether a pattern fits a number; one that is no pattern fits none."""
    try:
        return pattern_of(pattern).fullmatch(number) is not None
    except PatternError:
        return False


def exactness(pattern: str) -> tuple[int, int]:
    """Greater for the pattern that says more: by the digits that it names, then by the places that it counts."""
    places = re.sub(r"\[[^]]*]", "X", pattern.rstrip("."))
    return sum(place != "X" for place in places), len(places) + (not pattern.endswith("."))


def plain(number: str) -> str:
    """The number without the signs that only help the eye."""
    return number.translate(_VISUAL)


def can_be_dialled(number: str) -> bool:
    """Whether it is a number of the public network at all: digits, perhaps after a ``+``."""
    return _DIALLED.fullmatch(number) is not None


def default_rules(country: str) -> Rules:
    """The classes of a country (ISO 3166-1, two letters)."""
    return _BY_COUNTRY.get(country, EVERYWHERE)


def rules_with(country: str, own: Mapping[NumberClass, Sequence[str]]) -> Rules:
    """A country's classes, those of ``own`` that have patterns in place of its; emergency numbers are only ever added."""
    given = {kind: tuple(patterns) for kind, patterns in own.items() if patterns and kind is not NumberClass.EMERGENCY}
    rules = dict(default_rules(country)) | given
    known = default_rules(country).get(NumberClass.EMERGENCY, ())
    rules[NumberClass.EMERGENCY] = (*known, *own.get(NumberClass.EMERGENCY, ()))
    return rules


def number_class(number: str, rules: Rules) -> NumberClass | None:
    """The class of a number; None when no pattern fits, which nobody may call.

    An emergency number is one whatever else fits, a paid service is one whatever else fits; else the most exact pattern decides.
    """
    number = plain(number)
    for kind in (NumberClass.EMERGENCY, NumberClass.PREMIUM):
        if any(fits(pattern, number) for pattern in rules.get(kind, ())):
            return kind
    found = [(exactness(pattern), kind) for kind, patterns in rules.items() for pattern in patterns if fits(pattern, number)]
    return max(found)[1] if found else None


def may_call(number: str, allowed: Iterable[str], rules: Rules) -> bool:
    """Whether somebody who may call the classes ``allowed`` may call a number. Emergency and internal numbers everybody may."""
    kind = number_class(number, rules)
    return kind in (NumberClass.EMERGENCY, NumberClass.INTERNAL) or (kind is not None and kind.value in allowed)


class Rewrite(msgspec.Struct, frozen=True, kw_only=True):
    """A number that fits ``pattern`` loses its first ``strip`` signs and gets ``prepend`` in front."""

    pattern: str
    strip: int = 0
    prepend: str = ""


def rewritten(number: str, rules: Sequence[Rewrite]) -> str:
    """The number by the first rule that fits; as it is when none does."""
    for rule in rules:
        if fits(rule.pattern, number):
            return rule.prepend + number[rule.strip :]
    return number

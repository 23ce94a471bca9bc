"""Black and white lists by value (O48)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from yitong.contact.screening import CallerRule, Screening, ready, screened

ZONE = "Asia/Shanghai"
NUISANCE = "13800000001"


def at(hour: int, day: int = 23) -> int:
    """A moment of November 2026 in Shanghai; the 23rd is a Monday."""
    return round(datetime(2026, 11, day, hour, tzinfo=ZoneInfo(ZONE)).timestamp() * 1_000_000)


def rule(code: str, **fields: Any) -> CallerRule:
    return msgspec.convert({"id": code, "code": code, **fields}, CallerRule)


def decided(rules: list[CallerRule], calling: str = NUISANCE, called: str = "96900", moment: int = at(10)) -> str:
    found = screened(map(ready, rules), calling, called, moment, ZONE)
    return found.code if found is not None else ""


def test_the_first_rule_that_fits_decides_and_the_white_list_ends_the_reading() -> None:
    white, black = rule("white", order=1, patterns=["138."], action="allow"), rule("black", order=2, patterns=["."])
    assert decided([black, white]) == "white"
    assert decided([black, white], "13900000000") == "black"
    assert decided([white], "13900000000") == ""
    assert decided([rule("off", patterns=["."], enabled=False)]) == ""


def test_a_rule_may_be_for_some_numbers_and_hours_only() -> None:
    night = rule("night", patterns=[NUISANCE], hours=[{"days": ["mon"], "from": "22:00", "to": "06:00"}])
    assert [decided([night], moment=moment) for moment in (at(10), at(23), at(5, 24), at(7, 24), at(23, 24))] == [
        "",
        "night",
        "night",
        "",
        "",
    ]
    assert decided([rule("one", patterns=[NUISANCE], numbers=["96901"])]) == ""
    assert decided([rule("one", patterns=[NUISANCE], numbers=["96900", "96901"])]) == "one"


def test_who_withholds_his_number_fits_no_pattern() -> None:
    assert decided([rule("all", patterns=["."])], "") == ""
    assert decided([rule("anonymous", withheld=True)], "") == "anonymous"
    assert decided([rule("anonymous", withheld=True)]) == ""


def test_the_lists_follow_the_configuration() -> None:
    lists = Screening()
    lists.configure("tenant", "t1", {"zone": ZONE})
    lists.configure("caller_rule", "r1", {"id": "r1", "code": "black", "patterns": [NUISANCE], "tenant": "t1", "version": 3, "name": {}})
    found = lists.of(NUISANCE, "96900", at(10))
    assert found is not None
    assert found.id == "r1"
    lists.configure("caller_rule", "r1", None)
    assert lists.of(NUISANCE, "96900", at(10)) is None

"""Opening hours by the zone's own clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from yitong.domains.ivr.rules import is_open

WORK = [
    {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:30", "to": "12:00"},
    {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "13:30", "to": "18:00"},
]
NIGHT = [{"days": ["fri"], "from": "22:00", "to": "06:00"}]


def at(text: str, zone: str = "Asia/Shanghai") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T08:29:59", False), ("2026-11-23T08:30:00", True), ("2026-11-23T11:59:59", True), ("2026-11-23T12:00:00", False),
        ("2026-11-23T13:30:00", True), ("2026-11-23T18:00:00", False), ("2026-11-22T10:00:00", False),
    ],
)  # fmt: skip
def test_week(moment: str, expected: bool) -> None:
    assert is_open(at(moment), "Asia/Shanghai", WORK) is expected


def test_over_midnight_belongs_to_the_day_it_begins() -> None:
    assert is_open(at("2026-11-27T23:00:00"), "Asia/Shanghai", NIGHT)
    assert is_open(at("2026-11-28T05:59:00"), "Asia/Shanghai", NIGHT)
    assert not is_open(at("2026-11-28T22:30:00"), "Asia/Shanghai", NIGHT)
    assert not is_open(at("2026-11-28T05:00:00"), "Asia/Shanghai", NIGHT, holidays=["2026-11-27"])


def test_holidays_and_working_sundays() -> None:
    assert not is_open(at("2026-10-01T10:00:00"), "Asia/Shanghai", WORK, holidays=["2026-10-01"])
    assert is_open(at("2026-11-22T10:00:00"), "Asia/Shanghai", WORK, extra_days=["2026-11-22"])


@pytest.mark.case("F4")
def test_summer_time_moves_with_the_zone() -> None:
    berlin = [{"days": ["sun"], "from": "03:00", "to": "04:00"}]
    assert is_open(at("2026-03-29T03:30:00", "Europe/Berlin"), "Europe/Berlin", berlin)
    assert not is_open(at("2026-03-29T04:00:00", "Europe/Berlin"), "Europe/Berlin", berlin)

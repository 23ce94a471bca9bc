"""When it is open: decided from the wall clock of a zone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_open(
    now: int, zone: str, periods: Iterable[Mapping[str, Any]], holidays: Sequence[str] = (), extra_days: Sequence[str] = ()
) -> bool:
    """Whether ``now`` (UTC microseconds) lies in a period of ``zone``'s week.

    ``periods``: ``{"days": ["mon", ..], "from": "08:30", "to": "24:00"}``, half-open; one with ``from`` >= ``to`` goes over midnight
    and belongs to the day on which it begins. ``holidays`` (ISO dates) are closed; ``extra_days`` (调休 working days) count as Monday.
    """
    local = datetime.fromtimestamp(now / 1_000_000, UTC).astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    today, yesterday = local.date().isoformat(), (local - timedelta(days=1)).date().isoformat()
    day, day_before = _weekday(local, today, extra_days), _weekday(local - timedelta(days=1), yesterday, extra_days)
    for period in periods:
        begin, end = _minute(period["from"]), _minute(period["to"])
        over = begin >= end
        if day in period["days"] and today not in holidays and begin <= minute and (over or minute < end):
            return True
        if over and day_before in period["days"] and yesterday not in holidays and minute < end:
            return True
    return False


def _weekday(moment: datetime, date: str, extra_days: Sequence[str]) -> str:
    return "mon" if date in extra_days else DAYS[moment.weekday()]


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)

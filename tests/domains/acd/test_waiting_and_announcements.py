"""The promise of a waiting time (kpis §10), and what the waiting are told."""

from __future__ import annotations

import pytest

from yitong.domains.acd.rules.announcement import announcement
from yitong.domains.acd.rules.waiting import expected_wait_seconds


@pytest.mark.parametrize(("place", "patience", "seconds"), [(1, None, 18.0), (5, None, 90.0), (5, 300.0, 80.82)])
def test_the_check_values(place: int, patience: float | None, seconds: float) -> None:
    assert expected_wait_seconds(place, 10, 180.0, patience) == pytest.approx(seconds, abs=0.005)


def test_unknown_when_nobody_is_staffed() -> None:
    assert expected_wait_seconds(1, 0, 180.0) is None


def test_what_is_said() -> None:
    assert announcement(1, None, "zh-CN") == ["queue.next"]
    assert announcement(3, 30.0, "zh-CN") == ["queue.before", "number.2", "queue.after", "queue.wait_soon"]
    assert announcement(13, 61.0, "zh-CN") == [
        "queue.before", "number.shi", "number.2", "queue.after", "queue.wait_before", "number.2", "queue.wait_minutes",
    ]  # fmt: skip
    assert announcement(0, 300.0, "en") == ["queue.wait_before", "number.5", "queue.wait_minutes"]
    assert announcement(0, None, "en") == []

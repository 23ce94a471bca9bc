"""The golden sets of kpis §2 and the sums of today."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from yitong.domains.acd import messages as acd
from yitong.domains.reporting.rules.counters import Today, count, day_of
from yitong.domains.reporting.rules.desks import masked
from yitong.domains.reporting.rules.service_level import Counts, service_level
from yitong.kit.clock import SECOND

SET_A = Counts(answered=85, answered_in_time=70, abandoned=15, abandoned_short=4, abandoned_in_time=9)


@pytest.mark.parametrize(
    ("formula", "percent"),
    [("SL-ANS", 82.3529), ("SL-POS", 79.0), ("SL-NEG", 70.0), ("SL-IGN", 76.9231), ("SL-SHORT", 72.9167), ("SL-AWS", 79.0)],
)
def test_golden_set_a(formula: str, percent: float) -> None:
    assert service_level(SET_A, formula) == pytest.approx(percent / 100, abs=5e-7)


def test_golden_set_a_with_flow_out() -> None:
    counts = Counts(answered=85, answered_in_time=70, abandoned=15, flowed_out=5)
    assert service_level(counts, "SL-FLOW") == pytest.approx(0.666667, abs=5e-7)


@pytest.mark.parametrize(("formula", "percent"), [("SL-IGN", 77.8), ("SL-NEG", 70.0), ("SL-POS", 80.0)])
def test_golden_set_b(formula: str, percent: float) -> None:
    counts = Counts(answered=90, answered_in_time=70, abandoned=10, abandoned_in_time=10)
    assert service_level(counts, formula) == pytest.approx(percent / 100, abs=5e-4)


def test_nothing_is_no_value() -> None:
    assert all(service_level(Counts(), formula) is None for formula in ("SL-ANS", "SL-SHORT", "SL-RT"))


def left(outcome: str, waited: float) -> acd.ContactLeftQueue:
    return acd.ContactLeftQueue(
        queue="q", outcome=outcome, waited_us=round(waited * SECOND), answer_within_us=20 * SECOND, short_us=5 * SECOND
    )


def test_what_is_counted() -> None:
    today = Today()
    answered, abandoned = (("answered", 20.0), ("answered", 20.1)), (("abandoned", 4.0), ("abandoned", 9.0), ("abandoned", 30.0))
    for outcome, waited in (*answered, *abandoned, ("timeout", 60)):
        count(today, acd.ContactQueued(queue="q", virtual_arrival=0, wait_from=0, priority=0, due_at=0))
        count(today, left(outcome, waited))
    count(today, acd.QueueRefused(queue="q", cause="full"))
    queue = today.queues["q"]
    assert (queue.requested, queue.offered, queue.answered, queue.answered_in_time) == (7, 6, 2, 1)
    assert (queue.abandoned, queue.abandoned_short, queue.abandoned_in_time, queue.timed_out) == (3, 1, 2, 1)
    assert queue.asa_seconds() == pytest.approx(20.05)
    assert queue.level() == pytest.approx(1 / 4)


def test_a_day_is_the_site_s_own_and_may_have_23_hours() -> None:
    berlin = day_of(1_774_746_000 * SECOND, ZoneInfo("Europe/Berlin"))
    assert (berlin.day, (berlin.ends_at - berlin.began_at) // SECOND // 3600) == ("2026-03-29", 23)
    assert day_of(1_790_000_000 * SECOND, ZoneInfo("Asia/Shanghai")).day == "2026-09-21"


@pytest.mark.parametrize(("number", "shown"), [("13812345678", "138****5678"), ("1001", "****"), ("", ""), ("123456", "**3456")])
def test_masked(number: str, shown: str) -> None:
    assert masked(number) == shown

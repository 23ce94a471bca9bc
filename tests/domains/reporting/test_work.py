"""Agents' figures against the check values of kpis §4, and what a state that still lasts adds."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from yitong.domains.reporting.rules import work
from yitong.domains.reporting.rules.work import Open, Pause, Work

MINUTE = 60_000_000
GOLDEN = Work(
    offered=105, answered=80, refused=4, missed=16, dialled=25, reached=20, login_us=480 * MINUTE, not_ready_us=40 * MINUTE,
    ready_us=65 * MINUTE, busy_us=(300 + 10 + 5) * MINUTE, working_after_call_us=60 * MINUTE, ring_us=5 * MINUTE, talk_us=300 * MINUTE,
    hold_us=10 * MINUTE, wrap_up_us=60 * MINUTE,
)  # fmt: skip
"""Golden C: login 480 = break 40 + talk 300 + hold 10 + after call 60 + ring 5 + idle 65."""
SHANGHAI = ZoneInfo("Asia/Shanghai")
MIDNIGHT = 1_790_006_400_000_000
"""2026-09-22 00:00 in Shanghai."""


def test_the_check_values() -> None:
    assert work.workload(GOLDEN, with_hold=False) == pytest.approx(0.75)
    assert work.workload(GOLDEN) == pytest.approx(0.7708, abs=5e-5)
    assert work.occupancy(GOLDEN) == pytest.approx(0.8506, abs=5e-5)
    assert work.handling_seconds(GOLDEN) == 370 * 60 / 100
    shown = work.figures(GOLDEN)
    assert (shown["handled"], shown["login_seconds"], shown["missed_share"]) == (100, 28_800, 0.2)


def test_without_a_denominator_there_is_no_value() -> None:
    shown = work.figures(Work())
    assert {name for name, value in shown.items() if value is None} == {"handling_seconds", "occupancy", "workload", "missed_share"}


@given(some.lists(some.builds(Work, **{name: some.integers(0, 10**12) for name in Work.__struct_fields__}), max_size=5))
def test_the_whole_is_made_of_sums_not_of_ratios(works: list[Work]) -> None:
    whole = work.total(works)
    for name in Work.__struct_fields__:
        assert getattr(whole, name) == sum(getattr(one, name) for one in works)
    shares = [work.occupancy(one) for one in works]
    both = work.occupancy(whole)
    known = [share for share in shares if share is not None]
    if both is not None and known and all(one.busy_us >= one.ring_us for one in works):
        assert min(known) - 1e-9 <= both <= max(known) + 1e-9


def test_the_state_that_lasts_is_counted_in_its_days() -> None:
    open_ = Open(state="not_ready", reason="meal", began_at=MIDNIGHT - 10 * MINUTE)
    now = MIDNIGHT + 5 * MINUTE
    first, second = (work.running(open_, now, SHANGHAI)[day] for day in ("2026-09-21", "2026-09-22"))
    assert (first.not_ready_us, second.not_ready_us, second.login_us) == (10 * MINUTE, 5 * MINUTE, 5 * MINUTE)
    assert work.running(msgspec.structs.replace(open_, state="logged_off"), now, SHANGHAI) == {}
    kept = {"meal": Pause(pauses=1, not_ready_us=MINUTE)}
    both = work.pauses_with(kept, open_, now, SHANGHAI, "2026-09-21", "2026-09-22")
    assert both == {"meal": Pause(pauses=2, not_ready_us=16 * MINUTE)}
    today = work.pauses_with({}, open_, now, SHANGHAI, "2026-09-22", "2026-09-22")
    assert today == {"meal": Pause(pauses=0, not_ready_us=5 * MINUTE)}
    assert work.pauses_with(kept, open_, now, SHANGHAI, "2026-09-23", "2026-09-23") == kept
    assert work.pauses_with(kept, None, now, SHANGHAI, "2026-09-21", "2026-09-22") == kept

from __future__ import annotations

import asyncio
import json
import logging
from decimal import Decimal

import pytest
import structlog

from yitong.kit import logs
from yitong.kit.clock import SECOND, ManualClock, SystemClock
from yitong.kit.money import CurrencyMismatch, Money
from yitong.kit.scope import Denied, Scope
from yitong.kit.tasks import Tasks


async def test_a_vital_task_that_fails_is_told() -> None:
    tasks = Tasks()

    async def fails() -> None:
        raise ValueError("broken")

    tasks.start(fails(), "small")
    await asyncio.sleep(0.01)
    assert not tasks.failed.is_set()
    tasks.start(fails(), "vital", vital=True)
    await asyncio.wait_for(tasks.failed.wait(), 1)
    assert isinstance(tasks.failure, ValueError)
    await tasks.close()


async def test_a_kept_task_is_started_again_and_close_ends_everything() -> None:
    tasks, starts = Tasks(ManualClock()), 0

    async def dies() -> None:
        nonlocal starts
        starts += 1
        if starts == 5:
            await asyncio.Event().wait()
        raise OSError("gone")

    tasks.keep(dies, "kept")
    while starts < 5:
        await asyncio.sleep(0)
    assert tasks.names() == ["kept"]
    await tasks.close()
    assert tasks.names() == []
    late = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="closes"):
        tasks.start(late, "late")


def test_one_event_is_one_line_with_its_ids_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    try:
        logs.configure("test", readable=False)
        with logs.bound(contact="c-1", call="k-1"):
            logs.get("yitong.test").warning("refused", name="a\r\nFrom: <b>\x00 王" + "x" * 5000)
        logging.getLogger("library").error("plain %s", "words")
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        root.handlers[:] = before
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    assert [line["event"] for line in lines] == ["refused", "plain words"]
    assert (lines[0]["contact"], lines[0]["call"], lines[0]["process"], lines[0]["level"]) == ("c-1", "k-1", "test", "warning")
    assert lines[0]["name"].startswith("a��From: <b>� 王")
    assert len(lines[0]["name"]) == 2000
    assert "contact" not in lines[1]


def test_money_is_exact_and_of_one_currency() -> None:
    sum_ = Money(Decimal("0.10"), "CNY") + Money(Decimal("0.20"), "CNY")
    assert sum_ == Money(Decimal("0.30"), "CNY")
    assert (Money(Decimal("0.125"), "CNY") * 3).rounded() == Money(Decimal("0.38"), "CNY")
    assert Money(Decimal("10.5"), "JPY").rounded() == Money(Decimal("10"), "JPY")
    with pytest.raises(CurrencyMismatch):
        Money(Decimal(1), "CNY") + Money(Decimal(1), "EUR")
    with pytest.raises(ValueError, match="not an exact amount"):
        Money(0.1, "CNY")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(Decimal(1), "yuan")


def test_a_scope_has_its_rights_and_no_other() -> None:
    scope = Scope(tenant="t", rights=frozenset({"board.see"}))
    assert scope.may("board.see")
    scope.require("board.see")
    with pytest.raises(Denied, match=r"config\.write"):
        scope.require("config.write")


@pytest.mark.case("F4")
@pytest.mark.parametrize("step", [3600 * SECOND, -3600 * SECOND])
def test_a_wall_clock_that_jumps_moves_no_timer_and_makes_no_duration_negative(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    clock = SystemClock()
    before = clock.now(), clock.monotonic(), clock.wall()
    monkeypatch.setattr("yitong.kit.clock.time.time_ns", lambda: (before[2] + step) * 1_000)
    after = clock.now(), clock.monotonic(), clock.wall()
    assert 0 <= after[0] - before[0] < SECOND, "timers and durations go on as if nothing had happened"
    assert 0 <= after[1] - before[1] < 1.0
    assert abs(after[2] - before[2] - step) < SECOND, "only what asks for the wall clock sees the jump"

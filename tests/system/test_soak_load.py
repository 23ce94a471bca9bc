"""Load for long, and too much of it (``make soak``): afterwards memory, descriptors, tasks and ports are what they were; whoever talks
meanwhile goes on, who was taken is served whole, the others hear 503 (reliability F6, F7)."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median

import pytest
from bench.calls_more import PROCESSES, memory_of, offer
from bench.calls_more import Room as BenchRoom
from bench.light_phones import LightCall, lighten
from tests.figures import figure
from tests.system.faults import Room, gaps
from tests.system.flood import flood, short_line
from tests.system.load import Load, until
from tests.system.stack import PATIENCE, Stack

pytestmark = [pytest.mark.soak, pytest.mark.phone]
SECONDS = float(os.environ.get("YITONG_SOAK_SECONDS", "1800"))
RATE = float(os.environ.get("YITONG_SOAK_RATE", "15"))
"""Calls a second: about half of what two cores take beside their load. For eight hours say 28800 seconds."""
STRETCH = min(20.0, SECONDS / 6)
"""Seconds of calls between two looks."""
WARM = 1 / 3
"""Part of the time after which memory counts: caches are full then."""
MOST_GROWN = 0.05
TELLS_MEMORY = 900.0
"""Seconds below which caches are still filling: nothing is said of memory then."""
JITTER_MS = 250.0
_WRONG = re.compile(r"Traceback|task failed|a step of the switch failed|does not end|child hangs|child ended")


@dataclass
class Look:
    """What all processes have together: KiB (``parts``: by kind of process), open files, tasks, media ports, SIP transactions."""

    at: float
    parts: dict[str, float]
    files: int
    tasks: int
    ports: int
    transactions: int

    @property
    def kib(self) -> float:
        return sum(self.parts.values())


@pytest.mark.case("F6")
@pytest.mark.timeout(int(SECONDS) + 1800)
async def test_half_of_the_load_for_long_leaves_nothing_behind(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home", YITONG_MEDIA_WORKERS="1")
    try:
        await asyncio.to_thread(stack.start)
        load = await Load(stack.base, stack.sip_port, sound=False).open()
        agents = round(2.0 * RATE) + 10
        room = BenchRoom(stack, agents)
        await room.prepare(load, slow=0, fast=agents)
        await room.agents(load, sorted(room.fast))
        callers, desks = lighten(load.callers, load.desks)
        room_at_rest = await _at_rest(room)
        looks, failed, count = [], 0, 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            calls = await offer(room, callers, RATE, STRETCH, 80)
            await _over(calls)
            failed += sum(call.cause != "theirs" for call in calls)
            count += len(calls)
            callers.forget()
            desks.forget()
            looks.append(await asyncio.to_thread(_look, room))
        after = await _at_rest(room)
        _judge(room_at_rest, after, looks, count, failed, _wrong(stack))
        await load.close()
    finally:
        await asyncio.to_thread(stack.stop)


async def _over(calls: Sequence[LightCall]) -> None:
    """Nobody talks any more; who is left after a while is counted as failed."""
    end = time.monotonic() + 15
    while any(call.state != "over" for call in calls) and time.monotonic() < end:
        await asyncio.sleep(0.05)


async def _at_rest(room: BenchRoom) -> Look:
    """When no call is left, in switch, core or media, and the transactions have run out."""
    await until(lambda: (one := _look(room)).ports == 0 and one.transactions == 0, 90, "not at rest")
    return _look(room)


def _look(room: BenchRoom) -> Look:
    beats = {one["process"]: one["figures"] for one in room.healthz().get("processes", ())}
    files = sum(len(os.listdir(f"/proc/{pid}/fd")) for name in PROCESSES for pid in room.stack.pids(name))
    return Look(
        at=time.monotonic(), parts=memory_of(room), files=files,
        tasks=int(sum(figures.get("tasks", 0.0) for figures in beats.values())),
        ports=int(sum(figures.get("ports", 0.0) for name, figures in beats.items() if name.startswith("media"))),
        transactions=int(beats.get("switch", {}).get("sip_transactions", 0.0)),
    )  # fmt: skip


def _judge(before: Look, after: Look, looks: list[Look], count: int, failed: int, wrong: list[str]) -> None:
    kept = [one for one in looks if one.at - looks[0].at >= WARM * (looks[-1].at - looks[0].at)]
    part = max(1, len(kept) // 5)
    first, last = (median(one.kib for one in some) for some in (kept[:part], kept[-part:]))
    slope = linear_regression([one.at for one in kept], [one.kib for one in kept]).slope if len(kept) > 2 else 0.0
    grown = last / first - 1
    each = ", ".join(f"{name} {(kept[-1].parts[name] - kept[0].parts[name]) / 1024:+.1f}" for name in kept[0].parts)
    memory = f"memory {grown:+.1%} in the last two thirds ({slope * 3600 / 1024:+.1f} MB an hour of {first / 1024:.0f}; {each})"
    memory = memory if SECONDS >= TELLS_MEMORY else f"too short to tell of memory ({each} MB)"
    told = f"{count} calls at {RATE:g} a second in {SECONDS:.0f} s ({failed} failed): {memory}"
    rest = f"open files {before.files} before and {after.files} after, tasks {before.tasks} and {after.tasks}, ports {after.ports}"
    figure("F6", f"{told}, {rest}, {len(wrong)} unhandled exceptions; eight hours: simulated")
    assert not wrong, wrong[:5]
    assert failed <= 0.001 * count
    assert grown < MOST_GROWN or SECONDS < TELLS_MEMORY
    assert after.files <= before.files + 10
    assert after.tasks <= before.tasks + 5


def _wrong(stack: Stack) -> list[str]:
    """Lines that tell of what nobody has handled."""
    logs = [stack.log, *stack.home.rglob("*.log")]
    return [line[:300] for log in logs for line in log.read_text("utf-8", "replace").splitlines() if _WRONG.search(line)]


@pytest.mark.case("F7")
@pytest.mark.timeout(1800)
async def test_twice_what_it_takes_for_a_minute(room: Room, load: Load) -> None:
    """What it takes is found first: twice as many each time, until somebody is refused."""
    line = await short_line(room, load)
    pairs = await room.talking(load, await room.agents(load, sorted(room.fast)[:2]), 63, room.fast_line)
    rate, refused = 25.0, 0
    while not refused:
        rate *= 2
        assert rate < 10_000
        refused = len((await flood(room, line, rate, 2.0)).refused)
        await asyncio.sleep(3.0)
    at = time.time()
    result = await flood(room, line, rate, min(60.0, SECONDS), patience=120.0)
    worst = max(gaps(pairs, at, time.time() - 0.1))
    await asyncio.sleep(10.0)
    later = await flood(room, line, rate / 8, 3.0)
    figure("F7", f"at {rate:g} a second for {min(60.0, SECONDS):.0f} s (none was refused at {rate / 2:g}) {result}; gap in 4 ears that "
                 f"talked <= {worst:.0f} ms; ten seconds later at {rate / 8:g} a second {len(later.refused)} of {len(later.calls)} were "
                 "refused")  # fmt: skip
    for caller, _ in pairs:
        caller.hang_up()
    await room.no_ghosts()
    assert result.refused
    assert not result.broken, result.broken[:10]
    assert not later.broken
    assert not later.refused
    assert worst < JITTER_MS * PATIENCE

"""The switch without descriptors, without memory (F5): whoever talks goes on, the others hear 503, and afterwards all is as before."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import time
from pathlib import Path
from typing import Any

import pytest
from tests.system.faults import Room, figure, gaps
from tests.system.load import Load, until
from tests.system.stack import PATIENCE

pytestmark = [pytest.mark.phone, pytest.mark.timeout(240)]
JITTER_MS = 250.0


@pytest.mark.case("F5")
async def test_without_descriptors_or_memory_new_calls_are_refused_and_talks_go_on(room: Room, load: Load) -> None:
    users = sorted(room.fast)
    pairs = await room.talking(load, await room.agents(load, users[:1]), 60, room.fast_line)
    free = await room.agents(load, users[1:2])
    (switch,) = room.stack.pids("switch")
    began, told = time.time(), []
    for number, (what, short) in enumerate((("no_descriptors", _no_descriptors), ("no_memory", _no_memory))):
        limit, before = short(switch)
        try:
            await until(lambda what=what: _reason(room) == what, 20, what)  # type: ignore[misc]
            refused = load.callers.call(room.caller(61, number), room.fast_line, sound=False)
            await until(lambda refused=refused: refused.state == "over", 20, "an answer")  # type: ignore[misc]
            assert refused.status == 503
            expected = {"process_degraded", "overloaded"} | ({"descriptors_filling"} if what == "no_descriptors" else set())
            await _alarmed(load, expected)
            told.append(f"{what}: 503 after {1000 * (refused.ended - refused.began):.0f} ms")
        finally:
            resource.prlimit(switch, limit, before)
        await until(lambda: not _reason(room), 20, "it has enough again")
    worst = max(gaps(pairs, began, time.time() - 0.1))
    again = await room.new_call(load, free, 62)
    figure("F5", f"switch {'; '.join(told)}, alarm on the page, gap in the talk <= {worst:.0f} ms, the next call works; the media process "
                 "without a descriptor refuses rows, its talks go on")  # fmt: skip
    assert worst < JITTER_MS * PATIENCE
    assert room.stack.pids("switch") == [switch]
    again.hang_up()


async def _alarmed(load: Load, expected: set[str]) -> None:
    """The page tells of the switch, within some heartbeats."""
    end = time.monotonic() + PATIENCE * 10
    while True:
        told = {one["code"] for one in (await load.ask("admin", "GET", "/security"))["alarms"] if one["process"] == "switch"}
        if expected <= told:
            return
        assert time.monotonic() < end, f"{told} instead of {expected}"
        await asyncio.sleep(0.3)


def _no_descriptors(pid: int) -> tuple[int, tuple[int, int]]:
    there = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (next(number for number in range(1 << 20) if number not in there), before[1]))
    return resource.RLIMIT_NOFILE, before


def _no_memory(pid: int) -> tuple[int, tuple[int, int]]:
    found = re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, ((int(found[1]) << 10) * 101 // 100, before[1]))
    return resource.RLIMIT_AS, before


def _reason(room: Room) -> str:
    """Why the switch is degraded, in its own words."""
    said: list[dict[str, Any]] = [one for one in room.healthz().get("processes", ()) if one["process"] == "switch"]
    return next((one["reason"] for one in said if one["state"] == "degraded"), "")

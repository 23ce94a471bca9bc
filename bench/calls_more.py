"""What happens beyond the highest rate, and what a talking call costs in memory: parts of ``bench.calls`` on the same product."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

from tests.system.faults import Room
from tests.system.load import Call, Load, Phone

PROCESSES = ("switch", "core", "media", "worker", "web")
ENGINES = ("nats-server", "postgres")
MOST_MS = 200
"""A call that is not taken hears 503 within this time."""


async def overload(room: Room, load: Load, rate: float, seconds: float, case: int) -> str:
    """Calls at ``rate``, which is too much: how many were refused, how soon, and what became of the others."""
    began, calls = time.monotonic(), list[Call]()
    while (now := time.monotonic()) < began + seconds:
        while now >= began + len(calls) / rate:
            calls.append(load.callers.call(room.caller(case, len(calls)), room.fast_line, sound=False))
        await asyncio.sleep(0.002)
    await _over(calls, 60)
    refused = sorted(1000 * (call.ended - call.began) for call in calls if call.status == 503)
    failed = sum(call.status != 503 and call.cause != "theirs" for call in calls)
    times = " / ".join(f"{refused[min(len(refused) - 1, int(share * len(refused)))]:.0f}" for share in (0.5, 0.99, 1)) if refused else "-"
    return (
        f"At {rate:g} calls/s: {len(calls)} calls, {len(refused)} refused with 503 after {times} ms (p50 / p99 / longest; goal {MOST_MS}), "
        f"{failed} of the {len(calls) - len(refused)} others failed."
    )


async def memory(room: Room, load: Load, phones: list[Phone], few: int, many: int, case: int) -> str:
    """Growth of the memory of all processes from ``few`` to ``many`` talking, recorded calls."""
    for phone in phones:
        phone.talk = 0.0
    calls: list[Call] = []
    used = []
    for count in (few, many):
        while len(calls) < count:
            calls.append(load.callers.call(room.caller(case, len(calls)), room.fast_line, sound=False))
            await asyncio.sleep(0.05)
        end = time.monotonic() + 30
        while sum(phone.call is not None and phone.call.state == "up" for phone in phones) < count and time.monotonic() < end:
            await asyncio.sleep(0.1)
        await asyncio.sleep(3.0)
        used.append(memory_of(room))
    for call in calls:
        call.hang_up()
    await _over(calls, 15)
    each = {name: (used[1][name] - used[0][name]) / (many - few) for name in used[0]}
    parts = " / ".join(f"{name} {kib:.0f}" for name, kib in each.items())
    return f"Memory a talking, recorded call, {few} to {many} calls: {sum(each.values()):.0f} KiB (Asterisk 470), of it {parts}."


def memory_of(room: Room) -> dict[str, float]:
    """KiB by kind of process: their share of what is in memory; of PostgreSQL without its shared cache, which fills whoever calls."""
    used = {name: sum(_kib(pid, "Pss") for pid in room.stack.pids(name)) for name in PROCESSES}
    return used | {name: sum(_kib(pid, "Pss_Anon") for pid in room.engine(name)) for name in ENGINES}


def _kib(pid: int, field: str) -> float:
    try:
        found = re.search(rf"^{field}: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return float(found[1]) if found else 0.0


async def _over(calls: list[Call], seconds: float) -> None:
    end = time.monotonic() + seconds
    while any(call.state != "over" for call in calls) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    for call in calls:
        call.hang_up()
    await asyncio.sleep(1.0)

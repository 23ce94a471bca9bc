"""Calls all the time while processes die at random: every answered call has exactly one contact, and nothing is stuck afterwards."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime
from typing import Any

from tests.system.faults import Room
from tests.system.load import Call, Load


async def storm(room: Room, load: Load, case: int, seconds: float, allowed: dict[str, int], pause: tuple[float, float]) -> str:
    """``allowed``: how often each process may be killed; ``pause``: seconds between two kills. Returns the figure."""
    chance = random.Random(case)
    left = dict(allowed)
    # Not shorter: what a telephone notices late (some 25 ms) must be little of a talk.
    for phone in await room.agents(load, sorted(room.fast), talk=4.0):
        phone.sound = False
    calls: list[Call] = []
    end, due = time.monotonic() + seconds, time.monotonic() + 2
    while time.monotonic() < end:
        calls.append(load.callers.call(room.caller(case, len(calls)), room.fast_line, sound=False))
        if time.monotonic() > due and any(left.values()):
            await _kill(room, chance.choice([name for name, more in left.items() if more]), left)
            due = time.monotonic() + chance.uniform(*pause)
        await asyncio.sleep(chance.uniform(0.3, 0.7))
    await room.well(90)
    await asyncio.sleep(3.0)
    for call in calls:
        call.hang_up()
    await room.no_ghosts()
    answered = {call.user for call in calls if call.answered}
    assert len(answered) > len(calls) / 3, f"only {len(answered)} of {len(calls)} calls were answered"
    found = await room.closed(load, case, answered, seconds=60)
    compared, off = await _durations(load, calls, found)
    assert compared > len(answered) / 2, f"only {compared} of {len(answered)} calls ended in order"
    assert abs(off) <= 0.01, f"the contacts of {compared} calls last {off:+.2%} of what the telephones saw"
    states = await room.state_of(load, set(room.fast))
    assert set(states.values()) <= {"ready", "not_ready", "working_after_call"}, states
    kills = sum(allowed.values()) - sum(left.values())
    return (f"{len(calls)} calls ({len(answered)} answered), {kills} kills in {seconds:.0f} s: {len(found)} contacts, "
            "none twice, none missing, none open; no agent stuck; their durations "
            f"{off:+.2%} of those that {compared} telephones saw")  # fmt: skip


async def _durations(load: Load, calls: list[Call], found: list[dict[str, Any]]) -> tuple[int, float]:
    """How many calls ended by a BYE that both sides know of; how far the sum of their contacts' durations is from the telephones'."""
    contacts = {one["calling"]: one for one in found}
    theirs = ours = 0.0
    compared = 0
    for call in calls:
        contact = contacts.get(call.user)
        in_order = call.cause == "theirs" or (call.cause == "ours" and call.bye_status == 200)
        if contact is None or not call.answered or not in_order or contact["cause"] == "interrupted":
            continue
        compared += 1
        theirs += call.ended - call.answered
        segments = (await load.ask("admin", "GET", f"/contacts/{contact['id']}"))["segments"]
        began = min(datetime.fromisoformat(one["began_at"]) for one in segments)
        ours += (datetime.fromisoformat(contact["ended_at"]) - began).total_seconds()
    return compared, ours / theirs - 1 if theirs else 0.0


async def _kill(room: Room, name: str, left: dict[str, int]) -> None:
    alive = room.engine(name) if name == "nats-server" else await asyncio.to_thread(room.stack.pids, name)
    if alive:
        await room.died(name)
        left[name] -= 1

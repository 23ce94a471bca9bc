"""``kill -9`` of core in a full room (K4, K11): nobody's talk is cut, the waiting keep their order, the menu is heard again."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.system.faults import Room, figure, gaps
from tests.system.load import Load, count, until

pytestmark = pytest.mark.phone
JITTER_MS = 250.0
"""What the packets of a busy machine may be apart without a fault; the figure itself is noted."""


@pytest.mark.case("K4", "K11")
@pytest.mark.timeout(240)
async def test_core_dies_in_a_full_room(room: Room, load: Load) -> None:
    await full_room(room, load, 5.0)


async def full_room(room: Room, load: Load, bound: float) -> None:
    """20 talk, 2 ring, 1 wraps up, 5 wait, 5 are in the menu; 5 INVITEs and 3 hang-ups in the outage. ``bound``: s until it serves."""
    users = sorted(room.secrets)
    phones = await room.agents(load, users[:21])
    pairs = await room.talking(load, phones, 0, room.hotline)
    wrapping = phones[20]
    assert wrapping.call is not None
    served = next(caller for caller, side in pairs if side is wrapping.call)
    wrapping.call.hang_up()
    served.hang_up()
    pairs = [pair for pair in pairs if pair[0] is not served]
    ringers = await room.agents(load, users[21:23], mode="ring")
    wanting = [load.callers.call(room.caller(1, n), room.hotline, keys="0") for n in range(2)]
    await until(lambda: all(phone.call for phone in ringers), 15, "two ring")
    waiting = []
    for number in range(5):
        waiting.append(load.callers.call(room.caller(2, number), room.hotline, keys="0"))
        await asyncio.sleep(0.2)
    await asyncio.sleep(1.5)
    choosing = [load.callers.call(room.caller(3, n), room.hotline) for n in range(5)]
    await asyncio.sleep(4.5)
    assert await room.waiting(load, "load") == 5 + 2
    assert (count(waiting, "up"), count(choosing, "up"), count([one for pair in pairs for one in pair], "up")) == (5, 5, 40)
    await room.spare_ready()
    before = max(gaps(pairs, time.time() - 3.0, time.time() - 0.1))

    at = await room.died("core")
    began = time.monotonic()
    late = [load.callers.call(room.caller(4, n), room.hotline) for n in range(5)]
    for gone in (pairs[0][0], waiting[0], choosing[0]):
        gone.hang_up()
    await until(lambda: count(late, "up") == 5, 20, "the calls of the outage are not answered")
    seconds = max(call.answered for call in late) - began
    after = await _truth(room, load, waiting=6)
    end = time.time()
    left = pairs[1:]
    worst = max(gaps(left, at - 0.1, end - 0.1))

    assert count([one for pair in left for one in pair], "up") == 38, "a talk was cut"
    assert all(call.state == "ringing" for phone in ringers for call in phone.calls), "the ringing did not go on"
    assert worst < max(JITTER_MS, 3 * before), f"{worst:.0f} ms of silence in a talk; {before:.0f} ms before the kill"
    assert len(await _agents_in(room, load, "busy")) == 21
    assert await _agents_in(room, load, "working_after_call") == {pairs[0][1].user, wrapping.user}
    figure("K4", f"calls of the outage answered {seconds:.1f} s after the kill; gap in 38 ears <= {worst:.0f} ms ({before:.0f} before)")
    figure("K11", f"agents and queue equal to the calls {after:.1f} s after core was back")
    assert seconds < bound

    for call in (*choosing[1:], *late):
        assert call.stream is not None
        call.stream.press("0")
    for ringing in ringers:
        assert ringing.call is not None
        ringing.call.answer()
    await until(lambda: count(wanting, "up") == 2, 5)
    await _order_kept(room, load, [call.user for call in waiting[1:]], users[23:27])


async def _truth(room: Room, load: Load, *, waiting: int) -> float:
    """Seconds until the product's queue is as the callers know it."""
    began = time.monotonic()
    while time.monotonic() - began < 30:
        if await room.waiting(load, "load") == waiting:
            return time.monotonic() - began
        await asyncio.sleep(0.3)
    raise AssertionError(f"{await room.waiting(load, 'load')} waiting instead of {waiting}")


async def _agents_in(room: Room, load: Load, state: str) -> set[str]:
    return {user for user, now in (await room.state_of(load, set(room.secrets))).items() if now == state}


async def _order_kept(room: Room, load: Load, expected: list[str], users: list[str]) -> None:
    """New agents get the waiting in the order in which they came."""
    got = []
    for user in users:
        (phone,) = await room.agents(load, [user])
        call = await until(lambda phone=phone: phone.call, 10, "nobody was offered")  # type: ignore[misc]
        got.append(call.calling)
    assert got == expected

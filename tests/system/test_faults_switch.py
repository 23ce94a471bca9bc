"""``kill -9`` of the switch (K1, K2) and of the media processes: talks go on, or end on both sides with a cause."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.system.faults import Room, figure, gaps
from tests.system.load import Load, count, until
from tests.system.stack import PATIENCE

pytestmark = [pytest.mark.phone, pytest.mark.timeout(240)]


@pytest.mark.case("K1", "K2", "K11")
async def test_switch_dies_with_talks_and_a_ringing_phone(room: Room, load: Load) -> None:
    users = sorted(room.secrets)
    pairs = await room.talking(load, await room.agents(load, users[:10]), 10, room.hotline)
    (ringer,) = await room.agents(load, users[10:11], mode="ring")
    rung = load.callers.call(room.caller(11, 0), room.hotline, keys="0")
    await until(lambda: ringer.call, 15, "it rings")
    await room.spare_ready()
    await asyncio.sleep(2.0)
    before = max(gaps(pairs, time.time() - 1.9, time.time() - 0.1))

    at = await room.died("switch")
    during = load.callers.call(room.caller(12, 0), room.hotline, keys="0")
    back = await load.callers.options(15)
    await asyncio.sleep(1.0)
    worst = max(gaps(pairs, at - 0.1, time.time() - 0.1))
    ringing_since = time.monotonic()
    for number, (caller, agent) in enumerate(pairs):
        (caller, agent)[number % 2].hang_up()
    await asyncio.sleep(1.0)
    for caller, _ in pairs:
        caller.hang_up()  # those whose agent hung up stand in the survey now
    ended = await _counted(lambda: sum({caller.state, agent.state} == {"over"} for caller, agent in pairs), len(pairs), PATIENCE * 8)
    answered_byes = sum(side.bye_status == 200 for pair in pairs for side in pair if side.bye)
    figure("K1", f"OPTIONS answered {back:.1f} s after the kill; gap in 20 ears <= {worst:.0f} ms ({before:.0f} before); "
                 f"{ended} of {len(pairs)} talks hung up on both sides")  # fmt: skip
    assert ended >= 0.95 * len(pairs), [(caller.cause, agent.cause) for caller, agent in pairs]
    assert answered_byes >= 0.95 * len(pairs)
    assert back < 5
    assert worst < max(4000, 3 * before)

    call = ringer.calls[0]
    await _counted(lambda: call.state != "ringing", 1, 10 - (time.monotonic() - ringing_since))
    if call.state == "ringing":  # for something: who waits is still there and hears him
        assert rung.state == "up"
        call.answer()
        await asyncio.sleep(1.0)
        assert call.stream is not None
        assert call.state == "up"
        assert call.stream.arrivals, "answered, but nobody is there"
    figure("K2", f"the phone that rang at the kill: {call.state} within 10 s; its caller: {rung.state}; "
                 f"an INVITE of the outage: {during.status or during.state}")  # fmt: skip
    for one in (rung, during):
        one.hang_up()
    await room.no_ghosts()


@pytest.mark.case("K3")
async def test_media_dies_and_its_calls_end_cleanly(room: Room, load: Load) -> None:
    phones = await room.agents(load, sorted(room.fast))
    pairs = await room.talking(load, phones, 20, room.fast_line)
    await room.died("media")
    began = time.monotonic()
    await until(lambda: count([side for pair in pairs for side in pair], "over") == 8, 10, "both sides hear the end")
    seconds = time.monotonic() - began
    closed = await room.closed(load, 20, {caller.user for caller, _ in pairs})
    assert {one["cause"] for one in closed} == {"media_lost"}
    await room.well()
    again = await room.new_call(load, phones, 21)
    figure("K3", f"8 of 8 sides ended {seconds:.1f} s after the kill, cause media_lost; the next call works")
    again.hang_up()
    await room.no_ghosts()


async def _counted(what: object, wanted: int, seconds: float) -> int:
    """The count when it has reached ``wanted``, or after ``seconds``."""
    end = time.monotonic() + seconds
    while what() < wanted and time.monotonic() < end:  # type: ignore[operator]
        await asyncio.sleep(0.05)
    return what()  # type: ignore[operator,no-any-return]

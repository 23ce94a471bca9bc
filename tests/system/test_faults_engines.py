"""``kill -9`` of worker and NATS, PostgreSQL standing still, all at once: calls go on and no fact is lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from datetime import UTC, datetime

import httpx
import pytest
from tests.system.faults import Room, figure, gaps
from tests.system.load import Call, Load, count, until
from tests.system.stack import PATIENCE
from tests.system.storm import storm

OURS = ("core", "switch", "web", "worker", "media")
pytestmark = [pytest.mark.phone, pytest.mark.timeout(240)]


async def served(room: Room, load: Load, case: int, first: int, number: int) -> list[Call]:
    """So many calls of the fast line, one after the other, each heard out: the agents hang up."""
    calls = []
    for index in range(first, first + number):
        calls.append(load.callers.call(room.caller(case, index), room.fast_line))
        await asyncio.sleep(0.3)
    await until(lambda: count(calls, "over") == number, 60, "all are served")
    assert {call.cause for call in calls} == {"theirs"}
    return calls


@pytest.mark.case("K9")
async def test_worker_dies(room: Room, load: Load) -> None:
    await room.agents(load, sorted(room.fast), talk=0.5)
    calls = await served(room, load, 40, 0, 3)
    await room.died("worker")
    calls += await served(room, load, 40, 3, 4)
    found = await room.closed(load, 40, {call.user for call in calls})
    assert all(one["answered"] for one in found)
    figure("K9", f"{len(found)} contacts of {len(calls)} calls, each once and closed")


@pytest.mark.case("D6")
async def test_nats_dies(room: Room, load: Load) -> None:
    phones = await room.agents(load, sorted(room.fast))
    pairs = await room.talking(load, phones, 50, room.fast_line)
    at = await room.died("nats-server")
    await asyncio.sleep(0.3)
    pairs[0][0].hang_up()
    late = load.callers.call(room.caller(51, 0), room.fast_line)
    await room.well()
    worst = max(gaps(pairs[1:], at, time.time() - 0.1))
    assert all(side.state == "up" for pair in pairs[1:] for side in pair), "a talk was cut"
    await until(lambda: pairs[0][1].state == "over", 10, "who was hung up on hears it")
    await room.new_call(load, phones, 51, late)
    figure("D6", f"3 talks went on (gap <= {worst:.0f} ms); INVITE of the outage: {late.status or late.state}; new calls work after it")
    for call in load.callers.calls:
        call.hang_up()
    await room.closed(load, 50, {caller.user for caller, _ in pairs})
    await room.no_ghosts()


@pytest.mark.case("D1", "D2", "D3")
async def test_postgresql_stands_still(room: Room, load: Load) -> None:
    await _stands_still(room, load, 60, float(os.environ.get("YITONG_FAULT_SECONDS", "5")))


@pytest.mark.soak
@pytest.mark.case("D1", "D2", "D3")
async def test_postgresql_stands_still_for_a_minute(room: Room, load: Load) -> None:
    await _stands_still(room, load, 61, 60.0)


async def _stands_still(room: Room, load: Load, case: int, seconds: float) -> None:
    """One talks on, others call and are served, all the time; afterwards each has its contact."""
    phones = await room.agents(load, sorted(room.fast))
    talking = load.callers.call(room.caller(case, 9_000), room.fast_line)
    await until(lambda: any(phone.call and phone.call.state == "up" for phone in phones), 20, "one talks")
    for phone in phones:
        phone.talk = 0.0 if phone.call else 0.5
    agent = next(phone.call for phone in phones if phone.call)
    await load.ask("admin", "GET", "/queues")  # signed in before
    stopped = room.engine("postgres")
    assert stopped
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    at = time.time()
    try:
        end, calls, number = time.monotonic() + seconds, [], 0
        while time.monotonic() < end:
            calls += await served(room, load, case, number, 2)
            number += 2
        slowest = max(call.ended - call.began for call in calls)
        began = time.monotonic()
        status = await asyncio.to_thread(_sign_in, room.stack.base)
        refused = time.monotonic() - began
    finally:
        for pid in {*stopped, *room.engine("postgres")}:
            os.kill(pid, signal.SIGCONT)
    began = time.monotonic()
    assert talking.state == agent.state == "up", "the talk was cut"
    worst = max(gaps([(talking, agent)], at, time.time() - 0.1))
    talking.hang_up()
    found = await room.closed(load, case, {call.user for call in [*calls, talking]}, seconds=60)
    figure("D1", f"{len(calls)} new calls served while PostgreSQL stood still for {seconds:.0f} s, each in <= {slowest:.1f} s; gap in the "
           f"talk that went on <= {worst:.0f} ms")  # fmt: skip
    back = time.monotonic() - began
    figure("D2", f"{len(found)} contacts of {len(calls) + 1} calls in PostgreSQL {back:.1f} s after it went on, none twice")
    figure("D3", f"signing in meanwhile: {status} after {refused:.1f} s")
    assert status == 503


def _sign_in(base: str) -> int:
    answer = httpx.post(f"{base}/api/v1/sessions", json={"username": "1002", "password": "wrong-password"}, timeout=10.0)
    return answer.status_code


@pytest.mark.case("K12", "K11")
async def test_every_call_has_one_contact_whatever_dies(room: Room, load: Load) -> None:
    """Calls all the time, a random process killed now and then: exactly one contact for each call that was answered."""
    seconds = float(os.environ.get("YITONG_FAULT_SECONDS", "14"))
    kills = {"core": 1, "switch": 1, "worker": 1, "web": 1}
    figure("K12", await storm(room, load, 70, seconds, kills, (2.0, 3.5)))


@pytest.mark.case("K10")
async def test_everything_dies_at_once(room: Room, load: Load) -> None:
    phones = await room.agents(load, sorted(room.fast), talk=0.5)
    done = await served(room, load, 80, 0, 3)
    for phone in phones:
        phone.talk = 0.0
    running = load.callers.call(room.caller(80, 3), room.fast_line)
    await until(lambda: any(phone.call and phone.call.state == "up" for phone in phones), 20, "one talks")
    await asyncio.sleep(2.0)
    cut = datetime.now(UTC)
    ours = [pid for name in OURS for pid in room.stack.pids(name)]
    engines = room.engine("nats-server") + room.engine("postgres")
    everything = [*room.stack.pids("run"), *ours, *engines]
    # All stand still before the first one dies: a power cut leaves nobody who could tell of another's death.
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in everything:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    await until(lambda: not [name for name in OURS if room.stack.pids(name)], 10, "a process outlives its supervisor")
    assert room.stack._process is not None
    room.stack._process.wait(PATIENCE * 5)
    began = time.monotonic()
    await asyncio.to_thread(room.stack.start)
    up = time.monotonic() - began
    found = await room.closed(load, 80, {call.user for call in [*done, running]}, seconds=60)
    assert all(one["answered"] for one in found)
    contact = next(one for one in found if one["calling"] == running.user)
    assert contact["cause"] == "interrupted", contact
    late = (datetime.fromisoformat(contact["ended_at"]) - cut).total_seconds()
    assert -5.0 < late < 2.0, f"the running call ended {late:.1f} s after the power cut, not with it"
    detail = await load.ask("admin", "GET", f"/contacts/{contact['id']}")
    ends = [datetime.fromisoformat(one["ended_at"]) for one in detail["segments"]]
    assert all((end - cut).total_seconds() < 2.0 for end in ends), detail["segments"]
    figure("K10", f"all up {up:.1f} s after the start; {len(done)} of {len(done)} finished calls there; the running one: interrupted, its "
           f"end {abs(late):.1f} s {'after' if late > 0 else 'before'} the power cut")  # fmt: skip

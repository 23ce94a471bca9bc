"""Set-up of queue calls on the whole product: rate and CPU, INVITE-in to INVITE-to-agent, idle time of agents while callers wait.

    python -m bench.calls [--rates 50,100,150] [--agents 410]

Each rate is offered with 1,000 calls, so that 0.1 % can be seen, until one fails more often or leaves callers waiting for a free agent;
then twice the highest one, of which the calls that are taken must stay whole and the others hear 503 soon. There are as many agents as
the highest rate needs (each call keeps one for 1.7 s): with fewer, callers wait for agents and not for the machine.

The work is that of the peers' measurement: answer, queue, offer, the agent answers at once after 180 and hangs up after 0.5 s, no RTP.
Unlike there, every call is recorded, stands in the ledger and leaves 1 s of after-call work; the last row is of the same calls unrecorded,
as the peers did it. Load and product share the machine; the load answers from templates (``light_phones``), as SIPp did there.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from bench.calls_more import ENGINES, PROCESSES, Room, memory, offer, opus, overload, survey
from bench.light_phones import LightCall, LightCallers, LightDesks, lighten
from bench.media_steady import cpu_seconds
from bench.steal import Steal
from tests.system.load import Load
from tests.system.stack import Stack

WRAP_UP = 1.0
CALLS = 1000
"""In each run that looks for the highest rate."""
SLOW_SECONDS = 60.0
"""At 5 calls/s: 300 calls, so that the 99th percentile is not the worst one."""
TALKING = (100, 400)
"""The growth of memory is measured between so many talking calls."""
LATE_MS = 500.0
"""Median from INVITE to the agent's INVITE beyond which callers wait for a free agent."""
PEERS_SETUP = {"Asterisk": 7.0, "FreeSWITCH": 25.0}
"""CPU ms a call."""


@dataclass
class Rate:
    """One run: calls offered a second, failed ones, CPU ms a call by process; ms from INVITE to the agent's INVITE and from the agent's
    BYE to the caller's."""

    rate: float
    calls: int = 0
    failed: int = 0
    cpu: dict[str, float] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    load_cpu: float = 0.0
    busy: float = 0.0
    """Per cent of the agents' time that calls and after-call work took: near 100, callers wait for an agent."""
    stolen: float = 0.0
    """Per cent of the machine's CPU time that its host kept."""


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def cpu_of(room: Room) -> dict[str, float]:
    """CPU seconds used so far by each kind of process."""
    used = {name: sum(map(cpu_seconds, room.stack.pids(name))) for name in PROCESSES}
    return used | {name: sum(map(cpu_seconds, room.engine(name))) for name in ENGINES}


async def run_rate(room: Room, callers: LightCallers, desks: LightDesks, rate: float, seconds: float, case: int) -> Rate:
    """Calls at ``rate`` for ``seconds``."""
    done = Rate(rate)
    before, own, steal = cpu_of(room), time.process_time(), Steal()
    began = time.monotonic()
    calls = await offer(room, callers, rate, seconds, case)
    end = time.monotonic() + 15
    while any(call.state != "over" for call in calls) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    done.load_cpu = 1000 * (time.process_time() - own) / len(calls)
    await asyncio.sleep(2.0)
    after, done.stolen = cpu_of(room), steal.percent()
    done.calls = len(calls)
    done.failed = sum(call.cause != "theirs" or call.ended - call.began > 15 for call in calls)
    done.cpu = {name: 1000 * (after[name] - before[name]) / len(calls) for name in after}
    asked = {call.user: call for call in calls}
    taken = [call for call in desks.calls if call.calling in asked]
    spent = sum((call.ended or call.began) - call.began + WRAP_UP for call in taken)
    done.busy = 100 * spent / (room.desks * (calls[-1].began - began + 1.0))
    done.delays = [1000 * (call.began - asked[call.calling].began) for call in taken]
    done.ends = [1000 * (asked[call.calling].ended - call.ended) for call in taken if call.cause == "ours"]
    for call in calls:
        call.hang_up()
    await asyncio.sleep(0.5)
    callers.forget()
    desks.forget()
    return done


async def run_idle(room: Room, load: Load, callers: LightCallers, desks: LightDesks, users: list[str], seconds: float) -> list[float]:
    """20 agents who talk 1.5 to 2.5 s, always 40 callers: ms from an agent's BYE to his next INVITE, after-call work taken off."""
    chance = random.Random(1)
    for user in users[20:]:
        await load.ask(user, "PUT", "/me/state", expect=204, json={"state": "not_ready"})
    desks.talks = {user: chance.uniform(1.5, 2.5) for user in users[:20]}
    desks.forget()
    calls: list[LightCall] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        while sum(call.state != "over" for call in calls) < 40:
            calls.append(callers.call(room.caller(98, len(calls)), room.fast_line))
        await asyncio.sleep(0.05)
    idle = []
    for user in users[:20]:
        mine = [call for call in desks.calls if call.user == user]
        for left, taken in itertools.pairwise(mine):
            if left.cause == "ours" and left.ended > end - seconds + 3:
                idle.append(1000 * (taken.began - left.ended - WRAP_UP))
    for call in calls:
        call.hang_up()
    await asyncio.sleep(1.0)
    return idle


async def at_rest(room: Room, seconds: float) -> str:
    """Per cent of a core that each kind of process uses while nobody calls."""
    before = cpu_of(room)
    await asyncio.sleep(seconds)
    after = cpu_of(room)
    return " / ".join(f"{100 * (after[name] - before[name]) / seconds:.1f}" for name in after)


def row(one: Rate) -> str:
    """A line of the table."""
    total, parts = sum(one.cpu.values()), " / ".join(f"{ms:.1f}" for ms in one.cpu.values())
    delays, ends = (f"{percentile(values, 0.5):.1f} / {percentile(values, 0.99):.1f}" for values in (one.delays, one.ends))
    ratios = " / ".join(f"{total / theirs:.1f}" for theirs in PEERS_SETUP.values())
    cells = f"{one.rate:g}", str(one.calls), f"{100 * one.failed / one.calls:.2f}", f"{total:.1f}", parts, f"{one.load_cpu:.1f}"
    return f"| {' | '.join((*cells, delays, ends, ratios, f'{one.busy:.0f}', f'{one.stolen:.0f}'))} |"


async def rates_of(room: Room, load: Load, callers: LightCallers, desks: LightDesks, rates: list[float]) -> tuple[list[str], float]:
    """The table of rates, and the highest one without failures and late callers. The last line is of that rate without recordings."""
    lines, best = [], 0.0
    for number, rate in enumerate([5.0, *rates]):
        one = await run_rate(room, callers, desks, rate, SLOW_SECONDS if rate == 5.0 else CALLS / rate, 90 + number)
        lines.append(row(one))
        print(lines[-1], flush=True)
        if one.failed * 1000 >= one.calls or percentile(one.delays, 0.5) > LATE_MS:
            break
        best = rate
    if best:
        await room.record(load, on=False)
        lines.append(row(await run_rate(room, callers, desks, best, CALLS / best, 89)).replace("| ", "| unrecorded, ", 1))
        print(lines[-1], flush=True)
        await room.record(load, on=True)
    return lines, best


async def measure(stack: Stack, rates: list[float], agents: int) -> str:
    """Everything, as Markdown."""
    load = await Load(stack.base, stack.sip_port, sound=False).open()
    room = Room(stack, agents)
    await room.prepare(load, slow=0, fast=agents)
    users = sorted(room.fast)
    await room.agents(load, users)
    callers, desks = lighten(load.callers, load.desks)
    await asyncio.sleep(1.0)
    average, idle_cpu = os.getloadavg()[0], await at_rest(room, 5.0)
    lines, best = await rates_of(room, load, callers, desks, rates)
    lines = [
        f"Set-up (load average {average:.1f}; peers: Asterisk 7, FreeSWITCH 25 ms of CPU a call, no ledger, no recording):", "",
        "| calls/s | calls | failed % | CPU ms a call | of it " + " / ".join((*PROCESSES, *ENGINES)) + " | load's own CPU ms "
        "| INVITE to agent's INVITE p50 / p99 ms | agent's BYE to caller's p50 / p99 ms | × Asterisk / × FreeSWITCH | agents busy % "
        "| stolen % |", "| --- " * 11 + "|", *lines,
    ]  # fmt: skip
    beyond = await overload(room, callers, desks, 2 * best, 10.0, 97) if best else ""
    asked = await survey(room, desks)
    few, many = (count if agents > TALKING[1] else count * agents // 500 for count in TALKING)
    grown = await memory(room, callers, desks, few, many, 96)
    idle = await run_idle(room, load, callers, desks, users, 20.0)
    p50, p90, p99 = (percentile(idle, share) for share in (0.5, 0.9, 0.99))
    lines += [
        "", f"Highest rate offered with less than 0.1 % of failures and nobody late: {best:g} calls/s. Tried {rates}, {CALLS} calls each "
        "(300 at 5/s).", "", beyond, "", asked, "", grown, "",
        f"CPU includes what each process uses at rest ({idle_cpu} % of a core) and what it still writes in the 2 s after the last call.",
        "", opus(), "",
        "Peers at 5 calls/s: INVITE to agent's INVITE Asterisk 3.4 / 14 ms, FreeSWITCH 47 / 106 ms; agent's BYE to caller's 1.8 / 3.8, "
        "27 / 39 ms.", "",
        "Idle time of agents while 20 callers wait (20 agents, 40 callers; the 1 s of after-call work is taken off):", "",
        "| | n | p50 | p90 | p99 ms |", "| --- | --- | --- | --- | --- |", f"| Yitong | {len(idle)} | {p50:.0f} | {p90:.0f} | {p99:.0f} |",
        "| Asterisk app_queue | 373 | 511 | 922 | 1225 |", "| FreeSWITCH mod_callcenter | 162 | 597 | 1034 | 1139 |",
    ]  # fmt: skip
    await load.close()
    return "\n".join(lines)


def run(rates: list[float], agents: int) -> str:
    """On a product of its own, started and stopped here."""
    with tempfile.TemporaryDirectory() as name:
        stack = Stack(Path(name) / "home", YITONG_MEDIA_WORKERS="1")
        try:
            stack.start()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(measure(stack, rates, agents))
        finally:
            stack.stop()


def agents_for(rates: list[float]) -> int:
    """So many that nobody waits for one at the highest of ``rates``, and enough for the calls whose memory is measured."""
    return max(round(1.8 * max(rates)), TALKING[1]) + 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", default="20,50,100,150")
    parser.add_argument("--agents", type=int, default=0)
    chosen = parser.parse_args()
    rates = [float(rate) for rate in chosen.rates.split(",")]
    print(run(rates, chosen.agents or agents_for(rates)))


if __name__ == "__main__":
    main()

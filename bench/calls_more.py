"""What happens beyond the highest rate, how soon a survey begins, and what a talking call costs in memory: parts of ``bench.calls``."""

from __future__ import annotations

import asyncio
import io
import re
import time
from pathlib import Path

import numpy as np
from bench.light_phones import LightCall, LightCallers, LightDesks, all_over
from tests.system import faults
from tests.system.load import Call, Load, Phones
from tests.system.sounds import Sounds
from tests.system.stack import Stack

from yitong.media import opus_file
from yitong.media.wav import RATE

PROCESSES = ("switch", "core", "media", "worker", "web")
ENGINES = ("nats-server", "postgres")
MOST_MS = 200
"""A call that is not taken hears 503 within this time."""
SURVEYS = 60
_QUEUE_STEP = {"kind": "queue", "queue": "fast", "next": {"served": "survey", "timeout": "end", "full": "end", "no_agents": "end"}}
_SURVEY = {
    "schema_version": 1, "name": {"en": "Queue and survey"}, "start": "person",
    "steps": {
        "person": _QUEUE_STEP,
        "survey": {"kind": "survey", "prompts": ["survey"], "first_seconds": 6, "tries": 1, "next": {"answered": "end", "none": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


class Room(faults.Room):
    """The room of the tests with a line that leads to the fast queue and then to a survey."""

    def __init__(self, stack: Stack, desks: int) -> None:
        super().__init__(stack)
        self.desks = desks
        self.survey_line = f"969{self._tag}3"

    async def prepare(self, load: Load, *, slow: int = 0, fast: int = 4) -> None:
        await super().prepare(load, slow=slow, fast=fast)
        site = (await load.ask("admin", "GET", "/config/sites"))["items"][0]["id"]
        trunk = await load.ask("admin", "POST", "/config/trunks", expect=201, json={
            "code": f"survey{self._tag}", "name": {"en": "Survey"}, "site": site, "addresses": ["127.0.0.0/8"],
            "numbers": [self.survey_line],
        })  # fmt: skip
        document = {**_SURVEY, "steps": {**_SURVEY["steps"], "person": {**_QUEUE_STEP, "queue": f"fast{self._tag}"}}}  # type: ignore[dict-item]
        await self._number(load, f"survey{self._tag}", document, self.survey_line, site, trunk["id"])
        await asyncio.sleep(1.0)

    async def record(self, load: Load, *, on: bool) -> None:
        """Whether the calls of the fast queue are recorded."""
        path = f"/config/queues/{self.queues['fast']}"
        queue = await load.ask("admin", "GET", path)
        given = {name: value for name, value in queue.items() if name not in ("id", "version")}
        change = given | {"recording": (queue.get("recording") or {}) | {"mode": "all" if on else "none"}}
        await asyncio.to_thread(load.people["admin"], "PUT", path, json=change, headers={"If-Match": f'"{queue["version"]}"'})
        await asyncio.sleep(1.0)


async def offer(room: Room, callers: LightCallers, rate: float, seconds: float, case: int) -> list[LightCall]:
    """Calls at ``rate`` for ``seconds``, evenly."""
    began, calls = time.monotonic(), list[LightCall]()
    while (now := time.monotonic()) < began + seconds:
        while now >= began + len(calls) / rate:
            calls.append(callers.call(room.caller(case, len(calls)), room.fast_line))
        await asyncio.sleep(max(0.0, began + len(calls) / rate - time.monotonic()))
    return calls


async def overload(room: Room, callers: LightCallers, desks: LightDesks, rate: float, seconds: float, case: int) -> str:
    """Calls at ``rate``, which is too much: how many were refused, how soon, and what became of the others."""
    calls = await offer(room, callers, rate, seconds, case)
    await _over(calls, 60)
    refused = sorted(1000 * (call.ended - call.began) for call in calls if call.status == 503)
    failed = sum(call.status != 503 and call.cause != "theirs" for call in calls)
    times = " / ".join(f"{refused[min(len(refused) - 1, int(share * len(refused)))]:.0f}" for share in (0.5, 0.99, 1)) if refused else "-"
    late = sum(one > MOST_MS for one in refused)
    callers.forget()
    desks.forget()
    return (
        f"At {rate:g} calls/s: {len(calls)} calls, {len(refused)} refused with 503 after {times} ms (p50 / p99 / longest; goal {MOST_MS}, "
        f"{late} later), {failed} of the {len(calls) - len(refused)} others failed."
    )


async def survey(room: Room, desks: LightDesks) -> str:
    """From the agent's BYE to the first sound of the survey at the caller's ear."""
    sounds = Sounds()
    callers = await Phones(("127.0.0.1", room.stack.sip_port), sounds).open()
    calls: list[Call] = []
    for number in range(SURVEYS):
        calls.append(callers.call(room.caller(95, number), room.survey_line))
        await asyncio.sleep(0.2)
        for call in calls[:-10]:
            call.hang_up()
    await asyncio.sleep(2.0)
    offset = time.time() - time.monotonic()
    ended = {call.calling: call.ended + offset for call in desks.calls if call.cause == "ours"}
    waits = []
    for call in calls:
        left, stream = ended.get(call.user), call.stream
        heard = [at for at in stream.arrivals if left and at > left] if stream is not None else []
        if left and heard:
            waits.append(1000 * (heard[0] - left))
        call.hang_up()
    await asyncio.sleep(1.0)
    callers.close()
    sounds.stop()
    desks.forget()
    waits.sort()
    p50, p99 = (waits[min(len(waits) - 1, int(share * len(waits)))] if waits else float("nan") for share in (0.5, 0.99))
    return (
        f"From the agent's BYE to the first sound of the survey: {p50:.0f} / {p99:.0f} ms (p50 / p99 of {len(waits)} of {SURVEYS} calls, "
        "5 a second; up to 20 ms of it is the wait for the next packet)."
    )


async def memory(room: Room, callers: LightCallers, desks: LightDesks, few: int, many: int, case: int) -> str:
    """Growth of the memory of all processes from ``few`` to ``many`` talking, recorded calls."""
    desks.talk = 0.0
    calls: list[LightCall] = []
    used = []
    for count in (few, many):
        while len(calls) < count:
            calls.append(callers.call(room.caller(case, len(calls)), room.fast_line))
            await asyncio.sleep(0.05)
        end = time.monotonic() + 30
        while sum(call.state == "up" for call in desks.calls) < count and time.monotonic() < end:
            await asyncio.sleep(0.1)
        await asyncio.sleep(3.0)
        used.append(memory_of(room))
    for call in [*calls, *desks.calls]:
        call.hang_up()
    await _over(calls, 15)
    each = {name: (used[1][name] - used[0][name]) / (many - few) for name in used[0]}
    parts = " / ".join(f"{name} {kib:.0f}" for name, kib in each.items())
    return f"Memory a talking, recorded call, {few} to {many} calls: {sum(each.values()):.0f} KiB (Asterisk 470), of it {parts}."


def opus(seconds: int = 60) -> str:
    """CPU time of making Ogg Opus of a recording, and of reading it back, as is done a day after the call: not in the table."""
    chance = np.random.default_rng(1)
    loud = np.repeat(chance.uniform(0, 6000, (seconds * 10, 2)), RATE // 10, axis=0)
    spoken = (loud * chance.standard_normal((seconds * RATE, 2))).clip(-32_000, 32_000).astype(np.int16)
    out = io.BytesIO()
    began = time.process_time()
    opus_file.encode(iter(np.split(spoken, seconds)), out, 2)
    encoded = time.process_time() - began
    began = time.process_time()
    for _ in opus_file.Reading(out).blocks():
        pass
    back = time.process_time() - began
    return (
        f"Ogg Opus of a recording, made a day after the call and read back, in {1000 * 60 / seconds * (encoded + back):.0f} ms of CPU "
        "a minute of two tracks (noise, which is dearer than speech); not in the table, as the peers record nothing."
    )


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


async def _over(calls: list[LightCall], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not all_over(calls) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    for call in calls:
        call.hang_up()
    await asyncio.sleep(1.0)

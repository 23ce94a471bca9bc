"""More calls than a switch can set up, to a number that says one word and hangs up: who was refused, and how soon; who was served."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from bench.light_phones import LightCall, LightCallers, all_over
from tests.system.faults import Room
from tests.system.load import Call, Load, Phones, until
from tests.system.stack import PATIENCE

SHORT = {
    "schema_version": 1, "name": {"en": "A word and the end"}, "start": "say",
    "steps": {"say": {"kind": "play", "prompts": ["number.1"], "next": {"done": "end"}}, "end": {"kind": "hang_up"}},
}  # fmt: skip


@dataclass
class Flood:
    """What became of the calls; times in ms, in order."""

    calls: list[LightCall]

    @property
    def refused(self) -> list[float]:
        return sorted(1000 * (call.ended - call.began) for call in self.calls if call.status == 503)

    @property
    def taken(self) -> list[LightCall]:
        return [call for call in self.calls if call.status == 200]

    @property
    def broken(self) -> list[tuple[int, str]]:
        """Calls that were neither refused nor served to their end."""
        return [(call.status, call.cause) for call in self.calls if call.status != 503 and (call.status, call.cause) != (200, "theirs")]

    def __str__(self) -> str:
        waits = sorted(1000 * (call.answered - call.began) for call in self.taken)
        soon, last = (" / ".join(f"{part:.0f}" for part in _parts(values)) for values in (self.refused, waits))
        return (
            f"{len(self.calls)} calls: {len(self.refused)} heard 503 after {soon} ms, {len(waits)} were answered after {last} ms "
            f"(p50 / p99 / longest) and {len(self.calls) - len(self.refused) - len(self.broken)} of them served whole"
        )


def _parts(values: list[float]) -> list[float]:
    return [values[min(len(values) - 1, int(share * len(values)))] for share in (0.5, 0.99, 1)] if values else []


async def short_line(room: Room, load: Load) -> str:
    """The number; nobody is needed for it."""
    number = room.hotline[:-1] + "7"
    site = (await load.ask("admin", "GET", "/config/sites"))["items"][0]["id"]
    trunk = await load.ask("admin", "POST", "/config/trunks", expect=201, json={
        "code": f"short{number}", "name": {"en": "Short"}, "site": site, "addresses": ["127.0.0.0/8"], "numbers": [number],
    })  # fmt: skip
    await room._number(load, f"short{number}", SHORT, number, site, trunk["id"])

    async def tried() -> Call:
        call = load.callers.call(room.caller(65, 0), number, sound=False)
        await until(lambda: call.state == "over", 20)
        return call

    end = time.monotonic() + PATIENCE * 20
    while (await tried()).status != 200:
        assert time.monotonic() < end, "the number is not published"
        await asyncio.sleep(0.2)
    return number


async def flood(room: Room, number: str, rate: float, seconds: float, patience: float = 60.0) -> Flood:
    """Calls at ``rate``, evenly, for ``seconds``, until all are over; those that could not be sent in time follow at once."""
    phones = await Phones(("127.0.0.1", room.stack.sip_port), None).open()
    callers = LightCallers(phones.transport, phones.server)
    began, calls = time.monotonic(), list[LightCall]()
    while len(calls) < rate * seconds:
        while len(calls) < min(rate * seconds, rate * (time.monotonic() - began)):
            calls.append(callers.call(room.caller(66, len(calls) % 10_000), number))
        await asyncio.sleep(0.005)
    await until(lambda: all_over(calls), patience, "calls without an end")
    phones.transport.close()
    return Flood(calls)

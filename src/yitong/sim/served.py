"""Simulated switches in real time behind the subjects ``ct.*``, one for each site, as the switch process serves them (docs/interfaces.md).

So the real core, over a real NATS server, has a switch whose devices and callers a script moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from yitong.ct.events import AnyEvent
from yitong.ct.model import Prompt
from yitong.ct.services import AnyService
from yitong.kit.clock import Clock, SystemClock
from yitong.kit.ids import RandomIds
from yitong.kit.nats import Nats
from yitong.sim.switch import SimSwitch
from yitong.sim.timeline import Timeline

STEP_SECONDS = 0.01
PROMPT_SECONDS = 0.1


class ServedSwitch:
    """The switches of ``places`` (tenant and site). ``await run()`` serves until it is cancelled."""

    def __init__(
        self, nats: Nats, places: Iterable[tuple[str, str]], *, length: Callable[[Prompt], float] = lambda prompt: PROMPT_SECONDS
    ) -> None:
        self.timeline = Timeline()
        self.switches: dict[tuple[str, str], SimSwitch] = {}
        self._nats = nats
        self._out: asyncio.Queue[AnyEvent] = asyncio.Queue()
        for tenant, site in places:
            switch = SimSwitch(self.timeline, ids=RandomIds(), tenant=tenant, site=site, length=length)
            switch.monitor(self._out.put_nowait)
            self.switches[tenant, site] = switch

    async def run(self, clock: Clock | None = None) -> None:
        """Take services, answer Monitor Start, let time pass and tell what happens."""
        clock = clock or SystemClock()
        for tenant, site in self.switches:
            await self._nats.subscribe(f"ct.service.{tenant}.{site}", list[AnyService], self._asked)
            await self._nats.answer(f"ct.monitor.{tenant}.{site}", dict[str, int], self._monitored)
        began, start = clock.now(), self.timeline.now
        while True:
            self.timeline.run_until(start + clock.now() - began)
            while not self._out.empty():
                event = self._out.get_nowait()
                await self._nats.publish(f"ct.event.{event.tenant}.{event.site}", [event])
            await clock.sleep(STEP_SECONDS)

    def _of(self, subject: str) -> SimSwitch:
        _, _, tenant, site = subject.split(".")
        return self.switches[tenant, site]

    async def _asked(self, subject: str, services: list[AnyService]) -> None:
        for service in services:
            self._of(subject).ask(service)

    async def _monitored(self, subject: str, asked: dict[str, int]) -> Any:
        return self._of(subject).since(asked["epoch"], asked["sequence"])

"""A message centre for tests: smpp34's server, of another maker than the client. It takes, refuses or keeps silent, and tells receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import smpp34
from tests.ports import free_port


@dataclass
class Taken:
    """A short message that came."""

    id: str
    source: str
    recipient: str
    octets: bytes
    segmented: bool
    coding: int
    registered: int

    @property
    def text(self) -> str:
        """What it says, without the header of a segment."""
        octets = self.octets[self.octets[0] + 1 :] if self.segmented else self.octets
        return octets.decode("utf-16-be") if self.coding == 8 else octets.decode("ascii")

    @property
    def place(self) -> tuple[int, int, int]:
        """Reference, number of segments, which one."""
        return (self.octets[3], self.octets[4], self.octets[5]) if self.segmented else (0, 1, 1)


@dataclass
class Smsc:
    """``answers``: statuses that refuse the next messages; ``silent``: it takes messages and does not answer."""

    port: int = field(default_factory=free_port)
    taken: list[Taken] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    silent: bool = False
    bound: list[Any] = field(default_factory=list)
    binds: int = 0
    held: list[Any] = field(default_factory=list)

    async def start(self) -> None:
        self.server = smpp34.Server("127.0.0.1", self.port, system_id="centre")
        await self.server.start()
        self._serving = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            came = await self.server.next()
            if isinstance(came, smpp34.Esme):
                self.bound.append(came)
                self.binds += 1
            elif isinstance(came, smpp34.Unbound):
                self.bound = [one for one in self.bound if one.session_id != came.session_id]
            else:
                self._take(came)

    def _take(self, came: Any) -> None:
        if self.answers:
            came.reject(self.answers.pop(0))
            return
        taken = Taken(
            id=f"m{len(self.taken) + 1}", source=came.source_addr, recipient=came.destination_addr, octets=bytes(came.short_message),
            segmented=bool(came.esm_class & 0x40), coding=came.data_coding, registered=came.registered_delivery,
        )  # fmt: skip
        self.taken.append(taken)
        if self.silent:
            self.held.append(came)
        else:
            came.accept(taken.id)

    async def receipt(self, id: str, state: str, error: str = "000", date: str = "2611222010") -> int:
        """Tell what became of a message; returns how it was answered."""
        said = f"id:{id} sub:001 dlvrd:001 submit date:{date} done date:{date} stat:{state} err:{error} text:"
        answer = await self.bound[-1].deliver_sm("10690", said.encode(), source_addr="13800000000", esm_class=4)
        return int(answer.command_status)

    async def stop(self) -> None:
        self._serving.cancel()
        await self.server.stop()

    def whole(self) -> list[str]:
        """The texts that came, segments joined."""
        texts: dict[tuple[str, int], dict[int, str]] = {}
        for number, one in enumerate(self.taken):
            reference, _, place = one.place
            texts.setdefault((one.recipient, reference if one.segmented else -number - 1), {})[place] = one.text
        return ["".join(parts[place] for place in sorted(parts)) for parts in texts.values()]


class SmscBeside:
    """A message centre in a thread of its own, for tests that do not wait asynchronously."""

    def __init__(self) -> None:
        self.centre = Smsc()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self.centre.start())

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def receipt(self, id: str, state: str) -> int:
        """See ``Smsc.receipt``."""
        return int(self._do(self.centre.receipt(id, state)))

    def close(self) -> None:
        """It is gone."""
        self._do(self.centre.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

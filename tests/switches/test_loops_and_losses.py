"""A call that comes back to its own number (case X9), and calls over a network that loses, doubles and reorders (case X7)."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from tests.figures import figure
from tests.switches.agents import SDP, Agent
from tests.switches.rigs import CALLED, CALLING
from tests.switches.situations import make, new_id
from tests.switches.soft_rig import Media, SoftRig, home_of

from yitong.ct import services
from yitong.ct.events import AnyEvent, CallCleared, Delivered, Established, Failed
from yitong.sip.events import RequestReceived
from yitong.sip.negotiation import make_offer
from yitong.sip.states import Timings


class Looping(Agent):
    """An operator that sends every call back to the number from which it came, and counts down no hop."""

    def _rung(self, event: RequestReceived, now: float) -> None:
        self.invitations.append(event.request)
        target = f"sip:{CALLED}@{self.domain}:{self.server[1]}"
        headers = [("Max-Forwards", event.request.get("Max-Forwards") or "70")]
        self.endpoint.request(
            "INVITE", target, self.flow, now, from_=f"<sip:{CALLING}@{self.host}>", to=f"<{target}>", headers=headers,
            body=make_offer(self._local).encode(), content_type=SDP,
        )  # fmt: skip
        self.endpoint.respond(event.transaction, 100, now)
        self.waiting = getattr(self, "waiting", [])
        self.waiting.append(event.transaction)

    def _response(self, event) -> None:  # type: ignore[no-untyped-def]
        """What comes of a call that was sent back comes of the one before it."""
        if event.transaction.method == "INVITE" and event.response.status >= 300 and self.waiting:
            self.endpoint.respond(self.waiting.pop(), event.response.status, time.monotonic())


@pytest.mark.case("X9")
async def test_a_call_that_comes_back_ends(soft: SoftRig) -> None:
    """Our number is forwarded to an outside number, which is forwarded to ours."""
    operator = Looping("op", soft.server)
    soft.agents.append(await operator.open())
    soft.configure("tenant", "t1", {"code": "t1", "country": "CN"})
    port = operator.endpoint.core.settings.ports["udp"]
    soft.configure("trunk", "out", {"code": "out", "direction": "out", "host": "127.0.0.1", "port": port, "site": "s1"})
    callers: dict[str, str] = {}

    def forward(event: AnyEvent) -> None:
        if isinstance(event, Failed):
            soft.ask(make(services.Clear, connection=callers[event.call], cause=event.cause))
        elif isinstance(event, Delivered) and event.incoming:
            callers[event.call] = event.connection
            target = services.Target(connection=new_id(), number="13911112222")
            soft.ask(make(services.Route, connection=event.connection, targets=(target,)))

    soft.switch.monitor(forward)
    caller = await soft.agent(CALLING)
    begun = time.monotonic()
    caller.call(CALLED)
    await soft.true(lambda: any(status >= 300 for status in caller.responses))
    await soft.true(lambda: not soft.snapshot().connections)
    taken = time.monotonic() - begun
    assert 0 < len(operator.invitations) <= 20
    assert [int(one.need("Max-Forwards")) for one in operator.invitations] == list(range(18, 18 - len(operator.invitations), -1))
    figure("X9", f"a call forwarded to its own number ended after {len(operator.invitations)} calls out, {taken:.1f} s after it began")


class Network(asyncio.DatagramProtocol):
    """A relay between telephones and the switch that loses one datagram in ten, doubles one in twenty, and lets them overtake."""

    def __init__(self, server: tuple[str, int], seed: int) -> None:
        self.server = server
        self._random = random.Random(seed)
        self._near: asyncio.DatagramTransport
        self._far: dict[tuple[str, int], asyncio.DatagramTransport] = {}
        self._due: list[tuple[float, int, asyncio.DatagramTransport, bytes, tuple[str, int]]] = []
        self._numbers = count()
        self.lost = self.carried = 0

    async def open(self) -> Network:
        self._near, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    @property
    def address(self) -> tuple[str, int]:
        return cast(tuple[str, int], self._near.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asyncio.get_running_loop().create_task(self._outwards(data, addr))

    async def _outwards(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr not in self._far:
            far, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Back(self, addr), local_addr=("127.0.0.1", 0))
            self._far.setdefault(addr, far)
        self.carry(self._far[addr], data, self.server)

    def back(self, data: bytes, addr: tuple[str, int]) -> None:
        self.carry(self._near, data, addr)

    def carry(self, by: asyncio.DatagramTransport, data: bytes, to: tuple[str, int]) -> None:
        self.carried += 1
        if self._random.random() < 0.1:
            self.lost += 1
            return
        for _ in range(2 if self._random.random() < 0.05 else 1):
            heapq.heappush(self._due, (time.monotonic() + self._random.random() * 0.03, next(self._numbers), by, data, to))
            asyncio.get_running_loop().call_later(0.031, self._deliver)

    def _deliver(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, by, data, to = heapq.heappop(self._due)
            if not by.is_closing():
                by.sendto(data, to)

    def close(self) -> None:
        for one in (self._near, *self._far.values()):
            one.close()


class Back(asyncio.DatagramProtocol):
    """The switch's side of one telephone."""

    def __init__(self, network: Network, telephone: tuple[str, int]) -> None:
        self._network, self._telephone = network, telephone

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._network.back(data, self._telephone)


@pytest.fixture
async def quick(media: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    """The soft switch with timers ten times as fast."""
    made = await SoftRig(home_of(tmp_path), media, timings=Timings(t1=0.05, t2=0.4, t4=0.5)).start()
    yield made
    await made.close()


@pytest.mark.case("X7")
async def test_two_hundred_calls_over_a_bad_network(quick: SoftRig) -> None:
    network = await Network(quick.server, 7).open()

    def answer(event: AnyEvent) -> None:
        if isinstance(event, Delivered) and event.incoming:
            quick.ask(make(services.Answer, connection=event.connection))

    quick.switch.monitor(answer)
    up = 0
    for _ in range(10):
        up += await _twenty(quick, network)
    await quick.true(lambda: not quick.snapshot().connections)
    await quick.true(lambda: quick.switch.endpoint.transactions == 0)
    began = Counter(event.call for event in quick.events if isinstance(event, Delivered))
    ended = Counter(event.call for event in quick.events if isinstance(event, CallCleared))
    network.close()
    assert began == ended
    assert set(began.values()) == {1}
    assert up >= 198
    assert not quick.switch.sound.rows
    figure("X7", f"{up} of 200 calls set up with {network.lost} of {network.carried} datagrams lost, some doubled and overtaken; "
           "each ended once, nothing left")  # fmt: skip


async def _twenty(rig: SoftRig, network: Network) -> int:
    """Twenty callers, ten a second: a network is tried, not a rush. How many were connected; each hangs up."""
    callers = []
    for number in range(20):
        agent = Agent(f"1380000{number:04}", network.address)
        agent.settings = {"timings": Timings(t1=0.05, t2=0.4, t4=0.5)}
        callers.append(await agent.open())
        agent.call(CALLED)
        await asyncio.sleep(0.1)
    try:
        await rig.true(lambda: all(one.dialog is not None or one.released for one in callers))
        up = sum(one.dialog is not None for one in callers)
        connected = len([event for event in rig.events if isinstance(event, Established)])
        for one in callers:
            one.hang_up()
        await rig.true(lambda: all(one.endpoint.transactions == 0 for one in callers))
        assert connected >= up
    finally:
        for one in callers:
            one.close()
    return up

"""A wire between two endpoints on a clock that stands: it can lose, double and delay what it carries."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count

import pytest

from yitong.sip.core import Flow, Settings
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import Event
from yitong.sip.message import Request, Response, parse

Lose = Callable[[bytes, int], bool]


def tokens(name: str) -> Callable[[], str]:
    """Tokens that count up: equal runs, equal messages."""
    numbers = count(1)
    return lambda: f"{name}{next(numbers):06d}"


class Side:
    """One endpoint, its address, and what it told."""

    def __init__(self, host: str, transport: str, **settings: object) -> None:
        self.host = host
        self.transport = transport
        ports = {"udp": 5060, "tcp": 5060, "ws": 8089}
        self.endpoint = Endpoint(Settings(host=host, ports=ports, **settings), tokens(host.replace(".", "")))  # type: ignore[arg-type]
        self.events: list[Event] = []

    def of(self, kind: type) -> list[Event]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


class Wire:
    """Carries messages between ``a`` (10.0.0.1) and ``b`` (10.0.0.2) with 10 ms delay; answers with ``handlers``."""

    def __init__(self, transport: str = "udp", lose: Lose | None = None, seed: int = 0) -> None:
        self.a, self.b = Side("10.0.0.1", transport), Side("10.0.0.2", transport)
        self.transport = transport
        self.now = 1000.0
        self.lose = lose
        self.duplicate = 0.0
        self.jitter = 0.0
        self.random = random.Random(seed)
        self.handlers: dict[str, Callable[[Event], None]] = {}
        self.log: list[tuple[str, Request | Response]] = []
        self._queue: list[tuple[float, int, Side, bytes, Flow]] = []
        self._number = 0

    def flow(self, to: Side) -> Flow:
        return Flow(self.transport, "wire", to.host, 5060)

    def on(self, side: Side, handler: Callable[[Event], None]) -> None:
        self.handlers[side.host] = handler

    def pump(self) -> None:
        """Hand over events and put what is to be sent on the wire."""
        for side, other in ((self.a, self.b), (self.b, self.a)):
            while (event := side.endpoint.next_event()) is not None:
                side.events.append(event)
                if side.host in self.handlers:
                    self.handlers[side.host](event)
            for data, _ in side.endpoint.datagrams_to_send():
                self._carry(side, other, data)

    def _carry(self, side: Side, other: Side, data: bytes) -> None:
        self._number += 1
        self.log.append((side.host, parse(data)))
        if self.lose is not None and self.lose(data, self._number):
            return
        for _ in range(2 if self.random.random() < self.duplicate else 1):
            delay = 0.01 + self.random.random() * self.jitter
            heapq.heappush(self._queue, (self.now + delay, self._number, other, data, self.flow(side)))
            self._number += 1

    def run(self, seconds: float) -> None:
        """Let time go by."""
        end = self.now + seconds
        self.pump()
        while True:
            times = [side.endpoint.next_deadline() for side in (self.a, self.b)]
            times.append(self._queue[0][0] if self._queue else None)
            following = min((at for at in times if at is not None), default=None)
            if following is None or following > end:
                break
            self.now = max(self.now, following)
            while self._queue and self._queue[0][0] <= self.now:
                _, _, side, data, flow = heapq.heappop(self._queue)
                side.endpoint.receive(data, flow, self.now)
                self.pump()
            for side in (self.a, self.b):
                side.endpoint.handle_timer(self.now)
            self.pump()
        self.now = end

    def sent(self, host: str, what: str | int) -> list[Request | Response]:
        """What a side put on the wire: requests of a method, or answers of a status."""
        return [m for h, m in self.log if h == host and (m.method if isinstance(m, Request) else m.status) == what]


@pytest.fixture
def make_wire() -> Callable[..., Wire]:
    return Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()

"""What the parts of an endpoint share: outbox, timers, tokens. Still no socket and no clock."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import msgspec

from yitong.sip.states import Timings
from yitong.sip.uri import sip_uri


class Flow(NamedTuple):
    """Where a message came from or goes to: a socket of ours and the address at its other end."""

    transport: str
    """udp, tcp, tls, ws or wss."""
    id: str
    """Names the owner's socket: the listening one for udp, the connection for the others."""
    host: str
    """Remote IP address, without brackets."""
    port: int

    @property
    def reliable(self) -> bool:
        """Whether the transport itself sends again (RFC 3261 §17)."""
        return self.transport != "udp"


class Terms(msgspec.Struct, frozen=True):
    """Session timers as we ask for them, in seconds: how long a session lasts, and the shortest that we take (RFC 4028 §4: 90 at least)."""

    seconds: int = 1_800
    minimum: int = 90


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint names itself. ``host``: what Via and Contact say; ``ports``: the port there per transport."""

    host: str
    ports: Mapping[str, int] = {}
    user_agent: str = "Yitong"
    allow: str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, REGISTER, MESSAGE, REFER, NOTIFY, SUBSCRIBE"
    supported: frozenset[str] = frozenset()
    """Option tags that a request may require, and that we name."""
    session: Terms | None = None
    """None: no session timers."""
    timings: Timings = Timings()
    maximum_transactions: int = 20_000
    stream_seconds: float = 32.0
    """How long a message may be half there on a stream (case P7)."""


class Owner(Protocol):
    """What has timers."""

    timers: dict[str, int]

    def handle_timer(self, name: str, now: float) -> None: ...


class Core:
    """Shared by the server and the client side of one endpoint."""

    def __init__(self, settings: Settings, token: Callable[[], str]) -> None:
        self.settings = settings
        self.timings = settings.timings
        self.token = token
        """Fresh unguessable text of token characters: tags, branches, call ids."""
        self.outbox: deque[tuple[bytes, Flow]] = deque()
        self._heap: list[tuple[float, int, Owner, str]] = []
        self._number = 0
        self._running = 0

    def new_number(self) -> int:
        """Counts up."""
        self._number += 1
        return self._number

    def send(self, data: bytes, flow: Flow) -> None:
        """Queue bytes for a flow."""
        self.outbox.append((data, flow))

    def contact(self, flow: Flow) -> str:
        """Our Contact value for a flow."""
        transport = "ws" if flow.transport in ("ws", "wss") else "tcp" if flow.transport == "tls" else flow.transport
        params = {} if transport == "udp" else {"transport": transport}
        return f"<{sip_uri('', self.settings.host, self.settings.ports.get(flow.transport, 5060), **params)}>"

    def supported(self, flow: Flow) -> str:
        """Our Supported value for a flow; a page's connection says by itself when it is gone."""
        tags = self.settings.supported - {"timer"} if flow.transport in ("ws", "wss") else self.settings.supported
        return ", ".join(sorted(tags))

    def via(self, flow: Flow) -> str:
        """A fresh Via value for a request over a flow (§8.1.1.7); ``rport`` always (RFC 3581)."""
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        port = self.settings.ports.get(flow.transport, 5060)
        return f"SIP/2.0/{flow.transport.upper()} {host}:{port};branch=z9hG4bK{self.token()};rport"

    def start_timer(self, owner: Owner, name: str, deadline: float) -> None:
        """Start or restart a timer of ``owner``."""
        number = self.new_number()
        if name not in owner.timers:
            self._running += 1
        owner.timers[name] = number
        heapq.heappush(self._heap, (deadline, number, owner, name))
        if len(self._heap) > 4 * self._running + 1_000:
            self._heap = [entry for entry in self._heap if entry[2].timers.get(entry[3]) == entry[1]]
            heapq.heapify(self._heap)

    def stop_timer(self, owner: Owner, name: str) -> None:
        """Stop it if it runs."""
        if owner.timers.pop(name, None) is not None:
            self._running -= 1

    def next_deadline(self) -> float | None:
        """When the next timer runs out, ``None`` without one."""
        heap = self._heap
        while heap:
            deadline, number, owner, name = heap[0]
            if owner.timers.get(name) == number:
                return deadline
            heapq.heappop(heap)
        return None

    def run_timers(self, now: float) -> None:
        """Tell every owner whose timer has run out."""
        deadline = self.next_deadline()
        while deadline is not None and deadline <= now:
            _, _, owner, name = heapq.heappop(self._heap)
            self.stop_timer(owner, name)
            owner.handle_timer(name, now)
            deadline = self.next_deadline()

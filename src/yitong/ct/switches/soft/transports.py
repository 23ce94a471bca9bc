"""The sockets of SIP: UDP, TCP and TLS (RFC 3261 §18), WebSocket (RFC 7118) with Origin check.

Bytes go to the owner with the flow they came by; a flow is a UDP peer or one stream connection. Sources are bounded:
so many connections in all and per address, so many bytes waiting to be sent; a connection that is over its bounds is closed.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Protocol, cast
from urllib.parse import urlsplit

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as WsRequest
from websockets.http11 import Response as WsResponse
from websockets.typing import Subprotocol

from yitong.kit.clock import Clock
from yitong.kit.tasks import Tasks
from yitong.sip.core import Flow
from yitong.sip.message import MAXIMUM_MESSAGE

MAXIMUM_STREAMS = 4_000
MAXIMUM_STREAMS_PER_HOST = 500
MAXIMUM_WAITING = 1_000_000
PING_SECONDS = 8.0
CLOSE_SECONDS = 1.0
"""A page whose network is gone is noticed after two pings' times and this one: nobody answers our Close either (case N6)."""

_SO_MEMINFO = 55
_log = structlog.get_logger("yitong.sip.transports")


class Sink(Protocol):
    """Who takes what arrives."""

    def received(self, data: bytes, flow: Flow) -> None:
        """A datagram, a frame, or a piece of a stream."""
        ...

    def flow_closed(self, flow: Flow) -> None:
        """A stream is gone."""
        ...


class Transports:
    """All sockets of one switch. ``origins`` decides which pages may connect by WebSocket."""

    def __init__(self, sink: Sink, clock: Clock, tasks: Tasks, origins: Callable[[str, str], bool]) -> None:
        self.sink = sink
        self.tasks = tasks
        self._clock = clock
        self._origins = origins
        self._udp: dict[str, asyncio.DatagramTransport] = {}
        self._streams: dict[str, _Stream | _WebSocket] = {}
        self._trusted: dict[str, tuple[str, str]] = {}
        self._hosts: Counter[str] = Counter()
        self._servers: list[asyncio.Server | Server] = []
        self._count = 0
        self.refused = 0
        self.ports: dict[str, int] = {}

    # --- listening ---

    async def listen_udp(self, host: str, port: int) -> int:
        """Open the UDP socket; returns its port."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self, "udp"), local_addr=(host, port))
        sock = transport.get_extra_info("socket")
        for option in (7, 8):  # SO_SNDBUF, SO_RCVBUF: bursts of a whole registration storm
            sock.setsockopt(1, option, 4_194_304)
        self._udp["udp"] = transport
        self.ports["udp"] = int(transport.get_extra_info("sockname")[1])
        return self.ports["udp"]

    async def listen_both(self, host: str, port: int) -> int:
        """UDP and TCP on the same port; with ``port`` 0 on one where both are free. Raises OSError."""
        for _ in range(20):
            found = await self.listen_udp(host, port)
            try:
                return await self.listen_tcp(host, found)
            except OSError:
                self._udp.pop("udp").close()
                if port:
                    raise
        raise OSError(f"no port of {host} is free for both UDP and TCP")

    async def listen_tcp(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen for streams; returns the port."""
        kind = "tls" if tls is not None else "tcp"
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Stream(self, kind), host, port, ssl=tls)
        self._servers.append(server)
        self.ports[kind] = int(server.sockets[0].getsockname()[1])
        return self.ports[kind]

    async def listen_ws(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen for WebSockets of pages; returns the port."""
        kind = "wss" if tls is not None else "ws"

        async def handle(connection: ServerConnection) -> None:
            await _WebSocket(self, kind, connection).run()

        server = await serve(
            handle, host, port, ssl=tls, subprotocols=[cast(Subprotocol, "sip")], process_request=self._check, max_size=MAXIMUM_MESSAGE,
            compression=None, ping_interval=PING_SECONDS, ping_timeout=PING_SECONDS, close_timeout=CLOSE_SECONDS,
            server_header=None,
        )  # fmt: skip
        self._servers.append(server)
        self.ports[kind] = int(next(iter(server.sockets)).getsockname()[1])
        return self.ports[kind]

    def _check(self, connection: ServerConnection, request: WsRequest) -> WsResponse | None:
        """Refuse a handshake of a strange page, without the subprotocol, or over the bounds."""
        origin = request.headers.get("Origin", "")
        host = request.headers.get("Host", "")
        if not self._origins(origin, host):
            _log.warning("websocket of a strange origin refused", origin=origin[:200])
            return connection.respond(403, "This origin is not allowed.\n")
        if "sip" not in [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]:
            return connection.respond(400, "The subprotocol sip is wanted.\n")
        if not self.admits(str(connection.remote_address[0])):
            return connection.respond(503, "Too many connections.\n")
        return None

    async def close(self) -> None:
        """Close everything."""
        for udp in self._udp.values():
            udp.close()
        for stream in list(self._streams.values()):
            stream.close()
        for server in self._servers:
            server.close()
        for server in self._servers:
            await server.wait_closed()

    # --- sending ---

    def send(self, data: bytes, flow: Flow) -> bool:
        """Send a message; a stream that does not exist is opened (tcp only). False when there is no way."""
        if flow.transport == "udp":
            transport = self._udp.get("udp")
            if transport is None or transport.is_closing():
                return False
            transport.sendto(data, (flow.host, flow.port))
            return True
        stream = self._streams.get(flow.id)
        if stream is None and flow.transport in ("tcp", "tls") and flow.id.startswith("to:"):
            stream = self._open(flow)
        return stream is not None and stream.send(data)

    def unread(self) -> int:
        """Octets that wait in the kernel to be read from the UDP socket, as it counts them (SO_MEMINFO); 0 where it does not tell."""
        udp = self._udp.get("udp")
        if udp is None or udp.is_closing():
            return 0
        try:
            return int.from_bytes(udp.get_extra_info("socket").getsockopt(1, _SO_MEMINFO, 4), sys.byteorder)
        except OSError:
            return 0

    def close_flow(self, flow: Flow) -> None:
        """Close one stream."""
        stream = self._streams.get(flow.id)
        if stream is not None:
            stream.close()

    def alive(self, flow: Flow) -> bool:
        """Whether something can be sent by the flow."""
        return flow.transport == "udp" or flow.id in self._streams

    def flow_to(self, transport: str, host: str, port: int, name: str = "", authority: str = "") -> Flow:
        """A flow to an address that has not connected to us. Over TLS its certificate must be one for ``name``, vouched for by
        ``authority`` (PEM), or by whom the system trusts when that is empty.
        """
        if transport == "udp":
            return Flow(transport, "udp", host, port)
        flow = Flow(transport, f"to:{transport}:{host}:{port}" + (f":{name}:{zlib.crc32(authority.encode())}" if name else ""), host, port)
        if transport == "tls":
            self._trusted[flow.id] = (name, authority)
        return flow

    def _open(self, flow: Flow) -> _Stream:
        stream = _Stream(self, flow.transport, flow)
        self._streams[flow.id] = stream
        self.tasks.start(self._connect(stream, flow), f"sip {flow.transport} to {flow.host}:{flow.port}")
        return stream

    async def _connect(self, stream: _Stream, flow: Flow) -> None:
        loop = asyncio.get_running_loop()
        name, authority = self._trusted.get(flow.id, ("", ""))
        try:
            context = ssl.create_default_context(cadata=authority or None) if name else None
            async with asyncio.timeout(5.0):
                await loop.create_connection(lambda: stream, flow.host, flow.port, ssl=context, server_hostname=name or None)
        except OSError as error:
            if name:
                _log.warning("no tls to a trunk", host=name, error=str(error))
            if self._streams.pop(flow.id, None) is not None:
                self.sink.flow_closed(flow)

    # --- bookkeeping of streams ---

    def admits(self, host: str) -> bool:
        """Whether one more stream from ``host`` is taken."""
        free = len(self._streams) < MAXIMUM_STREAMS and self._hosts[host] < MAXIMUM_STREAMS_PER_HOST
        self.refused += not free
        return free

    def name(self, kind: str) -> str:
        """A fresh flow id."""
        self._count += 1
        return f"{kind}:{self._count}"

    def add(self, flow: Flow, stream: _Stream | _WebSocket) -> None:
        self._streams[flow.id] = stream
        self._hosts[flow.host] += 1

    def remove(self, flow: Flow) -> None:
        if self._streams.pop(flow.id, None) is None:
            return
        self._hosts[flow.host] -= 1
        if self._hosts[flow.host] <= 0:
            del self._hosts[flow.host]
        self.sink.flow_closed(flow)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: Transports, name: str) -> None:
        self._owner = owner
        self._name = name

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._owner.sink.received(data, Flow("udp", self._name, addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """An ICMP answer: the transaction's timer says so, too."""


class _Stream(asyncio.Protocol):
    """One TCP or TLS connection."""

    def __init__(self, owner: Transports, kind: str, flow: Flow | None = None) -> None:
        self._owner = owner
        self._kind = kind
        self._flow = flow
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername") or ("", 0)
        if self._flow is None:
            if not self._owner.admits(peer[0]):
                self._transport.abort()
                return
            self._flow = Flow(self._kind, self._owner.name(self._kind), peer[0], peer[1])
        self._owner.add(self._flow, self)
        for data in self._waiting:
            self._transport.write(data)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self._flow is not None:
            self._owner.sink.received(data, self._flow)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._flow is not None:
            self._owner.remove(self._flow)

    def send(self, data: bytes) -> bool:
        if self._transport is None:
            self._waiting.append(data)
            return True
        if self._transport.is_closing() or self._transport.get_write_buffer_size() > MAXIMUM_WAITING:
            self.close()
            return False
        self._transport.write(data)
        return True

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class _WebSocket:
    """One page's connection: every frame is one message."""

    def __init__(self, owner: Transports, kind: str, connection: ServerConnection) -> None:
        self._owner = owner
        self._connection = connection
        peer = connection.remote_address
        self._flow = Flow(kind, owner.name(kind), str(peer[0]), int(peer[1]))

    async def run(self) -> None:
        self._owner.add(self._flow, self)
        try:
            async for message in self._connection:
                self._owner.sink.received(message.encode() if isinstance(message, str) else message, self._flow)
        except ConnectionClosed:
            pass
        finally:
            self._owner.remove(self._flow)

    def send(self, data: bytes) -> bool:
        transport = self._connection.transport
        if transport.is_closing() or transport.get_write_buffer_size() > MAXIMUM_WAITING:
            return False
        self._owner.tasks.start(self._send(data), "sip websocket send")
        return True

    async def _send(self, data: bytes) -> None:
        try:
            await self._connection.send(data.decode("utf-8", "replace"))
        except ConnectionClosed:
            return

    def close(self) -> None:
        self._connection.transport.abort()


def same_host_origins(allowed: frozenset[str]) -> Callable[[str, str], bool]:
    """Pages of the same host name as ours (any port: web and switch have different ones), or named in ``allowed``."""

    def decide(origin: str, host: str) -> bool:
        if not origin:
            return False
        if origin in allowed:
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.hostname == urlsplit(f"//{host}").hostname

    return decide

"""The stream beneath a NATS connection: what hot paths hear and say goes past the library's queues and tasks.

nats-py keeps the connection: greeting, reconnecting, pings, subscriptions after a return. It reads and writes through its ``Transport``;
this one sorts what comes. Messages of subscriptions that have a handler here are handed to it where they stand, in the turn of the loop
that read them; everything else goes the library's way. See docs/decisions/0030.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ssl import SSLContext
from typing import NamedTuple
from urllib.parse import ParseResult

import structlog
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport

_LINE_END = b"\r\n"
_log = structlog.get_logger("yitong.nats")


class Heard(NamedTuple):
    """A message: ``headers`` as they were sent, empty without."""

    subject: str
    reply: str
    headers: bytes
    data: bytes

    def header(self, name: str) -> str | None:
        """A header's value."""
        for line in self.headers.split(_LINE_END)[1:]:
            key, _, value = line.partition(b":")
            if key.decode() == name:
                return value.strip().decode()
        return None

    @property
    def status(self) -> str:
        """What the server says in the first line of its headers: "503" for nobody there, "100" for a heartbeat; else empty."""
        return self.headers[9:12].decode() if self.headers[8:9] == b" " else ""


Handler = Callable[[Heard], None]


class Wire(TcpTransport):
    """A TCP stream whose ``handlers``, by number of the subscription, get their messages at once."""

    def __init__(self) -> None:
        super().__init__()
        self.handlers: dict[int, Handler] = {}

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Open the stream. Raises OSError, TimeoutError."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=buffer_size, loop=loop)
        protocol = Sorting(reader, loop, self.handlers)
        opening = loop.create_connection(lambda: protocol, str(uri.hostname), uri.port or 4222)
        transport, _ = await asyncio.wait_for(opening, connect_timeout)
        self._bare_io_reader = self._io_reader = reader
        self._bare_io_writer = self._io_writer = asyncio.StreamWriter(transport, protocol, reader, loop)

    async def connect_tls(self, uri: str | ParseResult, ssl_context: SSLContext, buffer_size: int, connect_timeout: int) -> None:
        """Go on encrypted. Raises OSError, TimeoutError."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=buffer_size, loop=loop)
        protocol = Sorting(reader, loop, self.handlers)
        host = uri if isinstance(uri, str) else uri.hostname
        assert self._io_writer is not None
        opening = loop.start_tls(self._io_writer.transport, protocol, ssl_context, server_hostname=host)
        transport = await asyncio.wait_for(opening, connect_timeout)
        assert transport is not None
        self._io_reader, self._io_writer = reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    @property
    def waiting(self) -> int:
        """Octets that were written and not sent."""
        return self._io_writer.transport.get_write_buffer_size() if self._io_writer is not None else 0

    def __bool__(self) -> bool:
        """The library makes a transport of its own where there is none."""
        return True


def send(connection: Client, wire: Wire, data: bytes) -> None:
    """Send with this turn of the loop, after what the library has gathered, so that the order stays."""
    if connection._pending:
        wire.writelines(connection._pending)
        connection._pending = []
        connection._pending_data_size = 0
    wire.write(data)


async def listen(connection: Client, wire: Wire, subject: str, handler: Handler, queue: str = "") -> Subscription:
    """Subscribe; ``handler`` is called with each message in the turn of the loop that read it. It must not block; what it raises is logged.

    End it with ``unlisten``.
    """
    subscription: Subscription = await connection.subscribe(subject, queue)
    wire.handlers[subscription._id] = handler
    return subscription


async def unlisten(connection: Client, wire: Wire, subscription: Subscription) -> None:
    """Hear no more."""
    wire.handlers.pop(subscription._id, None)
    if connection.is_connected:
        await subscription.unsubscribe()


def publication(subject: str, data: bytes, reply: str = "", headers: bytes = b"") -> bytes:
    """A message as it is sent."""
    if headers:
        return f"HPUB {subject} {reply} {len(headers)} {len(headers) + len(data)}\r\n".encode() + headers + data + _LINE_END
    return f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + _LINE_END


class Sorting(asyncio.StreamReaderProtocol):
    """Hands over what has a handler, and feeds the rest to the reader, frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop, handlers: dict[int, Handler]) -> None:
        super().__init__(reader, loop=loop)
        self._reader = reader
        self._handlers = handlers
        self._held = bytearray()
        self._wanted = 0
        """So much is needed before the frame that is held can be whole."""

    def data_received(self, data: bytes) -> None:
        if self._held:
            self._held += data
            if len(self._held) < self._wanted:
                return
            data = bytes(self._held)
            self._held.clear()
        at = 0
        while at < len(data):
            stop = self._frame(data, at)
            if stop > len(data):
                self._held += data[at:]
                self._wanted = stop - at
                return
            at = stop

    def _frame(self, data: bytes, at: int) -> int:
        """Deal with the frame at ``at``; answers where it ends, beyond the data when it is not whole."""
        line = data.find(_LINE_END, at)
        if line < 0:
            return len(data) + 1
        if not data.startswith((b"MSG ", b"HMSG "), at):
            self._reader.feed_data(data[at : line + 2])
            return line + 2
        words = data[at:line].split()
        start = line + 2
        stop = start + int(words[-1]) + 2
        if stop <= len(data):
            handler = self._handlers.get(int(words[2]))
            if handler is None:
                self._reader.feed_data(data[at:stop])
            else:
                self._hand(handler, words, data[start : stop - 2])
        return stop

    def _hand(self, handler: Handler, words: list[bytes], content: bytes) -> None:
        headed = words[0] == b"HMSG"
        head = int(words[-2]) if headed else 0
        reply = words[3].decode() if len(words) > 4 + headed else ""
        try:
            handler(Heard(words[1].decode(), reply, content[:head], content[head:]))
        except Exception:  # noqa: BLE001 - one bad message must not end the connection
            _log.exception("handler failed", subject=words[1].decode("utf-8", "replace"))

"""The worker's end of the seqpacket socket: messages of the switch in, answers and events out."""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from yitong.ct.switches.soft import media_packing, media_place
from yitong.ct.switches.soft.media_messages import AnyRequest, FromWorker, MediaEvent, Refusal, WorkerState
from yitong.ct.switches.soft.media_wire import Wire

_LARGEST = 1 << 20
_MOST_WAITING = 20_000
_KEPT_EVENTS = 2_000

Handle = Callable[[AnyRequest], "FromWorker | None"]


class _Client:
    """One connection of a switch."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.waiting: deque[bytes] = deque()
        self.packs = False
        """It sends several messages in a packet, and takes them."""


class Server:
    """Listens at ``path``. Events go to every switch connected; while there is none, the last ones are kept for the next."""

    def __init__(self, path: Path, wire: Wire, handle: Handle) -> None:
        media_place.prepare(path)
        self._path = path
        self._wire = wire
        self._handle = handle
        self._decoder: msgspec.msgpack.Decoder[AnyRequest] = msgspec.msgpack.Decoder(AnyRequest)
        self._encode = msgspec.msgpack.Encoder().encode
        self._clients: list[_Client] = []
        self._current: _Client | None = None
        self._kept: deque[bytes] = deque(maxlen=_KEPT_EVENTS)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(8)
        wire.watch(self._listener.fileno(), self._accept)
        self._urgent = select.epoll()

    @property
    def descriptor(self) -> int:
        """Readable when requests have come."""
        return self._urgent.fileno()

    def attend(self) -> None:
        """Carry out what was asked, and answer, between two steps: a call's set-up does not wait for them."""
        asked = {descriptor for descriptor, _ in self._urgent.poll(0)}
        for client in [client for client in self._clients if client.sock.fileno() in asked]:
            self._read(client)
        self.flush()

    @property
    def connected(self) -> bool:
        """Whether a switch is there."""
        return bool(self._clients)

    def answer(self, message: FromWorker, client: object) -> None:
        """An answer to whoever asked."""
        if isinstance(client, _Client):
            client.waiting.append(self._encode(message))

    def tell(self, event: MediaEvent) -> None:
        """An event for the switch."""
        data = self._encode(event)
        if not self._clients and not isinstance(event, WorkerState):
            self._kept.append(data)
        for client in self._clients:
            client.waiting.append(data)

    def flush(self) -> None:
        """Send what waits; once a step."""
        for client in list(self._clients):
            if client.waiting and not self._flush(client):
                self._drop(client)

    def close(self) -> None:
        """Close all."""
        for client in list(self._clients):
            self._drop(client)
        self._urgent.close()
        self._wire.forget(self._listener.fileno())
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _flush(self, client: _Client) -> bool:
        while client.waiting:
            count = media_packing.fitting(client.waiting) if client.packs else 1
            try:
                client.sock.send(media_packing.pack([client.waiting[i] for i in range(count)]) if count > 1 else client.waiting[0])
            except BlockingIOError:
                return len(client.waiting) <= _MOST_WAITING
            except OSError:
                return False
            for _ in range(count):
                client.waiting.popleft()
        return True

    def _accept(self, _: memoryview) -> int:
        sock, _address = self._listener.accept()
        sock.setblocking(False)
        client = _Client(sock)
        client.waiting.extend(self._kept)
        self._kept.clear()
        self._clients.append(client)
        self._wire.watch(sock.fileno(), lambda buffer: self._read(client))
        self._urgent.register(sock.fileno(), select.EPOLLIN)
        return 0

    def _drop(self, client: _Client) -> None:
        self._clients.remove(client)
        self._wire.forget(client.sock.fileno())
        self._urgent.unregister(client.sock.fileno())
        client.sock.close()

    def _read(self, client: _Client) -> int:
        """All requests that wait on one connection."""
        while True:
            try:
                data = client.sock.recv(_LARGEST)
            except BlockingIOError:
                return 0
            except OSError:
                data = b""
            if not data:
                self._drop(client)
                return 0
            if not media_packing.is_packed(data):
                self._request(client, data)
                continue
            client.packs = True
            try:
                requests = media_packing.unpack(data)
            except msgspec.MsgspecError:
                client.waiting.append(self._encode(Refusal(id=0, reason="bad_request")))
                continue
            for request in requests:
                self._request(client, request)

    def _request(self, client: _Client, data: bytes | msgspec.Raw) -> None:
        try:
            request = self._decoder.decode(data)
        except msgspec.MsgspecError:
            client.waiting.append(self._encode(Refusal(id=_id_of(data), reason="bad_request")))
            return
        self._current = client
        try:
            answer = self._handle(request)
        except (OSError, MemoryError):  # what could not be done for one must not end the audio of all
            answer = Refusal(id=request.id, reason="failed")
        if answer is not None:
            client.waiting.append(self._encode(answer))

    @property
    def asker(self) -> object:
        """Who asked the request that is being handled: give it to ``answer`` when the answer comes later, or is more than one message."""
        return self._current


def _id_of(data: bytes | msgspec.Raw) -> int:
    """The id of a message that is otherwise unreadable, or 0."""
    try:
        value = msgspec.msgpack.decode(data)
    except msgspec.MsgspecError:
        return 0
    number = value.get("id") if isinstance(value, dict) else None
    return number if isinstance(number, int) else 0

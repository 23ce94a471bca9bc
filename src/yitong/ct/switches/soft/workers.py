"""The media workers as the switch sees them: one connection each, requests with answers, the choice of a worker for a call.

All connections of one call live on one worker, since a worker mixes only its own rows. A worker that dies is told to the owner with the
calls it carried; the connection is tried again until its successor listens.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from yitong.ct.switches.soft import media_packing
from yitong.ct.switches.soft.media_messages import (
    AnyRequest,
    FromWorker,
    KeepStock,
    ListPorts,
    MediaEvent,
    Pair,
    PortList,
    Refusal,
    Reply,
    Stocked,
    WorkerState,
)  # fmt: skip
from yitong.kit.clock import Clock
from yitong.kit.tasks import Tasks

LARGEST = 1 << 20
RETRY_SECONDS = 0.2
STOCK = 16
"""Pairs of ports that a worker has ready for the next calls."""

_log = structlog.get_logger("yitong.switch.workers")
Answered = Callable[[Reply], None]


class Listener(Protocol):
    """Who owns the workers."""

    def media_event(self, event: MediaEvent) -> None:
        """A row told something."""
        ...

    def worker_up(self, worker: Worker, ports: PortList) -> None:
        """A worker is connected and has told its rows."""
        ...

    def worker_down(self, worker: Worker) -> None:
        """The connection to a worker broke: it died, or will come back with its rows."""
        ...

    def later(self, action: Callable[[], None]) -> None:
        """Do ``action`` after what is going on now."""
        ...


class Worker:
    """The connection to one media worker."""

    def __init__(self, index: int, path: Path, listener: Listener, clock: Clock) -> None:
        self.index = index
        self.path = path
        self.up = False
        self.state: WorkerState | None = None
        self.rows = 0
        """Rows that we opened there; kept by the owner, newer than ``state``."""
        self._listener = listener
        self._clock = clock
        self._sock: socket.socket | None = None
        self._closed: asyncio.Event = asyncio.Event()
        self._pending: dict[int, tuple[Answered | None, str]] = {}
        """By number of the request: who waits for its answer, and the connection it is about."""
        self._count = 0
        self._asking: list[bytes] = []
        self._stock: deque[Pair] = deque()
        self._spent: set[int] | None = None
        """The ports that were taken from the stock since it was asked for anew; None when it is not."""
        self._encode = msgspec.msgpack.Encoder().encode
        self._decoder: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)

    async def run(self) -> None:
        """Connect, read until it breaks, for ever."""
        while True:
            if await self._connect():
                self.ask(lambda number: ListPorts(id=number), self._listed)
                await self._closed.wait()
                self._break()
            await self._clock.sleep(RETRY_SECONDS)

    async def _connect(self) -> bool:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            sock.connect(str(self.path))
        except OSError:
            sock.close()
            return False
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
        self._sock = sock
        self._closed.clear()
        asyncio.get_running_loop().add_reader(sock.fileno(), self._read)
        return True

    def _listed(self, reply: Reply) -> None:
        if isinstance(reply, PortList):
            self.up = True
            self._listener.worker_up(self, reply)
            self._restock()

    def take(self) -> Pair | None:
        """A pair that is bound already, for the next row to be opened (``OpenPort.pair``); None when there is none."""
        if len(self._stock) <= STOCK // 2:
            self._restock()
        pair = self._stock.popleft() if self._stock else None
        if pair is not None and self._spent is not None:
            self._spent.add(pair.rtp_port)
        return pair

    def _restock(self) -> None:
        if self._spent is None:
            spent = self._spent = set[int]()
            self.ask(lambda number: KeepStock(id=number, count=STOCK), lambda reply: self._stocked(reply, spent))

    def _stocked(self, reply: Reply, spent: set[int]) -> None:
        if self._spent is spent:
            self._spent = None
            if isinstance(reply, Stocked):
                self._stock = deque(pair for pair in reply.pairs if pair.rtp_port not in spent)

    def _break(self) -> None:
        if self._sock is None:
            return
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()
        self._sock = None
        self._asking.clear()
        self._stock.clear()
        self._spent = None
        was_up, self.up = self.up, False
        pending, self._pending = self._pending, {}
        for number, (answered, _) in pending.items():
            if answered is not None:
                self._lost(number, answered)
        if was_up:
            self._listener.worker_down(self)

    def close(self) -> None:
        """End the connection; the worker and its rows live on."""
        self._flush()
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
            self._sock.close()
            self._sock = None
        self.up = False

    def ask(self, make: Callable[[int], AnyRequest], answered: Answered | None = None) -> None:
        """Send a request; ``answered`` gets its answer (a Refusal ``worker_lost`` when the worker is gone)."""
        self._count += 1
        request = make(self._count)
        if self._sock is None:
            if answered is not None:
                self._lost(request.id, answered)
            return
        self._pending[request.id] = (answered, request.port)
        if not self._asking:
            asyncio.get_running_loop().call_soon(self._flush)
        self._asking.append(self._encode(request))

    def _flush(self) -> None:
        """Send what was asked in this turn of the loop, together."""
        asking, self._asking = self._asking, []
        while asking and self._sock is not None:
            count = media_packing.fitting(asking)
            try:
                self._sock.send(media_packing.pack(asking[:count]))
            except OSError as error:  # a worker that does not read for a megabyte is as good as dead
                _log.error("media worker does not take requests", worker=self.index, error=repr(error))
                self._closed.set()
                return
            asking = asking[count:]

    def _lost(self, number: int, answered: Answered) -> None:
        self._listener.later(lambda: answered(Refusal(id=number, reason="worker_lost")))

    def _read(self) -> None:
        for _ in range(200):
            try:
                data = self._sock.recv(LARGEST) if self._sock is not None else b""
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._closed.set()
                return
            self._listener.later(lambda data=data: self._take_all(data))  # type: ignore[misc]

    def _take_all(self, data: bytes) -> None:
        try:
            messages = media_packing.unpack(data) if media_packing.is_packed(data) else [data]
        except msgspec.MsgspecError:
            messages = [data]
        for message in messages:
            self._take(message)

    def _take(self, data: bytes | msgspec.Raw) -> None:
        try:
            message = self._decoder.decode(data)
        except msgspec.MsgspecError as error:
            _log.error("media worker said something unknown", worker=self.index, error=str(error))
            return
        if isinstance(message, WorkerState):
            self.state = message
        elif isinstance(message, Reply):
            answered, connection = self._pending.pop(message.id, (None, ""))
            if answered is not None:
                self._listener.later(lambda: answered(message))
            elif isinstance(message, Refusal):
                _log.warning("media worker refused", worker=self.index, reason=message.reason, connection=connection)
        else:
            self._listener.media_event(message)


class Workers:
    """All workers of this switch; connects to each at its socket and keeps connecting."""

    def __init__(self, paths: list[Path], listener: Listener, clock: Clock, tasks: Tasks) -> None:
        self.listener = listener
        self.all = [Worker(index, path, listener, clock) for index, path in enumerate(paths)]
        self._tasks = tasks

    def start(self) -> None:
        """Begin to connect."""
        for worker in self.all:
            self._tasks.keep(worker.run, f"media worker {worker.index}")

    def close(self) -> None:
        """End the connections."""
        for worker in self.all:
            worker.close()

    def choose(self) -> Worker | None:
        """The worker with the most room; None when there is none at all."""
        rooms = [(_load(worker), worker.rows, worker.index) for worker in self.all if worker.up]
        free = [room for room in rooms if room[0] < 1.0]
        return self.all[min(free)[2]] if free else None


def _load(worker: Worker) -> float:
    state = worker.state
    if state is None:
        return 0.0
    return max(state.ports, worker.rows) / state.capacity if state.capacity > 0 else 1.0

"""Publishing into a JetStream stream in order, many in flight, nothing lost over an outage.

Order: one connection carries the messages in the order of the calls, and the server stores them so. Each connection lives until the
first trouble (lost, an acknowledgement refused or late) and is never reconnected, so that what the server has of it is a beginning of
what was sent. The next one asks for the last stored message of each waiting subject, so that nothing is stored twice however long the
outage was, and begins again with the oldest unacknowledged. Meanwhile what waits is kept in a bounded file as well.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

import msgspec
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext

from yitong.kit.clock import Clock, SystemClock
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.nats_wire import Heard, Wire, listen, publication, send
from yitong.kit.outbox import Kept, Outbox, OutboxFull
from yitong.kit.tasks import Tasks

_log = structlog.get_logger("yitong.publisher")

_ACK_SECONDS = 5.0
_PAUSE_SECONDS = 0.2


class Conflict(Exception):
    """The server already has a message of this id that this publisher did not send: somebody else publishes in our place."""


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """The server has it on disk under ``sequence`` of the stream; 0 when it was stored before and the number is not known."""

    sequence: int


class _Error(msgspec.Struct):
    code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    """JetStream's answer to a publication."""

    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


@dataclass(eq=False)
class _Waiting:
    kept: Kept
    done: asyncio.Future[Acknowledged]
    attempts: int = 0
    on_disk: bool = False
    sent_at: float = field(default=0.0)


class Publisher:
    """``publish`` never waits; the future it returns is done when the message is true. Futures are done in the order of the calls."""

    def __init__(
        self, nats: Nats, stream: str, tasks: Tasks, *, outbox: Outbox | None = None, window: int = 256, clock: Clock | None = None
    ) -> None:
        self._nats = nats
        self._stream = stream
        self._tasks = tasks
        self._outbox = outbox
        self._window = window
        self._clock = clock or SystemClock()
        self._queue: deque[_Waiting] = deque()  # unacknowledged, oldest first; the first ``_flying`` of them are sent
        self._flying = 0
        self._settled: dict[str, _Ack] = {}
        self._connection: Client | None = None
        self._wire: Wire | None = None
        self._trouble = asyncio.Event()
        self._inbox = ""
        self._refused = False
        self.disturbed = True  # the server is away, or was just now

    async def start(self) -> None:
        """Take up what a former life left in the outbox, then send for as long as the tasks live."""
        for kept in self._outbox.load() if self._outbox else ():
            self._queue.append(self._waiting(kept, attempts=1, on_disk=True))
        self._tasks.start(self._run(), f"publisher {self._stream}", vital=True)
        self._tasks.start(self._watch(), f"acknowledgements {self._stream}", vital=True)

    @property
    def backlog(self) -> int:
        """Messages not yet acknowledged."""
        return len(self._queue)

    def publish(self, subject: str, data: bytes, message_id: str) -> asyncio.Future[Acknowledged]:
        """Send ``data`` after everything published before. Raises OutboxFull when the server is away and the file is full."""
        waiting = self._waiting(Kept(subject=subject, data=data, message_id=message_id))
        if self.disturbed and self._outbox is not None:
            self._outbox.append([waiting.kept])
            waiting.on_disk = True
        self._queue.append(waiting)
        self._send()
        return waiting.done

    async def drained(self) -> None:
        """Wait until everything published so far is acknowledged."""
        if self._queue:
            await asyncio.wait([self._queue[-1].done])

    def _waiting(self, kept: Kept, *, attempts: int = 0, on_disk: bool = False) -> _Waiting:
        done: asyncio.Future[Acknowledged] = asyncio.get_running_loop().create_future()
        done.add_done_callback(lambda one: one.cancelled() or one.exception())  # a caller may not care to look
        return _Waiting(kept, done, attempts, on_disk)

    async def _run(self) -> None:
        try:
            while True:
                await self._begin()
                self._send()
                await self._trouble.wait()
        finally:
            if self._outbox is not None:
                self._outbox.close()
            if self._connection is not None:
                await self._connection.close()

    async def _begin(self) -> None:
        """A new connection; find out what the server has, forget that, begin again with the rest."""
        while True:
            try:
                if self._connection is not None:
                    await self._connection.close()
                self._connection, self._wire = connection, wire = await self._nats.single(self._lost)
                self._inbox = connection.new_inbox()
                await listen(connection, wire, self._inbox + ".*", self._heard)
                stored = await self._last_ids(connection.jetstream(timeout=5))
                break
            except OUTAGES as error:
                _log.info("publisher waits", stream=self._stream, waiting=len(self._queue), error=repr(error))
                await self._clock.sleep(_PAUSE_SECONDS)
        if not self._refused:
            self._forget(stored)
        self._flying, self._refused = 0, False
        self._settled.clear()
        self._trouble.clear()
        self.disturbed = False
        if self._outbox is not None and self._outbox.bytes:
            self._tasks.start(self._tidy(self._outbox), f"outbox {self._stream}")

    def _send(self) -> None:
        """Send what waits, as far as the window allows."""
        connection, wire = self._connection, self._wire
        while connection is not None and wire is not None and not self.disturbed and self._flying < min(len(self._queue), self._window):
            if not connection.is_connected:
                self._stop("disconnected")
                return
            waiting = self._queue[self._flying]
            waiting.attempts += 1
            waiting.sent_at = self._clock.monotonic()
            self._flying += 1
            headers = f"NATS/1.0\r\nNats-Msg-Id: {waiting.kept.message_id}\r\n\r\n".encode()
            send(connection, wire, publication(waiting.kept.subject, waiting.kept.data, f"{self._inbox}.{id(waiting)}", headers))

    async def _watch(self) -> None:
        """An acknowledgement that stays away for 5 s is trouble."""
        while True:
            await self._clock.sleep(_ACK_SECONDS / 5)
            if self._flying and not self.disturbed and self._clock.monotonic() - self._queue[0].sent_at > _ACK_SECONDS:
                self._stop("no acknowledgement")

    def _heard(self, message: Heard) -> None:
        """An acknowledgement. Only the oldest flying message moves on; later ones are kept until it is their turn."""
        inbox, _, token = message.subject.rpartition(".")
        if inbox != self._inbox or self.disturbed:
            return
        self._settled[token] = _read(message)
        while self._flying:
            first = self._queue[0]
            ack = self._settled.pop(str(id(first)), None)
            if ack is None:
                break
            if ack.error is not None:
                self._refused = True
                self._stop(ack.error.description)
                break
            self._finish(first, ack)
        self._send()

    def _finish(self, first: _Waiting, ack: _Ack) -> None:
        self._queue.popleft()
        self._flying -= 1
        if first.done.done():
            return
        if ack.duplicate and first.attempts == 1 and not first.on_disk:
            first.done.set_exception(Conflict(first.kept.message_id))
            return
        first.done.set_result(Acknowledged(sequence=ack.seq))

    def _lost(self, connection: Client) -> None:
        if connection is self._connection:
            self._stop("disconnected")

    def _stop(self, reason: str) -> None:
        """Stop sending; keep on disk what is not there yet."""
        if self.disturbed:
            return
        _log.warning("publisher stops", stream=self._stream, reason=reason, waiting=len(self._queue))
        self.disturbed = True
        self._trouble.set()
        fresh = [one for one in self._queue if not one.on_disk]
        if self._outbox is not None and fresh:
            try:
                self._outbox.append([one.kept for one in fresh])
            except OutboxFull as error:
                _log.error("what waits is in memory only", stream=self._stream, error=str(error))
                return
            for one in fresh:
                one.on_disk = True

    async def _last_ids(self, stream: JetStreamContext) -> dict[str, tuple[str, int]]:
        """The id and sequence of the last stored message of each subject that waits."""
        found: dict[str, tuple[str, int]] = {}
        for subject in dict.fromkeys(one.kept.subject for one in self._queue):
            try:
                message = await stream.get_last_msg(self._stream, subject)
            except nats.js.errors.NotFoundError:
                continue
            found[subject] = ((message.headers or {}).get("Nats-Msg-Id", ""), message.seq or 0)
        return found

    def _forget(self, stored: dict[str, tuple[str, int]]) -> None:
        """Everything up to the last stored message of its subject was stored: it is true."""
        known = {(one.kept.subject, one.kept.message_id) for one in self._queue if one.attempts}
        through = {subject for subject, (last, _) in stored.items() if (subject, last) in known}
        rest: deque[_Waiting] = deque()
        for one in self._queue:
            if one.kept.subject not in through:
                rest.append(one)
                continue
            last, sequence = stored[one.kept.subject]
            is_last = one.kept.message_id == last
            if is_last:
                through.discard(one.kept.subject)
            if not one.done.done():
                one.done.set_result(Acknowledged(sequence=sequence if is_last else 0))
        self._queue = rest

    async def _tidy(self, outbox: Outbox) -> None:
        """Empty the file once everything in it is acknowledged."""
        while not self.disturbed and any(one.on_disk for one in self._queue):
            await self._clock.sleep(_PAUSE_SECONDS)
        if not self.disturbed:
            outbox.clear()


def _read(message: Heard) -> _Ack:
    try:
        return msgspec.json.decode(message.data, type=_Ack)
    except msgspec.DecodeError:
        status = message.status or "unreadable"
        return _Ack(error=_Error(code=503, description=f"no stream takes it ({status})"))

"""NATS: one connection that comes back by itself, values as msgpack, JetStream streams and key-value buckets.

Subjects, stream and bucket names are the caller's. The ordered publisher is in ``publisher``, the lease in ``lease``, reading of
streams in ``stream``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.kv import KeyValue

from yitong.kit.nats_wire import Handler, Heard, Wire, listen, publication, send, unlisten
from yitong.kit.tasks import Tasks

_T = TypeVar("_T")
_log = structlog.get_logger("yitong.nats")

_MOST_WAITING = 1 << 20
"""Octets that the server has not taken yet, beyond which is published the library's way, which waits."""

OUTAGES: tuple[type[Exception], ...] = (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError)


def encode(value: object) -> bytes:
    """``value`` as msgpack."""
    return msgspec.msgpack.encode(value)


def decode(data: bytes, kind: type[_T] | Any) -> _T:
    """The value of type ``kind`` in ``data``; raises msgspec.ValidationError or DecodeError."""
    decoded: _T = msgspec.msgpack.decode(data, type=kind)
    return decoded


def on_wire() -> tuple[Client, Wire]:
    """A client of the library whose stream is a ``Wire``."""
    connection, wire = Client(), Wire()
    connection._transport = wire
    return connection, wire


class StreamSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A stream: kept on disk; the oldest messages go when it is older or larger than said (0: no limit)."""

    name: str
    subjects: tuple[str, ...]
    max_age_seconds: float = 0.0
    max_bytes: int = 0
    duplicate_seconds: float = 300.0


class BucketSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A key-value bucket; ``ttl_seconds`` 0 keeps for ever."""

    name: str
    history: int = 1
    ttl_seconds: float = 0.0


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A value of a bucket; ``revision`` grows with every write to the bucket; ``value`` is None for a deleted key."""

    key: str
    value: bytes | None
    revision: int


class Nats:
    """The connection of a process. ``await Nats.connect(url, name)``; it never gives up, and ``connected`` tells how it stands."""

    def __init__(self, connection: Client, wire: Wire, url: str = "", name: str = "") -> None:
        self.connection = connection
        self._wire = wire
        self.url = url
        self.name = name
        self.js: JetStreamContext = connection.jetstream(timeout=5)
        self.up = asyncio.Event()
        self.up.set()
        self._watchers: list[Callable[[bool], None]] = []
        self._closing = False
        self._inbox = connection.new_inbox()
        self._asked: dict[str, asyncio.Future[Heard]] = {}
        self._count = 0

    @classmethod
    async def connect(cls, url: str, name: str, *, patience_seconds: float | None = None) -> Nats:
        """Connect; waits for the server for ever, or raises TimeoutError after ``patience_seconds``."""
        connection, wire = on_wire()
        self: Nats | None = None

        async def lost() -> None:
            if self is not None:
                self._turned(False)

        async def back() -> None:
            if self is not None:
                self._turned(True)

        async def trouble(error: Exception) -> None:
            _log.warning("nats connection trouble", error=repr(error))

        try:
            await asyncio.wait_for(
                connection.connect(
                    url, name=name, allow_reconnect=True, max_reconnect_attempts=-1, connect_timeout=2, ping_interval=5,
                    reconnect_time_wait=0.2,  # type: ignore[arg-type]
                    max_outstanding_pings=2, pending_size=8 << 20, disconnected_cb=lost, reconnected_cb=back,
                    error_cb=trouble,
                ),
                patience_seconds,
            )  # fmt: skip
        except BaseException:
            await connection.close()
            raise
        self = cls(connection, wire, url, name)
        await listen(connection, wire, self._inbox + ".*", self._answered)
        return self

    async def single(self, lost: Callable[[Client], None]) -> tuple[Client, Wire]:
        """A second connection that does not come back by itself: ``lost`` is called once when it ends. Raises one of OUTAGES.

        Nothing that such a connection held back can reach the server after another one has taken its place.
        """
        connection, wire = on_wire()

        async def ended() -> None:
            lost(connection)

        async def trouble(error: Exception) -> None:
            _log.info("nats connection ends", error=repr(error))

        try:
            await connection.connect(
                self.url, name=self.name, allow_reconnect=False, connect_timeout=2, ping_interval=5, max_outstanding_pings=2,
                closed_cb=ended, disconnected_cb=ended, error_cb=trouble,
            )  # fmt: skip
        except BaseException:
            await connection.close()
            raise
        return connection, wire

    @property
    def connected(self) -> bool:
        """The server is there now."""
        return self.up.is_set()

    def on_change(self, watcher: Callable[[bool], None]) -> None:
        """``watcher(connected)`` is called at every loss and return."""
        self._watchers.append(watcher)

    async def publish(self, subject: str, value: object) -> None:
        """Tell whoever listens now; lost when the server is away for long."""
        data = encode(value)
        if not self.tell(subject, data):
            await self.connection.publish(subject, data)

    def tell(self, subject: str, data: bytes, reply: str = "") -> bool:
        """Publish at once; false, and nothing is sent, while the server is away or slow to take what is sent, or of what is too large."""
        if not self.connection.is_connected or self._wire.waiting > _MOST_WAITING or len(data) > self.connection.max_payload:
            return False
        send(self.connection, self._wire, publication(subject, data, reply))
        return True

    async def request(self, subject: str, value: object, kind: type[_T] | Any, *, seconds: float) -> _T:
        """Ask and wait for one answer. Raises TimeoutError when nobody answers in time (or nobody is there)."""
        self._count += 1
        token, data = str(self._count), encode(value)
        reply = f"{self._inbox}.{token}"
        answer = self._asked[token] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                if not self.tell(subject, data, reply):
                    await self.connection.publish(subject, data, reply)
                heard = await answer
        except TimeoutError as error:
            raise TimeoutError(f"no answer on {subject}") from error
        finally:
            del self._asked[token]
        if heard.status == "503":
            raise TimeoutError(f"nobody is there on {subject}")
        decoded: _T = decode(heard.data, kind)
        return decoded

    def _answered(self, message: Heard) -> None:
        answer = self._asked.get(message.subject.rpartition(".")[2])
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def listen(self, subject: str, handler: Handler, *, queue: str = "") -> Subscription:
        """``handler(message)`` for each message, at once and where it is read: for what comes often. End it with ``unlisten``."""
        return await listen(self.connection, self._wire, subject, handler, queue)

    async def unlisten(self, subscription: Subscription) -> None:
        """Hear no more."""
        await unlisten(self.connection, self._wire, subscription)

    async def hear(self, subject: str, kind: type[_T] | Any, handler: Callable[[str, _T], None]) -> Subscription:
        """``handler(subject, value)`` for each message, as ``listen``. What cannot be read is logged and left."""
        decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)

        def heard(message: Heard) -> None:
            try:
                value = decoder.decode(message.data)
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                _log.warning("message not understood", subject=message.subject, error=str(error))
            else:
                handler(message.subject, value)

        return await self.listen(subject, heard)

    async def subscribe(
        self, subject: str, kind: type[_T] | Any, handler: Callable[[str, _T], Awaitable[None]], *, queue: str = ""
    ) -> Subscription:
        """``await handler(subject, value)`` for each message, one after the other. What cannot be read is logged and left."""

        decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)  # made once: for a union that costs more than a message

        async def heard(message: Msg) -> None:
            try:
                await handler(message.subject, decoder.decode(message.data))
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                _log.warning("message not understood", subject=message.subject, error=str(error))
            except Exception:  # noqa: BLE001 - one bad message must not end the subscription
                _log.exception("handler failed", subject=message.subject)

        return await self.connection.subscribe(subject, queue=queue, cb=heard)

    async def answer(
        self, subject: str, kind: type[_T] | Any, handler: Callable[[str, _T], Awaitable[object]], *, queue: str = "",
        beside: Tasks | None = None,
    ) -> Subscription:  # fmt: skip
        """Answer requests with what ``handler(subject, value)`` returns, one after the other, or each in a task ``beside``; no answer when
        it fails.
        """

        decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)

        async def answered(message: Msg | Heard) -> None:
            try:
                reply = encode(await handler(message.subject, decoder.decode(message.data)))
            except Exception:  # noqa: BLE001 - the asker gets no answer, the next one must
                _log.exception("request not answered", subject=message.subject)
                return
            if message.reply and not self.tell(message.reply, reply):
                await self.connection.publish(message.reply, reply)

        if beside is None:
            return await self.connection.subscribe(subject, queue=queue, cb=answered)
        return await self.listen(subject, lambda message: _begin(beside, answered(message), f"answer {subject}"), queue=queue)

    async def ensure_stream(self, spec: StreamSpec) -> None:
        """Create the stream, or bring its configuration up to ``spec``."""
        config = StreamConfig(
            name=spec.name, subjects=list(spec.subjects), retention=RetentionPolicy.LIMITS, storage=StorageType.FILE,
            discard=DiscardPolicy.OLD, max_age=spec.max_age_seconds or None, max_bytes=spec.max_bytes or -1,
            duplicate_window=spec.duplicate_seconds, allow_direct=True,
        )  # fmt: skip
        try:
            await self.js.add_stream(config)
        except nats.js.errors.BadRequestError:
            await self.js.update_stream(config)

    async def ensure_bucket(self, spec: BucketSpec) -> None:
        """Create the bucket unless it is there."""
        try:
            await self.js.key_value(spec.name)
        except nats.js.errors.NotFoundError:
            await self.js.create_key_value(
                bucket=spec.name, history=spec.history, ttl=spec.ttl_seconds or None, storage=StorageType.FILE, direct=True
            )

    async def bucket(self, name: str) -> Bucket:
        """The bucket ``name``, which must be there."""
        return Bucket(await self.js.key_value(name), name)

    async def flush(self, seconds: float = 5.0) -> None:
        """Wait until the server has what was published."""
        await self.connection.flush(max(1, round(seconds)))

    async def close(self) -> None:
        """Send what waits and end."""
        self._closing = True
        try:
            if self.connection.is_connected:
                await asyncio.wait_for(self.connection.drain(), 3)
        except OUTAGES:
            pass
        finally:
            if not self.connection.is_closed:
                await self.connection.close()

    def _turned(self, connected: bool) -> None:
        if self._closing:
            return
        (self.up.set if connected else self.up.clear)()
        _log.warning("nats is back" if connected else "nats is away")
        for watcher in self._watchers:
            watcher(connected)


def _begin(tasks: Tasks, work: Coroutine[Any, Any, None], name: str) -> None:
    tasks.start(work, name)


class Bucket:
    """A key-value bucket; values are bytes, writes may be compare-and-set."""

    def __init__(self, store: KeyValue, name: str) -> None:
        self._store = store
        self.name = name

    async def get(self, key: str) -> Revision | None:
        """The value now, or None."""
        try:
            entry = await self._store.get(key)
        except nats.js.errors.KeyNotFoundError:
            return None
        return Revision(key=key, value=entry.value or b"", revision=entry.revision or 0)

    async def put(self, key: str, value: bytes) -> int:
        """Write whatever stands there; returns the revision."""
        return await self._store.put(key, value)

    async def put_if(self, key: str, value: bytes, revision: int) -> int | None:
        """Write if the key still has ``revision`` (0: is not there); returns the new revision, or None when it was changed."""
        try:
            if revision:
                return await self._store.update(key, value, last=revision)
            return await self._store.create(key, value)
        except nats.js.errors.KeyWrongLastSequenceError:
            return None

    async def delete(self, key: str) -> None:
        """Remove the key; it is not an error when it is not there."""
        await self._store.delete(key)


__all__ = ["OUTAGES", "Bucket", "BucketSpec", "Nats", "Revision", "StreamSpec", "decode", "encode"]

"""Reading a JetStream stream in order, from any point, for ever: the reader survives the server's absence and misses nothing.

An ephemeral push consumer with heartbeats; a gap in its sequence or a silent server makes a new one after the last message handled. Who may
wait a moment has the messages in lists (``follow_in_lists``): an ephemeral consumer that is asked for all there is, some times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import msgspec
import structlog
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from yitong.kit.clock import Clock
from yitong.kit.nats import OUTAGES, Nats, Revision
from yitong.kit.nats_wire import Heard

_HEARTBEAT_SECONDS = 2.0
_SILENT_SECONDS = 6.0
_IDLE_SECONDS = 1.0
_ANSWER_SECONDS = 4.0
"""A server that says nothing for so long to a question that expires after ``_IDLE_SECONDS`` has forgotten it."""
_MOST_BYTES = 32 << 20
_NO_MORE = ("404", "408", "409")
"""Statuses that end an answer: there is nothing, nothing came in time, the next would be too much."""
_WORDS = 9
"""Of a reply subject of JetStream without domain and account."""
_log = structlog.get_logger("yitong.stream")


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a stream: its number in the stream, and how many follow that were stored before now. ``deleted``: a key's end."""

    subject: str
    data: bytes
    sequence: int
    pending: int
    deleted: bool = False


class _Broken(Exception):
    """The consumer lost its thread and must be made anew."""


_ENDINGS: tuple[type[Exception], ...] = (*OUTAGES, _Broken)


async def follow(nats: Nats, stream: str, subject: str, *, after: int = 0, latest_only: bool = False) -> AsyncIterator[Stored | None]:
    """Every message of ``stream`` on ``subject`` numbered after ``after``, then those to come, for ever.

    ``None`` is yielded once, when everything that was there at the beginning has been read. ``latest_only`` begins with the latest
    message of each subject instead (key-value buckets).
    """
    caught_up = False
    while True:
        try:
            async for message in _once(nats, stream, subject, after, latest_only and after == 0):
                if message is not None:
                    after = message.sequence
                    yield message
                if not caught_up and (message is None or message.pending == 0):
                    caught_up = True
                    yield None
        except _ENDINGS as error:
            _log.info("stream reader begins again", stream=stream, after=after, error=repr(error))
            await nats.up.wait()
            await asyncio.sleep(0.1)  # noqa: TID251 - a pause before the network is asked again


async def watch(nats: Nats, bucket: str, keys: str, handler: Callable[[Revision | None], Awaitable[None]]) -> None:
    """``handler`` is given every key's present value, then None, then every change (value None: deleted), for ever."""
    prefix = f"$KV.{bucket}."
    async for message in follow(nats, f"KV_{bucket}", prefix + keys, latest_only=True):
        if message is None:
            await handler(None)
            continue
        key = message.subject.removeprefix(prefix)
        await handler(Revision(key=key, value=None if message.deleted else message.data, revision=message.sequence))


async def read(nats: Nats, stream: str, subject: str, *, after: int = 0) -> AsyncIterator[Stored]:
    """What is in the stream now on ``subject``, after message ``after``; ends when the last one is reached."""
    async for message in follow(nats, stream, subject, after=after):
        if message is None:
            return
        yield message


async def _once(nats: Nats, stream: str, subject: str, after: int, latest_only: bool) -> AsyncIterator[Stored | None]:
    """One life of a consumer; None first when there was nothing to read at its beginning."""
    inbox = nats.connection.new_inbox()
    arrived: asyncio.Queue[Heard] = asyncio.Queue()
    subscription = await nats.listen(inbox, arrived.put_nowait)
    try:
        info = await nats.js.add_consumer(stream, _config(inbox, subject, after, latest_only))
        if not info.num_pending and not (info.delivered and info.delivered.consumer_seq):
            yield None
        expected = 1
        while True:
            if arrived.empty():
                async with asyncio.timeout(_SILENT_SECONDS):
                    message = await arrived.get()
            else:
                message = arrived.get_nowait()
            if message.status == "100":
                await _heard_status(nats, message, expected)
                continue
            one, number = _stored(message)
            if number != expected:
                raise _Broken(f"expected {expected}, got {number}")
            expected += 1
            yield one
    finally:
        await nats.unlisten(subscription)


async def follow_in_lists(
    nats: Nats, stream: str, subject: str, *, after: int, most: int, gather_seconds: float, clock: Clock
) -> AsyncGenerator[list[Stored], None]:
    """Every message of ``stream`` on ``subject`` numbered after ``after``, for ever: the first one at once, then those that came within
    ``gather_seconds`` together, ``most`` at a time; an empty list once a second while nothing comes.
    """
    while True:
        try:
            async for messages in _lists(nats, stream, subject, after, most, gather_seconds, clock):
                after = messages[-1].sequence if messages else after
                yield messages
        except _ENDINGS as error:
            _log.info("stream reader begins again", stream=stream, after=after, error=repr(error))
            await nats.up.wait()
            await clock.sleep(0.1)


async def _lists(
    nats: Nats, stream: str, subject: str, after: int, most: int, gather_seconds: float, clock: Clock
) -> AsyncGenerator[list[Stored], None]:
    """One life of a consumer that is asked."""
    pull = _Pull(nats, stream)
    await pull.open(subject, after)
    try:
        while True:
            messages = await pull.ask(batch=1, expires=round(_IDLE_SECONDS * 1e9))
            if not messages:
                yield []
            while messages:
                yield messages
                if len(messages) < most:
                    await clock.sleep(gather_seconds)
                messages = await pull.ask(batch=most, no_wait=True, max_bytes=_MOST_BYTES)
    finally:
        await pull.close()


class _Pull:
    """An ephemeral consumer that gives what it is asked for."""

    def __init__(self, nats: Nats, stream: str) -> None:
        self._nats = nats
        self._stream = stream
        self._inbox = nats.connection.new_inbox()
        self._arrived: asyncio.Queue[Heard] = asyncio.Queue()
        self._subscription: Subscription | None = None
        self._count = 0
        self._expected = 1
        self._subject = ""

    async def open(self, subject: str, after: int) -> None:
        self._subscription = await self._nats.listen(self._inbox + ".*", self._arrived.put_nowait)
        config = ConsumerConfig(
            filter_subject=subject, deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1, ack_policy=AckPolicy.NONE,
            max_deliver=1, mem_storage=True, inactive_threshold=30, num_replicas=1,
        )  # fmt: skip
        info = await self._nats.js.add_consumer(self._stream, config)
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{info.name}"

    async def ask(self, **wanted: int) -> list[Stored]:
        """What there is, at most ``batch``; waits for the first until the question ``expires`` (nanoseconds)."""
        self._count += 1
        reply = f"{self._inbox}.{self._count}"
        if not self._nats.tell(self._subject, msgspec.json.encode(wanted), reply):
            raise _Broken("the server is away")
        messages: list[Stored] = []
        while len(messages) < wanted["batch"]:
            async with asyncio.timeout(_ANSWER_SECONDS):
                message = await self._arrived.get()
            if not message.status:
                messages.append(self._next(message))
            elif message.subject == reply and message.status in _NO_MORE:
                break
            elif message.subject == reply:
                raise _Broken(f"the server says {message.status}")
        return messages

    def _next(self, message: Heard) -> Stored:
        one, number = _stored(message)
        if number != self._expected:
            raise _Broken(f"expected {self._expected}, got {number}")
        self._expected += 1
        return one

    async def close(self) -> None:
        if self._subscription is not None:
            await self._nats.unlisten(self._subscription)


def _stored(message: Heard) -> tuple[Stored, int]:
    """A message with what its reply subject tells of it, and its number of the consumer.

    ``$JS.ACK.{stream}.{consumer}.{times}.{sequence}.{number}.{time}.{pending}``; since 2.11 with domain and account before the stream.
    """
    words = message.reply.split(".")
    sequence, number, _, pending = words[5:9] if len(words) == _WORDS else words[7:11]
    deleted = bool(message.headers) and (
        message.header("KV-Operation") in ("DEL", "PURGE") or message.header("Nats-Marker-Reason") is not None
    )
    stored = Stored(subject=message.subject, data=message.data, sequence=int(sequence), pending=int(pending), deleted=deleted)
    return stored, int(number)


def _config(inbox: str, subject: str, after: int, latest_only: bool) -> ConsumerConfig:
    policy = DeliverPolicy.LAST_PER_SUBJECT if latest_only else DeliverPolicy.BY_START_SEQUENCE
    return ConsumerConfig(
        deliver_subject=inbox, filter_subject=subject, deliver_policy=policy, opt_start_seq=None if latest_only else after + 1,
        ack_policy=AckPolicy.NONE, max_deliver=1, mem_storage=True, flow_control=True, idle_heartbeat=_HEARTBEAT_SECONDS,
        inactive_threshold=30, num_replicas=1,
    )  # fmt: skip


async def _heard_status(nats: Nats, message: Heard, expected: int) -> None:
    """Answer flow control; compare a heartbeat's last consumer sequence with what arrived."""
    if message.reply:
        await nats.connection.publish(message.reply)
        return
    last = message.header("Nats-Last-Consumer")
    if last is not None and int(last) >= expected:
        raise _Broken(f"heartbeat says {last}, {expected} not seen")

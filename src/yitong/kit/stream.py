"""Reading a JetStream stream in order, from any point, for ever: the reader survives the server's absence and misses nothing.

An ephemeral push consumer with heartbeats; a gap in its sequence or a silent server makes a new one after the last message handled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import structlog
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from yitong.kit.nats import OUTAGES, Nats, Revision
from yitong.kit.nats_wire import Heard

_HEARTBEAT_SECONDS = 2.0
_SILENT_SECONDS = 6.0
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

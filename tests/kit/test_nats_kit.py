"""NATS and what is built on it, against the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
import pytest
from nats.errors import MaxPayloadError

from yitong.kit.clock import SystemClock
from yitong.kit.lease import Lease, LeaseLost
from yitong.kit.nats import Nats, Revision
from yitong.kit.nats_wire import Heard as Message
from yitong.kit.nats_wire import Sorting
from yitong.kit.publisher import Conflict, Publisher
from yitong.kit.stream import follow, follow_in_lists, read, watch
from yitong.kit.tasks import Tasks

Until = Callable[..., Awaitable[None]]


class Word(msgspec.Struct, frozen=True):
    text: str


@dataclass
class Heard:
    words: list[tuple[str, str]]

    async def __call__(self, subject: str, word: Word) -> None:
        self.words.append((subject, word.text))


async def test_what_is_published_is_heard_and_what_cannot_be_read_is_left(nats: Nats, tenant: str, until: Until) -> None:
    heard = Heard([])
    await nats.subscribe(f"test.{tenant}.*", Word, heard)
    await nats.publish(f"test.{tenant}.a", Word("一"))
    await nats.publish(f"test.{tenant}.b", [1, 2, 3])
    await nats.publish(f"test.{tenant}.c", Word("two"))
    await until(lambda: len(heard.words) == 2)
    assert heard.words == [(f"test.{tenant}.a", "一"), (f"test.{tenant}.c", "two")]


async def test_a_request_is_answered_or_times_out(nats: Nats, tenant: str) -> None:
    async def twice(_: str, word: Word) -> Word:
        return Word(word.text * 2)

    await nats.answer(f"ask.{tenant}", Word, twice)
    assert await nats.request(f"ask.{tenant}", Word("ab"), Word, seconds=20) == Word("abab")
    with pytest.raises(TimeoutError):
        await nats.request(f"ask.{tenant}.nobody", Word("ab"), Word, seconds=0.2)


async def test_a_bucket_compares_before_it_sets(nats: Nats, tenant: str) -> None:
    bucket = await nats.bucket("config")
    first = await bucket.put_if(f"{tenant}.a", b"1", 0)
    assert first is not None
    assert await bucket.put_if(f"{tenant}.a", b"2", 0) is None
    second = await bucket.put_if(f"{tenant}.a", b"2", first)
    assert await bucket.get(f"{tenant}.a") == Revision(key=f"{tenant}.a", value=b"2", revision=second or 0)
    await bucket.delete(f"{tenant}.a")
    assert await bucket.get(f"{tenant}.a") is None


async def test_watching_tells_what_is_there_then_what_changes(nats: Nats, tenant: str, until: Until) -> None:
    bucket = await nats.bucket("config")
    await bucket.put(f"{tenant}.queue.a", b"1")
    told: list[tuple[str, bytes | None] | None] = []

    async def hear(revision: Revision | None) -> None:
        told.append(None if revision is None else (revision.key.removeprefix(tenant), revision.value))

    tasks = Tasks()
    tasks.start(watch(nats, "config", f"{tenant}.>", hear), "watch")
    await until(lambda: None in told)
    await bucket.put(f"{tenant}.queue.b", b"2")
    await bucket.delete(f"{tenant}.queue.a")
    await until(lambda: len(told) == 4)
    assert told == [(".queue.a", b"1"), None, (".queue.b", b"2"), (".queue.a", None)]
    await tasks.close()


async def test_an_empty_stream_is_read_at_once(nats: Nats, tenant: str) -> None:
    assert [one async for one in read(nats, "LEDGER", f"ledger.{tenant}.none")] == []


async def test_published_in_order_with_many_in_flight(nats: Nats, tenant: str) -> None:
    tasks, subject = Tasks(), f"ledger.{tenant}.s"
    publisher = Publisher(nats, "LEDGER", tasks, window=64)
    await publisher.start()
    sent = [publisher.publish(subject, b"%d" % number, f"{tenant}.{number}") for number in range(500)]
    acknowledged = await asyncio.gather(*sent)
    assert [one.sequence for one in acknowledged] == sorted({one.sequence for one in acknowledged})
    assert [int(one.data) async for one in read(nats, "LEDGER", subject)] == list(range(500))
    middle = acknowledged[249].sequence
    assert [int(one.data) async for one in read(nats, "LEDGER", subject, after=middle)] == list(range(250, 500))
    await tasks.close()


async def test_somebody_elses_message_of_the_same_id_is_a_conflict(nats: Nats, tenant: str) -> None:
    tasks, subject = Tasks(), f"ledger.{tenant}.s"
    await nats.js.publish(subject, b"other", headers={"Nats-Msg-Id": f"{tenant}.7"})
    publisher = Publisher(nats, "LEDGER", tasks)
    await publisher.start()
    with pytest.raises(Conflict):
        await publisher.publish(subject, b"mine", f"{tenant}.7")
    await tasks.close()


async def test_following_goes_on_with_what_comes(nats: Nats, tenant: str) -> None:
    subject = f"ledger.{tenant}.s"
    await nats.js.publish(subject, b"0")
    seen: list[bytes | None] = []
    async for message in follow(nats, "LEDGER", subject):
        seen.append(message.data if message else None)
        if message is None:
            await nats.js.publish(subject, b"1")
        if len(seen) == 3:
            break
    assert seen == [b"0", None, b"1"]


async def test_what_may_wait_comes_in_lists(nats: Nats, tenant: str) -> None:
    subject, clock = f"ledger.{tenant}.s", SystemClock()
    stored = [(await nats.js.publish(subject, b"%d" % number)).seq for number in range(50)]
    lists = follow_in_lists(nats, "LEDGER", subject, after=stored[9], most=20, gather_seconds=0.01, clock=clock)
    got: list[int] = []
    async with aclosing(lists):
        async for messages in lists:
            assert len(messages) <= 20
            got += [int(one.data) for one in messages]
            if not messages and got[-1] == 49:
                for number in (50, 51):
                    await nats.js.publish(subject, b"%d" % number)
            elif got[-1] == 51:
                break
    assert got == list(range(10, 52))


async def test_a_lease_has_one_owner_and_a_growing_epoch(nats: Nats, tenant: str) -> None:
    bucket, clock = await nats.bucket("leases"), SystemClock()
    first = Lease(bucket, f"{tenant}.s", owner="node-a", life="1", clock=clock, seconds=60)
    epoch = await first.acquire()
    await first.renew()
    again = Lease(bucket, f"{tenant}.s", owner="node-a", life="2", clock=clock, seconds=60)
    epoch_again = await asyncio.wait_for(again.acquire(), 30)  # the same node need not wait
    assert epoch_again > epoch
    with pytest.raises(LeaseLost):
        await first.renew()
    other = Lease(bucket, f"{tenant}.s", owner="node-b", life="3", clock=clock, seconds=0.6)
    taken = await asyncio.wait_for(other.acquire(), 30)
    assert taken > epoch_again
    with pytest.raises(LeaseLost):
        await again.renew()
    await other.release()
    last = Lease(bucket, f"{tenant}.s", owner="node-c", life="4", clock=clock, seconds=60)
    before = clock.now()
    assert await asyncio.wait_for(last.acquire(), 30) > taken  # given up in peace: nobody need wait
    assert before - 60_000_000 < last.former_at <= before


async def test_what_is_heard_at_once_comes_in_order_whole_and_again_after_a_return(nats: Nats, tenant: str, until: Until) -> None:
    """Small and large messages, whatever the pieces in which they are read; beside the library's own subscriptions."""
    words = [f"{number}" * (1 if number % 3 else 90_000) for number in range(60)]
    at_once: list[str] = []
    beside = Heard([])
    subscription = await nats.hear(f"test.{tenant}.a", Word, lambda _, word: at_once.append(word.text))
    await nats.subscribe(f"test.{tenant}.a", Word, beside)
    for word in words:
        await nats.publish(f"test.{tenant}.a", Word(word))
    await nats.publish(f"test.{tenant}.a", [1])
    await until(lambda: len(at_once) == len(beside.words) == 60)
    assert at_once == words == [text for _, text in beside.words]
    writer = nats._wire._io_writer
    assert writer is not None
    writer.transport.abort()
    await until(lambda: not nats.connected)
    await until(lambda: nats.connected)
    await nats.publish(f"test.{tenant}.a", Word("again"))
    await until(lambda: at_once[60:] == ["again"])
    await nats.unlisten(subscription)
    await nats.publish(f"test.{tenant}.a", Word("no more"))
    await until(lambda: len(beside.words) == 62)
    assert len(at_once) == 61


async def test_what_is_too_large_is_refused_and_the_connection_stays(nats: Nats, tenant: str) -> None:
    with pytest.raises(MaxPayloadError):
        await nats.publish(f"test.{tenant}.a", Word("x" * (nats.connection.max_payload + 1)))
    assert not nats.tell(f"test.{tenant}.a", bytes(nats.connection.max_payload + 1))
    await nats.flush()
    assert nats.connected


def test_frames_are_found_wherever_they_are_cut() -> None:
    content = (
        b"INFO {}\r\nMSG a.b 7 2\r\nx\r\r\nPING\r\nHMSG a.c 7 $r.1 12 14\r\nNATS/1.0\r\n\r\nhi\r\nMSG a.d 8 0\r\n\r\nMSG a 7 0\r\n\r\n"
    )
    for size in range(1, len(content) + 1):
        heard: list[Message] = []
        loop = asyncio.new_event_loop()
        reader = asyncio.StreamReader(loop=loop)
        sorting = Sorting(reader, loop, {7: heard.append})
        for at in range(0, len(content), size):
            sorting.data_received(content[at : at + size])
        assert heard == [
            Message("a.b", "", b"", b"x\r"), Message("a.c", "$r.1", b"NATS/1.0\r\n\r\n", b"hi"), Message("a", "", b"", b"")
        ]  # fmt: skip
        assert bytes(reader._buffer) == b"INFO {}\r\nPING\r\nMSG a.d 8 0\r\n\r\n"  # type: ignore[attr-defined]
        loop.close()

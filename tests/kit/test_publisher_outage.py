"""The ordered publisher while its server is killed, stopped and started again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from yitong.app import embedded, engines, streams
from yitong.app.supervisor import Kept, Supervisor
from yitong.kit.clock import SystemClock
from yitong.kit.nats import Nats
from yitong.kit.outbox import Kept as Waiting
from yitong.kit.outbox import Outbox, OutboxFull
from yitong.kit.publisher import Publisher
from yitong.kit.stream import follow, follow_in_lists, read
from yitong.kit.tasks import Tasks

Until = Callable[..., Awaitable[None]]
SUBJECT = "ledger.t.s"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[Kept, Nats]]:
    engine = embedded.nats(tmp_path)
    runtime = tmp_path / "r"
    runtime.mkdir()
    supervisor = Supervisor(runtime, log_folder=tmp_path / "log")
    kept = await supervisor.start(engines.nats_spec(engine))
    await supervisor.serving([kept], 20)
    nats = await Nats.connect(engine.url, "test", patience_seconds=10)
    await streams.prepare(nats)
    yield kept, nats
    await nats.close()
    await supervisor.stop()


async def numbers(nats: Nats) -> list[int]:
    return [int(one.data) async for one in read(nats, "LEDGER", SUBJECT)]


async def test_nothing_is_lost_or_doubled_and_the_order_kept_when_the_server_is_killed(server: tuple[Kept, Nats], tmp_path: Path) -> None:
    kept, nats = server
    tasks = Tasks()
    publisher = Publisher(nats, "LEDGER", tasks, outbox=Outbox(tmp_path / "outbox"))
    await publisher.start()
    sent = []
    for number in range(3000):
        sent.append(publisher.publish(SUBJECT, b"%d" % number, f"t.s.{number}"))
        if number in (500, 1700):
            await asyncio.sleep(0.05)
            assert kept.child is not None
            os.kill(kept.child.pid, signal.SIGKILL)
        if number % 100 == 0:
            await asyncio.sleep(0.02)
    await asyncio.wait_for(asyncio.gather(*sent), 60)
    assert await numbers(nats) == list(range(3000))
    await tasks.close()


async def test_a_publisher_that_dies_while_the_server_is_away_leaves_its_messages_to_the_next(
    server: tuple[Kept, Nats], tmp_path: Path, until: Until
) -> None:
    kept, nats = server
    assert kept.child is not None
    tasks = Tasks()
    first = Publisher(nats, "LEDGER", tasks, outbox=Outbox(tmp_path / "outbox"))
    await first.start()
    await asyncio.gather(*(first.publish(SUBJECT, b"%d" % number, f"t.s.{number}") for number in range(10)))
    os.kill(kept.child.pid, signal.SIGSTOP)  # neither answers nor closes
    for number in range(10, 20):
        first.publish(SUBJECT, b"%d" % number, f"t.s.{number}")
    await until(lambda: first.disturbed, 20)
    for number in range(20, 30):
        first.publish(SUBJECT, b"%d" % number, f"t.s.{number}")
    await tasks.close()
    assert len(Outbox(tmp_path / "outbox").load()) == 20
    os.kill(kept.child.pid, signal.SIGCONT)

    tasks = Tasks()
    second = Publisher(nats, "LEDGER", tasks, outbox=Outbox(tmp_path / "outbox"))
    await second.start()
    await asyncio.wait_for(second.publish(SUBJECT, b"30", "t.s.30"), 30)
    assert await numbers(nats) == list(range(31))
    await until(lambda: not (tmp_path / "outbox").exists())
    await tasks.close()


async def test_a_follower_misses_nothing_over_a_restart(server: tuple[Kept, Nats], until: Until) -> None:
    kept, nats = server
    seen: list[int] = []
    in_lists: list[int] = []

    async def reader() -> None:
        async for message in follow(nats, "LEDGER", SUBJECT):
            if message is not None:
                seen.append(int(message.data))

    async def lister() -> None:
        async for messages in follow_in_lists(nats, "LEDGER", SUBJECT, after=0, most=10, gather_seconds=0.05, clock=SystemClock()):
            in_lists.extend(int(message.data) for message in messages)

    tasks = Tasks()
    tasks.start(reader(), "reader")
    tasks.start(lister(), "reader in lists")
    publisher = Publisher(nats, "LEDGER", tasks)
    await publisher.start()
    for number in range(60):
        publisher.publish(SUBJECT, b"%d" % number, f"t.s.{number}")
        if number == 30:
            await publisher.drained()
            assert kept.child is not None
            os.kill(kept.child.pid, signal.SIGKILL)
    await until(lambda: len(seen) == len(in_lists) == 60, 40)
    assert seen == in_lists == list(range(60))
    await tasks.close()


def test_the_outbox_is_bounded_and_bears_a_torn_end(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", limit=300)
    one = Waiting(subject="s", data=b"x" * 50, message_id="1")
    outbox.append([one])
    with pytest.raises(OutboxFull):
        outbox.append([one] * 10)
    outbox.append([one])
    outbox.close()
    with (tmp_path / "outbox").open("ab") as file:
        file.write(b"\x00\x00\x00\xffhalf")
    assert Outbox(tmp_path / "outbox").load() == [one, one]
    outbox.clear()
    assert Outbox(tmp_path / "outbox").load() == []

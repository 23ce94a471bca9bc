"""The ledger's way from the stream into PostgreSQL: in order, once, whatever comes late, twice, broken, or while nobody listens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.conftest import _running
from tests.ledger.telling import Teller, make_tenant, message_of, story

from yitong.app import embedded, engines
from yitong.app.jobs.ledger import LedgerWriter, project
from yitong.app.jobs.personals import PersonalsWriter
from yitong.app.migrate import migrate
from yitong.contact import store
from yitong.contact.ledger import Batch, Personal
from yitong.domains.reporting.service import Projector
from yitong.kit.clock import SECOND, ManualClock, SystemClock, microseconds, moment
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.nats import Nats, encode
from yitong.kit.settings import Settings
from yitong.kit.stream import Stored
from yitong.kit.tasks import Tasks

Until = Callable[..., Awaitable[None]]


def _stored(batch: Batch, number: int) -> Stored:
    return Stored(subject=f"ledger.{batch.tenant}.{batch.site}", data=message_of(batch), sequence=number, pending=0)


def _writer(database: Database, nats: Nats, clock: SystemClock | ManualClock | None = None) -> LedgerWriter:
    return LedgerWriter(database, nats, clock or SystemClock(), RandomIds())


async def _sequences(database: Database, teller: Teller) -> list[int]:
    async with database.transaction() as connection:
        rows = await connection.execute(
            text("select sequence from ledger where tenant_id = :tenant and site_id = :site order by sequence"),
            {"tenant": teller.tenant, "site": teller.site},
        )
        return [row[0] for row in rows]


async def _faults(database: Database) -> dict[str, int]:
    async with database.transaction() as connection:
        return await store.faults(connection)


async def test_events_that_come_twice_and_in_any_order_are_written_once_in_order(database: Database, nats: Nats, teller: Teller) -> None:
    stored = [_stored(batch, number) for number, batch in enumerate(story(teller), 1)]
    shuffled = [*stored, *stored[3:9]]
    random.Random(7).shuffle(shuffled)
    writer = _writer(database, nats)
    for first in range(0, len(shuffled), 4):
        await writer.write(shuffled[first : first + 4])
    assert await _sequences(database, teller) == list(range(1, teller.sequence + 1))
    assert await _faults(database) == {}


async def test_what_waits_for_its_predecessor_is_not_counted_as_read(database: Database, nats: Nats, teller: Teller) -> None:
    one, two, three, *_ = story(teller)
    writer = _writer(database, nats)
    await writer.write([_stored(one, 1), _stored(three, 2)])
    async with database.transaction() as connection:
        read = await connection.scalar(text("select sequence from stream_positions where stream = 'LEDGER'"))
    assert read == 1
    await writer.write([_stored(two, 3)])
    assert await _sequences(database, teller) == list(range(1, three.events[-1].sequence + 1))


async def test_a_sequence_that_never_comes_is_an_alarm_and_holds_nothing_up_for_ever(
    database: Database, nats: Nats, teller: Teller
) -> None:
    one, two, three, *_ = story(teller)
    clock = ManualClock()
    writer = _writer(database, nats, clock)
    await writer.write([_stored(one, 1), _stored(three, 2)])
    clock.advance(11)
    await writer.write([])
    assert await _sequences(database, teller) == [event.sequence for batch in (one, three) for event in batch.events]
    assert await _faults(database) == {"gap": 1}
    await writer.write([_stored(two, 3)])
    assert await _faults(database) == {"gap": 1, "sequence_taken": len(two.events)}, "what came after all is kept, not lost"


async def test_two_owners_of_one_sequence_are_an_alarm(database: Database, nats: Nats, teller: Teller) -> None:
    one, *_ = story(teller)
    teller.sequence = 0
    other, *_ = story(teller)
    writer = _writer(database, nats)
    await writer.write([_stored(one, 1), _stored(other, 2)])
    await writer.write([_stored(other, 3)])
    assert (await _faults(database))["sequence_taken"] >= 1
    assert await _sequences(database, teller) == [event.sequence for event in one.events]


@pytest.mark.parametrize(
    "data", [b"", b"\xc1nonsense", encode({"tenant": 1}), encode(Batch(tenant="x", site="y", events=()))], ids=range(4)
)
async def test_a_message_that_cannot_be_read_is_kept_and_stops_nothing(database: Database, nats: Nats, teller: Teller, data: bytes) -> None:
    one, *_ = story(teller)
    bad = Stored(subject=f"ledger.{teller.tenant}.{teller.site}", data=data, sequence=1, pending=0)
    await _writer(database, nats).write([bad, _stored(one, 2)])
    assert len(await _sequences(database, teller)) == len(one.events)
    assert await _faults(database) == {"unreadable": 1}


async def test_a_nul_in_a_text_is_stored_as_a_mark(database: Database, nats: Nats, teller: Teller) -> None:
    from yitong.contact.messages import AttributeSet

    batch = teller.tell(AttributeSet(contact=teller.id(), name="a\0b", value="\0"))
    await _writer(database, nats).write([_stored(batch, 1)])
    async with database.transaction() as connection:
        assert await connection.scalar(text("select payload ->> 'name' from ledger")) == "a\N{REPLACEMENT CHARACTER}b"


async def test_rows_without_a_month_of_their_own_raise_the_alarm_and_move_in_later(database: Database, nats: Nats, teller: Teller) -> None:
    later = moment(teller.now + 250 * 24 * 3600 * SECOND).replace(day=15)  # a story over a month's end would need two months
    teller.now = microseconds(later)
    one, *_ = story(teller)
    await _writer(database, nats).write([_stored(one, 1)])
    assert await _faults(database) == {"default_partition": len(one.events)}
    async with database.transaction() as connection:
        assert len(await store.make_partitions(connection, teller.now)) == 4
    assert await _faults(database) == {}
    assert len(await _sequences(database, teller)) == len(one.events)


async def test_personal_values_are_kept_apart_and_can_be_erased(database: Database, nats: Nats, teller: Teller) -> None:
    record = Personal(id=teller.id(), tenant=teller.tenant, kind="address", value="+8613900000001", at=teller.now, contact=teller.id())
    strange = Personal(id=teller.id(), tenant=teller.id(), kind="note", value="x", at=teller.now)
    writer = PersonalsWriter(database, nats, SystemClock())
    messages = [
        Stored(subject=f"personal.{one.tenant}", data=encode([one]), sequence=number, pending=0)
        for number, one in enumerate((record, strange, record), 1)
    ]
    await writer.write(messages)
    async with database.transaction() as connection:
        assert await connection.scalar(text("select value from personals")) == "+8613900000001"
        assert await store.erase_personals(connection, teller.tenant, [record.id], teller.now) == 1
    await writer.write(messages[:1])
    async with database.transaction() as connection:
        rows = (await connection.execute(text("select value, erased_at is null from personals"))).all()
    assert [tuple(row) for row in rows] == [(None, False)], "an erased value does not come back from the stream"


@asynccontextmanager
async def _working(database: Database, nats: Nats) -> AsyncIterator[LedgerWriter]:
    clock, tasks = SystemClock(), Tasks()
    writer = _writer(database, nats)
    tasks.keep(writer.inbox.run, "writer")
    tasks.keep(lambda: project(writer, Projector(database, clock, RandomIds()), clock), "projector")
    yield writer
    await tasks.close()


async def test_a_stopped_database_loses_nothing_and_doubles_nothing(tmp_path: Path, nats: Nats, until: Until) -> None:
    """Reliability D1, D2: PostgreSQL goes away while facts are told, and comes back."""
    engine = embedded.postgres(tmp_path)
    spec = engines.postgres_spec(engine)
    database = Database(engine.url, name="test")
    with _running(tmp_path / "run1", spec):
        embedded.make_database(engine.url)
        migrate(Settings(database_url=engine.url))
        teller = Teller(*await make_tenant(database), SystemClock().now() - 3600 * SECOND)
        subject = f"ledger.{teller.tenant}.{teller.site}"
        async with _working(database, nats) as writer:
            for batch in story(teller):
                await nats.js.publish(subject, message_of(batch))
            await until(lambda: writer.events >= teller.sequence, 20)
    async with _working(database, nats) as writer:
        for _ in range(5):
            for batch in story(teller):
                await nats.js.publish(subject, message_of(batch))
        await until(lambda: writer.inbox.away, 20)
        with _running(tmp_path / "run2", spec):
            await until(lambda: not writer.inbox.away and writer.events, 20)
            await _all_there(database, teller)
            async with database.transaction() as connection:
                assert await connection.scalar(text("select count(*) - count(distinct id) from ledger")) == 0
                ours = text("select count(*) from contacts where tenant_id = :tenant")  # others told the same stream of theirs
                assert await connection.scalar(ours, {"tenant": teller.tenant}) == 12
        await database.close()


async def _all_there(database: Database, teller: Teller) -> None:
    """Wait at most 60 s (D2) until everything is written and folded."""
    folded = text("select coalesce(max(sequence), 0) from projection_positions where site_id = :site")
    for _ in range(600):
        async with database.transaction() as connection:
            if await connection.scalar(folded, {"site": teller.site}) == teller.sequence:
                break
        await asyncio.sleep(0.1)
    assert await _sequences(database, teller) == list(range(1, teller.sequence + 1))

"""Fill a home's ledger with closed contacts: for tests of faults, of long lists and of a rebuild, at the size of years.

    python scripts/fill_ledger.py --contacts 1000000 [--site CODE] [--project] [--stream]

Uses YITONG_DATABASE_URL (or the settings file). By default the contacts go to a site of their own, ``archive``, so that the sequence of
a running site stays gap-free. ``--project`` folds them into the projections as well (with the product's own fold). ``--stream`` puts
them into the stream LEDGER (YITONG_NATS_URL) too, as they would stand there had they happened; a worker that runs reads them once more
and finds them written.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
from sqlalchemy import text

from yitong.app.migrate import require_current
from yitong.contact.ledger import Batch, Event, Fact, payload_of
from yitong.contact.messages import ContactAnswered, ContactArrived, ContactEnded, SegmentBegan, SegmentEnded
from yitong.domains.acd.messages import (
    AssignmentEnded,
    ContactLeftQueue,
    ContactOffered,
    ContactQueued,
    Explanation,
    OfferAnswered,
    OfferTarget,
    WrapUpBegan,
    WrapUpEnded,
)
from yitong.domains.reporting import store as projections
from yitong.domains.reporting.model import Rows
from yitong.domains.reporting.rules.fold import fold
from yitong.domains.sites.store import kinds
from yitong.kit.clock import SECOND, SystemClock, moment
from yitong.kit.database import Database, libpq_url
from yitong.kit.ids import RandomIds
from yitong.kit.nats import Nats
from yitong.kit.records import Change, change
from yitong.kit.settings import load

STEP = 2_000
_COLUMNS = (
    "id, type, version, tenant_id, site_id, producer, epoch, sequence, occurred_at, contact_id, segment_id, connection, agent_id, queue_id,"
    " cause, payload"
)


class Author:
    """Writes the story of one closed contact after the other, ``every`` microseconds apart."""

    def __init__(self, tenant: str, site: str, sequence: int, start: int, every: int, agents: list[str], queues: list[str]) -> None:
        self.sequence = sequence
        self._tenant = tenant
        self._site = site
        self._at = start
        self._every = every
        self._ids = RandomIds()
        self._random = random.Random(sequence)
        self._agents = agents
        self._queues = queues

    def contact(self) -> Iterator[Event]:
        """Arrived, menu, queue, talked (nine in ten) or gave up, ended."""
        self._at += self._every
        at, new = self._at, self._ids.new
        contact, ivr, waiting, talking = (new(at) for _ in range(4))
        agent, queue = self._random.choice(self._agents), self._random.choice(self._queues)
        waited, talked = self._random.randrange(1, 60) * SECOND, self._random.randrange(20, 400) * SECOND
        queued = at + 8 * SECOND
        left: dict[str, Any] = {
            "contact": contact,
            "segment": waiting,
            "queue": queue,
            "waited_us": waited,
            "answer_within_us": 20 * SECOND,
            "short_us": 5 * SECOND,
        }
        yield self._event(at, ContactArrived(
            contact=contact, channel="voice", direction="in", call=f"old-{self.sequence}", calling=new(at), called=new(at), number="96900",
        ))  # fmt: skip
        yield self._event(at, ContactAnswered(contact=contact))
        yield self._event(at, SegmentBegan(contact=contact, segment=ivr, kind="ivr"))
        yield self._event(queued, SegmentEnded(contact=contact, segment=ivr, kind="ivr"))
        yield self._event(queued, SegmentBegan(contact=contact, segment=waiting, kind="queue", queue=queue))
        yield self._event(queued, ContactQueued(
            contact=contact, segment=waiting, queue=queue, virtual_arrival=queued, wait_from=queued, priority=0,
            due_at=queued + 20 * SECOND,
        ))  # fmt: skip
        over = queued + waited
        if self._random.random() >= 0.9:
            yield self._event(over, ContactLeftQueue(outcome="abandoned", **left))
            yield self._event(over, SegmentEnded(contact=contact, segment=waiting, kind="queue", cause="abandoned"))
            yield self._event(over, ContactEnded(contact=contact, by="customer"))
            return
        talk: dict[str, Any] = {"contact": contact, "segment": talking, "queue": queue, "agent": agent, "assignment": new(over)}
        rang = min(waited, 3 * SECOND)
        yield self._event(over - rang, _offer({**talk, "segment": waiting}, over - rang, new(over)))
        yield self._event(over, ContactLeftQueue(outcome="answered", **left))
        yield self._event(over, SegmentEnded(contact=contact, segment=waiting, kind="queue", cause="answered"))
        yield self._event(over, SegmentBegan(contact=contact, segment=talking, kind="agent", agent=agent, queue=queue))
        yield self._event(over, OfferAnswered(**talk, device="", waited_us=waited, rang_us=rang))
        over += talked
        yield self._event(over, AssignmentEnded(**talk, cause="customer_left", talk_us=talked, hold_us=0))
        yield self._event(over, SegmentEnded(contact=contact, segment=talking, kind="agent", cause="customer_left"))
        yield self._event(over, ContactEnded(contact=contact, by="customer"))
        yield self._event(over, WrapUpBegan(**talk, until=over + 10 * SECOND))
        yield self._event(over + 10 * SECOND, WrapUpEnded(**talk, cause="time_limit", wrap_up_us=10 * SECOND))

    def _event(self, at: int, fact: Fact) -> Event:
        self.sequence += 1
        return Event(
            id=self._ids.new(at), type=fact.TYPE, version=fact.VERSION, tenant=self._tenant, site=self._site, producer="fill_ledger",
            epoch=0, sequence=self.sequence, occurred_at=at, contact=fact.contact, segment=fact.segment, agent=fact.agent,
            queue=fact.queue, cause=fact.cause, payload=payload_of(fact),
        )  # fmt: skip


def _offer(talk: dict[str, Any], at: int, connection: str) -> ContactOffered:
    why = Explanation(strategy="longest_idle", order=[], candidates=[])
    targets = [OfferTarget(connection=connection, device="")]
    return ContactOffered(**talk, targets=targets, ring_until=at + 20 * SECOND, lease_until=at + 30 * SECOND, decision=why)


async def _place(database: Database, code: str) -> tuple[str, str, int, list[str], list[str]]:
    """Tenant, site (made when it is missing), written sequence, agents and queues of the oldest tenant."""
    clock, ids = SystemClock(), RandomIds()
    async with database.transaction() as connection:
        tenant = str(await connection.scalar(text("select id from tenants order by created_at limit 1")))
        key = {"tenant": tenant, "code": code}
        site = await connection.scalar(text("select id from sites where tenant_id = :tenant and code = :code"), key)
        if site is None:
            site = ids.new(clock.now())
            value = {"code": code, "name": {"zh-CN": "历史", "en": "Archive"}, "zone": "Asia/Shanghai"}
            await change(connection, kinds.SITE, Change(tenant=tenant, id=site, version=0, value=value, actor="", at=clock.now()))
        query = "select sequence from ledger_positions where tenant_id = :tenant and site_id = :site"
        sequence = await connection.scalar(text(query), {"tenant": tenant, "site": site})
        agents = [row[0] for row in await connection.execute(text("select id from agents where tenant_id = :tenant"), key)]
        queues = [row[0] for row in await connection.execute(text("select id from queues where tenant_id = :tenant"), key)]
    return tenant, str(site), int(sequence or 0), agents, queues


def _cells(event: Event) -> tuple[object, ...]:
    return (
        event.id, event.type, event.version, event.tenant, event.site, event.producer, event.epoch, event.sequence,
        moment(event.occurred_at),
        event.contact or None, event.segment or None, None, event.agent or None, event.queue or None, event.cause or None,
        msgspec.json.encode(event.payload).decode(),
    )  # fmt: skip


async def fill(url: str, contacts: int, site_code: str, days: int, *, project: bool, step: int = STEP, stream: str = "") -> int:
    """Write ``contacts`` closed contacts spread over the last ``days``; returns how many events that was. ``stream``: URL of NATS."""
    nats = await Nats.connect(stream, "fill_ledger") if stream else None
    database, clock = Database(url, name="fill_ledger", size=1, statement_seconds=600), SystemClock()
    await require_current(database)
    tenant, site, before, agents, queues = await _place(database, site_code)
    every = days * 24 * 3600 * SECOND // max(1, contacts)
    author = Author(tenant, site, before, clock.now() - days * 24 * 3600 * SECOND, every, agents, queues)
    async with database.transaction() as connection:
        for month in range(days // 28 + 2):
            await connection.execute(
                text("select make_ledger_partition(:at)"), {"at": moment(clock.now() - month * 28 * 24 * 3600 * SECOND)}
            )
    async with await psycopg.AsyncConnection.connect(libpq_url(url)) as raw:
        for done in range(0, contacts, step):
            stories = [tuple(author.contact()) for _ in range(min(step, contacts - done))]
            events = [event for story in stories for event in story]
            async with raw.cursor().copy(f"copy ledger ({_COLUMNS}) from stdin") as copy:
                for event in events:
                    await copy.write_row(_cells(event))
            await raw.execute(
                "insert into ledger_positions values (%s, %s, %s, %s) on conflict (tenant_id, site_id) do update"
                " set sequence = excluded.sequence, occurred_at = excluded.occurred_at",
                (tenant, site, events[-1].sequence, moment(events[-1].occurred_at)),
            )
            await raw.commit()
            if nats is not None:
                await _tell(nats, stories)
            if project:
                await _project(database, tenant, site, events)
            if (done + step) % 100_000 == 0:
                print(f"{done + step:,} contacts, {author.sequence:,} events", flush=True)
    await database.close()
    if nats is not None:
        await nats.close()
    return author.sequence - before


async def _tell(nats: Nats, stories: list[tuple[Event, ...]]) -> None:
    """One message a contact, as core publishes a decision; returns when the stream has them all."""
    wanted = (await nats.js.stream_info("LEDGER")).state.messages + len(stories)
    for story in stories:
        tenant, site = story[0].tenant, story[0].site
        await nats.publish(f"ledger.{tenant}.{site}", Batch(tenant=tenant, site=site, events=story))
    await nats.flush()
    while (await nats.js.stream_info("LEDGER")).state.messages < wanted:
        await SystemClock().sleep(0.01)


async def _project(database: Database, tenant: str, site: str, events: list[Event]) -> None:
    """Fold what was just written, unless a running worker did it already."""
    async with database.transaction() as connection:
        if await projections.position(connection, tenant, site) != events[0].sequence - 1:
            return
        rows, zones = Rows(), await projections.zones(connection, tenant)
        await projections.load(connection, rows, events)
        for event in events:
            fold(event, rows, zones)
        await projections.save(connection, rows)
        await projections.advance(connection, tenant, site, events[-1].sequence)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--site", default="archive")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--project", action="store_true")
    parser.add_argument("--stream", action="store_true")
    given = parser.parse_args()
    settings = load(os.environ)
    stream = settings.nats_url if given.stream else ""
    asyncio.run(fill(settings.database_url, given.contacts, given.site, given.days, project=given.project, stream=stream))

"""The ledger in PostgreSQL: written once in the order of its sequence, read by contact or as a stream.

Per (tenant, site) the table holds the sequences 1..n without a gap: ``append`` takes only what follows the written position, so an
event that comes twice is dropped and one that comes too early is left to its caller. A month's partition is made ahead; a row that
found none is in ``ledger_default``, which is an alarm.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact.ledger import Event, Personal
from yitong.kit.clock import microseconds, moment
from yitong.kit.database import as_rows, direct

MONTHS_AHEAD = 3

_COLUMNS = (
    "id", "type", "version", "tenant_id", "site_id", "producer", "epoch", "sequence", "occurred_at", "contact_id", "segment_id",
    "connection", "agent_id", "queue_id", "cause", "caused_by", "payload",
)  # fmt: skip
_INSERT = f"""
insert into ledger ({", ".join(_COLUMNS)})
select e.id, e.type, e.version, e.tenant, e.site, e.producer, e.epoch, e.sequence, to_timestamp(e.occurred_at::float8 / 1000000),
  cast(nullif(e.contact, '') as uuid), cast(nullif(e.segment, '') as uuid), nullif(e.connection, ''), cast(nullif(e.agent, '') as uuid),
  cast(nullif(e.queue, '') as uuid), nullif(e.cause, ''), cast(nullif(e.caused_by, '') as uuid), e.payload
from json_to_recordset(%s) as e (id uuid, type text, version smallint, tenant uuid, site uuid, producer text, epoch bigint,
  sequence bigint, occurred_at bigint, contact text, segment text, connection text, agent text, queue text, cause text, caused_by text,
  payload jsonb)
on conflict (occurred_at, id) do nothing"""
"""Its parameter: events as JSON, field by field."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must not happen and was not lost: ``code`` is gap, unreadable, sequence_taken, not_folded."""

    id: str
    at: int
    code: str
    tenant: str = ""
    site: str = ""
    details: dict[str, Any] = {}
    message: bytes = b""


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """What ``append`` did: the position now, the events that were written, those whose sequence another event already has, and the
    sequences (from, to) that were passed over."""

    position: int
    written: tuple[Event, ...]
    taken: tuple[Event, ...] = ()
    missing: tuple[tuple[int, int], ...] = ()


async def append(connection: AsyncConnection, tenant: str, site: str, events: Iterable[Event], *, over_gaps: bool = False) -> Appended:
    """Write those of ``events`` that follow the position of (tenant, site) without a gap; ``over_gaps`` writes all that are above it.

    Whoever appends to the same site waits until this transaction ends.
    """
    position = await _locked_position(connection, tenant, site)
    start = position
    written: list[Event] = []
    old: list[Event] = []
    missing: list[tuple[int, int]] = []
    for event in sorted(events, key=lambda event: event.sequence):
        if event.sequence <= start:
            old.append(event)
        elif event.sequence == position + 1 or (over_gaps and event.sequence > position):
            if event.sequence > position + 1:
                missing.append((position + 1, event.sequence - 1))
            written.append(event)
            position = event.sequence
    if written:
        below = await direct(connection)
        rows = as_rows(written)
        if "\\u0000" in rows:
            written = storable(written)
            rows = as_rows(written)
        await below.execute(_INSERT, (rows,))
        await below.execute(
            "update ledger_positions set sequence = %s, occurred_at = %s where tenant_id = %s and site_id = %s",
            (position, moment(written[-1].occurred_at), tenant, site),
        )
    taken = await _strangers(connection, tenant, site, old)
    return Appended(position=position, written=tuple(written), taken=taken, missing=tuple(missing))


def storable(events: list[Event]) -> list[Event]:
    """PostgreSQL keeps no NUL in texts; it becomes the replacement character (reliability P6)."""
    return msgspec.convert(_without_nul(msgspec.to_builtins(events)), list[Event])


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        case dict():
            return {_without_nul(key): _without_nul(cell) for key, cell in value.items()}
        case list() | tuple():
            return [_without_nul(cell) for cell in value]
        case _:
            return value


async def _locked_position(connection: AsyncConnection, tenant: str, site: str) -> int:
    below, place = await direct(connection), (tenant, site)
    asked = "select sequence from ledger_positions where tenant_id = %s and site_id = %s for update"
    found = await (await below.execute(asked, place)).fetchone()
    if found is None:
        await below.execute("insert into ledger_positions values (%s, %s, 0, 'epoch') on conflict (tenant_id, site_id) do nothing", place)
        found = await (await below.execute(asked, place)).fetchone()
    return int(found[0]) if found else 0


async def _strangers(connection: AsyncConnection, tenant: str, site: str, old: Sequence[Event]) -> tuple[Event, ...]:
    """Of events at or below the position, those that are not the ones written there (two owners at once: an alarm)."""
    if not old:
        return ()
    rows = await connection.execute(
        text("select id from ledger where tenant_id = :tenant and site_id = :site and sequence = any(cast(:sequences as bigint[]))"),
        {"tenant": tenant, "site": site, "sequences": [event.sequence for event in old]},
    )
    known = {row[0] for row in rows}
    return tuple(event for event in old if event.id not in known)


def event_of(row: Row[Any]) -> Event:
    """The event that a row of the ledger keeps."""
    return Event(
        id=row.id, type=row.type, version=row.version, tenant=row.tenant_id, site=row.site_id, producer=row.producer, epoch=row.epoch,
        sequence=row.sequence, occurred_at=microseconds(row.occurred_at), contact=row.contact_id or "", segment=row.segment_id or "",
        connection=row.connection or "", agent=row.agent_id or "", queue=row.queue_id or "", cause=row.cause or "",
        caused_by=row.caused_by or "", payload=row.payload,
    )  # fmt: skip


async def positions(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """How far the ledger of each (tenant, site) is written."""
    rows = await connection.execute(text("select tenant_id, site_id, sequence from ledger_positions order by tenant_id, site_id"))
    return {(row[0], row[1]): row[2] for row in rows}


async def after(connection: AsyncConnection, tenant: str, site: str, sequence: int, limit: int) -> list[Event]:
    """The next ``limit`` events of (tenant, site) above ``sequence``, in order."""
    rows = await connection.execute(
        text(
            f"select {', '.join(_COLUMNS)} from ledger where tenant_id = :tenant and site_id = :site and sequence > :sequence"
            " order by sequence limit :limit"
        ),
        {"tenant": tenant, "site": site, "sequence": sequence, "limit": limit},
    )
    return [event_of(row) for row in rows]


async def of_contact(connection: AsyncConnection, tenant: str, contact: str) -> list[Event]:
    """Everything that happened to one contact, in order."""
    rows = await connection.execute(
        text(
            f"select {', '.join(_COLUMNS)} from ledger where tenant_id = :tenant and contact_id = :contact order by occurred_at, sequence"
        ),
        {"tenant": tenant, "contact": contact},
    )
    return [event_of(row) for row in rows]


async def tenants_of_contact(connection: AsyncConnection, contact: str) -> list[str]:
    """The tenant of a contact named by an operator at the command line, where nobody is signed in."""
    rows = await connection.execute(text("select distinct tenant_id from ledger where contact_id = :contact"), {"contact": contact})
    return [row[0] for row in rows]


async def all_events(connection: AsyncConnection, step: int = 5_000) -> AsyncIterator[list[Event]]:
    """The whole ledger, site by site in sequence, ``step`` events at a time."""
    for (tenant, site), last in (await positions(connection)).items():
        sequence = 0
        while sequence < last and (events := await after(connection, tenant, site, sequence, step)):
            yield events
            sequence = events[-1].sequence


async def keep_personals(connection: AsyncConnection, records: Iterable[Personal]) -> None:
    """Write personal values; one that is there stays as it is (it came twice, or was erased since)."""
    if rows := list(records):
        await (await direct(connection)).execute(
            "insert into personals (tenant_id, id, kind, value, at, contact_id)"
            " select tenant, id, kind, value, to_timestamp(at::float8 / 1000000), cast(nullif(contact, '') as uuid)"
            " from json_to_recordset(%s) as r (tenant uuid, id uuid, kind text, value text, at bigint, contact text)"
            " on conflict (tenant_id, id) do nothing",
            (as_rows(rows),),
        )


async def erase_personals(connection: AsyncConnection, tenant: str, ids: Iterable[str], at: int) -> int:
    """Erase values for good; the ids stay, so that the ledger's references stay whole. Returns how many were there."""
    done = await connection.execute(
        text(
            "update personals set value = null, erased_at = :at where tenant_id = :tenant and id = any(cast(:ids as uuid[]))"
            " and erased_at is null"
        ),
        {"tenant": tenant, "ids": list(ids), "at": moment(at)},
    )
    return done.rowcount


async def keep_fault(connection: AsyncConnection, fault: Fault) -> None:
    """Keep a fault until somebody has looked at it."""
    await connection.execute(
        text(
            "insert into ledger_faults (id, tenant_id, site_id, at, code, details, message)"
            " values (:id, :tenant, :site, :at, :code, :details, :message) on conflict (id) do nothing"
        ),
        {
            "id": fault.id, "tenant": fault.tenant or None, "site": fault.site or None, "at": moment(fault.at), "code": fault.code,
            "details": Jsonb(fault.details), "message": fault.message or None,
        },
    )  # fmt: skip


async def faults(connection: AsyncConnection) -> dict[str, int]:
    """How many faults of each code nobody has looked at, and rows in the default partition as ``default_partition``."""
    rows = await connection.execute(text("select code, count(*) from ledger_faults where seen_at is null group by code"))
    counted = {row[0]: int(row[1]) for row in rows}
    stray = int(await connection.scalar(text("select count(*) from ledger_default")) or 0)
    return counted | ({"default_partition": stray} if stray else {})


async def make_partitions(connection: AsyncConnection, now: int) -> list[str]:
    """Make the partitions of this and the coming months; returns the months that were made ("2026-11"). Strays move in."""
    this = moment(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    made = []
    for ahead in range(MONTHS_AHEAD + 1):
        years, month = divmod(this.month - 1 + ahead, 12)
        first = datetime(this.year + years, month + 1, 1, tzinfo=UTC)
        if await connection.scalar(text("select make_ledger_partition(:first)"), {"first": first}):
            made.append(f"{first:%Y-%m}")
    return made

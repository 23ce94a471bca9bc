"""The projections in PostgreSQL: loaded and saved by the fold, emptied by a rebuild, and told how far they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact.ledger import Event
from yitong.contact.messages import ContactArrived
from yitong.domains.quality.messages import RecordingEnded, RecordingLost
from yitong.domains.reporting.model import AGENT_FOLDS, CONTACTS, OF_CONTACT, RECORDINGS, TABLES, Rows, Table
from yitong.kit.clock import microseconds
from yitong.kit.database import as_rows, direct

PROJECTION = "contacts"
_OF_RECORDINGS = frozenset({RecordingEnded.TYPE, RecordingLost.TYPE})
"""What tells of a recording that was asked for before, perhaps of a conference without a contact."""
_REBUILD = 0x7265_6275


async def load(connection: AsyncConnection, rows: Rows, events: Iterable[Event]) -> None:
    """Hold every row that folding ``events`` may read."""
    contacts: dict[str, set[str]] = {}
    agents: dict[str, set[str]] = {}
    ownerless: dict[str, set[str]] = {}
    held, new = rows.contacts(), set[str]()
    for event in events:
        if event.type == ContactArrived.TYPE:
            new.add(event.contact)  # its first fact: there is nothing yet
        elif event.contact and event.contact not in held and event.contact not in new:
            contacts.setdefault(event.tenant, set()).add(event.contact)
        elif not event.contact and event.type in _OF_RECORDINGS:
            ownerless.setdefault(event.tenant, set()).add(str(event.payload.get("recording", "")))
        if event.agent and rows.get(AGENT_FOLDS, event.tenant, event.agent) is None:
            agents.setdefault(event.tenant, set()).add(event.agent)
    for tenant, ids in contacts.items():
        for table in OF_CONTACT:
            await _select(connection, rows, table, tenant, "id" if table is CONTACTS else "contact_id", ids)
    for tenant, ids in ownerless.items():
        await _select(connection, rows, RECORDINGS, tenant, "id", ids)
    for tenant, ids in agents.items():
        await _select(connection, rows, AGENT_FOLDS, tenant, "agent_id", ids)


async def _select(connection: AsyncConnection, rows: Rows, table: Table, tenant: str, column: str, ids: Iterable[str]) -> None:
    order = ", ".join(name for name in ("number", "id") if name in table.columns) or "tenant_id"
    found = await connection.execute(
        text(
            f"select {', '.join(table.columns)} from {table.name} where tenant_id = :tenant"
            f" and {column} = any(cast(:ids as uuid[])) order by {order}"
        ),
        {"tenant": tenant, "ids": list(ids)},
    )
    for cells in found:
        rows.hold(table, {name: _held(sort, cell) for (name, sort), cell in zip(table.columns.items(), cells, strict=True)})


def _held(sort: str, cell: Any) -> Any:
    if sort == "at":
        return microseconds(cell) if cell is not None else 0
    if sort == "date":
        return cell.isoformat()
    return "" if sort == "id" and cell is None else cell


_OPENED = {
    "id": "text", "at": "bigint", "text": "text", "int": "bigint", "bool": "boolean", "list": "jsonb", "json": "jsonb", "date": "date",
    "number": "integer",
}  # fmt: skip
"""What a cell of each sort is in JSON."""
_STORED = {"id": "cast(nullif(r.{0}, '') as uuid)", "at": "to_timestamp(nullif(r.{0}, 0)::float8 / 1000000)"}
"""How such a cell becomes the column, where it is not the same."""


async def save(connection: AsyncConnection, rows: Rows) -> None:
    """Write what changed, each table with one statement; sums are added to what is there."""
    below = await direct(connection)
    for table in TABLES.values():
        changed = rows.changed(table)
        if changed:
            await below.execute(_UPSERTS[table.name], (as_rows(changed),))
    rows.saved()


def _upsert(table: Table) -> str:
    sets = []
    for name in table.columns:
        if name in table.key:
            continue
        if table.adds and name in table.greatest:
            sets.append(f"{name} = greatest({table.name}.{name}, excluded.{name})")
        elif table.adds and table.columns[name] == "int":
            sets.append(f"{name} = {table.name}.{name} + excluded.{name}")
        else:
            sets.append(f"{name} = excluded.{name}")
    cells = ", ".join(_STORED.get(sort, "r.{0}").format(name) for name, sort in table.columns.items())
    opened = ", ".join(f"{name} {_OPENED[sort]}" for name, sort in table.columns.items())
    return (
        f"insert into {table.name} ({', '.join(table.columns)}) select {cells} from json_to_recordset(%s) as r ({opened})"
        f" on conflict ({', '.join(table.key)}) do update set {', '.join(sets)}"
    )


_UPSERTS = {table.name: _upsert(table) for table in TABLES.values()}


async def position(connection: AsyncConnection, tenant: str, site: str) -> int:
    """How far the projections have folded this site's ledger; whoever else would fold it waits until this transaction ends."""
    below, place = await direct(connection), (PROJECTION, tenant, site)
    asked = "select sequence from projection_positions where projection = %s and tenant_id = %s and site_id = %s for update"
    await below.execute("select pg_advisory_xact_lock_shared(%s)", (_REBUILD,))
    found = await (await below.execute(asked, place)).fetchone()
    if found is None:
        await below.execute("insert into projection_positions values (%s, %s, %s, 0) on conflict do nothing", place)
        found = await (await below.execute(asked, place)).fetchone()
    return int(found[0]) if found else 0


async def advance(connection: AsyncConnection, tenant: str, site: str, sequence: int) -> None:
    """The projections hold everything up to ``sequence``."""
    await (await direct(connection)).execute(
        "update projection_positions set sequence = %s where projection = %s and tenant_id = %s and site_id = %s",
        (sequence, PROJECTION, tenant, site),
    )


async def behind(connection: AsyncConnection) -> list[tuple[str, str]]:
    """The (tenant, site) whose ledger is further than the projections."""
    rows = await connection.execute(
        text(
            "select l.tenant_id, l.site_id from ledger_positions l left join projection_positions p"
            " on p.projection = :projection and (p.tenant_id, p.site_id) = (l.tenant_id, l.site_id)"
            " where l.sequence > coalesce(p.sequence, 0) order by l.tenant_id, l.site_id"
        ),
        {"projection": PROJECTION},
    )
    return [(row[0], row[1]) for row in rows]


async def events_behind(connection: AsyncConnection) -> int:
    """How many events are written and not folded yet: the projections' lag."""
    behind = await connection.scalar(
        text(
            "select coalesce(sum(l.sequence - coalesce(p.sequence, 0)), 0) from ledger_positions l left join projection_positions p"
            " on p.projection = :projection and (p.tenant_id, p.site_id) = (l.tenant_id, l.site_id)"
        ),
        {"projection": PROJECTION},
    )
    return int(behind or 0)


async def zones(connection: AsyncConnection, tenant: str) -> dict[str, ZoneInfo]:
    """The zone of each site of a tenant."""
    rows = await connection.execute(text("select id, zone from sites where tenant_id = :tenant"), {"tenant": tenant})
    return {row[0]: ZoneInfo(row[1]) for row in rows}


async def drop_all(connection: AsyncConnection) -> None:
    """Empty every projection and put its position to the beginning, when nobody folds."""
    await connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _REBUILD})
    await connection.execute(text(f"truncate {', '.join(TABLES)}, projection_positions"))

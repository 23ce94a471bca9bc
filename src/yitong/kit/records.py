"""Records that people change: read as one value, changed through one function that keeps what was before.

A ``Kind`` says which table and which dependent rows make up a value. ``change`` is the only way a value is made, altered or removed:
it compares versions, keeps the whole previous value with actor and reason, writes the audit entry and the outbox row, all in the
caller's transaction. The outbox is emptied by whoever must tell others about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from psycopg import errors
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit import once
from yitong.kit.audit import INSERT, Said, audit, chained, lock, rows_of
from yitong.kit.clock import microseconds, moment
from yitong.kit.database import as_rows, direct

Value = dict[str, Any]
Place = tuple[str, str]
"""Code and id of a record: where a list that is ordered by code stands."""


class Field(msgspec.Struct, frozen=True):
    """A field of the value and its column. ``json``: a jsonb column; ``optional``: null in the table is "" in the value.

    ``secret``: written, but never read back into a value, a history or an audit entry unless asked for.
    """

    name: str
    column: str
    json: bool = False
    optional: bool = False
    secret: bool = False


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the value that is a list of rows of another table.

    ``columns``: names in the value to columns. One column and ``bare``: a list of plain values. ``mapping``: two columns, as
    ``{first: second}``. ``place``: the column that keeps the order of the list.
    """

    name: str
    table: str
    owner: str
    columns: tuple[tuple[str, str], ...]
    bare: bool = False
    mapping: bool = False
    place: str = ""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind of record is made of. ``code``: the field that lists are ordered by; ``published``: others are told of its changes."""

    name: str
    table: str
    fields: tuple[Field, ...]
    parts: tuple[Part, ...] = ()
    code: str = "code"
    tenant_column: str = "tenant_id"
    published: bool = True


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of a record. ``value`` None: remove it; fields left out stay.

    ``version``: the one it was read with, 0 for a new record; ``at``: UTC microseconds; ``actor``: user id, "" for the system.
    """

    tenant: str
    id: str
    version: int
    value: Mapping[str, Any] | None
    actor: str
    at: int
    reason: str = ""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was: ``previous`` None before the record was made. The record had ``version`` until ``at``."""

    version: int
    previous: Value | None
    deleted: bool
    actor: str
    reason: str
    at: int


class Missing(Exception):
    """There is no such record (in this tenant)."""


class Stale(Exception):
    """Somebody else changed the record meanwhile; ``current`` is its version now."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the record has version {current}")
        self.current = current


class Conflict(Exception):
    """The database refuses the value. ``code``: taken (must be unique), in_use, unknown_reference, invalid; ``name``: the constraint."""

    def __init__(self, code: str, name: str) -> None:
        super().__init__(f"{code}: {name}")
        self.code = code
        self.name = name


async def read(connection: AsyncConnection, kind: Kind, tenant: str, id: str, *, secrets: bool = False) -> Value | None:
    """The record's value with ``id`` and ``version``, or None."""
    found = await read_all(connection, kind, tenant, ids=[id], secrets=secrets)
    return found[0] if found else None


async def read_all(
    connection: AsyncConnection, kind: Kind, tenant: str, *, ids: Iterable[str] | None = None, secrets: bool = False, locked: bool = False
) -> list[Value]:
    """Every record of the kind (or those of ``ids``), in the order of its code. ``locked``: nobody else changes them meanwhile."""
    only = " and id = any(cast(:ids as uuid[]))" if ids is not None else ""
    parameters: dict[str, Any] = {"tenant": tenant} | ({"ids": list(ids)} if ids is not None else {})
    return await _select(connection, kind, only, " for update" * locked, parameters, secrets)


async def read_page(connection: AsyncConnection, kind: Kind, tenant: str, *, after: Place | None, limit: int) -> list[Value]:
    """At most ``limit`` records in the order of their codes, those behind the place ``after``."""
    behind = f" and ({_order(kind)}, id) > (:code, cast(:after as uuid))" if after is not None else ""
    place = {"code": after[0], "after": after[1]} if after is not None else {}
    return await _select(connection, kind, behind, " limit :limit", {"tenant": tenant, "limit": limit, **place}, False)


def _order(kind: Kind) -> str:
    return next(field.column for field in kind.fields if field.name == kind.code)


async def _select(
    connection: AsyncConnection, kind: Kind, where: str, ending: str, parameters: Mapping[str, Any], secrets: bool
) -> list[Value]:
    shown = [field for field in kind.fields if secrets or not field.secret]
    columns = ", ".join(["id", "version", *(field.column for field in shown)])
    rows = await connection.execute(
        text(f"select {columns} from {kind.table} where {kind.tenant_column} = :tenant{where} order by {_order(kind)}, id{ending}"),
        parameters,
    )
    values = {
        row[0]: {"id": row[0], "version": row[1]} | {f.name: _shown(f, cell) for f, cell in zip(shown, row[2:], strict=True)}
        for row in rows
    }
    for part in kind.parts:
        await _read_part(connection, part, parameters["tenant"], values)
    return list(values.values())


def _shown(field: Field, cell: Any) -> Any:
    return "" if cell is None and field.optional else cell


async def _read_part(connection: AsyncConnection, part: Part, tenant: str, values: Mapping[str, Value]) -> None:
    columns = ", ".join(column for _, column in part.columns)
    for value in values.values():
        value[part.name] = {} if part.mapping else []
    if not values:
        return
    rows = await connection.execute(
        text(
            f"select {part.owner}, {columns} from {part.table} where tenant_id = :tenant and {part.owner} = any(cast(:ids as uuid[]))"
            f" order by {part.owner}, {part.place or part.columns[0][1]}"
        ),
        {"tenant": tenant, "ids": list(values)},
    )
    for owner, *cells in rows:
        held = values[owner][part.name]
        if part.mapping:
            held[cells[0]] = cells[1]
        elif part.bare:
            held.append(cells[0])
        else:
            held.append({name: cell for (name, _), cell in zip(part.columns, cells, strict=True)})


async def change(connection: AsyncConnection, kind: Kind, wanted: Change) -> Value | None:
    """Make, alter or remove a record; returns its new value. Raises Missing, Stale, Conflict, AlreadyDone: the transaction ends."""
    await lock(connection, wanted.tenant)
    await once.mark(connection, wanted.tenant, wanted.at)
    found = await read_all(connection, kind, wanted.tenant, ids=[wanted.id], locked=True)
    before = found[0] if found else None
    current = before["version"] if before else 0
    if before is None and (wanted.version or wanted.value is None):
        raise Missing(wanted.id)
    if current != wanted.version:
        raise Stale(current)
    action, after = await _apply(connection, kind, wanted, before)
    await _keep(connection, kind, wanted, before)
    await audit(
        connection, tenant=wanted.tenant, at=wanted.at, actor=wanted.actor, action=f"{kind.name}.{action}", kind=kind.name,
        object=wanted.id,
        details={"version": current + 1, "reason": wanted.reason, "fields": _differing(kind, wanted, before, after)},
    )  # fmt: skip
    if kind.published:
        await tell(connection, tenant=wanted.tenant, kind=kind.name, id=wanted.id, version=current + 1, at=wanted.at)
    return after


async def make_all(connection: AsyncConnection, kind: Kind, tenant: str, values: Mapping[str, Value], *, at: int, reason: str) -> None:
    """Make new records of the system's with one statement, as ``change`` would one by one. For a kind that nobody is told of,
    whose parts are lists of plain values and whose ids are new; all values name the same fields. Take the ``lock`` before.
    """
    moment_ = moment(at)
    columns = {field.name: field.column for field in kind.fields}
    own = [
        {"tenant_id": tenant, "id": id, "version": 1, "created_at": moment_, "changed_at": moment_}
        | {columns[name]: cell for name, cell in value.items() if name in columns}
        for id, value in values.items()
    ]
    tables = [(kind.table, own)]
    for part in kind.parts:
        rows = [
            {"tenant_id": tenant, part.owner: id, part.columns[0][1]: cell, part.place: place}
            for id, value in values.items() for place, cell in enumerate(value.get(part.name, ()), 1)
        ]  # fmt: skip
        tables.append((part.table, rows))
    kept = [{"tenant_id": tenant, "kind": kind.name, "object_id": id, "version": 0, "deleted": False, "reason": reason, "at": moment_}
            for id in values]  # fmt: skip
    details = {"version": 1, "reason": reason, "fields": list[str]()}
    said = [Said(action=f"{kind.name}.made", kind=kind.name, object=id, details=details) for id in values]
    entries = rows_of(await chained(connection, tenant=tenant, at=at, actor="", said=said))
    filled = [(table, rows) for table, rows in (*tables, ("changes", kept)) if rows]
    steps = ", ".join(f"made_{number} as ({_insert(table, rows[0])})" for number, (table, rows) in enumerate(filled))
    below = await direct(connection)
    await below.execute(f"with {steps} {INSERT}".encode(), (*(as_rows(rows) for _, rows in filled), entries))


def _insert(table: str, columns: Iterable[str]) -> str:
    listed = ", ".join(columns)
    return f"insert into {table} ({listed}) select {listed} from json_populate_recordset(null::{table}, %s)"


async def tell(connection: AsyncConnection, *, tenant: str, kind: str, id: str, version: int, at: int) -> None:
    """Put a record into the outbox: whoever publishes it reads its newest value then."""
    await connection.execute(
        text("insert into outbox (tenant_id, kind, object_id, version, at) values (:tenant, :kind, :id, :version, :at)"),
        {"tenant": tenant, "kind": kind, "id": id, "version": version, "at": moment(at)},
    )
    await connection.execute(text("select pg_notify('outbox', '')"))


async def _apply(connection: AsyncConnection, kind: Kind, wanted: Change, before: Value | None) -> tuple[str, Value | None]:
    try:
        if wanted.value is None:
            await connection.execute(
                text(f"delete from {kind.table} where {kind.tenant_column} = :tenant and id = :id"),
                {"tenant": wanted.tenant, "id": wanted.id},
            )
            return "removed", None
        await _write_row(connection, kind, wanted, before)
        for part in kind.parts:
            if part.name in wanted.value:
                await _write_part(connection, part, wanted.tenant, wanted.id, wanted.value[part.name])
    except IntegrityError as error:
        raise _conflict(error, wanted.value is None) from error
    return "altered" if before else "made", await read(connection, kind, wanted.tenant, wanted.id)


async def _write_row(connection: AsyncConnection, kind: Kind, wanted: Change, before: Value | None) -> None:
    value = wanted.value or {}
    given = [field for field in kind.fields if field.name in value]
    cells = {f"c{place}": _stored(field, value[field.name]) for place, field in enumerate(given)}
    own = {"tenant": wanted.tenant, "id": wanted.id, "at": moment(wanted.at)}
    if before is None:
        owner = [] if kind.tenant_column == "id" else [kind.tenant_column]
        columns = [*owner, "id", "version", "created_at", "changed_at", *(field.column for field in given)]
        marks = [*(":tenant" for _ in owner), ":id", "1", ":at", ":at", *(f":{mark}" for mark in cells)]
        statement = f"insert into {kind.table} ({', '.join(columns)}) values ({', '.join(marks)})"
    else:
        sets = [f"{field.column} = :{mark}" for field, mark in zip(given, cells, strict=True)]
        statement = (
            f"update {kind.table} set {', '.join([*sets, 'version = version + 1', 'changed_at = :at'])}"
            f" where {kind.tenant_column} = :tenant and id = :id"
        )
    await connection.execute(text(statement), own | cells)


def _stored(field: Field, value: Any) -> Any:
    if field.json:
        return Jsonb(value)
    return None if field.optional and value == "" else value


async def _write_part(connection: AsyncConnection, part: Part, tenant: str, id: str, held: Any) -> None:
    await connection.execute(
        text(f"delete from {part.table} where tenant_id = :tenant and {part.owner} = :id"), {"tenant": tenant, "id": id}
    )
    rows = _part_rows(part, held)
    if not rows:
        return
    columns = [column for _, column in part.columns]
    listed = [*columns, part.place] if part.place and part.place not in columns else columns
    statement = text(
        f"insert into {part.table} (tenant_id, {part.owner}, {', '.join(listed)})"
        f" values (:tenant, :id, {', '.join(f':c{place}' for place in range(len(listed)))})"
    )
    numbered = [(*row, number) if len(listed) > len(columns) else row for number, row in enumerate(rows, 1)]
    await connection.execute(statement, [{"tenant": tenant, "id": id} | {f"c{n}": cell for n, cell in enumerate(row)} for row in numbered])


def _part_rows(part: Part, held: Any) -> list[tuple[Any, ...]]:
    if part.mapping:
        return list(held.items())
    if part.bare:
        return [(one,) for one in held]
    return [tuple(one[name] for name, _ in part.columns) for one in held]


async def _keep(connection: AsyncConnection, kind: Kind, wanted: Change, before: Value | None) -> None:
    await connection.execute(
        text(
            "insert into changes (tenant_id, kind, object_id, version, previous, deleted, actor, reason, at)"
            " values (:tenant, :kind, :id, :version, :previous, :deleted, :actor, :reason, :at)"
        ),
        {
            "tenant": wanted.tenant, "kind": kind.name, "id": wanted.id, "version": wanted.version,
            "previous": Jsonb(before) if before else None, "deleted": wanted.value is None,
            "actor": wanted.actor or None, "reason": wanted.reason, "at": moment(wanted.at),
        },
    )  # fmt: skip


def _differing(kind: Kind, wanted: Change, before: Value | None, after: Value | None) -> list[str]:
    """The names of what changed; never values, for the chain can not be erased. A secret counts as changed when it was given."""
    if before is None or after is None:
        return []
    secret = {field.name for field in kind.fields if field.secret} & set(wanted.value or {})
    return sorted({name for name in after if name != "version" and after[name] != before[name]} | secret)


def _conflict(error: IntegrityError, removing: bool) -> Conflict:
    cause = error.orig
    name = getattr(getattr(cause, "diag", None), "constraint_name", None) or ""
    if isinstance(cause, errors.UniqueViolation):
        return Conflict("taken", _taken(getattr(cause.diag, "message_detail", None) or "") or name)
    if isinstance(cause, (errors.ForeignKeyViolation, errors.RestrictViolation)):
        return Conflict("in_use" if removing else "unknown_reference", re.sub(r"_fkey$", "", name))
    return Conflict("invalid", name)


def _taken(detail: str) -> str:
    """What a unique key refuses, as PostgreSQL tells it («Key (tenant_id, code)=(…, service) already exists.»), without the tenant."""
    found = re.search(r"\(tenant_id, [^()]*\)=\([^,]*, (.*)\)", detail)
    return found[1] if found else ""


async def history(
    connection: AsyncConnection, kind: Kind, tenant: str, id: str, *, upto: int | None = None, limit: int | None = None
) -> list[Past]:
    """Every change of the record, newest first; at most ``limit`` from version ``upto`` on, when they are given."""
    rows = await connection.execute(
        text(
            "select * from changes where tenant_id = :tenant and kind = :kind and object_id = :id"
            " and (cast(:upto as integer) is null or version <= :upto) order by version desc limit :limit"
        ),
        {"tenant": tenant, "kind": kind.name, "id": id, "upto": upto, "limit": limit},
    )
    return [
        Past(
            version=row.version, previous=row.previous, deleted=row.deleted, actor=row.actor or "", reason=row.reason,
            at=microseconds(row.at),
        )
        for row in rows
    ]  # fmt: skip

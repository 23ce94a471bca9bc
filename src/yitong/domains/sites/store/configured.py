"""Configuration as people see it: by Scope."""

from __future__ import annotations

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.sites.store.kinds import KINDS
from yitong.kit.clock import moment
from yitong.kit.records import Missing, Past, Place, Value, history, read, read_all, read_page
from yitong.kit.scope import Scope


def _require(scope: Scope, kind: str) -> None:
    scope.require("users.manage" if kind in ("user", "role") and not scope.may("config.read") else "config.read")


async def one(connection: AsyncConnection, scope: Scope, kind: str, id: str) -> Value:
    """A record of the caller's tenant. Raises Denied, Missing."""
    _require(scope, kind)
    found = await read(connection, KINDS[kind], scope.tenant, id)
    if found is None:
        raise Missing(id)
    return found


async def every(connection: AsyncConnection, scope: Scope, kind: str) -> list[Value]:
    """All records of the kind in the caller's tenant, in the order of their codes. Raises Denied."""
    _require(scope, kind)
    ids = [scope.tenant] if kind == "tenant" else None
    return await read_all(connection, KINDS[kind], scope.tenant, ids=ids)


async def page(connection: AsyncConnection, scope: Scope, kind: str, after: Place | None, limit: int) -> list[Value]:
    """At most ``limit`` records of the kind in the caller's tenant, those behind ``after`` in the order of their codes. Raises Denied."""
    _require(scope, kind)
    return await read_page(connection, KINDS[kind], scope.tenant, after=after, limit=limit)


async def reasons(connection: AsyncConnection, scope: Scope) -> list[Value]:
    """The not-ready reasons, which everybody of the tenant may choose from, in the order of their codes."""
    return await read_all(connection, KINDS["reason"], scope.tenant)


async def past(
    connection: AsyncConnection, scope: Scope, kind: str, id: str, *, upto: int | None = None, limit: int | None = None
) -> list[Past]:
    """Changes of a record, newest first; also of one that was removed. At most ``limit`` from version ``upto`` on. Raises Denied."""
    _require(scope, kind)
    return await history(connection, KINDS[kind], scope.tenant, id, upto=upto, limit=limit)


async def keep_flow_version(connection: AsyncConnection, scope: Scope, flow: str, at: int) -> int:
    """Keep the flow's draft as its next version for ever; returns its number. Raises Missing."""
    number = await connection.scalar(
        text(
            "insert into flow_versions (tenant_id, flow_id, number, document, published_at, published_by)"
            " select f.tenant_id, f.id, 1 + coalesce((select max(v.number) from flow_versions v"
            " where (v.tenant_id, v.flow_id) = (f.tenant_id, f.id)), 0), f.draft, :at, :user"
            " from flows f where f.tenant_id = :tenant and f.id = :flow returning number"
        ),
        {"tenant": scope.tenant, "flow": flow, "at": moment(at), "user": scope.user or None},
    )
    if number is None:
        raise Missing(flow)
    return int(number)


async def add_rights(connection: AsyncConnection, tenant: str, rights: dict[str, dict[str, str]]) -> None:
    """Make the rights of this release known to a tenant, with their names."""
    await connection.execute(
        text(
            "insert into rights (tenant_id, code, name) values (:tenant, :code, :name)"
            " on conflict (tenant_id, code) do update set name = excluded.name"
        ),
        [{"tenant": tenant, "code": code, "name": Jsonb(name)} for code, name in rights.items()],
    )

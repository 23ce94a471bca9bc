"""Connections as the worker keeps them: which there are, who holds each, how it stands."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import moment
from yitong.kit.scope import Scope


class LineRow(msgspec.Struct, frozen=True, kw_only=True):
    """A connection that may be used, with its password as it is kept."""

    tenant: str
    id: str
    version: int
    code: str
    host: str
    port: int
    tls: bool
    tls_ca: str
    system_id: str
    sealed: str
    system_type: str
    source: str
    source_ton: int
    source_npi: int
    dest_ton: int
    dest_npi: int
    alphabet: str
    per_second: int
    window: int
    order: int


async def lines(connection: AsyncConnection) -> list[LineRow]:
    """Those of all tenants that are enabled."""
    rows = await connection.execute(
        text("""
            select tenant_id as tenant, id, version, code, host, port, tls, tls_ca, system_id, password as sealed, system_type, source,
              source_ton, source_npi, dest_ton, dest_npi, alphabet, per_second, unanswered as "window", place as "order"
            from text_lines where enabled order by tenant_id, place, code""")
    )
    return [msgspec.convert(dict(row), LineRow) for row in rows.mappings()]


async def hold(connection: AsyncConnection, tenant: str, line: str, owner: str, now: int, until: int) -> bool:
    """Take or keep a connection for ``owner`` until then; false while another process has it."""
    done = await connection.execute(
        text("""
            insert into text_line_states (tenant_id, line_id, owner, until, state, reason, since)
            values (:tenant, :line, :owner, :until, 'unbound', 'connecting', :now)
            on conflict (tenant_id, line_id) do update set owner = excluded.owner, until = excluded.until
            where text_line_states.owner = excluded.owner or text_line_states.until < :now"""),
        {"tenant": tenant, "line": line, "owner": owner, "now": moment(now), "until": moment(until)},
    )
    return done.rowcount > 0


async def stands(connection: AsyncConnection, tenant: str, line: str, owner: str, state: str, reason: str, now: int) -> None:
    """How the connection of ``owner`` stands; ``since`` is the last change of bound or unbound."""
    await connection.execute(
        text("""
            update text_line_states set state = :state, reason = :reason, since = case when state = :state then since else :now end
            where (tenant_id, line_id, owner) = (:tenant, :line, :owner) and (state, reason) <> (:state, :reason)"""),
        {"tenant": tenant, "line": line, "owner": owner, "state": state, "reason": reason[:120], "now": moment(now)},
    )


async def release(connection: AsyncConnection, tenant: str, line: str, owner: str, now: int) -> None:
    """The connection is not held any more."""
    await connection.execute(
        text("""
            update text_line_states set until = :now, state = 'unbound', reason = 'stopped', since = :now
            where (tenant_id, line_id, owner) = (:tenant, :line, :owner)"""),
        {"tenant": tenant, "line": line, "owner": owner, "now": moment(now)},
    )


async def better_one_bound(connection: AsyncConnection, tenant: str, line: str, now: int) -> bool:
    """Whether a connection of the tenant that comes before this one is up."""
    found = await connection.scalar(
        text("""
            select exists (select 1 from text_lines o join text_lines mine on (mine.tenant_id, mine.id) = (o.tenant_id, cast(:line as uuid))
              join text_line_states s on (s.tenant_id, s.line_id) = (o.tenant_id, o.id)
              where o.tenant_id = :tenant and o.enabled and (o.place, o.code) < (mine.place, mine.code) and s.state = 'bound'
                and s.until > :now)"""),
        {"tenant": tenant, "line": line, "now": moment(now)},
    )
    return bool(found)


async def shown(connection: AsyncConnection, scope: Scope, now: int) -> list[dict[str, Any]]:
    """The tenant's connections and how they stand; one that nobody holds is unbound."""
    rows = await connection.execute(
        text("""
            select l.id, l.code, l.name, l.enabled, l.host, l.port, case when s.until > :now then s.state else 'unbound' end as state,
              case when not l.enabled then 'disabled' when s.until > :now then s.reason else 'no_worker' end as reason, s.since
            from text_lines l left join text_line_states s on (s.tenant_id, s.line_id) = (l.tenant_id, l.id)
            where l.tenant_id = :tenant order by l.place, l.code"""),
        {"tenant": scope.tenant, "now": moment(now)},
    )
    return [dict(row) for row in rows.mappings()]


async def counts(connection: AsyncConnection, now: int) -> dict[str, int]:
    """How many enabled connections are bound, and how many are not."""
    rows = await connection.execute(
        text("""
            select coalesce(s.until > :now and s.state = 'bound', false) as up, count(*) from text_lines l
            left join text_line_states s on (s.tenant_id, s.line_id) = (l.tenant_id, l.id) where l.enabled group by 1"""),
        {"now": moment(now)},
    )
    found = {bool(row[0]): int(row[1]) for row in rows}
    return {"bound": found.get(True, 0), "unbound": found.get(False, 0)}

"""What people upload and send, by Scope: those of one's sites, and without the right to manage only one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.ct.numbering import NumberClass, Rules, rules_with
from yitong.domains.fax.model import Line
from yitong.kit import once
from yitong.kit.clock import moment
from yitong.kit.scope import Scope

MANAGE = "faxes.manage"
_MINE = "s.tenant_id = :tenant and s.site_id = any(cast(:sites as uuid[])) and (:all or s.made_by = cast(:user as uuid))"
_COUNTED = """
select s.id, s.name, s.file, s.pages, s.station, s.lines, s.tries, s.spacing_seconds, s.hours, s.state, s.made_at, s.ended_at, s.site_id,
  (select u.name from users u where (u.tenant_id, u.id) = (s.tenant_id, s.made_by)) as made_by,
  c.* from fax_sendings s cross join lateral (
    select count(*) as total, count(*) filter (where r.state = 'waiting') as waiting,
      count(*) filter (where r.state = 'dialling') as dialling, count(*) filter (where r.state = 'sent') as sent,
      count(*) filter (where r.state = 'failed') as failed, count(*) filter (where r.state = 'cancelled') as cancelled,
      count(*) filter (where r.state = 'refused') as refused, min(r.next_at) filter (where r.state = 'waiting') as next_at,
      (array_agg(r.number order by r.line) filter (where r.state <> 'refused'))[1] as first_number
    from fax_recipients r where (r.tenant_id, r.sending_id) = (s.tenant_id, s.id)) c
"""


def _who(scope: Scope) -> dict[str, Any]:
    return {"tenant": scope.tenant, "sites": sorted(scope.sites), "all": scope.may(MANAGE), "user": scope.user or None}


async def keep_upload(connection: AsyncConnection, scope: Scope, *, id: str, name: str, file: str, pages: int, now: int) -> None:
    """Pages that will be sent, or not."""
    await once.mark(connection, scope.tenant, now)
    await connection.execute(
        text("""
            insert into fax_uploads (tenant_id, id, name, file, pages, made_by, made_at)
            values (:tenant, :id, :name, :file, :pages, :user, :at)"""),
        {"tenant": scope.tenant, "id": id, "name": name, "file": file, "pages": pages, "user": scope.user, "at": moment(now)},
    )  # fmt: skip


async def upload(connection: AsyncConnection, scope: Scope, id: str) -> dict[str, Any] | None:
    """One's own upload."""
    rows = await connection.execute(
        text("select id, name, file, pages from fax_uploads where tenant_id = :tenant and id = :id and made_by = :user"),
        {"tenant": scope.tenant, "id": id, "user": scope.user},
    )
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def document(connection: AsyncConnection, scope: Scope, code: str) -> dict[str, Any] | None:
    """A document of the tenant, by its code."""
    rows = await connection.execute(
        text("select name, file, pages from fax_documents where tenant_id = :tenant and code = :code"),
        {"tenant": scope.tenant, "code": code},
    )
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def documents(connection: AsyncConnection, scope: Scope) -> list[dict[str, Any]]:
    """The documents of the tenant that may be sent, by code."""
    rows = await connection.execute(
        text("select code, name, pages from fax_documents where tenant_id = :tenant and file <> '' order by code"), {"tenant": scope.tenant}
    )
    return [dict(row) for row in rows.mappings()]


async def numbering(connection: AsyncConnection, scope: Scope, agent: str) -> tuple[Rules, frozenset[str]]:
    """The tenant's classes of numbers, and those that the caller may send to: his own as an agent; whoever manages also inland ones."""
    country = await connection.scalar(text("select country from tenants where id = :tenant"), {"tenant": scope.tenant})
    rows = await connection.execute(text("select code, patterns from number_classes where tenant_id = :tenant"), {"tenant": scope.tenant})
    known = {kind.value for kind in NumberClass}
    own = {NumberClass(row.code): list(row.patterns) for row in rows if row.code in known}
    may = await connection.scalar(
        text("select may_call from agents where tenant_id = :tenant and id = cast(:agent as uuid)"),
        {"tenant": scope.tenant, "agent": agent or None},
    )
    inland = {"local", "national", "mobile"} if scope.may(MANAGE) else set()
    return rules_with(str(country or "CN"), own), frozenset(may or ()) | inland


async def make(connection: AsyncConnection, scope: Scope, values: dict[str, Any], lines: Sequence[tuple[str, Line]], now: int) -> None:
    """A sending with its lines (each with its id), those that are not called among them."""
    await once.mark(connection, scope.tenant, now)
    at = moment(now)
    await connection.execute(
        text("""
            insert into fax_sendings (tenant_id, id, site_id, name, file, pages, station, lines, tries, spacing_seconds, hours, made_by,
              made_at, changed_at)
            values (:tenant, :id, :site, :name, :file, :pages, :station, :lines, :tries, :spacing_seconds, :hours, :user, :at, :at)"""),
        values | {"tenant": scope.tenant, "user": scope.user, "at": at, "hours": Jsonb(values["hours"])},
    )
    await connection.execute(
        text("""
            insert into fax_recipients (tenant_id, id, sending_id, line, given, number, name, state, reason, next_at, ended_at)
            values (:tenant, :id, :sending, :line, :given, :number, :name, :state, :fault, :next, :ended)"""),
        [
            {
                "tenant": scope.tenant, "id": id, "sending": values["id"], "line": line.line, "given": line.given, "number": line.number,
                "name": line.name, "state": "refused" if line.fault else "waiting", "fault": line.fault,
                "next": None if line.fault else at, "ended": at if line.fault else None,
            }
            for id, line in lines
        ],
    )  # fmt: skip


async def sendings(connection: AsyncConnection, scope: Scope, *, before: tuple[int, str] | None, limit: int) -> list[dict[str, Any]]:
    """Newest first, with how far they are."""
    at, id = (moment(before[0]), before[1]) if before else (None, None)
    rows = await connection.execute(
        text(f"""
            {_COUNTED} where {_MINE}
              and (cast(:at as timestamptz) is null or (s.made_at, s.id) < (cast(:at as timestamptz), cast(:id as uuid)))
            order by s.made_at desc, s.id desc limit :limit"""),
        _who(scope) | {"at": at, "id": id, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def sending(connection: AsyncConnection, scope: Scope, id: str) -> dict[str, Any] | None:
    """One sending, with how far it is."""
    rows = await connection.execute(text(f"{_COUNTED} where {_MINE} and s.id = :id"), _who(scope) | {"id": id})
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def recipients(
    connection: AsyncConnection, scope: Scope, sending: str, *, state: str, after: int, limit: int | None
) -> list[dict[str, Any]]:
    """The lines of a sending behind line ``after``, in their order; of one state, or all."""
    rows = await connection.execute(
        text(f"""
            select r.id, r.line, r.given, r.number, r.name, r.state, r.reason, r.tries, r.next_at, r.ended_at, r.attempt_id as fax,
              f.pages, f.began_at
            from fax_recipients r join fax_sendings s on (s.tenant_id, s.id) = (r.tenant_id, r.sending_id)
            left join faxes f on (f.tenant_id, f.id) = (r.tenant_id, r.attempt_id)
            where {_MINE} and s.id = :id and r.line > :after and (:state = '' or r.state = :state) order by r.line limit :limit"""),
        _who(scope) | {"id": sending, "after": after, "state": state, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def change_state(connection: AsyncConnection, scope: Scope, id: str, state: str, *, since: Sequence[str], now: int) -> bool:
    """Put a sending that is in one of the states ``since`` into another; false when it is not."""
    done = await connection.execute(
        text(f"""
            update fax_sendings s set state = :state, changed_at = :now
            where {_MINE} and s.id = :id and s.state = any(:since) and s.ended_at is null"""),
        _who(scope) | {"id": id, "state": state, "since": list(since), "now": moment(now)},
    )
    return done.rowcount > 0


_OF = {"sending": "s.id", "recipient": "r.id", "fax": "r.attempt_id"}


async def retry(connection: AsyncConnection, scope: Scope, what: str, id: str, *, now: int) -> int:
    """Call again those that failed or were cancelled: of a ``sending``, a ``recipient``, or whose last attempt is a ``fax``; how many."""
    await once.mark(connection, scope.tenant, now)
    rows = await connection.execute(
        text(f"""
            update fax_recipients r set state = 'waiting', reason = '', tries = 0, misses = 0, next_at = :now, ended_at = null,
              attempt_id = null
            from fax_sendings s where (s.tenant_id, s.id) = (r.tenant_id, r.sending_id) and {_MINE}
              and {_OF[what]} = cast(:id as uuid) and r.state in ('failed', 'cancelled')
            returning r.sending_id"""),
        _who(scope) | {"id": id, "now": moment(now)},
    )
    found = [row.sending_id for row in rows]
    if found:
        await connection.execute(
            text("""
                update fax_sendings set state = case state when 'paused' then 'paused' else 'running' end, ended_at = null,
                  changed_at = :now
                where tenant_id = :tenant and id = :id"""),
            {"tenant": scope.tenant, "id": found[0], "now": moment(now)},
        )
    return len(found)

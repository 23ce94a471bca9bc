"""The fax mailbox by Scope: with ``faxes.read`` the faxes of one's sites; with ``faxes.own`` those given to oneself as an agent or to a
queue that one serves, and those that one sent."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import moment
from yitong.kit.scope import Scope

READ, OWN = "faxes.read", "faxes.own"
_SERVED = """
exists (select 1 from queue_members x where (x.tenant_id, x.queue_id) = (f.tenant_id, m.queue_id) and x.agent_id = cast(:agent as uuid))
or (not exists (select 1 from queue_members x where (x.tenant_id, x.queue_id) = (f.tenant_id, m.queue_id))
  and not exists (select 1 from queue_requirements n where (n.tenant_id, n.queue_id) = (f.tenant_id, m.queue_id) and not exists (
    select 1 from agent_skills k where (k.tenant_id, k.skill_id) = (n.tenant_id, n.skill_id) and k.agent_id = cast(:agent as uuid)
      and k.level >= n.level)))
"""
_VISIBLE = f"""
f.tenant_id = :tenant and f.site_id = any(cast(:sites as uuid[])) and (:all or (:own and (
  m.agent_id = cast(:agent as uuid) or s.made_by = cast(:user as uuid)
  or (m.queue_id is not null and cast(:agent as uuid) is not null and ({_SERVED})))))
"""
_FAXES = """
select f.id, f.contact_id, f.began_at, f.ended_at, f.sent, f.document, f.file, f.outcome, f.pages, f.rate, f.error_correction, f.t38,
  p.value as station, coalesce(r.number, c.value, p.value) as number, r.name, s.id as sending, s.name as sending_name,
  r.attempt_id = f.id and r.state in ('failed', 'cancelled') as retry,
  m.agent_id, m.queue_id, m.seen_at, m.deleted_at, m.file_gone_at,
  (select a.name from agents a where (a.tenant_id, a.id) = (f.tenant_id, m.agent_id)) as agent,
  (select q.name from queues q where (q.tenant_id, q.id) = (f.tenant_id, m.queue_id)) as queue,
  coalesce(s.pages, 0) as sending_pages
from faxes f
left join fax_marks m on (m.tenant_id, m.fax_id) = (f.tenant_id, f.id)
left join fax_recipients r on (r.tenant_id, r.id) = (f.tenant_id, f.recipient_id)
left join fax_sendings s on (s.tenant_id, s.id) = (r.tenant_id, r.sending_id)
left join personals p on (p.tenant_id, p.id) = (f.tenant_id, f.station_id)
left join contacts k on (k.tenant_id, k.id) = (f.tenant_id, f.contact_id)
left join personals c on (c.tenant_id, c.id) = (f.tenant_id, case k.direction when 'out' then k.called_id else k.calling_id end)
"""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; None and "" mean anything. ``words``: a part of a number, a name or a document; ``deleted``: those that were
    put away, else those that were not."""

    sent: bool | None = None
    contact: str = ""
    words: str = ""
    new: bool = False
    mine: bool = False
    deleted: bool = False


def _who(scope: Scope, agent: str) -> dict[str, Any]:
    return {
        "tenant": scope.tenant, "sites": sorted(scope.sites), "all": scope.may(READ), "own": scope.may(OWN), "agent": agent or None,
        "user": scope.user or None,
    }  # fmt: skip


async def faxes(
    connection: AsyncConnection, scope: Scope, agent: str, wanted: Filter, *, before: tuple[int, str] | None, limit: int
) -> list[dict[str, Any]]:
    """Newest first; ``before`` is the place after which the page begins (microseconds, id)."""
    at, id = (moment(before[0]), before[1]) if before else (None, None)
    rows = await connection.execute(
        text(f"""
            {_FAXES} where {_VISIBLE} and (cast(:sent as boolean) is null or f.sent = :sent)
              and (cast(:contact as uuid) is null or f.contact_id = cast(:contact as uuid))
              and (m.deleted_at is not null) = :deleted and (not :new or (not f.sent and m.seen_at is null))
              and (not :mine or m.agent_id = cast(:agent as uuid))
              and (:words = '' or concat_ws(' ', r.number, c.value, p.value, r.name, s.name, f.document) ilike :like)
              and (cast(:at as timestamptz) is null or (f.began_at, f.id) < (cast(:at as timestamptz), cast(:id as uuid)))
            order by f.began_at desc, f.id desc limit :limit"""),
        _who(scope, agent) | {
            "sent": wanted.sent, "contact": wanted.contact or None, "words": wanted.words, "like": f"%{_literal(wanted.words)}%",
            "new": wanted.new, "mine": wanted.mine, "deleted": wanted.deleted, "at": at, "id": id, "limit": limit,
        },
    )  # fmt: skip
    return [dict(row) for row in rows.mappings()]


def _literal(words: str) -> str:
    """For ``like``: the words themselves."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def fax(connection: AsyncConnection, scope: Scope, agent: str, id: str) -> dict[str, Any] | None:
    """One fax that the caller may see."""
    rows = await connection.execute(text(f"{_FAXES} where {_VISIBLE} and f.id = :id"), _who(scope, agent) | {"id": id})
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def assign(connection: AsyncConnection, scope: Scope, id: str, *, agent: str, queue: str, now: int) -> bool:
    """Give a fax to an agent or a queue of the tenant, or (both empty) to nobody; false when there is no such one."""
    for table, key in (("agents", agent), ("queues", queue)):
        there = text(f"select 1 from {table} where tenant_id = :tenant and id = :id")
        if key and not await connection.scalar(there, {"tenant": scope.tenant, "id": key}):
            return False
    await connection.execute(
        text("""
            insert into fax_marks (tenant_id, fax_id, agent_id, queue_id, assigned_at) values (:tenant, :fax, :agent, :queue, :now)
            on conflict (tenant_id, fax_id) do update set agent_id = excluded.agent_id, queue_id = excluded.queue_id,
              assigned_at = excluded.assigned_at"""),
        {"tenant": scope.tenant, "fax": id, "agent": agent or None, "queue": queue or None, "now": moment(now)},
    )
    return True


async def see(connection: AsyncConnection, scope: Scope, id: str, *, seen: bool, now: int) -> None:
    """Somebody has looked at a fax, or it is to be looked at again."""
    await connection.execute(
        text("""
            insert into fax_marks (tenant_id, fax_id, seen_at, seen_by) values (:tenant, :fax, :now, :user)
            on conflict (tenant_id, fax_id) do update set seen_at = excluded.seen_at, seen_by = excluded.seen_by"""),
        {"tenant": scope.tenant, "fax": id, "now": moment(now) if seen else None, "user": scope.user if seen else None},
    )


async def put_away(connection: AsyncConnection, scope: Scope, id: str, *, away: bool, now: int) -> None:
    """Delete a fax, or take it back while its pages are there."""
    await connection.execute(
        text("""
            insert into fax_marks (tenant_id, fax_id, deleted_at, deleted_by) values (:tenant, :fax, :now, :user)
            on conflict (tenant_id, fax_id) do update set deleted_at = excluded.deleted_at, deleted_by = excluded.deleted_by"""),
        {"tenant": scope.tenant, "fax": id, "now": moment(now) if away else None, "user": scope.user if away else None},
    )

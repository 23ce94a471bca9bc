"""Mailboxes and messages as people may look at them: their own mailboxes and those of queues that they serve, or all of their sites."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import moment
from yitong.kit.scope import Scope

_SERVED = """
(not exists (select 1 from queue_members m where (m.tenant_id, m.queue_id) = (b.tenant_id, b.queue_id))
  or exists (select 1 from queue_members m where (m.tenant_id, m.queue_id, m.agent_id) = (b.tenant_id, b.queue_id, cast(:agent as uuid))))
and not exists (
  select 1 from queue_requirements r left join agent_skills s
    on (s.tenant_id, s.skill_id, s.agent_id) = (r.tenant_id, r.skill_id, cast(:agent as uuid))
  where (r.tenant_id, r.queue_id) = (b.tenant_id, b.queue_id) and coalesce(s.level, 0) < r.level)
"""
_OPEN = f"""
b.tenant_id = :tenant and b.site_id = any(cast(:sites as uuid[])) and (:all
  or exists (select 1 from mailbox_owners o where (o.tenant_id, o.mailbox_id, o.agent_id) = (b.tenant_id, b.id, cast(:agent as uuid)))
  or (b.queue_id is not null and cast(:agent as uuid) is not null and {_SERVED}))
"""
_MESSAGES = """
select m.id, m.site_id, m.contact_id, m.mailbox_id, m.left_at, m.heard_at, m.status, m.cause, m.file, m.milliseconds, b.name as mailbox,
  c.number, c.customer_id,
  (select p.value from personals p where (p.tenant_id, p.id) = (c.tenant_id, c.calling_id)) as calling,
  (select u.name from customers u where (u.tenant_id, u.id) = (c.tenant_id, c.customer_id)) as customer_name,
  (select a.name from agents a where (a.tenant_id, a.id) = (m.tenant_id, m.agent_id)) as heard_by,
  l.state as mail_state, l.tries as mail_tries, l.error as mail_error, l.sent_at as mail_sent_at, b.email <> '' as mailed
from mailbox_messages m
join mailboxes b on (b.tenant_id, b.id) = (m.tenant_id, m.mailbox_id)
left join contacts c on (c.tenant_id, c.id) = (m.tenant_id, m.contact_id)
left join mails l on (l.tenant_id, l.id) = (m.tenant_id, m.id)
"""
_THERE = "('new', 'heard', 'deleted')"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; "" means anything. ``status`` "" leaves deleted ones out; ``words``: a part of the caller's name or number."""

    mailbox: str = ""
    status: str = ""
    words: str = ""


def _who(scope: Scope, agent: str) -> dict[str, Any]:
    return {"tenant": scope.tenant, "sites": sorted(scope.sites), "all": scope.may("mailboxes.all"), "agent": agent or None}


async def mailboxes(
    connection: AsyncConnection, scope: Scope, agent: str, *, after: tuple[str, str] | None, limit: int
) -> list[dict[str, Any]]:
    """The mailboxes that one may open, by code, with how many messages are in each."""
    code, id = after or (None, None)
    rows = await connection.execute(
        text(f"""
            select b.id, b.code, b.name, b.number, b.queue_id, b.notify_number, coalesce(n.off, false) as off,
              coalesce(n.times, 0) as times, n.sent_at, coalesce(n.cause, '') as cause,
              (select count(*) from mailbox_messages m where (m.tenant_id, m.mailbox_id, m.status) = (b.tenant_id, b.id, 'new')) as new,
              (select count(*) from mailbox_messages m where (m.tenant_id, m.mailbox_id) = (b.tenant_id, b.id)
                and m.status in ('new', 'heard')) as total
            from mailboxes b left join mailbox_notices n on (n.tenant_id, n.mailbox_id) = (b.tenant_id, b.id) where {_OPEN}
              and (cast(:code as text) is null or (b.code, b.id) > (cast(:code as text), cast(:id as uuid)))
            order by b.code, b.id limit :limit"""),
        _who(scope, agent) | {"code": code, "id": id, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def site_of(connection: AsyncConnection, scope: Scope, agent: str, id: str) -> str:
    """The site of a mailbox that one may open; empty: there is none."""
    found = await connection.scalar(
        text(f"select b.site_id from mailboxes b where {_OPEN} and b.id = :id"), _who(scope, agent) | {"id": id}
    )
    return str(found or "")


async def messages(
    connection: AsyncConnection, scope: Scope, agent: str, wanted: Wanted, *, after: tuple[int, int, str] | None, limit: int
) -> list[dict[str, Any]]:
    """New ones first, then the newest. ``after``: the place behind which the page begins (1 for a new one, microseconds, id)."""
    rank, at, id = (after[0], moment(after[1]), after[2]) if after else (None, None, None)
    asked = {"status": wanted.status, "mailbox": wanted.mailbox or None, "words": wanted.words}
    rows = await connection.execute(
        text(f"""
            {_MESSAGES} where {_OPEN} and m.status in {_THERE}
              and (m.status = :status or (:status = '' and m.status <> 'deleted'))
              and (cast(:mailbox as uuid) is null or m.mailbox_id = cast(:mailbox as uuid))
              and (:words = '' or exists (select 1 from customers u where (u.tenant_id, u.id) = (c.tenant_id, c.customer_id)
                    and position(lower(:words) in lower(u.name)) > 0)
                or exists (select 1 from personals p where (p.tenant_id, p.id) = (c.tenant_id, c.calling_id)
                    and position(:words in p.value) > 0))
              and (cast(:rank as int) is null
                or ((m.status = 'new')::int, m.left_at, m.id) < (cast(:rank as int), cast(:at as timestamptz), cast(:id as uuid)))
            order by (m.status = 'new') desc, m.left_at desc, m.id desc limit :limit"""),
        _who(scope, agent) | asked | {"rank": rank, "at": at, "id": id, "limit": limit},
    )  # fmt: skip
    return [dict(row) for row in rows.mappings()]


async def message(connection: AsyncConnection, scope: Scope, agent: str, id: str) -> dict[str, Any] | None:
    """One message of a mailbox that one may open."""
    rows = await connection.execute(
        text(f"{_MESSAGES} where {_OPEN} and m.status in {_THERE} and m.id = :id"), _who(scope, agent) | {"id": id}
    )
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def mail_again(connection: AsyncConnection, scope: Scope, agent: str, id: str, now: int) -> bool:
    """Try a mail again that could not be delivered, or was not sent at all; false where the mailbox has no address."""
    done = await connection.execute(
        text(f"""
            insert into mails (tenant_id, id, mailbox_id, recipient, next_at, created_at)
            select m.tenant_id, m.id, m.mailbox_id, b.email, :now, :now
            from mailbox_messages m join mailboxes b on (b.tenant_id, b.id) = (m.tenant_id, m.mailbox_id)
            where {_OPEN} and m.id = :id and m.status in {_THERE} and b.email <> ''
            on conflict (tenant_id, id) do update set state = 'waiting', tries = 0, error = '', next_at = excluded.next_at,
              recipient = excluded.recipient"""),
        _who(scope, agent) | {"id": id, "now": moment(now)},
    )
    return done.rowcount > 0

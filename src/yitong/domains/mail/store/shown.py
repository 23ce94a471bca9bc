"""Mails as people see and write them, by Scope: with ``mails.all`` those of one's sites, with ``mails.own`` those of conversations that one
has (or had) on one's desk."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import moment
from yitong.kit.scope import Scope

ALL, OWN = "mails.all", "mails.own"
_COLUMNS = """
m.id, m.site_id, m.account_id, m.direction, m.state, m.contact_id, m.thread_id, m.token, m.message_id, m.refs, m.subject,
m.from_address, m.from_name, m.reply_to, m.recipients, m.copies, m.attachments, m.at, m.bytes, m.cut, m.file, m.author_id,
case when m.state = 'new' and not exists (select 1 from mail_accounts a where (a.tenant_id, a.id) = (m.tenant_id, m.account_id))
  then 'no_account' else m.reason end as reason,
(select u.name from users u where (u.tenant_id, u.id) = (m.tenant_id, m.author_id)) as author,
(select a.address from mail_accounts a where (a.tenant_id, a.id) = (m.tenant_id, m.account_id)) as address
"""
_VISIBLE = """
m.tenant_id = :tenant and m.site_id = any(cast(:sites as uuid[])) and (:all or (:own and m.thread_id in (
  select t.thread_id from mail_messages t where t.tenant_id = :tenant and (
    t.id = any(cast(:here as uuid[])) or t.contact_id = any(cast(:here as uuid[]))
    or exists (select 1 from contacts c where (c.tenant_id, c.id) = (t.tenant_id, t.contact_id) and c.agent_id = cast(:agent as uuid))))))
"""

_STUCK = """
m.direction = 'in' and m.state = 'new' and (m.reason <> ''
  or not exists (select 1 from mail_accounts a where (a.tenant_id, a.id) = (m.tenant_id, m.account_id)))
"""
_LISTED = {"": "true", "stuck": _STUCK, "undelivered": "m.direction = 'out' and m.state in ('failed', 'uncertain', 'returned')"}


class Looker(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks: ``agent``, and the contacts that are ``here`` on his desk now."""

    scope: Scope
    agent: str = ""
    here: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        one = self.scope
        return {
            "tenant": one.tenant, "sites": sorted(one.sites), "all": one.may(ALL), "own": one.may(OWN), "agent": self.agent or None,
            "here": list(self.here),
        }  # fmt: skip


async def of_contact(connection: AsyncConnection, scope: Scope, looker: Looker, contact: str) -> list[dict[str, Any]]:
    """The whole conversation that a contact belongs to (or the mail that is to become it), the oldest first."""
    rows = await connection.execute(
        text(f"""
            select {_COLUMNS} from mail_messages m where {_VISIBLE} and m.thread_id in (
              select thread_id from mail_messages where tenant_id = :tenant and cast(:contact as uuid) in (contact_id, id))
            order by m.at, m.id limit 500"""),
        looker.values() | {"contact": contact, "tenant": scope.tenant},
    )
    return [dict(row) for row in rows.mappings()]


async def one(connection: AsyncConnection, scope: Scope, looker: Looker, id: str) -> dict[str, Any] | None:
    """A mail, if it may be seen."""
    row = await connection.execute(
        text(f"select {_COLUMNS} from mail_messages m where {_VISIBLE} and m.id = cast(:id as uuid)"),
        looker.values() | {"id": id, "tenant": scope.tenant},
    )
    found = row.mappings().one_or_none()
    return dict(found) if found is not None else None


async def page(
    connection: AsyncConnection, scope: Scope, *, state: str, words: str, before: tuple[int, str] | None, limit: int
) -> list[dict[str, Any]]:
    """Mails of one's sites in a state (or stuck, or undelivered; empty: all), newest first."""
    scope.require(ALL)
    at, id = (moment(before[0]), before[1]) if before else (None, None)
    like = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = await connection.execute(
        text(f"""
            select {_COLUMNS} from mail_messages m where m.tenant_id = :tenant and m.site_id = any(cast(:sites as uuid[]))
              and {_LISTED.get(state, "m.state = :state")}
              and (:words = '' or concat_ws(' ', m.subject, m.from_address, m.from_name) ilike :like)
              and (cast(:at as timestamptz) is null or (m.at, m.id) < (cast(:at as timestamptz), cast(:id as uuid)))
            order by m.at desc, m.id desc limit :limit"""),
        {
            "tenant": scope.tenant,
            "sites": sorted(scope.sites),
            "state": state,
            "words": words,
            "like": like,
            "at": at,
            "id": id,
            "limit": limit,
        },
    )
    return [dict(row) for row in rows.mappings()]


async def account(connection: AsyncConnection, scope: Scope, id: str) -> dict[str, Any] | None:
    """From which address, under which name and with which signature it is answered, and in which zone."""
    row = await connection.execute(
        text("""
            select a.id, a.site_id, a.address, a.sender, a.signature, s.zone
            from mail_accounts a join sites s on (s.tenant_id, s.id) = (a.tenant_id, a.site_id)
            where a.tenant_id = :tenant and a.id = cast(:id as uuid)"""),
        {"tenant": scope.tenant, "id": id},
    )
    found = row.mappings().one_or_none()
    return dict(found) if found is not None else None


async def states(connection: AsyncConnection, scope: Scope) -> list[dict[str, Any]]:
    """How reading and answering of each account goes."""
    scope.require("config.read")
    rows = await connection.execute(
        text("""
            select a.id, a.address, a.enabled, coalesce(p.state, '') as state, coalesce(p.reason, '') as reason, p.since, p.looked_at,
              coalesce(p.sending_state, '') as sending_state, coalesce(p.sending_reason, '') as sending_reason, p.sending_since,
              (select count(*) from mail_messages m where (m.tenant_id, m.account_id) = (a.tenant_id, a.id) and m.state = 'new') as new,
              (select count(*) from mail_messages m where (m.tenant_id, m.account_id) = (a.tenant_id, a.id) and m.state = 'waiting')
                as waiting
            from mail_accounts a left join mail_places p on (p.tenant_id, p.account_id) = (a.tenant_id, a.id)
            where a.tenant_id = :tenant and a.site_id = any(cast(:sites as uuid[])) order by a.code limit 200"""),
        {"tenant": scope.tenant, "sites": sorted(scope.sites)},
    )
    return [dict(row) for row in rows.mappings()]


async def write(connection: AsyncConnection, scope: Scope, row: dict[str, Any]) -> bool:
    """Put an answer into the queue of what is to be sent; false when it is there already."""
    given = {name: msgspec.json.encode(value).decode() if name in _JSON else value for name, value in row.items()}
    values = ", ".join(f"cast(:{name} as jsonb)" if name in _JSON else f":{name}" for name in row)
    done = await connection.execute(
        text(f"insert into mail_messages (tenant_id, direction, state, {', '.join(row)}) values (:tenant, 'out', 'waiting', {values})"
             " on conflict do nothing"),
        given | {"tenant": scope.tenant},
    )  # fmt: skip
    return bool(done.rowcount)


_JSON = frozenset({"refs", "recipients", "copies", "attachments"})


async def again(connection: AsyncConnection, scope: Scope, id: str, now: int) -> bool:
    """Send one that failed, came back, or may not have gone, once more."""
    done = await connection.execute(
        text("""
            update mail_messages set state = 'waiting', reason = '', tries = 0, next_at = :now
            where tenant_id = :tenant and id = cast(:id as uuid) and direction = 'out' and state in ('failed', 'uncertain', 'returned')"""),
        {"tenant": scope.tenant, "id": id, "now": moment(now)},
    )
    return bool(done.rowcount)


async def queue(connection: AsyncConnection, scope: Scope, id: str, now: int) -> bool:
    """Let one wait for an agent that was kept aside or discarded, or try one again that could not be taken in."""
    done = await connection.execute(
        text("""
            update mail_messages m set state = 'new', reason = '', next_at = :now
            where m.tenant_id = :tenant and m.id = cast(:id as uuid) and m.direction = 'in'
              and (m.state in ('kept', 'discarded') or (m.state = 'new' and m.reason <> ''))"""),
        {"tenant": scope.tenant, "id": id, "now": moment(now)},
    )
    return bool(done.rowcount)


async def discard(connection: AsyncConnection, scope: Scope, id: str) -> bool:
    """Nobody need see one that was kept aside, or that core will not take. While core may have taken it, that is not known yet."""
    done = await connection.execute(
        text(f"""
            update mail_messages m set state = 'discarded'
            where m.tenant_id = :tenant and m.id = cast(:id as uuid)
              and ((m.direction = 'in' and m.state = 'kept') or ({_STUCK} and m.reason <> 'core_unavailable'))"""),
        {"tenant": scope.tenant, "id": id},
    )
    return bool(done.rowcount)

"""The outbox as people may look at it: the messages of their sites."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import SECOND, moment
from yitong.kit.scope import Scope

AGAIN_US = 24 * 3600 * SECOND
AGAIN = ("failed", "expired", "cancelled", "uncertain")
"""States from which a person may send a message again."""
_TEXTS = """
select t.id, t.site_id, t.contact_id, t.mailbox_id, t.agent_id, t.source, t.state, t.reason, t.tries, t.parts, t.created_at, t.next_at,
  t.expires_at, t.accepted_at, t.ended_at, n.value as recipient, b.value as body,
  (select l.name from text_lines l where (l.tenant_id, l.id) = (t.tenant_id, t.line_id)) as line,
  (select m.name from mailboxes m where (m.tenant_id, m.id) = (t.tenant_id, t.mailbox_id)) as mailbox,
  (select a.name from agents a where (a.tenant_id, a.id) = (t.tenant_id, t.agent_id)) as agent,
  (select u.name from users u where (u.tenant_id, u.id) = (t.tenant_id, t.resent_by)) as resent_by
from texts t
left join personals n on (n.tenant_id, n.id) = (t.tenant_id, t.recipient_id)
left join personals b on (b.tenant_id, b.id) = (t.tenant_id, t.body_id)
where t.tenant_id = :tenant and t.site_id = any(cast(:sites as uuid[]))
"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; "" means anything. ``words``: a part of the number or of the text."""

    state: str = ""
    source: str = ""
    words: str = ""


def _who(scope: Scope) -> dict[str, Any]:
    return {"tenant": scope.tenant, "sites": sorted(scope.sites)}


async def texts(
    connection: AsyncConnection, scope: Scope, wanted: Wanted, *, after: tuple[int, str] | None, limit: int
) -> list[dict[str, Any]]:
    """The newest first; ``after``: when the last one of the page before was asked for, and its id."""
    at, id = (moment(after[0]), after[1]) if after else (None, None)
    rows = await connection.execute(
        text(f"""
            {_TEXTS} and (:state = '' or t.state = :state) and (:source = '' or t.source = :source)
              and (:words = '' or position(lower(:words) in lower(coalesce(b.value, ''))) > 0
                or position(:words in coalesce(n.value, '')) > 0)
              and (cast(:at as timestamptz) is null or (t.created_at, t.id) < (cast(:at as timestamptz), cast(:id as uuid)))
            order by t.created_at desc, t.id desc limit :limit"""),
        _who(scope) | {"state": wanted.state, "source": wanted.source, "words": wanted.words, "at": at, "id": id, "limit": limit},
    )  # fmt: skip
    return [dict(row) for row in rows.mappings()]


async def one(connection: AsyncConnection, scope: Scope, id: str) -> dict[str, Any] | None:
    """One message of the caller's sites."""
    rows = await connection.execute(text(f"{_TEXTS} and t.id = :id"), _who(scope) | {"id": id})
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def again(connection: AsyncConnection, scope: Scope, id: str, actor: str, now: int) -> bool:
    """Send the whole message once more, whatever of it may have arrived; false unless it has ended badly."""
    who = _who(scope) | {"id": id}
    done = await connection.execute(
        text("""
            update texts set state = 'waiting', reason = '', tries = 0, next_at = :now, expires_at = :until, accepted_at = null,
              ended_at = null, resent_by = cast(:actor as uuid), reference = (reference + 1) % 256
            where tenant_id = :tenant and site_id = any(cast(:sites as uuid[])) and id = :id
              and state in ('failed', 'expired', 'cancelled', 'uncertain')"""),
        who | {"now": moment(now), "until": moment(now + AGAIN_US), "actor": actor or None},
    )
    if done.rowcount:
        await connection.execute(text("delete from text_parts where (tenant_id, text_id) = (:tenant, :id)"), who)
    return done.rowcount > 0


async def cancel(connection: AsyncConnection, scope: Scope, id: str, now: int) -> bool:
    """Do not send a message that still waits; false when it does not."""
    done = await connection.execute(
        text("""
            update texts set state = 'cancelled', reason = 'by_hand', ended_at = :now
            where tenant_id = :tenant and site_id = any(cast(:sites as uuid[])) and id = :id and state = 'waiting'"""),
        _who(scope) | {"id": id, "now": moment(now)},
    )
    return done.rowcount > 0


async def counts(connection: AsyncConnection, scope: Scope) -> dict[str, int]:
    """How many messages are in each state."""
    rows = await connection.execute(
        text("select state, count(*) from texts where tenant_id = :tenant and site_id = any(cast(:sites as uuid[])) group by state"),
        _who(scope),
    )
    return {row[0]: int(row[1]) for row in rows}


async def templates(connection: AsyncConnection, scope: Scope) -> list[dict[str, Any]]:
    """The tenant's templates, by code."""
    rows = await connection.execute(
        text("select id, code, name, texts from text_templates where tenant_id = :tenant order by code limit 500"), {"tenant": scope.tenant}
    )
    return [dict(row) for row in rows.mappings()]

"""The outbox as the worker works it off. A message is claimed and committed before it leaves, and settled after it was answered.

``texts`` belongs to this file alone; ``text_requests`` is the projection of what was asked for (facts), which may be made anew at any time.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.messaging.model.texts import Answer, Due, Receipt
from yitong.domains.messaging.rules import Verdict, told_by_receipts
from yitong.kit.clock import SECOND, moment

DAY_US = 86_400 * SECOND
TAKEN_UP_US = 2 * DAY_US
"""What was asked for longer ago is not put into the outbox (any more)."""
_STEP = 500


async def take_up(connection: AsyncConnection, now: int) -> int:
    """Put what was asked for into the outbox, once; returns how many."""
    done = await connection.execute(
        text("""
            insert into texts (tenant_id, id, site_id, contact_id, mailbox_id, agent_id, recipient_id, body_id, source, created_at, next_at,
              expires_at)
            select r.tenant_id, r.id, r.site_id, r.contact_id, r.mailbox_id, r.agent_id, r.recipient_id, r.body_id, r.source, r.asked_at,
              r.asked_at, r.expires_at
            from text_requests r where r.asked_at > :oldest and r.cancelled_at is null
              and not exists (select 1 from texts t where (t.tenant_id, t.id) = (r.tenant_id, r.id))
            order by r.asked_at limit :step on conflict do nothing"""),
        {"oldest": moment(now - TAKEN_UP_US), "step": _STEP},
    )
    return done.rowcount


async def sweep(connection: AsyncConnection, now: int, settled_before: int) -> None:
    """What is cancelled or too late is over; what a process that died had handed over is uncertain."""
    await connection.execute(
        text("""
            update texts t set state = 'cancelled', reason = 'heard', ended_at = :now from text_requests r
            where (r.tenant_id, r.id) = (t.tenant_id, t.id) and t.state = 'waiting' and r.cancelled_at is not null
              and t.resent_by is null"""),
        {"now": moment(now)},
    )
    await connection.execute(
        text("update texts set state = 'expired', ended_at = :now where state = 'waiting' and expires_at <= :now"), {"now": moment(now)}
    )
    await connection.execute(
        text("""
            update texts set state = 'uncertain', reason = 'process_died', ended_at = :now
            where state = 'submitting' and submitted_at < :before"""),
        {"now": moment(now), "before": moment(settled_before)},
    )


async def claim(connection: AsyncConnection, tenant: str, line: str, owner: str, now: int, limit: int) -> list[Due]:
    """The messages of the tenant that are due, as handed over by ``owner``: committed before the first octet leaves."""
    rows = await connection.execute(
        text("""
            with due as (
              select t.tenant_id, t.id, n.value as recipient, b.value as body from texts t
              join personals n on (n.tenant_id, n.id) = (t.tenant_id, t.recipient_id) and n.value is not null
              join personals b on (b.tenant_id, b.id) = (t.tenant_id, t.body_id) and b.value is not null
              where t.tenant_id = :tenant and t.state = 'waiting' and t.next_at <= :now and t.expires_at > :now
              order by t.next_at limit :limit for update of t skip locked)
            update texts t set state = 'submitting', line_id = :line, claimed_by = :owner, submitted_at = :now, tries = t.tries + 1
            from due where (t.tenant_id, t.id) = (due.tenant_id, due.id)
            returning t.tenant_id as tenant, t.id, due.recipient, due.body, t.reference, t.tries,
              greatest(60, extract(epoch from t.expires_at - :now)::int) as lasting_seconds,
              array(select p.place from text_parts p where (p.tenant_id, p.text_id) = (t.tenant_id, t.id) and p.state = 'accepted')
                as accepted
            """),
        {"tenant": tenant, "line": line, "owner": owner, "now": moment(now), "limit": limit},
    )
    return [msgspec.convert(dict(row) | {"submitted_at": now}, Due) for row in rows.mappings()]


async def settle(
    connection: AsyncConnection, due: Due, line: str, answers: dict[int, Answer], verdict: Verdict, now: int, parts: int
) -> None:
    """What came of a try. What a sweep called uncertain meanwhile is told here after all; another try's answer changes nothing."""
    ended = verdict.state in ("failed", "uncertain")
    done = await connection.execute(
        text("""
            update texts set state = :state, reason = :reason, parts = :parts, next_at = :next, tries = tries - :free,
              accepted_at = case when :state = 'accepted' then cast(:now as timestamptz) end,
              ended_at = case when :ended then cast(:now as timestamptz) end
            where (tenant_id, id) = (:tenant, :id) and state in ('submitting', 'uncertain') and submitted_at = :submitted"""),
        {
            "state": verdict.state, "reason": verdict.reason[:120], "parts": parts, "next": moment(now + verdict.pause),
            "free": 0 if verdict.counts else 1, "now": moment(now), "ended": ended, "tenant": due.tenant, "id": due.id,
            "submitted": moment(due.submitted_at),
        },
    )  # fmt: skip
    if not done.rowcount:
        return
    for place, answer in answers.items():
        await connection.execute(
            text("""
                insert into text_parts (tenant_id, text_id, place, line_id, state, centre_id, reason, at)
                values (:tenant, :text, :place, :line, :state, :centre, :reason, :now)
                on conflict (tenant_id, text_id, place) do update set line_id = excluded.line_id, state = excluded.state,
                  centre_id = excluded.centre_id, reason = excluded.reason, at = excluded.at"""),
            {
                "tenant": due.tenant, "text": due.id, "place": place, "line": line, "state": answer.outcome, "centre": answer.id,
                "reason": answer.reason[:60], "now": moment(now),
            },
        )  # fmt: skip
    await fold(connection, due.tenant, due.id, now)


async def keep_receipt(connection: AsyncConnection, tenant: str, line: str, receipt: Receipt, now: int) -> None:
    """Keep a receipt, and tell the message whose part it is about; it may come before the part's answer is written."""
    await connection.execute(
        text("""
            insert into text_receipts (tenant_id, line_id, centre_id, state, error, at) values (:tenant, :line, :id, :state, :error, :now)
            on conflict (tenant_id, line_id, centre_id) do update set state = excluded.state, error = excluded.error, at = excluded.at
            where text_receipts.state not in ('DELIVRD', 'UNDELIV', 'EXPIRED', 'DELETED', 'REJECTD')"""),
        {"tenant": tenant, "line": line, "id": receipt.id, "state": receipt.state, "error": receipt.error, "now": moment(now)},
    )
    found = await connection.scalar(
        text("select text_id from text_parts where (tenant_id, line_id, centre_id) = (:tenant, :line, :id)"),
        {"tenant": tenant, "line": line, "id": receipt.id},
    )
    if found is not None:
        await fold(connection, tenant, found, now)


async def fold(connection: AsyncConnection, tenant: str, id: str, now: int) -> None:
    """What receipts tell of an accepted message."""
    rows = await connection.execute(
        text("""
            select coalesce(r.state, '') as state, coalesce(r.error, '') as error from texts t
            join text_parts p on (p.tenant_id, p.text_id) = (t.tenant_id, t.id)
            left join text_receipts r on (r.tenant_id, r.line_id, r.centre_id) = (p.tenant_id, p.line_id, p.centre_id)
            where (t.tenant_id, t.id) = (:tenant, :id) and t.state = 'accepted' and p.state = 'accepted' order by p.place"""),
        {"tenant": tenant, "id": id},
    )
    found = list(rows)
    verdict = told_by_receipts(row.state for row in found)
    if verdict is not None:
        await connection.execute(
            text("update texts set state = :state, reason = :reason, ended_at = :now where (tenant_id, id) = (:tenant, :id)"),
            {"state": verdict.state, "reason": verdict.reason, "now": moment(now), "tenant": tenant, "id": id},
        )


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """How many messages wait, are under way, and ended badly within a day."""
    rows = await connection.execute(
        text("""
            select state, count(*) from texts where state in ('waiting', 'submitting')
              or (state in ('failed', 'expired', 'uncertain') and created_at > now() - interval '1 day') group by state""")
    )
    return {row[0]: int(row[1]) for row in rows}


async def forget(connection: AsyncConnection, oldest: int, now: int, limit: int = _STEP) -> int:
    """Messages from before ``oldest`` with their numbers and texts, and receipts that belong to nothing; returns how many messages."""
    rows = await connection.execute(
        text("""
            delete from texts where (tenant_id, id) in (
              select tenant_id, id from texts where created_at < :oldest and state <> 'submitting' order by created_at limit :limit)
            returning tenant_id, recipient_id, body_id"""),
        {"oldest": moment(oldest), "limit": limit},
    )
    gone = list(rows)
    await _erase(connection, [(row.tenant_id, id) for row in gone for id in (row.recipient_id, row.body_id)], now)
    await connection.execute(
        text("""
            delete from text_receipts r where r.at < :oldest and not exists (select 1 from text_parts p
              where (p.tenant_id, p.line_id, p.centre_id) = (r.tenant_id, r.line_id, r.centre_id))"""),
        {"oldest": moment(min(oldest, now - 7 * DAY_US))},
    )
    return len(gone)


async def _erase(connection: AsyncConnection, ids: Sequence[tuple[str, str]], now: int) -> None:
    for tenant, id in ids:
        await connection.execute(
            text("update personals set value = null, erased_at = :now where (tenant_id, id) = (:tenant, cast(:id as uuid))"),
            {"now": moment(now), "tenant": tenant, "id": id},
        )

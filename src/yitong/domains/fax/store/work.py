"""Sendings as the worker works them off: which number is called next, what became of those that were called. Shows nothing to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.fax.model import Attempt, Result, Sending
from yitong.kit.clock import moment

_STEP = 500


async def busy(connection: AsyncConnection) -> list[tuple[str, str]]:
    """The sendings that are not over: tenant and id."""
    rows = await connection.execute(text("select tenant_id, id from fax_sendings where ended_at is null order by tenant_id, id"))
    return [(row.tenant_id, row.id) for row in rows]


async def locked(connection: AsyncConnection, tenant: str, id: str) -> Sending | None:
    """The sending, until the end of the transaction nobody else's; None when another worker has it now."""
    rows = await connection.execute(
        text("""
            select s.tenant_id as tenant, s.id, s.site_id as site, s.state, s.lines, s.hours, i.zone
            from fax_sendings s join sites i on (i.tenant_id, i.id) = (s.tenant_id, s.site_id)
            where s.tenant_id = :tenant and s.id = :id and s.ended_at is null for update of s skip locked"""),
        {"tenant": tenant, "id": id},
    )
    row = rows.mappings().first()
    return None if row is None else msgspec.convert(dict(row), Sending)


async def results(connection: AsyncConnection, sending: Sending) -> list[Result]:
    """The attempts of the sending whose end the ledger has told."""
    rows = await connection.execute(
        text("""
            select r.id as recipient, f.outcome, r.tries, r.misses, s.tries as allowed, s.spacing_seconds
            from fax_recipients r join faxes f on (f.tenant_id, f.id) = (r.tenant_id, r.attempt_id)
              join fax_sendings s on (s.tenant_id, s.id) = (r.tenant_id, r.sending_id)
            where r.tenant_id = :tenant and r.sending_id = :sending and r.state = 'dialling' and f.ended_at is not null limit :step"""),
        {"tenant": sending.tenant, "sending": sending.id, "step": _STEP},
    )
    return [msgspec.convert(dict(row), Result) for row in rows.mappings()]


async def settle(
    connection: AsyncConnection, sending: Sending, recipient: str, *, state: str, outcome: str, next_at: int, counts: bool, now: int
) -> None:
    """What an attempt brought; ``next_at`` 0: nothing follows."""
    await connection.execute(
        text("""
            update fax_recipients set state = :state, reason = :outcome, next_at = :next, ended_at = :ended,
              tries = tries - :missed, misses = misses + :missed
            where tenant_id = :tenant and id = :id and state = 'dialling'"""),
        {
            "tenant": sending.tenant, "id": recipient, "state": state, "outcome": outcome, "next": moment(next_at) if next_at else None,
            "ended": None if next_at else moment(now), "missed": 0 if counts else 1,
        },
    )  # fmt: skip


async def dialling(connection: AsyncConnection, sending: Sending) -> int:
    """How many numbers of the sending are called now."""
    count = await connection.scalar(
        text("select count(*) from fax_recipients where tenant_id = :tenant and sending_id = :sending and state = 'dialling'"),
        {"tenant": sending.tenant, "sending": sending.id},
    )
    return int(count or 0)


async def due(connection: AsyncConnection, sending: Sending, now: int, limit: int) -> list[str]:
    """The next recipients to be called, in the order of their lines."""
    rows = await connection.execute(
        text("""
            select id from fax_recipients where tenant_id = :tenant and sending_id = :sending and state = 'waiting' and next_at <= :now
            order by line limit :limit"""),
        {"tenant": sending.tenant, "sending": sending.id, "now": moment(now), "limit": limit},
    )
    return [row.id for row in rows]


async def begin(connection: AsyncConnection, sending: Sending, recipient: str, attempt: str) -> None:
    """The recipient is called now, by this attempt; true before core is asked, so that a kill in between repeats the same attempt."""
    await connection.execute(
        text("""
            update fax_recipients set state = 'dialling', tries = tries + 1, attempt_id = :attempt, asked_at = null, reason = ''
            where tenant_id = :tenant and id = :id"""),
        {"tenant": sending.tenant, "id": recipient, "attempt": attempt},
    )


async def cancel_waiting(connection: AsyncConnection, sending: Sending, now: int) -> None:
    """Whoever was not called yet is not called any more."""
    await connection.execute(
        text("""
            update fax_recipients set state = 'cancelled', ended_at = :now, next_at = null
            where tenant_id = :tenant and sending_id = :sending and state = 'waiting'"""),
        {"tenant": sending.tenant, "sending": sending.id, "now": moment(now)},
    )


async def finish(connection: AsyncConnection, sending: Sending, now: int) -> None:
    """The sending is over when nobody waits and nobody is called; a cancelled one is over, too, and stays cancelled."""
    await connection.execute(
        text("""
            update fax_sendings s set state = case s.state when 'cancelled' then 'cancelled' else 'done' end, ended_at = :now,
              changed_at = :now
            where s.tenant_id = :tenant and s.id = :id and s.ended_at is null and not exists (
              select 1 from fax_recipients r where r.tenant_id = s.tenant_id and r.sending_id = s.id
              and r.state in ('waiting', 'dialling'))"""),
        {"tenant": sending.tenant, "id": sending.id, "now": moment(now)},
    )


async def unasked(connection: AsyncConnection, again_before: int) -> list[Attempt]:
    """Attempts of which core was not told yet, or so long ago that it is asked again: it does the same one once."""
    rows = await connection.execute(
        text("""
            select r.tenant_id as tenant, s.site_id as site, s.id as sending, r.id as recipient, r.attempt_id as attempt, r.number, s.file,
              s.station, s.name
            from fax_recipients r join fax_sendings s on (s.tenant_id, s.id) = (r.tenant_id, r.sending_id)
            where r.state = 'dialling' and (r.asked_at is null or r.asked_at < :before) order by r.asked_at nulls first limit :step"""),
        {"before": moment(again_before), "step": _STEP},
    )
    return [msgspec.convert(dict(row), Attempt) for row in rows.mappings()]


async def asked(connection: AsyncConnection, attempt: Attempt, now: int) -> None:
    """Core knows of the attempt."""
    await connection.execute(
        text("update fax_recipients set asked_at = :now where tenant_id = :tenant and id = :id and attempt_id = :attempt"),
        {"tenant": attempt.tenant, "id": attempt.recipient, "attempt": attempt.attempt, "now": moment(now)},
    )


async def old_files(connection: AsyncConnection, before: int, deleted_before: int, limit: int = _STEP) -> list[dict[str, Any]]:
    """Faxes whose time is over, and those that were deleted a while ago: tenant, id and file."""
    rows = await connection.execute(
        text("""
            select f.tenant_id as tenant, f.id, f.file from faxes f
            left join fax_marks m on (m.tenant_id, m.fax_id) = (f.tenant_id, f.id)
            where (f.began_at < :before or m.deleted_at < :deleted) and m.file_gone_at is null and f.ended_at is not null
            order by f.began_at limit :limit"""),
        {"before": moment(before), "deleted": moment(deleted_before), "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def file_gone(connection: AsyncConnection, tenant: str, fax: str, now: int) -> None:
    """The fax has no pages any more."""
    await connection.execute(
        text("""
            insert into fax_marks (tenant_id, fax_id, file_gone_at) values (:tenant, :fax, :now)
            on conflict (tenant_id, fax_id) do update set file_gone_at = excluded.file_gone_at"""),
        {"tenant": tenant, "fax": fax, "now": moment(now)},
    )


async def needed(connection: AsyncConnection, tenant: str, file: str) -> bool:
    """Whether a file is a document's, an upload's, that of a sending that is not over, or of a fax that has its pages still."""
    return bool(await connection.scalar(
        text("""
            select exists (select 1 from fax_documents where tenant_id = :tenant and file = :file)
              or exists (select 1 from fax_uploads where tenant_id = :tenant and file = :file)
              or exists (select 1 from fax_sendings where tenant_id = :tenant and file = :file and ended_at is null)
              or exists (select 1 from faxes f left join fax_marks m on (m.tenant_id, m.fax_id) = (f.tenant_id, f.id)
                         where f.tenant_id = :tenant and f.file = :file and m.file_gone_at is null)"""),
        {"tenant": tenant, "file": file},
    ))  # fmt: skip


async def drop_uploads(connection: AsyncConnection, before: int) -> list[dict[str, Any]]:
    """Uploads of which nothing was made: tenant and file, and they are forgotten."""
    rows = await connection.execute(
        text("delete from fax_uploads where made_at < :before returning tenant_id as tenant, file"), {"before": moment(before)}
    )
    return [dict(row) for row in rows.mappings()]


async def there(connection: AsyncConnection, after: tuple[str, str], limit: int) -> list[tuple[str, str, str, str]]:
    """Faxes that came and have pages, by tenant and id: with file (and no digest: nobody told one)."""
    rows = await connection.execute(
        text("""
            select f.tenant_id, f.id, f.file from faxes f left join fax_marks m on (m.tenant_id, m.fax_id) = (f.tenant_id, f.id)
            where f.pages > 0 and f.file <> '' and not f.sent and f.ended_at is not null and m.file_gone_at is null
              and (:tenant = '' or (f.tenant_id, f.id) > (cast(nullif(:tenant, '') as uuid), cast(nullif(:id, '') as uuid)))
            order by f.tenant_id, f.id limit :limit"""),
        {"tenant": after[0], "id": after[1], "limit": limit},
    )
    return [(row[0], row[1], row[2], "") for row in rows]


async def unknown(connection: AsyncConnection, files: Sequence[str]) -> list[str]:
    """Of these files those that no fax, document, upload or sending has."""
    rows = await connection.execute(
        text("""
            select given from unnest(cast(:files as text[])) as given
            where not exists (select from faxes f where f.file = given) and not exists (select from fax_documents d where d.file = given)
              and not exists (select from fax_uploads u where u.file = given)
              and not exists (select from fax_sendings s where s.file = given)
            """),
        {"files": list(files)},
    )
    return [str(row[0]) for row in rows]

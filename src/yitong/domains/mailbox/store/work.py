"""What the worker's jobs read and write: mails that wait, messages of which nobody knows, files of messages that are gone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import microseconds, moment


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is due, with what it tells. ``left_at`` in UTC microseconds; ``there``: the message is still in its mailbox."""

    tenant: str
    id: str
    recipient: str
    tries: int
    there: bool
    file: str
    milliseconds: int
    left_at: int
    mailbox: dict[str, str]
    calling: str
    customer: str
    language: str
    zone: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A message and its file."""

    tenant: str
    site: str
    id: str
    file: str


async def number(connection: AsyncConnection, tenant: str, id: str) -> str:
    """The value of a Personal record; empty when it was erased."""
    found = await connection.execute(
        text("select value from personals where tenant_id = :tenant and id = cast(:id as uuid)"), {"tenant": tenant, "id": id}
    )
    return str(found.scalar_one_or_none() or "")


async def enqueue(connection: AsyncConnection, since: int, now: int) -> int:
    """Put a mail into the queue for each message since ``since`` whose mailbox has an address, once; returns how many."""
    done = await connection.execute(
        text("""
            insert into mails (tenant_id, id, mailbox_id, recipient, next_at, created_at)
            select m.tenant_id, m.id, m.mailbox_id, b.email, :now, :now
            from mailbox_messages m join mailboxes b on (b.tenant_id, b.id) = (m.tenant_id, m.mailbox_id)
            where b.email <> '' and m.status in ('new', 'heard') and m.left_at >= :since
              and not exists (select 1 from mails l where (l.tenant_id, l.id) = (m.tenant_id, m.id))
            on conflict do nothing"""),
        {"since": moment(since), "now": moment(now)},
    )
    return done.rowcount


async def due(connection: AsyncConnection, now: int) -> Mail | None:
    """The mail that has waited longest; nobody else gets it until this transaction ends."""
    rows = await connection.execute(
        text("""
            select l.tenant_id as tenant, l.id, l.recipient, l.tries, coalesce(m.status in ('new', 'heard'), false) as there,
              coalesce(m.file, '') as file, coalesce(m.milliseconds, 0) as milliseconds, coalesce(m.left_at, l.created_at) as left_at,
              coalesce(b.name, '{}'::jsonb) as mailbox, t.language, coalesce(s.zone, t.zone) as zone,
              coalesce((select p.value from personals p where (p.tenant_id, p.id) = (c.tenant_id, c.calling_id)), '') as calling,
              coalesce((select u.name from customers u where (u.tenant_id, u.id) = (c.tenant_id, c.customer_id)), '') as customer
            from mails l join tenants t on t.id = l.tenant_id
            left join mailbox_messages m on (m.tenant_id, m.id) = (l.tenant_id, l.id)
            left join mailboxes b on (b.tenant_id, b.id) = (l.tenant_id, l.mailbox_id)
            left join sites s on (s.tenant_id, s.id) = (b.tenant_id, b.site_id)
            left join contacts c on (c.tenant_id, c.id) = (m.tenant_id, m.contact_id)
            where l.state = 'waiting' and l.next_at <= :now order by l.next_at limit 1 for update of l skip locked"""),
        {"now": moment(now)},
    )
    row = rows.mappings().first()
    return msgspec.convert({**row, "left_at": microseconds(row["left_at"])}, Mail) if row is not None else None


async def settle(connection: AsyncConnection, mail: Mail, *, state: str, error: str, now: int, next_at: int) -> None:
    """What became of a try."""
    await connection.execute(
        text(
            "update mails set state = :state, error = :error, tries = tries + 1, next_at = :next_at,"
            " sent_at = case when :state = 'sent' then cast(:now as timestamptz) end where (tenant_id, id) = (:tenant, :id)"
        ),
        {"state": state, "error": error[:300], "now": moment(now), "next_at": moment(next_at), "tenant": mail.tenant, "id": mail.id},
    )


async def mails(connection: AsyncConnection) -> dict[str, int]:
    """How many mails wait and how many have failed."""
    rows = await connection.execute(text("select state, count(*) from mails where state <> 'sent' group by state"))
    return {row[0]: int(row[1]) for row in rows}


async def unsure(connection: AsyncConnection, limit: int) -> list[Found]:
    """Messages whose files say what there is."""
    return await _found(connection, "m.status = 'unsure'", limit)


async def gone(connection: AsyncConnection, limit: int) -> list[Found]:
    """Messages that are gone and whose files may still be there."""
    waiting = "not exists (select 1 from mailbox_files_deleted d where (d.tenant_id, d.message_id) = (m.tenant_id, m.id))"
    return await _found(connection, f"m.status in ('dropped', 'removed') and {waiting}", limit)


async def _found(connection: AsyncConnection, condition: str, limit: int) -> list[Found]:
    rows = await connection.execute(
        text(
            "select m.tenant_id as tenant, m.site_id as site, m.id, m.file from mailbox_messages m"
            f" where {condition} order by m.tenant_id, m.id limit :limit"
        ),
        {"limit": limit},
    )
    return [msgspec.convert(dict(row), Found) for row in rows.mappings()]


async def deleted(connection: AsyncConnection, one: Found) -> None:
    """The file is deleted, and so is the mail that carried it."""
    await connection.execute(
        text("insert into mailbox_files_deleted (tenant_id, message_id) values (:tenant, :id) on conflict do nothing"),
        {"tenant": one.tenant, "id": one.id},
    )
    await connection.execute(text("delete from mails where (tenant_id, id) = (:tenant, :id)"), {"tenant": one.tenant, "id": one.id})


async def there(connection: AsyncConnection, after: tuple[str, str], limit: int) -> list[tuple[str, str, str, str]]:
    """Messages that are in a mailbox, by tenant and id: with file and digest."""
    rows = await connection.execute(
        text("""
            select tenant_id, id, file, sha256 from mailbox_messages
            where status in ('new', 'heard', 'deleted') and file <> ''
              and (:tenant = '' or (tenant_id, id) > (cast(nullif(:tenant, '') as uuid), cast(nullif(:id, '') as uuid)))
            order by tenant_id, id limit :limit"""),
        {"tenant": after[0], "id": after[1], "limit": limit},
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def unknown(connection: AsyncConnection, files: Sequence[str]) -> list[str]:
    """Of these files those that belong to no message."""
    rows = await connection.execute(
        text("""
            select given from unnest(cast(:files as text[])) as given
            where not exists (select from mailbox_messages m where m.id::text = substring(given from '([^/.]+)[.][^/]*$'))"""),
        {"files": list(files)},
    )
    return [str(row[0]) for row in rows]

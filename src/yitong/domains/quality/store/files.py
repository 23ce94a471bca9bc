"""What becomes of the files of recordings: the queries of the worker's jobs. Nothing here is shown to anybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.quality.store.vault import Made, Stored
from yitong.kit.audit import Said, audit_all
from yitong.kit.clock import SECOND, moment
from yitong.kit.database import as_rows, direct

_COLUMNS = "tenant_id, id, file, form, sealed, bytes, sha256, milliseconds"
_CLAIM_US = 600 * SECOND
_DAY_US = 24 * 3600 * SECOND

TO_SEAL = "not f.sealed and f.file <> '' and f.fault = ''"
TO_ENCODE = "f.sealed and f.form = 'wav' and f.file <> '' and f.fault = '' and f.ended_at < :before"


def stored(row: Any) -> Stored:
    """A row of ``_COLUMNS``."""
    return Stored(
        tenant=row.tenant_id, id=row.id, file=row.file, form=row.form, sealed=row.sealed, bytes=row.bytes, sha256=row.sha256,
        milliseconds=row.milliseconds,
    )  # fmt: skip


async def claim(connection: AsyncConnection, due: str, who: str, now: int, *, before: int = 0, limit: int = 20) -> list[Stored]:
    """The oldest files to which ``due`` applies and that nobody works at: ours for ten minutes."""
    rows = await connection.execute(
        text(f"""
            update recording_files set claimed_by = :who, claimed_until = :until
            where (tenant_id, id) in (
              select f.tenant_id, f.id from recording_files f
              where {due} and f.purge_at is null and (f.claimed_until is null or f.claimed_until < :now)
              order by f.ended_at limit :limit for update skip locked)
            returning {_COLUMNS}"""),
        {"who": who, "now": moment(now), "until": moment(now + _CLAIM_US), "limit": limit}
        | ({"before": moment(before)} if before else {}),
    )  # fmt: skip
    return [stored(row) for row in rows]


async def release(connection: AsyncConnection, who: str) -> None:
    """What a former life of this worker had claimed is free again."""
    await connection.execute(
        text("update recording_files set claimed_by = '', claimed_until = null where claimed_until is not null and claimed_by = :who"),
        {"who": who},
    )


_REPLACED = """
update recording_files f set file = r.file, form = r.form, sealed = true, key_id = r.key, bytes = r.bytes, sha256 = r.sha256,
  milliseconds = r.milliseconds, stale = case when r.file = r.old then '' else r.old end,
  loudness = case when r.loudness <> '' then decode(r.loudness, 'hex') else f.loudness end, claimed_by = '', claimed_until = null,
  fault = ''
from json_to_recordset(%s) as r (tenant uuid, id uuid, old text, file text, form text, key text, bytes bigint, sha256 text,
  milliseconds bigint, loudness text)
where f.tenant_id = r.tenant and f.id = r.id and f.file = r.old and f.stale = ''
returning f.tenant_id, f.id"""


async def replaced(connection: AsyncConnection, made: Sequence[tuple[Stored, Made]]) -> set[tuple[str, str]]:
    """There are new files in place of these, which are to be removed; answers tenant and id of those that nobody else has replaced
    meanwhile."""
    rows = [
        {
            "tenant": one.tenant, "id": one.id, "old": one.file, "file": new.file, "form": new.form, "key": new.key, "bytes": new.bytes,
            "sha256": new.sha256, "milliseconds": new.milliseconds, "loudness": new.loudness.hex(),
        }
        for one, new in made
    ]  # fmt: skip
    done = await (await direct(connection)).execute(_REPLACED, (as_rows(rows),))
    return {(row[0], row[1]) async for row in done}


async def failed(connection: AsyncConnection, one: Stored, fault: str) -> None:
    """A job cannot be done with this file; the check goes on telling of it."""
    await connection.execute(
        text("update recording_files set fault = :fault, claimed_by = '', claimed_until = null where tenant_id = :tenant and id = :id"),
        {"tenant": one.tenant, "id": one.id, "fault": fault},
    )


async def postpone(connection: AsyncConnection, one: Stored, until: int) -> None:
    """The file lies on another machine, whose worker is to do what is due."""
    await connection.execute(
        text("update recording_files set claimed_by = '', claimed_until = :until where tenant_id = :tenant and id = :id"),
        {"tenant": one.tenant, "id": one.id, "until": moment(until)},
    )


async def stale(connection: AsyncConnection, limit: int = 200) -> list[tuple[str, str, str]]:
    """Tenant, recording and name of files that must go."""
    rows = await connection.execute(
        text("select tenant_id, id, stale from recording_files where stale <> '' order by id limit :limit"), {"limit": limit}
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def removed(connection: AsyncConnection, gone: Sequence[tuple[str, str, str]]) -> None:
    """These files are not there any more."""
    if gone:
        await connection.execute(
            text("update recording_files set stale = '' where tenant_id = :tenant and id = :id and stale = :file"),
            [{"tenant": tenant, "id": id, "file": file} for tenant, id, file in gone],
        )


async def old_keys(connection: AsyncConnection, tenant: str, current: str, limit: int = 200) -> list[Stored]:
    """Sealed files of a tenant that another key than the current one opens."""
    rows = await connection.execute(
        text(f"""
            select {_COLUMNS} from recording_files where tenant_id = :tenant and sealed and file <> '' and key_id <> :current
              and fault = '' and (claimed_until is null or claimed_until < now()) order by key_id, id limit :limit"""),
        {"tenant": tenant, "current": current, "limit": limit},
    )
    return [stored(row) for row in rows]


async def rewrapped(connection: AsyncConnection, done: Sequence[tuple[Stored, str]]) -> None:
    """These files are opened by these keys."""
    if done:
        await connection.execute(
            text("update recording_files set key_id = :key where tenant_id = :tenant and id = :id and file = :file"),
            [{"tenant": one.tenant, "id": one.id, "file": one.file, "key": key} for one, key in done],
        )


async def keys_in_use(connection: AsyncConnection, tenant: str) -> dict[str, int]:
    """How many files each key opens."""
    rows = await connection.execute(
        text("select key_id, count(*) from recording_files where tenant_id = :tenant and sealed and file <> '' group by key_id"),
        {"tenant": tenant},
    )
    return {row[0]: int(row[1]) for row in rows}


async def tenants(connection: AsyncConnection) -> list[str]:
    """Who has recordings."""
    return [str(row[0]) for row in await connection.execute(text("select id from tenants order by created_at, id"))]


_AGED = """
update recording_files set deleted_at = :now, purge_at = :now, delete_reason = 'retention', version = version + 1
where (tenant_id, id) in (
  select f.tenant_id, f.id from recording_files f
  where f.tenant_id = :tenant and {whose} and f.ended_at < :before and f.purged_at is null and f.purge_at is null and not f.held
  order by f.ended_at limit :limit for update skip locked)
"""


async def expire(connection: AsyncConnection, now: int, limit: int = 500) -> int:
    """Recordings that are older than their queue's, else their tenant's days are to be purged at once, unless they are held."""
    rules = (await connection.execute(text("select tenant_id, queue_id, days from retentions"))).all()
    count = 0
    for rule in rules:
        whose = "f.queue_id = :queue" if rule.queue_id else (
            "not exists (select from retentions r where r.tenant_id = f.tenant_id and r.queue_id = f.queue_id)"
        )  # fmt: skip
        done = await connection.execute(
            text(_AGED.format(whose=whose)),
            {"tenant": rule.tenant_id, "now": moment(now), "before": moment(now - rule.days * _DAY_US), "limit": limit}
            | ({"queue": rule.queue_id} if rule.queue_id else {}),
        )  # fmt: skip
        count += done.rowcount
    return count


_PURGE = """
update recording_files f set purged_at = :now, stale = f.file, file = '', loudness = null, title = '', note = '', tags = '[]', marks = '[]',
  fault = '', version = f.version + 1
from (
  select tenant_id, id, delete_reason as reason, deleted_by as deleter from recording_files
  where purge_at <= :now and purged_at is null and not held and stale = '' and (claimed_until is null or claimed_until < :now)
  order by purge_at limit :limit for update skip locked
) as due
where (f.tenant_id, f.id) = (due.tenant_id, due.id)
returning f.tenant_id, f.id, f.sha256, due.reason, due.deleter
"""


async def purge(connection: AsyncConnection, now: int, limit: int = 200) -> int:
    """What was deleted long enough ago is gone for good: what people wrote at once, the file by whoever removes the stale ones."""
    rows = (await connection.execute(text(_PURGE), {"now": moment(now), "limit": limit})).all()
    by_tenant: dict[str, list[Said]] = {}
    for row in rows:
        details = {"reason": "retention" if row.reason == "retention" else "deleted", "sha256": row.sha256}
        by_tenant.setdefault(row.tenant_id, []).append(Said(action="recording.purged", kind="recording", object=row.id, details=details))
    for tenant, said in sorted(by_tenant.items()):
        await audit_all(connection, tenant=tenant, at=now, actor="", said=said)
        await connection.execute(
            text("delete from changes where tenant_id = :tenant and kind = 'recording' and object_id = any(cast(:ids as uuid[]))"),
            {"tenant": tenant, "ids": [one.object for one in said]},
        )
    return len(rows)


async def waiting(connection: AsyncConnection) -> int:
    """How many recordings lie unsealed."""
    return int(await connection.scalar(text(f"select count(*) from recording_files f where {TO_SEAL}")) or 0)


async def file_of(connection: AsyncConnection, one: Stored) -> str:
    """The name of the file that the recording has now."""
    found = await connection.scalar(
        text("select file from recording_files where tenant_id = :tenant and id = :id"), {"tenant": one.tenant, "id": one.id}
    )
    return str(found or "")


async def downloads(connection: AsyncConnection) -> Sequence[Any]:
    """Every ticket under which a recording was taken away, newest first, with who took it."""
    rows = await connection.execute(
        text("""
            select d.tenant_id, d.id, d.recording_id, d.at, d.form, coalesce(u.username, '') as username from recording_downloads d
            left join users u on (u.tenant_id, u.id) = (d.tenant_id, d.user_id) order by d.at desc""")
    )
    return rows.all()

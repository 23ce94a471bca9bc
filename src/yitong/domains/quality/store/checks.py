"""What the check of recordings asks and keeps: files and rows in steps, and the faults that it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.quality.store.files import stored
from yitong.domains.quality.store.vault import Stored
from yitong.kit.clock import moment
from yitong.kit.scope import Scope

_COLUMNS = "tenant_id, id, file, form, sealed, bytes, sha256, milliseconds"
NOWHERE = "00000000-0000-0000-0000-000000000000"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with a recording. ``code``: a key of ``rules.NEXT``; tenant or recording empty: a file that nobody knows."""

    file: str
    code: str
    tenant: str = ""
    recording: str = ""


async def step(connection: AsyncConnection, after: tuple[str, str], limit: int) -> list[tuple[Stored, str]]:
    """Files in the order of their rows, with what a job could not do with them."""
    rows = await connection.execute(
        text(f"""
            select {_COLUMNS}, fault from recording_files where (tenant_id, id) > (cast(:tenant as uuid), cast(:id as uuid)) and file <> ''
            order by tenant_id, id limit :limit"""),
        {"tenant": after[0], "id": after[1], "limit": limit},
    )
    return [(stored(row), row.fault) for row in rows]


async def unread(connection: AsyncConnection, before: int, limit: int) -> list[Stored]:
    """Files that were not read as a whole since ``before``, those never read first."""
    rows = await connection.execute(
        text(f"""
            select {_COLUMNS} from recording_files where file <> '' and (checked_at is null or checked_at < :before)
            order by checked_at nulls first limit :limit"""),
        {"before": moment(before), "limit": limit},
    )
    return [stored(row) for row in rows]


async def suspects(connection: AsyncConnection, before: int, limit: int) -> list[Stored]:
    """Files of which a fault is known and that were not read since ``before``."""
    rows = await connection.execute(
        text(f"""
            select {_COLUMNS} from recording_files where file <> '' and (checked_at is null or checked_at < :before)
              and (tenant_id, id) in (
                select tenant_id, recording_id from recording_faults where recording_id is not null
                union select tenant_id, id from recording_files where fault <> '')
            limit :limit"""),
        {"before": moment(before), "limit": limit},
    )
    return [stored(row) for row in rows]


async def was_read(connection: AsyncConnection, read: Sequence[Stored], now: int) -> None:
    """These were read as a whole and are right; a job may try again what it could not do, but for a sound that Opus does not keep."""
    if read:
        await connection.execute(
            text("""
                update recording_files set checked_at = :now, fault = case fault when 'sound' then fault else '' end
                where tenant_id = :tenant and id = :id and file = :file"""),
            [{"tenant": one.tenant, "id": one.id, "file": one.file, "now": moment(now)} for one in read],
        )


async def tried(connection: AsyncConnection, wrong: Sequence[Stored], now: int) -> None:
    """These could not be read, and stand behind those that were never read."""
    if wrong:
        await connection.execute(
            text("update recording_files set checked_at = :now where tenant_id = :tenant and id = :id"),
            [{"tenant": one.tenant, "id": one.id, "now": moment(now)} for one in wrong],
        )


async def known(connection: AsyncConnection, names: Sequence[tuple[str, str]]) -> set[str]:
    """Which of these files (name, recording's id) are somebody's: of a recording, one that runs, or one that is to be removed."""
    rows = await connection.execute(
        text("""
            select f.file, f.stale, r.file as named from unnest(cast(:ids as uuid[])) as wanted (id)
            cross join tenants t
            left join recording_files f on (f.tenant_id, f.id) = (t.id, wanted.id)
            left join recordings r on (r.tenant_id, r.id) = (t.id, wanted.id) and r.ended_at is null
            where f.id is not null or r.id is not null"""),
        {"ids": [id for _, id in names]},
    )
    return {name for row in rows for name in row if name}


async def endless(connection: AsyncConnection, before: int, limit: int = 1_000) -> list[Stored]:
    """Recordings that began before then and have no end: lost with a process or a disk, or told wrongly."""
    rows = await connection.execute(
        text("""
            select r.tenant_id, r.id, r.file, 'wav' as form, false as sealed, 0 as bytes, '' as sha256, 0 as milliseconds from recordings r
            where r.ended_at is null and r.began_at < :before
              and not exists (select from recording_files f where (f.tenant_id, f.id) = (r.tenant_id, r.id))
            order by r.began_at desc limit :limit"""),
        {"before": moment(before), "limit": limit},
    )
    return [stored(row) for row in rows]


async def take_in(connection: AsyncConnection, one: Stored, at: int, size: int) -> None:
    """A recording without an end whose file is there after all: from now on it is like the others, and incomplete."""
    await connection.execute(
        text("""
            insert into recording_files (tenant_id, id, site_id, contact_id, queue_id, conference_id, room_id, ended_at, file, bytes,
              milliseconds)
            select r.tenant_id, r.id, r.site_id, r.contact_id, r.queue_id, r.conference_id, r.room_id, :at, r.file, :size, :milliseconds
            from recordings r where r.tenant_id = :tenant and r.id = :id
            on conflict (tenant_id, id) do nothing"""),
        {"tenant": one.tenant, "id": one.id, "at": moment(at), "size": size, "milliseconds": max(0, size - 44) // 32},
    )


async def keep(connection: AsyncConnection, faults: Sequence[Fault], now: int) -> None:
    """These are the faults now; since when each is known stays."""
    found = [
        {"file": one.file, "code": one.code, "tenant": one.tenant or None, "recording": one.recording or None, "now": moment(now)}
        for one in faults
    ]
    if found:
        await connection.execute(
            text("""
                insert into recording_faults (file, code, tenant_id, recording_id, found_at)
                select :file, :code, (select id from tenants where id = cast(:tenant as uuid)), cast(:recording as uuid), :now
                on conflict (tenant_id, file, code) do nothing"""),
            found,
        )
    await connection.execute(
        text("""
            delete from recording_faults where not exists (
              select from unnest(cast(:files as text[]), cast(:codes as text[])) as now_found (file, code)
              where (now_found.file, now_found.code) = (recording_faults.file, recording_faults.code))"""),
        {"files": [one.file for one in faults], "codes": [one.code for one in faults]},
    )


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """How many faults of each code are known."""
    rows = await connection.execute(text("select code, count(*) from recording_faults group by code"))
    return {row[0]: int(row[1]) for row in rows}


async def faults(connection: AsyncConnection, scope: Scope, *, after: tuple[str, str] | None, limit: int) -> list[dict[str, Any]]:
    """The known faults of the caller's tenant, those of recordings of his sites and of files without a recording."""
    rows = await connection.execute(
        text("""
            select x.file, x.code, x.recording_id as recording, x.found_at, f.contact_id as contact from recording_faults x
            left join recording_files f on (f.tenant_id, f.id) = (x.tenant_id, x.recording_id)
            where x.tenant_id = :tenant and (f.site_id is null or f.site_id = any(cast(:sites as uuid[])))
              and (cast(:file as text) is null or (x.file, x.code) > (:file, :code))
            order by x.file, x.code limit :limit"""),
        {
            "tenant": scope.tenant, "sites": sorted(scope.sites), "limit": limit,
            "file": after[0] if after else None, "code": after[1] if after else None,
        },
    )  # fmt: skip
    return [dict(row) for row in rows.mappings()]

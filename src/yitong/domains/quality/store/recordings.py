"""Recordings as people handle them: what there is of a contact, notes and holds, deletion with its way back, who took one away."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.quality.store.contacts import VISIBLE, who
from yitong.domains.quality.store.hearing import MAY_HEAR
from yitong.kit.audit import audit
from yitong.kit.clock import moment
from yitong.kit.records import Change, Field, Kind, Value, change, read
from yitong.kit.scope import Scope

RECORDING = Kind(
    name="recording", table="recording_files", code="title", published=False,
    fields=(
        Field("title", "title"), Field("note", "note"), Field("tags", "tags", json=True), Field("marks", "marks", json=True),
        Field("held", "held"),
    ),
)  # fmt: skip
"""What people write to a recording; changed by ``kit/records.py`` like configuration, with history and audit."""

STATE = """f.file, f.form, f.sealed, f.bytes, f.sha256, f.milliseconds, f.title, f.note, f.tags, f.marks, f.held, f.version, f.deleted_at,
  f.purge_at, f.purged_at, f.delete_reason"""


async def of_contact(connection: AsyncConnection, scope: Scope, contact: str) -> list[dict[str, Any]]:
    """The recordings of a contact that the caller was found to be allowed to see, also those that are gone."""
    rows = await connection.execute(
        text(f"""
            select r.id, r.segment_id, r.agent_id, r.began_at, f.ended_at, r.holds, r.pauses, r.demand_id as demand, {STATE},
              r.complete and r.ended_at is not null as complete
            from recordings r join recording_files f on (f.tenant_id, f.id) = (r.tenant_id, r.id)
            where r.tenant_id = :tenant and r.contact_id = :id order by r.began_at"""),
        {"tenant": scope.tenant, "id": contact},
    )
    return [dict(row) for row in rows.mappings()]


async def recording(connection: AsyncConnection, scope: Scope, agent: str, id: str) -> dict[str, Any] | None:
    """A finished recording of a contact that the caller may see, or of a conference that he may hear; also one that is gone."""
    rows = await connection.execute(
        text(f"""
            select f.tenant_id, f.id, f.contact_id, {STATE} from recording_files f
            left join contacts c on (c.tenant_id, c.id) = (f.tenant_id, f.contact_id)
            where f.id = :id and f.tenant_id = :tenant and {MAY_HEAR}"""),
        who(scope, agent) | {"id": id},
    )
    row = rows.mappings().first()
    return None if row is None else dict(row)


_RUNNING = """
select r.tenant_id, r.id, r.contact_id, r.segment_id, r.agent_id, r.began_at, r.file, r.demand_id as demand from recordings r
join contacts c on (c.tenant_id, c.id) = (r.tenant_id, r.contact_id)
where r.tenant_id = :tenant and r.ended_at is null and c.ended_at is null and r.file <> ''
"""


async def running(connection: AsyncConnection, scope: Scope, contact: str) -> list[dict[str, Any]]:
    """What is being recorded of a contact that the caller was found to be allowed to see."""
    rows = await connection.execute(
        text(f"{_RUNNING} and r.contact_id = :contact order by r.began_at"), {"tenant": scope.tenant, "contact": contact}
    )
    return [dict(row) for row in rows.mappings()]


async def running_one(connection: AsyncConnection, scope: Scope, agent: str, id: str) -> dict[str, Any] | None:
    """A recording that is being made of a contact that the caller may see."""
    rows = await connection.execute(text(f"{_RUNNING} and r.id = :id and {VISIBLE}"), who(scope, agent) | {"id": id})
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def noted(connection: AsyncConnection, scope: Scope, id: str) -> Value | None:
    """What people wrote to a recording that the caller was found to be allowed to see, with its version."""
    return await read(connection, RECORDING, scope.tenant, id)


async def note(connection: AsyncConnection, scope: Scope, id: str, version: int, value: Value, *, at: int, reason: str) -> Value | None:
    """Write to a recording. Raises Missing, Stale."""
    wanted = Change(tenant=scope.tenant, id=id, version=version, value=value, actor=scope.user, at=at, reason=reason)
    return await change(connection, RECORDING, wanted)


async def delete(connection: AsyncConnection, scope: Scope, id: str, *, at: int, purge_at: int, reason: str) -> bool:
    """Nobody hears it any more, and at ``purge_at`` it is gone; false when it is held."""
    done = await connection.execute(
        text("""
            update recording_files set deleted_at = :at, deleted_by = cast(:user as uuid), delete_reason = :reason, purge_at = :purge_at,
              version = version + 1
            where tenant_id = :tenant and id = :id and not held and deleted_at is null"""),
        {"tenant": scope.tenant, "id": id, "at": moment(at), "purge_at": moment(purge_at), "user": scope.user or None, "reason": reason},
    )
    if done.rowcount:
        await audit(
            connection, tenant=scope.tenant, at=at, actor=scope.user, action="recording.deleted", kind="recording", object=id,
            details={"reason": reason},
        )  # fmt: skip
    return bool(done.rowcount)


async def restore(connection: AsyncConnection, scope: Scope, id: str, *, at: int) -> bool:
    """Take a deletion back; false when it is too late, or there was none."""
    done = await connection.execute(
        text("""
            update recording_files set deleted_at = null, deleted_by = null, delete_reason = '', purge_at = null, version = version + 1
            where tenant_id = :tenant and id = :id and deleted_at is not null and purged_at is null"""),
        {"tenant": scope.tenant, "id": id},
    )
    if done.rowcount:
        await audit(connection, tenant=scope.tenant, at=at, actor=scope.user, action="recording.restored", kind="recording", object=id)
    return bool(done.rowcount)


async def take_away(connection: AsyncConnection, scope: Scope, id: str, *, ticket: str, form: str, at: int) -> Value:
    """Note who takes a recording away under which ticket; answers his name."""
    await connection.execute(
        text("""
            insert into recording_downloads (tenant_id, id, recording_id, user_id, at, form)
            values (:tenant, :ticket, :id, cast(:user as uuid), :at, :form)"""),
        {"tenant": scope.tenant, "ticket": ticket, "id": id, "user": scope.user, "at": moment(at), "form": form},
    )
    row = (
        await connection.execute(
            text("select username, name from users where tenant_id = :tenant and id = cast(:user as uuid)"),
            {"tenant": scope.tenant, "user": scope.user},
        )
    ).one()
    return {"username": row.username, "name": row.name}


async def loudness(connection: AsyncConnection, scope: Scope, id: str) -> bytes:
    """How loud a recording is that the caller was found to be allowed to hear, as it was kept; empty when it was not."""
    kept = await connection.scalar(
        text("select loudness from recording_files where tenant_id = :tenant and id = :id"), {"tenant": scope.tenant, "id": id}
    )
    return bytes(kept or b"")


async def keep_loudness(connection: AsyncConnection, scope: Scope, id: str, loudness: bytes) -> None:
    """Keep how loud it is."""
    await connection.execute(
        text("update recording_files set loudness = :loudness where tenant_id = :tenant and id = :id and purged_at is null"),
        {"tenant": scope.tenant, "id": id, "loudness": loudness},
    )


async def tags(connection: AsyncConnection, scope: Scope, limit: int) -> list[str]:
    """The tags that recordings of the caller's sites have, those most used first."""
    rows = await connection.execute(
        text("""
            select tag from recording_files f cross join jsonb_array_elements_text(f.tags) as tag
            where f.tenant_id = :tenant and f.tags <> '[]' and f.site_id = any(cast(:sites as uuid[]))
            group by tag order by count(*) desc, tag limit :limit"""),
        {"tenant": scope.tenant, "sites": sorted(scope.sites), "limit": limit},
    )
    return [str(row[0]) for row in rows]

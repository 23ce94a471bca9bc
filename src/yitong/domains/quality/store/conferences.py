"""The recordings of a room's conferences, which may belong to no contact."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.quality.store.contacts import who
from yitong.domains.quality.store.hearing import MAY_HEAR
from yitong.domains.quality.store.recordings import STATE
from yitong.kit.clock import moment
from yitong.kit.scope import Scope


async def of_room(
    connection: AsyncConnection, scope: Scope, agent: str, room: str, *, before: tuple[int, str] | None, limit: int
) -> list[dict[str, Any]]:
    """Those that the caller may hear, newest first; one that was deleted for good is left out."""
    rows = await connection.execute(
        text(f"""
            select f.id, f.conference_id as conference, f.contact_id as contact, r.segment_id, r.agent_id,
              coalesce(r.began_at, f.ended_at) as began_at, f.ended_at, coalesce(r.holds, '[]') as holds,
              coalesce(r.pauses, '[]') as pauses, r.demand_id as demand, coalesce(r.complete, false) as complete, {STATE}
            from recording_files f
            left join contacts c on (c.tenant_id, c.id) = (f.tenant_id, f.contact_id)
            left join recordings r on (r.tenant_id, r.id) = (f.tenant_id, f.id)
            where f.tenant_id = :tenant and f.room_id = :room and f.purged_at is null and {MAY_HEAR}
              and (cast(:at as timestamptz) is null or (f.ended_at, f.id) < (:at, cast(:id as uuid)))
            order by f.ended_at desc, f.id desc limit :limit"""),
        who(scope, agent)
        | {"room": room, "at": moment(before[0]) if before else None, "id": before[1] if before else None, "limit": limit},
    )  # fmt: skip
    return [dict(row) for row in rows.mappings()]


async def has_room(connection: AsyncConnection, scope: Scope, room: str) -> bool:
    """Whether there is such a room at the caller's sites."""
    found = await connection.scalar(
        text(
            "select exists (select from conference_rooms where tenant_id = :tenant and id = :id and site_id = any(cast(:sites as uuid[])))"
        ),
        {"tenant": scope.tenant, "id": room, "sites": sorted(scope.sites)},
    )
    return bool(found)

"""What was recorded of a room's conferences; each is heard, taken away and deleted like the recordings of contacts."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from yitong.contact.bus import Refused
from yitong.domains.quality.api.looking import looked, shown
from yitong.domains.quality.store import conferences as store
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Database
from yitong.kit.http import Caller, from_cursor, need, part, to_cursor

router = APIRouter(tags=["recordings"])
LATEST = 4_000_000_000_000_000


class Recorded(BaseModel):
    """Recordings, newest first."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.get("/conference_rooms/{id}/recordings")
async def conference_recordings(
    id: UUID,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    caller: Caller = need("recordings.listen"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Recorded:
    """The recordings of a room's conferences that one may hear: those that one was in, one's team's, or all; it is audited."""
    place = from_cursor(cursor, tuple[int, UUID]) if cursor else None
    before = (min(max(place[0], 0), LATEST), str(place[1])) if place else None
    async with database.transaction() as connection:
        rows = await store.of_room(connection, caller.scope, caller.agent, str(id), before=before, limit=limit + 1)
        if not rows and not await store.has_room(connection, caller.scope, str(id)):
            raise Refused("not_found")
        if rows:
            await looked(connection, caller, clock, "conference.recordings_listed", "conference_room", str(id), count=min(len(rows), limit))
    last = rows[limit - 1] if len(rows) > limit else None
    return Recorded(
        items=[_shown(row) for row in rows[:limit]], next=to_cursor(microseconds(last["ended_at"]), last["id"]) if last else None
    )


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """As with its contact; ``contact`` is null when no caller was there."""
    return shown(row) | {"conference": row["conference"], "contact": row["contact"]}

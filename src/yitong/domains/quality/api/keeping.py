"""What people do with a recording besides hearing it: write to it, hold it, delete it and take that back, and look at what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from yitong.contact.bus import Refused
from yitong.domains.quality import rules
from yitong.domains.quality.api.looking import looked
from yitong.domains.quality.store import checks
from yitong.domains.quality.store import recordings as store
from yitong.kit.clock import SECOND, SystemClock
from yitong.kit.database import Connection, Database
from yitong.kit.http import Caller, choose_language, etag, from_cursor, iso, need, part, reason_of, to_cursor, version_asked
from yitong.kit.settings import Settings

router = APIRouter(tags=["recordings"])
_HOUR_US = 3600 * SECOND
Words = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", strip_whitespace=True)]
Tag = Annotated[Words, StringConstraints(min_length=1, max_length=40)]


class Shape(BaseModel):
    """What is sent."""

    model_config = ConfigDict(extra="forbid")


class Mark(Shape):
    """A word at a place of the recording."""

    at_ms: Annotated[int, Field(ge=0, le=1_000_000_000)]
    text: Annotated[Words, StringConstraints(min_length=1, max_length=200)]


class Note(Shape):
    """What is written to a recording; what is left out stays."""

    title: Annotated[Words, StringConstraints(max_length=120)] | None = None
    note: Annotated[Words, StringConstraints(max_length=4000)] | None = None
    tags: Annotated[list[Tag], Field(max_length=20)] | None = None
    marks: Annotated[list[Mark], Field(max_length=200)] | None = None


class Hold(Shape):
    """Whether a recording must stay, whatever its age and whoever deletes."""

    on: bool


class Tags(BaseModel):
    """Tags, those most used first."""

    items: list[str]


class Faults(BaseModel):
    """What the check found, each with what to do next."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.get("/recording_tags")
async def list_tags(caller: Caller = need("recordings.listen"), database: Database = part(Database)) -> Tags:
    """The tags in use at one's sites, for choosing."""
    async with database.transaction() as connection:
        return Tags(items=await store.tags(connection, caller.scope, 200))


@router.get("/recording_faults")
async def list_faults(
    request: Request,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    caller: Caller = need("recordings.delete"),
    database: Database = part(Database),
) -> Faults:
    """Recordings without a file, files without a recording, and what is not as it was written, as the last check found it."""
    after = from_cursor(cursor, tuple[str, str]) if cursor else None
    language = choose_language(request.headers.get("accept-language", ""))
    async with database.transaction() as connection:
        found = await checks.faults(connection, caller.scope, after=after, limit=limit + 1)
    items = [row | {"found_at": iso(row["found_at"]), "next": rules.next_step(row["code"], language)} for row in found[:limit]]
    return Faults(items=items, next=to_cursor(items[-1]["file"], items[-1]["code"]) if len(found) > limit else None)


@router.get("/recordings/{id}/note")
async def get_note(
    id: UUID,
    response: Response,
    caller: Caller = need("recordings.listen"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:
    """What was written to a recording; its ETag is what a change must send as If-Match."""
    async with database.transaction() as connection:
        await _seen(connection, caller, str(id))
        value = await store.noted(connection, caller.scope, str(id)) or {}
        await looked(connection, caller, clock, "recording.note_read", "recording", str(id))
    response.headers["ETag"] = etag(value["version"])
    return value


@router.put("/recordings/{id}/note")
async def put_note(
    id: UUID,
    given: Note,
    request: Request,
    response: Response,
    caller: Caller = need("recordings.edit"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:
    """Name, comment, tag and mark a recording; If-Match must carry its present version."""
    version = version_asked(request)
    value = given.model_dump(exclude_none=True)
    if given.tags is not None:
        value["tags"] = list(dict.fromkeys(given.tags))
    if given.marks is not None:
        value["marks"] = sorted(value["marks"], key=lambda mark: mark["at_ms"])
    return await _changed(response, caller, database, clock, str(id), version, value, lambda: reason_of(request))


@router.put("/recordings/{id}/hold")
async def put_hold(
    id: UUID,
    given: Hold,
    request: Request,
    response: Response,
    caller: Caller = need("recordings.delete"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:
    """Hold a recording for a dispute or an authority, or let it go; ``X-Reason`` says why. If-Match must carry its present version."""
    return await _changed(response, caller, database, clock, str(id), version_asked(request), {"held": given.on}, lambda: because(request))


@router.delete("/recordings/{id}", status_code=204)
async def delete_recording(
    id: UUID,
    request: Request,
    caller: Caller = need("recordings.delete"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
    settings: Settings = part(Settings),
) -> None:
    """Delete a recording; ``X-Reason`` says why. For some hours it can be brought back (restore), then it is gone for good."""
    now = clock.now()
    async with database.transaction() as connection:
        row = await _seen(connection, caller, str(id))
        reason = because(request)
        if row["held"]:
            raise Refused("recording_held")
        purge_at = now + settings.recording_undo_hours * _HOUR_US
        if not await store.delete(connection, caller.scope, str(id), at=now, purge_at=purge_at, reason=reason):
            raise Refused("recording_deleted", at="", until="")


@router.post("/recordings/{id}/restore", status_code=204)
async def restore_recording(
    id: UUID,
    caller: Caller = need("recordings.delete"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> None:
    """Take a deletion back while it is not too late."""
    async with database.transaction() as connection:
        row = await _seen(connection, caller, str(id), gone=True)
        if row["purged_at"] is not None:
            raise Refused("recording_purged")
        await store.restore(connection, caller.scope, str(id), at=clock.now())


async def _changed(
    response: Response,
    caller: Caller,
    database: Database,
    clock: SystemClock,
    id: str,
    version: int,
    value: dict[str, Any],
    reason: Callable[[], str],
) -> dict[str, Any]:
    async with database.transaction() as connection:
        await _seen(connection, caller, id)
        after = await store.note(connection, caller.scope, id, version, value, at=clock.now(), reason=reason()) or {}
    response.headers["ETag"] = etag(after["version"])
    return after


async def _seen(connection: Connection, caller: Caller, id: str, *, gone: bool = False) -> dict[str, Any]:
    """A recording that the caller may see. Raises Refused (not_found, recording_deleted)."""
    row = await store.recording(connection, caller.scope, caller.agent, id)
    if row is None:
        raise Refused("not_found")
    if row["deleted_at"] is not None and not gone:
        raise Refused("recording_deleted", at=iso(row["deleted_at"]), until="" if row["purged_at"] else iso(row["purge_at"]))
    return row


def because(request: Request) -> str:
    """Why, where that must be said. Raises Refused (reason_missing)."""
    reason = reason_of(request)
    if not reason:
        raise Refused("reason_missing")
    return reason

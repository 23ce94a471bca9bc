"""Recordings: heard, drawn, taken away with a mark. Each look is written into the audit log; whose they are decides the contact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from yitong.contact.bus import Refused
from yitong.domains.quality.api.looking import looked
from yitong.domains.quality.api.marking import Taken, marked_opus, marked_wav
from yitong.domains.quality.store import recordings as store
from yitong.domains.quality.store.vault import FAULTS, Stored, Vault
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, iso, need, part
from yitong.kit.ids import RandomIds
from yitong.kit.logs import get
from yitong.kit.sealing import KeyMissing
from yitong.kit.serving import begun, served
from yitong.media import loudness

router = APIRouter(prefix="/recordings", tags=["recordings"])
Form = Literal["wav", "opus"]
_MEDIA = {"wav": "audio/wav", "opus": "audio/ogg"}
_ENDINGS = {"wav": "wav", "opus": "ogg"}
_CONTENT: dict[str, Any] = {"content": {"audio/wav": {}, "audio/ogg": {}}}
_T = TypeVar("_T")
_log = get("yitong.recordings")


class Peaks(BaseModel):
    """Loudness per track, 0 to 1: customer left, agent right."""

    left: list[float]
    right: list[float]


@router.get("/{id}", response_class=Response, responses={200: _CONTENT, 206: {"description": "A part", **_CONTENT}})
async def get_recording(
    id: UUID,
    request: Request,
    format: Annotated[Form | None, Query()] = None,
    caller: Caller = need("recordings.listen"),
    database: Database = part(Database),
    vault: Vault = part(Vault),
    clock: SystemClock = part(SystemClock),
) -> Response:
    """The recording, customer left, agent right: as WAV (PCM 16 bit, 8 kHz) or, when asked for, Ogg Opus. Range is honoured."""
    form = format or wanted(request.headers.get("accept", ""))
    row = await found(database, caller, str(id))
    async with database.transaction() as connection:
        await looked(connection, caller, clock, "recording.heard", "recording", str(id))
    return await played(request, database, caller, vault, row, form)


async def played(request: Request, database: Database, caller: Caller, vault: Vault, row: dict[str, Any], form: Form) -> Response:
    """What is asked for of a recording. Raises Refused, OutOfRange."""
    sound = await opened(database, caller, row, lambda one: vault.sound(one, form))
    name = f"{row['id']}.{_ENDINGS[form]}"
    return await served(request, sound, kind=_MEDIA[form], name=name, faults=FAULTS, refuse=lambda error: refusal(row, error))


@router.get("/{id}/peaks")
async def get_peaks(
    id: UUID,
    points: Annotated[int, Query(ge=10, le=4000)] = 1000,
    caller: Caller = need("recordings.listen"),
    database: Database = part(Database),
    vault: Vault = part(Vault),
) -> Peaks:
    """The loudness of both tracks, for drawing: as it was kept when the recording was sealed."""
    row = await found(database, caller, str(id))
    async with database.transaction() as connection:
        kept = await store.loudness(connection, caller.scope, str(id))
    if not kept:
        kept = await opened(database, caller, row, vault.loudness)
        async with database.transaction() as connection:
            await store.keep_loudness(connection, caller.scope, str(id), kept)
    drawn = loudness.tracks(loudness.fewer(loudness.unpacked(kept), points))
    return Peaks(left=drawn[0], right=drawn[-1])


@router.get("/{id}/download", response_class=Response, responses={200: _CONTENT})
async def take_recording(
    id: UUID,
    format: Annotated[Form, Query()] = "wav",
    caller: Caller = need("recordings.download"),
    database: Database = part(Database),
    vault: Vault = part(Vault),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
) -> Response:
    """The recording to keep: who took it and when stands in the file, and as a mark in the sound that ``yitong recordings who`` finds."""
    row = await found(database, caller, str(id))
    return await taken_away(database, caller, vault, row, format, ticket=ids.new(clock.now()), clock=clock)


async def taken_away(
    database: Database, caller: Caller, vault: Vault, row: dict[str, Any], form: Form, *, ticket: str, clock: SystemClock
) -> Response:
    """A recording with the mark of ``ticket``, noted under it. Raises Refused."""
    id, now = row["id"], clock.now()
    sound = await opened(database, caller, row, vault.sound)
    async with database.transaction() as connection:
        name = await store.take_away(connection, caller.scope, id, ticket=ticket, form=form, at=now)
        await looked(connection, caller, clock, "recording.downloaded", "recording", id, ticket=ticket, form=form)
    taken = Taken(ticket=ticket, username=name["username"], recording=id, at=iso(now) or "")
    secret = await asyncio.to_thread(vault.keyring.secret, caller.tenant)
    make = marked_wav if form == "wav" else marked_opus
    size, pieces = await asyncio.to_thread(make, sound, secret, taken)
    headers = {
        "Cache-Control": "private, no-store", "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{id}.{_ENDINGS[form]}"',
    }  # fmt: skip
    sent = await begun(pieces, sound, FAULTS, lambda error: refusal(row, error))
    return StreamingResponse(sent, 200, headers, _MEDIA[form])


def wanted(accept: str) -> Form:
    """What a client wants that says so by ``Accept`` alone."""
    return "opus" if "audio/ogg" in accept and "audio/wav" not in accept and "*/*" not in accept else "wav"


async def found(database: Database, caller: Caller, id: str) -> dict[str, Any]:
    """A recording that the caller may hear and that is there. Raises Refused (not_found, recording_deleted)."""
    async with database.transaction() as connection:
        row = await store.recording(connection, caller.scope, caller.agent, id)
    if row is None:
        raise Refused("not_found")
    if row["deleted_at"] is not None:
        raise Refused("recording_deleted", at=iso(row["deleted_at"]), until="" if row["purged_at"] else iso(row["purge_at"]))
    return row


async def opened(database: Database, caller: Caller, row: dict[str, Any], use: Callable[[Stored], _T]) -> _T:
    """``use`` the file, in a thread; once more when it was replaced between the question and the opening. Raises Refused."""
    try:
        return await asyncio.to_thread(use, stored(row))
    except FileNotFoundError:
        row = await found(database, caller, row["id"])
    except FAULTS as error:
        raise refusal(row, error) from error
    try:
        return await asyncio.to_thread(use, stored(row))
    except FAULTS as error:
        raise refusal(row, error) from error


def refusal(row: dict[str, Any], error: Exception) -> Refused:
    """What to say when a file cannot be read; the log says more."""
    _log.error("a recording cannot be read", recording=row["id"], error=repr(error)[:200])
    if isinstance(error, KeyMissing):
        return Refused("recording_key_missing", key=error.id)
    return Refused("recording_missing" if isinstance(error, FileNotFoundError) else "recording_damaged")


def stored(row: dict[str, Any]) -> Stored:
    """The file of a row."""
    return Stored(
        tenant=row["tenant_id"], id=row["id"], file=row["file"], form=row["form"], sealed=row["sealed"], bytes=row["bytes"],
        sha256=row["sha256"], milliseconds=row["milliseconds"],
    )  # fmt: skip

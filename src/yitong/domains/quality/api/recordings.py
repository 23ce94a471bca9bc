"""Recordings: heard, drawn, taken away with a mark. Each look is written into the audit log; whose they are decides the contact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from yitong.contact.bus import Refused
from yitong.domains.quality.api.looking import looked
from yitong.domains.quality.api.marking import Taken, marked_opus, marked_wav
from yitong.domains.quality.model import data_range, peaks
from yitong.domains.quality.store import recordings as store
from yitong.domains.quality.store.vault import Sound, Stored, Vault
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, iso, need, part
from yitong.kit.ids import RandomIds
from yitong.kit.logs import get
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.media.opus_file import NoSound

router = APIRouter(prefix="/recordings", tags=["recordings"])
Form = Literal["wav", "opus"]
_MEDIA = {"wav": "audio/wav", "opus": "audio/ogg"}
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
    sound = await opened(database, caller, row, lambda one: vault.sound(one, form))
    try:
        asked = data_range(request.headers.get("range", ""), sound.size)
    except ValueError as error:
        sound.close()
        raise Refused("range_not_satisfiable", size=sound.size) from error
    first, last = asked or (0, sound.size - 1)
    headers = {
        "Accept-Ranges": "bytes", "Cache-Control": "private, no-store", "Vary": "Accept",
        "Content-Disposition": f'inline; filename="{row["id"]}.{"wav" if form == "wav" else "ogg"}"',
        "Content-Length": str(last - first + 1),
    }  # fmt: skip
    if asked:
        headers["Content-Range"] = f"bytes {first}-{last}/{sound.size}"
    pieces = await begun(sound.octets(first, last), sound, row)
    return StreamingResponse(pieces, 206 if asked else 200, headers, _MEDIA[form])


@router.get("/{id}/peaks")
async def get_peaks(
    id: UUID,
    points: Annotated[int, Query(ge=10, le=4000)] = 1000,
    caller: Caller = need("recordings.listen"),
    database: Database = part(Database),
    vault: Vault = part(Vault),
) -> Peaks:
    """The loudness of both tracks, for drawing."""
    row = await found(database, caller, str(id))

    def drawn(one: Stored) -> tuple[list[float], list[float]]:
        sound = vault.sound(one)
        try:
            _, channels, blocks = sound.pcm()
            return peaks(b"".join(np.repeat(block, 2 // channels, axis=1).tobytes() for block in blocks), points)
        finally:
            sound.close()

    left, right = await opened(database, caller, row, drawn)
    return Peaks(left=left, right=right)


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
    now = clock.now()
    ticket = ids.new(now)
    sound = await opened(database, caller, row, vault.sound)
    async with database.transaction() as connection:
        name = await store.take_away(connection, caller.scope, str(id), ticket=ticket, form=format, at=now)
        await looked(connection, caller, clock, "recording.downloaded", "recording", str(id), ticket=ticket, form=format)
    taken = Taken(ticket=ticket, username=name["username"], recording=str(id), at=iso(now) or "")
    secret = await asyncio.to_thread(vault.keyring.secret, caller.tenant)
    make = marked_wav if format == "wav" else marked_opus
    size, pieces = await asyncio.to_thread(make, sound, secret, taken)
    headers = {
        "Cache-Control": "private, no-store", "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{id}.{"wav" if format == "wav" else "ogg"}"',
    }  # fmt: skip
    return StreamingResponse(await begun(pieces, sound, row), 200, headers, _MEDIA[format])


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
    except (Damaged, NoSound, KeyMissing) as error:
        raise refusal(row, error) from error
    try:
        return await asyncio.to_thread(use, stored(row))
    except (FileNotFoundError, Damaged, NoSound, KeyMissing) as error:
        raise refusal(row, error) from error


async def begun(pieces: Iterator[bytes], sound: Sound, row: dict[str, Any]) -> Iterator[bytes]:
    """The pieces, when the first could be read. Where a later one cannot, the answer breaks off: the client sees that it is short."""
    try:
        first = await asyncio.to_thread(next, pieces, b"")
    except (Damaged, NoSound) as error:
        sound.close()
        raise refusal(row, error) from error

    def rest() -> Iterator[bytes]:
        try:
            yield first
            yield from pieces
        except (Damaged, NoSound) as error:
            _log.error("a recording is damaged", recording=row["id"], error=str(error)[:200])
            raise
        finally:
            sound.close()

    return rest()


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

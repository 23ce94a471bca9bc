"""Prompts under ``/config/prompts``: uploaded audio is judged by what it holds, and stored as WAV PCM 16 bit, 8 kHz, mono."""

from __future__ import annotations

import asyncio
import io
from typing import Annotated, Any
from uuid import UUID

import numpy as np
import soundfile
import soxr
from fastapi import File, Form, Request, Response, UploadFile
from numpy.typing import NDArray
from starlette.responses import FileResponse

from yitong.contact.bus import Refused
from yitong.domains.sites import service
from yitong.domains.sites.api.kinds import Resource, stored_router
from yitong.domains.sites.api.shapes import Language
from yitong.domains.sites.api.sounds import PromptsFolder
from yitong.domains.sites.store import configured
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, etag, need, part, reason_of, version_asked
from yitong.kit.ids import RandomIds

RATE = 8000
LONGEST_SECONDS = 600
LARGEST = 32 * 1024 * 1024
_MOST_CHANNELS = 8
_RATES = range(4_000, 192_001)
_BLOCK = 65_536
_FORMATS = frozenset({"WAV", "WAVEX", "FLAC", "OGG", "MP3", "AIFF", "AU", "W64", "RF64"})
router = stored_router(Resource(path="prompts", kind="prompt"))

_Code = Annotated[str, Form(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
_Language = Annotated[Language, Form()]
_Text = Annotated[str, Form(max_length=1000, pattern=r"^[^\x00]*$")]


@router.get("/{id}/audio", response_class=Response, responses={200: {"content": {"audio/wav": {}}}})
async def prompt_audio(
    id: UUID, caller: Caller = need("config.read"), database: Database = part(Database), folder: PromptsFolder = part(PromptsFolder)
) -> Response:
    """The prompt's sound."""
    async with database.transaction() as connection:
        value = await configured.one(connection, caller.scope, "prompt", str(id))
    root = folder.path.resolve()
    path = (root / value["file"]).resolve()
    if not path.is_relative_to(root) or not await asyncio.to_thread(path.is_file):
        raise Refused("not_found")
    return FileResponse(path, media_type="audio/wav", headers={"Cache-Control": "private, no-store"})


@router.post("", status_code=201)
async def make_prompt(
    file: Annotated[UploadFile, File()],
    code: _Code,
    language: _Language,
    request: Request,
    response: Response,
    text: _Text = "",
    caller: Caller = need("config.write"),
    database: Database = part(Database),
    folder: PromptsFolder = part(PromptsFolder),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
) -> dict[str, Any]:
    """A new prompt from a sound file (WAV, FLAC, OGG, MP3; at most ten minutes)."""
    stored = await _store(folder, caller.tenant, file)
    now = clock.now()
    async with database.transaction() as connection:
        value = await service.make(
            connection, caller.scope, "prompt", ids.new(now), {"code": code, "language": language, "text": text, **stored}, at=now,
            reason=reason_of(request),
        )  # fmt: skip
    response.headers["ETag"] = etag(value["version"])
    response.headers["Location"] = f"/api/v1/config/prompts/{value['id']}"
    return value


@router.put("/{id}")
async def alter_prompt(
    id: UUID,
    code: _Code,
    language: _Language,
    request: Request,
    response: Response,
    text: _Text = "",
    file: Annotated[UploadFile | None, File()] = None,
    caller: Caller = need("config.write"),
    database: Database = part(Database),
    folder: PromptsFolder = part(PromptsFolder),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:
    """Change a prompt; without a file its sound stays."""
    version = version_asked(request)
    stored = await _store(folder, caller.tenant, file) if file is not None else {}
    async with database.transaction() as connection:
        value = await service.alter(
            connection, caller.scope, "prompt", str(id), version, {"code": code, "language": language, "text": text, **stored},
            at=clock.now(), reason=reason_of(request),
        )  # fmt: skip
    response.headers["ETag"] = etag(value["version"])
    return value


async def _store(folder: PromptsFolder, tenant: str, file: UploadFile) -> dict[str, Any]:
    data = await file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Refused("body_too_large", limit=LARGEST)
    wav, milliseconds = await asyncio.to_thread(converted, data)
    return {"file": await asyncio.to_thread(folder.keep, tenant, wav), "milliseconds": milliseconds}


def converted(data: bytes) -> tuple[bytes, int]:
    """``data`` as the WAV that the media process plays, and its length in ms. Raises Refused (prompt_refused) for what is no sound."""
    samples = _mono(data)
    if len(samples) == 0:
        raise Refused("prompt_refused", reason="empty")
    pcm = np.clip(np.round(samples * 32767.0), -32768, 32767).astype("<i2")
    out = io.BytesIO()
    soundfile.write(out, pcm, RATE, subtype="PCM_16", format="WAV")
    return out.getvalue(), len(pcm) * 1000 // RATE


def _mono(data: bytes) -> NDArray[np.float32]:
    """Decode block by block, so that a header that lies about its length costs nothing."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            if sound.format not in _FORMATS or sound.channels > _MOST_CHANNELS or sound.samplerate not in _RATES:
                raise Refused("prompt_refused", reason=f"{sound.format} {sound.samplerate} Hz {sound.channels} ch")
            parts, most = [], LONGEST_SECONDS * sound.samplerate
            while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
                parts.append(block.mean(axis=1))
                most -= len(block)
                if most < 0:
                    raise Refused("prompt_refused", reason=f"> {LONGEST_SECONDS} s")
            rate = sound.samplerate
    except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError) as error:
        raise Refused("prompt_refused", reason=str(getattr(error, "error_string", "not a sound file"))[:80]) from error
    whole: NDArray[np.float32] = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return whole if rate == RATE else soxr.resample(whole, rate, RATE).astype(np.float32)

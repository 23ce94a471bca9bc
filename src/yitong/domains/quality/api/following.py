"""Recordings that are still being made, played as they grow: from their beginning or from now on, a second or two behind the talk (O43).

It is what the recording holds, from wherever one sits: nothing is asked of the switch, nobody in the call notices, and a pause is silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from yitong.contact.bus import Refused
from yitong.domains.quality.api.looking import looked
from yitong.domains.quality.store import recordings as store
from yitong.domains.quality.store.vault import FAULTS, Stored, Vault
from yitong.kit.clock import SystemClock
from yitong.kit.database import OUTAGES, Database
from yitong.kit.http import Caller, DeskLocked, caller_of_session, part
from yitong.kit.links import Link, first_use, follow
from yitong.kit.logs import get
from yitong.kit.scope import Denied
from yitong.media import wav

router = APIRouter(prefix="/recordings", tags=["recordings"])
RIGHT = "recordings.listen"
BEGIN = "begin"
_NOW = -64_000
"""Two seconds before the end, on two tracks."""
_MOST = 1 << 20
_LOOK_SECONDS = 0.5
_RIGHTS_EVERY = 10
_SILENT = 60
"""Looks without anything new after which whoever wrote it is dead."""
_log = get("yitong.recordings")


def path_of(id: str) -> str:
    """Where a recording that is being made is had by link."""
    return f"/recordings/{id}/live"


async def running(database: Database, caller: Caller, id: str) -> dict[str, Any]:
    """A recording that is being made and that the caller may hear. Raises Refused (not_found)."""
    async with database.transaction() as connection:
        row = await store.running_one(connection, caller.scope, caller.agent, id)
    if row is None:
        raise Refused("not_found")
    return row


@router.get("/{id}/live", response_class=Response, responses={200: {"content": {"audio/wav": {}}}})
async def recording_live(
    id: UUID,
    request: Request,
    link: Annotated[str, Query(max_length=1_000)] = "",
    database: Database = part(Database),
    vault: Vault = part(Vault),
    clock: SystemClock = part(SystemClock),
) -> Response:
    """A recording while it is made, by a link; it goes on until the recording does not, or one may not hear it any more."""
    used, caller = await follow(request, link, keyring=vault.keyring, clock=clock, path=path_of(str(id)))
    if not caller.may(RIGHT):
        raise Denied(RIGHT)
    row = await running(database, caller, str(id))
    one = Stored(tenant=row["tenant_id"], id=row["id"], file=row["file"])
    at = 0 if used.form == BEGIN else _NOW
    try:
        await asyncio.to_thread(vault.grown, one, at, 0)
    except FAULTS as error:
        raise Refused("not_found") from error
    async with database.transaction() as connection:
        if await first_use(connection, used, caller, clock.now()):
            await looked(connection, caller, clock, "recording.heard", "recording", str(id), link=used.id, live=True)
    following = _following(request, vault, one, used, clock, at)
    return StreamingResponse(following, 200, {"Cache-Control": "private, no-store"}, "audio/wav")


async def _following(request: Request, vault: Vault, one: Stored, link: Link, clock: SystemClock, at: int) -> AsyncIterator[bytes]:
    looks = still = 0
    headed = False
    while still < _SILENT and await _may_still(request, link, looks):
        try:
            piece = await asyncio.to_thread(vault.grown, one, at, _MOST)
        except FAULTS as error:
            _log.info("a recording is not followed any more", recording=one.id, error=repr(error)[:200])
            return
        if not headed:
            headed = True
            yield wav.endless(wav.channels_of(piece.form))
        at, looks, still = piece.at, looks + 1, 0 if piece.samples else still + 1
        if piece.samples:
            yield piece.samples
        if piece.over:
            return
        if len(piece.samples) < _MOST:
            await clock.sleep(_LOOK_SECONDS)


async def _may_still(request: Request, link: Link, looks: int) -> bool:
    """Now and then: whether the session lives and has its right. While PostgreSQL is away nobody can take it."""
    if looks % _RIGHTS_EVERY:
        return True
    try:
        return (await caller_of_session(request, link.tenant, link.session)).may(RIGHT)
    except (Refused, DeskLocked):
        return False
    except OUTAGES:
        return True

"""Links to recordings, for a player and for taking away (``kit/links.py``). Each use is in the audit log, from each address once."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from yitong.domains.quality.api import following
from yitong.domains.quality.api.following import running
from yitong.domains.quality.api.looking import looked
from yitong.domains.quality.api.recordings import found, opened, played, taken_away
from yitong.domains.quality.store.vault import Vault
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, need, part
from yitong.kit.ids import RandomIds
from yitong.kit.links import GivenLink, Use, first_use, follow, give
from yitong.kit.scope import Denied

router = APIRouter(prefix="/recordings", tags=["recordings"])
_RIGHTS: dict[Use, str] = {"play": "recordings.listen", "follow": "recordings.listen", "download": "recordings.download"}
_SOUND: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/wav": {}, "audio/ogg": {}}},
    206: {"description": "A part", "content": {"audio/wav": {}, "audio/ogg": {}}},
}


class Asked(BaseModel):
    """What the link is for: to play a recording, to follow one that is being made (from its ``begin`` or from now on), or to take one away,
    in which form."""

    model_config = ConfigDict(extra="forbid")
    use: Use = "play"
    form: Literal["wav", "opus"] = "wav"
    begin: bool = False


def path_of(id: str) -> str:
    """Where the sound of a recording is had by link."""
    return f"/recordings/{id}/sound"


@router.post("/{id}/links", status_code=201)
async def make_recording_link(
    id: UUID,
    given: Asked,
    request: Request,
    response: Response,
    caller: Caller = need("recordings.listen"),
    database: Database = part(Database),
    vault: Vault = part(Vault),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
) -> GivenLink:
    """A link that works for five minutes, in this browser, as long as one is signed in: to play any part, or (once) to take it away."""
    if not caller.may(_RIGHTS[given.use]):
        raise Denied(_RIGHTS[given.use])
    if given.use == "follow":
        await running(database, caller, str(id))
        path, form = following.path_of(str(id)), following.BEGIN if given.begin else "now"
        return await give(request, response, caller, keyring=vault.keyring, clock=clock, ids=ids, path=path, use="follow", form=form)
    row = await found(database, caller, str(id))
    (await opened(database, caller, row, vault.sound)).close()  # what is wrong with it is said now, and not to a player that cannot show it
    return await give(
        request, response, caller, keyring=vault.keyring, clock=clock, ids=ids, path=path_of(str(id)), use=given.use, form=given.form
    )


@router.get("/{id}/sound", response_class=Response, responses=_SOUND)
async def recording_sound(
    id: UUID,
    request: Request,
    link: Annotated[str, Query(max_length=1_000)] = "",
    database: Database = part(Database),
    vault: Vault = part(Vault),
    clock: SystemClock = part(SystemClock),
) -> Response:
    """The recording by a link, with Range; or the marked copy to take away."""
    used, caller = await follow(request, link, keyring=vault.keyring, clock=clock, path=path_of(str(id)))
    if not caller.may(_RIGHTS[used.use]):
        raise Denied(_RIGHTS[used.use])
    row = await found(database, caller, str(id))
    form: Literal["wav", "opus"] = "opus" if used.form == "opus" else "wav"
    async with database.transaction() as connection:
        first = await first_use(connection, used, caller, clock.now())
        if first and used.use == "play":
            await looked(connection, caller, clock, "recording.heard", "recording", str(id), link=used.id)
    if used.use == "download":
        return await taken_away(database, caller, vault, row, form, ticket=used.id, clock=clock)
    return await played(request, database, caller, vault, row, form)

"""Sessions and one's own profile."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.acd.messages import LockDesk, UnlockDesk
from yitong.domains.security import store
from yitong.domains.security.service import Recognition, SessionKeeper, SignIn
from yitong.kit.database import Database
from yitong.kit.http import Caller, iso, need, part

router = APIRouter(tags=["sessions"])


class Credentials(BaseModel):
    """Who wants to come in. ``tenant``: its code, where one installation serves several (default: the first)."""

    model_config = ConfigDict(extra="forbid")
    username: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=256)
    tenant: str = Field(default="", max_length=63)


class NewPassword(BaseModel):
    """A change of one's own password."""

    model_config = ConfigDict(extra="forbid")
    old: str = Field(min_length=1, max_length=256)
    new: str = Field(min_length=1, max_length=256)


class OwnSettings(BaseModel):
    """What everybody may set for himself."""

    model_config = ConfigDict(extra="forbid")
    language: Literal["zh-CN", "en"]


class Lock(BaseModel):
    """A break behind a lock. ``reason``: id or code of a not-ready reason; ``password``: for this lock, beside one's own."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(default="", max_length=64)
    password: str = Field(default="", max_length=256)


class Unlock(BaseModel):
    """The password that was given for the lock, or one's own."""

    model_config = ConfigDict(extra="forbid")
    password: str = Field(min_length=1, max_length=256)


class Profile(BaseModel):
    """Who one is."""

    id: str
    username: str
    name: Any
    language: str
    roles: list[str]
    rights: list[str]
    extension: str | None
    agent: str | None
    team: dict[str, Any] | None
    site: dict[str, Any] | None
    tenant: dict[str, Any]
    locked: bool


class SessionBegun(BaseModel):
    """A token, shown this once."""

    token: str
    expires_at: str
    user: Profile


@router.post("/sessions", status_code=201)
async def sign_in(
    given: Credentials,
    request: Request,
    response: Response,
    sign_in: SignIn = part(SignIn),
    recognition: Recognition = part(Recognition),
    database: Database = part(Database),
) -> SessionBegun:
    """Sign in: a new token, valid 12 hours, or 30 minutes without use."""
    source = source_of(request)
    token, session = await sign_in.begin(
        given.tenant, given.username, given.password, source=source, agent_text=request.headers.get("user-agent", "")
    )
    caller = await recognition.caller(token, source)
    response.headers["Cache-Control"] = "no-store"
    return SessionBegun(token=token, expires_at=iso(session.expires_at) or "", user=await _profile(database, caller))


@router.delete("/sessions/current", status_code=204)
async def sign_out(caller: Caller = need(though_locked=True), keeper: SessionKeeper = part(SessionKeeper)) -> None:
    """Sign out: the token, the live connections and the page's telephone end."""
    await keeper.sign_out(caller)


@router.post("/sessions/current/password", status_code=204)
async def change_password(
    given: NewPassword, caller: Caller = need(), sign_in: SignIn = part(SignIn), keeper: SessionKeeper = part(SessionKeeper)
) -> None:
    """Change one's password; every session of the user ends, this one too."""
    await keeper.ended(caller.tenant, await sign_in.change_password(caller, given.old, given.new), "password_changed")


@router.get("/me")
async def me(caller: Caller = need(though_locked=True), database: Database = part(Database)) -> Profile:
    """Who one is, and what one may do."""
    return await _profile(database, caller)


@router.patch("/me")
async def change_me(
    given: OwnSettings, caller: Caller = need(), database: Database = part(Database), recognition: Recognition = part(Recognition)
) -> Profile:
    """Set one's own language."""
    async with database.transaction() as connection:
        await store.set_language(connection, caller.scope, given.language)
    recognition.forget([caller.session])
    return await _profile(database, caller)


@router.post("/me/lock", status_code=204)
async def lock(
    given: Lock, caller: Caller = need("calls.take"), core: Core = part(Core), sign_in: SignIn = part(SignIn),
    keeper: SessionKeeper = part(SessionKeeper),
) -> None:  # fmt: skip
    """Take a break behind a lock: nothing is shown or done in this session until it is unlocked. Refused while one has a contact."""
    if not caller.agent:
        raise Refused("no_agent")
    await core.obey(caller.tenant, caller.site, LockDesk(actor=caller.user, agent=caller.agent, reason=given.reason))
    await sign_in.lock(caller, given.password)
    await keeper.changed([caller.session])


@router.post("/me/unlock", status_code=204)
async def unlock(
    given: Unlock, caller: Caller = need("calls.take", though_locked=True), core: Core = part(Core), sign_in: SignIn = part(SignIn),
    keeper: SessionKeeper = part(SessionKeeper),
) -> None:  # fmt: skip
    """Unlock it; the break goes on until one becomes ready."""
    if not caller.locked:
        return
    await sign_in.unlock(caller, given.password)
    await keeper.changed([caller.session])
    await core.obey(caller.tenant, caller.site, UnlockDesk(actor=caller.user, agent=caller.agent))


@router.post("/agents/{id}/unlock", status_code=204)
async def unlock_agent(
    id: UUID, caller: Caller = need("calls.supervise"), core: Core = part(Core), sign_in: SignIn = part(SignIn),
    keeper: SessionKeeper = part(SessionKeeper),
) -> None:  # fmt: skip
    """Unlock the desk of an agent of one's teams."""
    await keeper.changed(await sign_in.unlock_agent(caller, str(id)))
    await core.obey(caller.tenant, caller.site, UnlockDesk(actor=caller.user, agent=str(id), by="supervisor"))


async def _profile(database: Database, caller: Caller) -> Profile:
    async with database.transaction() as connection:
        names = await store.profile(connection, caller.scope, caller.team, caller.site)
    if not names:
        raise Refused("session_ended")
    return Profile(
        id=caller.user, username=caller.username, roles=list(caller.roles), rights=sorted(caller.scope.rights),
        extension=caller.extension or None, agent=caller.agent or None, locked=caller.locked, **names,
    )  # fmt: skip


def source_of(request: Request) -> str:
    """The true peer address; headers that a client can write are not believed."""
    return request.client.host if request.client else ""

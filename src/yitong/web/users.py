"""Users under ``/config/users``: a person, and with an extension also an agent with a telephone account. One change, one transaction."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact.bus import Refused
from yitong.domains.security import store as security
from yitong.domains.security.service import Passwords, Recognition, SessionKeeper
from yitong.domains.sites.api.kinds import history_page
from yitong.domains.sites.api.paging import Cursor, Limit, page_of, place_of
from yitong.domains.sites.api.shapes import Page, User
from yitong.domains.sites.store import people
from yitong.domains.sites.store.kinds import ACCOUNT, AGENT, USER
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, etag, need, part, reason_of, version_asked
from yitong.kit.ids import RandomIds
from yitong.kit.records import Change, Kind, Missing, change

router = APIRouter(prefix="/config/users", tags=["configuration"])
_SHOWN = (
    "id", "version", "username", "name", "language", "roles", "extension", "team", "site", "skills", "may_call", "srtp", "disabled",
    "agent",
)  # fmt: skip
_SECRET_BYTES = 18


class Hand(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes what, within one transaction."""

    connection: AsyncConnection
    caller: Caller
    now: int
    reason: str
    ids: RandomIds

    async def put(self, kind: Kind, id: str, version: int, value: dict[str, Any] | None) -> None:
        """Through the one function."""
        wanted = Change(
            tenant=self.caller.tenant, id=id, version=version, value=value, actor=self.caller.user, at=self.now, reason=self.reason
        )
        await change(self.connection, kind, wanted)


@router.get("")
async def list_users(
    cursor: Cursor = "", limit: Limit = 50, caller: Caller = need("config.read"), database: Database = part(Database)
) -> Page:
    """The users, by username."""
    place = place_of(cursor)
    async with database.transaction() as connection:
        return page_of(await people.users(connection, caller.scope, after=place, limit=limit + 1), limit, "username", _shown)


@router.get("/{id}")
async def get_user(
    id: UUID, response: Response, caller: Caller = need("config.read"), database: Database = part(Database)
) -> dict[str, Any]:
    """One user; his ETag is what a change must send as If-Match."""
    async with database.transaction() as connection:
        user = await _one(connection, caller, str(id))
    response.headers["ETag"] = etag(user["version"])
    return _shown(user)


@router.get("/{id}/history")
async def user_history(
    id: UUID, cursor: Cursor = "", limit: Limit = 50, caller: Caller = need("config.read"), database: Database = part(Database)
) -> Page:
    """The versions of the user, newest first."""
    return await history_page(database, caller, "user", str(id), dict, cursor, limit)


@router.post("", status_code=201)
async def make_user(
    given: User,
    request: Request,
    response: Response,
    caller: Caller = need("users.manage"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
    passwords: Passwords = part(Passwords),
) -> dict[str, Any]:
    """A new user. With an extension the answer carries ``sip_secret``, the desk phone's password, this once."""
    if given.password is None:
        raise Refused("invalid", count=1, where="body.password", fields=[{"where": "body.password", "code": "missing"}])
    hashed, now = await passwords.hash(given.password), clock.now()
    id = ids.new(now)
    async with database.transaction() as connection:
        hand = Hand(connection=connection, caller=caller, now=now, reason=reason_of(request), ids=ids)
        await hand.put(USER, id, 0, await _user_value(hand, given))
        secret = await _put_agent(hand, id, given, {})
        await security.set_password(connection, caller.tenant, id, hashed)
        user = await _one(connection, caller, id)
    response.headers["ETag"] = etag(user["version"])
    response.headers["Location"] = f"/api/v1/config/users/{id}"
    return _shown(user) | ({"sip_secret": secret} if secret else {})


@router.put("/{id}")
async def alter_user(
    id: UUID,
    given: User,
    request: Request,
    response: Response,
    caller: Caller = need("users.manage"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
    passwords: Passwords = part(Passwords),
    keeper: SessionKeeper = part(SessionKeeper),
    recognition: Recognition = part(Recognition),
) -> dict[str, Any]:
    """Replace a user. Disabling him or giving him another password ends all his sessions."""
    version, now, user = version_asked(request), clock.now(), str(id)
    hashed = await passwords.hash(given.password) if given.password is not None else ""
    ended: list[str] = []
    async with database.transaction() as connection:
        hand = Hand(connection=connection, caller=caller, now=now, reason=reason_of(request), ids=ids)
        before = await _one(connection, caller, user)
        if version < 1:
            raise Missing(user)
        await hand.put(USER, user, version, await _user_value(hand, given))
        secret = await _put_agent(hand, user, given, before)
        if hashed:
            await security.set_password(connection, caller.tenant, user, hashed)
        if hashed or given.disabled:
            ended = await security.end_sessions_of(connection, caller.tenant, user, now)
        after = await _one(connection, caller, user)
    recognition.forget_tenant(caller.tenant)
    await keeper.ended(caller.tenant, ended, "disabled" if given.disabled else "password_changed")
    response.headers["ETag"] = etag(after["version"])
    return _shown(after) | ({"sip_secret": secret} if secret else {})


@router.delete("/{id}", status_code=204)
async def remove_user(
    id: UUID,
    request: Request,
    caller: Caller = need("users.manage"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
    keeper: SessionKeeper = part(SessionKeeper),
) -> None:
    """Remove a user who is no agent and not oneself; others are disabled, for the ledger refers to them."""
    version, user, now = version_asked(request), str(id), clock.now()
    if user == caller.user:
        raise Refused("in_use", where="your own session")
    async with database.transaction() as connection:
        before = await _one(connection, caller, user)
        if before["agent"]:
            raise Refused("in_use", where="agent")
        ended = await security.end_sessions_of(connection, caller.tenant, user, now)
        hand = Hand(connection=connection, caller=caller, now=now, reason=reason_of(request), ids=ids)
        await hand.put(USER, user, version, None)
    await keeper.ended(caller.tenant, ended, "disabled")


async def _one(connection: AsyncConnection, caller: Caller, id: str) -> dict[str, Any]:
    found = await people.users(connection, caller.scope, id)
    if not found:
        raise Missing(id)
    return found[0]


def _shown(user: dict[str, Any]) -> dict[str, Any]:
    return {name: user[name] for name in _SHOWN}


async def _user_value(hand: Hand, given: User) -> dict[str, Any]:
    roles = await people.role_ids(hand.connection, hand.caller.scope, given.roles)
    unknown = sorted(set(given.roles) - roles.keys())
    if unknown:
        raise Refused("unknown_reference", field=f"roles: {unknown[0]}")
    return {
        "username": given.username, "name": given.name, "language": given.language, "site": str(given.site), "active": not given.disabled,
        "roles": [roles[code] for code in dict.fromkeys(given.roles)],
    }  # fmt: skip


async def _put_agent(hand: Hand, user: str, given: User, before: dict[str, Any]) -> str:
    """Make or change the agent behind a user and his telephone account; returns a secret that was made now, else ""."""
    if not given.extension:
        if before.get("agent"):
            raise Refused("in_use", where="agent")
        return ""
    if not given.team or not given.site:
        raise Refused("unknown_reference", field="site" if given.team else "team")
    value: dict[str, Any] = {
        "user": user, "extension": given.extension, "name": given.name, "team": str(given.team), "site": str(given.site),
        "language": given.language, "skills": {str(skill): level for skill, level in given.skills.items()},
        "may_call": list(dict.fromkeys(given.may_call)),
    }  # fmt: skip
    if before.get("agent"):
        await hand.put(AGENT, before["agent"], before["agent_version"], value)
        agent = str(before["agent"])
    else:
        agent = hand.ids.new(hand.now)
        await hand.put(AGENT, agent, 0, value | {"capacity": {"voice": 1}})
    if before.get("account_extension") == given.extension:
        if before["srtp"] != given.srtp:
            await hand.put(ACCOUNT, before["account"], before["account_version"], {"srtp": given.srtp})
        return ""
    return await _put_account(hand, agent, given, before)


async def _put_account(hand: Hand, agent: str, given: User, before: dict[str, Any]) -> str:
    """The account is named like the extension, so a new extension is a new secret."""
    realm = await people.realm_of(hand.connection, hand.caller.tenant)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    value = {
        "username": given.extension, "realm": realm, "agent": agent, "kind": "phone", "site": str(given.site), "extension": given.extension,
        "srtp": given.srtp, **digests(given.extension, realm, secret),
    }  # fmt: skip
    await hand.put(ACCOUNT, before.get("account") or hand.ids.new(hand.now), before.get("account_version") or 0, value)
    return secret


def digests(username: str, realm: str, secret: str) -> dict[str, str]:
    """What is kept of a SIP secret (RFC 8760 §2.2): H(user:realm:secret) by MD5 and by SHA-256."""
    plain = f"{username}:{realm}:{secret}".encode()
    return {"ha1_md5": hashlib.md5(plain, usedforsecurity=False).hexdigest(), "ha1_sha256": hashlib.sha256(plain).hexdigest()}

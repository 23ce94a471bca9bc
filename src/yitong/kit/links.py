"""Links to sounds for players and downloads, which cannot say who asks: signed, for one thing, one use, one session, one browser.

A link names the session of whoever asked for it, and is worth what that session is worth when it is used: a person who signs out, is
locked, or loses a right has no use of it any more. It works for minutes, in the browser alone that asked for it, which holds a cookie for
that; a copy of the link is worth nothing elsewhere. One for taking away works once. The first use from each address is for the audit log.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Any, Literal

import msgspec
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from yitong.kit.clock import SECOND, Clock, moment
from yitong.kit.http import Caller, caller_of_session, iso
from yitong.kit.ids import Ids
from yitong.kit.keyring import Keyring
from yitong.kit.sealing import KeyMissing

LIFE_US = 300 * SECOND
COOKIE = "yitong_listens"
SECRET = "links"
_PATH = "/api/v1"
_KEPT_US = 24 * 3600 * SECOND
_LONGEST = 1_000

Use = Literal["play", "download", "follow"]


class BadLink(Exception):
    """``code``: link_invalid (not as it was given out, or of another thing), link_expired, link_elsewhere, link_used."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Link(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is signed. ``path``: of the one thing; ``holder``: the browser, as a digest of its cookie; ``until``: UTC microseconds."""

    id: str
    tenant: str
    session: str
    path: str
    use: Use
    form: str
    holder: str
    until: int


class GivenLink(BaseModel):
    """A link and until when it can be used."""

    url: str
    expires_at: str


def signed(link: Link, secret: bytes) -> str:
    """The link as text."""
    body = msgspec.msgpack.encode(link)
    return base64.urlsafe_b64encode(body + _tag(body, secret)).decode().rstrip("=")


def _tag(body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"yitong link\n" + body, "sha256")


def opened(given: str, keyring: Keyring) -> Link:
    """What ``signed`` was given. Raises BadLink (link_invalid)."""
    try:
        if len(given) > _LONGEST:
            raise BadLink("link_invalid")
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        body, tag = raw[:-32], raw[-32:]
        link = msgspec.msgpack.decode(body, type=Link)
        right = hmac.compare_digest(tag, _tag(body, keyring.secret(link.tenant, SECRET, make=False)))
    except (binascii.Error, ValueError, msgspec.MsgspecError, KeyMissing) as error:
        raise BadLink("link_invalid") from error
    if not right:
        raise BadLink("link_invalid")
    return link


async def give(
    request: Request, response: Response, caller: Caller, *, keyring: Keyring, clock: Clock, ids: Ids, path: str, use: Use,
    form: str = "wav",
) -> GivenLink:  # fmt: skip
    """A link to ``path`` (below the API) for the caller, whose browser gets its cookie with the answer."""
    holder = request.cookies.get(COOKIE, "") or secrets.token_urlsafe(24)
    now = clock.now()
    link = Link(
        id=ids.new(now), tenant=caller.tenant, session=caller.session, path=path, use=use, form=form, holder=_digest(holder),
        until=now + LIFE_US,
    )  # fmt: skip
    secret = await asyncio.to_thread(keyring.secret, caller.tenant, SECRET)
    response.set_cookie(COOKIE, holder, path=_PATH, secure=request.url.scheme == "https", httponly=True, samesite="strict")
    return GivenLink(url=f"{_PATH}{path}?link={signed(link, secret)}", expires_at=iso(link.until) or "")


async def follow(request: Request, given: str, *, keyring: Keyring, clock: Clock, path: str) -> tuple[Link, Caller]:
    """The link and who asked for it, as he is now. Raises BadLink, and what recognising him raises (Refused, DeskLocked)."""
    link = await asyncio.to_thread(opened, given, keyring)
    if link.path != path:
        raise BadLink("link_invalid")
    if link.until < clock.now():
        raise BadLink("link_expired")
    if not hmac.compare_digest(link.holder, _digest(request.cookies.get(COOKIE, ""))):
        raise BadLink("link_elsewhere")
    return link, await caller_of_session(request, link.tenant, link.session)


def _digest(holder: str) -> str:
    return hashlib.sha256(holder.encode()).hexdigest()[:32]


async def first_use(connection: AsyncConnection, link: Link, caller: Caller, now: int) -> bool:
    """Whether the link was not used before from the caller's address. Raises BadLink (link_used) for a second taking away."""
    values: dict[str, Any] = {"tenant": link.tenant, "id": link.id, "now": moment(now)}
    values["source"] = "" if link.use == "download" else caller.source
    done = await connection.execute(
        text("insert into link_uses (tenant_id, id, source, at) values (:tenant, :id, :source, :now) on conflict do nothing"), values
    )
    if not done.rowcount and link.use == "download":
        raise BadLink("link_used")
    return bool(done.rowcount)


async def forget_old(connection: AsyncConnection, now: int) -> None:
    """Uses of links that are dead."""
    await connection.execute(text("delete from link_uses where at < :at"), {"at": moment(now - _KEPT_US)})

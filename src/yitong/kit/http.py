"""What routes of every domain share: who asks, with which right, and the parts that the composition root gave to the application.

``need("customers.read")`` as a parameter's default lets only callers with that right in; ``part(CrmStore)`` hands over a part.
Both work by ``request.state`` and ``app.state``, which ``web`` fills; nothing here knows how a caller is recognised.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
from fastapi import Depends, Request

from yitong.kit.scope import Denied, Scope

_T = TypeVar("_T")
LANGUAGES = ("zh-CN", "en")


class BadCursor(Exception):
    """A cursor that was not given out by us."""


class DeskLocked(Exception):
    """The caller locked his desk; only unlocking is open to him."""


class BadVersion(Exception):
    """If-Match is missing (``given`` empty) or is not a version."""

    def __init__(self, given: str) -> None:
        super().__init__(given)
        self.given = given


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. ``agent``, ``extension``: empty for a user who takes no contacts. ``source`` is the true peer address.

    ``site``: where the caller's commands go; ``roles`` are codes; times are UTC microseconds.
    """

    session: str
    user: str
    username: str
    tenant: str
    site: str
    scope: Scope
    agent: str = ""
    extension: str = ""
    team: str = ""
    roles: tuple[str, ...] = ()
    language: str = "zh-CN"
    source: str = ""
    expires_at: int = 0
    locked: bool = False
    """He locked his desk and went away: nothing is shown or done until it is unlocked."""

    def may(self, right: str) -> bool:
        """Whether the caller has ``right``."""
        return self.scope.may(right)


Recognise = Callable[[Request], Awaitable[Caller]]

RIGHT_ATTRIBUTE = "yitong_right"


def need(right: str = "", *, though_locked: bool = False) -> Any:
    """A parameter that is the Caller, who must have ``right`` (empty: be signed in). Raises Denied, and DeskLocked unless the route is
    open to a locked desk."""

    async def caller(request: Request) -> Caller:
        recognise: Recognise = request.app.state.recognise
        who = await recognise(request)
        if who.locked and not though_locked:
            raise DeskLocked
        if right and not who.may(right):
            raise Denied(right)
        return who

    setattr(caller, RIGHT_ATTRIBUTE, right)
    return Depends(caller)


async def caller_of_session(request: Request, tenant: str, session: str) -> Caller:
    """Who has that session, as ``need`` would have recognised him now. Raises Refused (not_signed_in, session_ended), DeskLocked."""
    who: Caller = await request.app.state.recognise_session(request, tenant, session)
    if who.locked:
        raise DeskLocked
    return who


def part(kind: type) -> Any:
    """A parameter that is the application's part of class ``kind``."""

    async def given(request: Request) -> Any:
        return request.app.state.parts[kind]

    return Depends(given)


def version_asked(request: Request) -> int:
    """The version in If-Match (RFC 9110 §13.1.1), which was given as ETag. Raises BadVersion."""
    given = request.headers.get("if-match", "").strip()
    text = given[1:-1] if len(given) > 2 and given[0] == given[-1] == '"' else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadVersion(given)
    return int(text)


def reason_of(request: Request) -> str:
    """Why a change is made (``X-Reason``, percent-encoded UTF-8), at most 500 characters; empty when nobody said."""
    return unquote(request.headers.get("x-reason", ""))[:500].replace("\x00", "").strip()


def etag(version: int) -> str:
    """``version`` as an ETag."""
    return f'"{version}"'


def to_cursor(*values: str | int) -> str:
    """A place in a list, as the opaque text that the client gives back."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def from_cursor(cursor: str, kind: type[_T]) -> _T:
    """What ``to_cursor`` was given, as a tuple of type ``kind``. Raises BadCursor."""
    if len(cursor) > 200:
        raise BadCursor(cursor[:20])
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise BadCursor(cursor[:20]) from error


def iso(at: datetime | int | None) -> str | None:
    """A moment (UTC microseconds, or as PostgreSQL gives it) as ISO 8601 with ``Z``."""
    if at is None:
        return None
    if isinstance(at, int):
        at = datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def choose_language(accept: str) -> str:
    """The language of ours that ``accept`` (RFC 9110 §12.5.4) likes best; Chinese when it names none of ours."""
    best, best_weight = LANGUAGES[0], 0.0
    for part in accept.split(",")[:20]:
        tag, _, options = part.strip().partition(";")
        language = _ours(tag.strip().lower())
        weight = _weight(options)
        if language and weight > best_weight:
            best, best_weight = language, weight
    return best


def _ours(tag: str) -> str:
    if tag.startswith("zh"):
        return "zh-CN"
    return "en" if tag.startswith("en") else ""


def _weight(options: str) -> float:
    name, _, value = options.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value[:6])))
    except ValueError:
        return 0.0

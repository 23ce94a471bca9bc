"""What routes of every domain share: who asks, with which right, and the parts that the composition root gave to the application.

``need("customers.read")`` as a parameter's default lets only callers with that right in; ``part(CrmStore)`` hands over a part.
Both work by ``request.state`` and ``app.state``, which ``web`` fills; nothing here knows how a caller is recognised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from fastapi import Depends, Request

from yitong.kit.scope import Denied, Scope


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

    def may(self, right: str) -> bool:
        """Whether the caller has ``right``."""
        return self.scope.may(right)


Recognise = Callable[[Request], Awaitable[Caller]]

RIGHT_ATTRIBUTE = "yitong_right"


def need(right: str = "") -> Any:
    """A parameter that is the Caller, who must have ``right`` (empty: be signed in). Raises Denied."""

    async def caller(request: Request) -> Caller:
        recognise: Recognise = request.app.state.recognise
        who = await recognise(request)
        if right and not who.may(right):
            raise Denied(right)
        return who

    setattr(caller, RIGHT_ATTRIBUTE, right)
    return Depends(caller)


def part(kind: type) -> Any:
    """A parameter that is the application's part of class ``kind``."""

    async def given(request: Request) -> Any:
        return request.app.state.parts[kind]

    return Depends(given)

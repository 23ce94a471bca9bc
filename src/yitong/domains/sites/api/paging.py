"""Pages of configuration: a limit, and a cursor that names the last record shown (its code and id)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Query

from yitong.domains.sites.api.shapes import Page
from yitong.kit.http import BadCursor, from_cursor, to_cursor
from yitong.kit.records import Place, Value

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str, Query(max_length=200)]
_Version = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


def place_of(cursor: str) -> Place | None:
    """Where a list goes on; None at its beginning. Raises BadCursor."""
    if not cursor:
        return None
    code, id = from_cursor(cursor, tuple[str, UUID])
    if "\x00" in code:
        raise BadCursor(cursor[:20])
    return code, str(id)


def page_of(found: list[Value], limit: int, code: str, show: Callable[[Value], Value]) -> Page:
    """The first ``limit`` of ``found``, which is one longer when there are more. ``code``: the field that the list is ordered by."""
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=[show(value) for value in found[:limit]], next=to_cursor(last[code], last["id"]) if last else None)


def version_of(cursor: str) -> int | None:
    """The last version of a history that was shown; None at its beginning. Raises BadCursor."""
    return from_cursor(cursor, tuple[_Version])[0] if cursor else None

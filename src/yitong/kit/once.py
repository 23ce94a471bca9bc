"""A request that may be sent again changes something once, also when the process dies between the change and the answer (reliability K7).

Whoever takes a request under an idempotency key says so with ``under``. The first change within it then writes the request's name in the
same transaction: both are there or neither. When the same request comes again because its answer was lost, its change finds the name and
raises ``AlreadyDone``; should the first one still be going on in another process, PostgreSQL makes the second wait for its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import SECOND, moment

KEPT_US = 2 * 24 * 3600 * SECOND
"""How long names are kept: longer than the answers under their keys."""


class AlreadyDone(Exception):
    """This request changed something before, and what it was answered is not known any more."""


class _Request:
    def __init__(self, name: str) -> None:
        self.name = name
        self.marked = False


_request: ContextVar[_Request | None] = ContextVar("yitong.request", default=None)


@contextmanager
def under(name: str) -> Iterator[None]:
    """Everything within, tasks started there included, belongs to the request ``name``."""
    token = _request.set(_Request(name))
    try:
        yield
    finally:
        _request.reset(token)


async def mark(connection: AsyncConnection, tenant: str, at: int) -> None:
    """Say in the caller's transaction that the request under way changed something. Raises AlreadyDone; without one nothing happens."""
    request = _request.get()
    if request is None:
        return
    made = await connection.execute(
        text("insert into requests_done (tenant_id, name, at) values (:tenant, :name, :at) on conflict do nothing"),
        {"tenant": tenant, "name": request.name, "at": moment(at)},
    )
    if made.rowcount == 0 and not request.marked:
        raise AlreadyDone(request.name)
    request.marked = True


async def forget_old(connection: AsyncConnection, now: int) -> None:
    """Names that nobody will ask for any more."""
    await connection.execute(text("delete from requests_done where at < :at"), {"at": moment(now - KEPT_US)})

"""Commands on configuration: who may, through the one function, published by the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yitong.domains.sites.store import configured
from yitong.domains.sites.store.kinds import FLOW, KINDS
from yitong.kit.database import Connection
from yitong.kit.records import Change, Missing, Past, Value, change
from yitong.kit.scope import Scope

RIGHTS = {"user": "users.manage", "role": "users.manage"}


def _require(scope: Scope, kind: str) -> None:
    scope.require(RIGHTS.get(kind, "config.write"))


async def make(connection: Connection, scope: Scope, kind: str, id: str, value: Mapping[str, Any], *, at: int, reason: str = "") -> Value:
    """A new record. Raises Denied, Conflict."""
    _require(scope, kind)
    return await _put(
        connection, scope, kind, Change(tenant=scope.tenant, id=id, version=0, value=value, actor=scope.user, at=at, reason=reason)
    )


async def alter(
    connection: Connection, scope: Scope, kind: str, id: str, version: int, value: Mapping[str, Any], *, at: int, reason: str = ""
) -> Value:
    """Change the fields in ``value``. Raises Denied, Missing, Stale, Conflict."""
    _require(scope, kind)
    if version < 1:
        raise Missing(id)
    wanted = Change(tenant=scope.tenant, id=id, version=version, value=value, actor=scope.user, at=at, reason=reason)
    return await _put(connection, scope, kind, wanted)


async def remove(connection: Connection, scope: Scope, kind: str, id: str, version: int, *, at: int, reason: str = "") -> None:
    """Remove a record that nothing refers to; its history stays. Raises Denied, Missing, Stale, Conflict."""
    _require(scope, kind)
    await change(
        connection, KINDS[kind], Change(tenant=scope.tenant, id=id, version=version, value=None, actor=scope.user, at=at, reason=reason)
    )


async def publish_flow(connection: Connection, scope: Scope, id: str, version: int, *, at: int, reason: str = "") -> Value:
    """Make the draft, which the caller has checked, the version that new contacts enter. Raises Denied, Missing, Stale."""
    _require(scope, FLOW.name)
    number = await configured.keep_flow_version(connection, scope, id, at)
    wanted = Change(
        tenant=scope.tenant, id=id, version=version, value={"published_version": number}, actor=scope.user, at=at, reason=reason
    )
    return await _put(connection, scope, FLOW.name, wanted)


async def past(connection: Connection, scope: Scope, kind: str, id: str) -> list[Past]:
    """Every change of a record, newest first. Raises Denied."""
    return await configured.past(connection, scope, kind, id)


async def _put(connection: Connection, scope: Scope, kind: str, wanted: Change) -> Value:
    value = await change(connection, KINDS[kind], wanted)
    if value is None:
        raise Missing(wanted.id)
    return value

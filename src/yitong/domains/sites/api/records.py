"""The audit log, and the reasons of the desk's menu."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from yitong.domains.sites.api.paging import Cursor, Limit
from yitong.domains.sites.api.shapes import Page
from yitong.domains.sites.store import configured, people
from yitong.kit.audit import Entry, entries, verify
from yitong.kit.database import Database
from yitong.kit.http import Caller, from_cursor, iso, need, part, to_cursor

router = APIRouter()


@router.get("/reasons", tags=["desk"])
async def reasons(caller: Caller = need(), database: Database = part(Database)) -> Page:
    """The reasons for not being ready, for the desk's menu."""
    async with database.transaction() as connection:
        found = await configured.reasons(connection, caller.scope)
    return Page(items=[{"id": one["id"], "code": one["code"], "name": one["name"]} for one in found])


@router.get("/config/audit", tags=["configuration"])
async def audit_log(
    cursor: Cursor = "", limit: Limit = 50, caller: Caller = need("audit.read"), database: Database = part(Database)
) -> Page:
    """What was done and looked at, newest first."""
    before = from_cursor(cursor, tuple[int])[0] if cursor else 2**62
    async with database.transaction() as connection:
        found = await entries(connection, caller.tenant, before=max(1, min(before, 2**62)), limit=limit + 1)
        names = await people.names_of_users(connection, caller.scope, {entry.actor for entry in found})
    more = to_cursor(found[limit - 1].number) if len(found) > limit else None
    return Page(items=[_shown(entry, names) for entry in found[:limit]], next=more)


@router.get("/config/audit/verify", tags=["configuration"])
async def audit_verify(caller: Caller = need("audit.read"), database: Database = part(Database)) -> dict[str, Any]:
    """Walk the whole chain; names the first entry that is not as it was written."""
    async with database.transaction() as connection:
        fault = await verify(connection, caller.tenant)
    return {"intact": fault is None, "first_bad": fault.number if fault else None, "code": fault.code if fault else None}


def _shown(entry: Entry, names: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": entry.number, "at": iso(entry.at), "actor": entry.actor or None, "actor_name": names.get(entry.actor),
        "action": entry.action, "kind": entry.kind, "object": entry.object, "details": dict(entry.details), "hash": entry.hash.hex(),
    }  # fmt: skip

"""Whose talks a supervisor may have recorded."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.scope import Scope


async def supervised(connection: AsyncConnection, scope: Scope, site: str, agent: str) -> bool:
    """Whether the agent is of a team that the caller supervises at ``site``; with ``contacts.all`` anyone there is."""
    found = await connection.scalar(
        text("""
            select true from agents a where a.tenant_id = :tenant and a.id = cast(:agent as uuid)
              and a.site_id = cast(nullif(:site, '') as uuid) and a.site_id = any(cast(:sites as uuid[]))
              and (:all or a.team_id = any(cast(:teams as uuid[])))"""),
        {
            "tenant": scope.tenant, "agent": agent, "site": site, "sites": sorted(scope.sites), "teams": sorted(scope.teams),
            "all": scope.may("contacts.all"),
        },
    )  # fmt: skip
    return bool(found)

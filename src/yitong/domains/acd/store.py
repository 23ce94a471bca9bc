"""Which agents a person may see."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.scope import Scope


async def sendable(connection: AsyncConnection, scope: Scope) -> list[dict[str, Any]]:
    """Prompts that say something by themselves (pieces of others have a dot in their code), and fax documents."""
    rows = await connection.execute(
        text("""
            select 'prompt' as kind, code, to_jsonb(min(text)) as name from prompts
            where tenant_id = :tenant and position('.' in code) = 0 group by code
            union all select 'fax', code, name from fax_documents where tenant_id = :tenant order by kind, code"""),
        {"tenant": scope.tenant},
    )
    return [dict(row) for row in rows.mappings()]


async def distant(connection: AsyncConnection, scope: Scope) -> list[dict[str, Any]]:
    """People of other sites of ours, as the links there name them, in the shape of colleagues."""
    rows = await connection.execute(
        text("""
            select 'distant-' || (one.value->>'number') as id, one.value->>'number' as extension, one.value->>'name' as name,
                   t.name as team, 'distant' as state, null as since, true as reachable
            from trunks t, jsonb_array_elements(t.distant) as one
            where t.tenant_id = :tenant and t.link and t.enabled and one.value->>'name' <> '' and one.value->>'number' ~ '^[0-9]+$'
            order by t.code, extension"""),
        {"tenant": scope.tenant},
    )
    return [dict(row) for row in rows.mappings()]


async def agents(connection: AsyncConnection, scope: Scope, site: str) -> list[dict[str, Any]]:
    """The agents of the teams one supervises at ``site``; with ``contacts.all`` every one there."""
    rows = await connection.execute(
        text("""
            select a.id, a.extension, a.name, a.team_id as team_id, t.name as team from agents a
            join teams t on (t.tenant_id, t.id) = (a.tenant_id, a.team_id)
            join users u on (u.tenant_id, u.id) = (a.tenant_id, a.user_id)
            where a.tenant_id = :tenant and a.site_id = cast(nullif(:site, '') as uuid) and a.site_id = any(cast(:sites as uuid[]))
              and u.active and (:all or a.team_id = any(cast(:teams as uuid[])))
            order by a.extension"""),
        {
            "tenant": scope.tenant, "site": site, "sites": sorted(scope.sites), "teams": sorted(scope.teams),
            "all": scope.may("contacts.all"),
        },
    )  # fmt: skip
    return [dict(row) for row in rows.mappings()]

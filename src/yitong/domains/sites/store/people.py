"""Users with what belongs to them (agent, SIP account, roles), and the realm of their telephones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.records import Place
from yitong.kit.scope import Scope

_USERS = """
select u.id, u.version, u.username, u.name, u.language, coalesce(u.site_id, a.site_id)::text as site, not u.active as disabled,
  a.id as agent, a.version as agent_version, coalesce(a.extension, '') as extension, a.team_id::text as team,
  coalesce(a.may_call, '[]') as may_call,
  s.id as account, s.version as account_version, s.extension as account_extension, coalesce(s.srtp, 'off') as srtp,
  array(select r.code from user_roles ur join roles r on (r.tenant_id, r.id) = (ur.tenant_id, ur.role_id)
        where (ur.tenant_id, ur.user_id) = (u.tenant_id, u.id) order by r.code) as roles,
  coalesce((select jsonb_object_agg(k.skill_id, k.level) from agent_skills k
            where (k.tenant_id, k.agent_id) = (a.tenant_id, a.id)), '{}') as skills
from users u
left join agents a on (a.tenant_id, a.user_id) = (u.tenant_id, u.id)
left join sip_accounts s on (s.tenant_id, s.agent_id) = (a.tenant_id, a.id) and s.kind = 'phone'
where u.tenant_id = :tenant and (cast(:id as uuid) is null or u.id = :id)
  and (cast(:after as uuid) is null or (u.username, u.id) > (:username, cast(:after as uuid)))
order by u.username, u.id
limit :limit
"""


async def users(
    connection: AsyncConnection, scope: Scope, id: str | None = None, *, after: Place | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """The tenant's users (or one, or at most ``limit`` behind ``after``) by username, each with his agent and account; never a password
    or a SIP secret."""
    scope.require("config.read" if scope.may("config.read") else "users.manage")
    username, last = after or (None, None)
    rows = await connection.execute(text(_USERS), {"tenant": scope.tenant, "id": id, "username": username, "after": last, "limit": limit})
    return [dict(row) for row in rows.mappings()]


async def role_ids(connection: AsyncConnection, scope: Scope, codes: Iterable[str]) -> dict[str, str]:
    """Role codes of the tenant with their ids; an unknown code is missing."""
    rows = await connection.execute(
        text("select code, id from roles where tenant_id = :tenant and code = any(:codes)"), {"tenant": scope.tenant, "codes": list(codes)}
    )
    return {row.code: row.id for row in rows}


async def names_of_users(connection: AsyncConnection, scope: Scope, ids: Iterable[str]) -> dict[str, Any]:
    """Names of users of the tenant, by id."""
    rows = await connection.execute(
        text("select id, name from users where tenant_id = :tenant and id = any(cast(:ids as uuid[]))"),
        {"tenant": scope.tenant, "ids": [id for id in ids if id]},
    )
    return {row.id: row.name for row in rows}


async def realm_of(connection: AsyncConnection, tenant: str) -> str:
    """The realm in which the tenant's telephones authenticate: what most accounts say, else the tenant's code."""
    found = await connection.scalar(
        text("""
            select coalesce(
              (select realm from sip_accounts where tenant_id = :tenant group by realm order by count(*) desc limit 1),
              (select code from tenants where id = :tenant))"""),
        {"tenant": tenant},
    )
    return str(found)

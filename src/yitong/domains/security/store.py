"""Users, passwords and sessions in PostgreSQL."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.security.model import ABSOLUTE, IDLE, Login, Session
from yitong.kit.clock import moment
from yitong.kit.scope import Scope

_SESSION = """
  s.id::text, s.tenant_id::text as tenant, s.user_id::text as "user", u.active,
  (extract(epoch from s.used_at) * 1000000)::bigint as used_at,
  (extract(epoch from s.idle_until) * 1000000)::bigint as idle_until,
  (extract(epoch from s.expires_at) * 1000000)::bigint as expires_at,
  coalesce((extract(epoch from s.ended_at) * 1000000)::bigint, 0) as ended_at,
  coalesce((extract(epoch from s.locked_at) * 1000000)::bigint, 0) as locked_at
"""

_WHO = f"""
select {_SESSION}, u.username, u.language, u.site_id::text as user_site,
  a.id::text as agent, a.extension, a.team_id::text as team, a.site_id::text as agent_site,
  array(select r.code from user_roles ur join roles r on (r.tenant_id, r.id) = (ur.tenant_id, ur.role_id)
        where (ur.tenant_id, ur.user_id) = (u.tenant_id, u.id) order by r.code) as roles,
  array(select distinct rr.right_code from user_roles ur join role_rights rr on (rr.tenant_id, rr.role_id) = (ur.tenant_id, ur.role_id)
        where (ur.tenant_id, ur.user_id) = (u.tenant_id, u.id)) as rights,
  array(select t.team_id::text from team_supervisors t where (t.tenant_id, t.user_id) = (u.tenant_id, u.id)) as teams,
  array(select i.id::text from sites i where i.tenant_id = u.tenant_id and (u.site_id is null or i.id = u.site_id)
        order by i.created_at, i.id) as sites
from sessions s
join users u on (u.tenant_id, u.id) = (s.tenant_id, s.user_id)
left join agents a on (a.tenant_id, a.user_id) = (u.tenant_id, u.id)
"""

_LOGIN = """
select u.tenant_id::text as tenant, u.id::text as "user", u.username, u.active, coalesce(p.hash, '') as hash
from users u
join tenants t on t.id = u.tenant_id
left join user_passwords p on (p.tenant_id, p.user_id) = (u.tenant_id, u.id)
where u.username = :username and (:tenant = '' or t.code = :tenant)
order by t.created_at, t.id
limit 1
"""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A session with everything that its caller may do."""

    session: Session
    username: str
    language: str
    site: str
    scope: Scope
    agent: str
    extension: str
    team: str
    roles: tuple[str, ...]


async def find_login(connection: AsyncConnection, tenant: str, username: str) -> Login | None:
    """The user called ``username`` of the tenant with code ``tenant``; of the oldest tenant that has one when it is empty."""
    row = (await connection.execute(text(_LOGIN), {"username": username.lower(), "tenant": tenant})).mappings().first()
    return None if row is None else msgspec.convert(dict(row), Login)


async def login_of(connection: AsyncConnection, scope: Scope) -> Login | None:
    """The caller's own login."""
    row = await connection.execute(
        text("""
            select u.tenant_id::text as tenant, u.id::text as "user", u.username, u.active, coalesce(p.hash, '') as hash
            from users u left join user_passwords p on (p.tenant_id, p.user_id) = (u.tenant_id, u.id)
            where u.tenant_id = :tenant and u.id = :user"""),
        {"tenant": scope.tenant, "user": scope.user},
    )
    found = row.mappings().first()
    return None if found is None else msgspec.convert(dict(found), Login)


async def was_in_from(connection: AsyncConnection, login: Login, source: str) -> bool:
    """Whether the user ever signed in from ``source``."""
    found = await connection.execute(
        text("select 1 from sessions where tenant_id = :tenant and user_id = :user and address = cast(:source as inet) limit 1"),
        {"tenant": login.tenant, "user": login.user, "source": source},
    )
    return found.first() is not None


async def begin_session(
    connection: AsyncConnection, login: Login, *, id: str, hash: bytes, now: int, source: str, agent_text: str
) -> Session:
    """Store a new session; its token is known only to who signed in."""
    session = Session(id=id, tenant=login.tenant, user=login.user, used_at=now, idle_until=now + IDLE, expires_at=now + ABSOLUTE)
    await connection.execute(
        text("""
            insert into sessions (tenant_id, id, token_hash, user_id, created_at, used_at, idle_until, expires_at, address, agent_text)
            values (:tenant, :id, :hash, :user, :now, :now, :idle, :expires, cast(nullif(:source, '') as inet), :agent_text)"""),
        {
            "tenant": login.tenant, "id": id, "hash": hash, "user": login.user, "now": moment(now), "idle": moment(session.idle_until),
            "expires": moment(session.expires_at), "source": source, "agent_text": agent_text,
        },
    )  # fmt: skip
    return session


async def find_caller(connection: AsyncConnection, hash: bytes) -> Found | None:
    """The session of a token with its user's rights, whether it is over or not; None for a token that was never given out."""
    row = (await connection.execute(text(f"{_WHO} where s.token_hash = :hash"), {"hash": hash})).mappings().first()
    return None if row is None else _found(row)


async def find_session(connection: AsyncConnection, tenant: str, id: str) -> Found | None:
    """The same by the session's id, which whoever asks must have from us."""
    rows = await connection.execute(text(f"{_WHO} where s.tenant_id = :tenant and s.id = :id"), {"tenant": tenant, "id": id})
    row = rows.mappings().first()
    return None if row is None else _found(row)


def _found(row: RowMapping) -> Found:
    sites = tuple(row["sites"])
    session = msgspec.convert({name: row[name] for name in Session.__struct_fields__}, Session)
    scope = Scope(
        tenant=session.tenant, user=session.user, sites=frozenset(sites), teams=frozenset(row["teams"]), rights=frozenset(row["rights"])
    )
    return Found(
        session=session, username=row["username"], language=row["language"], scope=scope, roles=tuple(row["roles"]),
        site=row["agent_site"] or row["user_site"] or (sites[0] if sites else ""),
        agent=row["agent"] or "", extension=row["extension"] or "", team=row["team"] or "",
    )  # fmt: skip


async def mark_used(connection: AsyncConnection, session: Session, now: int) -> None:
    """Move the idle limit of a living session."""
    await connection.execute(
        text("""
            update sessions set used_at = :now, idle_until = :idle
            where tenant_id = :tenant and id = :id and ended_at is null and idle_until > :now and used_at < :now"""),
        {"tenant": session.tenant, "id": session.id, "now": moment(now), "idle": moment(now + IDLE)},
    )


async def lock_session(connection: AsyncConnection, tenant: str, id: str, now: int, hash: str) -> None:
    """Lock one session; ``hash`` is that of a password for this lock, or empty."""
    await connection.execute(
        text("update sessions set locked_at = :now, lock_hash = :hash where tenant_id = :tenant and id = :id and ended_at is null"),
        {"tenant": tenant, "id": id, "now": moment(now), "hash": hash},
    )


async def lock_hash(connection: AsyncConnection, tenant: str, id: str) -> str:
    """The hash of the password that was given for the lock, or empty."""
    row = await connection.execute(
        text("select lock_hash from sessions where tenant_id = :tenant and id = :id"), {"tenant": tenant, "id": id}
    )
    return str(row.scalar() or "")


async def unlock_sessions(connection: AsyncConnection, tenant: str, *, id: str = "", user: str = "") -> list[str]:
    """Unlock a session, or all of a user; returns those that were locked."""
    rows = await connection.execute(
        text("""
            update sessions set locked_at = null, lock_hash = ''
            where tenant_id = :tenant and locked_at is not null and ended_at is null
              and (id = cast(nullif(:id, '') as uuid) or user_id = cast(nullif(:user, '') as uuid))
            returning id::text"""),
        {"tenant": tenant, "id": id, "user": user},
    )
    return [str(row[0]) for row in rows]


async def user_of_agent(connection: AsyncConnection, scope: Scope, agent: str) -> str:
    """The user behind an agent of the teams that one supervises (with ``contacts.all``: of one's sites); empty when there is none."""
    row = await connection.execute(
        text("""
            select user_id::text from agents where tenant_id = :tenant and id = :agent and site_id = any(cast(:sites as uuid[]))
              and (:all or team_id = any(cast(:teams as uuid[])))"""),
        {
            "tenant": scope.tenant, "agent": agent, "sites": sorted(scope.sites), "teams": sorted(scope.teams),
            "all": scope.may("contacts.all"),
        },
    )  # fmt: skip
    return str(row.scalar() or "")


async def end_session(connection: AsyncConnection, tenant: str, id: str, now: int) -> None:
    """End one session."""
    await connection.execute(
        text("update sessions set ended_at = :now where tenant_id = :tenant and id = :id and ended_at is null"),
        {"tenant": tenant, "id": id, "now": moment(now)},
    )


async def end_sessions_of(connection: AsyncConnection, tenant: str, user: str, now: int) -> list[str]:
    """End every session of a user; returns their ids."""
    rows = await connection.execute(
        text("update sessions set ended_at = :now where tenant_id = :tenant and user_id = :user and ended_at is null returning id::text"),
        {"tenant": tenant, "user": user, "now": moment(now)},
    )
    return [str(row[0]) for row in rows]


async def end_overdue(connection: AsyncConnection, now: int) -> list[tuple[str, str]]:
    """End the sessions past a limit of theirs; returns (tenant, session)."""
    rows = await connection.execute(
        text("""update sessions set ended_at = :now where ended_at is null and (idle_until <= :now or expires_at <= :now)
                returning tenant_id::text, id::text"""),
        {"now": moment(now)},
    )
    return [(str(row[0]), str(row[1])) for row in rows]


async def sessions_now(connection: AsyncConnection, ids: list[str]) -> dict[str, Session]:
    """The sessions with these ids as they stand; one that was deleted is missing."""
    rows = await connection.execute(
        text(f"""select {_SESSION} from sessions s join users u on (u.tenant_id, u.id) = (s.tenant_id, s.user_id)
                 where s.id = any(cast(:ids as uuid[]))"""),
        {"ids": ids},
    )
    return {row["id"]: msgspec.convert(dict(row), Session) for row in rows.mappings()}


async def set_password(connection: AsyncConnection, tenant: str, user: str, hash: str) -> None:
    """Replace a user's password hash."""
    await connection.execute(
        text("""
            insert into user_passwords (tenant_id, user_id, hash) values (:tenant, :user, :hash)
            on conflict (tenant_id, user_id) do update set hash = excluded.hash, must_change = false, changed_at = now()"""),
        {"tenant": tenant, "user": user, "hash": hash},
    )


async def set_language(connection: AsyncConnection, scope: Scope, language: str) -> None:
    """The caller's own language."""
    await connection.execute(
        text("update users set language = :language where tenant_id = :tenant and id = :user"),
        {"tenant": scope.tenant, "user": scope.user, "language": language},
    )


async def profile(connection: AsyncConnection, scope: Scope, team: str, site: str) -> dict[str, Any]:
    """Names around the caller: his own, his tenant's, site's and team's."""
    row = await connection.execute(
        text("""
            select u.name, u.language,
              (select jsonb_build_object('id', t.id, 'code', t.code, 'name', t.name, 'zone', t.zone) from tenants t
                where t.id = u.tenant_id) as tenant,
              (select jsonb_build_object('id', s.id, 'code', s.code, 'name', s.name, 'zone', s.zone) from sites s
                where s.tenant_id = u.tenant_id and s.id = cast(nullif(:site, '') as uuid)) as site,
              (select jsonb_build_object('id', m.id, 'code', m.code, 'name', m.name) from teams m
                where m.tenant_id = u.tenant_id and m.id = cast(nullif(:team, '') as uuid)) as team
            from users u where u.tenant_id = :tenant and u.id = :user"""),
        {"tenant": scope.tenant, "user": scope.user, "team": team, "site": site},
    )
    found = row.mappings().first()
    return {} if found is None else dict(found)

"""The sums of agents' days as supervisors may look at them: the agents of their teams, with ``contacts.all`` those of their sites."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.reporting.rules.work import Open, Pause, Work
from yitong.kit.scope import Scope

_SUMS = ", ".join(f"sum(d.{name})::bigint as {name}" for name in Work.__struct_fields__)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Days of the agents' sites, both included (ISO); "" for ``team`` and ``agent`` means any. ``by_day``: each day by itself."""

    first: str
    last: str
    team: str = ""
    agent: str = ""
    by_day: bool = False


async def people(connection: AsyncConnection, scope: Scope, wanted: Wanted) -> list[dict[str, Any]]:
    """The agents that the caller may see, by extension; ``active``: he may sign in. ``open``: the state that still lasts."""
    rows = await connection.execute(
        text("""
            select a.id, a.extension, a.name, t.name as team, s.zone, u.active, f.value -> 'open' as open
            from agents a join teams t on (t.tenant_id, t.id) = (a.tenant_id, a.team_id)
            join sites s on (s.tenant_id, s.id) = (a.tenant_id, a.site_id)
            join users u on (u.tenant_id, u.id) = (a.tenant_id, a.user_id)
            left join agent_folds f on (f.tenant_id, f.agent_id) = (a.tenant_id, a.id)
            where a.tenant_id = :tenant and a.site_id = any(cast(:sites as uuid[])) and (:all or a.team_id = any(cast(:teams as uuid[])))
              and (cast(:team as uuid) is null or a.team_id = cast(:team as uuid))
              and (cast(:agent as uuid) is null or a.id = cast(:agent as uuid))
            order by a.extension, a.id"""),
        {
            "tenant": scope.tenant, "sites": sorted(scope.sites), "all": scope.may("contacts.all"), "teams": sorted(scope.teams),
            "team": wanted.team or None, "agent": wanted.agent or None,
        },
    )  # fmt: skip
    return [dict(row) | {"zone": ZoneInfo(row["zone"]), "open": _open(row["open"])} for row in rows.mappings()]


def _open(held: dict[str, Any] | None) -> Open | None:
    return None if held is None else Open(state=held["state"], reason=held["reason"], began_at=held["began_at"])


async def sums(connection: AsyncConnection, scope: Scope, ids: list[str], wanted: Wanted) -> dict[tuple[str, str], Work]:
    """What agents that the caller was found to be allowed to see did, by agent and day ("": the whole period)."""
    rows = await connection.execute(
        text(f"""
            select d.agent_id, case when :by_day then d.day::text else '' end as on_day, {_SUMS} from agent_days d
            where d.tenant_id = :tenant and d.agent_id = any(cast(:ids as uuid[]))
              and d.day between cast(:first as date) and cast(:last as date)
            group by 1, 2"""),
        _period(scope, ids, wanted),
    )
    return {(row["agent_id"], row["on_day"]): Work(**{name: row[name] for name in Work.__struct_fields__}) for row in rows.mappings()}


async def pauses(connection: AsyncConnection, scope: Scope, ids: list[str], wanted: Wanted) -> dict[tuple[str, str], dict[str, Pause]]:
    """Their pauses by reason, as ``sums``."""
    rows = await connection.execute(
        text("""
            select p.agent_id, case when :by_day then p.day::text else '' end as on_day, p.reason, sum(p.pauses)::bigint as pauses,
              sum(p.not_ready_us)::bigint as spent from agent_pauses p
            where p.tenant_id = :tenant and p.agent_id = any(cast(:ids as uuid[]))
              and p.day between cast(:first as date) and cast(:last as date)
            group by 1, 2, 3"""),
        _period(scope, ids, wanted),
    )
    found: dict[tuple[str, str], dict[str, Pause]] = {}
    for row in rows:
        found.setdefault((row.agent_id, row.on_day), {})[row.reason] = Pause(pauses=row.pauses, not_ready_us=row.spent)
    return found


def _period(scope: Scope, ids: list[str], wanted: Wanted) -> dict[str, Any]:
    return {"tenant": scope.tenant, "ids": ids, "first": wanted.first, "last": wanted.last, "by_day": wanted.by_day}


async def reasons(connection: AsyncConnection, scope: Scope) -> dict[str, dict[str, str]]:
    """The names of the tenant's not-ready reasons, by id and by code, as agents' states have them."""
    rows = await connection.execute(
        text("select id, code, name from not_ready_reasons where tenant_id = :tenant order by code"), {"tenant": scope.tenant}
    )
    return {key: row.name for row in rows for key in (row.id, row.code)}

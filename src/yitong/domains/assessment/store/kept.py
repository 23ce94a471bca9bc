"""One assessment: begun from a recording, changed through ``kit/records.py`` with its history, found for whoever may see it.

Those with ``assessments.write`` see what belongs to agents of their teams (with ``contacts.all``: of their sites), drafts too, but nothing
of their own; with ``assessments.own`` one sees what was published about oneself.
"""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit import once
from yitong.kit.audit import audit
from yitong.kit.clock import moment
from yitong.kit.records import Change, Field, Kind, Value, change
from yitong.kit.scope import Scope

WRITE, OWN = "assessments.write", "assessments.own"
ASSESSMENT = Kind(
    name="assessment", table="assessments", code="state", published=False,
    fields=(
        Field("state", "state"), Field("marks", "marks", json=True), Field("comments", "comments", json=True), Field("note", "note"),
        Field("score", "score"), Field("passed", "passed"), Field("answer", "answer"), Field("settlement", "settlement"),
        Field("assessor", "assessor_id"),
    ),
)  # fmt: skip
"""What people change of one."""
STAMPS = {"published": "published_at", "answered": "answered_at", "settled": "settled_at"}

SEEN = """
s.tenant_id = :tenant and (
  (:writes and s.agent_id is distinct from cast(:agent as uuid) and s.site_id = any(cast(:sites as uuid[]))
    and (:all or a.team_id = any(cast(:teams as uuid[]))))
  or (:owns and s.agent_id = cast(:agent as uuid) and s.state <> 'draft'))
"""
"""Of ``assessments s`` joined to ``agents a``; parameters as ``who`` gives them."""
UNREAD = "s.agent_id = cast(:agent as uuid) and s.state <> 'draft' and s.read_at is null"
"""It is about the caller, and he has not read it since it was published or settled."""
COLUMNS = f"""
s.id, s.version, s.state, s.contact_id, s.recording_id, s.segment_id, s.agent_id, s.talked_at, s.sheet_id, s.sheet_version, s.sheet,
s.score, s.passed, s.published_at, s.answered_at, s.settled_at, s.assessor_id, a.name as agent, a.extension, a.team_id,
coalesce({UNREAD}, false) as unread,
(select t.name from teams t where (t.tenant_id, t.id) = (a.tenant_id, a.team_id)) as team,
(select u.name from users u where (u.tenant_id, u.id) = (s.tenant_id, s.assessor_id)) as assessor
"""
FROM = "from assessments s join agents a on (a.tenant_id, a.id) = (s.tenant_id, s.agent_id)"


def who(scope: Scope, agent: str) -> dict[str, Any]:
    """The parameters of SEEN."""
    return {
        "tenant": scope.tenant, "agent": agent or None, "sites": sorted(scope.sites), "all": scope.may("contacts.all"),
        "teams": sorted(scope.teams) if scope.may("contacts.team") else [], "writes": scope.may(WRITE), "owns": scope.may(OWN),
    }  # fmt: skip


async def sheets(connection: AsyncConnection, scope: Scope) -> list[dict[str, Any]]:
    """The score sheets in use, by code."""
    rows = await connection.execute(
        text("""
            select id, version, code, name, criteria, pass_percent from score_sheets where tenant_id = :tenant and enabled
            order by code, id"""),
        {"tenant": scope.tenant},
    )
    return [dict(row) for row in rows.mappings()]


async def recording(connection: AsyncConnection, scope: Scope, agent: str, id: str) -> dict[str, Any] | None:
    """A recording whose agent the caller may assess, also one that was deleted. ``own``: it is his own talk."""
    rows = await connection.execute(
        text("""
            select r.id, r.site_id, r.contact_id, r.segment_id, r.agent_id, r.began_at, f.deleted_at,
              coalesce(r.agent_id = cast(:agent as uuid), false) as own
            from recordings r join recording_files f on (f.tenant_id, f.id) = (r.tenant_id, r.id)
            join agents a on (a.tenant_id, a.id) = (r.tenant_id, r.agent_id)
            where r.tenant_id = :tenant and r.id = :id and r.contact_id is not null and r.site_id = any(cast(:sites as uuid[]))
              and (:all or a.team_id = any(cast(:teams as uuid[])))"""),
        who(scope, agent) | {"id": id},
    )
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def begin(connection: AsyncConnection, scope: Scope, id: str, of: dict[str, Any], sheet: dict[str, Any], *, at: int) -> bool:
    """A draft about a recording that the caller was found to be allowed to assess; false when that sheet was used for it before."""
    await once.mark(connection, scope.tenant, at)
    kept = {name: sheet[name] for name in ("name", "criteria", "pass_percent")}
    made = await connection.execute(
        text("""
            insert into assessments (tenant_id, id, site_id, contact_id, recording_id, segment_id, agent_id, talked_at, sheet_id,
              sheet_version, sheet, assessor_id, created_at, changed_at)
            values (:tenant, :id, :site_id, :contact_id, :recording, :segment_id, :agent_id, :began_at, :sheet_id, :sheet_version, :sheet,
              cast(:user as uuid), :at, :at)
            on conflict on constraint assessments_of_recording do nothing"""),
        {
            "tenant": scope.tenant, "id": id, "recording": of["id"], "user": scope.user, "at": moment(at), "sheet_id": sheet["id"],
            "sheet_version": sheet["version"], "sheet": Jsonb(kept),
            **{name: of[name] for name in ("site_id", "contact_id", "segment_id", "agent_id", "began_at")},
        },
    )  # fmt: skip
    if made.rowcount:
        await audit(
            connection, tenant=scope.tenant, at=at, actor=scope.user, action="assessment.made", kind="assessment", object=id,
            details={"recording": of["id"], "sheet": sheet["id"]},
        )  # fmt: skip
    return bool(made.rowcount)


async def one(connection: AsyncConnection, scope: Scope, agent: str, id: str) -> dict[str, Any] | None:
    """An assessment that the caller may see, whole. ``own``: it is about himself."""
    rows = await connection.execute(
        text(f"""
            select {COLUMNS}, s.marks, s.comments, s.note, s.answer, s.settlement,
              coalesce(s.agent_id = cast(:agent as uuid), false) as own
            {FROM} where s.id = :id and {SEEN}"""),
        who(scope, agent) | {"id": id},
    )
    row = rows.mappings().first()
    return None if row is None else dict(row)


async def read(connection: AsyncConnection, scope: Scope, agent: str, id: str, version: int, *, at: int) -> None:
    """The agent whom an assessment is about has read this version of it; one that was settled meanwhile still waits for him."""
    await connection.execute(
        text(f"update assessments s set read_at = :at where s.tenant_id = :tenant and s.id = :id and s.version = :version and {UNREAD}"),
        {"tenant": scope.tenant, "agent": agent, "id": id, "version": version, "at": moment(at)},
    )


async def alter(connection: AsyncConnection, scope: Scope, id: str, version: int, value: Value | None, *, at: int) -> None:
    """Change an assessment that the caller was found to be allowed to change; None: remove it. Raises Missing, Stale."""
    await change(connection, ASSESSMENT, Change(tenant=scope.tenant, id=id, version=version, value=value, actor=scope.user, at=at))
    state = value.get("state", "") if value is not None else ""
    if state in STAMPS:
        await connection.execute(
            text(f"update assessments set {STAMPS[state]} = :at, read_at = :read where tenant_id = :tenant and id = :id"),
            {"tenant": scope.tenant, "id": id, "at": moment(at), "read": moment(at) if state == "answered" else None},
        )
        await audit(connection, tenant=scope.tenant, at=at, actor=scope.user, action=f"assessment.{state}", kind="assessment", object=id)

"""What every route of assessments shares: who may come in, the entry in the audit log, how one is shown."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.assessment.model import Criterion, Sheet
from yitong.domains.assessment.rules import percent
from yitong.domains.assessment.store.kept import OWN, WRITE
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock
from yitong.kit.http import Caller, iso
from yitong.kit.scope import Denied


def reader(caller: Caller) -> Caller:
    """Somebody who assesses or is assessed. Raises Denied."""
    if not caller.may(WRITE) and not caller.may(OWN):
        raise Denied(OWN)
    return caller


async def looked(connection: AsyncConnection, caller: Caller, clock: SystemClock, action: str, id: str, **details: Any) -> None:
    """Who looked at what, from where."""
    await audit(
        connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action=action, kind="assessment", object=id,
        details={"source": caller.source, **details},
    )  # fmt: skip


def sheet_of(row: dict[str, Any]) -> Sheet:
    """The sheet as it was kept with an assessment."""
    kept = row["sheet"]
    criteria = tuple(msgspec.convert(one, Criterion) for one in kept["criteria"])
    return Sheet(id=row["sheet_id"], version=row["sheet_version"], name=kept["name"], criteria=criteria, pass_percent=kept["pass_percent"])


def listed(row: dict[str, Any]) -> dict[str, Any]:
    """An assessment as a list shows it."""
    return {
        "id": row["id"], "version": row["version"], "state": row["state"], "contact": row["contact_id"], "recording": row["recording_id"],
        "agent": {"id": row["agent_id"], "name": row["agent"], "extension": row["extension"]}, "team": row["team"],
        "talked_at": iso(row["talked_at"]), "percent": percent(row["score"]), "passed": row["passed"],
        "sheet": {"id": row["sheet_id"], "version": row["sheet_version"], "name": row["sheet"]["name"]},
        "assessor": row["assessor"], "published_at": iso(row["published_at"]), "answered_at": iso(row["answered_at"]),
        "settled_at": iso(row["settled_at"]), "unread": row["unread"],
    }  # fmt: skip


def whole(row: dict[str, Any]) -> dict[str, Any]:
    """An assessment with everything that was written to it. ``own``: it is about the caller."""
    sheet = {"criteria": row["sheet"]["criteria"], "pass_percent": row["sheet"]["pass_percent"]}
    written = {name: row[name] for name in ("marks", "comments", "note", "answer", "settlement", "own")}
    return listed(row) | written | {"sheet": listed(row)["sheet"] | sheet}

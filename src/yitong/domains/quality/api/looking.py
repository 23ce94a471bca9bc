"""What every look at contacts and recordings shares: the entry in the audit log, and how a recording is shown."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock
from yitong.kit.http import Caller, iso

_SHOWN = (
    "id", "segment_id", "agent_id", "milliseconds", "holds", "pauses", "demand", "complete", "form", "title", "note", "tags", "marks",
    "held", "version",
)  # fmt: skip


async def looked(connection: AsyncConnection, caller: Caller, clock: SystemClock, action: str, kind: str, id: str, **details: Any) -> None:
    """Who looked at what, from where."""
    await audit(
        connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action=action, kind=kind, object=id,
        details={"source": caller.source, **details},
    )  # fmt: skip


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A recording of a contact. ``state``: there, deleted (until ``purge_at`` it can be brought back), purged."""
    state = "purged" if row["purged_at"] else "deleted" if row["deleted_at"] else "there"
    return {name: row[name] for name in _SHOWN} | {
        "url": f"/api/v1/recordings/{row['id']}", "began_at": iso(row["began_at"]), "ended_at": iso(row["ended_at"]), "state": state,
        "deleted_at": iso(row["deleted_at"]), "purge_at": iso(row["purge_at"]), "delete_reason": row["delete_reason"],
    }  # fmt: skip

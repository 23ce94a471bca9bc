"""The fax mailbox as people may look at it: the faxes of one's sites."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import moment
from yitong.kit.scope import Scope

_VISIBLE = "f.tenant_id = :tenant and f.site_id = any(cast(:sites as uuid[]))"
_COLUMNS = """
f.id, f.contact_id, f.began_at, f.ended_at, f.sent, f.document, f.file, f.outcome, f.pages, f.rate, f.error_correction, f.t38,
(select p.value from personals p where (p.tenant_id, p.id) = (f.tenant_id, f.station_id)) as station
"""


async def faxes(
    connection: AsyncConnection, scope: Scope, *, sent: bool | None, contact: str, before: tuple[int, str] | None, limit: int
) -> list[dict[str, Any]]:
    """Newest first; ``before`` is the place after which the page begins (microseconds, id)."""
    at, id = (moment(before[0]), before[1]) if before else (None, None)
    rows = await connection.execute(
        text(f"""
            select {_COLUMNS} from faxes f
            where {_VISIBLE} and (cast(:sent as boolean) is null or f.sent = :sent)
              and (cast(:contact as uuid) is null or f.contact_id = cast(:contact as uuid))
              and (cast(:at as timestamptz) is null or (f.began_at, f.id) < (cast(:at as timestamptz), cast(:id as uuid)))
            order by f.began_at desc, f.id desc limit :limit"""),
        _who(scope) | {"sent": sent, "contact": contact or None, "at": at, "id": id, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def fax(connection: AsyncConnection, scope: Scope, id: str) -> dict[str, Any] | None:
    """One fax of a site that the caller may see."""
    rows = await connection.execute(text(f"select {_COLUMNS} from faxes f where {_VISIBLE} and f.id = :id"), _who(scope) | {"id": id})
    row = rows.mappings().first()
    return None if row is None else dict(row)


def _who(scope: Scope) -> dict[str, Any]:
    return {"tenant": scope.tenant, "sites": list(scope.sites)}

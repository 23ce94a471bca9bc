"""Trunks' sealed passwords as rows, for a change of keys."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from yitong.domains.sites.store.kinds import TRUNK
from yitong.kit.database import Connection
from yitong.kit.records import tell


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk's password as it is kept."""

    tenant: str
    trunk: str
    version: int
    password: str


async def passwords(connection: Connection) -> list[Kept]:
    """Those of all trunks that have one; nobody else changes them meanwhile."""
    rows = await connection.execute(
        text("select tenant_id, id, version, password from trunks where password <> '' order by tenant_id, id for update")
    )
    return [Kept(tenant=str(row[0]), trunk=str(row[1]), version=row[2], password=row[3]) for row in rows]


async def put_password(connection: Connection, kept: Kept, password: str, at: int) -> None:
    """The same password sealed anew: no new version of the trunk, but published again."""
    await connection.execute(
        text("update trunks set password = :password where tenant_id = cast(:tenant as uuid) and id = cast(:id as uuid)"),
        {"password": password, "tenant": kept.tenant, "id": kept.trunk},
    )
    await tell(connection, tenant=kept.tenant, kind=TRUNK.name, id=kept.trunk, version=kept.version, at=at)

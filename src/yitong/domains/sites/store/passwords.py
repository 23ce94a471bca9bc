"""Sealed passwords of trunks, of connections for text messages and of mail addresses as rows, for a change of keys."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from yitong.domains.sites.store.kinds import KINDS, MAIL_ACCOUNT, TEXT_LINE, TRUNK
from yitong.kit.database import Connection
from yitong.kit.records import tell


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A password as it is kept, in ``field`` of the record ``id`` of ``kind`` (trunk, text_line or mail_account)."""

    kind: str
    field: str
    tenant: str
    id: str
    version: int
    password: str


_FIELDS = (
    (TRUNK, "password"), (TEXT_LINE, "password"), (MAIL_ACCOUNT, "imap_password"), (MAIL_ACCOUNT, "smtp_password"),
)  # fmt: skip


async def passwords(connection: Connection) -> list[Kept]:
    """Those of all records that have one; nobody else changes them meanwhile."""
    found = []
    for kind, field in _FIELDS:
        rows = await connection.execute(
            text(f"select tenant_id, id, version, {field} from {kind.table} where {field} <> '' order by tenant_id, id for update")
        )
        found += [Kept(kind=kind.name, field=field, tenant=str(row[0]), id=str(row[1]), version=row[2], password=row[3]) for row in rows]
    return found


async def put_password(connection: Connection, kept: Kept, password: str, at: int) -> None:
    """The same password sealed anew: no new version of the record, but published again, if it is at all."""
    kind = KINDS[kept.kind]
    await connection.execute(
        text(f"update {kind.table} set {kept.field} = :password where (tenant_id, id) = (cast(:tenant as uuid), cast(:id as uuid))"),
        {"password": password, "tenant": kept.tenant, "id": kept.id},
    )
    if kind.published:
        await tell(connection, tenant=kept.tenant, kind=kept.kind, id=kept.id, version=kept.version, at=at)

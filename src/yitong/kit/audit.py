"""The audit log: what was done and what was looked at, added to only, each entry chained to the one before by SHA-256.

An entry holds no personal value: it names the object by its id. One chain per tenant; entries are numbered without a gap and made
one after another (advisory lock), so a removed, changed or inserted row is found by ``verify``, which names the first bad one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import microseconds, moment

_FIRST = bytes(32)
_STEP = 2_000


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log. ``actor``: user id, empty for the system; ``at``: UTC microseconds; ``details``: no floats, nothing personal."""

    tenant: str
    number: int
    at: int
    actor: str
    action: str
    kind: str
    object: str
    details: Mapping[str, Any]
    previous_hash: bytes
    hash: bytes = b""

    def digest(self) -> bytes:
        """What ``hash`` must be."""
        said = [self.tenant, self.number, self.at, self.actor, self.action, self.kind, self.object, self.details]
        plain = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(self.previous_hash + plain.encode()).digest()


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """The first entry that is not as it was written. ``code``: missing, chain_broken, changed."""

    number: int
    code: str


async def lock(connection: AsyncConnection, tenant: str) -> None:
    """Wait for the tenant's turn to add to his chain; held until the transaction ends. Take it before any row is locked."""
    await connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"audit:{tenant}"})


async def audit(
    connection: AsyncConnection,
    *,
    tenant: str,
    at: int,
    actor: str,
    action: str,
    kind: str,
    object: str,
    details: Mapping[str, Any] | None = None,
) -> Entry:
    """Add an entry within the caller's transaction: what is done and its entry are there together or not at all."""
    await lock(connection, tenant)
    last = (
        await connection.execute(
            text("select number, hash from audit where tenant_id = :tenant order by number desc limit 1"), {"tenant": tenant}
        )
    ).one_or_none()
    entry = Entry(
        tenant=tenant, number=last.number + 1 if last else 1, at=at, actor=actor, action=action, kind=kind, object=object,
        details=dict(details or {}), previous_hash=bytes(last.hash) if last else _FIRST,
    )  # fmt: skip
    entry = msgspec.structs.replace(entry, hash=entry.digest())
    await connection.execute(
        text(
            "insert into audit (tenant_id, number, at, actor, action, object_kind, object_id, details, previous_hash, hash)"
            " values (:tenant, :number, :at, :actor, :action, :kind, :object, :details, :previous_hash, :hash)"
        ),
        msgspec.structs.asdict(entry) | {"at": moment(at), "actor": actor or None, "details": Jsonb(entry.details)},
    )
    return entry


async def entries(connection: AsyncConnection, tenant: str, *, after: int = 0, before: int = 0, limit: int = 100) -> list[Entry]:
    """Entries with a number above ``after``, oldest first; with ``before`` those below it, newest first."""
    rule = "number < :before order by number desc" if before else "number > :after order by number"
    rows = await connection.execute(
        text(f"select * from audit where tenant_id = :tenant and {rule} limit :limit"),
        {"tenant": tenant, "limit": limit} | ({"before": before} if before else {"after": after}),
    )
    return [
        Entry(
            tenant=row.tenant_id, number=row.number, at=microseconds(row.at), actor=row.actor or "", action=row.action,
            kind=row.object_kind, object=row.object_id, details=row.details, previous_hash=bytes(row.previous_hash), hash=bytes(row.hash),
        )
        for row in rows
    ]  # fmt: skip


async def verify(connection: AsyncConnection, tenant: str) -> Fault | None:
    """Walk the whole chain; the first entry that is missing, does not follow its predecessor or was changed, else None."""
    number, previous = 0, _FIRST
    while step := await entries(connection, tenant, after=number, limit=_STEP):
        for entry in step:
            number += 1
            if entry.number != number:
                return Fault(number=number, code="missing")
            if entry.previous_hash != previous:
                return Fault(number=number, code="chain_broken")
            if entry.digest() != entry.hash:
                return Fault(number=number, code="changed")
            previous = entry.hash
    return None

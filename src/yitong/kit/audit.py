"""The audit log: what was done and what was looked at, added to only, each entry chained to the one before by SHA-256.

An entry holds no personal value: it names the object by its id. One chain per tenant; entries are numbered without a gap and made
one after another (advisory lock), so a removed, changed or inserted row is found by ``verify``, which names the first bad one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import microseconds
from yitong.kit.database import as_rows, direct

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


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry says, besides when and who."""

    action: str
    kind: str
    object: str
    details: Mapping[str, Any] = {}


INSERT = """
insert into audit (tenant_id, number, at, actor, action, object_kind, object_id, details, previous_hash, hash)
select tenant, number, to_timestamp(at::float8 / 1000000), cast(nullif(actor, '') as uuid), action, kind, object, details,
  decode(previous_hash, 'hex'), decode(hash, 'hex')
from json_to_recordset(%s) as r (tenant uuid, number bigint, at bigint, actor text, action text, kind text, object text, details jsonb,
  previous_hash text, hash text)"""


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
    said = Said(action=action, kind=kind, object=object, details=details or {})
    return (await audit_all(connection, tenant=tenant, at=at, actor=actor, said=[said]))[0]


async def audit_all(connection: AsyncConnection, *, tenant: str, at: int, actor: str, said: Sequence[Said]) -> list[Entry]:
    """Add entries, in their order, with one statement."""
    await lock(connection, tenant)
    made = await chained(connection, tenant=tenant, at=at, actor=actor, said=said)
    await (await direct(connection)).execute(INSERT, (rows_of(made),))
    return made


async def chained(connection: AsyncConnection, *, tenant: str, at: int, actor: str, said: Sequence[Said]) -> list[Entry]:
    """Entries as they must follow the last one; they are not written. Take the ``lock`` before."""
    below = await direct(connection)
    last = await (
        await below.execute("select number, hash from audit where tenant_id = %s order by number desc limit 1", (tenant,))
    ).fetchone()
    first, previous = (last[0] + 1, bytes(last[1])) if last else (1, _FIRST)
    made: list[Entry] = []
    for number, one in enumerate(said, first):
        entry = Entry(
            tenant=tenant, number=number, at=at, actor=actor, action=one.action, kind=one.kind, object=one.object,
            details=dict(one.details), previous_hash=previous,
        )  # fmt: skip
        entry = msgspec.structs.replace(entry, hash=entry.digest())
        made.append(entry)
        previous = entry.hash
    return made


def rows_of(made: Sequence[Entry]) -> str:
    """Entries as the parameter of ``INSERT``."""
    return as_rows([
        msgspec.structs.asdict(entry) | {"hash": entry.hash.hex(), "previous_hash": entry.previous_hash.hex()} for entry in made
    ])  # fmt: skip


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

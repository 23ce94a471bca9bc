"""Configuration from PostgreSQL into the bucket that core and switch watch: all of it at the beginning, then what the outbox names.

The outbox rows are locked while their documents are compiled and put, so that two workers cannot put an older document over a newer
one; they are deleted in the same transaction, so that a crash puts again rather than forgets.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec
import structlog
from psycopg import AsyncConnection as Raw
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.sites.store import published
from yitong.kit.clock import Clock
from yitong.kit.database import OUTAGES as DATABASE_OUTAGES
from yitong.kit.database import Database
from yitong.kit.nats import OUTAGES as NATS_OUTAGES
from yitong.kit.nats import Bucket, Nats
from yitong.kit.records import Value
from yitong.kit.stream import follow

BUCKET = "config"
_STEP = 200
_LOOK_SECONDS = 5.0
_AGAIN_SECONDS = 1.0
_OUTAGES = (*DATABASE_OUTAGES, *NATS_OUTAGES)

_log = structlog.get_logger("yitong.configuration")


def document(value: Value) -> bytes:
    """A document as it stands in the bucket: JSON with its names in order, so that equal documents are equal bytes."""
    return msgspec.json.encode(value, order="deterministic")


class Configuration:
    """Keeps the bucket equal to the database."""

    def __init__(self, database: Database, nats: Nats, clock: Clock) -> None:
        self._database = database
        self._nats = nats
        self._clock = clock
        self._whole = True
        self.away = False
        nats.on_change(self._connection_changed)

    def _connection_changed(self, connected: bool) -> None:
        self._whole = self._whole or connected

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                async with self._database.raw() as raw:
                    await raw.set_autocommit(True)
                    await raw.execute("listen outbox")
                    await self._publish(raw)
            except _OUTAGES as error:
                self.away = True
                _log.warning("configuration waits", error=str(error)[:200])
            await self._clock.sleep(_AGAIN_SECONDS)

    async def _publish(self, raw: Raw) -> None:
        while True:
            if self._whole:
                self._whole = False
                await self.publish_all()
            while await self.publish_changes():
                pass
            self.away = False
            with suppress(TimeoutError):
                async for _ in raw.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                    pass

    async def publish_changes(self) -> int:
        """Put the documents of what the outbox names; returns how many rows were done."""
        bucket = await self._nats.bucket(BUCKET)
        async with self._database.transaction() as connection:
            rows = (
                await connection.execute(
                    text("select tenant_id, number, kind, object_id from outbox order by tenant_id, number limit :step for update"),
                    {"step": _STEP},
                )
            ).all()
            wanted = dict.fromkeys((row.tenant_id, row.kind, row.object_id) for row in rows)
            targets = {
                (tenant, *target): None for tenant, kind, id in wanted for target in await published.affected(connection, tenant, kind, id)
            }
            # Documents are compiled as they stand now, so a flow may already want prompts whose rows come after its own.
            for tenant, kind, id in sorted(targets, key=lambda target: published.PUBLISHED.index(target[1])):
                await self._put(connection, bucket, tenant, kind, id)
            if rows:
                await connection.execute(
                    text("delete from outbox where tenant_id = :tenant and number = :number"),
                    [{"tenant": row.tenant_id, "number": row.number} for row in rows],
                )
        return len(rows)

    async def _put(self, connection: AsyncConnection, bucket: Bucket, tenant: str, kind: str, id: str) -> None:
        value, key = await published.compiled(connection, tenant, kind, id), f"{tenant}.{kind}.{id}"
        if value is None:
            await bucket.delete(key)
        else:
            await bucket.put(key, document(value))

    async def publish_all(self) -> int:
        """Compare the whole bucket with the database and put right what differs; returns how many documents that was."""
        bucket = await self._nats.bucket(BUCKET)
        held = await self._held()
        count = 0
        async with self._database.transaction() as connection:
            for tenant in await published.tenants(connection):
                for kind in published.PUBLISHED:
                    for value in await published.compiled_all(connection, tenant, kind):
                        if kind == "tenant" and value["id"] != tenant:
                            continue
                        key, data = f"{tenant}.{kind}.{value['id']}", document(value)
                        if held.pop(key, None) != data:
                            await bucket.put(key, data)
                            count += 1
            known = set(await published.tenants(connection))
        for key in held:
            if key.partition(".")[0] in known:
                await bucket.delete(key)
                count += 1
        if count:
            _log.info("configuration published", documents=count)
        return count

    async def _held(self) -> dict[str, bytes]:
        prefix, held = f"$KV.{BUCKET}.", {}
        async for message in follow(self._nats, f"KV_{BUCKET}", prefix + ">", latest_only=True):
            if message is None:
                break
            if not message.deleted:
                held[message.subject.removeprefix(prefix)] = message.data
        return held

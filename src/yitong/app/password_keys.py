"""Keys that seal passwords of trunks and text message connections: what each opens, and a new one (``yitong keys list``, ``rotate``)."""

from __future__ import annotations

from collections import Counter

from yitong.domains.sites.store.passwords import passwords, put_password
from yitong.kit.clock import Clock
from yitong.kit.database import Database
from yitong.kit.sealed_text import Sealer, key_of


async def listed(database: Database, sealer: Sealer) -> list[str]:
    """A line per key."""
    async with database.transaction() as connection:
        used = Counter((one.tenant, key_of(one.password)) for one in await passwords(connection))
    lines = []
    for tenant in sorted({*sealer.keyring.owners(), *(tenant for tenant, _ in used)}):
        held = sealer.keyring.ids(tenant)
        for id in sorted({*held, *(id for owner, id in used if owner == tenant)}):
            said = "current" if held and id == held[-1] else "older" if id in held else "MISSING: these trunks have no password"
            lines.append(f"{tenant}  {id}  opens {used[tenant, id]} passwords of trunks  {said}")
    return lines


async def rotate(database: Database, sealer: Sealer, clock: Clock) -> list[str]:
    """A new key for every tenant that has such passwords, and all of them sealed with it; a line per tenant. Raises OSError, KeyMissing
    and Damaged: then all are as they were."""
    async with database.transaction() as connection:
        all_kept = await passwords(connection)
        fresh = {tenant: sealer.keyring.rotate(tenant) for tenant in sorted({one.tenant for one in all_kept})}
        for one in all_kept:
            purpose = f"{one.kind}.{one.field}"
            plain = sealer.open(one.tenant, purpose, one.password)
            await put_password(connection, one, sealer.seal(one.tenant, purpose, plain), clock.now())
    counts = Counter(one.tenant for one in all_kept)
    return [f"{tenant}  {id} seals from now on; it opens {counts[tenant]} passwords of trunks" for tenant, id in fresh.items()]

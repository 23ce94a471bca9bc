"""``yitong ledger rebuild``: drop every projection and make it anew from the ledger."""

from __future__ import annotations

from yitong.app.migrate import require_current
from yitong.domains.reporting.service import Projector
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.settings import Settings

_STATEMENT_SECONDS = 600.0


async def rebuild(settings: Settings) -> int:
    """Run it with progress on the terminal; returns the exit code. Calls go on meanwhile; lists fill up again as it proceeds."""
    clock = SystemClock()
    database = Database(settings.database_url, name="rebuild", size=1, statement_seconds=_STATEMENT_SECONDS)
    began = clock.monotonic()
    try:
        await require_current(database)
        count = await Projector(database, clock, RandomIds()).rebuild(lambda done: print(f"\r{done:,} events", end="", flush=True))
    finally:
        await database.close()
    print(f"\r{count:,} events folded in {clock.monotonic() - began:.1f} s")
    return 0

"""PostgreSQL for people who wait: no transaction is waited for longer than 1.7 s, and none is begun while it is known to be away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import Clock
from yitong.kit.database import OUTAGES, Database

PATIENCE_SECONDS = 1.7
ASKED_EVERY = 0.5


class PatientDatabase(Database):
    """A pool, and whether anybody is there. ``patience_seconds``: how long one transaction may take."""

    def __init__(self, url: str, clock: Clock, *, name: str, size: int = 10, patience_seconds: float = PATIENCE_SECONDS) -> None:
        super().__init__(url, name=name, size=size, statement_seconds=10.0)
        self._clock = clock
        self._patience = patience_seconds
        self._answered_at = clock.monotonic()
        self._refused = False
        self._overdue: set[object] = set()

    @property
    def away(self) -> bool:
        """It refuses us, or has not answered for as long as people wait, and a second more for the next question."""
        return self._refused or self._clock.monotonic() - self._answered_at > self._patience + ASKED_EVERY + 1.0

    @property
    def hangs(self) -> bool:
        """It is away, or a transaction has outlived its time and cannot even be given up."""
        return self.away or bool(self._overdue)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """As in Database; raises TimeoutError at once while it is away."""
        if self.away:
            raise TimeoutError("PostgreSQL is away")
        mark = object()
        late = asyncio.get_running_loop().call_later(self._patience, self._overdue.add, mark)
        try:
            async with asyncio.timeout(self._patience), super().transaction() as connection:
                yield connection
        finally:
            late.cancel()
            self._overdue.discard(mark)

    async def watch(self) -> None:
        """Ask whether it is there, for ever."""
        while True:
            try:
                async with asyncio.timeout(self._patience):
                    self._refused = not await self.there()
                if not self._refused:
                    self._answered_at = self._clock.monotonic()
            except OUTAGES:
                pass
            await self._clock.sleep(ASKED_EVERY)

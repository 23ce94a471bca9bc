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
ANSWERED_WITHIN = 1.0


class PatientDatabase(Database):
    """A pool, and whether anybody is there."""

    def __init__(self, url: str, clock: Clock, *, name: str, size: int = 10) -> None:
        super().__init__(url, name=name, size=size, statement_seconds=10.0)
        self._clock = clock
        self._asked_at: float | None = None
        self._answered = True

    @property
    def away(self) -> bool:
        """It did not answer the last question, or has not answered the present one for a second."""
        return not self._answered or (self._asked_at is not None and self._clock.monotonic() - self._asked_at > ANSWERED_WITHIN)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """As in Database; raises TimeoutError at once while it is away."""
        if self.away:
            raise TimeoutError("PostgreSQL is away")
        async with asyncio.timeout(PATIENCE_SECONDS), super().transaction() as connection:
            yield connection

    async def watch(self) -> None:
        """Ask whether it is there, for ever."""
        while True:
            self._asked_at = self._clock.monotonic()
            try:
                async with asyncio.timeout(ANSWERED_WITHIN):
                    self._answered = await self.there()
            except OUTAGES:
                self._answered = False
            self._asked_at = None
            await self._clock.sleep(ASKED_EVERY)

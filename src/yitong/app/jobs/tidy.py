"""What must be done now and then: partitions ahead, sessions that are over, the length of new prompts."""

from __future__ import annotations

import wave
from pathlib import Path

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact import store as ledger
from yitong.domains.reporting import store as projections
from yitong.domains.sites.store import published
from yitong.domains.sites.store.kinds import PROMPT
from yitong.kit import links, once
from yitong.kit.clock import SECOND, Clock, moment
from yitong.kit.database import OUTAGES, Database
from yitong.kit.records import Change, change, read_all

SESSIONS_KEPT_US = 7 * 24 * 3600 * SECOND
_EVERY_SECONDS = 10.0
_RARELY = 60  # every tenth minute

_log = structlog.get_logger("yitong.tidy")


class Tidy:
    """``faults`` is what the ledger's keeper must look at, by code: an alarm while it is not empty. ``behind``: events not folded yet."""

    def __init__(self, database: Database, clock: Clock, prompts: Path) -> None:
        self._database = database
        self._clock = clock
        self._prompts = prompts
        self.faults: dict[str, int] = {}
        self.behind = 0

    async def run(self) -> None:
        """For ever."""
        turn = 0
        while True:
            try:
                await self.once(rarely=turn % _RARELY == 0)
                turn += 1
            except OUTAGES as error:
                _log.info("tidying waits", error=str(error)[:200])
            await self._clock.sleep(_EVERY_SECONDS)

    async def once(self, *, rarely: bool = True) -> None:
        """Everything that is due; the alarms and new prompts every time, the rest ``rarely``."""
        now = self._clock.now()
        if rarely:
            async with self._database.transaction() as connection:
                made = await ledger.make_partitions(connection, now)
                await drop_old(connection, now)
            if made:
                _log.info("ledger partitions made", months=made)
        async with self._database.transaction() as connection:
            self.faults = await ledger.faults(connection)
            self.behind = await projections.events_behind(connection)
            await self._measure(connection, now)
        if self.faults:
            _log.error("the ledger needs a look", **self.faults)

    async def _measure(self, connection: AsyncConnection, now: int) -> None:
        """A prompt whose length is not known and whose file is there gets it."""
        for tenant in await published.tenants(connection):
            for prompt in await read_all(connection, PROMPT, tenant):
                length = 0 if prompt["milliseconds"] else milliseconds(self._prompts / prompt["file"])
                if length:
                    wanted = Change(
                        tenant=tenant, id=prompt["id"], version=prompt["version"], value={"milliseconds": length}, actor="", at=now,
                        reason="measured",
                    )  # fmt: skip
                    await change(connection, PROMPT, wanted)


def milliseconds(file: Path) -> int:
    """The length of a WAV file; 0 when it is not there or is none."""
    try:
        with wave.open(str(file), "rb") as sound:
            return round(sound.getnframes() * 1000 / sound.getframerate())
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return 0


async def drop_old(connection: AsyncConnection, now: int) -> None:
    """Sessions a week after their end, and the names of requests that were done."""
    await once.forget_old(connection, now)
    await links.forget_old(connection, now)
    await connection.execute(
        text("delete from sessions where least(expires_at, coalesce(ended_at, expires_at)) < :at"), {"at": moment(now - SESSIONS_KEPT_US)}
    )

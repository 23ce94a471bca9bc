"""Reading a stream into PostgreSQL: messages are collected while the last ones are written, and nothing is lost or doubled.

How far the stream was read stands in PostgreSQL and moves in the transaction of what was written. When PostgreSQL is away the reader
lets go of the stream, which keeps everything, and begins again after the last committed message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import Clock
from yitong.kit.database import OUTAGES, Database, direct
from yitong.kit.nats import Nats
from yitong.kit.stream import Stored, follow_in_lists

STEP = 1_000
_AGAIN_SECONDS = 0.5
_GATHER_SECONDS = 0.3
"""How long what comes is gathered before it is written: a transaction for many messages costs little more than for one."""

_log = structlog.get_logger("yitong.inbox")

Write = Callable[[list[Stored]], Awaitable[None]]


class Inbox:
    """One stream. ``write(messages)`` is called with what has come, in order, and with nothing once a second while nothing comes.

    It must commit its own work, and call ``read_to`` in the same transaction. ``begin()`` is called whenever reading begins again
    after the last committed message.
    """

    def __init__(
        self, database: Database, nats: Nats, clock: Clock, *, stream: str, subject: str, write: Write, begin: Callable[[], object] = int
    ) -> None:
        self._database = database
        self._nats = nats
        self._clock = clock
        self._stream = stream
        self._subject = subject
        self._write = write
        self._begin = begin
        self._made_at = ""
        self.away = False
        self.waiting = 0

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                after = await self._position()
                self._begin()
                self.away = False
                await self._drain(after)
            except OUTAGES as error:
                self.away = True
                _log.warning("database is away, the stream keeps what comes", stream=self._stream, error=str(error)[:200])
            await self._clock.sleep(_AGAIN_SECONDS)

    async def _drain(self, after: int) -> None:
        lists = follow_in_lists(
            self._nats, self._stream, self._subject, after=after, most=STEP, gather_seconds=_GATHER_SECONDS, clock=self._clock
        )  # fmt: skip
        async with aclosing(lists):
            async for messages in lists:
                self.waiting = messages[-1].pending if messages else 0
                await self._write(messages)

    async def _position(self) -> int:
        """The last message of the stream that is in PostgreSQL; 0 for a stream that was made anew since."""
        info = await self._nats.js.stream_info(self._stream)
        self._made_at = str(info.created)
        async with self._database.transaction() as connection:
            row = (
                await connection.execute(
                    text("select made_at, sequence from stream_positions where stream = :stream"), {"stream": self._stream}
                )
            ).one_or_none()
        return int(row.sequence) if row is not None and row.made_at == self._made_at and row.sequence <= info.state.last_seq else 0

    async def read_to(self, connection: AsyncConnection, sequence: int) -> None:
        """Everything up to message ``sequence`` is written, once this transaction is committed."""
        await (await direct(connection)).execute(
            "insert into stream_positions values (%s, %s, %s) on conflict (stream) do update"
            " set sequence = excluded.sequence, made_at = excluded.made_at"
            " where stream_positions.made_at <> excluded.made_at or stream_positions.sequence < excluded.sequence",
            (self._stream, self._made_at, sequence),
        )

"""Personal values from their stream into PostgreSQL, where they can be erased."""

from __future__ import annotations

import msgspec
import structlog

from yitong.app.jobs.inbox import Inbox
from yitong.contact import store
from yitong.contact.ledger import Personal
from yitong.kit.clock import Clock
from yitong.kit.database import OUTAGES, REFUSALS, Database
from yitong.kit.nats import Nats, decode
from yitong.kit.stream import Stored

_log = structlog.get_logger("yitong.personals")


class PersonalsWriter:
    """Writes what ``personal.{tenant}`` tells."""

    def __init__(self, database: Database, nats: Nats, clock: Clock) -> None:
        self._database = database
        self.unreadable = 0
        self.inbox = Inbox(database, nats, clock, stream="PERSONAL", subject="personal.>", write=self.write)

    async def write(self, messages: list[Stored]) -> None:
        """One transaction for all; what PostgreSQL does not take (an unknown tenant) is left out, and counted."""
        if not messages:
            return
        try:
            await self._write(messages)
        except OUTAGES:
            raise
        except REFUSALS:
            for message in messages:
                try:
                    await self._write([message])
                except OUTAGES:
                    raise
                except REFUSALS as error:
                    self.unreadable += 1
                    _log.error("personal values not written", subject=message.subject, error=type(getattr(error, "orig", error)).__name__)
            async with self._database.transaction() as connection:
                await self.inbox.read_to(connection, messages[-1].sequence)

    async def _write(self, messages: list[Stored]) -> None:
        async with self._database.transaction() as connection:
            await store.keep_personals(connection, [record for message in messages for record in self._records(message)])
            await self.inbox.read_to(connection, messages[-1].sequence)

    def _records(self, message: Stored) -> list[Personal]:
        try:
            records: list[Personal] = decode(message.data, list[Personal])
        except (msgspec.DecodeError, msgspec.ValidationError):
            self.unreadable += 1
            _log.error("personal values not understood", subject=message.subject)
            return []
        replaced = "\N{REPLACEMENT CHARACTER}"
        return [
            msgspec.structs.replace(record, value=record.value.replace("\0", replaced)) if "\0" in record.value else record
            for record in records
            if message.subject == f"personal.{record.tenant}"
        ]

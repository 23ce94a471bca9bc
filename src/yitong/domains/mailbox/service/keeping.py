"""Files of messages: what those hold of which nobody knows how they ended, and the removal of those that are gone."""

from __future__ import annotations

import asyncio
import hashlib

import structlog

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.mailbox.messages import SettleMessage
from yitong.domains.mailbox.model.sound import HEADER_BYTES, milliseconds_of
from yitong.domains.mailbox.store import work
from yitong.domains.mailbox.store.files import FAULTS, MessagesFolder
from yitong.domains.mailbox.store.work import Found
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, Database

EVERY_SECONDS = 5.0
QUIET_SECONDS = 5.0
"""A file that was written to more recently may still be written."""
_STEP = 200
_log = structlog.get_logger("yitong.keeping")


class Keeping:
    """``folder``: below it messages are named."""

    def __init__(self, database: Database, clock: Clock, core: Core, folder: MessagesFolder) -> None:
        self._database = database
        self._clock = clock
        self._core = core
        self._folder = folder

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.once()
            except OUTAGES as error:
                _log.info("messages wait", error=str(error)[:200])
            await self._clock.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """Everything that is there to do."""
        async with self._database.transaction() as connection:
            unsure, gone = await work.unsure(connection, _STEP), await work.gone(connection, _STEP)
        for one in unsure:
            await self._look(one)
        for one in gone:
            await self._delete(one)

    async def _look(self, one: Found) -> None:
        """Tell core what the file holds; nothing when it holds nothing."""
        held = await asyncio.to_thread(self._held, one)
        if held is None:
            return
        size, sha256 = held
        settle = SettleMessage(message=one.id, milliseconds=milliseconds_of(size), bytes=size, sha256=sha256)
        try:
            await self._core.obey(one.tenant, one.site, settle)
        except Refused as error:
            _log.info("core does not take what a message's file holds", message=one.id, code=error.code)

    def _held(self, one: Found) -> tuple[int, str] | None:
        """Length and digest; None while somebody may still write."""
        try:
            state = self._folder.path(one.file).stat()
            if self._clock.now() / SECOND - state.st_mtime < QUIET_SECONDS:
                return None
            data = self._folder.end(one.file)
        except (OSError, *FAULTS) as error:
            _log.info("a message's file holds nothing", message=one.id, error=repr(error)[:200])
            return 0, ""
        return (len(data), hashlib.sha256(data).hexdigest()) if len(data) > HEADER_BYTES else (0, "")

    async def _delete(self, one: Found) -> None:
        if one.file:
            await asyncio.to_thread(self._folder.remove, one.file)
        async with self._database.transaction() as connection:
            await work.deleted(connection, one)

"""Gives fetched mails to core, which lets them wait like any contact; asked again until it answers, and always about the same one."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.mail.messages import TakeMail
from yitong.domains.mail.store import work
from yitong.domains.mail.store.work import Coming
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, Database

LOOK_SECONDS = 1.0
AT_ONCE = 50
AGAIN_US = 2 * SECOND
REFUSED_AGAIN_US = 30 * SECOND
_log = structlog.get_logger("yitong.mail")


class Giving:
    """``fetched``: set when there is something new."""

    def __init__(self, database: Database, core: Core, clock: Clock, fetched: asyncio.Event) -> None:
        self._database = database
        self._core = core
        self._clock = clock
        self._fetched = fetched

    async def run(self) -> None:
        """For ever."""
        while True:
            self._fetched.clear()
            try:
                while await self.once() == AT_ONCE:
                    pass
            except OUTAGES as error:
                _log.info("mails wait", error=str(error)[:200])
            with suppress(TimeoutError):
                await asyncio.wait_for(self._fetched.wait(), LOOK_SECONDS)

    async def once(self) -> int:
        """Ask for everything that is due; how many there were."""
        async with self._database.transaction() as connection:
            mails = await work.coming(connection, AT_ONCE, self._clock.now())
        for mail in mails:
            await self._give(mail)
        return len(mails)

    async def _give(self, mail: Coming) -> None:
        """That core is asked is committed before: an answer that was lost is then looked for in the ledger first."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            known = await work.contact_of(connection, mail) if mail.asked else ""
            if known:
                await work.taken(connection, mail, known)
                return
            await work.ask(connection, mail, now)
        command = TakeMail(
            mail=mail.id, queue=mail.queue, sender=mail.sender, address=mail.address, account=mail.account, received_at=mail.received_at,
            thread=mail.thread,
        )  # fmt: skip
        try:
            contact = str(await self._core.obey(mail.tenant, mail.site, command))
        except Refused as error:
            _log.info("a mail waits for core", mail=mail.id, reason=error.code)
            at = now + (AGAIN_US if error.code == "core_unavailable" else REFUSED_AGAIN_US)
            async with self._database.transaction() as connection:
                await work.later(connection, mail, error.code, at)
            return
        async with self._database.transaction() as connection:
            await work.taken(connection, mail, contact)

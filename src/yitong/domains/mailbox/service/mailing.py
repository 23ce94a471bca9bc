"""Messages to e-mail: a queue in PostgreSQL, worked off by the worker with growing pauses, and a failure that people see.

A mail is claimed, handed over and settled in one transaction, so that two workers never send the same one; one that dies between the
server's answer and the commit sends it again, under the same Message-ID.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from yitong.domains.mailbox.model.mail import Mailer, Told, composed
from yitong.domains.mailbox.store import work
from yitong.domains.mailbox.store.files import MessagesFolder
from yitong.domains.mailbox.store.work import Mail
from yitong.kit.audit import audit
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, Connection, Database
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.kit.smtp import Undeliverable

TRIES = 10
EVERY_SECONDS = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 30 * SECOND, 3600 * SECOND
_BACK_US = 24 * 3600 * SECOND
"""Messages older than this get no mail when mailing is turned on."""
_log = structlog.get_logger("yitong.mailing")


def pause_after(tries: int) -> int:
    """How long to wait after so many tries (microseconds): 30 s, doubled each time, an hour at most."""
    return min(_FIRST_PAUSE << max(0, tries - 1), _LONGEST_PAUSE)


class Mailing:
    """``figures``: how many mails wait, and how many have failed for good."""

    def __init__(
        self, database: Database, clock: Clock, mailer: Mailer, folder: MessagesFolder, *, every_seconds: float = EVERY_SECONDS
    ) -> None:
        self._database = database
        self._clock = clock
        self._mailer = mailer
        self._folder = folder
        self._every = every_seconds
        self.figures: dict[str, int] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.once()
            except OUTAGES as error:
                _log.info("mailing waits", error=str(error)[:200])
            await self._clock.sleep(self._every)

    async def once(self) -> int:
        """Everything that is due now; returns how many were tried."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await work.enqueue(connection, now - _BACK_US, now)
        count = 0
        while await self._next():
            count += 1
        async with self._database.transaction() as connection:
            self.figures = await work.mails(connection)
        return count

    async def _next(self) -> bool:
        async with self._database.transaction() as connection:
            mail = await work.due(connection, self._clock.now())
            if mail is None:
                return False
            refused = await self._deliver(mail)
            await self._settle(connection, mail, refused)
            return True

    async def _deliver(self, mail: Mail) -> Undeliverable | None:
        """Hand it over; why not."""
        if not mail.there:
            return Undeliverable("message_gone", final=True)
        try:
            wav = await asyncio.to_thread(self._folder.sound_of_all, mail.file)
            await self._mailer.send(composed(self._told(mail), wav))
        except OSError as error:
            return Undeliverable(f"file: {error.strerror or 'it is not there'}", final=False)
        except (Damaged, KeyMissing) as error:
            return Undeliverable(f"file: {error}", final=False)
        except Undeliverable as refused:
            return refused
        return None

    def _told(self, mail: Mail) -> Told:
        at = datetime.fromtimestamp(mail.left_at // SECOND, ZoneInfo(mail.zone))
        name = mail.mailbox.get(mail.language) or next(iter(mail.mailbox.values()), "")
        return Told(
            id=mail.id, sender=self._mailer.sender, recipient=mail.recipient, mailbox=name, calling=mail.calling, customer=mail.customer,
            milliseconds=mail.milliseconds, left_at=at, language=mail.language,
        )  # fmt: skip

    async def _settle(self, connection: Connection, mail: Mail, refused: Undeliverable | None) -> None:
        now = self._clock.now()
        over = refused is not None and (refused.final or mail.tries + 1 >= TRIES)
        state = "sent" if refused is None else "failed" if over else "waiting"
        error = str(refused) if refused is not None else ""
        await work.settle(connection, mail, state=state, error=error, now=now, next_at=now + pause_after(mail.tries + 1))
        if state == "sent":
            await audit(
                connection, tenant=mail.tenant, at=now, actor="", action="message.mailed", kind="voice_message", object=mail.id, details={},
            )  # fmt: skip
        else:
            _log.warning("mail not delivered", message=mail.id, tries=mail.tries + 1, state=state, error=error[:200])

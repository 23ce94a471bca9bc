"""Sends what agents wrote, at most once: that a mail is being sent is committed before the server is asked.

What was refused for now is tried again; what nobody knows the outcome of (a worker that died, a connection lost after the last octet) is
*uncertain*, is shown as such, and is only sent again when somebody says so.
"""

from __future__ import annotations

import asyncio

import structlog

from yitong.domains.mail.model import Account
from yitong.domains.mail.store import work
from yitong.domains.mail.store.files import MailsFolder
from yitong.domains.mail.store.work import Going
from yitong.kit.audit import audit
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, Database
from yitong.kit.sealed_text import Sealer
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.kit.smtp import Smtp, Uncertain, Undeliverable

LOOK_SECONDS = 1.0
TRIES = 8
DOUBT_US = 240 * SECOND
"""Longer than every limit of a sending together: whoever began one before that is dead."""
_FIRST_PAUSE, _LONGEST_PAUSE = 15 * SECOND, 3600 * SECOND
_KEEP_SECONDS = 600.0
_log = structlog.get_logger("yitong.mail")


class Sending:
    """``figures``: mails by state; ``troubles``: accounts that cannot be read or cannot send, by reason."""

    def __init__(self, database: Database, clock: Clock, folder: MailsFolder, sealer: Sealer) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder
        self._sealer = sealer
        self.figures: dict[str, int] = {}
        self.troubles: dict[str, int] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.once()
            except OUTAGES as error:
                _log.info("mails wait", error=str(error)[:200])
            await self._clock.sleep(LOOK_SECONDS)

    async def once(self) -> int:
        """Everything that is due; how many were tried."""
        async with self._database.transaction() as connection:
            for tenant, id in await work.doubtful(connection, self._clock.now() - DOUBT_US):
                _log.warning("nobody knows whether a mail was sent", tenant=tenant, mail=id)
        count = 0
        while await self._next():
            count += 1
        async with self._database.transaction() as connection:
            self.figures, self.troubles = await work.counts(connection), await work.troubles(connection)
        return count

    async def _next(self) -> bool:
        async with self._database.transaction() as connection:
            mail = await work.claim(connection, self._clock.now())
            account = await work.account(connection, mail.tenant, mail.account) if mail is not None else None
        if mail is None:
            return False
        state, reason, trouble = await self._deliver(mail, account)
        await self._settle(mail, state, reason)
        if account is not None and trouble is not None:
            await self._stands(account, trouble)
        return True

    async def knock(self) -> None:
        """For ever: do servers that took nothing take any now? Their mails wait, and no try of theirs is spent on it."""
        while True:
            try:
                async with self._database.transaction() as connection:
                    stuck = await work.stuck(connection, self._clock.now())
                await asyncio.gather(*map(self._knock_at, stuck))
            except OUTAGES as error:
                _log.info("mail servers wait", error=str(error)[:200])
            await self._clock.sleep(LOOK_SECONDS)

    async def _knock_at(self, account: Account) -> None:
        try:
            await self._server(account).sign_in()
            trouble = ""
        except Undeliverable as refused:
            trouble = refused.code
        except (Damaged, KeyMissing):
            trouble = "password"
        await self._stands(account, trouble)

    async def _stands(self, account: Account, trouble: str) -> None:
        if trouble:
            _log.warning("a server takes no mail", account=account.id, reason=trouble)
        async with self._database.transaction() as connection:
            await work.sends(connection, account, trouble, self._clock.now())

    async def _deliver(self, mail: Going, account: Account | None) -> tuple[str, str, str | None]:
        """What became of it: the state, why, and why the server takes nothing ("": it does, None: nobody knows)."""
        if account is None:
            return "failed", "no_account", None
        try:
            octets = await asyncio.to_thread(self._folder.read, mail.file)
        except (OSError, Damaged, KeyMissing) as error:
            return "failed" if mail.tries >= TRIES else "waiting", f"file: {error}"[:200], None
        try:
            await self._server(account).hand_over(octets, mail.recipients)
        except Undeliverable as refused:
            _log.warning("a mail was not taken", mail=mail.id, tries=mail.tries, error=str(refused)[:200])
            over = not refused.code and (refused.final or mail.tries >= TRIES)
            return "failed" if over else "waiting", str(refused), refused.code
        except Uncertain as lost:
            _log.warning("nobody knows whether a mail was sent", mail=mail.id, error=str(lost)[:200])
            return "uncertain", str(lost), None
        except (Damaged, KeyMissing):
            return "waiting", "password", "password"
        return "sent", "", ""

    def _server(self, account: Account) -> Smtp:
        password = self._sealer.open(account.tenant, "mail_account.smtp_password", account.smtp_password)
        return Smtp(
            account.smtp_host, account.smtp_port, security=account.smtp_security, sender=account.address,
            username=account.smtp_username, password=password, trusted=account.tls_ca,
        )  # fmt: skip

    async def _settle(self, mail: Going, state: str, reason: str) -> None:
        now = self._clock.now()
        at = now + min(_FIRST_PAUSE << max(0, mail.tries - 1), _LONGEST_PAUSE) if state == "waiting" else now
        async with self._database.transaction() as connection:
            await audit(
                connection, tenant=mail.tenant, at=now, actor="", action=f"mail.{state}", kind="mail", object=mail.id,
                details={"tries": mail.tries},
            )  # fmt: skip
            await work.settle(connection, mail, state=state, reason=reason, at=at)


class Keeping:
    """Takes mails away whose time is over."""

    def __init__(self, database: Database, clock: Clock, folder: MailsFolder) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                while await self.once():
                    pass
            except OUTAGES as error:
                _log.info("mails' files wait", error=str(error)[:200])
            await self._clock.sleep(_KEEP_SECONDS)

    async def once(self) -> int:
        """How many went: the file first, so that one that is left over is found again by its row."""
        async with self._database.transaction() as connection:
            old = await work.old(connection, self._clock.now(), 100)
        for tenant, id, file in old:
            await asyncio.to_thread(self._folder.remove, file)
            async with self._database.transaction() as connection:
                await work.forget(connection, tenant, id)
        return len(old)

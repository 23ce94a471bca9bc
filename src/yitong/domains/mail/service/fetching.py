"""Reads the mailboxes of accounts, one connection each, and keeps every mail once: sealed on disk and in PostgreSQL, and only then marked
on the server. Who dies in between reads it again, and finds by its Message-ID that it is here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import structlog

from yitong.domains.mail.model import LARGEST_BYTES, Account, Address, Head, Place
from yitong.domains.mail.rules.parsing import head_of
from yitong.domains.mail.rules.threads import token_of
from yitong.domains.mail.store import work
from yitong.domains.mail.store.files import FORM, MailsFolder
from yitong.kit.clock import SECOND, Clock, moment
from yitong.kit.database import OUTAGES, Connection, Database
from yitong.kit.ids import Ids
from yitong.kit.imap import Folder, Found, ImapFault, Server
from yitong.kit.sealed_text import Sealer
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.kit.tasks import Tasks

LOOK_SECONDS = 3.0
IDLE_SECONDS = 15.0
POLL_SECONDS = 15.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 60.0
MOST_AT_ONCE = 20
MOST_ACCOUNTS = 100
_HOUR_US = 3600 * SECOND
_log = structlog.get_logger("yitong.mail")
_T = TypeVar("_T")


class Fetching:
    """``owner`` names this worker, the same after a restart; ``fetched`` is set whenever a mail was kept that a contact should have."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, folder: MailsFolder, sealer: Sealer, tasks: Tasks, owner: str) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._files = folder
        self._sealer = sealer
        self._tasks = tasks
        self._owner = owner
        self._threads = ThreadPoolExecutor(MOST_ACCOUNTS, "mail")
        """Its own: whoever waits for a server keeps a thread for it."""
        self._read: dict[tuple[str, str], tuple[int, asyncio.Task[None]]] = {}
        self.fetched = asyncio.Event()

    async def run(self) -> None:
        """For ever: read what is configured, and no more what is not."""
        try:
            while True:
                try:
                    async with self._database.transaction() as connection:
                        wanted = {(one.tenant, one.id): one for one in await work.accounts(connection)}
                    self._follow(wanted)
                except OUTAGES as error:
                    _log.info("mailboxes wait", error=str(error)[:200])
                await self._clock.sleep(LOOK_SECONDS)
        finally:
            for _, task in self._read.values():
                task.cancel()
            self._read.clear()

    def _follow(self, wanted: dict[tuple[str, str], Account]) -> None:
        for key, (version, task) in list(self._read.items()):
            if key not in wanted or wanted[key].version != version or task.done():
                task.cancel()
                del self._read[key]
        for key, account in list(wanted.items())[:MOST_ACCOUNTS]:
            if key not in self._read:
                task = self._tasks.start(self._always(account), f"mailbox {account.id}")
                self._read[key] = (account.version, task)

    async def _always(self, account: Account) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            reason = ""
            try:
                place = await self._owned(account)
                if place is not None:
                    await self._session(account, place)
                    pause = FIRST_PAUSE_SECONDS
            except ImapFault as error:
                reason = error.code
                _log.warning("mailbox cannot be read", account=account.id, reason=reason, error=str(error))
            except (Damaged, KeyMissing) as error:
                reason = "password"
                _log.warning("mailbox cannot be read", account=account.id, reason=reason, error=str(error))
            except OUTAGES as error:
                _log.info("mailbox waits", account=account.id, error=str(error)[:200])
            if reason:
                await self._say(account, "failed", reason)
            await self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS) if reason else FIRST_PAUSE_SECONDS

    async def _owned(self, account: Account) -> Place | None:
        async with self._database.transaction() as connection:
            return await work.own(connection, account, self._owner, self._clock.now())

    async def _say(self, account: Account, state: str, reason: str) -> None:
        try:
            async with self._database.transaction() as connection:
                await work.stands(connection, account, state, reason, self._clock.now())
        except OUTAGES as error:
            _log.info("mailbox waits", account=account.id, error=str(error)[:200])

    async def _thread(self, act: Callable[..., _T], *given: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act, *given)

    # --- one connection ------------------------------------------------------------------------------------------------------------

    async def _session(self, account: Account, place: Place) -> None:
        """Read until something fails, or another worker has the account."""
        password = await self._thread(self._sealer.open, account.tenant, "mail_account.imap_password", account.imap_password)
        folder = Folder(Server(
            host=account.imap_host, port=account.imap_port, security=account.imap_security, username=account.imap_username,
            password=password, folder=account.folder, trusted=account.tls_ca,
        ))  # fmt: skip
        try:
            await self._thread(folder.open)
            while True:
                place = await self._read_all(account, folder, place)
                await self._settle(account, folder)
                await self._say(account, "ok", "")
                if not await self._thread(folder.wait, IDLE_SECONDS):
                    await self._clock.sleep(POLL_SECONDS)
                owned = await self._owned(account)
                if owned is None:
                    return
        finally:
            folder.abort()

    async def _read_all(self, account: Account, folder: Folder, place: Place) -> Place:
        """Everything behind ``place``. Where the server numbers anew (or we never were here), what somebody has seen is left there."""
        anew = place.validity != folder.validity
        if anew:
            place = Place(validity=folder.validity)
        while found := await self._thread(lambda uid=place.uid: folder.after(uid, most=MOST_AT_ONCE, largest=LARGEST_BYTES, unseen=anew)):
            for one in found:
                place = Place(validity=folder.validity, uid=one.uid)
                if not await self._keep(account, place, one):
                    await self._thread(folder.settle, [one.uid], account.done_folder)
            await self._owned(account)
        if anew:
            async with self._database.transaction() as connection:
                await work.read_to(connection, account, place)
        return place

    async def _settle(self, account: Account, folder: Folder) -> None:
        async with self._database.transaction() as connection:
            uids = await work.undone(connection, account, folder.validity)
        if uids:
            await self._thread(folder.settle, uids, account.done_folder)
            async with self._database.transaction() as connection:
                await work.done(connection, account, folder.validity, uids)

    # --- one mail ------------------------------------------------------------------------------------------------------------------

    async def _keep(self, account: Account, place: Place, found: Found) -> bool:
        """False: it is here already, as another mail of the server's."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            ours = await work.addresses(connection, account.tenant)
        head = await self._thread(_head, found.octets, ours)
        id, at = self._ids.new(now), min(found.received_at, now)
        file = self._files.name(account.tenant, id, at)
        await self._thread(lambda: self._files.put(file, found.octets, FORM))
        async with self._database.transaction() as connection:
            added = not await work.known(connection, account, head.message_id)
            if added:
                thread, token = await work.thread_of(connection, account.tenant, head)
                why = "" if head.kind == "person" else head.kind
                if not why and await self._floods(connection, account, head, at):
                    why = "flood"
                if head.kind == "bounce" and head.failed:
                    await work.returned(connection, account.tenant, head.failed, "bounce")
                added = await work.add(connection, {
                    "tenant_id": account.tenant, "id": id, "site_id": account.site, "account_id": account.id, "direction": "in",
                    "state": "kept" if why else "new", "reason": why, "thread_id": thread or id, "token": token or token_of(id),
                    "message_id": head.message_id, "in_reply_to": head.in_reply_to, "refs": head.references, "subject": head.subject,
                    "from_address": head.sender.address.lower(), "from_name": head.sender.name, "reply_to": head.reply_to,
                    "recipients": head.to, "copies": head.cc, "attachments": head.attachments, "at": moment(at), "bytes": found.bytes,
                    "cut": found.cut, "file": file, "validity": place.validity, "uid": place.uid,
                })  # fmt: skip
            await work.read_to(connection, account, place)
        if not added:
            await self._thread(self._files.remove, file)
        self.fetched.set()
        return added

    async def _floods(self, connection: Connection, account: Account, head: Head, at: int) -> bool:
        lately = await work.written_lately(connection, account, head.sender.address.lower(), at - _HOUR_US)
        return lately >= account.flood_per_hour


def _head(octets: bytes, ours: frozenset[str]) -> Head:
    """What a mail says of itself; one that breaks the reader is a mail all the same, and somebody looks at it."""
    try:
        return head_of(octets, ours)
    except Exception:  # noqa: BLE001 - whatever a stranger writes must not stop the mailbox
        _log.exception("a mail could not be read")
        nobody = Address(address="")
        return Head(
            message_id=f"<{hashlib.sha256(octets).hexdigest()}@unreadable.invalid>", in_reply_to="", references=(), subject="",
            sender=nobody, reply_to=nobody, to=(), cc=(), kind="person",
        )  # fmt: skip

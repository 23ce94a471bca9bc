"""Messages of mailboxes and faxes on disk: what lies plain (of older days, of a dead process) is sealed, new keys open what old ones
opened, and the check compares what is there with what the database says. A pass looks at every file's head; only old leftovers go.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from itertools import islice

import structlog

from yitong.domains.fax.store import work as faxes
from yitong.domains.fax.store.files import FORM as TIFF
from yitong.domains.fax.store.files import FaxesFolder
from yitong.domains.mailbox.store import work as messages
from yitong.domains.mailbox.store.files import FORM as WAV
from yitong.domains.mailbox.store.files import MessagesFolder
from yitong.domains.quality.store.checks import Fault
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, Connection, Database
from yitong.kit.kept import PART, KeptFolder, owner_of
from yitong.kit.keyring import Keyring
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.kit.settings import Settings

_EVERY_SECONDS = 3600.0
_YOUNG_US = 900 * SECOND
"""A plain file younger than this may still be written: pages of a fax come slowly."""
_STEP = 200
MESSAGES, FAXES = "messages", "faxes"
_There = Callable[[Connection, tuple[str, str], int], Awaitable[list[tuple[str, str, str, str]]]]
_Unknown = Callable[[Connection, Sequence[str]], Awaitable[list[str]]]
Name = tuple[str, os.stat_result]
_log = structlog.get_logger("yitong.kept")


class KeptFiles:
    """``faults``: which files cannot be opened, as the last pass found it. Faxes are named with ``faxes/`` before their file."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, keyring: Keyring, *, young_us: int = _YOUNG_US) -> None:
        self._database = database
        self._clock = clock
        self._young_us = young_us
        self._messages = MessagesFolder(settings.home / "recordings", keyring)
        self._faxes = FaxesFolder(settings.home / FAXES, keyring)

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.once()
            except OUTAGES as error:
                _log.info("files of messages and faxes wait", error=str(error)[:200])
            await self._clock.sleep(_EVERY_SECONDS)

    async def once(self) -> int:
        """Seal what lies plain and have the newest keys open everything; answers how many files were changed."""
        count = 0
        for folder, below, form in ((self._messages, MESSAGES, WAV), (self._faxes, "", TIFF)):
            names = folder.files(below)
            while step := await asyncio.to_thread(_some, names):
                for name, state in step:
                    old = state.st_mtime_ns // 1_000 < self._clock.now() - self._young_us
                    count += await asyncio.to_thread(self._renew, folder, name, form, old)
        if count:
            _log.info("files of messages and faxes were sealed anew", count=count)
        return count

    def _renew(self, folder: KeptFolder, name: str, form: str, old: bool) -> int:
        try:
            if name.endswith(PART):
                if old:
                    folder.remove(name)
                return 0
            if not folder.key_of(name):
                return int(old and folder.seal(name, form))
            return int(folder.rewrap(name))
        except (OSError, Damaged, KeyMissing) as error:
            _log.error("a file cannot be sealed", file=name, error=repr(error)[:200])
            return 0

    async def keys_in_use(self, tenant: str) -> dict[str, int]:
        """How many files of a tenant each key opens."""
        return await asyncio.to_thread(self._keys, tenant)

    def _keys(self, tenant: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for folder, below in ((self._messages, f"{MESSAGES}/{tenant}"), (self._faxes, tenant)):
            for name, _ in folder.files(below):
                try:
                    key = folder.key_of(name)
                except (OSError, Damaged):
                    continue
                if key:
                    counts[key] = counts.get(key, 0) + 1
        return counts

    async def check(self, *, everything: bool) -> list[Fault]:
        """What is missing, cannot be opened, is not what was recorded (with ``everything`` all is read), or nobody knows."""
        found = [fault async for fault in self._rows(messages.there, self._message, everything)]
        found += [fault async for fault in self._rows(faxes.there, self._fax, everything)]
        found += [fault async for fault in self._strays(self._messages, MESSAGES, "", messages.unknown)]
        return found + [fault async for fault in self._strays(self._faxes, "", f"{FAXES}/", faxes.unknown)]

    async def _rows(self, there: _There, look: Callable[[str, str, bool], str], everything: bool) -> AsyncIterator[Fault]:
        after = ("", "")
        while True:
            async with self._database.transaction() as connection:
                step = await there(connection, after, _STEP)
            for tenant, id, file, digest in step:
                after = (tenant, id)
                code = await asyncio.to_thread(look, file, digest, everything)
                if code:
                    yield Fault(file=file if look == self._message else f"{FAXES}/{file}", code=code, tenant=tenant)
            if len(step) < _STEP:
                return

    def _message(self, file: str, digest: str, everything: bool) -> str:
        def same() -> bool:
            if not everything:
                self._messages.sound(file).close()
                return True
            return hashlib.sha256(self._messages.sound_of_all(file)).hexdigest() == digest or not digest

        return _code(same)

    def _fax(self, file: str, _: str, everything: bool) -> str:
        def same() -> bool:
            with self._faxes.open(file).file as content:
                return bool(not everything or content.read())

        return _code(same)

    async def _strays(self, folder: KeptFolder, below: str, prefix: str, unknown: _Unknown) -> AsyncIterator[Fault]:
        names = folder.files(below)
        while step := await asyncio.to_thread(_some, names):
            before = self._clock.now() - self._young_us
            old = [name for name, state in step if state.st_mtime_ns // 1_000 < before and not name.endswith(PART)]
            async with self._database.transaction() as connection:
                for name in await unknown(connection, old):
                    yield Fault(file=prefix + name, code="orphan", tenant=owner_of(name))


def _some(names: Iterator[Name]) -> list[Name]:
    return list(islice(names, _STEP))


def _code(same: Callable[[], bool]) -> str:
    """The fault that opening a file shows."""
    try:
        return "" if same() else "digest"
    except FileNotFoundError:
        return "missing"
    except KeyMissing:
        return "key_missing"
    except (Damaged, OSError):
        return "damaged"

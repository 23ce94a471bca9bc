"""The check of recordings: what the database says against what is on disk, both ways, and the content against its digest.

Every run looks at every file's head and length and reads as a whole what was not read for thirty days, up to a bound; with ``everything``
all of it. A recording that was never ended but whose file is there (its process died) is taken in; nothing else is changed, and nothing
removed but files that were never finished.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from itertools import islice
from pathlib import PurePosixPath
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.quality.store import checks
from yitong.domains.quality.store.checks import NOWHERE, Fault
from yitong.domains.quality.store.vault import FAULTS, Stored, Vault
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import Database
from yitong.kit.kept import PART

_STEP = 500
_READ_AGAIN_US = 30 * 24 * 3600 * SECOND
_READ_BYTES = 20 << 30
_OTHERS = ("messages/",)
"""Folders beside the recordings that others look after: what callers left in mailboxes."""
_YOUNG_US = 3600 * SECOND
"""Files younger than this may still be written; recordings younger may still end."""

Name = tuple[str, os.stat_result]
_Others = Callable[[bool], Awaitable[list[Fault]]]


class Check:
    """``run`` answers what it found; the same is kept for /healthz and for people. ``others(everything)``: the faults of what others
    look after (messages, faxes)."""

    def __init__(self, database: Database, clock: Clock, vault: Vault, *, young_us: int = _YOUNG_US, others: _Others | None = None) -> None:
        self._others = others
        self._database = database
        self._clock = clock
        self._vault = vault
        self._young_us = young_us

    async def known(self, connection: AsyncConnection) -> dict[str, int]:
        """How many faults of each code there are."""
        return await checks.counts(connection)

    async def run(self, *, everything: bool = False) -> list[Fault]:
        """Check, and keep what was found."""
        found = [fault async for fault in self._endless()]
        found += await self._contents(everything)
        found += [fault async for fault in self._rows()]
        found += [fault async for fault in self._strays()]
        if self._others is not None:
            found += await self._others(everything)
        unique = list({(fault.file, fault.code): fault for fault in found}.values())
        async with self._database.transaction() as connection:
            await checks.keep(connection, unique, self._clock.now())
        return unique

    async def _endless(self) -> AsyncIterator[Fault]:
        async with self._database.transaction() as connection:
            lost = await checks.endless(connection, self._clock.now() - self._young_us)
        for one in lost:
            size, at = await asyncio.to_thread(self._size, one)
            if size == -2:
                continue
            if size < 0:
                yield Fault(file=one.file or one.id, code="lost", tenant=one.tenant, recording=one.id)
                continue
            async with self._database.transaction() as connection:
                await checks.take_in(connection, one, at, size)

    def _size(self, one: Stored) -> tuple[int, int]:
        """Of its content, or of the file where that cannot be read; -1 of none, -2 of one that another machine's worker takes in."""
        if self._vault.lies_elsewhere(one.file):
            return -2, 0
        try:
            stat = self._vault.path(one.file).stat()
        except FileNotFoundError:
            return -1, 0
        try:
            size = self._vault.size(one)
        except FAULTS:
            size = stat.st_size
        return size, stat.st_mtime_ns // 1_000

    async def _rows(self) -> AsyncIterator[Fault]:
        place = (NOWHERE, NOWHERE)
        while True:
            async with self._database.transaction() as connection:
                step = await checks.step(connection, place, _STEP)
            if not step:
                return
            place = (step[-1][0].tenant, step[-1][0].id)
            codes = await asyncio.to_thread(lambda rows: [self._vault.check(one, whole=False) or said for one, said in rows], step)
            for (one, _), code in zip(step, codes, strict=True):
                if code:
                    yield Fault(file=one.file, code=code, tenant=one.tenant, recording=one.id)

    async def _contents(self, everything: bool) -> list[Fault]:
        now, left, found = self._clock.now(), _READ_BYTES, list[Fault]()
        before = now if everything else now - _READ_AGAIN_US
        while everything or left > 0:
            async with self._database.transaction() as connection:
                due = await checks.suspects(connection, now, 50) or await checks.unread(connection, before, 50)
            if not due:
                return found
            read: list[Stored] = []
            for one in due:
                code = await asyncio.to_thread(self._vault.check, one, whole=True)
                left -= one.bytes
                read += [] if code else [one]
                if code:
                    found.append(Fault(file=one.file, code=code, tenant=one.tenant, recording=one.id))
            async with self._database.transaction() as connection:
                await checks.was_read(connection, read, now)
                await checks.tried(connection, [one for one in due if one not in read], now)
        return found

    async def _strays(self) -> AsyncIterator[Fault]:
        """Files on disk that nobody knows."""
        names = (one for one in self._vault.files() if not one[0].startswith(_OTHERS))
        while step := await asyncio.to_thread(lambda: list(islice(names, _STEP))):
            old = [(name, self._recording(name)) for name, stat in step if stat.st_mtime_ns // 1_000 < self._clock.now() - self._young_us]
            async with self._database.transaction() as connection:
                known = await checks.known(connection, [(name, id) for name, id in old if id])
            for name, _ in old:
                if name.endswith(PART):
                    await asyncio.to_thread(self._vault.remove, name)
                elif name not in known:
                    yield Fault(file=name, code="orphan", tenant=tenant_of(name))

    @staticmethod
    def _recording(name: str) -> str:
        return uuid_in((PurePosixPath(name).name.partition(".")[0],))


def tenant_of(name: str) -> str:
    """The tenant in whose folder a file lies, or nothing."""
    return uuid_in(PurePosixPath(name).parts[:1])


def uuid_in(texts: Iterable[str]) -> str:
    """The first text that is an id."""
    for text in texts:
        try:
            return str(UUID(text))
        except ValueError:
            continue
    return ""

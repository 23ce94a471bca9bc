"""The files of recordings after the call: sealed at once, Ogg Opus later, rewrapped when keys change, purged in time, checked daily.

Each job makes the new file first, then says so in the database, then removes the old one; a kill between any two steps leaves what the next
start goes on with. Any number of workers may run: they claim what they work at.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor

import structlog

from yitong.app.jobs.kept_files import KeptFiles
from yitong.app.jobs.recording_check import Check
from yitong.domains.quality.store import files
from yitong.domains.quality.store.vault import FAULTS, Differs, Made, Stored, Vault
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, Database
from yitong.kit.ids import RandomIds
from yitong.kit.keyring import Keyring
from yitong.kit.lending import Borrower
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.kit.settings import Settings
from yitong.media.opus_file import NoSound

_EVERY_SECONDS = 1.0
_NICE = 10
_SLOWLY = 60
_AT_ONCE = 2_000
_TOGETHER = 100
"""So many files are worked at together."""
_HOUR_US = 3600 * SECOND
_DAY_US = 24 * _HOUR_US
_ELSEWHERE_US = 60 * SECOND
"""For so long a worker leaves alone what lies on another machine."""

_log = structlog.get_logger("yitong.recordings")


def vault_of(settings: Settings, clock: Clock, elsewhere: Borrower | None = None) -> Vault:
    """The recordings of this home, those of ``elsewhere``, and the keys that open them."""
    return Vault(settings.home / "recordings", Keyring(settings.keys_folder, clock, RandomIds()), elsewhere)


class RecordingsKeeper:
    """``who``: a name that this worker has again after its death; ``checks``: it is the one of its machine that does.

    ``waiting`` recordings lie open; ``faults`` by code, from the check.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault, settings: Settings, who: str) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._who = who
        self._opus_us = settings.recording_opus_hours * _HOUR_US
        self._key_us = settings.recording_key_days * _DAY_US
        self.kept = KeptFiles(settings, database, clock, vault.keyring)
        self._check = Check(database, clock, vault, others=lambda everything: self.kept.check(everything=everything))
        self._slowly = ThreadPoolExecutor(1, "opus", initializer=_give_way)
        self.checks = settings.worker == 0
        self.waiting = 0
        self.faults: dict[str, int] = {}

    async def run(self) -> None:
        """For ever."""
        turn, more = 0, 0
        while True:
            try:
                if turn == 0:
                    await self._free()
                more = await self.once(slowly=turn % _SLOWLY == 0)
                turn += 1
            except OUTAGES as error:
                more = 0
                _log.warning("recordings wait", error=str(error)[:200])
            await self._clock.sleep(0.0 if more else _EVERY_SECONDS)

    async def watch(self) -> None:
        """Check every day, for ever; beside the jobs, because it may read for long."""
        while True:
            try:
                await self._check.run()
                await self._count()
                await self._clock.sleep(_DAY_US / SECOND)
            except OUTAGES as error:
                _log.warning("the check of recordings waits", error=str(error)[:200])
                await self._clock.sleep(_SLOWLY)

    async def once(self, *, slowly: bool = True) -> int:
        """What is due: all that lies open, some that is to be encoded; the rest ``slowly``. Answers how many more may wait for encoding."""
        while await self.seal() == _TOGETHER:
            pass
        await self.clear()
        encoded = await self.encode()
        if encoded:
            await self.clear()
        if slowly:
            await self.expire()
            await self.turn_keys()
            await self._count()
        return encoded

    def figures(self) -> dict[str, float]:
        """For /healthz and /metrics."""
        return {"recordings_open": float(self.waiting), **{f"recordings_{code}": float(count) for code, count in self.faults.items()}}

    async def _free(self) -> None:
        async with self._database.transaction() as connection:
            await files.release(connection, self._who)

    async def _count(self) -> None:
        async with self._database.transaction() as connection:
            self.waiting = await files.waiting(connection)
            self.faults = await self._check.known(connection)
        if self.faults:
            _log.error("recordings need a look: yitong recordings check", **self.faults)

    async def seal(self) -> int:
        """Seal what lies open; answers how many were looked at."""
        return await self._work(files.TO_SEAL, self._vault.keep)

    async def encode(self) -> int:
        """Make Ogg Opus of what is old enough."""
        before = self._clock.now() - self._opus_us
        return await self._work(files.TO_ENCODE, self._vault.encode, before=before, limit=4, where=self._slowly) if self._opus_us else 0

    async def _work(
        self, due: str, make: Callable[[Stored], Made], *, before: int = 0, limit: int = _TOGETHER, where: Executor | None = None
    ) -> int:
        """Do one thing with all that is due, in one thread and with one statement."""
        async with self._database.transaction() as connection:
            claimed = await files.claim(connection, due, self._who, self._clock.now(), before=before, limit=limit)
        if claimed:
            made, faults, trouble = await asyncio.get_running_loop().run_in_executor(where, _each, make, claimed)
            for one, fault in faults:
                await self._failed(one, fault)
            await self._replace(made)
            if trouble is not None:
                raise trouble
        return len(claimed)

    async def _failed(self, one: Stored, error: Exception) -> None:
        code = code_of(error)
        if code == "missing" and await asyncio.to_thread(self._vault.lies_elsewhere, one.file):
            async with self._database.transaction() as connection:
                await files.postpone(connection, one, self._clock.now() + _ELSEWHERE_US)
            return
        _log.error("a recording cannot be kept", recording=one.id, fault=code, error=str(error)[:200])
        async with self._database.transaction() as connection:
            await files.failed(connection, one, code)

    async def _replace(self, made: list[tuple[Stored, Made]]) -> None:
        if not made:
            return
        async with self._database.transaction() as connection:
            done = await files.replaced(connection, made)
        for one, new in made:
            if (one.tenant, one.id) not in done and not await self._is_used(one, new.file):
                await asyncio.to_thread(self._vault.remove, new.file)  # it was deleted meanwhile

    async def _is_used(self, one: Stored, file: str) -> bool:
        async with self._database.transaction() as connection:
            return await files.file_of(connection, one) == file

    async def clear(self) -> None:
        """Remove the files that were replaced or purged."""
        async with self._database.transaction() as connection:
            gone = await files.stale(connection)
        if gone:
            left = await asyncio.to_thread(self._remove, [file for _, _, file in gone])
            async with self._database.transaction() as connection:
                await files.removed(connection, [one for one in gone if one[2] not in left])

    def _remove(self, names: list[str]) -> set[str]:
        """Those that another machine must remove are left."""
        left = {name for name in names if self._vault.lies_elsewhere(name)}
        for name in names:
            if name not in left:
                self._vault.remove(name)
        return left

    async def expire(self) -> None:
        """What is too old, and what was deleted long enough ago."""
        steps: tuple[Callable[..., Awaitable[int]], ...] = (files.expire, files.purge)
        for step in steps:
            while True:
                async with self._database.transaction() as connection:
                    done = await step(connection, self._clock.now())
                if not done:
                    break
                await self.clear()

    async def turn_keys(self) -> None:
        """A new key when the newest is old enough, and the newest one on every file."""
        async with self._database.transaction() as connection:
            tenants = await files.tenants(connection)
        for tenant in tenants:
            held = await asyncio.to_thread(self._vault.keyring.ids, tenant)
            if held and self._key_us and self._clock.now() - made_at(held[-1]) > self._key_us:
                id = await asyncio.to_thread(self._vault.keyring.rotate, tenant)
                _log.info("a new key seals recordings", tenant=tenant, key=id)
            if held:
                await self.rewrap(tenant, most=_AT_ONCE)

    async def rewrap(self, tenant: str, *, most: int = 0) -> int:
        """Have the newest key open every file of a tenant, or about ``most`` of them; answers how many were changed."""
        (current, _), count = await asyncio.to_thread(self._vault.keyring.current, tenant), 0
        while not most or count < most:
            async with self._database.transaction() as connection:
                old = await files.old_keys(connection, tenant, current)
            if not old:
                return count
            done: list[tuple[Stored, str]] = []
            for one in old:
                try:
                    done.append((one, await asyncio.to_thread(self._vault.renew, one)))
                except FAULTS as error:
                    await self._failed(one, error)
            async with self._database.transaction() as connection:
                await files.rewrapped(connection, done)
            count += len(done)
        return count


def _give_way() -> None:
    """Whatever else runs on the machine comes before this thread (in Linux a nice value is a thread's own)."""
    os.nice(_NICE)


def _each(
    make: Callable[[Stored], Made], claimed: list[Stored]
) -> tuple[list[tuple[Stored, Made]], list[tuple[Stored, Exception]], OSError | None]:
    """What was made of each, the faults of those of which nothing can be, and what ended it early: the disk."""
    made, faults = list[tuple[Stored, Made]](), list[tuple[Stored, Exception]]()
    for one in claimed:
        try:
            made.append((one, make(one)))
        except (Differs, *FAULTS) as error:
            faults.append((one, error))
        except OSError as error:
            return made, faults, error
    return made, faults, None


def code_of(error: Exception) -> str:
    """The fault that an exception of the vault means."""
    if isinstance(error, Differs):
        return error.code
    kinds = ((FileNotFoundError, "missing"), (KeyMissing, "key_missing"), (Damaged, "damaged"), (NoSound, "unreadable"))
    return next((code for kind, code in kinds if isinstance(error, kind)), "damaged")


def made_at(id: str) -> int:
    """When a UUIDv7 was made, in UTC microseconds."""
    return int(id.replace("-", "")[:12], 16) * 1_000

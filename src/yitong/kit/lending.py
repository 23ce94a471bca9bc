"""Files of one machine read from another, sealed as they are: whoever has one gives pieces of it over NATS, whoever has the key opens them.

What lies plain is not given. Who has no such file is silent, so an asker waits ``_SECONDS`` to learn that nobody has it.
"""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Coroutine
from typing import Any

import msgspec
import structlog

from yitong.kit.kept import KeptFolder
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.nats_wire import Heard
from yitong.kit.placed import Placed
from yitong.kit.sealing import is_sealed
from yitong.kit.tasks import Tasks

SUBJECT = "files.read"
BLOCK = 256 << 10
_SECONDS = 1.0
_MOST_WAITING = 100
_AWAY: tuple[type[Exception], ...] = (TimeoutError, *OUTAGES)
_UNREAD: tuple[type[Exception], ...] = (msgspec.MsgspecError, *OUTAGES)
_log = structlog.get_logger("yitong.lending")


class Lend(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a file is wanted."""

    file: str
    at: int
    most: int


class Lent(msgspec.Struct, frozen=True, kw_only=True):
    """The piece as it lies there, and how long the file is now."""

    octets: bytes
    size: int


class Lender:
    """Gives out what lies sealed in a folder of this machine."""

    def __init__(self, folder: KeptFolder, nats: Nats, tasks: Tasks) -> None:
        self._folder = folder
        self._nats = nats
        self._tasks = tasks
        self._waiting = 0

    async def start(self) -> None:
        """Begin."""
        await self._nats.listen(SUBJECT, self._asked)

    def _asked(self, message: Heard) -> None:
        if self._waiting < _MOST_WAITING:
            self._waiting += 1
            self._tasks.start(self._lend(message), "lend a file")

    async def _lend(self, message: Heard) -> None:
        try:
            wanted = msgspec.msgpack.decode(message.data, type=Lend)
            lent = await asyncio.to_thread(self._piece, wanted)
            if lent is not None and message.reply:
                self._nats.tell(message.reply, msgspec.msgpack.encode(lent))
        except _UNREAD as error:
            _log.info("a file is not lent", error=repr(error)[:200])
        finally:
            self._waiting -= 1

    def _piece(self, wanted: Lend) -> Lent | None:
        try:
            path = self._folder.path(wanted.file)
            if not is_sealed(path):
                return None
        except FileNotFoundError:
            return None
        with path.open("rb") as file:
            file.seek(max(0, wanted.at))
            return Lent(octets=file.read(min(max(0, wanted.most), BLOCK)), size=os.fstat(file.fileno()).st_size)


class Borrower:
    """Asks the other machines; from threads, never from the loop that carries the answers."""

    def __init__(self, nats: Nats) -> None:
        self._nats = nats
        self._loop = asyncio.get_running_loop()

    def read(self, file: str, at: int, most: int) -> Lent:
        """A piece of a file of another machine. Raises FileNotFoundError when nobody there has it, or is there."""
        asked: Coroutine[Any, Any, Lent] = self._nats.request(SUBJECT, Lend(file=file, at=at, most=most), Lent, seconds=_SECONDS)
        try:
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result()
        except _AWAY as error:
            raise FileNotFoundError(file) from error

    def open(self, file: str) -> io.BufferedReader:
        """The file as it lies there, readable at any place. Raises FileNotFoundError."""
        return io.BufferedReader(Borrowed(self, file), BLOCK)


class Borrowed(Placed):
    """A file of another machine, as long as it was when it was opened."""

    def __init__(self, borrower: Borrower, file: str) -> None:
        super().__init__()
        self._borrower = borrower
        self._file = file
        self._length = borrower.read(file, 0, 0).size

    def _size(self) -> int:
        return self._length

    def _piece(self, at: int, most: int) -> bytes:
        most = max(0, min(most, self._length - at))
        return self._borrower.read(self._file, at, most).octets[:most] if most else b""

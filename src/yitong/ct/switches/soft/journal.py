"""What the switch writes down of its calls while they live, so that a killed switch finds them again.

An append-only file of (length, CRC-32, msgpack) records: ``kind``, ``key`` and a value, or no value for "gone". Written without fsync: it
outlives the process, not the machine, whose calls are over with it anyway. A torn last record is ignored. Compacted by itself.

A disk that takes nothing more (full, read-only) stops no call: the values are in memory, and ``mend`` writes them all anew when it can.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import structlog

_HEAD = 8
COMPACT_BYTES = 4_000_000

Key = tuple[str, str]
_log = structlog.get_logger("yitong.switch.journal")


class Journal:
    """The latest value of every (kind, key). One writer. ``trouble``: why the file is behind, or nothing."""

    def __init__(self, path: Path, compact_bytes: int = COMPACT_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._compact_bytes = compact_bytes
        self.values: dict[Key, bytes] = {}
        self.trouble = ""
        self._read()
        self._file = -1
        self._gathered: list[bytes] | None = None
        self._size = 0
        self._written = 0
        self.compact()

    def put(self, kind: str, key: str, value: msgspec.Struct) -> None:
        """Write down a value, unless it is the one already there."""
        data = msgspec.msgpack.encode(value)
        if self.values.get((kind, key)) != data:
            self.values[kind, key] = data
            self._append((kind, key, data))

    def drop(self, kind: str, key: str) -> None:
        """It is gone."""
        if self.values.pop((kind, key), None) is not None:
            self._append((kind, key, None))

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is put and dropped inside the ``with`` goes to the file with one write."""
        self._gathered = gathered = list[bytes]()
        try:
            yield
        finally:
            self._gathered = None
            if gathered:
                self._write(b"".join(gathered))

    def all(self, kind: str) -> dict[str, bytes]:
        """Every value of a kind, encoded, by key."""
        return {key: data for (one, key), data in self.values.items() if one == kind}

    def compact(self) -> None:
        """Write the file anew with what still lives. The old one stays until the new one is whole."""
        data = b"".join(_record((kind, key, value)) for (kind, key), value in self.values.items())
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_bytes(data)
            fresh.chmod(0o600)
            file = os.open(fresh, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            try:
                fresh.replace(self._path)
            except OSError:
                os.close(file)
                raise
        except OSError as error:
            self._fails(error)
            return
        self.close()
        self._file, self.trouble = file, ""
        self._size = self._written = len(data)

    def mend(self) -> None:
        """Try again what failed; call it now and then."""
        if self.trouble:
            self.compact()
            if not self.trouble:
                _log.warning("the journal is written again", path=self._path.name)

    def close(self) -> None:
        """End writing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, entry: tuple[str, str, bytes | None]) -> None:
        if self._gathered is not None:
            self._gathered.append(_record(entry))
        else:
            self._write(_record(entry))

    def _write(self, data: bytes) -> None:
        if self.trouble:
            return  # what the file lacks is in ``values``
        try:
            if os.write(self._file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._written)  # a torn record would hide those after it
            self._fails(error)
            return
        self._written += len(data)
        if self._written > 2 * self._size + self._compact_bytes:
            self.compact()

    def _fails(self, error: OSError) -> None:
        if not self.trouble:
            _log.error("the journal cannot be written", path=self._path.name, error=error.strerror or str(error))
        self.trouble = error.strerror or str(error)

    def _read(self) -> None:
        data = self._path.read_bytes() if self._path.exists() else b""
        place = 0
        while place + _HEAD <= len(data):
            length, check = (int.from_bytes(data[place + at : place + at + 4], "big") for at in (0, 4))
            body = data[place + _HEAD : place + _HEAD + length]
            if len(body) < length or zlib.crc32(body) != check:
                return
            kind, key, value = msgspec.msgpack.decode(body, type=tuple[str, str, bytes | None])
            if value is None:
                self.values.pop((kind, key), None)
            else:
                self.values[kind, key] = value
            place += _HEAD + length


def _record(entry: tuple[str, str, bytes | None]) -> bytes:
    body = msgspec.msgpack.encode(entry)
    return len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body

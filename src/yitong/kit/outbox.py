"""A bounded file that keeps what could not be sent, so that a process may die while the server is away.

Records are msgpack, each behind its length; a half-written last one (killed while writing) is left out on reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

_LENGTH = 4


class OutboxFull(Exception):
    """The file has reached its bound; what was to be kept is refused."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits: its subject, its bytes, and the id under which the server takes it once."""

    subject: str
    data: bytes
    message_id: str


class Outbox:
    """Append, read all, empty. ``bytes`` is what the file holds."""

    def __init__(self, path: Path, *, limit: int = 64 << 20) -> None:
        self._path = path
        self._limit = limit
        self._file: BinaryIO | None = None
        self.bytes = path.stat().st_size if path.exists() else 0

    def load(self) -> list[Kept]:
        """What a former life left, oldest first."""
        if not self._path.exists():
            return []
        data, found, at = self._path.read_bytes(), [], 0
        while at + _LENGTH <= len(data):
            end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
            if end > len(data):
                break
            found.append(msgspec.msgpack.decode(data[at + _LENGTH : end], type=Kept))
            at = end
        return found

    def append(self, messages: Iterable[Kept]) -> None:
        """Keep ``messages``. Raises OutboxFull, and keeps none of them, when they would pass the bound."""
        data = b"".join(len(one).to_bytes(_LENGTH, "big") + one for one in map(msgspec.msgpack.encode, messages))
        if self.bytes + len(data) > self._limit:
            raise OutboxFull(f"{self._path.name} holds {self.bytes} bytes")
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab", buffering=0)
        self._file.write(data)
        self.bytes += len(data)

    def replace(self, messages: Iterable[Kept]) -> None:
        """Make the file hold exactly ``messages``: written beside it and put in its place."""
        self.close()
        fresh = Outbox(self._path.with_suffix(".new"), limit=self._limit)
        fresh._path.unlink(missing_ok=True)
        fresh.bytes = 0
        fresh.append(messages)
        fresh.close()
        fresh._path.replace(self._path)
        self.bytes = fresh.bytes

    def clear(self) -> None:
        """Everything was sent."""
        self.close()
        self._path.unlink(missing_ok=True)
        self.bytes = 0

    def close(self) -> None:
        """Close the file; what it holds stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

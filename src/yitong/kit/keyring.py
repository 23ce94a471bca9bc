"""The keys that seal files, one folder per owner, apart from what they seal: ``{folder}/{owner}/{key id}.key``, 32 octets in hexadecimal.

Files are read by their owner only (0600, folders 0700). Ids are UUIDv7, so the newest key is the last by name; it seals what is new, the
older ones open what is old. The folder may be the operator's own (a mounted secret): then a key is added by putting a file there.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from yitong.kit.clock import Clock
from yitong.kit.ids import Ids
from yitong.kit.sealing import Find, KeyMissing

_OCTETS = 32
_FOLDER = re.compile(r"[0-9a-f-]{36}")

Key = tuple[str, bytes]


class Keyring:
    """Blocking, but for a few small files only."""

    def __init__(self, folder: Path, clock: Clock, ids: Ids) -> None:
        self.folder = folder
        self._clock = clock
        self._ids = ids

    def ids(self, owner: str) -> list[str]:
        """The ids of an owner's keys, oldest first."""
        return sorted(path.stem for path in (self.folder / owner).glob("*.key"))

    def owners(self) -> list[str]:
        """Who has keys."""
        return sorted(path.name for path in self.folder.glob("*") if path.is_dir())

    def current(self, owner: str) -> Key:
        """The newest key; the first one is made. Raises OSError when it cannot be."""
        held = self.ids(owner)
        id = held[-1] if held else self.rotate(owner)
        return id, self.find(owner)(id)

    def find(self, owner: str) -> Find:
        """How the owner's keys are found by id."""

        def found(id: str) -> bytes:
            try:
                key = bytes.fromhex((self.folder / owner / f"{id}.key").read_text("ascii").strip())
            except (FileNotFoundError, ValueError) as error:
                raise KeyMissing(id) from error
            if len(key) != _OCTETS:
                raise KeyMissing(id)
            return key

        return found

    def rotate(self, owner: str) -> str:
        """Make a new key, which is the newest from now on; answers its id. On disk when this returns."""
        id = self._ids.new(self._clock.now())
        self._write(owner, f"{id}.key")
        return id

    def secret(self, owner: str, name: str = "marks", *, make: bool = True) -> bytes:
        """A secret of the owner's that never changes; made when it is asked for first. Without ``make``, raises KeyMissing instead."""
        file = f"{name}.secret"
        path = self.folder / owner / file
        if not make and (not _FOLDER.fullmatch(owner) or not path.is_file()):
            raise KeyMissing(file)
        if not path.exists():
            self._write(owner, file)
        return bytes.fromhex(path.read_text("ascii").strip())

    def _write(self, owner: str, name: str) -> None:
        """Whole or not at all, and never over one that is there."""
        folder = self.folder / owner
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f".{name}.{secrets.token_hex(4)}"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w") as out:
                out.write(secrets.token_bytes(_OCTETS).hex() + "\n")
                out.flush()
                os.fsync(out.fileno())
            try:
                os.link(part, folder / name)
            except FileExistsError:
                return  # somebody else made it at the same moment: his counts
        finally:
            part.unlink(missing_ok=True)
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in ``folder`` is on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Folders whose files are sealed at rest with keys of whom they belong to. What lies there plain (of older days) is read as it is.

Whose a file is says its path: the first folder of it that is an id, or the one below (``messages/{tenant}/..``). What is bound to a sealed
file is the id that it is named after, so that one cannot be put in another's place. Everything here blocks.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from yitong.kit.keyring import Keyring, sync_folder
from yitong.kit.sealing import Growing, is_sealed, open_sealed, read_head, rewrap, seal, shred

PART = ".part"
"""How names of files end that are being made."""


class Content(NamedTuple):
    """A file's content in the clear; ``form`` as it was sealed, "" of one that lies plain. Close ``file``."""

    file: BinaryIO
    form: str


def owner_of(file: str) -> str:
    """Whose a file is: the first id among its first two folders, or nobody's."""
    return next((part for part in PurePosixPath(file).parts[:-1][:2] if _is_id(part)), "")


def name_of(file: str) -> str:
    """What is bound to a file: the id that it is named after."""
    stem = PurePosixPath(file).name.partition(".")[0]
    try:
        return str(UUID(stem))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, file))


def _is_id(part: str) -> bool:
    try:
        return str(UUID(part)) == part
    except ValueError:
        return False


class KeptFolder:
    """A folder and the keys; without keys nothing is sealed, and what is cannot be read."""

    def __init__(self, folder: Path, keyring: Keyring | None = None) -> None:
        self.folder = folder
        self.keyring = keyring

    @cached_property
    def _root(self) -> str:
        return os.path.realpath(self.folder)

    def path(self, file: str) -> Path:
        """Where a file lies. Raises FileNotFoundError for a name that leads out of the folder."""
        path = os.path.realpath(os.path.join(self._root, file))
        if not file or not path.startswith(self._root + os.sep):
            raise FileNotFoundError(file)
        return Path(path)

    def keys(self, file: str) -> Keyring | None:
        """The keyring, where the file has an owner."""
        return self.keyring if self.keyring is not None and owner_of(file) else None

    def open(self, file: str, *, unfinished: bool = False) -> Content:
        """The content, sealed or plain. Raises FileNotFoundError, OSError, Damaged, KeyMissing."""
        path, keys = self.path(file), self.keys(file)
        if keys is None or not is_sealed(path):
            return Content(path.open("rb"), "")
        opened = open_sealed(path, keys.find(owner_of(file)), name=name_of(file), unfinished=unfinished)
        return Content(opened, opened.raw.head.form)  # type: ignore[attr-defined]

    def read(self, file: str) -> bytes:
        """All of the content. Raises as ``open``."""
        with self.open(file).file as content:
            return content.read()

    def put(self, file: str, content: bytes | BinaryIO, form: str, *, lasting: bool = True) -> None:
        """Have this content lie there, whole or not at all, in place of what lies there. Raises OSError, KeyMissing.

        ``lasting``: it is on disk when this returns.
        """
        target, keys = self.path(file), self.keys(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        source = io.BytesIO(content) if isinstance(content, bytes) else content
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}{PART}")
        try:
            if keys is None:
                source.seek(0)
                part.write_bytes(source.read())
            else:
                seal(source, part, name=name_of(file), form=form, key=keys.current(owner_of(file)), lasting=lasting)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        if lasting:
            sync_folder(target.parent)

    def grow(self, file: str, form: str, chunk: int) -> Growing | None:
        """A new sealed file whose content comes bit by bit; None where there is no key to seal it. Raises OSError, KeyMissing."""
        keys = self.keys(file)
        if keys is None:
            return None
        return Growing(self.path(file), name=name_of(file), form=form, key=keys.current(owner_of(file)), chunk=chunk)

    def seal(self, file: str, form: str) -> bool:
        """Seal a file that lies plain, in place; false when it is sealed, or nobody's. Raises OSError, KeyMissing."""
        path = self.path(file)
        if self.keys(file) is None or is_sealed(path):
            return False
        with path.open("rb") as plain:
            self.put(file, plain, form)
        return True

    def key_of(self, file: str) -> str:
        """The id of the key that opens a file, "" of a plain one. Raises FileNotFoundError, Damaged."""
        path = self.path(file)
        if not is_sealed(path):
            return ""
        with path.open("rb") as sealed:
            return read_head(sealed).key

    def rewrap(self, file: str) -> bool:
        """Have the owner's newest key open the file; false when it does. Raises FileNotFoundError, Damaged, KeyMissing."""
        keys, owner = self.keys(file), owner_of(file)
        return keys is not None and rewrap(self.path(file), keys.find(owner), keys.current(owner))

    def remove(self, file: str) -> None:
        """Remove a file for good; none there: nothing."""
        try:
            path = self.path(file)
            shred(path)
        except FileNotFoundError:
            return
        if path.parent.is_dir():
            sync_folder(path.parent)

    def files(self, below: str = "") -> Iterator[tuple[str, os.stat_result]]:
        """Every file below the folder, or a folder in it, by its name from the folder."""
        root = Path(self._root)
        for folder, _, names in os.walk(root / below):
            for name in names:
                path = Path(folder, name)
                try:
                    yield path.relative_to(root).as_posix(), path.stat()
                except FileNotFoundError:
                    continue

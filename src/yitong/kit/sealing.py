"""Files sealed at rest: AES-256-GCM in chunks, so that any part can be read and a changed byte is found where it is read.

A sealed file is whole by itself but for one key: ::

    8    "YTSEAL1\\n"
    8    length of the content
    16   name: what is sealed here (a UUID); a file put in another's place is refused
    4    form of the content, padded with spaces
    28   zeros
    2 x  slot: generation (4), key id (16), nonce (12), sealed data key (32 + 16), CRC-32 of these (4)
    from 512 on: chunks of 64 KiB of content, each followed by its tag (16)

The data key is made for this file and used for nothing else, so the number of a chunk is its nonce (NIST SP 800-38D §8.2.1); what is bound
to each chunk is the head of the file (length, name, form), so that chunks cannot be cut off, moved or swapped between files. Two slots hold
the data key sealed with a key of the keyring: a new key is written into the older slot, and the newer of the right ones counts, so that a
kill in between loses nothing (``rewrap``).
"""

from __future__ import annotations

import io
import os
import secrets
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 64 * 1024
TAG = 16
BODY = 512
_MAGIC = b"YTSEAL1\n"
_HEAD = struct.Struct(">8sQ16s4s28x")
_SLOT = struct.Struct(">I16s12s48sI")
_SLOTS = (_HEAD.size, _HEAD.size + 128)

Find = Callable[[str], bytes]
"""The 32 octets of the key with this id. Raises KeyMissing."""


class Damaged(Exception):
    """The file is not as it was written: cut, changed, or another's."""


class KeyMissing(Exception):
    """The key with this id is not in the keyring, so nothing that it seals can be read."""

    def __init__(self, id: str) -> None:
        super().__init__(f"the key {id} is missing")
        self.id = id


class Head(NamedTuple):
    """What the head of a sealed file says. ``key``: the id of the key that seals its data key."""

    length: int
    name: str
    form: str
    key: str
    slot: int
    generation: int
    wrapped: bytes

    @property
    def bound(self) -> bytes:
        """What is bound to each chunk."""
        return _HEAD.pack(_MAGIC, self.length, UUID(self.name).bytes, self.form.encode().ljust(4))


def read_head(file: BinaryIO) -> Head:
    """The head of a sealed file. Raises Damaged."""
    file.seek(0)
    start = file.read(BODY)
    if len(start) < BODY or start[:8] != _MAGIC:
        raise Damaged("no sealed file")
    _, length, name, form = _HEAD.unpack_from(start)
    slots = [range(at, at + _SLOT.size) for at in _SLOTS]
    if any(octet and not any(at in slot for slot in slots) for at, octet in enumerate(start) if at >= _HEAD.size - 28):
        raise Damaged("the head was changed")
    best: Head | None = None
    for number, at in enumerate(_SLOTS):
        generation, key, nonce, wrapped, check = _SLOT.unpack_from(start, at)
        if zlib.crc32(start[at : at + _SLOT.size - 4]) == check and generation and (best is None or generation > best.generation):
            best = Head(length, str(UUID(bytes=name)), form.decode("ascii", "replace").rstrip(), str(UUID(bytes=key)), number, generation,
                        nonce + wrapped)  # fmt: skip
    if best is None:
        raise Damaged("no slot is right")
    return best


def _slot(generation: int, key: str, wrapped: bytes) -> bytes:
    plain = _SLOT.pack(generation, UUID(key).bytes, wrapped[:12], wrapped[12:], 0)[:-4]
    return plain + struct.pack(">I", zlib.crc32(plain))


def _wrap(key: bytes, data_key: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(key).encrypt(nonce, data_key, bound)


def _unwrap(head: Head, find: Find) -> bytes:
    try:
        return AESGCM(find(head.key)).decrypt(head.wrapped[:12], head.wrapped[12:], head.bound)
    except InvalidTag as error:
        raise Damaged("the data key cannot be opened: the head was changed, or the key is another of the same id") from error


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def seal(source: BinaryIO, target: Path, *, name: str, form: str, key: tuple[str, bytes]) -> int:
    """Seal all of ``source`` into the new file ``target``, on disk when this returns; answers the length. ``key``: its id and octets."""
    source.seek(0, os.SEEK_END)
    length = source.tell()
    source.seek(0)
    data_key = secrets.token_bytes(32)
    head = Head(length, name, form, key[0], 0, 1, b"")
    cipher, bound = AESGCM(data_key), head.bound
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "wb") as out:
        start = bound.ljust(BODY, b"\0")
        slot = _slot(1, key[0], _wrap(key[1], data_key, bound))
        out.write(start[: _SLOTS[0]] + slot + start[_SLOTS[0] + len(slot) :])
        done, number = 0, 0
        while chunk := source.read(CHUNK):
            out.write(cipher.encrypt(_nonce(number), chunk, bound))
            done, number = done + len(chunk), number + 1
        if done != length:
            raise Damaged("the source changed while it was sealed")
        out.flush()
        os.fsync(out.fileno())
    return length


def rewrap(path: Path, find: Find, key: tuple[str, bytes]) -> bool:
    """Seal the file's data key with another key, in place; false when it is so already. Raises Damaged, KeyMissing."""
    with path.open("r+b") as file:
        head = read_head(file)
        changed = head.key != key[0]
        if changed:
            data_key = _unwrap(head, find)
            _write(file, _SLOTS[1 - head.slot], _slot(head.generation + 1, key[0], _wrap(key[1], data_key, head.bound)))
            head = read_head(file)
            if head.key != key[0] or _unwrap(head, find) != data_key:
                raise Damaged("the new slot cannot be read")
        _write(file, _SLOTS[1 - head.slot], bytes(_SLOT.size))  # the old key opens this file no more
    return changed


def _write(file: BinaryIO, at: int, octets: bytes) -> None:
    """On disk when this returns."""
    file.seek(at)
    file.write(octets)
    file.flush()
    os.fsync(file.fileno())


def shred(path: Path) -> None:
    """Overwrite the slots, so that what the disk keeps of the file cannot be opened by anybody; then remove it. None there: nothing."""
    try:
        with path.open("r+b") as file:
            if file.read(8) == _MAGIC:
                _write(file, _SLOTS[0], bytes(BODY - _SLOTS[0]))
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)


class Opened(io.RawIOBase):
    """The content of a sealed file, readable at any place. Raises Damaged where it was changed, when that place is read."""

    def __init__(self, path: Path, find: Find, *, name: str = "") -> None:
        """``name``: what must be sealed there. Raises FileNotFoundError, Damaged, KeyMissing."""
        super().__init__()
        self._file: BinaryIO = path.open("rb")
        try:
            self.head = read_head(self._file)
            if name and self.head.name != name:
                raise Damaged("another's file stands here")
            self._cipher = AESGCM(_unwrap(self.head, find))
            chunks = -(-self.head.length // CHUNK)
            if os.fstat(self._file.fileno()).st_size != BODY + self.head.length + TAG * chunks:
                raise Damaged("the file is shorter or longer than it was written")
        except BaseException:
            self._file.close()
            raise
        self._at = 0
        self._held = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.head.length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        number, offset = divmod(self._at, CHUNK)
        piece = self._chunk(number)[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _chunk(self, number: int) -> bytes:
        if number * CHUNK >= self.head.length:
            return b""
        if self._held[0] != number:
            self._file.seek(BODY + number * (CHUNK + TAG))
            sealed = self._file.read(min(CHUNK, self.head.length - number * CHUNK) + TAG)
            try:
                self._held = (number, self._cipher.decrypt(_nonce(number), sealed, self.head.bound))
            except InvalidTag as error:
                raise Damaged(f"chunk {number} was changed") from error
        return self._held[1]

    def close(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()
        super().close()


def open_sealed(path: Path, find: Find, *, name: str = "") -> io.BufferedReader:
    """``Opened`` behind a buffer: reads are whole. Raises FileNotFoundError, Damaged, KeyMissing."""
    return io.BufferedReader(Opened(path, find, name=name), CHUNK)

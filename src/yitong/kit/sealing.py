"""Files sealed at rest: AES-256-GCM in chunks, so that any part can be read and a changed byte is found where it is read.

A sealed file is whole by itself but for one key: ::

    8    "YTSEAL1\\n"
    8    length of the content; all ones: the file grew as its content came (below)
    16   name: what is sealed here (a UUID); a file put in another's place is refused
    4    form of the content, padded with spaces
    4    content of a chunk when the file grew, else zeros (64 KiB)
    24   zeros
    2 x  slot: generation (4), key id (16), nonce (12), sealed data key (32 + 16), CRC-32 of these (4)
    from 512 on: chunks of content, each followed by its tag (16)

The data key is made for this file and used for nothing else, so the number of a chunk is its nonce (NIST SP 800-38D §8.2.1); what is bound
to each chunk is the head of the file (length, name, form), so that chunks cannot be cut off, moved or swapped between files. Two slots hold
the data key sealed with a key of the keyring: a new key is written into the older slot, and the newer of the right ones counts, so that a
kill in between loses nothing (``rewrap``).

A file that grows (``Growing``) does not know its length when its head is written. Its last chunk is shorter than the others, perhaps
empty, and has the first bit of its nonce set (Rogaway's STREAM): a file without it was cut, or its writer died. Whoever knows that may
ask for what there is (``unfinished``).
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from yitong.kit.placed import Placed

CHUNK = 64 * 1024
TAG = 16
BODY = 512
GREW = (1 << 64) - 1
_LARGEST_CHUNK = 1 << 20
_LAST = 1 << 95
_MAGIC = b"YTSEAL1\n"
_HEAD = struct.Struct(">8sQ16s4sI24x")
_SPARE = 24
_SLOT = struct.Struct(">I16s12s48sI")
_SLOTS = (_HEAD.size, _HEAD.size + 128)
_ZEROS = ((_HEAD.size - _SPARE, _HEAD.size), (_SLOTS[0] + _SLOT.size, _SLOTS[1]), (_SLOTS[1] + _SLOT.size, BODY))
"""What of the head says nothing, from and to."""

Find = Callable[[str], bytes]
"""The 32 octets of the key with this id. Raises KeyMissing."""


class Damaged(Exception):
    """The file is not as it was written: cut, changed, or another's."""


class Unfinished(Damaged):
    """The file has no last chunk: its writer is at it, or died, or it was cut."""


class KeyMissing(Exception):
    """The key with this id is not in the keyring, so nothing that it seals can be read."""

    def __init__(self, id: str) -> None:
        super().__init__(f"the key {id} is missing")
        self.id = id


class Head(NamedTuple):
    """What the head of a sealed file says. ``key``: the id of the key that seals its data key; ``grain``: content of a chunk, 0: CHUNK."""

    length: int
    name: str
    form: str
    key: str
    slot: int = 0
    generation: int = 1
    wrapped: bytes = b""
    grain: int = 0

    @property
    def bound(self) -> bytes:
        """What is bound to each chunk."""
        return _HEAD.pack(_MAGIC, self.length, UUID(self.name).bytes, self.form.encode().ljust(4), self.grain)

    @property
    def chunk(self) -> int:
        """How much content a whole chunk has."""
        return self.grain or CHUNK


def read_head(file: BinaryIO) -> Head:
    """The head of a sealed file. Raises Damaged."""
    file.seek(0)
    start = file.read(BODY)
    if len(start) < BODY or start[:8] != _MAGIC:
        raise Damaged("no sealed file")
    _, length, name, form, grain = _HEAD.unpack_from(start)
    if any(start.count(0, first, end) != end - first for first, end in _ZEROS):
        raise Damaged("the head was changed")
    if (length == GREW) != bool(grain) or grain > _LARGEST_CHUNK:
        raise Damaged("the head was changed")
    best: Head | None = None
    for number, at in enumerate(_SLOTS):
        generation, key, nonce, wrapped, check = _SLOT.unpack_from(start, at)
        if zlib.crc32(start[at : at + _SLOT.size - 4]) == check and generation and (best is None or generation > best.generation):
            best = Head(length, str(UUID(bytes=name)), form.decode("ascii", "replace").rstrip(), str(UUID(bytes=key)), number, generation,
                        nonce + wrapped, grain)  # fmt: skip
    if best is None:
        raise Damaged("no slot is right")
    return best


def is_sealed(path: Path) -> bool:
    """Whether the file says of itself that it is sealed. Raises FileNotFoundError."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


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


def _nonce(number: int, last: bool = False) -> bytes:
    return (number | _LAST if last else number).to_bytes(12, "big")


def _start(head: Head, data_key: bytes, key: tuple[str, bytes]) -> bytes:
    """The octets before the first chunk of a new file."""
    slot = _slot(1, key[0], _wrap(key[1], data_key, head.bound))
    start = head.bound.ljust(BODY, b"\0")
    return start[: _SLOTS[0]] + slot + start[_SLOTS[0] + len(slot) :]


def _create(target: Path) -> int:
    return os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)


def seal(source: BinaryIO, target: Path, *, name: str, form: str, key: tuple[str, bytes], lasting: bool = True) -> int:
    """Seal all of ``source`` into the new file ``target``, on disk when this returns (unless not ``lasting``); answers the length.

    ``key``: its id and octets.
    """
    source.seek(0, os.SEEK_END)
    length = source.tell()
    source.seek(0)
    data_key = secrets.token_bytes(32)
    head = Head(length, name, form, key[0])
    cipher, bound = AESGCM(data_key), head.bound
    with os.fdopen(_create(target), "wb") as out:
        out.write(_start(head, data_key, key))
        done, number = 0, 0
        while chunk := source.read(CHUNK):
            out.write(cipher.encrypt(_nonce(number), chunk, bound))
            done, number = done + len(chunk), number + 1
        if done != length:
            raise Damaged("the source changed while it was sealed")
        out.flush()
        if lasting:
            os.fsync(out.fileno())
    return length


class Growing:
    """A new sealed file whose content comes bit by bit: it is never on disk in the clear, and what was written of it can be read.

    ``chunk``: content of a chunk; less than that waits in memory for more. That it is on disk is for whoever finds it finished.
    """

    def __init__(self, target: Path, *, name: str, form: str, key: tuple[str, bytes], chunk: int) -> None:
        """Raises OSError."""
        data_key = secrets.token_bytes(32)
        head = Head(GREW, name, form, key[0], grain=chunk)
        self._chunk = chunk
        self._cipher, self._bound = AESGCM(data_key), head.bound
        self._number = 0
        self._rest = b""
        self._torn = False
        self._file = _create(target)
        _write_at(self._file, _start(head, data_key, key), 0)

    @property
    def length(self) -> int:
        """How much content was written, and waits."""
        return self._number * self._chunk + len(self._rest)

    def append(self, data: bytes) -> None:
        """More content. Raises OSError: what was given with this call is not in the file, and no more can come (no nonce serves twice)."""
        if self._torn:
            raise OSError(errno.EIO, "a former write failed")
        self._torn = True
        whole = self._rest + data if self._rest else data
        count = len(whole) // self._chunk
        cut, view = count * self._chunk, memoryview(whole)
        octets = b"".join(
            self._cipher.encrypt(_nonce(self._number + at // self._chunk), view[at : at + self._chunk], self._bound)
            for at in range(0, cut, self._chunk)
        )
        _write_at(self._file, octets, self._place(self._number))
        self._number, self._rest, self._torn = self._number + count, whole[cut:], False

    def finish(self) -> None:
        """Write what waits as the last chunk; what a failed write left behind it is cut off. Raises OSError."""
        place = self._place(self._number)
        octets = self._cipher.encrypt(_nonce(self._number, last=True), self._rest, self._bound)
        os.ftruncate(self._file, place)
        _write_at(self._file, octets, place)

    def content(self) -> Iterator[bytes]:
        """Everything that is in the file now, read back from it. Raises OSError, Damaged."""
        for number in range(self._number + 1):
            last = number == self._number
            size = (len(self._rest) if last else self._chunk) + TAG
            try:
                yield self._cipher.decrypt(_nonce(number, last), os.pread(self._file, size, self._place(number)), self._bound)
            except InvalidTag as error:
                raise Damaged("what was written cannot be read back") from error

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._file)

    def _place(self, number: int) -> int:
        return BODY + number * (self._chunk + TAG)


def _write_at(file: int, octets: bytes, at: int) -> None:
    view = memoryview(octets)
    while view:
        done = os.pwrite(file, view, at)
        view, at = view[done:], at + done


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
        file.seek(_SLOTS[1 - head.slot])
        if any(file.read(_SLOT.size)):
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


class Opened(Placed):
    """The content of a sealed file, readable at any place. Raises Damaged where it was changed, when that place is read.

    ``complete``: it has its end; only with ``unfinished`` may it be without, and is then as long as what was there when it was opened.
    """

    def __init__(self, source: Path | BinaryIO, find: Find, *, name: str = "", unfinished: bool = False) -> None:
        """``name``: what must be sealed there. Raises FileNotFoundError, Damaged (Unfinished), KeyMissing."""
        super().__init__()
        self._file: BinaryIO = source.open("rb") if isinstance(source, Path) else source
        try:
            self.head = read_head(self._file)
            if name and self.head.name != name:
                raise Damaged("another's file stands here")
            self._cipher = AESGCM(_unwrap(self.head, find))
            self._held = (-1, b"")
            self.length, self.complete = self._measured()
        except BaseException:
            self._file.close()
            raise
        if not self.complete and not unfinished:
            self._file.close()
            raise Unfinished("the file has no end: it was cut, or its writer is at it or died")

    def _measured(self) -> tuple[int, bool]:
        """How much content there is, and whether it has its end."""
        head = self.head
        body = self._file.seek(0, os.SEEK_END) - BODY
        if head.length != GREW:
            if body != head.length + TAG * -(-head.length // head.chunk):
                raise Damaged("the file is shorter or longer than it was written")
            return head.length, True
        whole, tail = divmod(body, head.chunk + TAG)
        if tail >= TAG:
            self._file.seek(BODY + whole * (head.chunk + TAG))
            try:
                self._held = (whole, self._cipher.decrypt(_nonce(whole, last=True), self._file.read(tail), head.bound))
            except InvalidTag:
                pass  # a chunk that is being written
            else:
                return whole * head.chunk + tail - TAG, True
        return whole * head.chunk, False

    def _size(self) -> int:
        return self.length

    def _piece(self, at: int, most: int) -> bytes:
        number, offset = divmod(at, self.head.chunk)
        return self._content(number)[offset : offset + most]

    def _content(self, number: int) -> bytes:
        chunk = self.head.chunk
        left = self.length - number * chunk
        if left <= 0:
            return b""
        if self._held[0] != number:
            self._file.seek(BODY + number * (chunk + TAG))
            sealed = self._file.read(min(chunk, left) + TAG)
            try:
                self._held = (number, self._cipher.decrypt(_nonce(number, self._ends(left)), sealed, self.head.bound))
            except InvalidTag as error:
                raise Damaged(f"chunk {number} was changed") from error
        return self._held[1]

    def _ends(self, left: int) -> bool:
        """Whether the chunk with so much behind its beginning is the last of a file that grew."""
        return self.head.length == GREW and left < self.head.chunk

    def close(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()
        super().close()


def open_sealed(source: Path | BinaryIO, find: Find, *, name: str = "", unfinished: bool = False) -> io.BufferedReader:
    """``Opened`` behind a buffer: reads are whole. Raises FileNotFoundError, Damaged, KeyMissing."""
    return io.BufferedReader(Opened(source, find, name=name, unfinished=unfinished), CHUNK)

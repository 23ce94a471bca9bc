"""The files of recordings: plain as the media processes wrote them, sealed after the call, Ogg Opus later; made, read, checked, removed.

Everything here blocks and belongs into a thread. A new file is made under a name of its own, read back, and only then put in its place; the
old one is removed by whoever has written into the database that there is a new one. So a kill at any moment leaves one whole file at least.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
import numpy as np

from yitong.kit.kept import PART, KeptFolder
from yitong.kit.keyring import Keyring, sync_folder
from yitong.kit.lending import Borrower
from yitong.kit.sealing import Damaged, KeyMissing, Opened, is_sealed, open_sealed, read_head, rewrap, seal
from yitong.kit.serving import pieces
from yitong.media import loudness, opus_file, wav
from yitong.media.opus_file import NoSound, Reading, Samples

SEALED = ".sealed"
POINTS = 1_000
"""Steps of loudness that are kept of a recording."""
_BLOCK = 1 << 20
_READ = 1 << 16
_FRAME = 4
_LOUD = 50.0
"""Mean amplitude of a track from which it must sound the same after encoding."""

FAULTS = (FileNotFoundError, Damaged, KeyMissing, NoSound)
"""What reading a recording may raise besides OSError."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A recording's file as the database knows it. ``bytes``, ``sha256``: of the content in the clear; "" when nobody knew."""

    tenant: str
    id: str
    file: str
    form: str = "wav"
    sealed: bool = False
    bytes: int = 0
    sha256: str = ""
    milliseconds: int = 0


Octets = bytes


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was made in place of another."""

    file: str
    form: str
    key: str
    bytes: int
    sha256: str
    milliseconds: int
    loudness: Octets = b""


class Grown(NamedTuple):
    """A piece of a recording that is being made, where it ends, and whether that is the end; the form says how many tracks."""

    samples: Octets
    at: int
    over: bool
    form: str


class Differs(Exception):
    """The content is not what the ledger says, or not what was encoded. ``code``: digest, length, sound."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Vault(KeptFolder):
    """The recordings folder with the keys that open what is sealed there; ``elsewhere``: how files of other machines are read."""

    keyring: Keyring

    def __init__(self, folder: Path, keyring: Keyring, elsewhere: Borrower | None = None) -> None:
        super().__init__(folder, keyring)
        self.elsewhere = elsewhere

    def here(self, file: str) -> bool:
        """Whether a file lies on this machine."""
        return self.path(file).is_file()

    def mine(self, one: Stored) -> Path:
        """Where a file lies that is to be changed, which is done on its machine. Raises FileNotFoundError."""
        path = self.path(one.file)
        if not path.is_file():
            raise FileNotFoundError(one.file)
        return path

    def lies_elsewhere(self, file: str) -> bool:
        """Whether another machine has the file, and this one has not."""
        if self.elsewhere is None or self.here(file):
            return False
        try:
            self.elsewhere.open(file).close()
        except FileNotFoundError:
            return False
        return True

    def source(self, file: str) -> Path | BinaryIO:
        """Where a file is read as it lies there: on this machine, else on another. Raises FileNotFoundError."""
        return self.path(file) if self.elsewhere is None or self.here(file) else self.elsewhere.open(file)

    def content(self, one: Stored) -> BinaryIO:
        """The content in the clear: WAV or Ogg Opus; what nobody has looked after may lie plain, or be without its end. Raises FAULTS."""
        return _whole(self._opened(one, self.source(one.file)))

    def _opened(self, one: Stored, source: Path | BinaryIO) -> Opened | BinaryIO:
        if isinstance(source, Path) and not one.sealed and not is_sealed(source):
            return source.open("rb")
        return Opened(source, self.keyring.find(one.tenant), name=one.id, unfinished=not one.sealed)

    def grown(self, one: Stored, at: int, most: int) -> Grown:
        """Samples from octet ``at`` on of a recording that may still be made; below 0: so much before its end of now. Raises FAULTS."""
        with Opened(self.source(one.file), self.keyring.find(one.tenant), name=one.id, unfinished=True) as opened:
            first = at if at >= 0 else max(0, opened.length + at) // _FRAME * _FRAME
            opened.seek(first)
            samples = io.BufferedReader(opened, _READ).read(most)
            return Grown(samples, first + len(samples), opened.complete and first + len(samples) >= opened.length, opened.head.form)

    def size(self, one: Stored) -> int:
        """How long the content is. Raises FAULTS."""
        with self.content(one) as content:
            return content.seek(0, os.SEEK_END)

    def sound(self, one: Stored, form: str = "wav") -> Sound:
        """The content in a form, whichever it has. Raises FAULTS."""
        file = self.content(one)
        try:
            if form == "opus" and one.form == "wav":
                with file:
                    return Sound(_encoded(Reading(file), Reading)[0], decode=False)
            return Sound(file, decode=one.form != form)
        except BaseException:
            file.close()
            raise

    def keep(self, one: Stored) -> Made:
        """What the media process wrote, read back whole: sealed as it is when it was so from its first octet and has its end, else a sealed
        file beside it. Raises Differs when it is not what the ledger says, FAULTS."""
        path = self.mine(one)
        opened = self._opened(one, path)
        with _whole(opened) as written:
            size, digest = _digest(written)
            if one.sha256 and digest != one.sha256:
                raise Differs("length" if size != one.bytes else "digest")
            reading = Reading(written)
            drawn, frames = _loudness(reading), reading.frames
            if not (isinstance(opened, Opened) and opened.complete):
                made = self._put(one, written, one.file + SEALED, "wav", size, digest, frames)
                return msgspec.structs.replace(made, loudness=drawn)
        _lasting(path)
        milliseconds = frames * 1000 // wav.RATE
        return Made(file=one.file, form="wav", key=opened.head.key, bytes=size, sha256=digest, milliseconds=milliseconds, loudness=drawn)

    def loudness(self, one: Stored) -> bytes:
        """How loud it is, as it is kept. Raises FAULTS."""
        with self.content(one) as content:
            return _loudness(Reading(content))

    def encode(self, one: Stored) -> Made:
        """A sealed Ogg Opus file beside the sealed WAV: as long, and sounding the same on each track. Raises Differs, FAULTS."""
        self.mine(one)
        with self.content(one) as content:
            encoded, frames = _encoded(Reading(content), Reading)
        size, digest = _digest(encoded)
        stem = one.file.removesuffix(SEALED).removesuffix(".wav")
        return self._put(one, encoded, f"{stem}.opus{SEALED}", "opus", size, digest, frames)

    def _put(self, one: Stored, content: BinaryIO, file: str, form: str, size: int, digest: str, frames: int) -> Made:
        key, target = self.keyring.current(one.tenant), self.path(file)
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}{PART}")
        try:
            seal(content, part, name=one.id, form=form, key=key)
            with open_sealed(part, self.keyring.find(one.tenant), name=one.id) as back:
                if _digest(back) != (size, digest):
                    raise Damaged("what was written cannot be read back")
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(target.parent)
        return Made(file=file, form=form, key=key[0], bytes=size, sha256=digest, milliseconds=frames * 1000 // wav.RATE)

    def renew(self, one: Stored) -> str:
        """Have the newest key open the file; answers its id. Raises FAULTS."""
        key = self.keyring.current(one.tenant)
        rewrap(self.mine(one), self.keyring.find(one.tenant), key)
        return key[0]

    def check(self, one: Stored, *, whole: bool) -> str:
        """What is wrong: "", missing, key_missing, damaged, length, digest. ``whole``: read all of it, not its size alone."""
        try:
            with self.content(one) as content:
                size, digest = _digest(content) if whole else (content.seek(0, os.SEEK_END), "")
        except FileNotFoundError:
            return "missing"
        except KeyMissing:
            return "key_missing"
        except Damaged:
            return "damaged"
        if one.bytes and size != one.bytes:
            return "length"
        return "digest" if whole and one.sha256 and digest != one.sha256 else ""

    def head_of(self, file: str) -> str:
        """The id of the key that opens a sealed file; "" when its head cannot be read."""
        try:
            with self.path(file).open("rb") as opened:
                return read_head(opened).key
        except (OSError, Damaged):
            return ""


class Sound:
    """A recording as a file of ``size`` octets, of which any can be asked for; close it. ``decode``: as WAV, whatever lies beneath."""

    def __init__(self, file: BinaryIO, *, decode: bool) -> None:
        """Raises NoSound, Damaged."""
        self._file = file
        self._reading = Reading(file) if decode else None
        self._frame = 2 * self._reading.channels if self._reading else 0
        self.size = wav.HEADER + self._reading.frames * self._frame if self._reading else file.seek(0, os.SEEK_END)

    def octets(self, first: int, last: int) -> Iterator[bytes]:
        """From octet ``first`` to ``last``. Raises Damaged, NoSound at the place that cannot be read."""
        if self._reading is None:
            yield from pieces(self._file, first, last - first + 1)
            return
        if first < wav.HEADER:
            head = wav.header(self._reading.frames * self._frame, self._reading.channels)
            yield head[first : last + 1]
            first = wav.HEADER
        begin, skipped = divmod(first - wav.HEADER, self._frame)
        left = last - first + 1
        for block in self._reading.blocks(begin) if left > 0 else ():
            octets = block.astype("<i2").tobytes()[skipped:][:left]
            skipped, left = 0, left - len(octets)
            yield octets
            if left <= 0:
                return

    def pcm(self) -> tuple[int, int, Iterator[Samples]]:
        """Samples of a track, tracks, and all of it as blocks [frames, channels] of a second. Raises NoSound, Damaged."""
        reading = self._reading or Reading(self._file)
        return reading.frames, reading.channels, reading.blocks()

    def close(self) -> None:
        self._file.close()


def _whole(opened: Opened | BinaryIO) -> BinaryIO:
    return wav.whole(io.BufferedReader(opened, _READ), opened.head.form) if isinstance(opened, Opened) else opened


def _loudness(reading: Reading) -> bytes:
    loud = loudness.Loudness(reading.frames, reading.channels, POINTS)
    for block in reading.blocks():
        loud.feed(block)
    return loudness.packed(loud.top)


def _lasting(path: Path) -> None:
    """What others wrote into the file is on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(path.parent)


def _digest(file: BinaryIO) -> tuple[int, str]:
    """Length and SHA-256 of all of it."""
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while block := file.read(_BLOCK):
        digest.update(block)
        size += len(block)
    return size, digest.hexdigest()


def _encoded(source: Reading, reading: type[Reading]) -> tuple[io.BytesIO, int]:
    """Ogg Opus in memory (a tenth of a gigabyte for ten hours), compared with what was encoded. Raises Differs."""
    out = io.BytesIO()
    opus_file.encode(source.blocks(), out, source.channels)
    out.seek(0)
    back = reading(out)
    if (back.frames, back.channels) != (source.frames, source.channels):
        raise Differs("length")
    sums = np.zeros((3, source.channels))
    for before, after in zip(source.blocks(), back.blocks(), strict=True):
        a, b = before.astype(np.float64), after.astype(np.float64)
        sums += np.stack([(a * a).sum(axis=0), (b * b).sum(axis=0), (a * b).sum(axis=0)])
    loud = sums[0] > _LOUD**2 * max(source.frames, 1)
    alike = sums[2] > 0.7 * np.sqrt(sums[0] * sums[1])
    if not bool(np.all(alike | ~loud)):
        raise Differs("sound")
    return out, source.frames

"""Recordings to disk, by a thread of its own behind a bounded queue: the tick never waits for a disk.

What there is to do is gathered and handed over by ``flush``, some times a second: a thread that is woken for each piece of each recording
takes the interpreter from the tick each time.

With keys a file is sealed from its first octet: nothing of it is on disk in the clear, and after a kill it can be read to its last
whole chunk (``kit/sealing.py``). Its content is the samples alone; their WAV header follows from their length. Without keys it is a plain
WAV whose header is written anew with every second of audio, so that it is right up to its last second even after a kill.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

from yitong.kit.kept import KeptFolder
from yitong.kit.keyring import Keyring
from yitong.kit.sealing import Damaged, Growing, KeyMissing
from yitong.media import wav
from yitong.media.rtp import FRAME
from yitong.media.tracks import Piece, to_samples

_MOST_WAITING = 64 << 20
_BLOCK = 1 << 20
_CHUNK = 25 * 2 * FRAME
"""Octets of a track in a chunk of a sealed file: half a second, so that a kill costs little and a second two encryptions."""


class Written(NamedTuple):
    """A file is closed. ``complete`` is false when the disk was full or too slow; ``alarm`` then says which."""

    recording: str
    bytes: int
    sha256: str
    complete: bool


Octets = bytes


class _File(Protocol):
    """One open recording. ``bytes``: of the audio."""

    channels: int
    bytes: int
    complete: bool

    def append(self, data: Octets) -> None:
        """Audio. Raises OSError."""
        ...

    def finish(self) -> str:
        """End and close it; the digest of the whole as a WAV file. Raises OSError, Damaged."""
        ...


class _Plain:
    """A WAV file."""

    def __init__(self, path: Path, channels: int) -> None:
        self.channels = channels
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self.bytes = 0
        self.complete = True
        os.write(self.descriptor, wav.header(0, channels))

    def append(self, data: bytes) -> None:
        """Audio, then the header that fits it."""
        view = memoryview(data)
        at = wav.HEADER + self.bytes
        while view:
            done = os.pwrite(self.descriptor, view, at)
            view, at = view[done:], at + done
        self.bytes += len(data)
        os.pwrite(self.descriptor, wav.header(self.bytes, self.channels), 0)

    def finish(self) -> str:
        """Cut what a failed write left, and the digest of the whole."""
        if not self.complete:
            os.ftruncate(self.descriptor, wav.HEADER + self.bytes)
        digest = hashlib.sha256()
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        while block := os.read(self.descriptor, _BLOCK):
            digest.update(block)
        os.close(self.descriptor)
        return digest.hexdigest()


class _Sealed:
    """Samples that are sealed as they come."""

    def __init__(self, file: Growing, channels: int) -> None:
        self.channels = channels
        self.bytes = 0
        self.complete = True
        self._file = file

    def append(self, data: bytes) -> None:
        self._file.append(data)
        self.bytes += len(data)

    def finish(self) -> str:
        """What is hashed was read back from the file and opened."""
        try:
            self._file.finish()
            digest = hashlib.sha256(wav.header(self.bytes, self.channels))
            for block in self._file.content():
                digest.update(block)
        finally:
            self._file.close()
        return digest.hexdigest()


class Writer:
    """Writes the recordings of a worker below ``folder``, sealed if there are keys."""

    def __init__(self, folder: Path, keyring: Keyring | None = None) -> None:
        self._root = folder.resolve()
        self._kept = KeptFolder(self._root, keyring)
        self._made: set[Path] = set()
        self._files: dict[str, _File] = {}
        self._queue: SimpleQueue[list[Callable[[], None]] | None] = SimpleQueue()
        self._gathered: list[Callable[[], None]] = []
        self._waiting = 0
        self._lock = threading.Lock()
        self.closed: deque[Written] = deque()
        self.failed: deque[tuple[str, str]] = deque()
        self._thread = threading.Thread(target=self._work, name="recordings", daemon=True)
        self._thread.start()

    def resolve(self, name: str) -> Path | None:
        """The path of a recording below the folder; None when the name leads out of it."""
        if not name or name.startswith("/") or any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
            return None
        return self._root / name

    def open(self, recording: str, path: Path, channels: int = 2) -> None:
        """Begin a file, stereo or the left track alone; a failure appears in ``failed``."""
        self._gathered.append(lambda: self._open(recording, path, channels))

    def write(self, recording: str, piece: Piece) -> bool:
        """Append audio; false when too much is waiting already (a disk that stands): end the recording."""
        with self._lock:
            if self._waiting + piece.octets.nbytes > _MOST_WAITING:
                return False
            self._waiting += piece.octets.nbytes
        self._gathered.append(lambda: self._write(recording, piece))
        return True

    def finish(self, recording: str, complete: bool) -> None:
        """Close a file; its ``Written`` appears in ``closed``."""
        self._gathered.append(lambda: self._finish(recording, complete))

    def flush(self) -> None:
        """Let the thread do what was gathered."""
        if self._gathered:
            self._queue.put(self._gathered)
            self._gathered = []

    def close(self, seconds: float) -> None:
        """Write what waits and end the thread."""
        self.flush()
        self._queue.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        while True:
            try:
                jobs = self._queue.get(timeout=1.0)
            except Empty:
                continue
            if jobs is None:
                return
            for job in jobs:
                job()

    def _open(self, recording: str, path: Path, channels: int) -> None:
        try:
            if path.parent not in self._made or not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._made = {path.parent}
            grown = self._kept.grow(path.relative_to(self._root).as_posix(), wav.FORMS[channels], channels * _CHUNK)
            self._files[recording] = _Plain(path, channels) if grown is None else _Sealed(grown, channels)
        except KeyMissing as error:
            self.failed.append((recording, str(error)))
        except OSError as error:
            self.failed.append((recording, error.strerror or str(error)))

    def _write(self, recording: str, piece: Piece) -> None:
        with self._lock:
            self._waiting -= piece.octets.nbytes
        file = self._files.get(recording)
        if file is None or not file.complete:
            return
        try:
            file.append(to_samples(piece, file.channels))
        except OSError as error:
            file.complete = False
            self.failed.append((recording, error.strerror or str(error)))

    def _finish(self, recording: str, complete: bool) -> None:
        file = self._files.pop(recording, None)
        if file is None:
            self.closed.append(Written(recording, 0, "", False))
            return
        try:
            digest = file.finish()
        except (OSError, Damaged):
            digest, file.complete = "", False
        self.closed.append(Written(recording, wav.HEADER + file.bytes, digest, complete and file.complete))

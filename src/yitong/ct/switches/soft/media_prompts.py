"""Prompts and music: loaded by a thread of their own, kept as samples in memory up to a size, never read on the tick's thread."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from yitong.ct.model import Prompt
from yitong.kit.kept import KeptFolder
from yitong.kit.keyring import Keyring
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.media import tones, wav
from yitong.media.player import Piece

Ready = Callable[[tuple[Piece, ...] | None], None]
RECORDING = "recording:"
_SAMPLES_PER_MS = 8
_LARGEST_FILE = 64 << 20


class Prompts:
    """The files below ``folder``; at most ``most_bytes`` of samples are kept, the longest unused go first.

    Names that begin with ``recording:`` are below ``recordings`` (messages that callers left, sealed if there are keys).
    """

    def __init__(self, folder: Path, most_bytes: int, recordings: Path | None = None, keyring: Keyring | None = None) -> None:
        self._folder = folder.resolve()
        self._recordings = KeptFolder(recordings if recordings is not None else folder, keyring)
        self._most = most_bytes
        self._kept: OrderedDict[str, tuple[Piece, tuple[int, int]]] = OrderedDict()
        self._bytes = 0
        self._paths: dict[str, str] = {}
        self._wanted: SimpleQueue[tuple[tuple[Prompt, ...], Ready] | None] = SimpleQueue()
        self._loaded: deque[tuple[Ready, tuple[Piece, ...] | None]] = deque()
        self._thread = threading.Thread(target=self._work, name="prompts", daemon=True)
        self._thread.start()

    def ask(self, prompts: tuple[Prompt, ...], ready: Ready) -> None:
        """Give the pieces of a play list to ``ready`` in ``deliver``; None when a file is missing or unusable."""
        self._wanted.put((prompts, ready))

    def deliver(self) -> None:
        """Call back for all that was loaded; on the tick's thread, once a step."""
        while self._loaded:
            ready, pieces = self._loaded.popleft()
            ready(pieces)

    def close(self) -> None:
        """End the thread."""
        self._wanted.put(None)
        self._thread.join(2.0)

    def _work(self) -> None:
        while (wanted := self._wanted.get()) is not None:
            prompts, ready = wanted
            try:
                pieces = tuple(self._piece(prompt) for prompt in prompts)
            except (OSError, ValueError, Damaged, KeyMissing):
                self._loaded.append((ready, None))
            else:
                self._loaded.append((ready, pieces))

    def _piece(self, prompt: Prompt) -> Piece:
        """One piece. Raises OSError, ValueError, Damaged, KeyMissing."""
        name = prompt.file or (tones.PREFIX + prompt.tone if prompt.tone else "")
        if not name:
            return Piece(None, max(0, prompt.silence_ms) * _SAMPLES_PER_MS)
        if name.startswith(tones.PREFIX):
            return self._keep(name, (0, 0), lambda: tones.tone(name))
        path = self._paths.get(prompt.file) or self._find(prompt.file)
        state = os.stat(path)
        if state.st_size > _LARGEST_FILE:
            raise ValueError("too large")
        version = (state.st_mtime_ns, state.st_size)
        if prompt.file.startswith(RECORDING):
            return self._keep(prompt.file, version, lambda: self._recorded(prompt.file.removeprefix(RECORDING)))
        return self._keep(prompt.file, version, lambda: wav.read(Path(path).read_bytes()))

    def _recorded(self, file: str) -> np.typing.NDArray[np.int16]:
        content, form = self._recordings.open(file)
        with wav.whole(content, form) as sound:
            return wav.read(sound.read())

    def _find(self, name: str) -> str:
        """The path of a file, looked for once."""
        if name.startswith(RECORDING):
            return str(self._recordings.path(name.removeprefix(RECORDING)))
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder):
            raise ValueError("outside the prompts' folder")
        if path.is_file():
            self._paths[name] = str(path)
        return str(path)

    def _keep(self, name: str, version: tuple[int, int], load: Callable[[], np.typing.NDArray[np.int16] | None]) -> Piece:
        """The piece of ``name``, loaded when it is new or has changed."""
        kept = self._kept.get(name)
        if kept is not None and kept[1] == version:
            self._kept.move_to_end(name)
            return kept[0]
        samples = load()
        if samples is None:
            raise ValueError(f"no such tone: {name}")
        if kept is not None:
            self._bytes -= 2 * kept[0].length
        piece = Piece(samples)
        self._kept[name] = (piece, version)
        self._kept.move_to_end(name)
        self._bytes += 2 * piece.length
        while self._bytes > self._most and len(self._kept) > 1:
            _, (old, _) = self._kept.popitem(last=False)
            self._bytes -= 2 * old.length
        return piece

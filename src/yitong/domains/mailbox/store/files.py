"""The files of messages: sealed by the media process as they are spoken, plain where they are of older days."""

from __future__ import annotations

from typing import BinaryIO

from yitong.kit.kept import KeptFolder
from yitong.kit.sealing import Damaged, KeyMissing, Unfinished
from yitong.media import wav

FORM = "wav"
FAULTS = (FileNotFoundError, Damaged, KeyMissing)
"""What reading a message may raise besides OSError."""


class MessagesFolder(KeptFolder):
    """Where the media processes write what callers say."""

    def sound(self, file: str, *, unfinished: bool = False) -> BinaryIO:
        """A message as a WAV file. Raises FAULTS, OSError."""
        content, form = self.open(file, unfinished=unfinished)
        return wav.whole(content, form)

    def sound_of_all(self, file: str) -> bytes:
        """All of a WAV file. Raises as ``sound``."""
        with self.sound(file) as sound:
            return sound.read()

    def end(self, file: str) -> bytes:
        """What there is of a message whose writer may have died, as a WAV file; from now on it has an end. Raises as ``sound``."""
        try:
            return self.sound_of_all(file)
        except Unfinished:
            with self.sound(file, unfinished=True) as sound:
                held = sound.read()
            self.put(file, held, FORM)
            return held

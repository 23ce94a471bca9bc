"""Two tracks as Ogg Opus (RFC 6716, RFC 7845) and back, by libsndfile: 8 kHz, each track its own, the number of samples kept.

Opus is asked for 24 kbit/s a track: telephone speech does not gain from more. What is said on one track is not heard on the other: the
tracks are encoded as a pair whose difference survives (``tests/media/test_opus_file.py`` measures it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from yitong.media.wav import RATE

Samples = NDArray[np.int16]
BLOCK = RATE
"""Frames at a time: a second."""


class NoSound(Exception):
    """The file cannot be read as sound of ours; the text says why."""


def encode(blocks: Iterator[Samples], out: BinaryIO, channels: int, tags: Mapping[str, str] | None = None) -> int:
    """Write blocks [frames, channels] as Ogg Opus; answers the frames. ``tags``: title, comment, and what libsndfile knows besides."""
    frames = 0
    with soundfile.SoundFile(out, "w", samplerate=RATE, channels=channels, format="OGG", subtype="OPUS") as sound:
        for name, value in (tags or {}).items():
            setattr(sound, name, value)
        for block in blocks:
            sound.write(block)
            frames += len(block)
    return frames


class Reading:
    """A sound file of ours, WAV or Ogg Opus, 8 kHz, 16 bit, from any place on."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises NoSound."""
        file.seek(0)
        try:
            self._sound = soundfile.SoundFile(file)
        except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
            raise NoSound(str(error)[:200]) from error
        if self._sound.samplerate != RATE:
            raise NoSound(f"{self._sound.samplerate} Hz")
        self.frames = int(self._sound.frames)
        self.channels = int(self._sound.channels)

    def blocks(self, first: int = 0, count: int | None = None) -> Iterator[Samples]:
        """Frames [.., channels] from ``first`` on, ``count`` of them or all. Raises NoSound."""
        left = self.frames - first if count is None else min(count, self.frames - first)
        try:
            self._sound.seek(first)
            while left > 0:
                block: Samples = np.asarray(self._sound.read(min(left, BLOCK), dtype="int16", always_2d=True), dtype=np.int16)
                if not len(block):
                    return
                left -= len(block)
                yield block
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise NoSound(str(error)[:200]) from error

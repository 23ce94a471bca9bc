"""A recording that is taken away: who took it stands in the file in words, and in the sound as a mark."""

from __future__ import annotations

import io
from collections.abc import Iterator

import msgspec

from yitong.domains.quality.store.vault import Sound
from yitong.media import opus_file, wav
from yitong.media.opus_file import Samples
from yitong.media.watermark import Marker


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes which recording away, when (ISO 8601), and the ticket under which that is noted."""

    ticket: str
    username: str
    recording: str
    at: str

    @property
    def words(self) -> str:
        """One line for the file."""
        return f"ticket {self.ticket} user {self.username} recording {self.recording} at {self.at}"


def marked_wav(sound: Sound, secret: bytes, taken: Taken) -> tuple[int, Iterator[bytes]]:
    """Size and pieces of a WAV file. Raises NoSound, Damaged."""
    frames, channels, blocks = sound.pcm()
    data = frames * 2 * channels
    head = wav.tagged_header(data, channels, {"ICMT": taken.words, "IART": taken.username, "ICRD": taken.at[:10], "ISFT": "Yitong"})

    def pieces() -> Iterator[bytes]:
        yield head
        for block in marked(blocks, secret, taken):
            yield block.astype("<i2").tobytes()

    return len(head) + data, pieces()


def marked_opus(sound: Sound, secret: bytes, taken: Taken) -> tuple[int, Iterator[bytes]]:
    """Size and pieces of an Ogg Opus file. Raises NoSound, Damaged."""
    out = io.BytesIO()
    _, channels, blocks = sound.pcm()
    tags = {"comment": taken.words, "artist": taken.username, "date": taken.at[:10]}
    opus_file.encode(marked(blocks, secret, taken), out, channels, tags)
    octets = out.getvalue()
    return len(octets), iter((octets,))


def marked(blocks: Iterator[Samples], secret: bytes, taken: Taken) -> Iterator[Samples]:
    """The sound with the ticket's mark."""
    marker: Marker | None = None
    for block in blocks:
        marker = marker or Marker(secret, taken.ticket.encode(), block.shape[1])
        yield marker.feed(block)
    if marker is not None:
        yield marker.flush()

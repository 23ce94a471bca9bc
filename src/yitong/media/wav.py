"""WAV files: 8 kHz, 16 bit, PCM; mono to read, stereo to write."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

HEADER = 44
RATE = 8000
FORMS = {1: "pcm1", 2: "pcm2"}
"""How files of samples without a header call themselves, by tracks."""
_CHANNELS = {form: channels for channels, form in FORMS.items()}


def header(data_bytes: int, channels: int = 2) -> bytes:
    """The 44 octets before ``data_bytes`` of 16-bit samples."""
    block = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", HEADER - 8 + data_bytes, b"WAVE", b"fmt ", 16, 1, channels, RATE, RATE * block, block, 16, b"data", data_bytes,
    )  # fmt: skip


def endless(channels: int) -> bytes:
    """The header before samples of which nobody knows how many will come."""
    return header(0xFFFFFFFF - (HEADER - 8), channels)


class Headed(io.RawIOBase):
    """A WAV file whose samples stand in a file of their own: the header follows from how many there are."""

    def __init__(self, samples: BinaryIO, channels: int) -> None:
        super().__init__()
        self._samples = samples
        frame = 2 * channels
        self._header = header(samples.seek(0, os.SEEK_END) // frame * frame, channels)
        self._size = HEADER + samples.tell() // frame * frame
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._header[self._at : self._at + len(buffer)]
        if self._at >= HEADER:
            self._samples.seek(self._at - HEADER)
            piece = self._samples.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._samples.close()
        super().close()


def channels_of(form: str) -> int:
    """How many tracks samples of this form have."""
    return _CHANNELS.get(form, 2)


def whole(file: BinaryIO, form: str) -> BinaryIO:
    """The WAV file of samples without a header (``FORMS``); any other file as it is."""
    return io.BufferedReader(Headed(file, _CHANNELS[form])) if form in _CHANNELS else file


def tagged_header(data_bytes: int, channels: int, tags: Mapping[str, str]) -> bytes:
    """The header before ``data_bytes`` of samples with a list of information, by RIFF's names (``ICMT``, ``IART``, ``ICRD``)."""
    items = b"".join(_chunk(name.encode("ascii"), text.encode() + b"\0") for name, text in tags.items())
    listed = _chunk(b"LIST", b"INFO" + items)
    plain = header(data_bytes, channels)
    return plain[:4] + struct.pack("<I", HEADER - 8 + len(listed) + data_bytes) + plain[8:36] + listed + plain[36:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def read_tags(data: bytes) -> dict[str, str]:
    """The list of information of a WAV file, from its beginning; empty when there is none."""
    position, tags = 12, dict[str, str]()
    while data[:4] == b"RIFF" and position + 8 <= len(data):
        kind, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        if kind == b"LIST" and data[position + 8 : position + 12] == b"INFO":
            at, end = position + 12, min(position + 8 + size, len(data))
            while at + 8 <= end:
                length = int.from_bytes(data[at + 4 : at + 8], "little")
                tags[data[at : at + 4].decode("latin-1")] = data[at + 8 : at + 8 + length].split(b"\0")[0].decode("utf-8", "replace")
                at += 8 + length + (length & 1)
        position += 8 + size + (size & 1)
    return tags


def read(data: bytes) -> NDArray[np.int16]:
    """The samples of a mono file. Raises ValueError when it is anything but PCM, 16 bit, 8 kHz, mono."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    position, form_seen = 12, False
    while position + 8 <= len(data):
        kind, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        body = data[position + 8 : position + 8 + size]
        if kind == b"fmt " and len(body) >= 16:
            if struct.unpack_from("<HHI", body) != (1, 1, RATE) or struct.unpack_from("<H", body, 14)[0] != 16:
                raise ValueError("not PCM, 16 bit, 8 kHz, mono")
            form_seen = True
        elif kind == b"data":
            if not form_seen:
                raise ValueError("no format before the data")
            return np.frombuffer(body[: len(body) & ~1], dtype="<i2").astype(np.int16)
        position += 8 + size + (size & 1)
    raise ValueError("no data in the file")

"""WAV files: 8 kHz, 16 bit, PCM; mono to read, stereo to write."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

HEADER = 44
RATE = 8000


def header(data_bytes: int, channels: int = 2) -> bytes:
    """The 44 octets before ``data_bytes`` of 16-bit samples."""
    block = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", HEADER - 8 + data_bytes, b"WAVE", b"fmt ", 16, 1, channels, RATE, RATE * block, block, 16, b"data", data_bytes,
    )  # fmt: skip


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

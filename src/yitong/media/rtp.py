"""RTP headers (RFC 3550 §5.1), for one packet and for arrays of packets."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEADER = 12
FRAME = 160
PACKET = HEADER + FRAME


class Packet(NamedTuple):
    """One parsed packet; ``payload`` is without padding and header extension."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class Headers(NamedTuple):
    """The fixed headers of a batch; ``plain`` is G.711 (payload type 0 or 8) with version 2 and no padding, extension
    or CSRC."""

    plain: NDArray[np.bool_]
    payload_type: NDArray[np.int64]
    sequence: NDArray[np.int64]
    timestamp: NDArray[np.int64]
    ssrc: NDArray[np.int64]

    def only(self, wanted: NDArray[np.bool_]) -> Headers:
        """Those of the wanted packets."""
        return Headers(*(field[wanted] for field in self))  # type: ignore[arg-type]  # fields of two kinds, each keeps its own


def read_headers(slab: NDArray[np.uint8]) -> Headers:
    """The headers of all rows of ``slab`` [n, >= 12, a multiple of 4]; lengths are the caller's to check."""
    words = slab.view(">u4")[:, : HEADER // 4].astype(np.int64)
    first = words[:, 0]
    return Headers(first & 0xFF770000 == 0x80000000, first >> 16 & 0x7F, first & 0xFFFF, words[:, 1], words[:, 2])


def parse(data: bytes) -> Packet | None:
    """One packet, or None when it is not well-formed RTP."""
    if len(data) < HEADER or data[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    start = HEADER + 4 * (first & 0x0F)
    end = len(data)
    if first & 0x10:
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        end -= data[-1] if data[-1] else end
    if end < start:
        return None
    return Packet(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[start:end])


def build(payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool = False) -> bytes:
    """One packet."""
    head = struct.pack("!BBHII", 0x80, payload_type | marker << 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + payload


def stamp(
    packets: NDArray[np.uint8],
    payload_type: NDArray[np.int64],
    sequence: NDArray[np.int64],
    timestamp: NDArray[np.int64],
    ssrc: NDArray[np.int64],
) -> None:
    """Write the headers of all ``packets`` [n, >= 12] at once."""
    words = np.empty((len(packets), 3), dtype=np.int64)
    words[:, 0] = payload_type << 16 | sequence & 0xFFFF
    words[:, 0] |= 0x80000000
    words[:, 1] = timestamp  # the upper half is cut off below
    words[:, 2] = ssrc
    packets[:, :HEADER] = words.astype(">u4").view(np.uint8)

"""G.711 as lookup tables: 256 entries to decode, 65,536 to encode, both laws side by side.

The tables are made once, vectorised, from the segments of ITU-T G.711 (11/88); a row's law is an offset into the flat table, so rows of
different laws are coded in one ``take`` and transcoding costs nothing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PCMU = 0
PCMA = 8
SILENCE = {PCMU: 0xFF, PCMA: 0xD5}

Samples = NDArray[np.int16]
Octets = NDArray[np.uint8]
Indices = NDArray[np.intp]


def _decode_ulaw() -> Samples:
    """Table 2a of G.711: bias 132, inverted bits."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << ((code & 0x70) >> 4)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _decode_alaw() -> Samples:
    """Table 1a of G.711: even bits inverted."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    step = ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encode_ulaw() -> Octets:
    """Every 16-bit sample, in the order of its unsigned bit pattern, to mu-law."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(sample), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    coded: Octets = (~(sign | exponent << 4 | mantissa) & 0xFF).astype(np.uint8)
    return coded


def _encode_alaw() -> Octets:
    """Every 16-bit sample, in the order of its unsigned bit pattern, to A-law."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    mask = np.where(sample >= 0, 0xD5, 0x55)
    magnitude = np.where(sample >= 0, sample, -sample - 1) >> 3
    segment: NDArray[np.intp] = np.searchsorted(np.array([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF]), magnitude)
    mantissa = np.where(segment < 2, magnitude >> 1, magnitude >> np.maximum(segment, 1)) & 0x0F
    coded: Octets = ((segment << 4 | mantissa) ^ mask).astype(np.uint8)
    return coded


DECODE: Samples = np.concatenate([_decode_ulaw(), _decode_alaw()])
ENCODE: Octets = np.concatenate([_encode_ulaw(), _encode_alaw()])


_DECODE_AT = np.array([[0], [256]], dtype=np.intp)
_ENCODE_AT = np.array([[0], [65536]], dtype=np.intp)


def law_index(codec: int) -> int:
    """0 for PCMU, 1 for PCMA; anything else is a ValueError."""
    if codec == PCMU:
        return 0
    if codec == PCMA:
        return 1
    raise ValueError(f"no such law: {codec}")


def decode(octets: Octets, law: NDArray[np.uint8]) -> Samples:
    """``octets`` [n, m] to samples; ``law`` [n] is each row's law index."""
    index = octets.astype(np.intp)
    index += _DECODE_AT[law]
    return DECODE.take(index)


def decode_stereo(left: Octets, right: Octets, laws: tuple[int, int]) -> Samples:
    """Two tracks [n, m] of one law each to samples [n, m, 2], interleaved: a look-up for each pair."""
    index = right.astype(np.intp)
    index <<= 8
    index |= left
    return _pairs(*laws).take(index).view(np.int16).reshape(*left.shape, 2)


@lru_cache(maxsize=4)
def _pairs(left_law: int, right_law: int) -> NDArray[np.uint32]:
    """For each two octets (the right one above the left one) their two samples, side by side."""
    decode_of = DECODE.reshape(-1, 256)
    table = np.empty((256, 256, 2), dtype=np.int16)
    table[:, :, 0], table[:, :, 1] = decode_of[left_law], decode_of[right_law][:, np.newaxis]
    return table.view(np.uint32).reshape(-1)


def encode(samples: Samples, law: NDArray[np.uint8]) -> Octets:
    """``samples`` [n, m] to octets; ``law`` [n] is each row's law index."""
    index = samples.view(np.uint16).astype(np.intp)
    index += _ENCODE_AT[law]
    return ENCODE.take(index)

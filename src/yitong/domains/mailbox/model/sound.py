"""The sound of a message: mono, PCM 16 bit, 8 kHz."""

from __future__ import annotations

HEADER_BYTES = 44
BYTES_A_MS = 16


def milliseconds_of(size: int) -> int:
    """How long a file of ``size`` octets lasts, whatever its header says: it may have been cut off by a crash."""
    return max(0, size - HEADER_BYTES) // BYTES_A_MS

"""The two tracks of a recording as a picture: loudest samples per point."""

from __future__ import annotations

import numpy as np

HEADER_BYTES = 44
FRAME_BYTES = 4


def peaks(frames: bytes, points: int) -> tuple[list[float], list[float]]:
    """Left and right peaks (0..1) of 16-bit stereo ``frames``, in at most ``points`` steps of equal length."""
    whole = len(frames) // FRAME_BYTES
    samples = np.frombuffer(frames[: whole * FRAME_BYTES], dtype="<i2").reshape(-1, 2)
    count = min(points, whole)
    if count == 0:
        return [], []
    edges = np.linspace(0, whole, count + 1, dtype=np.int64)[:-1]
    loudest = np.maximum.reduceat(np.abs(samples.astype(np.int32)), edges, axis=0) / 32768.0
    rounded = np.round(loudest, 4)
    return rounded[:, 0].tolist(), rounded[:, 1].tolist()


def data_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte asked by a Range header (RFC 9110 §14.2), one range only; None: the whole. Raises ValueError if outside."""
    unit, _, asked = header.partition("=")
    first, dash, last = asked.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or "," in asked or not all(part == "" or _digits(part) for part in (first, last)):
        return None
    if first == "" and last == "":
        return None
    if first == "":
        length = int(last)
        if length == 0:
            raise ValueError(header)
        return max(0, size - length), size - 1
    begin, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < int(first):
        return None
    if begin >= size:
        raise ValueError(header)
    return begin, end


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15

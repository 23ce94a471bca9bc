"""Identifiers: UUIDv7 (RFC 9562 §5.7), made by whoever produces the thing, as lower-case strings."""

from __future__ import annotations

import secrets
import struct
from typing import Protocol

_RAND_BITS = 74
_DRAWN = 256
_TIME, _LOW = (1 << 48) - 1, (1 << 62) - 1
_MARKS = 0x7 << 76 | 0b10 << 62
"""Version and variant."""


class Ids(Protocol):
    """A maker of identifiers."""

    def new(self, now: int) -> str:
        """A fresh UUIDv7 for the moment ``now`` (UTC microseconds)."""
        ...


def uuid7(now: int, rand: int) -> str:
    """UUIDv7 from ``now`` (UTC microseconds) and 74 random bits; sorts by millisecond."""
    value = (now // 1_000 & _TIME) << 80 | _MARKS | (rand >> 62 & 0xFFF) << 64 | rand & _LOW
    text = value.to_bytes(16, "big").hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class RandomIds:
    """Identifiers from the operating system's randomness; those of one process within a millisecond keep their order."""

    def __init__(self) -> None:
        self._millisecond = 0
        self._rand = 0
        self._drawn: list[int] = []

    def new(self, now: int) -> str:
        millisecond = now // 1_000
        if millisecond <= self._millisecond and self._rand < (1 << _RAND_BITS) - (1 << 40):
            self._rand += 1 + self._draw()
            return uuid7(self._millisecond * 1_000, self._rand)
        self._millisecond = millisecond
        self._rand = secrets.randbits(_RAND_BITS - 1)
        return uuid7(now, self._rand)

    def _draw(self) -> int:
        """32 random bits; the operating system is asked for many at a time."""
        if not self._drawn:
            self._drawn = list(struct.unpack(f"{_DRAWN}I", secrets.token_bytes(4 * _DRAWN)))
        return self._drawn.pop()


class Tokens:
    """Unguessable texts of 16 hexadecimal digits (SIP's tags, branches and call ids); many are drawn at a time."""

    def __init__(self) -> None:
        self._drawn: list[str] = []

    def __call__(self) -> str:
        if not self._drawn:
            drawn = secrets.token_hex(8 * _DRAWN)
            self._drawn = [drawn[at : at + 16] for at in range(0, len(drawn), 16)]
        return self._drawn.pop()


class CountedIds:
    """Identifiers that count up: equal runs give equal ids (simulation, tests)."""

    def __init__(self, start: int = 0) -> None:
        self._next = start

    def new(self, now: int) -> str:
        self._next += 1
        return uuid7(now, self._next)

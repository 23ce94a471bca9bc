"""UDPTL (ITU-T T.38 annex D; RFC 3362 for its SDP): fax packets in datagrams that repeat their predecessors: lost ones cost nothing.

A datagram is: sequence number of its first («primary») packet; that packet; then the packets before it (redundancy). Parity packets
(forward error correction) in their place are passed over: our descriptions ask for redundancy.
"""

from __future__ import annotations

import struct
from collections import deque

_MOST = 16_384
_KEPT = 32
_WINDOW = 1 << 15


class UdptlError(ValueError):
    """Not a datagram of UDPTL."""


def _length(value: int) -> bytes:
    """The length of an open type or of a list in aligned PER (X.691 §10.9)."""
    return bytes((value,)) if value < 0x80 else struct.pack("!H", 0x8000 | value)


def write(sequence: int, packets: list[bytes]) -> bytes:
    """A datagram: the newest packet first, then those before it. Each has at most 16,383 bytes."""
    first, *before = packets
    parts = [struct.pack("!H", sequence & 0xFFFF), _length(len(first)), first, b"\x00", _length(len(before))]
    for packet in before:
        parts += (_length(len(packet)), packet)
    return b"".join(parts)


class _Reader:
    """Takes what PER wrote. Raises ``UdptlError``."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise UdptlError("too short")
        self._at, part = end, self._data[self._at : end]
        return part

    def length(self) -> int:
        first = self.take(1)[0]
        if first < 0x80:
            return first
        if first >= 0xC0:
            raise UdptlError("fragmented")
        return (first & 0x3F) << 8 | self.take(1)[0]

    def packet(self) -> bytes:
        return self.take(self.length())

    def packets(self) -> list[bytes]:
        return [self.packet() for _ in range(min(self.length(), _KEPT))]


class Datagram:
    """One datagram as read: ``before`` holds the packets before the primary one, newest first. Raises ``UdptlError``."""

    def __init__(self, data: bytes) -> None:
        reader = _Reader(data)
        self.sequence: int = struct.unpack("!H", reader.take(2))[0]
        self.primary = reader.packet()
        self.before = [] if reader.take(1)[0] & 0x80 else reader.packets()


class Sender:
    """Numbers packets and repeats the last ``redundancy`` ones in each datagram, as long as a datagram stays below ``limit`` bytes."""

    def __init__(self, redundancy: int = 3, limit: int = 1_200) -> None:
        self._sequence = 0
        self._before: deque[bytes] = deque(maxlen=redundancy)
        self._limit = limit

    def send(self, packet: bytes) -> bytes:
        """The datagram of the next packet."""
        chosen, size = [packet], len(packet)
        for old in self._before:
            size += len(old) + 2
            if size > self._limit:
                break
            chosen.append(old)
        data = write(self._sequence, chosen)
        self._before.appendleft(packet)
        self._sequence = (self._sequence + 1) & 0xFFFF
        return data


class Receiver:
    """Datagrams in, packets out: each once and in order, lost ones made good from what later datagrams carry."""

    def __init__(self) -> None:
        self._next: int | None = None
        self.lost = 0
        self.recovered = 0

    def receive(self, data: bytes) -> list[tuple[int, bytes]]:
        """The packets that became readable: (number, packet), rising; a gap in the numbers is lost for good. Raises ``UdptlError``."""
        datagram = Datagram(data)
        ahead = self._ahead(datagram.sequence)
        if ahead < 0:
            return []
        found = {datagram.sequence: datagram.primary}
        for back, packet in enumerate(datagram.before, 1):
            found[datagram.sequence - back & 0xFFFF] = packet
        ready = [(number, found[number]) for back in range(ahead, -1, -1) if (number := datagram.sequence - back & 0xFFFF) in found]
        self.recovered += len(ready) - 1
        self.lost += ahead + 1 - len(ready)
        self._next = (datagram.sequence + 1) & 0xFFFF
        return ready

    def _ahead(self, sequence: int) -> int:
        """How many packets are missing before this one; negative: it is old."""
        if self._next is None:
            return 0
        distance = sequence - self._next & 0xFFFF
        return distance if distance < _WINDOW else -1

"""Several messages in one packet of the seqpacket socket: a msgpack array of them, so that a busy switch and its worker call each other
less often. A single message may as well stand alone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

MOST = 64
"""Messages in a packet."""
LARGEST = 48_000
"""Octets in a packet of several: what a socket's buffer takes for certain."""
_raw: msgspec.msgpack.Decoder[list[msgspec.Raw]] = msgspec.msgpack.Decoder(list[msgspec.Raw])


def pack(messages: Sequence[bytes]) -> bytes:
    """Encoded ``messages`` as one packet."""
    count = len(messages)
    head = bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
    return head + b"".join(messages)


def fitting(messages: Sequence[bytes]) -> int:
    """How many of ``messages``, from the first on, go into one packet; at least one."""
    count = size = 0
    for message in messages:
        size += len(message)
        if count and (count >= MOST or size > LARGEST):
            break
        count += 1
    return count


def is_packed(data: bytes) -> bool:
    """Several, or one of its own."""
    return data[0] & 0xF0 == 0x90 or data[0] in (0xDC, 0xDD)


def unpack(data: bytes) -> list[msgspec.Raw]:
    """The messages of a packet. Raises msgspec.MsgspecError."""
    return _raw.decode(data)

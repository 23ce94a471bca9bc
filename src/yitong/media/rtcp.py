"""RTCP (RFC 3550 §6): sender and receiver reports, source description, goodbye; and telling RTCP from RTP on one port (RFC 5761)."""

from __future__ import annotations

import struct
from typing import NamedTuple

SENDER_REPORT = 200
RECEIVER_REPORT = 201
DESCRIPTION = 202
GOODBYE = 203
_NTP_OFFSET = 2_208_988_800


class Block(NamedTuple):
    """A report block: what its sender received from ``ssrc``. ``fraction`` in 1/256, jitter in samples, the rest of §6.4.1."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    since_last: int


class Report(NamedTuple):
    """A parsed sender or receiver report. ``ntp`` is 0 in a receiver report."""

    ssrc: int
    ntp: int
    packets: int
    blocks: tuple[Block, ...]
    goodbye: bool = False


def ntp_time(microseconds: int) -> int:
    """64-bit NTP time of UTC microseconds."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return (seconds + _NTP_OFFSET << 32) | (rest << 32) // 1_000_000


def middle(ntp: int) -> int:
    """The middle 32 bits, as LSR has them."""
    return ntp >> 16 & 0xFFFFFFFF


def is_rtcp(second_octet: int) -> bool:
    """Whether a packet with this second octet is RTCP (RFC 5761 §4)."""
    return 192 <= second_octet <= 223


def _head(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _pack_block(block: Block) -> bytes:
    lost = min(block.lost, 0x7FFFFF) & 0xFFFFFF
    word = block.fraction << 24 | lost
    return struct.pack("!IIIIII", block.ssrc, word, block.highest & 0xFFFFFFFF, block.jitter, block.last_report, block.since_last)


def build_report(
    ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, block: Block | None, name: str, bye: bool = False
) -> bytes:
    """A compound packet: SR (RR when nothing was sent), SDES with CNAME ``name``, BYE on request."""
    blocks = _pack_block(block) if block else b""
    count = 1 if block else 0
    if packets:
        body = struct.pack("!IQIII", ssrc, ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
        report = _head(SENDER_REPORT, count, body + blocks)
    else:
        report = _head(RECEIVER_REPORT, count, struct.pack("!I", ssrc) + blocks)
    text = name.encode()
    item = struct.pack("!IBB", ssrc, 1, len(text)) + text
    item += bytes(4 - len(item) % 4)
    tail = _head(GOODBYE, 1, struct.pack("!I", ssrc)) if bye else b""
    return report + _head(DESCRIPTION, 1, item) + tail


def _read_blocks(body: bytes, start: int, count: int) -> tuple[Block, ...]:
    blocks = []
    for i in range(count):
        position = start + 24 * i
        if position + 24 > len(body):
            break
        ssrc, word, highest, jitter, last, since = struct.unpack_from("!IIIIII", body, position)
        lost = word & 0xFFFFFF
        blocks.append(Block(ssrc, word >> 24, lost - (1 << 24) if lost & 0x800000 else lost, highest, jitter, last, since))
    return tuple(blocks)


def parse(data: bytes) -> Report | None:
    """The first report of a compound packet and whether a BYE follows; None when it is malformed."""
    position, report, goodbye = 0, None, False
    while position + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, position)
        body = data[position + 4 : position + 4 + 4 * words]
        if first >> 6 != 2 or len(body) != 4 * words:
            return None
        count = first & 0x1F
        if kind == SENDER_REPORT and len(body) >= 24 and report is None:
            ssrc, ntp, _, packets, _ = struct.unpack_from("!IQIII", body)
            report = Report(ssrc, ntp, packets, _read_blocks(body, 24, count))
        elif kind == RECEIVER_REPORT and len(body) >= 4 and report is None:
            report = Report(struct.unpack_from("!I", body)[0], 0, 0, _read_blocks(body, 4, count))
        elif kind == GOODBYE:
            goodbye = True
        position += 4 + 4 * words
    if report is None:
        return None
    return report._replace(goodbye=goodbye)

"""Whose packets a row believes: symmetric RTP with a lock.

A packet from the address that the SDP names locks at once and always wins. Another address is learnt only when the SDP's cannot be right
(unspecified or private, hence behind a NAT) or differs in the port alone, and only after five well-formed packets in sequence;
none of them is heard before. After the lock everybody else is a stranger: counted, never heard, never sent to. A locked source that
fell silent may come back from another port of its address with the same SSRC (a NAT that forgot it).
"""

from __future__ import annotations

import ipaddress
from enum import Enum
from typing import NamedTuple

LEARN_PACKETS = 5
REBIND_SECONDS = 2.0

Address = tuple[str, int]


class Verdict(Enum):
    """What to do with a packet from outside the lock."""

    LOCK = "lock"
    WAIT = "wait"
    STRANGER = "stranger"


class Candidate(NamedTuple):
    """An address on its way to being learnt."""

    source: Address
    ssrc: int
    sequence: int
    packets: int


def may_learn(named: Address | None, source: Address) -> bool:
    """Whether ``source`` may stand for the ``named`` address of the SDP."""
    if named is None:
        return False
    address = ipaddress.ip_address(named[0])
    if address.is_unspecified or named[0] == source[0]:
        return True
    return address.is_private and not address.is_loopback


class SourceLock:
    """The lock of one row."""

    def __init__(self) -> None:
        self.named: Address | None = None
        self.locked: Address | None = None
        self._candidate: Candidate | None = None
        self._ssrc = -1

    def name(self, address: Address) -> bool:
        """The SDP names ``address``; true when that changed (an earlier lock is void then)."""
        if address == self.named:
            return False
        self.named, self.locked, self._candidate = address, None, None
        return True

    def look(self, source: Address, ssrc: int, sequence: int, silent_seconds: float) -> Verdict:
        """Judge a well-formed RTP packet that came from outside the lock; ``silent_seconds``: how long the locked source is quiet."""
        if source == self.named:
            return self._lock(source, ssrc)
        if self.locked is None:
            allowed = may_learn(self.named, source)
        else:
            same = source[0] == self.locked[0] and ssrc == self._ssrc
            allowed = same and silent_seconds > REBIND_SECONDS
        if not allowed:
            return Verdict.STRANGER
        return self._learn(source, ssrc, sequence)

    def heard(self, ssrc: int) -> None:
        """The locked source sends with ``ssrc`` now."""
        self._ssrc = ssrc

    def _learn(self, source: Address, ssrc: int, sequence: int) -> Verdict:
        last = self._candidate
        follows = last is not None and last[:2] == (source, ssrc) and 0 < (sequence - last.sequence & 0xFFFF) <= 8
        count = last.packets + 1 if last is not None and follows else 1
        self._candidate = Candidate(source, ssrc, sequence, count)
        return self._lock(source, ssrc) if count >= LEARN_PACKETS else Verdict.WAIT

    def _lock(self, source: Address, ssrc: int) -> Verdict:
        self.locked, self._ssrc, self._candidate = source, ssrc, None
        return Verdict.LOCK

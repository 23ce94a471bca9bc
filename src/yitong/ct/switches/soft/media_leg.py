"""One browser's transport: what has passed ICE, the DTLS handshake, the SRTP sessions."""

from __future__ import annotations

import socket
from collections import deque

from yitong.ct.switches.soft.media_dtls import Handshake, Keys
from yitong.ct.switches.soft.media_srtp import Srtp
from yitong.media.source import Address

_EARLY = 4


class SecureLeg:
    """``checked``: addresses that passed a connectivity check; ``selected``: where we send. ``early``: DTLS before the browser's SDP."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.fingerprint = ""
        self.checked: set[Address] = set()
        self.selected: Address | None = None
        self.handshake: Handshake | None = None
        self.early: deque[bytes] = deque(maxlen=_EARLY)
        self.closed = False
        self._srtp: Srtp | None = None

    def begin_anew(self, fingerprint: str) -> None:
        """Another fingerprint: nothing of the former transport counts."""
        self.fingerprint = fingerprint
        self.handshake = self._srtp = None
        self.checked.clear()
        self.selected = None

    def use(self, keys: Keys) -> None:
        """The handshake is done."""
        self._srtp = Srtp(keys.theirs, keys.ours)

    def send_plain(self, data: bytes) -> None:
        """STUN and DTLS to the selected address."""
        if self.selected is not None and not self.closed:
            try:
                self.sock.sendto(data, self.selected)
            except OSError:
                return  # the peer repeats what it misses

    def send_rtp(self, packet: memoryview | bytes) -> None:
        """Protect and send. Raises OSError."""
        if self._srtp is not None and self.selected is not None:
            self.sock.sendto(self._srtp.protect(packet), self.selected)

    def send_rtcp(self, data: bytes) -> None:
        """Protect and send a report."""
        if self._srtp is not None:
            self.send_plain(self._srtp.protect_rtcp(data))

    def open_rtp(self, data: bytes) -> bytes | None:
        """The RTP in an SRTP packet; None when its tag is wrong, it is a replay, or there are no keys yet."""
        return self._srtp.open(data) if self._srtp is not None else None

    def open_rtcp(self, data: bytes) -> bytes | None:
        """The same for SRTCP."""
        return self._srtp.open_rtcp(data) if self._srtp is not None else None

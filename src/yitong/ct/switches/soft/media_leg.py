"""One browser's transport: what has passed ICE, the DTLS handshake, the SRTP sessions."""

from __future__ import annotations

import socket
from collections import deque

import pylibsrtp

from yitong.ct.switches.soft.media_dtls import Handshake, Keys
from yitong.media.source import Address

_EARLY = 4
_WINDOW = 1024


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
        self._inbound: pylibsrtp.Session | None = None
        self._outbound: pylibsrtp.Session | None = None

    def begin_anew(self, fingerprint: str) -> None:
        """Another fingerprint: nothing of the former transport counts."""
        self.fingerprint = fingerprint
        self.handshake = self._inbound = self._outbound = None
        self.checked.clear()
        self.selected = None

    def use(self, keys: Keys) -> None:
        """The handshake is done."""
        kind = pylibsrtp.Policy
        inbound = kind(key=keys.theirs, ssrc_type=kind.SSRC_ANY_INBOUND)
        inbound.window_size = _WINDOW
        self._inbound = pylibsrtp.Session(policy=inbound)
        self._outbound = pylibsrtp.Session(policy=kind(key=keys.ours, ssrc_type=kind.SSRC_ANY_OUTBOUND))

    def send_plain(self, data: bytes) -> None:
        """STUN and DTLS to the selected address."""
        if self.selected is not None and not self.closed:
            try:
                self.sock.sendto(data, self.selected)
            except OSError:
                return  # the peer repeats what it misses

    def send_rtp(self, packet: memoryview | bytes) -> None:
        """Protect and send. Raises OSError."""
        if self._outbound is not None and self.selected is not None:
            self.sock.sendto(self._outbound.protect(bytes(packet)), self.selected)

    def send_rtcp(self, data: bytes) -> None:
        """Protect and send a report."""
        if self._outbound is not None:
            self.send_plain(self._outbound.protect_rtcp(data))

    def open_rtp(self, data: bytes) -> bytes | None:
        """The RTP in an SRTP packet; None when its tag is wrong, it is a replay, or there are no keys yet."""
        if self._inbound is None:
            return None
        try:
            return bytes(self._inbound.unprotect(data))
        except (pylibsrtp.Error, TypeError):
            return None

    def open_rtcp(self, data: bytes) -> bytes | None:
        """The same for SRTCP."""
        if self._inbound is None:
            return None
        try:
            return bytes(self._inbound.unprotect_rtcp(data))
        except (pylibsrtp.Error, TypeError):
            return None

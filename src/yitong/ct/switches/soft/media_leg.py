"""One browser's transport: what has passed ICE, the DTLS handshake, the SRTP sessions."""

from __future__ import annotations

import ctypes
import socket
from collections import deque

from yitong.ct.switches.soft.media_dtls import Handshake, Keys
from yitong.ct.switches.soft.media_srtp import Srtp
from yitong.media.source import Address

_EARLY = 4
_NOBODY = bytes(16)
"""An address of the family AF_UNSPEC (0)."""
_libc = ctypes.CDLL(None, use_errno=True)


class SecureLeg:
    """``checked``: addresses that passed a connectivity check; ``selected``: where we send. ``early``: DTLS before the browser's SDP.

    ``settled``: the socket is connected to the selected address, so that the kernel finds its way once and not for each packet.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.fingerprint = ""
        self.checked: set[Address] = set()
        self.selected: Address | None = None
        self.handshake: Handshake | None = None
        self.early: deque[bytes] = deque(maxlen=_EARLY)
        self.closed = self.settled = False
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

    def select(self, source: Address) -> None:
        """Send there from now on."""
        self.selected = source
        if self.settled:
            self.settled = self._connect(source)

    def settle(self) -> None:
        """Connect the socket to the selected address: nothing else is read from it."""
        self.settled = self.selected is not None and self._connect(self.selected)

    def _connect(self, address: Address) -> bool:
        # A connected socket keeps the address of ours that the first way had; connected to nobody (connect(2)), it forgets it.
        _libc.connect(self.sock.fileno(), _NOBODY, len(_NOBODY))
        try:
            self.sock.connect(address)
        except OSError:
            return False
        return True

    def send_plain(self, data: bytes | memoryview) -> None:
        """STUN and DTLS to the selected address."""
        if self.selected is not None and not self.closed:
            try:
                self.sock.sendto(data, self.selected)
            except OSError:
                return  # the peer repeats what it misses

    def send_rtp(self, packet: memoryview | bytes) -> None:
        """Protect and send. Raises OSError."""
        if self._srtp is None or self.selected is None:
            return
        if self.settled:
            self.sock.send(self._srtp.protect(packet))
        else:
            self.sock.sendto(self._srtp.protect(packet), self.selected)

    def send_rtcp(self, data: bytes) -> None:
        """Protect and send a report."""
        if self._srtp is not None:
            self.send_plain(self._srtp.protect_rtcp(data))

    def open_rtp(self, buffer: memoryview, length: int) -> int:
        """Open the SRTP packet of ``length`` in place: the length of the RTP; 0 when its tag is wrong, it is a replay, or there are no keys
        yet."""
        return self._srtp.open_into(buffer, length) if self._srtp is not None else 0

    def open_rtcp(self, data: bytes) -> bytes | None:
        """The same for SRTCP."""
        return self._srtp.open_rtcp(data) if self._srtp is not None else None

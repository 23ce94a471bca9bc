"""Browsers' rows: ICE-lite (RFC 8445 §2.5), DTLS-SRTP (RFC 5764), RTP and RTCP on one port (RFC 5761).

Only an address that passed a connectivity check with our password counts; DTLS from elsewhere is dropped unread. Handshakes run in a thread
of their own; the tick sees only their results.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pylibsrtp

from yitong.ct.switches.soft.media_certificate import Certificate
from yitong.ct.switches.soft.media_dtls import Handshake, Keys
from yitong.ct.switches.soft.media_interfaces import interface_addresses
from yitong.ct.switches.soft.media_messages import MediaConnected, MediaEvent, MediaLost, SetRemote
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_wire import Wire
from yitong.media import icelite
from yitong.media.rtcp import is_rtcp
from yitong.media.source import Address

_EARLY = 4
_MOST_CHECKED = 8


class Offer(NamedTuple):
    """What our SDP says of a secure row."""

    fingerprint: str
    ufrag: str
    password: str


class SecureLeg:
    """One browser's transport."""

    def __init__(self, row: Row, on_rtcp: Callable[[Row, bytes], None]) -> None:
        assert row.rtp is not None
        self.row = row
        self.sock = row.rtp
        self.remote: SetRemote | None = None
        self.checked: set[Address] = set()
        self.selected: Address | None = None
        self.handshake: Handshake | None = None
        self.early: deque[bytes] = deque(maxlen=_EARLY)
        self.inbound: pylibsrtp.Session | None = None
        self.outbound: pylibsrtp.Session | None = None
        self.on_rtcp = on_rtcp
        self.bad_tags = 0
        self.closed = False

    def send_plain(self, data: bytes) -> None:
        """STUN and DTLS to the selected address."""
        if self.selected is not None and not self.closed:
            try:
                self.sock.sendto(data, self.selected)
            except OSError:
                return  # the peer repeats what it misses

    def send_rtp(self, packet: memoryview | bytes) -> None:
        """Protect and send."""
        if self.outbound is not None and self.selected is not None:
            self.sock.sendto(self.outbound.protect(bytes(packet)), self.selected)

    def send_rtcp(self, data: bytes) -> None:
        """Protect and send a report."""
        if self.outbound is not None:
            self.send_plain(self.outbound.protect_rtcp(data))

    def unprotect(self, buffer: memoryview, length: int) -> int:
        """An SRTP or SRTCP packet in ``buffer``; answers the length of RTP that is there instead, or 0."""
        if self.inbound is None:
            return 0
        data = bytes(buffer[:length])
        try:
            if is_rtcp(data[1]):
                self.on_rtcp(self.row, self.inbound.unprotect_rtcp(data))
                return 0
            plain = self.inbound.unprotect(data)
        except (pylibsrtp.Error, TypeError):
            self.bad_tags += 1
            self.row.malformed += 1
            return 0
        buffer[: len(plain)] = plain
        return len(plain)


class Secure:
    """All browsers' rows of a worker. ``tell`` gets ``MediaConnected`` and ``MediaLost``."""

    bind = "0.0.0.0"

    def __init__(
        self,
        certificate: Certificate,
        fixed: tuple[str, ...],
        wire: Wire,
        tell: Callable[[MediaEvent], None],
        on_rtcp: Callable[[Row, bytes], None],
    ) -> None:
        self._certificate = certificate
        self._fixed = fixed
        self._addresses: tuple[str, ...] = ()
        self.refresh()
        self._wire = wire
        self._tell = tell
        self._on_rtcp = on_rtcp
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="dtls")
        self._done: deque[tuple[SecureLeg, list[bytes], Keys | str | None]] = deque()
        self._shaking: set[SecureLeg] = set()

    def addresses(self) -> tuple[str, ...]:
        """Where a browser may reach us."""
        return self._addresses

    def refresh(self) -> None:
        """Interfaces come and go; once in some seconds."""
        self._addresses = tuple(dict.fromkeys(self._fixed + interface_addresses()))

    def offer(self) -> Offer:
        """Fresh ICE credentials and our certificate's fingerprint."""
        return Offer(self._certificate.fingerprint, secrets.token_hex(4), secrets.token_hex(16))

    def begin(self, row: Row) -> None:
        """A secure row listens."""
        leg = SecureLeg(row, self._on_rtcp)
        row.leg = leg

        def read(buffer: memoryview) -> int:
            length, source = leg.sock.recvfrom_into(buffer)
            return self._receive(leg, source[:2], buffer, length)

        self._wire.watch(leg.sock.fileno(), read, row.index)

    def set_remote(self, row: Row, remote: SetRemote) -> bool:
        """The browser's SDP; false when it lacks what a secure row needs. A changed fingerprint or ufrag begins anew (ICE restart)."""
        leg = row.leg
        if leg is None or not remote.fingerprint or remote.setup not in ("active", "passive", "actpass") or not remote.ufrag:
            return False
        before, leg.remote = leg.remote, remote
        if before is not None and before.fingerprint.lower() != remote.fingerprint.lower():
            leg.handshake = leg.inbound = leg.outbound = None
            leg.checked.clear()
            leg.selected = None
        if leg.handshake is None:
            leg.handshake = Handshake(self._certificate, client=remote.setup == "passive", fingerprint=remote.fingerprint)
            self._shaking.add(leg)
            while leg.early:
                self._shake(leg, leg.early.popleft())
            if leg.selected is not None:
                self._shake(leg, None)
        return True

    def close(self, row: Row) -> None:
        """The row ends (its socket is closed by its owner)."""
        if row.leg is not None:
            row.leg.closed = True
            self._shaking.discard(row.leg)

    def shut(self) -> None:
        """End the thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _receive(self, leg: SecureLeg, source: Address, buffer: memoryview, length: int) -> int:
        """Sort a datagram by its first octet (RFC 7983)."""
        if not length:
            return 0
        first = buffer[0]
        if first < 4:
            self._stun(leg, source, bytes(buffer[:length]))
        elif source not in leg.checked:
            leg.row.strangers += 1
        elif 20 <= first <= 63:
            self._dtls(leg, bytes(buffer[:length]))
        elif 128 <= first <= 191 and length >= 12:
            return leg.unprotect(buffer, length)
        else:
            leg.row.malformed += 1
        return 0

    def _stun(self, leg: SecureLeg, source: Address, data: bytes) -> None:
        opened = leg.row.opened
        answer = icelite.answer(data, source, opened.ufrag, opened.password)
        if answer is None:
            leg.row.malformed += 1
            return
        if answer.proven and (source in leg.checked or len(leg.checked) < _MOST_CHECKED):
            leg.checked.add(source)
            begins = leg.selected is None
            if answer.nominated or begins:
                leg.selected = source
            if begins and leg.handshake is not None:
                self._shake(leg, None)
        try:
            leg.sock.sendto(answer.data, source)
        except OSError:
            return  # the browser asks again

    def _dtls(self, leg: SecureLeg, data: bytes) -> None:
        if leg.handshake is None:
            leg.early.append(data)
        else:
            self._shake(leg, data)

    def _shake(self, leg: SecureLeg, data: bytes | None) -> None:
        """Go on with the handshake in its thread, with a datagram or (None) its timer."""
        handshake = leg.handshake
        assert handshake is not None

        def work() -> None:
            out, result = handshake.go_on(data)
            if out or result is not None:
                self._done.append((leg, out, result))

        self._threads.submit(work)

    def time_out(self) -> None:
        """Retransmissions of handshakes under way; every 100 ms."""
        for leg in self._shaking:
            if leg.handshake is not None and leg.selected is not None:
                self._shake(leg, None)

    def deliver(self) -> None:
        """Results of the thread; once a step."""
        while self._done:
            leg, out, result = self._done.popleft()
            for data in out:
                leg.send_plain(data)
            if isinstance(result, Keys) and not leg.closed:
                self._ready(leg, result)
            elif isinstance(result, str) and not leg.closed:
                self._shaking.discard(leg)
                leg.handshake = None if result != "fingerprint" else leg.handshake
                self._tell(MediaLost(port=leg.row.port, seconds=0.0, reason=result))

    def _ready(self, leg: SecureLeg, keys: Keys) -> None:
        self._shaking.discard(leg)
        kind = pylibsrtp.Policy
        inbound = kind(key=keys.theirs, ssrc_type=kind.SSRC_ANY_INBOUND)
        inbound.window_size = 1024
        leg.inbound = pylibsrtp.Session(policy=inbound)
        leg.outbound = pylibsrtp.Session(policy=kind(key=keys.ours, ssrc_type=kind.SSRC_ANY_OUTBOUND))
        self._wire.send_with(leg.row.index, leg.send_rtp)
        leg.row.connected = True
        self._tell(MediaConnected(port=leg.row.port))

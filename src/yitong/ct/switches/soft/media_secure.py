"""Browsers' rows: ICE-lite (RFC 8445 §2.5), DTLS-SRTP (RFC 5764), RTP and RTCP on one port (RFC 5761).

Only an address that passed a connectivity check with our password counts; DTLS from elsewhere is dropped unread. Handshakes run in a thread
of their own; the tick sees only their results.
"""

from __future__ import annotations

import secrets
import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from yitong.ct.switches.soft.media_certificate import Certificate
from yitong.ct.switches.soft.media_dtls import Handshake, Keys
from yitong.ct.switches.soft.media_interfaces import interface_addresses
from yitong.ct.switches.soft.media_leg import SecureLeg
from yitong.ct.switches.soft.media_messages import MediaConnected, MediaEvent, MediaLost, SetRemote
from yitong.ct.switches.soft.media_ports import udp_socket
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_wire import MOST_BAD, Wire
from yitong.media import icelite
from yitong.media.rtcp import is_rtcp
from yitong.media.source import Address

_MOST_CHECKED = 8
_SHORTEST = 12


class Offer(NamedTuple):
    """What our SDP says of a secure row."""

    fingerprint: str
    ufrag: str
    password: str


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
        self._done: deque[tuple[Row, list[bytes], Keys | str | None]] = deque()
        self._shaking: set[Row] = set()

    def addresses(self) -> tuple[str, ...]:
        """Where a browser may reach us."""
        return self._addresses

    def refresh(self) -> None:
        """Interfaces come and go; once in some seconds. Who has no descriptor left to ask with keeps what he knew."""
        with suppress(OSError):
            self._addresses = tuple(dict.fromkeys(self._fixed + interface_addresses()))

    def offer(self) -> Offer:
        """Fresh ICE credentials and our certificate's fingerprint."""
        return Offer(self._certificate.fingerprint, secrets.token_hex(4), secrets.token_hex(16))

    def begin(self, row: Row) -> None:
        """A secure row listens."""
        assert row.rtp is not None
        row.leg = SecureLeg(row.rtp)
        self._wire.watch(row.rtp.fileno(), self._from_anywhere(row, row.rtp), row.index)

    def _from_anywhere(self, row: Row, sock: socket.socket) -> Callable[[memoryview], int]:
        """Reads a socket to which everybody may send."""

        def read(buffer: memoryview) -> int:
            for _ in range(MOST_BAD):
                length, source = sock.recvfrom_into(buffer)
                good = self._receive(row, sock, source[:2], buffer, length)
                if good:
                    return good
            return 0

        return read

    def _from_selected(self, row: Row, leg: SecureLeg) -> Callable[[memoryview], int]:
        """Reads the socket that is connected to the browser."""
        sock = leg.sock

        def read(buffer: memoryview) -> int:
            for _ in range(MOST_BAD):
                good, length = 0, sock.recv_into(buffer)
                if length >= _SHORTEST and 128 <= buffer[0] <= 191 and not is_rtcp(buffer[1]):
                    good = leg.open_rtp(buffer, length)
                    row.malformed += not good
                elif leg.selected is not None:
                    good = self._receive(row, sock, leg.selected, buffer, length)
                if good:
                    return good
            return 0

        return read

    def _settle(self, row: Row, leg: SecureLeg) -> None:
        """The row's socket is the browser's alone from now on; what others send, and the browser from elsewhere, comes by a second one."""
        if row.outside is not None:
            return
        try:
            outside = udp_socket(self.bind, row.opened.rtp_port)
        except OSError:
            return  # all goes on by one socket
        row.outside = outside
        self._wire.watch(outside.fileno(), self._from_anywhere(row, outside), row.index)
        leg.settle()
        if leg.settled:
            self._wire.watch(leg.sock.fileno(), self._from_selected(row, leg), row.index)

    def _reopen(self, row: Row, leg: SecureLeg) -> None:
        """One socket that is connected to nobody, in place of both."""
        if row.outside is None or row.rtp is None:
            return
        for one in (row.rtp, row.outside):
            self._wire.forget(one.fileno())
            one.close()
        row.outside, leg.settled = None, False
        row.rtp = leg.sock = udp_socket(self.bind, row.opened.rtp_port)
        self._wire.watch(row.rtp.fileno(), self._from_anywhere(row, row.rtp), row.index)

    def set_remote(self, row: Row, remote: SetRemote) -> bool:
        """The browser's SDP; false when it lacks what a secure row needs. Another fingerprint begins anew."""
        leg = row.leg
        if leg is None or not remote.fingerprint or remote.setup not in ("active", "passive", "actpass") or not remote.ufrag:
            return False
        fingerprint = remote.fingerprint.upper()
        if leg.fingerprint and leg.fingerprint != fingerprint:
            row.connected = False
            self._wire.send_with(row.index, None)
            self._reopen(row, leg)
            leg.begin_anew(fingerprint)
        leg.fingerprint = fingerprint
        if leg.handshake is None:
            leg.handshake = Handshake(self._certificate, client=remote.setup == "passive", fingerprint=fingerprint)
            self._shaking.add(row)
            while leg.early:
                self._shake(row, leg.early.popleft())
            if leg.selected is not None:
                self._shake(row, None)
        return True

    def close(self, row: Row) -> None:
        """The row ends (its socket is closed by its owner)."""
        if row.leg is not None:
            row.leg.closed = True
            self._shaking.discard(row)

    def shut(self) -> None:
        """End the thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _receive(self, row: Row, sock: socket.socket, source: Address, buffer: memoryview, length: int) -> int:
        """Sort a datagram by its first octet (RFC 7983)."""
        leg = row.leg
        if not length or leg is None:
            return 0
        first = buffer[0]
        if first < 4:
            self._stun(row, leg, sock, source, bytes(buffer[:length]))
        elif source not in leg.checked:
            row.strangers += 1
        elif 20 <= first <= 63:
            self._dtls(row, leg, bytes(buffer[:length]))
        elif 128 <= first <= 191 and length >= _SHORTEST:
            return self._secured(row, leg, buffer, length)
        else:
            row.malformed += 1
        return 0

    def _secured(self, row: Row, leg: SecureLeg, buffer: memoryview, length: int) -> int:
        """SRTP or SRTCP; answers the length of the RTP that is in ``buffer`` now, or 0."""
        if is_rtcp(buffer[1]):
            report = leg.open_rtcp(bytes(buffer[:length]))
            row.malformed += report is None
            if report is not None:
                self._on_rtcp(row, report)
            return 0
        opened = leg.open_rtp(buffer, length)
        row.malformed += not opened
        return opened

    def _stun(self, row: Row, leg: SecureLeg, sock: socket.socket, source: Address, data: bytes) -> None:
        answer = icelite.answer(data, source, row.opened.ufrag, row.opened.password)
        if answer is None:
            row.malformed += 1
            return
        if answer.proven and (source in leg.checked or len(leg.checked) < _MOST_CHECKED):
            leg.checked.add(source)
            begins = leg.selected is None
            if begins or (answer.nominated and source != leg.selected):
                leg.select(source)
            if begins and leg.handshake is not None:
                self._shake(row, None)
        try:
            sock.sendto(answer.data, source)
        except OSError:
            return  # the browser asks again

    def _dtls(self, row: Row, leg: SecureLeg, data: bytes) -> None:
        if leg.handshake is None:
            leg.early.append(data)
        else:
            self._shake(row, data)

    def _shake(self, row: Row, data: bytes | None) -> None:
        """Go on with the handshake in its thread, with a datagram or (None) its timer."""
        handshake = row.leg.handshake if row.leg is not None else None
        if handshake is None:
            return

        def work() -> None:
            out, result = handshake.go_on(data)
            if out or result is not None:
                self._done.append((row, out, result))

        self._threads.submit(work)

    def time_out(self) -> None:
        """Retransmissions of handshakes under way; every 100 ms."""
        for row in self._shaking:
            if row.leg is not None and row.leg.selected is not None:
                self._shake(row, None)

    def deliver(self) -> None:
        """Results of the thread; once a step."""
        while self._done:
            row, out, result = self._done.popleft()
            leg = row.leg
            if leg is None or leg.closed:
                continue
            for data in out:
                leg.send_plain(data)
            if isinstance(result, Keys):
                self._ready(row, leg, result)
            elif result is not None:
                self._shaking.discard(row)
                self._tell(MediaLost(port=row.port, seconds=0.0, reason=result))

    def _ready(self, row: Row, leg: SecureLeg, keys: Keys) -> None:
        self._shaking.discard(row)
        leg.use(keys)
        self._settle(row, leg)
        self._wire.send_with(row.index, leg.send_rtp)
        row.connected = True
        self._tell(MediaConnected(port=row.port))

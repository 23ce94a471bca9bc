"""The sockets of a plain RTP row: open to learn its source, then connected to it, with a second one for everybody else.

A connected UDP socket gets only its peer's packets: the kernel does the lock. A second socket on the same port gets what is left, so
strangers are counted without a thought spent on each good packet.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from yitong.ct.switches.soft.media_ports import udp_socket
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_srtp import Srtp
from yitong.ct.switches.soft.media_wire import MOST_BAD, Sender, Wire
from yitong.media.rtcp import is_rtcp
from yitong.media.source import Address, Verdict, may_learn

_HEADER = 12


class RowSockets:
    """Opens, locks and closes the sockets of plain rows. ``silent_seconds`` tells how long a row heard nothing."""

    def __init__(self, wire: Wire, address: str, silent_seconds: Callable[[Row], float], connected: Callable[[Row], None]) -> None:
        self._wire = wire
        self._address = address
        self._silent_seconds = silent_seconds
        self._connected = connected

    def begin(self, row: Row) -> None:
        """Listen for the row's source."""
        assert row.rtp is not None
        self._wire.watch(row.rtp.fileno(), self._outside_reader(row, inside=True), row.index)

    def name(self, row: Row, address: Address) -> None:
        """The SDP names the remote side: audio goes there until (and unless) another source is learnt."""
        if row.lock.name(address):
            self._reopen(row)
        if row.lock.locked is None and row.rtp is not None:
            rtp = row.rtp
            self._wire.send_with(row.index, _protected(row, lambda packet: rtp.sendto(packet, address)) if address[1] else None)

    def protect(self, row: Row, srtp: Srtp | None) -> None:
        """From now on the row's packets are SRTP with these keys, or plain."""
        row.srtp = srtp
        if row.rtp is not None and row.connected:
            self._use(row, row.rtp)

    def close(self, row: Row) -> None:
        """Close all sockets of the row."""
        self._wire.send_with(row.index, None)
        for one in (row.rtp, row.rtcp, row.outside):
            if one is not None:
                self._wire.forget(one.fileno())
                one.close()
        row.rtp = row.rtcp = row.outside = None

    def _reopen(self, row: Row) -> None:
        """A socket that is connected to nobody, in place of the locked one."""
        if not row.connected or row.rtp is None:
            return
        for one in (row.rtp, row.outside):
            if one is not None:
                self._wire.forget(one.fileno())
                one.close()
        row.outside = None
        row.rtp = udp_socket(self._address, row.opened.rtp_port)
        row.connected = False
        self.begin(row)

    def _outside_reader(self, row: Row, inside: bool) -> Callable[[memoryview], int]:
        """Reads packets of unproven sources: from the open socket (``inside``) or from the strangers' one."""
        sock = row.rtp if inside else row.outside
        assert sock is not None

        def read(buffer: memoryview) -> int:
            for _ in range(MOST_BAD):
                length, source = sock.recvfrom_into(buffer)
                if row.srtp is not None:
                    length = row.srtp.open_into(buffer, length)
                if self._accept(row, source[:2], buffer, length):
                    return length
            return 0

        return read

    def _accept(self, row: Row, source: Address, buffer: memoryview, length: int) -> bool:
        """Judge a packet; true when it locks the row, so that it is heard already."""
        if row.image:
            return self._accept_image(row, source)
        if length < _HEADER or buffer[0] >> 6 != 2 or is_rtcp(buffer[1]):
            row.malformed += 1
            row.strangers += source != row.lock.named
            return False
        sequence, _, ssrc = struct.unpack_from("!HII", buffer, 2)
        verdict = row.lock.look(source, ssrc, sequence, self._silent_seconds(row))
        if verdict is Verdict.STRANGER:
            row.strangers += 1
        if verdict is not Verdict.LOCK:
            return False
        self._lock(row, source)
        return True

    def _accept_image(self, row: Row, source: Address) -> bool:
        """T.38 has no header to know it by: only who the SDP names is believed, or stands where that cannot be reached."""
        if source != row.lock.named and (row.lock.locked is not None or not may_learn(row.lock.named, source)):
            row.strangers += 1
            return False
        row.lock.locked = source
        self._lock(row, source)
        return True

    def _lock(self, row: Row, source: Address) -> None:
        assert row.rtp is not None
        row.rtp.connect(source)
        if row.outside is None:
            self._watch_strangers(row)
        self._use(row, row.rtp)
        if not row.connected:
            row.connected = True
            self._connected(row)

    def _watch_strangers(self, row: Row) -> None:
        """Without a descriptor left nobody counts them; the kernel keeps them out all the same."""
        try:
            row.outside = udp_socket(self._address, row.opened.rtp_port)
        except OSError:
            return
        self._wire.watch(row.outside.fileno(), self._outside_reader(row, inside=False), row.index)

    def _use(self, row: Row, rtp: socket.socket) -> None:
        """Read and send by the connected socket."""
        self._wire.watch(rtp.fileno(), rtp.recv_into if row.srtp is None else self._opening(row, rtp, row.srtp), row.index)
        self._wire.send_with(row.index, _protected(row, rtp.send))

    @staticmethod
    def _opening(row: Row, rtp: socket.socket, srtp: Srtp) -> Callable[[memoryview], int]:
        def read(buffer: memoryview) -> int:
            for _ in range(MOST_BAD):
                length = srtp.open_into(buffer, rtp.recv_into(buffer))
                if length:
                    return length
                row.malformed += 1
            return 0

        return read


def _protected(row: Row, send: Sender) -> Sender:
    """Send what ``send`` sends, as SRTP where the row has keys."""
    srtp = row.srtp
    return send if srtp is None else lambda packet: send(srtp.protect(packet))

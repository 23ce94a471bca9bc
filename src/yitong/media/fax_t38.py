"""A fax over T.38: instead of tones, the bits of T.30 as packets (RFC 3362) in UDPTL. Loss that redundancy makes good costs nothing."""

from __future__ import annotations

from collections import deque
from typing import Any

from yitong.media.fax import T30, FaxOrder, FaxResult
from yitong.media.fax_library import ffi, library
from yitong.media.rtp import FRAME
from yitong.media.udptl import Receiver, Sender, UdptlError

_LARGEST_PACKET = 400
_MOST_REPEATED = 5


class T38Terminal:
    """``tick`` every 20 ms gives the datagrams to send; ``receive`` takes the other side's. Raises ``FaxUnavailable``."""

    def __init__(self, order: FaxOrder, redundancy: int = 3) -> None:
        lib = library()
        self._out: deque[bytes] = deque()
        self._sender = Sender(redundancy)
        self.receiver = Receiver()
        self.malformed = 0
        self._handler = ffi().callback("int(void *, void *, const uint8_t *, int, int)", self._packet)
        self._state = lib.t38_terminal_init(ffi().NULL, order.sends, self._handler, ffi().NULL)
        if self._state == ffi().NULL:
            raise MemoryError("t38_terminal_init")
        self._core = lib.t38_terminal_get_t38_core_state(self._state)
        lib.t38_set_t38_version(self._core, 0)
        lib.t38_set_max_datagram_size(self._core, _LARGEST_PACKET)
        self.t30 = T30(lib.t38_terminal_get_t30_state(self._state), order)
        self._result: FaxResult | None = None

    def _packet(self, _core: Any, _user: Any, data: Any, length: int, count: int) -> int:
        """The engine sends a packet, an important one (an indicator, the end of a frame) several times."""
        datagram = self._sender.send(bytes(ffi().buffer(data, length)))
        self._out.extend([datagram] * max(1, min(count, _MOST_REPEATED)))
        return 0

    @property
    def ended(self) -> bool:
        """Whether the fax is over."""
        return self.t30.ended

    def tick(self) -> list[bytes]:
        """20 ms passed: what is to be sent."""
        library().t38_terminal_send_timeout(self._state, FRAME)
        out = list(self._out)
        self._out.clear()
        return out

    def receive(self, datagram: bytes) -> None:
        """A datagram came; one that is none of UDPTL is counted and forgotten."""
        try:
            packets = self.receiver.receive(datagram)
        except UdptlError:
            self.malformed += 1
            return
        for number, packet in packets:
            library().t38_core_rx_ifp_packet(self._core, packet, len(packet), number)

    def close(self) -> FaxResult:
        """Break off what still goes on and give everything back; how it ended."""
        if self._result is None:
            self._result = self.t30.finish()
            library().t38_terminal_free(self._state)
        return self._result

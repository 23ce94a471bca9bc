"""New rows of a worker: their place in the plane, their ports, and pairs of ports that are bound before anybody calls."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.media_ports import Ports
from yitong.ct.switches.soft.media_reports import STEPS_PER_SECOND, Reports
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_secure import Secure
from yitong.ct.switches.soft.media_socket import RowSockets
from yitong.kit.limits import NO_DESCRIPTORS
from yitong.media.plane import Plane

_SHARE = 8
"""One of so many pairs and rows may be in stock."""
_PORTS_LOW = 0.2
_WARN_STEPS = 10 * STEPS_PER_SECOND
_STRAY = 1_000
"""So many packets that came before the call are thrown away; a socket holds fewer."""


@dataclass(eq=False)
class _Bound:
    """A pair with the row's place that goes with it, so that who is given it is never refused."""

    index: int
    port: int
    rtp: socket.socket
    rtcp: socket.socket
    ssrc: int


class Opening:
    """Gives places and ports out and takes them back. ``may_open`` answers "" or why no row may be added; ``warn`` hears alarms."""

    def __init__(
        self, bind: str, plane: Plane, ports: Ports, sockets: RowSockets, secure: Secure, reports: Reports,
        may_open: Callable[[], str], step: Callable[[], int], warn: Callable[[m.MediaAlarm], None],
    ) -> None:  # fmt: skip
        self._bind = bind
        self._plane = plane
        self._ports = ports
        self._sockets = sockets
        self._secure = secure
        self._reports = reports
        self._may_open = may_open
        self._step = step
        self._warn = warn
        self._free = list(range(plane.capacity - 1, 0, -1))
        self._stock: dict[int, _Bound] = {}
        self._alarmed = False
        self._warned_at = -_WARN_STEPS

    def open(self, request: m.OpenPort) -> Row | m.Refusal:
        """A row that nobody hears yet."""
        if request.pair:
            bound = self._stock.pop(request.pair, None)
            return self._stocked(bound, request) if bound is not None else m.Refusal(id=request.id, reason="bad_request")
        reason = "bad_request" if not request.port else self._may_open()
        if reason or not self._free:
            return m.Refusal(id=request.id, reason=reason or "overloaded")
        index = self._free.pop()
        try:
            row = self._bus(index, request) if request.bus else self._rtp(index, request)
        except OSError as error:
            self._free.append(index)
            self._no_socket(error)
            return m.Refusal(id=request.id, reason=NO_DESCRIPTORS)
        if row is None:
            self._free.append(index)
            return m.Refusal(id=request.id, reason="no_ports")
        return row

    def give_back(self, row: Row) -> None:
        """A row is closed: its place and its ports are free."""
        self._free.append(row.index)
        if row.opened.rtp_port:
            self._ports.give_back(row.opened.rtp_port)

    def keep(self, count: int) -> tuple[m.Pair, ...]:
        """Bind until ``count`` pairs are in stock, as far as rows may be added; returns what is there."""
        most = min(count, self._ports.total // _SHARE, self._plane.capacity // _SHARE)
        while len(self._stock) < most and self._free and not self._may_open():
            try:
                taken = self._ports.take(self._bind, with_rtcp=True)
            except OSError as error:
                self._no_socket(error)
                break
            if taken is None:
                break
            port, rtp, rtcp = taken
            assert rtcp is not None
            self._stock[port] = _Bound(self._free.pop(), port, rtp, rtcp, secrets.randbits(32))
        return tuple(m.Pair(rtp_port=bound.port, ssrc=bound.ssrc) for bound in self._stock.values())

    def close(self) -> None:
        """Let go of the stock."""
        for bound in self._stock.values():
            bound.rtp.close()
            bound.rtcp.close()
            self._free.append(bound.index)
            self._ports.give_back(bound.port)
        self._stock.clear()

    def _bus(self, index: int, request: m.OpenPort) -> Row:
        opened = m.PortOpened(id=request.id, port=request.port, rtp_port=0, rtcp_port=0, ssrc=0)
        self._plane.open(index, 0, 0, 0)
        self._plane.open_bus(index, self._step())
        return Row(index, request.port, request.label, opened)

    def _rtp(self, index: int, request: m.OpenPort) -> Row | None:
        taken = self._ports.take(self._secure.bind if request.secure else self._bind, not request.secure)
        if taken is None:
            return None
        port, rtp, rtcp = taken
        ssrc = secrets.randbits(32)
        if rtcp is not None:
            return self._plain(_Bound(index, port, rtp, rtcp, ssrc), request)
        self._plane.open(index, ssrc, secrets.randbits(15), secrets.randbits(32))
        offer = self._secure.offer()
        opened = m.PortOpened(
            id=request.id, port=request.port, rtp_port=port, rtcp_port=port, ssrc=ssrc, addresses=self._secure.addresses(),
            fingerprint=offer.fingerprint, ufrag=offer.ufrag, password=offer.password,
        )  # fmt: skip
        row = Row(index, request.port, request.label, opened, rtp=rtp)
        self._secure.begin(row)
        self._warn_of_few_ports()
        return row

    def _stocked(self, bound: _Bound, request: m.OpenPort) -> Row:
        for one in (bound.rtp, bound.rtcp):
            with suppress(OSError):
                for _ in range(_STRAY):
                    one.recv(1)
        return self._plain(bound, request)

    def _plain(self, bound: _Bound, request: m.OpenPort) -> Row:
        self._plane.open(bound.index, bound.ssrc, secrets.randbits(15), secrets.randbits(32))
        opened = m.PortOpened(id=request.id, port=request.port, rtp_port=bound.port, rtcp_port=bound.port + 1, ssrc=bound.ssrc)
        row = Row(bound.index, request.port, request.label, opened, rtp=bound.rtp, rtcp=bound.rtcp)
        self._sockets.begin(row)
        self._reports.begin(row)
        self._warn_of_few_ports()
        return row

    def _no_socket(self, error: OSError) -> None:
        """The process is at its limit: whoever talks goes on, nobody else begins."""
        if self._step() >= self._warned_at + _WARN_STEPS:
            self._warned_at = self._step()
            self._warn(m.MediaAlarm(code="descriptors_low", detail=error.strerror or str(error)))

    def _warn_of_few_ports(self) -> None:
        low = self._ports.free < self._ports.total * _PORTS_LOW
        if low and not self._alarmed:
            self._warn(m.MediaAlarm(code="ports_low", detail=f"{self._ports.free} of {self._ports.total} port pairs are free"))
        self._alarmed = low

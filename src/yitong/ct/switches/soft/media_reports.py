"""RTCP of all rows, silence that is too long, and the statistics at the end."""

from __future__ import annotations

from collections.abc import Callable

from yitong.ct.switches.soft.media_messages import MediaEvent, MediaLost, PortClosed
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_wire import Wire
from yitong.media import rtcp
from yitong.media.jitter import STEP_MS
from yitong.media.plane import Plane
from yitong.media.quality import estimate_mos

STEPS_PER_SECOND = 1000 // STEP_MS
_REPORT_STEPS = 5 * STEPS_PER_SECOND
_FRAME_MS = 20.0


class Reports:
    """``utc`` in microseconds; ``tell`` gets ``MediaLost``."""

    def __init__(self, plane: Plane, wire: Wire, lost_seconds: float, utc: Callable[[], int], tell: Callable[[MediaEvent], None]) -> None:
        self._plane = plane
        self._wire = wire
        self._lost_seconds = lost_seconds
        self._utc = utc
        self._tell = tell
        self._step = 0

    def begin(self, row: Row) -> None:
        """Listen on the row's RTCP port."""
        sock = row.rtcp
        if sock is None:
            return

        def read(buffer: memoryview) -> int:
            length, source = sock.recvfrom_into(buffer)
            if row.lock.locked is not None and source[0] == row.lock.locked[0]:
                data = bytes(buffer[:length])
                self._receive_plain(row, data if row.srtp is None else row.srtp.open_rtcp(data))
            else:
                row.strangers += 1
            return 0

        self._wire.watch(sock.fileno(), read, row.index)

    def _receive_plain(self, row: Row, data: bytes | None) -> None:
        if data is None:
            row.malformed += 1
        else:
            self.receive(row, data)

    def receive(self, row: Row, data: bytes) -> None:
        """A compound packet of the row's proven source."""
        report = rtcp.parse(data)
        if report is None:
            row.malformed += 1
            return
        self._plane.heard_at[row.index] = self._step
        if report.ntp:
            row.last_report, row.last_report_step = rtcp.middle(report.ntp), self._step
        for block in report.blocks:
            if block.ssrc == row.opened.ssrc and block.last_report:
                now = rtcp.middle(rtcp.ntp_time(self._utc()))
                units = (now - block.last_report - block.since_last) & 0xFFFFFFFF
                if units < 10 << 16:
                    row.round_trip_ms = units / 65.536

    def silent_seconds(self, row: Row) -> float:
        """How long nothing came from the row's source."""
        return (self._step - int(self._plane.heard_at[row.index])) / STEPS_PER_SECOND

    def review(self, rows: dict[int, Row], step: int) -> None:
        """Look at every row once a second, spread over the steps."""
        self._step = step
        bucket = step % STEPS_PER_SECOND
        for index in range(bucket, self._plane.capacity, STEPS_PER_SECOND):
            row = rows.get(index)
            if row is not None and row.opened.rtp_port:
                self._watch_silence(row)
                if step - row.report_at >= _REPORT_STEPS:
                    row.report_at = step
                    self._send(row, bye=False)

    def _watch_silence(self, row: Row) -> None:
        if row.remote is None or not row.remote.receive:
            return
        seconds = self.silent_seconds(row)
        if seconds < self._lost_seconds:
            row.lost = False
        elif not row.lost:
            row.lost = True
            reason = "ice" if row.leg is not None and not row.connected else "silence"
            self._tell(MediaLost(port=row.port, seconds=round(seconds, 1), reason=reason))

    def _send(self, row: Row, bye: bool) -> None:
        data = self._build(row, bye)
        if row.leg is not None:
            row.leg.send_rtcp(data)
        elif row.rtcp is not None and row.lock.locked is not None and row.remote is not None:
            port = row.remote.rtcp_port or row.lock.locked[1] + 1
            try:
                row.rtcp.sendto(data if row.srtp is None else row.srtp.protect_rtcp(data), (row.lock.locked[0], port))
            except OSError:
                return  # no route now; the next report is five seconds away

    def _build(self, row: Row, bye: bool) -> bytes:
        plane, index = self._plane, row.index
        reception = plane.reception
        block = None
        if reception.highest[index] >= 0:
            since = (self._step - row.last_report_step) * 65536 // STEPS_PER_SECOND if row.last_report else 0
            block = rtcp.Block(
                int(reception.ssrc[index]), reception.fraction_lost(index), reception.lost(index), int(reception.highest[index]),
                int(reception.jitter_samples(index)), row.last_report, since,
            )  # fmt: skip
        sent = int(plane.sent[index])
        ntp = rtcp.ntp_time(self._utc())
        name = f"{row.opened.ssrc:08x}@yitong"
        return rtcp.build_report(row.opened.ssrc, ntp, int(plane.timestamp[index]), sent, sent * 160, block, name, bye)

    def close(self, row: Row) -> PortClosed:
        """Say goodbye and sum up."""
        if row.connected:
            self._send(row, bye=True)
        plane, index = self._plane, row.index
        reception = plane.reception
        expected, lost, late = reception.expected(index), reception.lost(index), int(plane.jitter.late[index])
        wait = float(plane.jitter.delay[index]) * STEP_MS
        loss = (lost + late) / expected if expected else 0.0
        return PortClosed(
            port=row.port,
            packets=int(reception.packets[index]),
            lost=lost,
            late=late,
            sent=int(plane.sent[index]),
            strangers=row.strangers,
            jitter_ms=round(reception.jitter_ms(index), 2),
            mos=estimate_mos(loss, _FRAME_MS + wait + row.round_trip_ms / 2) if expected else 1.0,
        )

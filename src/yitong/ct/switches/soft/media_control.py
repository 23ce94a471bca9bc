"""What a worker does for each request of its switch."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import singledispatchmethod

from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.media_classify import Classifying
from yitong.ct.switches.soft.media_fax import Faxes
from yitong.ct.switches.soft.media_heed import Heed
from yitong.ct.switches.soft.media_opening import Opening
from yitong.ct.switches.soft.media_record import Recordings
from yitong.ct.switches.soft.media_reports import STEPS_PER_SECOND, Reports
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_secure import Secure
from yitong.ct.switches.soft.media_server import Server
from yitong.ct.switches.soft.media_services import Services
from yitong.ct.switches.soft.media_settings import MediaSettings
from yitong.ct.switches.soft.media_socket import RowSockets
from yitong.ct.switches.soft.media_srtp import from_description
from yitong.ct.switches.soft.media_talk import Talks
from yitong.media.digits import KEYS
from yitong.media.plane import Plane

_LISTED = 100


class Control:
    """Rows by name, and the requests on them. ``step`` is the current step."""

    def __init__(
        self, settings: MediaSettings, plane: Plane, opening: Opening, sockets: RowSockets, secure: Secure, services: Services,
        recordings: Recordings, reports: Reports, faxes: Faxes, talks: Talks, classifying: Classifying, heed: Heed,
        step: Callable[[], int],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._plane = plane
        self._opening = opening
        self._sockets = sockets
        self._secure = secure
        self._services = services
        self._recordings = recordings
        self._reports = reports
        self._faxes = faxes
        self._talks = talks
        self._classifying = classifying
        self._heed = heed
        self._step = step
        self._doing: dict[type, Callable[[m.AnyRequest], m.FromWorker | None]] = {}
        self.server: Server
        self.rows: dict[str, Row] = {}
        self.by_index: dict[int, Row] = {}

    def handle(self, request: m.AnyRequest) -> m.FromWorker | None:
        """Carry out a request; the answer, or None when it comes later."""
        kind = type(request)
        doing = self._doing.get(kind)
        if doing is None:
            doing = self._doing[kind] = vars(Control)["_do"].dispatcher.dispatch(kind).__get__(self)
        return doing(request)

    @singledispatchmethod
    def _do(self, request: m.Request) -> m.FromWorker | None:
        return m.Refusal(id=request.id, reason="bad_request")

    @_do.register
    def _(self, request: m.OpenPort) -> m.FromWorker | None:
        known = self.rows.get(request.port)
        if known is not None:
            return _for(known.opened, request.id)
        row = self._opening.open(request)
        if isinstance(row, m.Refusal):
            return row
        row.since = row.report_at = self._step()
        self._plane.heard_at[row.index] = self._step()
        self.rows[row.port] = self.by_index[row.index] = row
        return row.opened

    @_do.register
    def _(self, request: m.KeepStock) -> m.FromWorker | None:
        return m.Stocked(id=request.id, pairs=self._opening.keep(request.count))

    @_do.register
    def _(self, request: m.SetRemote) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        if request.codec not in (0, 8) or not 0 <= request.rtp_port <= 65535 or not -1 <= request.event_type <= 127:
            return m.Refusal(id=request.id, reason="bad_request")
        self._heed.heed(row)
        if row.leg is None:
            if not _is_address(request.address) or self._is_itself(row, request) or not self._protect(row, request):
                return m.Refusal(id=request.id, reason="bad_request")
            if not _is_nowhere(request):
                self._sockets.name(row, (request.address, request.rtp_port))
        elif not self._secure.set_remote(row, request):
            return m.Refusal(id=request.id, reason="bad_request")
        if row.remote is None or not row.remote.receive:
            self._plane.heard_at[row.index] = self._step()
        row.remote, row.image = request, request.image
        sends = request.send and (row.leg is not None or not _is_nowhere(request))
        self._plane.direct(row.index, request.codec, request.event_type, sends, request.receive, self._step())
        self._faxes.redirected(row, self._step())
        return m.Done(id=request.id)

    def _protect(self, row: Row, request: m.SetRemote) -> bool:
        """Keys by SDES, if they are others than before (a running stream keeps its counters); false when they are unusable."""
        keys = (request.suite, request.their_key, request.our_key)
        known = row.remote
        if keys != ((known.suite, known.their_key, known.our_key) if known is not None else ("", "", "")):
            srtp = from_description(*keys) if request.suite else None
            if request.suite and srtp is None:
                return False
            self._sockets.protect(row, srtp)
        return True

    def _is_itself(self, row: Row, request: m.SetRemote) -> bool:
        return request.rtp_port == row.opened.rtp_port and request.address in (self._settings.bind, "127.0.0.1", "::1")

    @_do.register
    def _(self, request: m.ClosePort) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        self.close(row)
        return m.Done(id=request.id)

    def close(self, row: Row) -> None:
        """End a row and tell its statistics."""
        self._services.stop(row, "hung_up")
        self._faxes.row_closed(row)
        self._recordings.row_closed(row)
        self._talks.watch(row, False)
        self._classifying.end(row)
        closed = self._reports.close(row)
        if row.leg is not None:
            self._secure.close(row)
        self._sockets.close(row)
        self._plane.close(row.index)
        del self.rows[row.port], self.by_index[row.index]
        self._opening.give_back(row)
        self.server.tell(closed)

    @_do.register
    def _(self, request: m.Link) -> m.FromWorker | None:
        row, source = self.rows.get(request.port), self.rows.get(request.source)
        if row is None or source is None:
            return _unknown(request)
        self._heed.heed(source)
        self._plane.link(row.index, source.index, request.gain)
        self._plane.fax_tones.end(row.index)
        return m.Done(id=request.id)

    @_do.register
    def _(self, request: m.MediaPlay) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        self._heed.heed(row)
        self._services.play(row, request, self._later(request.id))
        return None

    def _later(self, number: int) -> Callable[[str], None]:
        client = self.server.asker

        def answer(reason: str) -> None:
            self.server.answer(m.Refusal(id=number, reason=reason) if reason else m.Done(id=number), client)

        return answer

    @_do.register
    def _(self, request: m.MediaCollect) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        self._heed.heed(row)
        self.server.answer(m.Done(id=request.id), self.server.asker)
        self._services.collect(row, request)
        return None

    @_do.register
    def _(self, request: m.MediaStop) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        self._services.stop(row)
        self._faxes.stop(row)
        self._classifying.end(row)
        return m.Done(id=request.id)

    @_do.register
    def _(self, request: m.MediaForgetKeys) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        row.ahead.take()
        return m.Done(id=request.id)

    @_do.register
    def _(self, request: m.MediaDigits) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        self._plane.send_digits(row.index, request.digits)
        return m.Done(id=request.id)

    @_do.register
    def _(self, request: m.MediaPress) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        if len(request.digit) != 1 or request.digit not in KEYS:
            return m.Refusal(id=request.id, reason="bad_request")
        self._services.press(row, request.digit, "signalling")
        return m.Done(id=request.id)

    @_do.register
    def _(self, request: m.MediaFax) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        self._heed.heed(row)
        self._services.stop(row)
        reason = self._faxes.start(row, request, self._step())
        return m.Refusal(id=request.id, reason=reason) if reason else m.Done(id=request.id)

    @_do.register
    def _(self, request: m.MediaRecord) -> m.FromWorker | None:
        left, right = self.rows.get(request.left), self.rows.get(request.right)
        if left is None or right is None:
            return _unknown(request)
        for side in (left, right):
            self._heed.heed(side)
        reason = self._recordings.start(request.recording, left, right, request.file, self._step())
        return m.Refusal(id=request.id, reason=reason) if reason else m.Done(id=request.id)

    @_do.register
    def _(self, request: m.MediaAlso) -> m.FromWorker | None:
        rows = [row for port in request.ports if (row := self.rows.get(port)) is not None]
        for row in rows:
            self._heed.heed(row)
        known = self._recordings.also(request.recording, rows)
        return m.Done(id=request.id) if known else m.Refusal(id=request.id, reason="no_such_recording")

    @_do.register
    def _(self, request: m.MarkHold) -> m.FromWorker | None:
        known = self._recordings.mark(request.recording, request.on)
        return m.Done(id=request.id) if known else m.Refusal(id=request.id, reason="no_such_recording")

    @_do.register
    def _(self, request: m.MediaPause) -> m.FromWorker | None:
        steps = round(request.seconds * STEPS_PER_SECOND)
        known = self._recordings.pause(request.recording, request.on, self._step(), steps)
        return m.Done(id=request.id) if known else m.Refusal(id=request.id, reason="no_such_recording")

    @_do.register
    def _(self, request: m.MediaMessage) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        self._heed.heed(row)
        self._services.take(row, request)
        return m.Done(id=request.id)

    @_do.register
    def _(self, request: m.MediaWatch) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        self._talks.watch(row, request.on)
        return m.Done(id=request.id)

    @_do.register
    def _(self, request: m.MediaClassify) -> m.FromWorker | None:
        row = self.rows.get(request.port)
        if row is None:
            return _unknown(request)
        if request.on:
            self._heed.heed(row)
            self._classifying.begin(row, request)
        else:
            self._classifying.end(row)
        return m.Done(id=request.id)

    @_do.register
    def _(self, request: m.StopRecord) -> m.FromWorker | None:
        known = self._recordings.stop(request.recording)
        return m.Done(id=request.id) if known else m.Refusal(id=request.id, reason="no_such_recording")

    @_do.register
    def _(self, request: m.ListPorts) -> m.FromWorker | None:
        states = tuple(self._state(row, request.id) for row in self.rows.values())
        for start in range(0, len(states) - _LISTED, _LISTED):
            part = m.PortList(id=request.id, ports=states[start : start + _LISTED], more=True)
            self.server.answer(part, self.server.asker)
        last = (len(states) - 1) // _LISTED * _LISTED if states else 0
        return m.PortList(id=request.id, ports=states[last:], recordings=self._recordings.running())

    def _state(self, row: Row, number: int) -> m.PortState:
        hears = self._plane.matrix.hears.get(row.index, {})
        return m.PortState(
            opened=_for(row.opened, number),
            label=row.label,
            remote=row.remote,
            hears=tuple((self.by_index[source].port, gain) for source, gain in hears.items()),
            tag_id=row.tag_id,
            fax=self._faxes.tag(row),
        )


def _for(opened: m.PortOpened, number: int) -> m.PortOpened:
    """The same answer under another request's id."""
    return m.PortOpened(
        id=number, port=opened.port, rtp_port=opened.rtp_port, rtcp_port=opened.rtcp_port, ssrc=opened.ssrc, addresses=opened.addresses,
        fingerprint=opened.fingerprint, ufrag=opened.ufrag, password=opened.password,
    )  # fmt: skip


def _unknown(request: m.Request) -> m.Refusal:
    return m.Refusal(id=request.id, reason="no_such_port")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_nowhere(request: m.SetRemote) -> bool:
    """Port 0, or the unspecified address of an old-fashioned hold (RFC 3264 §8.4): nothing is sent, the lock stays."""
    return request.rtp_port == 0 or request.address in ("0.0.0.0", "::")

"""Sessions that are kept alive (RFC 4028): re-INVITEs where UPDATE is not taken, and what becomes of a line whose other side is gone."""

from __future__ import annotations

import structlog

from yitong.ct.model import Cause
from yitong.ct.switches.soft.line import SDP, Line
from yitong.ct.switches.soft.reached import Holder
from yitong.sip import image, negotiation
from yitong.sip.events import RefreshWanted, ResponseReceived, SessionExpired, TransactionFailed, TransactionTimedOut
from yitong.sip.grammar import SipError
from yitong.sip.sdp import SdpError, parse
from yitong.sip.timers_session import longer

_DEAD = frozenset({408, 481})
_log = structlog.get_logger("yitong.switch.refreshing")


class Refreshing:
    """The session timers of the lines."""

    def __init__(self, lines: Holder) -> None:
        self._lines = lines
        self._open: dict[int, Line] = {}

    def expired(self, event: SessionExpired) -> None:
        """Nobody refreshed the session: the other side is gone, though its audio may not show it (a held telephone is silent)."""
        line = self._lines.by_dialog.get(event.dialog.id)
        if line is not None:
            _log.warning("session not refreshed", device=line.device)
            self._lines.lose(line, Cause.SIGNALLING_LOST)

    def wanted(self, event: RefreshWanted) -> None:
        """The other side takes no UPDATE."""
        line = self._lines.by_dialog.get(event.dialog.id)
        if line is None or line.local is None:
            return
        body = (image.make_offer(line.local) if line.image else negotiation.make_offer(line.local)).encode()
        try:
            transaction = self._lines.endpoint.request_in_dialog(event.dialog, "INVITE", self._lines.now, body=body, content_type=SDP)
        except SipError:
            return  # an INVITE is open: that one refreshes
        self._open[transaction.id] = line

    def answered(self, event: ResponseReceived | TransactionTimedOut | TransactionFailed) -> bool:
        """Something came of a request in a dialog; true when it was a refresh of ours and needs nothing more."""
        dialog = event.dialog
        line = self._lines.by_dialog.get(dialog.id) if dialog is not None else None
        if isinstance(event, ResponseReceived):
            return self._response(event, line)
        if event.transaction.id not in self._open:
            return False
        self._open.pop(event.transaction.id)
        if line is not None:
            self._lines.lose(line, Cause.SIGNALLING_LOST)
        return True

    def _response(self, event: ResponseReceived, line: Line | None) -> bool:
        status, refresh = event.response.status, event.transaction.id in self._open
        if status < 200:
            return refresh
        if event.transaction.method == "UPDATE" and status in _DEAD and event.dialog is not None:
            line = self._lines.by_dialog.get(event.dialog.id)
        elif not refresh:
            return False
        self._open.pop(event.transaction.id, None)
        if line is None or event.dialog is None:
            return refresh
        if status in (401, 407):
            again = self._lines.outward.challenged(event)
            if again is not None:
                self._open[again.id] = line
            return True
        if status < 300:
            self._lines.endpoint.ack(event.transaction, event.dialog, self._lines.now)
            self._took(line, event.response.body)
        elif status in _DEAD:
            self._lines.lose(line, Cause.SIGNALLING_LOST)
        return True

    def _took(self, line: Line, body: bytes) -> None:
        """Their answer may name another address than before."""
        if line.local is None:
            return
        try:
            remote = negotiation.accept_answer(parse(body), line.local)
        except SdpError:
            return  # the description as it was holds on (RFC 3264 §8)
        line.held = remote.held
        self._lines.sound.set_remote(line.connection, remote)

    def too_short(self, line: Line, event: ResponseReceived) -> bool:
        """422: the session that we asked for is too short for them; ask for what they take, once."""
        if event.response.status != 422 or "refresher" in (event.transaction.request.get("Session-Expires") or ""):
            return False
        headers = longer(event.response)
        if not headers or headers[0][1] == event.transaction.request.get("Session-Expires"):
            return False
        self._lines.calls_by(line, self._lines.endpoint.retry(event.transaction, self._lines.now, headers=headers))
        return True

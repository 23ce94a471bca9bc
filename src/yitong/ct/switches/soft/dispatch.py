"""Which part of the switch an event of the SIP endpoint concerns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from yitong.ct.switches.soft.answering import Answering
from yitong.ct.switches.soft.lines import Lines
from yitong.sip import events as e
from yitong.sip.core import Flow

OwnBusiness = Callable[[e.ResponseReceived | e.TransactionTimedOut | e.TransactionFailed], bool]
_log = structlog.get_logger("yitong.switch")


class Dispatch:
    """Hands events on. ``own``: parts that ask devices and trunks for themselves; true from the one whose request it was."""

    def __init__(self, lines: Lines, answering: Answering, own: Sequence[OwnBusiness], close_flow: Callable[[Flow], None]) -> None:
        self._lines = lines
        self._answering = answering
        self._own = [*own, lines.refreshing.answered]
        self._close_flow = close_flow

    def event(self, event: e.Event) -> None:
        """One event."""
        lines = self._lines
        lines.about(event)
        match event:
            case e.RequestReceived():
                self._answering.request(event)
            case e.AckReceived():
                lines.acknowledged(event)
            case e.Cancelled():
                self._answering.cancelled(event)
            case e.ResponseReceived() | e.TransactionTimedOut() | e.TransactionFailed():
                self._came_of_ours(event)
            case e.SessionExpired():
                lines.refreshing.expired(event)
            case e.RefreshWanted():
                lines.refreshing.wanted(event)
            case e.CloseFlow():
                _log.info("stream closed", source=event.flow.host, reason=event.reason)
                self._close_flow(event.flow)
            case e.BadMessage():
                _log.info("bad message", source=event.flow.host, reason=event.reason, status=event.status)

    def _came_of_ours(self, event: e.ResponseReceived | e.TransactionTimedOut | e.TransactionFailed) -> None:
        if any(answered(event) for answered in self._own):
            return
        if isinstance(event, e.ResponseReceived):
            self._lines.response(event)
        else:
            self._lines.timed_out(event)

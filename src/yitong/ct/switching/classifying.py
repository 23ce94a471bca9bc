"""Who answered, as the audio judges it; and tones of the network before the answer, which say why there will be none (ITU-T E.180)."""

from __future__ import annotations

from typing import Final

from yitong.ct import services
from yitong.ct.events import Classified, GreetingEnded
from yitong.ct.model import Cause
from yitong.ct.switching.board import Board, fail
from yitong.ct.switching.table import LiveConnection
from yitong.media.answerer import MACHINE, Greeted, Verdict
from yitong.media.network_tones import BUSY, CONGESTION, UNOBTAINABLE

CAUSES: Final = {BUSY: Cause.BUSY, CONGESTION: Cause.OVERLOADED, UNOBTAINABLE: Cause.NO_SUCH_NUMBER}


def begin(board: Board, one: LiveConnection, service: services.Classify, now: int) -> None:
    """Listen; what was asked before is forgotten. ``awaits_greeting`` says whether its verdict is not the last that is told."""
    one.classifying = service.id
    one.awaits_greeting = service.beep_seconds > 0
    board.table.changed.add(one.connection)
    board.audio.classify(one.connection, service)


def listen_early(board: Board, one: LiveConnection, *, on: bool) -> None:
    """A connection that speaks before it answers, or has answered now."""
    if one.tones and one.early:
        board.audio.listen_for_tones(one.connection, on)


def heard(board: Board, connection: str, tag: str, told: Verdict | Greeted, now: int) -> None:
    """What the audio has found. Without a tag: a tone of the network; who still rings will not answer."""
    one = board.table.connections.get(connection)
    if one is None:
        return
    if not tag:
        if isinstance(told, Verdict) and one.pending and told.who in CAUSES:
            board.lines.release(connection, Cause.CANCELLED)
            fail(board, one, CAUSES[told.who], now)
        return
    if one.classifying != tag:
        return
    if isinstance(told, Greeted) or told.who != MACHINE or not one.awaits_greeting:
        one.classifying = ""
        board.table.changed.add(connection)
    board.tell(_event(one, tag, told), now)


def _event(one: LiveConnection, tag: str, told: Verdict | Greeted) -> Classified | GreetingEnded:
    if isinstance(told, Greeted):
        return GreetingEnded(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=tag, reason=told.reason, hertz=told.hertz,
            milliseconds=told.milliseconds,
        )  # fmt: skip
    return Classified(
        tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=tag, who=told.who, reason=told.reason,
        measure=told.measure, milliseconds=told.milliseconds, confidence=told.confidence,
    )  # fmt: skip

"""Faxes of a call: SendFax and ReceiveFax, what becomes of them, and tones by which fax machines show themselves."""

from __future__ import annotations

from yitong.ct import services
from yitong.ct.events import FaxEnded, FaxToneHeard, ServiceFailed
from yitong.ct.model import FaxOutcome
from yitong.ct.switching.board import Board
from yitong.ct.switching.table import LiveConnection, LiveFax


def begin(board: Board, one: LiveConnection, service: services.SendFax | services.ReceiveFax, now: int) -> None:
    """A modem takes the place of the connection's audio. Who receives offers T.38; the other side's offer is awaited by who sends."""
    fax = LiveFax(
        fax=service.id, tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, file=service.file,
        sends=isinstance(service, services.SendFax), t38=service.t38,
    )  # fmt: skip
    if one.faxing:
        _refuse(board, fax, "fax_running", now)
        return
    one.faxing = service.id
    board.table.faxes[fax.fax] = fax
    board.table.changed.update((one.connection, fax.fax))
    board.audio.fax(one.connection, service)
    if fax.t38 and not fax.sends:
        board.lines.offer_image(one.connection)


def ended(board: Board, tag: str, outcome: FaxOutcome, now: int) -> None:
    """A fax is over, perhaps after its connection."""
    fax = _forget(board, tag)
    if fax is None:
        return
    board.tell(
        FaxEnded(
            tenant=fax.tenant, site=fax.site, call=fax.call, connection=fax.connection, service=tag, file=fax.file, sent=fax.sends,
            reason=outcome.reason, pages=outcome.pages, station=outcome.station, rate=outcome.rate,
            error_correction=outcome.error_correction, t38=outcome.t38,
        ),
        now,
    )  # fmt: skip
    if outcome.t38 and fax.connection in board.table.connections:
        board.lines.resume_audio(fax.connection)


def lost(board: Board, connections: frozenset[str], now: int) -> None:
    """The faxes of connections whose audio was lost."""
    for fax in [fax for fax in board.table.faxes.values() if fax.connection in connections]:
        ended(board, fax.fax, FaxOutcome(reason="interrupted"), now)


def refused(board: Board, tag: str, reason: str, now: int) -> None:
    """The audio cannot send or receive a fax."""
    fax = _forget(board, tag)
    if fax is not None:
        _refuse(board, fax, reason, now)


def tone(board: Board, connection: str, name: str, now: int) -> None:
    """A fax machine showed itself."""
    one = board.table.connections.get(connection)
    if one is not None and not one.faxing:
        board.tell(FaxToneHeard(tenant=one.tenant, site=one.site, call=one.call, connection=connection, tone=name), now)


def may_take_image(board: Board, connection: str) -> bool:
    """Whether a T.38 offer of the other side is welcome: a fax runs on the connection that may use it."""
    one = board.table.connections.get(connection)
    fax = board.table.faxes.get(one.faxing) if one is not None else None
    return fax is not None and fax.t38


def _forget(board: Board, tag: str) -> LiveFax | None:
    fax = board.table.faxes.pop(tag, None)
    if fax is None:
        return None
    one = board.table.connections.get(fax.connection)
    if one is not None and one.faxing == tag:
        one.faxing = ""
    board.table.changed.update((fax.connection, tag))
    return fax


def _refuse(board: Board, fax: LiveFax, reason: str, now: int) -> None:
    kind = "SendFax" if fax.sends else "ReceiveFax"
    board.tell(ServiceFailed(tenant=fax.tenant, site=fax.site, service=fax.fax, kind=kind, connection=fax.connection, reason=reason), now)

"""What telephones do with calls by themselves: two calls of one device made one, a connection that takes another one's place."""

from __future__ import annotations

from yitong.ct.events import CallsJoined, TransferAsked, Transferred
from yitong.ct.model import Cause, ConnectionState, DeviceKind
from yitong.ct.switching.board import Board, finish, mark_holds, settle_audio
from yitong.ct.switching.hearing import parties
from yitong.ct.switching.ports import Invitation
from yitong.ct.switching.routing import meet
from yitong.ct.switching.table import LiveConnection


def join_calls(board: Board, one: LiveConnection, other: LiveConnection, now: int) -> bool:
    """Transfer of two calls (ECMA-269): the others of both talk in one call, which ``one`` and ``other`` leave.

    It is the call that somebody from outside is in, else the older one: whose contact began it keeps its call, whichever way round the
    telephone asks. False, and nothing happens, when somebody is missing on a side, the device only attends to one of them, or their audio
    cannot be brought together.
    """
    one, other = sorted((one, other), key=lambda side: (not _from_outside(board, side), side.call))
    there = [member for member in parties(board.table.others(one)) if member.in_call]
    movers = [member for member in parties(board.table.others(other)) if member.in_call or member.pending]
    names = [member.connection for member in [*there, *movers]]
    attends = bool(one.attends or other.attends)
    if attends or one.call == other.call or not there or not movers or not board.lines.together(names):
        return False
    former = other.call
    for member in movers:
        _move(board, member, one, there[0])
    board.tell(
        CallsJoined(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, former_call=former,
            connections=tuple(member.connection for member in movers),
        ),
        now,
    )  # fmt: skip
    settle_audio(board, one.call)
    board.tell(
        Transferred(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, to_connection=movers[0].connection,
            device=movers[0].device,
        ),
        now,
    )  # fmt: skip
    finish(board, one, Cause.TRANSFERRED, now)
    finish(board, other, Cause.TRANSFERRED, now)
    mark_holds(board, there[0].call)
    return True


def _from_outside(board: Board, one: LiveConnection) -> bool:
    """Whether somebody from outside is in the call of ``one``."""
    return any(other.kind in (DeviceKind.TRUNK, DeviceKind.GUEST) for other in board.table.others(one))


def _move(board: Board, member: LiveConnection, one: LiveConnection, near: LiveConnection) -> None:
    """Take a member out of its call and into that of ``one``."""
    former = board.links.get(member.call, set())
    for pair in [pair for pair in former if member.connection in pair]:
        former.discard(pair)
        board.audio.link(*pair, on=False)
    if member.music:
        member.music = ""
        board.audio.stop(member.connection)
    board.table.move_to(member, one.call)
    board.lines.moved(member.connection, one.call)
    member.room, member.had_peer = one.room, True
    if member.pending:
        member.routed_by = near.connection


def replace(board: Board, old: LiveConnection, *, connection: str, device: str, kind: DeviceKind, invitation: Invitation, now: int) -> None:
    """A device calls to take the place of ``old``, which is connected or rings (RFC 3891): it is answered at once."""
    one = LiveConnection(
        connection=connection, call=old.call, tenant=old.tenant, site=old.site, device=device, kind=kind, state=ConnectionState.ALERTING,
        since=now, incoming=True, invitation=invitation, internal=True, answering=True, room=old.room, order=old.order,
        routed_by=old.routed_by, replaces=old.connection, participation=old.participation, attends=old.attends,
    )  # fmt: skip
    board.table.add(one)
    board.lines.accept(connection)


def took_over(board: Board, one: LiveConnection, now: int) -> None:
    """The new connection is there: the old one leaves."""
    old = board.table.connections.get(one.replaces)
    one.replaces, one.internal, one.had_peer = "", False, old is None or old.had_peer
    board.table.changed.add(one.connection)
    if old is None:
        return
    _inherit(board, one, old)
    near = board.table.connections.get(one.routed_by)
    board.tell(
        Transferred(
            tenant=one.tenant, site=one.site, call=one.call, connection=old.connection, to_connection=one.connection, device=one.device
        ),
        now,
    )  # fmt: skip
    if old.in_call:
        finish(board, old, Cause.TRANSFERRED, now)
        return
    if near is not None:
        meet(board, one, near, now)
    if old.connection in board.table.connections:
        finish(board, old, Cause.ANSWERED_ELSEWHERE, now)


def _inherit(board: Board, one: LiveConnection, old: LiveConnection) -> None:
    """What the old one had begun goes on with the new one: its consultation, that of who asked for it, its hall, and who stays with it."""
    aside = old.room == old.connection and not old.consulted_by
    one.room = one.connection if aside else old.room
    one.participation = old.participation
    if old.hall:
        board.table.move_hall(one, old.hall)
        board.settle_hall(board, one)
    one.home, one.away_from, one.consulted_by, one.hold_music = old.home, old.away_from, old.consulted_by, old.hold_music
    old.away_from, old.consulted_by = None, ""
    for other in board.table.others(one):
        others = {"consulted_by": other.consulted_by, "attends": other.attends, "routed_by": other.routed_by}
        for name in [name for name, whose in others.items() if whose == old.connection]:
            setattr(other, name, one.connection)
            board.table.changed.add(other.connection)


def transfer_asked(board: Board, connection: str, number: str, now: int) -> bool:
    """A device wants to give whom it was rung for, or called outside, to a number of ours; whether core, which has him, can be asked."""
    one = board.table.connections.get(connection)
    if one is None or not one.in_call or one.attends:
        return False
    called = (other for other in board.table.others(one) if other.routed_by == connection and other.kind is DeviceKind.TRUNK)
    near = board.table.connections.get(one.routed_by) or next(called, None)
    if near is None or near.internal:
        return False
    board.tell(TransferAsked(tenant=one.tenant, site=one.site, call=one.call, connection=connection, number=number), now)
    return True

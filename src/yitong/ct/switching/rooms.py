"""Services that part a call into rooms and bring them together: Consult, StepAside, Alternate, Reconnect, Conference, Transfer, Join."""

from __future__ import annotations

from yitong.ct import services
from yitong.ct.events import Conferenced, Moved, ParticipationChanged, Retrieved, ServiceFailed, Transferred
from yitong.ct.model import Cause, ConnectionState
from yitong.ct.switching.board import Board, finish, mark_holds, merge_rooms, settle_audio, waiting_music
from yitong.ct.switching.hearing import parties
from yitong.ct.switching.ports import Invitation
from yitong.ct.switching.routing import ring_device
from yitong.ct.switching.table import LiveConnection


def consult(board: Board, one: LiveConnection, service: services.Consult, now: int) -> None:
    """Ring the target for ``one`` alone; the others wait with music. A target that cannot be rung changes nothing."""
    if one.away_from is not None or one.attends:
        _refuse(board, one, service, "wrong_state", now)
        return
    invitation = Invitation(calling=service.calling or one.invitation.calling, called=service.target.number or one.invitation.called)
    target = ring_device(board, service.target, one, invitation, service.id, service.ring_seconds, now)
    if target is None:
        return
    one.hold_music = service.music or waiting_music(board, one)
    one.home = one.room
    _end_hold(board, one, service.id, now)
    target.room, target.consulted_by, target.hold_music = target.connection, one.connection, service.ringback
    _move(board, one, target.room, service.id, now)


def step_aside(board: Board, one: LiveConnection, service: services.StepAside, now: int) -> None:
    """Into a room of its own; the others hear nothing but what is played to them."""
    if one.away_from is not None or one.attends:
        _refuse(board, one, service, "wrong_state", now)
        return
    one.hold_music, one.home = "", one.room
    _end_hold(board, one, service.id, now)
    _move(board, one, one.connection, service.id, now)


def _end_hold(board: Board, one: LiveConnection, service: str, now: int) -> None:
    """HOLD → CONNECTED of one who is about to move to another room: nobody hears a moment of the old one in between."""
    if one.state is ConnectionState.HOLD:
        board.table.move(one, ConnectionState.CONNECTED, now)
        board.tell(Retrieved(tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service), now)


def alternate(board: Board, one: LiveConnection, service: services.Alternate, now: int) -> None:
    """Go over to the other room."""
    other = board.table.consulted(one)
    if one.away_from is None or other is None or not other.in_call:
        _refuse(board, one, service, "no_consultation", now)
        return
    _move(board, one, one.away_from, service.id, now)


def reconnect(board: Board, one: LiveConnection, service: services.Reconnect, now: int) -> None:
    """Back to the room that was left; whoever was consulted is released."""
    if one.away_from is None:
        _refuse(board, one, service, "no_consultation", now)
        return
    consulted = board.table.consulted(one)
    if one.room != one.home:
        _move(board, one, one.home, service.id, now)
    one.away_from = None
    board.table.changed.add(one.connection)
    if consulted is not None:
        finish(board, consulted, Cause.NORMAL, now, service=service.id)
    settle_audio(board, one.call)


def conference(board: Board, one: LiveConnection, service: services.Conference, now: int) -> None:
    """The two rooms become one."""
    consulted = board.table.consulted(one)
    if one.away_from is None or consulted is None or not consulted.in_call:
        _refuse(board, one, service, "no_consultation", now)
        return
    merge_rooms(board, one)
    board.tell(
        Conferenced(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service.id, consulted=consulted.connection
        ),
        now,
    )
    settle_audio(board, one.call)
    mark_holds(board, one.call)


def transfer(board: Board, one: LiveConnection, service: services.Transfer, now: int) -> None:
    """``one`` leaves; the others go on with whom it consulted, or wait for him with the music that they hear."""
    consulted = board.table.consulted(one)
    if one.away_from is None or consulted is None:
        _refuse(board, one, service, "no_consultation", now)
        return
    if consulted.in_call:
        finish(board, one, Cause.TRANSFERRED, now, service=service.id)
        return
    merge_rooms(board, one)
    there = (other for other in parties(board.table.others(one)) if other.in_call and other.room == consulted.room)
    waiting = next(there, None)
    if waiting is not None:
        consulted.routed_by = waiting.connection
        board.tell(
            Transferred(
                tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service.id,
                to_connection=consulted.connection, device=consulted.device,
            ),
            now,
        )  # fmt: skip
    finish(board, one, Cause.TRANSFERRED, now, service=service.id)


def join(board: Board, one: LiveConnection, service: services.Join, now: int) -> None:
    """Ring somebody into the call."""
    if service.attend and one.attends:
        _refuse(board, one, service, "wrong_state", now)
        return
    invitation = Invitation(
        calling=service.calling or one.invitation.calling, called=service.target.number or one.invitation.called,
        auto_answer=service.auto_answer,
    )  # fmt: skip
    target = ring_device(board, service.target, one, invitation, service.id, service.ring_seconds, now)
    if target is not None:
        target.joins, target.room, target.participation = True, one.room, service.participation
        target.attends = one.connection if service.attend else ""


def participate(board: Board, one: LiveConnection, service: services.Participate, now: int) -> None:
    """Another way of taking part; nobody else's audio has a gap."""
    if not service.attend and one.attends:
        attended = board.table.connections.get(one.attends)
        one.room = attended.room if attended is not None else one.room
        one.attends = ""
    one.participation = service.participation
    board.table.changed.add(one.connection)
    board.tell(
        ParticipationChanged(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service.id,
            participation=one.participation, attends=one.attends,
        ),
        now,
    )  # fmt: skip
    settle_audio(board, one.call)


def _move(board: Board, one: LiveConnection, room: str, service: str, now: int) -> None:
    one.room, one.away_from = room, one.room
    board.table.changed.add(one.connection)
    settle_audio(board, one.call)
    mark_holds(board, one.call)
    board.tell(Moved(tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service, room=room), now)


def _refuse(board: Board, one: LiveConnection, service: services.Service, reason: str, now: int) -> None:
    kind = type(service).__name__
    board.tell(
        ServiceFailed(tenant=one.tenant, site=one.site, service=service.id, kind=kind, connection=one.connection, reason=reason), now
    )

"""Services that ring devices: Route, Deflect, Single Step Transfer, Make; and what becomes of the ringing."""

from __future__ import annotations

import msgspec

from yitong.ct.events import Delivered, Diverted, Established, Failed, Originated, ServiceFailed, Transferred
from yitong.ct.model import Cause, ConnectionState, DeviceKind, Dialled
from yitong.ct.services import Deflect, Make, Route, SingleStepTransfer, Target
from yitong.ct.switching import classifying
from yitong.ct.switching.board import Board, after, fail, finish, settle_audio, stand_alone
from yitong.ct.switching.hearing import parties
from yitong.ct.switching.ports import Invitation
from yitong.ct.switching.table import LiveConnection

DIALLED_SECONDS = 60.0
"""How long it rings for a telephone that dialled while core was silent."""


def ring_device(board: Board, target: Target, near: LiveConnection, invitation: Invitation, service: str, seconds: float, now: int,
                *, transfers: str = "", diverted_from: str = "", routed_by: str = "", tones: bool = False,
) -> LiveConnection | None:  # fmt: skip
    """Begin a connection to a device in the call of ``near``; None (and told) when the device cannot be rung."""
    device = target.device or (board.lines.way_out(near.tenant, near.site, target.number) if target.number else "")
    invitation = msgspec.structs.replace(invitation, hops=near.invitation.hops)
    if target.number:
        invitation = msgspec.structs.replace(invitation, called=target.number, data=target.data)
    kind = board.lines.kind_of(near.tenant, device)
    if kind is None or target.connection in board.table.connections:
        board.tell(
            Failed(
                tenant=near.tenant,
                site=near.site,
                call=near.call,
                connection=target.connection,
                service=service,
                device=device,
                cause=Cause.UNREACHABLE,
            ),
            now,
        )
        return None
    one = LiveConnection(
        connection=target.connection, call=near.call, tenant=near.tenant, site=near.site, device=device, kind=kind,
        state=ConnectionState.INITIATED, since=now, incoming=False, invitation=invitation, service=service,
        routed_by=routed_by or near.connection, transfers=transfers, diverted_from=diverted_from, deadline=after(now, seconds), tones=tones,
    )  # fmt: skip
    board.table.add(one)
    board.tell(
        Originated(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service, device=one.device, kind=kind
        ),
        now,
    )
    board.lines.invite(one.connection, one.device, invitation)
    return one


def route(board: Board, one: LiveConnection, service: Route, now: int) -> None:
    """Route Select: ring every target at once; without targets, what the device itself dialled."""
    one.order = service.order
    board.table.changed.add(one.connection)
    if one.dialled is not None and not service.targets:
        go_on(board, one, service.ring_seconds, now)
        return
    if one.dialled is not None:
        one.dialled, one.goes_on_to = None, ""
    invitation = Invitation(
        calling=service.calling or one.invitation.calling, calling_name=service.calling_name, called=one.invitation.called,
        contact=service.contact, resume=service.resume,
    )  # fmt: skip
    rung = [
        ring_device(board, target, one, invitation, service.id, service.ring_seconds, now, tones=service.tones)
        for target in service.targets
    ]
    if not any(rung) and one.connection in board.table.connections:
        stand_alone(board, one.call, now, Cause.UNREACHABLE)


def deflect(board: Board, one: LiveConnection, service: Deflect, now: int) -> None:
    """Deflect Call: the new device rings, then the first stops ringing. An unreachable new device leaves the first ringing."""
    near = board.table.connections.get(one.routed_by)
    if near is None or board.lines.kind_of(one.tenant, service.target.device) is None:
        board.tell(
            ServiceFailed(
                tenant=one.tenant, site=one.site, service=service.id, kind="Deflect", connection=one.connection, reason="no_such_device"
            ),
            now,
        )
        return
    ring_device(board, service.target, near, one.invitation, service.id, service.ring_seconds, now,
                transfers=one.transfers, diverted_from=one.connection, routed_by=one.routed_by)  # fmt: skip
    finish(board, one, Cause.TRANSFERRED, now, service=service.id)


def transfer(board: Board, one: LiveConnection, service: SingleStepTransfer, now: int) -> None:
    """Single Step Transfer: the target is rung for the others; when it answers, ``one`` leaves. Until then it stays.

    Whoever only attends to another one has nobody to give away.
    """
    near = next((other for other in parties(board.table.others(one)) if other.in_call), None)
    if near is None or one.attends:
        board.tell(
            ServiceFailed(
                tenant=one.tenant,
                site=one.site,
                service=service.id,
                kind="SingleStepTransfer",
                connection=one.connection,
                reason="wrong_state",
            ),
            now,
        )
        return
    calling = service.calling or (near.invitation.calling if near.incoming else "")
    invitation = Invitation(calling=calling, called=near.invitation.called)
    ring_device(board, service.target, near, invitation, service.id, service.ring_seconds, now, transfers=one.connection)


def make(board: Board, service: Make, now: int, site: str) -> None:
    """Make Call: ring the device; ``go_on`` follows when it answered."""
    device = board.lines.way_out(service.tenant, site, service.number) if service.number else service.device
    kind = board.lines.kind_of(service.tenant, device)
    if kind is None:
        board.tell(
            Failed(
                tenant=service.tenant, site=site, call=service.call, connection=service.connection, service=service.id, device=device,
                cause=Cause.UNREACHABLE,
            ),
            now,
        )  # fmt: skip
        return
    called = service.number or service.called
    invitation = Invitation(calling=service.calling or service.called, called=called, auto_answer=service.auto_answer)
    one = LiveConnection(
        connection=service.connection, call=service.call, tenant=service.tenant, site=site, device=device, kind=kind,
        state=ConnectionState.INITIATED, since=now, incoming=False, invitation=invitation, service=service.id,
        goes_on_to=service.called, deadline=after(now, service.ring_seconds), tones=service.tones,
    )  # fmt: skip
    board.table.add(one)
    board.tell(
        Originated(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service.id, device=one.device, kind=kind
        ),
        now,
    )
    board.lines.invite(one.connection, one.device, invitation)


def dialled(board: Board, one: LiveConnection, now: int) -> None:
    """One of our devices dialled a colleague or an outside number: core is told, and has a while to say who rings.

    An emergency number does not wait: core's answer comes to what rings already.
    """
    number = one.invitation.called
    seconds = 0.0 if board.lines.is_emergency(one.tenant, number) else board.options.dial_seconds
    one.dialled = Dialled(
        number=number, connection=board.ids.new(now), calling=one.invitation.calling, device=board.lines.device_called(one.tenant, number)
    )
    one.deadline = after(now, seconds) if seconds else 0
    board.table.add(one)
    board.tell(
        Originated(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, device=one.device, kind=one.kind,
            dialled=one.dialled,
        ),
        now,
    )  # fmt: skip
    if not seconds:
        go_on(board, one, DIALLED_SECONDS, now)


def go_on(board: Board, one: LiveConnection, seconds: float, now: int) -> None:
    """Ring the number that a made call, or one of our devices, is for: a device of ours, else by a trunk; without either the call ends."""
    number, one.goes_on_to, one.had_peer = one.goes_on_to, "", True
    waited, one.dialled = one.dialled, None
    board.table.set_deadline(one, 0)
    device = board.lines.device_called(one.tenant, number) or board.lines.way_out(one.tenant, one.site, number)
    target = Target(connection=waited.connection if waited is not None else board.ids.new(now), device=device)
    if not device:
        board.tell(
            Failed(
                tenant=one.tenant,
                site=one.site,
                call=one.call,
                connection=target.connection,
                service=one.service,
                device="",
                cause=Cause.NO_SUCH_NUMBER,
            ),
            now,
        )
        finish(board, one, Cause.NO_SUCH_NUMBER, now)
        return
    invitation = Invitation(calling=one.invitation.calling, calling_name=one.invitation.calling_name, called=number)
    if ring_device(board, target, one, invitation, one.service, seconds, now) is None:
        finish(board, one, Cause.UNREACHABLE, now)


def ringing(board: Board, one: LiveConnection, now: int) -> None:
    """A device that we rang rings."""
    if one.state is not ConnectionState.INITIATED:
        return
    board.table.move(one, ConnectionState.ALERTING, now)
    board.tell(
        Delivered(
            tenant=one.tenant,
            site=one.site,
            call=one.call,
            connection=one.connection,
            service=one.service,
            device=one.device,
            kind=one.kind,
            incoming=False,
            called=one.invitation.called,
            calling=one.invitation.calling,
            calling_name=one.invitation.calling_name,
        ),
        now,
    )
    if one.diverted_from:
        board.tell(
            Diverted(
                tenant=one.tenant,
                site=one.site,
                call=one.call,
                connection=one.diverted_from,
                service=one.service,
                to_connection=one.connection,
            ),
            now,
        )
    caller = board.table.connections.get(one.routed_by)
    if caller is not None and caller.incoming and not caller.in_call and not caller.answering:
        board.lines.ring(caller.connection)


def early(board: Board, one: LiveConnection, now: int) -> None:
    """A device that we rang speaks before it answers: who waits for it hears that (RFC 3960)."""
    ringing(board, one, now)
    one.early = True
    board.table.changed.add(one.connection)
    classifying.listen_early(board, one, on=True)
    near = board.table.connections.get(one.routed_by)
    if near is not None and near.incoming and not near.in_call and not near.answering:
        board.lines.progress(near.connection)
    settle_audio(board, one.call)


def carried(board: Board, one: LiveConnection, device: str) -> None:
    """Another trunk has the call in place of one that did not take it: what that one said early is over."""
    one.device = device
    board.table.changed.add(one.connection)
    if one.early:
        classifying.listen_early(board, one, on=False)
        one.early = False
        settle_audio(board, one.call)


def answered(board: Board, one: LiveConnection, now: int) -> None:
    """A device that we rang answered: it is connected with whom it was rung for, the others stop ringing."""
    board.table.move(one, ConnectionState.CONNECTED, now)
    board.table.set_deadline(one, 0)
    classifying.listen_early(board, one, on=False)
    board.tell(
        Established(tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=one.service, device=one.device), now
    )
    near = board.table.connections.get(one.routed_by)
    if near is not None:
        meet(board, one, near, now)
    elif one.goes_on_to:
        go_on(board, one, 30.0, now)
    settle_audio(board, one.call)


def meet(board: Board, one: LiveConnection, near: LiveConnection, now: int) -> None:
    """``one`` answered for ``near``: the others stop ringing, whatever played ends, whoever transferred leaves."""
    one.had_peer = near.had_peer = True
    if one.joins:
        return
    board.table.changed.update((one.connection, near.connection))
    if near.ordered:
        board.table.set_deadline(near, 0)
    accept = not near.in_call and not near.answering
    near.answering = near.answering or accept  # before the others go: it is not left alone by that
    for other in [other for other in board.table.targets(near) if not other.joins]:
        finish(board, other, Cause.ANSWERED_ELSEWHERE, now)
    if near.in_call:
        stop_playing(board, near, now)
    elif accept:
        board.table.set_deadline(near, 0)
        board.lines.accept(near.connection)
    leaver = board.table.connections.get(one.transfers)
    if leaver is not None:
        board.tell(
            Transferred(
                tenant=one.tenant,
                site=one.site,
                call=one.call,
                connection=leaver.connection,
                service=one.service,
                to_connection=one.connection,
                device=one.device,
                called=one.invitation.called if one.kind is DeviceKind.TRUNK else "",
            ),
            now,
        )
        finish(board, leaver, Cause.TRANSFERRED, now, service=one.service)


def stop_playing(board: Board, one: LiveConnection, now: int) -> None:
    """Two begin to talk: whatever played or collected at ``one`` ends."""
    if one.playing or one.collecting or one.music:
        one.music = ""
        board.audio.stop(one.connection)


def unanswered(board: Board, one: LiveConnection, now: int) -> None:
    """The ringing time of a device is over."""
    board.lines.release(one.connection, Cause.NO_ANSWER)
    fail(board, one, Cause.NO_ANSWER, now)

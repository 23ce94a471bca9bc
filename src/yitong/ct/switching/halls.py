"""Halls: conferences of any size whose members keep their own calls. Who hears whom there, and the recording of what is said.

Everybody in a hall who is connected hears every speaker in it; a listener is heard by nobody. A recording is one more hearer, its *ear*.
Pairs are settled one connection at a time, so that the hundredth listener costs as little as the first.
"""

from __future__ import annotations

from yitong.ct import services
from yitong.ct.events import HallEntered, HallLeft, TalkChanged
from yitong.ct.model import ConnectionState, Participation
from yitong.ct.switching.board import Board
from yitong.ct.switching.table import LiveConnection, LiveRecording

EAR = "ear:"


def enter(board: Board, one: LiveConnection, service: services.EnterHall, now: int) -> None:
    """Go into a hall, or be heard there in another way."""
    if one.hall != service.hall:
        board.table.move_hall(one, service.hall)
    one.participation = service.participation
    board.table.changed.add(one.connection)
    settle(board, one)
    board.tell(
        HallEntered(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service.id, hall=one.hall,
            participation=one.participation,
        ),
        now,
    )  # fmt: skip


def leave(board: Board, one: LiveConnection, service: services.LeaveHall, now: int) -> None:
    """Go out of the hall; whoever is in none has left already. What was pressed there was meant for it, and for nothing after it."""
    hall = one.hall
    if not hall:
        return
    go_out(board, one)
    board.audio.forget_keys(one.connection)
    one.participation = Participation.ACTIVE
    board.tell(HallLeft(tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, service=service.id, hall=hall), now)


def go_out(board: Board, one: LiveConnection) -> None:
    """Nobody in the hall hears it any more, nor it them; the last one ends the recording."""
    hall = one.hall
    board.table.move_hall(one, "")
    settle(board, one)
    if hall not in board.table.halls:
        for recording in [recording for recording in board.table.recordings.values() if recording.hall == hall]:
            stop_recording(board, recording)


def settle(board: Board, one: LiveConnection) -> None:
    """Make the mixing say what the state of one connection says about it and all others."""
    members = board.table.halls.get(one.hall, {})
    others = [other for other in members.values() if other.call != one.call]
    hears = {other.connection for other in others if _speaks(other)} if _there(one) else set[str]()
    heard_by = {other.connection for other in others if _there(other)} | _ears(board, one.hall) if _speaks(one) else set[str]()
    before, before_by = set(board.hears.get(one.connection, {})), set(board.heard_by.get(one.connection, ()))
    for source in sorted(before - hears):
        _share(board, one.connection, source, False)
    for hearer in sorted(before_by - heard_by):
        _share(board, hearer, one.connection, False)
    for source in sorted(hears - before):
        _share(board, one.connection, source, True, one.hall)
    for hearer in sorted(heard_by - before_by):
        _share(board, hearer, one.connection, True, one.hall)
    _watch(board, one)


def _watch(board: Board, one: LiveConnection) -> None:
    """Whether it is told when the connection speaks."""
    wanted = _speaks(one)
    one.talking = one.talking and wanted
    if wanted != (one.connection in board.watched):
        (board.watched.add if wanted else board.watched.discard)(one.connection)
        board.audio.watch(one.connection, wanted)


def _share(board: Board, hearer: str, source: str, on: bool, hall: str = "") -> None:
    """One pair, with its hall kept for the moment when it is taken apart."""
    if on:
        board.hears.setdefault(hearer, {})[source] = hall
        board.heard_by.setdefault(source, set()).add(hearer)
    else:
        hall = board.hears[hearer].pop(source)
        board.heard_by[source].discard(hearer)
        if not board.hears[hearer]:
            del board.hears[hearer]
        if not board.heard_by[source]:
            del board.heard_by[source]
    board.audio.share(hall, hearer, source, on)


def _there(one: LiveConnection) -> bool:
    return bool(one.hall) and one.state is ConnectionState.CONNECTED


def _speaks(one: LiveConnection) -> bool:
    return _there(one) and one.participation is Participation.ACTIVE


def _ears(board: Board, hall: str) -> set[str]:
    return {one.left for one in board.table.recordings.values() if one.hall == hall and not one.stopping}


# --- recording ---------------------------------------------------------------------------------------------------------------------


def refused(board: Board, service: services.RecordHall) -> str:
    """Why a hall cannot be recorded; empty when it can."""
    members = board.table.halls.get(service.hall)
    if members is None or next(iter(members.values())).tenant != service.tenant:
        return "no_such_hall"
    return "recording_exists" if service.recording in board.table.recordings else ""


def record(board: Board, _: None, service: services.RecordHall, now: int) -> None:
    """Open an ear that hears all speakers, and record it."""
    members = board.table.halls[service.hall]
    near = next(iter(members.values()))
    ear = EAR + service.recording
    board.table.recordings[service.recording] = LiveRecording(
        recording=service.recording, tenant=near.tenant, site=near.site, call=service.hall, left=ear, right=ear, file=service.file,
        service=service.id, hall=service.hall,
    )  # fmt: skip
    board.table.changed.add(service.recording)
    board.audio.open_ear(ear, near.connection)
    hear_all(board, board.table.recordings[service.recording])
    board.audio.record(service.recording, ear, ear, service.file)


def hear_all(board: Board, recording: LiveRecording) -> None:
    """The ear of a recording hears every speaker of the hall."""
    for one in board.table.halls.get(recording.hall, {}).values():
        if _speaks(one):
            _share(board, recording.left, one.connection, True, recording.hall)


def stop_recording(board: Board, recording: LiveRecording) -> None:
    """Have the recording closed; its ear stays until that is told."""
    if not recording.stopping:
        recording.stopping = True
        board.table.changed.add(recording.recording)
        board.audio.stop_record(recording.recording)


def recorded(board: Board, recording: LiveRecording) -> None:
    """The recording is over: its ear closes."""
    if not recording.hall:
        return
    for source in list(board.hears.get(recording.left, {})):
        _share(board, recording.left, source, False)
    board.audio.close_ear(recording.left)


# --- life --------------------------------------------------------------------------------------------------------------------------


def talk(board: Board, one: LiveConnection, on: bool, now: int) -> None:
    """A speaker began or ceased to speak."""
    one.talking = on
    if one.hall:
        board.tell(TalkChanged(tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, hall=one.hall, on=on), now)


def settle_all(board: Board) -> None:
    """After a restart of the switch: say again who hears whom; what is so already is not disturbed by it."""
    board.hears.clear()
    board.heard_by.clear()
    board.watched.clear()
    for members in list(board.table.halls.values()):
        for one in list(members.values()):
            settle(board, one)

"""Whether a service can be done, by the state of what it is about."""

from __future__ import annotations

from yitong.ct import services
from yitong.ct.states import Stage, refusal
from yitong.ct.switching import halls, taking
from yitong.ct.switching.board import Board
from yitong.ct.switching.table import LiveConnection


def refused(board: Board, service: services.AnyService, one: LiveConnection | None) -> str:
    """Why not; empty when it can be done. ``one``: the connection that it is about."""
    table = board.table
    match service:
        case services.StopRecording() | services.PauseRecording() | services.ResumeRecording():
            recording = table.recordings.get(service.recording)
            if recording is None or recording.tenant != service.tenant or recording.stopping:
                return "no_such_recording"
            return "" if isinstance(service, services.StopRecording) else taking.refused_pause(recording, service)
        case services.StartRecording():
            return _refused_recording(board, service, one)
        case services.RecordHall():
            return halls.refused(board, service)
        case services.Make():
            taken = service.connection in table.connections or service.call in table.calls
            return "draining" if board.draining and not _is_emergency(board, service) else "connection_exists" if taken else ""
    if isinstance(service, services.Answer) and one is not None and one.answering:
        return "wrong_state"
    if isinstance(service, services.Route) and one is not None and one.internal and one.dialled is None:
        return "wrong_state"  # it has gone on by itself
    return refusal(type(service), one.stage if one is not None else Stage.NULL)


def _is_emergency(board: Board, made: services.Make) -> bool:
    """Whether an emergency number is called; one dialled at a desk is shown (``calling``) to the device that is rung for it."""
    numbers = (made.number, made.called, made.calling)
    return any(number and board.lines.is_emergency(made.tenant, number) for number in numbers)


def _refused_recording(board: Board, service: services.StartRecording, left: LiveConnection | None) -> str:
    right = board.table.connections.get(service.right)
    for side in (left, right):
        reason = refusal(services.StartRecording, side.stage if side is not None else Stage.NULL)
        if reason:
            return reason
        if side is not None and (side.call != service.call or side.tenant != service.tenant):
            return "not_in_call"
    return "recording_exists" if service.recording in board.table.recordings else ""

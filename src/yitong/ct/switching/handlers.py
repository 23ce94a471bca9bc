"""What each service does, once the state table has allowed it: one function each. Make is ``routing.make``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.ct import services
from yitong.ct.switching import classifying, faxes, halls, rooms, routing, taking
from yitong.ct.switching.board import Board, finish, hold, retrieve, settle_tracks
from yitong.ct.switching.table import LiveConnection, LiveRecording


def subject(service: services.AnyService) -> str:
    """The connection that a service is about, or empty."""
    if isinstance(service, services.StartRecording):
        return service.left
    if isinstance(service, services.StopRecording | services.PauseRecording | services.ResumeRecording | services.RecordHall):
        return ""
    return service.connection if not isinstance(service, services.SetMessageWaiting) else ""


def _answer(board: Board, one: LiveConnection, service: services.Answer, now: int) -> None:
    one.answering, one.service = True, service.id
    board.table.set_deadline(one, 0)
    board.lines.accept(one.connection)


def _ring(board: Board, one: LiveConnection, service: services.Ring, now: int) -> None:
    board.lines.ring(one.connection)


def _clear(board: Board, one: LiveConnection, service: services.Clear, now: int) -> None:
    finish(board, one, service.cause, now, service=service.id)


def _hold(board: Board, one: LiveConnection, service: services.Hold, now: int) -> None:
    hold(board, one, service.music, service.id, now)


def _retrieve(board: Board, one: LiveConnection, service: services.Retrieve, now: int) -> None:
    retrieve(board, one, service.id, now)


def _route(board: Board, one: LiveConnection, service: services.Route, now: int) -> None:
    routing.route(board, one, service, now)


def _deflect(board: Board, one: LiveConnection, service: services.Deflect, now: int) -> None:
    routing.deflect(board, one, service, now)


def _transfer(board: Board, one: LiveConnection, service: services.SingleStepTransfer, now: int) -> None:
    routing.transfer(board, one, service, now)


def _play(board: Board, one: LiveConnection, service: services.Play, now: int) -> None:
    one.playing, one.music = service.id, ""
    board.table.changed.add(one.connection)
    board.audio.play(one.connection, service.id, service.prompts, service.loop)


def _stop(board: Board, one: LiveConnection, service: services.Stop, now: int) -> None:
    one.classifying = ""
    board.table.changed.add(one.connection)
    board.audio.stop(one.connection)


def _collect(board: Board, one: LiveConnection, service: services.Collect, now: int) -> None:
    one.collecting, one.music = service.id, ""
    board.table.changed.add(one.connection)
    board.audio.collect(one.connection, service)


def _send_digits(board: Board, one: LiveConnection, service: services.SendDigits, now: int) -> None:
    board.audio.send_digits(one.connection, service.digits)


def _start_recording(board: Board, one: LiveConnection, service: services.StartRecording, now: int) -> None:
    board.table.recordings[service.recording] = LiveRecording(
        recording=service.recording, tenant=one.tenant, site=one.site, call=service.call, left=service.left, right=service.right,
        file=service.file, service=service.id,
    )  # fmt: skip
    board.table.changed.add(service.recording)
    board.audio.record(service.recording, service.left, service.right, service.file)
    if len(board.table.calls[service.call]) > 2:
        settle_tracks(board, service.call)


def _stop_recording(board: Board, one: None, service: services.StopRecording, now: int) -> None:
    board.table.recordings[service.recording].stopping = True
    board.table.changed.add(service.recording)
    board.audio.stop_record(service.recording)


def _set_order(board: Board, one: LiveConnection, service: services.SetStandingOrder, now: int) -> None:
    one.order = service.order
    board.table.changed.add(one.connection)


def _set_waiting(board: Board, one: None, service: services.SetMessageWaiting, now: int) -> None:
    board.lines.show_waiting(service.tenant, service.site, service.lamps, service.whole)


HANDLERS: dict[type[services.Service], Callable[[Board, Any, Any, int], None]] = {
    services.Answer: _answer, services.Ring: _ring, services.Clear: _clear, services.Hold: _hold, services.Retrieve: _retrieve,
    services.Route: _route, services.Deflect: _deflect, services.SingleStepTransfer: _transfer,
    services.StepAside: rooms.step_aside,
    services.Consult: rooms.consult, services.Alternate: rooms.alternate, services.Reconnect: rooms.reconnect,
    services.Conference: rooms.conference, services.Transfer: rooms.transfer, services.Join: rooms.join,
    services.Participate: rooms.participate,
    services.EnterHall: halls.enter, services.LeaveHall: halls.leave, services.RecordHall: halls.record,
    services.Play: _play, services.Stop: _stop, services.Collect: _collect, services.SendDigits: _send_digits,
    services.Classify: classifying.begin,
    services.SendFax: faxes.begin, services.ReceiveFax: faxes.begin,
    services.PauseRecording: taking.pause, services.ResumeRecording: taking.resume, services.RecordMessage: taking.take,
    services.StartRecording: _start_recording, services.StopRecording: _stop_recording, services.SetStandingOrder: _set_order,
    services.SetMessageWaiting: _set_waiting,
}  # fmt: skip

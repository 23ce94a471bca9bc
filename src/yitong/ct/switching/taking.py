"""Recordings that pause, and messages that a caller leaves."""

from __future__ import annotations

from collections.abc import Iterable

from yitong.ct import services
from yitong.ct.events import MessageRecorded, RecordingPaused, RecordingResumed
from yitong.ct.switching.board import Board
from yitong.ct.switching.table import LiveConnection, LiveMessage, LiveRecording

LONGEST_PAUSE = 300.0
"""Seconds: a pause that somebody forgot must not hide the rest of the talk."""


def refused_pause(one: LiveRecording, service: services.PauseRecording | services.ResumeRecording) -> str:
    """Why a recording that runs cannot be paused or go on; empty when it can."""
    if isinstance(service, services.PauseRecording):
        return "already_paused" if one.paused else ""
    return "" if one.paused else "not_paused"


def pause(board: Board, _: None, service: services.PauseRecording, now: int) -> None:
    """From now on nothing that is said gets into the file."""
    one = board.table.recordings[service.recording]
    one.paused = True
    board.table.changed.add(one.recording)
    board.audio.pause_record(one.recording, True, max(0.0, min(service.seconds, LONGEST_PAUSE)))
    board.tell(
        RecordingPaused(
            tenant=one.tenant, site=one.site, call=one.call, connection=one.left, service=service.id, recording=one.recording
        ),
        now,
    )  # fmt: skip


def resume(board: Board, _: None, service: services.ResumeRecording, now: int) -> None:
    """Go on."""
    board.audio.pause_record(service.recording, False, 0.0)
    resumed(board, service.recording, service.id, now)


def resumed(board: Board, recording: str, service: str, now: int) -> None:
    """A recording goes on, by a service or by itself."""
    one = board.table.recordings.get(recording)
    if one is None or not one.paused:
        return
    one.paused = False
    board.table.changed.add(recording)
    board.tell(
        RecordingResumed(tenant=one.tenant, site=one.site, call=one.call, connection=one.left, service=service, recording=recording), now
    )


def take(board: Board, one: LiveConnection, service: services.RecordMessage, now: int) -> None:
    """Record what the connection says."""
    board.table.messages[service.id] = LiveMessage(
        message=service.id, tenant=one.tenant, site=one.site, call=one.call, connection=one.connection, file=service.file
    )
    one.collecting, one.music = service.id, ""
    board.table.changed.update((one.connection, service.id))
    board.audio.record_message(one.connection, service)


def taken(board: Board, tag: str, reason: str, milliseconds: int, size: int, sha256: str, now: int) -> None:
    """A message is closed, perhaps after its connection."""
    message = board.table.messages.pop(tag, None)
    if message is None:
        return
    one = board.table.connections.get(message.connection)
    if one is not None and one.collecting == tag:
        one.collecting = ""
    board.table.changed.update((message.connection, tag))
    board.tell(
        MessageRecorded(
            tenant=message.tenant, site=message.site, call=message.call, connection=message.connection, service=tag, file=message.file,
            reason=reason, milliseconds=milliseconds, bytes=size, sha256=sha256,
        ),
        now,
    )  # fmt: skip


def lost(board: Board, connections: Iterable[str], now: int) -> None:
    """The messages of connections whose audio was lost."""
    gone = frozenset(connections)
    for message in [message for message in board.table.messages.values() if message.connection in gone]:
        taken(board, message.message, "failed", 0, 0, "", now)

"""What media workers say of recordings, messages, faxes and who answered, told to the switching function."""

from __future__ import annotations

import structlog

from yitong.ct.switches.soft.imaging import tell_of_fax
from yitong.ct.switches.soft.media_messages import (
    MediaAlarm,
    MediaClassified,
    MediaFaxed,
    MediaGreeted,
    MediaRecorded,
    MediaResumed,
    MediaTaken,
    MediaTone,
)
from yitong.ct.switches.soft.sound import Sound
from yitong.ct.switching import classifying
from yitong.ct.switching.function import SwitchingFunction
from yitong.media.answerer import Greeted, Verdict

_log = structlog.get_logger("yitong.switch.media")


def tell_of_recording(
    event: MediaRecorded | MediaResumed | MediaTaken | MediaAlarm, function: SwitchingFunction, sound: Sound, now: int
) -> None:
    """A recording is closed or goes on by itself; a message is closed; or the operator should know of something."""
    match event:
        case MediaAlarm():
            _log.error("alarm of a media worker", code=event.code, detail=event.detail)
            sound.alarms[event.code] = now
        case MediaResumed():
            function.recording_resumed(event.recording, now)
        case MediaTaken():
            function.message_recorded(
                event.tag_id, now, reason=event.reason, milliseconds=event.milliseconds, size=event.bytes, sha256=event.sha256
            )
        case MediaRecorded():
            sound.recorders.pop(event.recording, None)
            function.recorded(
                event.recording, now, milliseconds=event.milliseconds, size=event.bytes, sha256=event.sha256, holds=event.holds,
                complete=event.complete, pauses=event.pauses,
            )  # fmt: skip


def tell_of_sound(event: MediaFaxed | MediaTone | MediaClassified | MediaGreeted, function: SwitchingFunction, now: int) -> None:
    """Somebody was recognised by what he says or sends."""
    match event:
        case MediaClassified():
            verdict = Verdict(event.who, event.reason, event.measure, event.milliseconds, event.confidence)
            classifying.heard(function.board, event.port, event.tag_id, verdict, now)
        case MediaGreeted():
            greeted = Greeted(event.reason, event.hertz, event.milliseconds)
            classifying.heard(function.board, event.port, event.tag_id, greeted, now)
        case _:
            tell_of_fax(event, function, now)

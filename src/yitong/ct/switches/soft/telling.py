"""What media workers say of recordings and messages, told to the switching function."""

from __future__ import annotations

import structlog

from yitong.ct.switches.soft.media_messages import MediaAlarm, MediaRecorded, MediaResumed, MediaTaken
from yitong.ct.switches.soft.sound import Sound
from yitong.ct.switching.function import SwitchingFunction

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

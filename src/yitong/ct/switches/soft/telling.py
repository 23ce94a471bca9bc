"""What media workers say of recordings and messages, told to the switching function."""

from __future__ import annotations

from yitong.ct.switches.soft.media_messages import MediaRecorded, MediaResumed, MediaTaken
from yitong.ct.switches.soft.sound import Sound
from yitong.ct.switching.function import SwitchingFunction


def tell_of_recording(event: MediaRecorded | MediaResumed | MediaTaken, function: SwitchingFunction, sound: Sound, now: int) -> None:
    """A recording is closed or goes on by itself; a message is closed."""
    match event:
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

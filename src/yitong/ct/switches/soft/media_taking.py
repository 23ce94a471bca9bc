"""Messages that callers leave: what plays before, what ends them."""

from __future__ import annotations

from collections.abc import Callable

from yitong.ct.switches.soft.media_messages import MediaEvent, MediaMessage, MediaTaken
from yitong.ct.switches.soft.media_record import Message, Recordings
from yitong.ct.switches.soft.media_row import Row


class Messages:
    """Rows that leave a message. ``now`` is the current step; ``tell`` gets ``MediaTaken``."""

    def __init__(self, recordings: Recordings, tell: Callable[[MediaEvent], None], now: Callable[[], int]) -> None:
        self._recordings = recordings
        self._tell = tell
        self._now = now
        self._running: dict[str, Message] = {}

    def begin(self, row: Row) -> None:
        """What plays before is over: record."""
        request = row.taking
        assert request is not None
        message = Message(1000 * request.maximum_seconds, 1000 * request.silence_seconds, lambda reason: self.end(row, reason))
        if self._recordings.start(request.tag_id, row, None, request.file, self._now(), message):
            self._over(row, request, "failed")
        else:
            self._running[request.tag_id] = message

    def wants(self, row: Row, key: str) -> bool:
        """Whether a key ends the row's message, now that it runs or is about to."""
        return row.taking is not None and key in row.taking.terminators

    def hushed(self, row: Row) -> bool:
        """A recording of the row pauses, or did until just now: its keys are not to be kept either."""
        return self._recordings.hushed(row.port, self._now())

    def end(self, row: Row, reason: str) -> None:
        """End the row's message, if it leaves one."""
        request = row.taking
        if request is None:
            return
        message = self._running.pop(request.tag_id, None)
        if message is None:
            self._over(row, request, reason)
            return
        row.taking, row.tag_id = None, ""
        message.reason = reason
        self._recordings.stop(request.tag_id)

    def _over(self, row: Row, request: MediaMessage, reason: str) -> None:
        """It ended before anything was recorded."""
        row.taking, row.tag_id = None, ""
        self._tell(MediaTaken(port=row.port, tag_id=request.tag_id, reason=reason, milliseconds=0))

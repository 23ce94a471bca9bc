"""Running recordings of a worker: tracks of the plane, files of the writer, marks of holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from yitong.ct.switches.soft.media_messages import MediaAlarm, MediaEvent, MediaRecorded
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_writer import Writer, Written
from yitong.media.plane import Plane
from yitong.media.tracks import Tracks


@dataclass(eq=False)
class _Recording:
    recording: str
    file: str
    left: str
    right: str
    index: int
    holds: list[tuple[int, int]] = field(default_factory=list)
    hold_since: int | None = None
    milliseconds: int = 0
    running: bool = True


class Recordings:
    """Starts, marks and ends recordings; ``tell`` gets ``MediaRecorded`` and alarms."""

    def __init__(self, plane: Plane, most: int, folder: Path, tell: Callable[[MediaEvent], None]) -> None:
        self._plane = plane
        self._tracks = Tracks(most)
        self._writer = Writer(folder)
        self._tell = tell
        self._all: dict[str, _Recording] = {}
        self._by_index: dict[int, _Recording] = {}

    def start(self, recording: str, left: Row, right: Row, file: str, now: int) -> str:
        """Begin one; answers "" or why not."""
        if recording in self._all:
            return ""
        path = self._writer.resolve(file)
        if path is None:
            return "bad_request"
        index = self._tracks.start(left.index, right.index, now)
        if index is None:
            return "overloaded"
        one = _Recording(recording, file, left.port, right.port, index)
        self._all[recording] = self._by_index[index] = one
        self._writer.open(recording, path)
        return ""

    def mark(self, recording: str, on: bool) -> bool:
        """A hold begins or ends; false when there is no such recording."""
        one = self._all.get(recording)
        if one is None:
            return False
        at = self._tracks.milliseconds(one.index) if one.running else one.milliseconds
        if on and one.hold_since is None:
            one.hold_since = at
        elif not on and one.hold_since is not None:
            one.holds.append((one.hold_since, at))
            one.hold_since = None
        return True

    def stop(self, recording: str, complete: bool = True) -> bool:
        """End one; ``MediaRecorded`` follows when the file is closed."""
        one = self._all.get(recording)
        if one is None:
            return False
        if one.running:
            one.milliseconds = self._tracks.milliseconds(one.index)
            rest = self._tracks.stop(one.index)
            del self._by_index[one.index]
            one.running = False
            if len(rest.octets):
                complete = self._writer.write(recording, rest) and complete
            self._writer.finish(recording, complete)
        self.mark(recording, False)
        return True

    def row_closed(self, row: Row) -> None:
        """A row is gone: recordings whose rows are both gone end, others go on with a silent track."""
        self._tracks.replace(row.index)
        for one in list(self._by_index.values()):
            if one.left == row.port:
                one.left = ""
            if one.right == row.port:
                one.right = ""
            if not one.left and not one.right:
                self.stop(one.recording)

    def advance(self, now: int) -> None:
        """One step."""
        for index, piece in self._tracks.advance(self._plane.current, self._plane.jitter.delay, now):
            one = self._by_index[index]
            if not self._writer.write(one.recording, piece):
                self._tell(MediaAlarm(code="disk_slow", detail=one.file))
                self.stop(one.recording, complete=False)

    def review(self) -> None:
        """What the writer's thread reports."""
        while self._writer.failed:
            recording, reason = self._writer.failed.popleft()
            one = self._all.get(recording)
            self._tell(MediaAlarm(code="disk_full", detail=f"{one.file if one else recording}: {reason}"))
            self.stop(recording, complete=False)
        while self._writer.closed:
            self._closed(self._writer.closed.popleft())

    def running(self) -> tuple[tuple[str, str, str, str], ...]:
        """As ``PortList`` tells them."""
        return tuple((one.recording, one.left, one.right, one.file) for one in self._all.values() if one.running)

    def close(self) -> None:
        """The worker ends: close all files."""
        for recording in list(self._all):
            self.stop(recording)
        self._writer.close(5.0)

    def _closed(self, written: Written) -> None:
        one = self._all.pop(written.recording, None)
        if one is None:
            return
        self._tell(
            MediaRecorded(
                recording=one.recording,
                file=one.file,
                milliseconds=one.milliseconds,
                bytes=written.bytes,
                sha256=written.sha256,
                holds=tuple(one.holds),
                complete=written.complete,
            )
        )

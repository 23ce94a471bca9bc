"""Running recordings of a worker: tracks of the plane, files of the writer, marks of holds."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from yitong.ct.switches.soft.media_messages import MediaAlarm, MediaEvent, MediaRecorded, MediaResumed, MediaTaken
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_writer import Writer, Written
from yitong.kit.keyring import Keyring
from yitong.media.jitter import STEPS
from yitong.media.plane import Plane
from yitong.media.tracks import Tracks

_NO_DESCRIPTOR = (os.strerror(errno.EMFILE), os.strerror(errno.ENFILE))
_SPEECH = 150
"""Mean amplitude of a frame (of 32768, about -45 dBov) above which somebody speaks."""
_HUSHED_STEPS = 20
"""0.2 s after a pause keys are still not told: one that was pressed within it may come late, or be heard late in the audio."""


@dataclass(eq=False)
class Message:
    """What ends the recording of a message: a limit, silence. ``over`` is told when it ends by itself."""

    limit_ms: float
    silence_ms: float
    over: Callable[[str], None]
    reason: str = ""
    loud: int = 0
    quiet_ms: int = 0

    def hear(self, is_loud: bool) -> bool:
        """A frame; true when there has been silence for too long. A single loud frame is a click."""
        self.loud = self.loud + 1 if is_loud else 0
        self.quiet_ms = 0 if self.loud > 1 else self.quiet_ms + 20
        return self.quiet_ms >= self.silence_ms


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
    pauses: list[tuple[int, int]] = field(default_factory=list)
    pause_since: int | None = None
    resume_at: int = 0
    hushed_until: int = 0
    message: Message | None = None
    also: list[Row] = field(default_factory=list)
    """Who is on the right track besides the right row."""

    def has(self, port: str) -> bool:
        """Whether the voice of that port is on a track."""
        return port in (self.left, self.right) or any(row.port == port for row in self.also)

    def hushes(self, now: int) -> bool:
        """It pauses, or did until just now."""
        return self.pause_since is not None or now < self.hushed_until


class Recordings:
    """Starts, marks and ends recordings, sealed if there are keys; ``tell`` gets ``MediaRecorded`` and alarms."""

    def __init__(self, plane: Plane, most: int, folder: Path, tell: Callable[[MediaEvent], None], keyring: Keyring | None = None) -> None:
        self._plane = plane
        self._tracks = Tracks(most)
        self._writer = Writer(folder, keyring)
        self._tell = tell
        self._all: dict[str, _Recording] = {}
        self._by_index: dict[int, _Recording] = {}
        self._of_port: dict[str, list[_Recording]] = {}
        """Running ones by the rows on their tracks."""

    def start(self, recording: str, left: Row, right: Row | None, file: str, now: int, message: Message | None = None) -> str:
        """Begin one; answers "" or why not. Without a right row it is mono."""
        if recording in self._all:
            return ""
        path = self._writer.resolve(file)
        if path is None:
            return "bad_request"
        index = self._tracks.start(left.index, right.index if right is not None else 0, now)
        if index is None:
            return "overloaded"
        one = _Recording(recording, file, left.port, right.port if right is not None else "", index, message=message)
        self._all[recording] = self._by_index[index] = one
        for port in {one.left, one.right} - {""}:
            self._of_port.setdefault(port, []).append(one)
        self._writer.open(recording, path, 1 if right is None else 2)
        return ""

    def also(self, recording: str, rows: list[Row]) -> bool:
        """Others than the right row are on the right track from now on; false when there is no such recording."""
        one = self._all.get(recording)
        if one is None or not one.running:
            return False
        one.also = [row for row in rows if row.port not in (one.left, one.right)]
        self._tracks.also(one.index, [row.index for row in one.also])
        return True

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

    def pause(self, recording: str, on: bool, now: int, steps: int = 0) -> bool:
        """Nothing gets into the recording from step ``now`` on (for ``steps``), or again; false when there is no such recording."""
        one = self._all.get(recording)
        if one is None or not one.running:
            return False
        at = self._tracks.milliseconds(one.index)
        if on:
            one.resume_at = now + steps
        if on and one.pause_since is None:
            one.pause_since = at
            self._tracks.pause(one.index, True)
        elif not on and one.pause_since is not None:
            one.pauses.append((one.pause_since, at))
            one.pause_since = None
            one.hushed_until = now + _HUSHED_STEPS
            self._tracks.pause(one.index, False)
        return True

    def hushed(self, port: str, now: int) -> bool:
        """A recording of that port pauses, or did until just now: its keys are not to be kept either."""
        return any(one.hushes(now) and one.has(port) for one in self._by_index.values())

    def stop(self, recording: str, complete: bool = True) -> bool:
        """End one; ``MediaRecorded`` (``MediaTaken``) follows when the file is closed."""
        one = self._all.get(recording)
        if one is None:
            return False
        if one.running:
            self.pause(recording, False, one.resume_at)
            one.milliseconds = self._tracks.milliseconds(one.index)
            rest = self._tracks.stop(one.index)
            del self._by_index[one.index]
            for port in {one.left, one.right} - {""}:
                self._leave(port, one)
            one.running = False
            if len(rest.octets):
                complete = self._writer.write(recording, rest) and complete
            self._writer.finish(recording, complete)
        self.mark(recording, False)
        return True

    def row_closed(self, row: Row) -> None:
        """A row is gone: recordings whose rows are both gone end, others go on with a silent track."""
        for mixed in [one for one in self._by_index.values() if row in one.also]:
            self.also(mixed.recording, [other for other in mixed.also if other is not row])
        for one in self._of_port.pop(row.port, []):
            self._tracks.silence(one.index, row.index)
            one.left, one.right = ("" if port == row.port else port for port in (one.left, one.right))
            if not one.left and not one.right:
                self.stop(one.recording)

    def _leave(self, port: str, one: _Recording) -> None:
        held = self._of_port.get(port, [])
        if one in held:
            held.remove(one)
        if not held:
            self._of_port.pop(port, None)

    def records(self, port: str) -> bool:
        """Whether a track of a running recording is that port's."""
        return port in self._of_port

    def advance(self, now: int) -> None:
        """One step."""
        for index, piece in self._tracks.advance(self._plane.current, self._plane.jitter.delay, now):
            one = self._by_index[index]
            if not self._writer.write(one.recording, piece):
                self._tell(MediaAlarm(code="disk_slow", detail=one.file))
                self.stop(one.recording, complete=False)
        if now % STEPS == 0:
            self._listen()

    def _listen(self) -> None:
        """Messages end after silence, or at their longest."""
        taking = [(one, one.message) for one in self._by_index.values() if one.message is not None]
        if not taking:
            return
        rows = self._tracks.left(np.array([one.index for one, _ in taking]))
        loud = np.abs(self._plane.current.samples(rows).astype(np.int32)).mean(axis=1) > _SPEECH
        for (taken, message), is_loud in zip(taking, loud.tolist(), strict=True):
            if message.hear(is_loud):
                message.over("silence")
            elif self._tracks.milliseconds(taken.index) >= message.limit_ms:
                message.over("limit")

    def review(self, now: int) -> None:
        """Some times a second: what the writer's thread is to do and what it reports, and pauses that lasted long enough."""
        for one in list(self._by_index.values()):
            if one.pause_since is not None and now >= one.resume_at:
                self.pause(one.recording, False, now)
                self._tell(MediaResumed(recording=one.recording))
        while self._writer.failed:
            recording, reason = self._writer.failed.popleft()
            known = self._all.get(recording)
            self._tell(MediaAlarm(code=_alarm_of(reason), detail=f"{known.file if known else recording}: {reason}"))
            self.stop(recording, complete=False)
        while self._writer.closed:
            self._closed(self._writer.closed.popleft())
        self._writer.flush()

    def running(self) -> tuple[tuple[str, str, str, str], ...]:
        """As ``PortList`` tells them."""
        return tuple((one.recording, one.left, one.right, one.file) for one in self._all.values() if one.running and one.message is None)

    def close(self) -> None:
        """The worker ends: close all files."""
        for recording in list(self._all):
            self.stop(recording)
        self._writer.close(5.0)

    def _closed(self, written: Written) -> None:
        one = self._all.pop(written.recording, None)
        if one is None:
            return
        if one.message is not None:
            reason = one.message.reason if written.complete else "failed"
            self._tell(
                MediaTaken(
                    port=one.left, tag_id=one.recording, reason=reason or "hung_up", milliseconds=one.milliseconds, bytes=written.bytes,
                    sha256=written.sha256,
                )
            )  # fmt: skip
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
                pauses=tuple(one.pauses),
            )
        )


def _alarm_of(reason: str) -> str:
    """Which alarm a file that cannot be written raises."""
    return "descriptors_low" if reason in _NO_DESCRIPTOR else "disk_full"

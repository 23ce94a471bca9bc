"""Who answered, on the rows that somebody wants to know of; without any it costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from yitong.ct.switches.soft.media_messages import MediaClassified, MediaClassify, MediaEvent, MediaGreeted
from yitong.ct.switches.soft.media_row import Row
from yitong.media import fax_tones
from yitong.media.answerer import Greeted, Listener, Verdict
from yitong.media.jitter import STEPS
from yitong.media.plane import Plane
from yitong.media.pure_tone import pure
from yitong.media.rtp import FRAME


@dataclass(eq=False)
class _Heard:
    """A row that is judged: its last frame, and for how many frames it has had each tone of a fax machine."""

    row: Row
    tag: str
    listener: Listener
    before: NDArray[np.int16] = field(default_factory=lambda: np.zeros(FRAME, dtype=np.int16))
    fax: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, dtype=np.int64))

    def fax_tone(self, found: NDArray[np.bool_]) -> str:
        """A tone that is certain with this frame."""
        self.fax = np.where(found, self.fax + 1, 0)
        at = np.flatnonzero(self.fax >= fax_tones.FRAMES)
        return fax_tones.NAMES[int(at[-1])] if len(at) else ""


class Classifying:
    """Judged rows; ``tell`` gets a ``MediaClassified``, perhaps a ``MediaGreeted``."""

    def __init__(self, plane: Plane, tell: Callable[[MediaEvent], None]) -> None:
        self._plane = plane
        self._tell = tell
        self._all: dict[int, _Heard] = {}

    def begin(self, row: Row, request: MediaClassify) -> None:
        """Judge a row from now on; what was asked before is forgotten. Without a tag: only tones of the network."""
        listener = Listener(
            request.rules, beep_ms=round(request.beep_seconds * 1_000), machine=request.machine, tones_only=not request.tag_id
        )
        self._all[row.index] = _Heard(row, request.tag_id, listener)
        row.judged = True

    def end(self, row: Row) -> None:
        """No longer."""
        row.judged = False
        self._all.pop(row.index, None)

    def advance(self, now: int) -> None:
        """One step."""
        if not self._all or now % STEPS:
            return
        heard = list(self._all.values())
        frames = self._plane.current.samples(np.array([one.row.index for one in heard], dtype=np.intp))
        hertz = pure(np.concatenate([np.stack([one.before for one in heard]), frames], axis=1))
        loud = np.abs(frames.astype(np.int32)).mean(axis=1)
        faxes = fax_tones.tones(frames)
        for at, one in enumerate(heard):
            one.before = frames[at]
            for told in one.listener.hear(float(loud[at]), float(hertz[at]), one.fax_tone(faxes[at])):
                self._tell(_event(one, told))
            if one.listener.over:
                self.end(one.row)


def _event(one: _Heard, told: Verdict | Greeted) -> MediaEvent:
    if isinstance(told, Greeted):
        return MediaGreeted(port=one.row.port, tag_id=one.tag, reason=told.reason, hertz=told.hertz, milliseconds=told.milliseconds)
    return MediaClassified(
        port=one.row.port, tag_id=one.tag, who=told.who, reason=told.reason, measure=told.measure, milliseconds=told.milliseconds,
        confidence=told.confidence,
    )  # fmt: skip

"""Who speaks, of the rows that somebody wants to know of (speakers of halls)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from yitong.ct.switches.soft.media_messages import MediaEvent, MediaTalk
from yitong.ct.switches.soft.media_row import Row
from yitong.media.jitter import STEPS
from yitong.media.plane import Plane

_SPEECH = 150
"""Mean amplitude of a frame (of 32768, about -45 dBov) above which somebody speaks."""
_EVERY = 2 * STEPS
_BEGINS = 3
"""Looks (40 ms each) with speech after which somebody speaks: a click is none."""
_CEASES = 20
"""Looks without after which he ceased: the pauses between words are shorter."""


@dataclass(eq=False)
class _Talk:
    row: Row
    talks: bool = False
    against: int = 0
    """Looks in a row that say the contrary."""


class Talks:
    """Watched rows; ``tell`` gets a ``MediaTalk`` at each change."""

    def __init__(self, plane: Plane, tell: Callable[[MediaEvent], None]) -> None:
        self._plane = plane
        self._tell = tell
        self._watched: dict[int, _Talk] = {}

    def watch(self, row: Row, on: bool) -> None:
        """Begin or end; begun twice it goes on."""
        if on:
            self._watched.setdefault(row.index, _Talk(row))
        else:
            self._watched.pop(row.index, None)

    def advance(self, now: int) -> None:
        """One step."""
        if now % _EVERY or not self._watched:
            return
        talks = list(self._watched.values())
        rows = np.array([one.row.index for one in talks], dtype=np.intp)
        loud = np.abs(self._plane.current.samples(rows).astype(np.int32)).mean(axis=1) > _SPEECH
        for one, is_loud in zip(talks, loud.tolist(), strict=True):
            one.against = 0 if is_loud == one.talks else one.against + 1
            if one.against >= (_CEASES if one.talks else _BEGINS):
                one.talks, one.against = is_loud, 0
                self._tell(MediaTalk(port=one.row.port, on=is_loud))

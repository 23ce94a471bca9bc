"""The last changes of one live document, kept once for all who watch it. Sans-IO.

A watcher only remembers the (epoch, seq) it was last sent. So a slow one costs no memory: when it comes back later than the ring
reaches, ``since`` returns None and it takes a new snapshot.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

KEPT = 1_000


class Place(msgspec.Struct, frozen=True):
    """How far a watcher is: the owner's epoch, and the number of the last change it holds."""

    epoch: int
    seq: int


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What core publishes for a document: the changes that make ``seq - 1`` into ``seq``."""

    epoch: int
    seq: int
    changes: list[Any] = []


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A whole live document as of ``seq``."""

    epoch: int
    seq: int
    data: Any = None

    @property
    def place(self) -> Place:
        """Where a watcher is that holds this document."""
        return Place(self.epoch, self.seq)


class Feed:
    """A ring of updates without gaps; whatever breaks the line empties it."""

    def __init__(self, kept: int = KEPT) -> None:
        self._ring: deque[Update] = deque(maxlen=kept)
        self._epoch = -1
        self._last = -1

    def hear(self, update: Update) -> bool:
        """Take an update; False when it is late (a former owner's, or seen already)."""
        if update.epoch < self._epoch or (update.epoch == self._epoch and update.seq <= self._last):
            return False
        if update.epoch != self._epoch or update.seq != self._last + 1:
            self._ring.clear()
        self._ring.append(update)
        self._epoch, self._last = update.epoch, update.seq
        return True

    def begin(self, place: Place) -> None:
        """A snapshot as of ``place`` was taken: nothing heard yet means that the line begins there."""
        if self._epoch < place.epoch:
            self._ring.clear()
            self._epoch, self._last = place.epoch, place.seq

    def doubt(self) -> None:
        """Updates may have been missed (NATS or core was away): everybody needs a new snapshot."""
        self._ring.clear()
        self._epoch = self._last = -1

    def since(self, place: Place | None) -> list[Update] | None:
        """The updates after ``place``; None when a snapshot is needed."""
        if place is None or place.epoch != self._epoch:
            return None
        if place.seq >= self._last:
            return []
        if not self._ring or place.seq + 1 < self._ring[0].seq:
            return None
        return [update for update in self._ring if update.seq > place.seq]

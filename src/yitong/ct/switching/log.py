"""The events of a switch: numbered without gaps, the last ones kept for Monitor Start."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from yitong.ct.events import AnyEvent

KEPT = 20_000


class EventLog:
    """Numbers events, keeps the last ``kept`` and gives each to every listener once, in order."""

    def __init__(self, switch: str, epoch: int, kept: int = KEPT) -> None:
        self.switch = switch
        self.epoch = epoch
        self.sequence = 0
        self._ring: deque[AnyEvent] = deque(maxlen=kept)
        self._listeners: list[Callable[[AnyEvent], None]] = []

    def monitor(self, listener: Callable[[AnyEvent], None]) -> None:
        """Give ``listener`` every later event."""
        self._listeners.append(listener)

    def tell(self, event: AnyEvent, now: int) -> None:
        """Number and give out an event."""
        self.sequence += 1
        event = msgspec.structs.replace(event, switch=self.switch, epoch=self.epoch, sequence=self.sequence, at=now)
        self._ring.append(event)
        for listener in self._listeners:
            listener(event)

    def since(self, epoch: int, sequence: int) -> list[AnyEvent] | None:
        """The events after ``sequence``; None when they are of another epoch or no longer held."""
        if epoch != self.epoch or sequence > self.sequence:
            return None
        missing = self.sequence - sequence
        if missing > len(self._ring):
            return None
        return [self._ring[index] for index in range(len(self._ring) - missing, len(self._ring))]

"""The events of a switch: numbered without gaps for each tenant and site, the last ones kept for Monitor Start."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

import msgspec

from yitong.ct.events import AnyEvent

KEPT = 20_000
Partition = tuple[str, str]
"""Tenant and site."""


class _Stream:
    __slots__ = ("ring", "sequence")

    def __init__(self, kept: int) -> None:
        self.sequence = 0
        self.ring: deque[AnyEvent] = deque(maxlen=kept)


class EventLog:
    """Numbers events, keeps the last ``kept`` of each partition and gives each to every listener once, in order."""

    def __init__(self, switch: str, epoch: int, kept: int = KEPT) -> None:
        self.switch = switch
        self.epoch = epoch
        self._kept = kept
        self._streams: dict[Partition, _Stream] = {}
        self._listeners: list[Callable[[AnyEvent], None]] = []

    def monitor(self, listener: Callable[[AnyEvent], None]) -> None:
        """Give ``listener`` every later event."""
        self._listeners.append(listener)

    def tell(self, event: AnyEvent, now: int) -> None:
        """Number and give out an event."""
        stream = self._streams.get((event.tenant, event.site))
        if stream is None:
            stream = self._streams[event.tenant, event.site] = _Stream(self._kept)
        stream.sequence += 1
        event = msgspec.structs.replace(event, switch=self.switch, epoch=self.epoch, sequence=stream.sequence, at=now)
        stream.ring.append(event)
        for listener in self._listeners:
            listener(event)

    def sequence(self, tenant: str, site: str) -> int:
        """The number of the partition's last event, 0 before the first."""
        stream = self._streams.get((tenant, site))
        return 0 if stream is None else stream.sequence

    def since(self, tenant: str, site: str, epoch: int, sequence: int) -> list[AnyEvent] | None:
        """The partition's events after ``sequence``; None when they are of another epoch or no longer held."""
        last = self.sequence(tenant, site)
        if epoch != self.epoch or sequence > last:
            return None
        if sequence == last:
            return []
        ring = self._streams[tenant, site].ring
        missing = last - sequence
        return list(islice(ring, len(ring) - missing, None)) if missing <= len(ring) else None

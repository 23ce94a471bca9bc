"""Halls over several media workers. A worker mixes its own rows only; so of a hall that is on two workers each has a *relay* row there,
and the two relays send each other by RTP what the speakers of their sides say. A relay is a speaker to those who hear it, and hears the
speakers of its own side alone, so nothing ever comes back to where it was said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.workers import Worker

RELAY = "relay:"
_log = structlog.get_logger("yitong.switch.halls")


class Rows(Protocol):
    """The rows, as far as halls need them."""

    def worker_of(self, connection: str) -> Worker | None:
        """Where a row is mixed; None when there is no such row."""
        ...

    def worker_at(self, index: int) -> Worker:
        """A worker by its number."""
        ...

    def open_beside(self, worker: Worker, name: str, *, bus: bool, done: Callable[[m.PortOpened | None], None]) -> None:
        """Open a row of no connection on a worker."""
        ...

    def opened(self, name: str) -> m.PortOpened | None:
        """A row's own side; None while it is not there."""
        ...

    def close(self, connection: str) -> None: ...
    def link(self, connection: str, source: str, on: bool) -> None: ...


@dataclass
class Direction:
    """What one worker tells another of a hall: who is heard there, by whom here."""

    sources: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    hearers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, source: str, hearer: str) -> None:
        self.sources[source].add(hearer)
        self.hearers[hearer].add(source)

    def drop(self, source: str, hearer: str) -> None:
        for held, key, other in ((self.sources, source, hearer), (self.hearers, hearer, source)):
            held[key].discard(other)
            if not held[key]:
                del held[key]

    def has(self, source: str, hearer: str) -> bool:
        return hearer in self.sources.get(source, ())


Way = tuple[str, int, int]
"""Hall, the worker where it is said, the worker where it is heard."""


class Halls:
    """Pairs of hearer and source, directly or through relays. ``address``: where workers reach each other."""

    def __init__(self, rows: Rows, address: str) -> None:
        self._rows = rows
        self._address = address
        self._ways: dict[Way, Direction] = {}
        self._opening: set[str] = set()

    def share(self, hall: str, hearer: str, source: str, on: bool) -> None:
        """A pair begins or ends."""
        said, heard = self._rows.worker_of(source), self._rows.worker_of(hearer)
        if on and said is not None and heard is not None and said is not heard:
            self._carry((hall, said.index, heard.index), source, hearer)
        elif on:
            self._rows.link(hearer, source, True)
        elif not self._cease(hall, source, hearer):
            self._rows.link(hearer, source, False)

    def taken_up(self, names: list[str]) -> None:
        """Relays of a former life that are there still; one without its other side is of no use."""
        for name in names:
            if self._rows.opened(_other_side(name)) is None:
                self._rows.close(name)

    def worker_lost(self, worker: Worker, names: list[str]) -> None:
        """The relays of a worker are gone, and their other sides of no use; ``names``: its rows."""
        for name in names:
            if name.startswith(RELAY):
                self._rows.close(name)
                self._rows.close(_other_side(name))
        for way in [way for way in self._ways if worker.index in way[1:]]:
            del self._ways[way]

    # --- inside ------------------------------------------------------------------------------------------------------------------

    def _carry(self, way: Way, source: str, hearer: str) -> None:
        hall, said, heard = way
        direction = self._ways.setdefault(way, Direction())
        direction.add(source, hearer)
        if self._ready(hall, said, heard):
            self._rows.link(_relay(hall, said, heard), source, True)
            self._rows.link(hearer, _relay(hall, heard, said), True)

    def _cease(self, hall: str, source: str, hearer: str) -> bool:
        """Whether it was carried by relays."""
        found = next((way for way, one in self._ways.items() if way[0] == hall and one.has(source, hearer)), None)
        if found is None:
            return False
        _, said, heard = found
        direction = self._ways[found]
        direction.drop(source, hearer)
        if source not in direction.sources:
            self._rows.link(_relay(hall, said, heard), source, False)
        if hearer not in direction.hearers:
            self._rows.link(hearer, _relay(hall, heard, said), False)
        self._close_unused(hall, said, heard)
        return True

    def _close_unused(self, hall: str, here: int, there: int) -> None:
        ways = [(hall, here, there), (hall, there, here)]
        if any(self._ways[way].sources for way in ways if way in self._ways):
            return
        for way in ways:
            self._ways.pop(way, None)
            self._rows.close(_relay(*way))

    def _ready(self, hall: str, here: int, there: int) -> bool:
        """Both relays are there; else they are opened, and what was asked meanwhile follows."""
        names = [_relay(hall, here, there), _relay(hall, there, here)]
        if all(self._rows.opened(name) is not None for name in names):
            return True
        for name, index in zip(names, (here, there), strict=True):
            if name not in self._opening and self._rows.opened(name) is None:
                self._opening.add(name)
                self._rows.open_beside(self._rows.worker_at(index), name, bus=False, done=self._opener(name))
        return False

    def _opener(self, name: str) -> Callable[[m.PortOpened | None], None]:
        return lambda opened: self._opened(name, opened)

    def _opened(self, name: str, opened: m.PortOpened | None) -> None:
        self._opening.discard(name)
        hall, here, there = _parts(name)
        other = _relay(hall, there, here)
        if opened is None:
            _log.error("no row for a conference over two media workers", worker=here)
            return
        far = self._rows.opened(other)
        if far is None:
            return
        if (hall, here, there) not in self._ways and (hall, there, here) not in self._ways:
            self._rows.close(name)
            self._rows.close(other)
            return
        self._meet(name, far)
        self._meet(other, opened)
        for said, heard in ((here, there), (there, here)):
            direction = self._ways.get((hall, said, heard), Direction())
            for source in direction.sources:
                self._rows.link(_relay(hall, said, heard), source, True)
            for hearer in direction.hearers:
                self._rows.link(hearer, _relay(hall, heard, said), True)

    def _meet(self, name: str, far: m.PortOpened) -> None:
        worker = self._rows.worker_of(name)
        if worker is not None:
            worker.ask(
                lambda number: m.SetRemote(id=number, port=name, address=self._address, rtp_port=far.rtp_port, rtcp_port=far.rtcp_port)
            )


def near_address(bind: str) -> str:
    """Where the media workers of one machine reach each other's rows that listen on ``bind``."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(bind, bind)


def _relay(hall: str, here: int, there: int) -> str:
    """The row on the worker ``here`` whose other side is on ``there``."""
    return f"{RELAY}{hall}:{here}:{there}"


def _parts(name: str) -> tuple[str, int, int]:
    hall, here, there = name.removeprefix(RELAY).rsplit(":", 2)
    return hall, int(here), int(there)


def _other_side(name: str) -> str:
    hall, here, there = _parts(name)
    return _relay(hall, there, here)

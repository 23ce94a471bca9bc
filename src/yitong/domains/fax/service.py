"""Keeps what became of each fax of a contact, also when its call is over before that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Bus, Unit
from yitong.ct import events as ct
from yitong.ct.events import ServiceFailed, Snapshot
from yitong.ct.model import FaxOutcome
from yitong.domains.fax.messages import FaxAsked, FaxEnded
from yitong.domains.fax.model import Documents


class Running(msgspec.Struct, kw_only=True):
    """A fax whose end was not told yet."""

    fax: str
    contact: str
    connection: str
    file: str
    sent: bool
    began_at: int


class FaxState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps."""

    running: dict[str, Running] = {}


class Faxes:
    """The part of a partition that faxes."""

    name = "fax"

    def __init__(self, bus: Bus, *, tenant: str) -> None:
        self.documents = Documents()
        self._tenant = tenant
        self._running: dict[str, Running] = {}
        bus.applies(FaxAsked, self._asked)
        bus.applies(FaxEnded, self._over)
        bus.hears(ct.FaxEnded, self._ended)
        bus.hears(ServiceFailed, self._failed)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Documents that may be sent."""
        if kind == "fax_document":
            self.documents.configure(key, value)

    # --- deciding ------------------------------------------------------------------------------------------------------------------

    def _ended(self, event: ct.FaxEnded, unit: Unit) -> None:
        one = self._running.get(event.service)
        if one is not None:
            self._tell(
                one, FaxOutcome(
                    reason=event.reason, pages=event.pages, station=event.station, rate=event.rate, error_correction=event.error_correction,
                    t38=event.t38,
                ), unit,
            )  # fmt: skip

    def _failed(self, event: ServiceFailed, unit: Unit) -> None:
        one = self._running.get(event.service)
        if one is not None:
            self._tell(one, FaxOutcome(reason=event.reason), unit)

    def _tell(self, one: Running, outcome: FaxOutcome, unit: Unit) -> None:
        station = unit.keep(self._tenant, "address", outcome.station, one.contact) if outcome.station else ""
        unit.tell(
            FaxEnded(
                contact=one.contact, connection=one.connection, cause=outcome.reason, fax=one.fax, sent=one.sent, file=one.file,
                pages=outcome.pages, station=station, rate=outcome.rate, error_correction=outcome.error_correction, t38=outcome.t38,
            )
        )  # fmt: skip

    # --- facts ---------------------------------------------------------------------------------------------------------------------

    def _asked(self, fact: FaxAsked, at: int) -> None:
        self._running[fact.fax] = Running(
            fax=fact.fax, contact=fact.contact, connection=fact.connection, file=fact.file, sent=fact.sent, began_at=at
        )

    def _over(self, fact: FaxEnded, at: int) -> None:
        self._running.pop(fact.fax, None)

    # --- time and healing ----------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        return None

    def timer(self, unit: Unit) -> None:
        """A fax has no time of its own here: T.30 ends it, or the end of its call."""

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """A fax that the switch does not know any more was broken off; whoever waits for it hears so."""
        faxing = {connection.faxing for connection in snapshot.connections}
        lost = [one for one in self._running.values() if one.fax not in faxing and one.began_at + fresh_us <= unit.now]
        for one in lost:
            hear(ct.FaxEnded(
                tenant=self._tenant, call="", connection=one.connection, service=one.fax, file=one.file, sent=one.sent,
                reason="interrupted", pages=0,
            ))  # fmt: skip
        return len(lost)

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(FaxState(running=self._running))

    def load(self, data: bytes, now: int) -> None:
        self._running = msgspec.msgpack.decode(data, type=FaxState).running

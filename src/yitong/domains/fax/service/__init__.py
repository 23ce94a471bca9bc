"""Keeps what became of each fax of a contact, also when its call is over before that is known; calls numbers and sends them faxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Bus, Unit
from yitong.contact.journey import begin_segment
from yitong.contact.messages import ContactAnswered, ContactArrived, ContactReleasing
from yitong.contact.registry import Registry
from yitong.ct import events as ct
from yitong.ct.events import ConnectionCleared, Failed, ServiceFailed, Snapshot
from yitong.ct.model import Cause, ConnectionState, FaxOutcome
from yitong.ct.services import Clear, Make, SendFax
from yitong.domains.fax.messages import FaxAsked, FaxEnded, SendFaxTo
from yitong.domains.fax.model import Documents, FaxState, Running
from yitong.kit.clock import SECOND

RING_SECONDS = 60.0
LEASE_US = 10 * SECOND
ENDED_KEPT_US = 86_400 * SECOND
"""For how long an attempt that is over is known, so that asking for it again does not call the number again."""


class Faxes:
    """The part of a partition that faxes."""

    name = "fax"

    def __init__(self, bus: Bus, registry: Registry, *, tenant: str) -> None:
        self.documents = Documents()
        self._registry = registry
        self._tenant = tenant
        self._running: dict[str, Running] = {}
        self._ended_at: dict[str, int] = {}
        bus.applies(FaxAsked, self._asked)
        bus.applies(ContactAnswered, self._there)
        bus.applies(FaxEnded, self._over)
        bus.reacts(ContactAnswered, self._answered)
        bus.hears(ct.FaxEnded, self._ended)
        bus.hears(ServiceFailed, self._failed)
        bus.hears(Failed, self._gone)
        bus.hears(ConnectionCleared, self._gone)
        bus.obeys(SendFaxTo, self.send_to)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Documents that may be sent."""
        if kind == "fax_document":
            self.documents.configure(key, value)

    # --- calling a number ------------------------------------------------------------------------------------------------------------

    def send_to(self, command: SendFaxTo, unit: Unit) -> str:
        """Ring the number for an attempt that is not known yet."""
        if command.attempt in self._running:
            return "running"
        if command.attempt in self._ended_at:
            return "ended"
        contact, connection, call = (unit.new_id() for _ in range(3))
        unit.tell(ContactArrived(
            contact=contact, connection=connection, channel="fax", direction="out", call=call, number=command.station,
            called=unit.keep(self._tenant, "address", command.number, contact),
            calling=unit.keep(self._tenant, "address", command.station, contact),
        ))  # fmt: skip
        unit.tell(FaxAsked(
            contact=contact, connection=connection, fax=command.attempt, sent=True, file=command.file, document=command.document,
            recipient=command.recipient, ring_until=unit.now + round(RING_SECONDS * SECOND) + LEASE_US, shown=command.station,
        ))  # fmt: skip
        arrived = self._registry.get(contact)
        assert arrived is not None
        begin_segment(arrived, "fax", unit)
        unit.ask(Make(
            id=unit.new_id(), tenant=self._tenant, call=call, connection=connection, device="", number=command.number, called="",
            calling=command.station, ring_seconds=RING_SECONDS, tones=True,
        ))  # fmt: skip
        return "begun"

    def _answered(self, fact: ContactAnswered, unit: Unit) -> None:
        """The number is there: its machine gets the fax."""
        one = self._called(fact.connection)
        if one is not None:
            self._send(one, unit)

    def _send(self, one: Running, unit: Unit) -> None:
        unit.ask(SendFax(id=one.fax, tenant=self._tenant, connection=one.connection, file=one.file, station=one.shown))

    def _gone(self, event: Failed | ConnectionCleared, unit: Unit) -> None:
        """A number that was not reached; a fax that had begun is told by its own end."""
        one = self._called(event.connection)
        if one is not None and not one.answered:
            self._tell(one, FaxOutcome(reason=str(event.cause)), unit)

    def _called(self, connection: str) -> Running | None:
        return next((one for one in self._running.values() if one.dialled and one.connection == connection), None)

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
        one = self._running.get(event.service) or (self._called(event.connection) if event.kind == Make.__name__ else None)
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
        if one.dialled and one.answered:
            self._release(one, Cause.NORMAL, unit)

    def _release(self, one: Running, cause: Cause, unit: Unit) -> None:
        """A call of ours is over with its fax."""
        contact = self._registry.get(one.contact)
        if contact is not None and contact.state != "releasing":
            unit.tell(ContactReleasing(contact=one.contact, cause="finished"))
            unit.ask(Clear(id=unit.new_id(), tenant=self._tenant, connection=one.connection, cause=cause))

    # --- facts ---------------------------------------------------------------------------------------------------------------------

    def _asked(self, fact: FaxAsked, at: int) -> None:
        self._running[fact.fax] = Running(
            fax=fact.fax, contact=fact.contact, connection=fact.connection, file=fact.file, sent=fact.sent, began_at=at,
            dialled=bool(fact.recipient), ring_until=fact.ring_until, shown=fact.shown,
        )  # fmt: skip

    def _there(self, fact: ContactAnswered, at: int) -> None:
        one = self._called(fact.connection)
        if one is not None:
            one.answered, one.began_at = True, at

    def _over(self, fact: FaxEnded, at: int) -> None:
        one = self._running.pop(fact.fax, None)
        if one is not None and one.dialled:
            self._ended_at[fact.fax] = at
            while (oldest := next(iter(self._ended_at.items())))[1] + ENDED_KEPT_US < at:
                del self._ended_at[oldest[0]]

    # --- time and healing ----------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        return min((one.ring_until for one in self._running.values() if one.dialled and not one.answered), default=None)

    def timer(self, unit: Unit) -> None:
        """Numbers that neither answered nor failed. A fax has no time of its own here: T.30 ends it, or the end of its call."""
        for one in list(self._running.values()):
            if one.dialled and not one.answered and one.ring_until <= unit.now:
                self._tell(one, FaxOutcome(reason=str(Cause.NO_ANSWER)), unit)
                self._release(one, Cause.CANCELLED, unit)

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """A fax that the switch does not know any more was broken off; whoever waits for it hears so. Of a number that is rung the journey
        tells when its connection is not there.

        After a restart the order to send may never have left: it is given again, and the switch does the same one once.
        """
        faxing = {connection.faxing for connection in snapshot.connections}
        talking = {one.connection for one in snapshot.connections if one.state is ConnectionState.CONNECTED} if not fresh_us else set()
        again = [one for one in self._running.values() if one.answered and one.fax not in faxing and one.connection in talking]
        for one in again:
            one.began_at = unit.now
            self._send(one, unit)
        lost = [
            one for one in self._running.values()
            if one.fax not in faxing and one.began_at + fresh_us <= unit.now and (one.answered or not one.dialled) and one not in again
        ]  # fmt: skip
        for one in lost:
            hear(ct.FaxEnded(
                tenant=self._tenant, call="", connection=one.connection, service=one.fax, file=one.file, sent=one.sent,
                reason="interrupted", pages=0,
            ))  # fmt: skip
        return len(lost)

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(FaxState(running=self._running, ended=self._ended_at))

    def load(self, data: bytes, now: int) -> None:
        state = msgspec.msgpack.decode(data, type=FaxState)
        self._running, self._ended_at = state.running, state.ended

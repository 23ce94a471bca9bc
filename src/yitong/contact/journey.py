"""The journey of a contact: arrival, segments, release and end. The only one who tells that a contact began or ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from yitong.contact.brought import read
from yitong.contact.bus import Bus, Unit
from yitong.contact.deadlines import Deadlines
from yitong.contact.medium import FAX
from yitong.contact.messages import (
    CallRejected,
    Card,
    ContactAnswered,
    ContactArrived,
    ContactEnded,
    ContactReleasing,
    ContactScreened,
    CustomerFound,
    SegmentBegan,
    SegmentEnded,
    WhoIs,
)
from yitong.contact.registry import LiveContact, Registry
from yitong.contact.screening import Action, CallerRule, Screening
from yitong.contact.states import Table
from yitong.ct.events import AnyEvent, ConnectionCleared, Delivered, Established, Failed, Originated, ServiceFailed, Snapshot
from yitong.ct.model import Cause, Connection, ConnectionState, DeviceKind
from yitong.ct.services import Answer, Clear, StartRecording

RELEASE_LEASE_US = 5_000_000
RELEASE_TRIES = 3
STATES = Table("Contact", {
    ("", "arrive"): "arriving",
    ("arriving", "answer"): "live",
    ("arriving", "release"): "releasing",
    ("live", "release"): "releasing",
    ("arriving", "end"): "",
    ("live", "end"): "",
    ("releasing", "end"): "",
})  # fmt: skip


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Which flow a called number leads to (config kind ``number``); ``calling`` is a prefix, ``trunk`` a trunk; empty: any."""

    id: str
    number: str
    flow: str
    trunk: str | None = ""
    calling: str | None = ""
    site: str | None = ""
    language: str | None = ""


def bound(bindings: Mapping[str, Binding], called: str, calling: str, trunks: frozenset[str]) -> Binding | None:
    """The most exact binding of a call: one that names the trunk before one that does not, then the longest calling prefix.

    ``trunks``: the trunk that the call came by, under each of its names.
    """
    fits = [
        binding for binding in bindings.values()
        if binding.number == called and (not binding.trunk or binding.trunk in trunks) and calling.startswith(binding.calling or "")
    ]  # fmt: skip
    return max(fits, key=lambda binding: (bool(binding.trunk), len(binding.calling or ""), binding.id), default=None)


def begin_segment(contact: LiveContact, kind: str, unit: Unit, *, agent: str = "", queue: str = "", cause: str = "") -> str:
    """End the open segment with ``cause`` and begin one of ``kind``; returns its id."""
    end_segment(contact, unit, cause)
    segment = unit.new_id()
    unit.tell(SegmentBegan(contact=contact.id, segment=segment, kind=kind, agent=agent, queue=queue, connection=contact.connection))
    return segment


def end_segment(contact: LiveContact, unit: Unit, cause: str) -> None:
    """End the open segment, if one is open."""
    if contact.segment:
        unit.tell(SegmentEnded(contact=contact.id, segment=contact.segment, kind=contact.segment_kind, cause=cause))


class Journey:
    """Hears calls come and go. ``start_flow(contact, flow, unit)`` puts the answered contact into its flow."""

    name = "journey"

    def __init__(self, bus: Bus, registry: Registry, *, tenant: str, site: str, start_flow: Callable[[str, str, Unit], None]) -> None:
        self.registry = registry
        self.language = "zh-CN"
        self._tenant = tenant
        self._site = site
        self._start_flow = start_flow
        self.for_somebody: Callable[[Delivered, Unit], bool] = lambda event, unit: False
        """A call from another site of ours that leads to no flow: whether it is somebody's, and taken care of."""
        self._bindings: dict[str, Binding] = {}
        self._trunks: dict[str, str] = {}
        self._screening = Screening()
        self._deadlines = Deadlines()
        self._tries: dict[str, int] = {}
        bus.hears(Delivered, self.delivered)
        bus.hears(Originated, self._originated)
        bus.hears(Established, self.established)
        bus.hears(ConnectionCleared, self.cleared)
        bus.hears(Failed, self._failed)
        bus.hears(ServiceFailed, self._service_failed)
        bus.reacts(ContactArrived, self._ask_who)
        bus.reacts(ContactAnswered, self._start)
        bus.applies(ContactReleasing, lambda fact, at: self._deadlines.set(fact.contact, at + RELEASE_LEASE_US))
        bus.applies(ContactEnded, self._ended)

    # --- configuration -------------------------------------------------------------------------------------------------------------

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Numbers lead to flows; trunks have a code beside their id; the tenant's language is the default."""
        if kind == "tenant" and value and value.get("language"):
            self.language = value["language"]
        self._screening.configure(kind, key, value)
        if kind == "trunk":
            self._trunks[key] = str(value["code"]) if value is not None else ""
        if kind != "number":
            return
        self._bindings.pop(key, None)
        if value is not None and value.get("site") in (None, "", self._site):
            self._bindings[key] = msgspec.convert(value, Binding)

    # --- what the switch tells -----------------------------------------------------------------------------------------------------

    def delivered(self, event: Delivered, unit: Unit) -> None:
        """A call waits at the routing device: it becomes a contact, and is answered. A number without a flow is refused."""
        if not event.incoming:
            self._originated(event, unit)
            return
        if self.registry.of_customer(event.connection) or self.registry.is_gone(event.connection):
            return
        binding = self._bound(event.called, event.calling, event.device)
        if binding is None and event.linked and self.for_somebody(event, unit):
            return
        if binding is None:
            self._ask_clear(event.connection, Cause.NO_SUCH_NUMBER, unit)
            return
        rule = self._screening.of(event.calling, binding.number, unit.now) if event.kind is DeviceKind.TRUNK else None
        if rule is not None and rule.action is Action.REJECT:
            trunk = event.device.rpartition("/")[2]
            unit.tell(CallRejected(connection=event.connection, rule=rule.id, number=binding.number, trunk=trunk))
            self._ask_clear(event.connection, Cause.REFUSED, unit)
            return
        self._arrive(event, binding, rule, unit)

    def arrive_for_somebody(self, event: Delivered, unit: Unit) -> LiveContact:
        """A contact that nobody answers but whom it is for."""
        return self._begin(event, unit, number=event.called, language=self.language, flow="", rings=True)

    def _begin(self, event: Delivered, unit: Unit, *, number: str, language: str, flow: str, rings: bool = False) -> LiveContact:
        contact = unit.new_id()
        calling = unit.keep(self._tenant, "address", event.calling, contact)
        called = unit.keep(self._tenant, "address", event.called, contact)
        came = read(event.data) if event.linked else None
        unit.tell(ContactArrived(
            contact=contact, connection=event.connection, channel="voice", direction="in", call=event.call, calling=calling, called=called,
            switch_epoch=event.epoch, number=number, trunk=event.device.rpartition("/")[2], language=language, flow=flow, rings=rings,
            origin=came.contact if came else "", brought=unit.keep(self._tenant, "brought", event.data, contact) if came else "",
        ))  # fmt: skip
        found = self.registry.get(contact)
        assert found is not None
        return found

    def _arrive(self, event: Delivered, binding: Binding, rule: CallerRule | None, unit: Unit) -> None:
        language, flow = binding.language or self.language, _flow(binding, rule)
        contact = self._begin(event, unit, number=binding.number, language=language, flow=flow).id
        if rule is not None and rule.action is not Action.ALLOW:
            priority = -rule.priority if rule.action is Action.LOW_PRIORITY else 0
            unit.tell(ContactScreened(
                contact=contact, connection=event.connection, rule=rule.id, action=rule.action.value, priority=priority
            ))  # fmt: skip
        self._ask_answer(event.connection, unit)  # what the flow asks for comes after it, with it (docs/decisions/0041)
        unit.tell(ContactAnswered(contact=contact, connection=event.connection))

    def _bound(self, called: str, calling: str, device: str) -> Binding | None:
        trunk = device.rpartition("/")[2]
        names = {device, trunk, self._trunks.get(trunk, trunk), *(key for key, code in self._trunks.items() if code == trunk)}
        return bound(self._bindings, called, calling, frozenset(names))

    def flow_of(self, number: str) -> str:
        """The flow to which a number of ours leads whoever comes by whatever line; empty without one."""
        fits = [binding for binding in self._bindings.values() if binding.number == number]
        return max(fits, key=lambda one: (not one.trunk, -len(one.calling or ""), one.id)).flow if fits else ""

    def _originated(self, event: Originated | Delivered, unit: Unit) -> None:
        self.registry.adopt(event.connection, event.call)

    def established(self, event: Established, unit: Unit) -> None:
        """Whom we called has answered. Who called us is answered as he arrives (docs/decisions/0041)."""
        contact = self.registry.of_customer(event.connection)
        if contact is not None and contact.state == "arriving":
            unit.tell(ContactAnswered(contact=contact.id, connection=contact.connection))

    def cleared(self, event: ConnectionCleared, unit: Unit) -> None:
        """The customer's connection is gone: so is the contact. Comes last of all that hear it."""
        contact = self.registry.of_customer(event.connection)
        if contact is not None:
            self.end(contact, "customer" if event.by_device else "system", event.cause, unit)

    def _failed(self, event: Failed, unit: Unit) -> None:
        contact = self.registry.of_customer(event.connection)
        if contact is not None:
            self.end(contact, "customer" if event.cause is Cause.CANCELLED else "system", event.cause, unit)

    def _service_failed(self, event: ServiceFailed, unit: Unit) -> None:
        """A service that cannot be done: the connection does not exist any more; of a recording's two it may be the agent's."""
        contact = self.registry.of_customer(event.connection)
        if contact is not None and event.reason == "no_such_connection" and event.kind != StartRecording.__name__:
            self.cleared(_gone(contact, unit.now), unit)

    # --- deciding ------------------------------------------------------------------------------------------------------------------

    def _ask_who(self, fact: ContactArrived, unit: Unit) -> None:
        contact = self.registry.get(fact.contact)
        if contact is not None and contact.peer and contact.channel != FAX and not contact.is_colleague:  # of whom no card is made
            unit.inquire(WhoIs(contact=contact.id, number=contact.peer))

    def know(self, contact_id: str, card: Card | None, unit: Unit) -> None:
        """The answer of crm; too late is no answer."""
        contact = self.registry.get(contact_id)
        if contact is None or card is None:
            return
        self.registry.know(contact, card)
        if contact.customer != card.id:
            unit.tell(CustomerFound(contact=contact.id, customer=card.id, new=card.new))

    def _start(self, fact: ContactAnswered, unit: Unit) -> None:
        contact = self.registry.get(fact.contact)
        if contact is None or contact.direction == "out" or contact.rings or not contact.switched:
            return
        begin_segment(contact, "ivr", unit)
        try:
            self._start_flow(contact.id, contact.flow, unit)
        except KeyError:
            self.release(contact, unit, "no_flow")

    def flow_over(self, contact_id: str, unit: Unit, cause: str) -> None:
        """The flow has ended and asked for the release; the lease sees to it that it happens."""
        contact = self.registry.get(contact_id)
        if contact is not None and contact.state != "releasing":
            unit.tell(ContactReleasing(contact=contact.id, cause=cause))

    def release(self, contact: LiveContact, unit: Unit, cause: str) -> None:
        """Hang up on the customer; what has no connection is over at once."""
        if not contact.switched:
            self.end(contact, "system", cause, unit)
            return
        if contact.state != "releasing":
            unit.tell(ContactReleasing(contact=contact.id, cause=cause))
        self._ask_clear(contact.connection, Cause.NORMAL, unit)

    def end(self, contact: LiveContact, by: str, cause: str, unit: Unit) -> None:
        """The contact is over."""
        if contact.state == "releasing":
            by = "system"
        end_segment(contact, unit, cause)
        unit.tell(ContactEnded(contact=contact.id, connection=contact.connection, by=by, cause=cause))

    def _ask_answer(self, connection: str, unit: Unit) -> None:
        unit.ask(Answer(id=unit.new_id(), tenant=self._tenant, connection=connection))

    def _ask_clear(self, connection: str, cause: Cause, unit: Unit) -> None:
        unit.ask(Clear(id=unit.new_id(), tenant=self._tenant, connection=connection, cause=cause))

    def _ended(self, fact: ContactEnded, at: int) -> None:
        self._deadlines.drop(fact.contact)
        self._tries.pop(fact.contact, None)

    # --- time ----------------------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        return self._deadlines.next()

    def timer(self, unit: Unit) -> None:
        """Leases that ran out: a release that never showed is asked for again, and at last given up."""
        for key in self._deadlines.due(unit.now):
            contact = self.registry.get(key)
            if contact is None:
                continue
            tries = self._tries[key] = self._tries.get(key, 0) + 1
            if tries > RELEASE_TRIES:
                self.end(contact, "system", "lost", unit)
            else:
                self.release(contact, unit, "finished")
                self._deadlines.set(key, unit.now + RELEASE_LEASE_US)
        self.registry.forget_old(unit.now)

    # --- healing -------------------------------------------------------------------------------------------------------------------

    def lapsed(self, snapshot: Snapshot, missed: Sequence[AnyEvent], *, epoch: int, alive_at: int) -> list[ConnectionCleared | Failed]:
        """How the contacts ended that are not in the switch's picture any more, in the order of their ends; without those of whom nothing
        is known. ``epoch``: of the switch's life that we heard last; of a life that ended, ``alive_at`` is the last known moment.
        """
        there = {connection.connection for connection in snapshot.connections}
        told = {event.connection: event for event in missed if isinstance(event, ConnectionCleared | Failed)}
        ends: list[ConnectionCleared | Failed] = []
        for contact in self.registry:
            if contact.connection in there or not contact.switched:
                continue
            if contact.connection in told:
                ends.append(told[contact.connection])
            elif snapshot.epoch != max(epoch, contact.switch_epoch) and alive_at:
                ends.append(_gone(contact, alive_at, interrupted=True))
        return sorted(ends, key=lambda event: event.at)

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """Tell ourselves what the switch's picture says and we missed; returns the number of corrections."""
        there = {connection.connection: connection for connection in snapshot.connections}
        corrections = 0
        for contact in self.registry if not fresh_us else ():
            if contact.card is None and contact.peer and contact.channel != FAX and not contact.is_colleague:
                unit.inquire(WhoIs(contact=contact.id, number=contact.peer))
        for contact in (one for one in self.registry if one.switched):
            connection = there.get(contact.connection)
            if connection is None and contact.direction == "out" and contact.arrived_at + fresh_us > unit.now:
                continue
            if connection is None:
                hear(_gone(contact, unit.now, interrupted=contact.switch_epoch != snapshot.epoch))
                corrections += 1
            elif contact.state == "arriving" and connection.state is ConnectionState.CONNECTED:
                hear(Established(call=contact.call, connection=contact.connection, device=connection.device, at=unit.now))
                corrections += 1
            elif contact.waits_for_us(connection) and contact.arrived_at + fresh_us <= unit.now:
                self._ask_answer(contact.connection, unit)
        for connection in snapshot.connections:
            corrections += self._unknown(connection, unit, hear)
        return corrections

    def _unknown(self, connection: Connection, unit: Unit, hear: Callable[[Any], None]) -> int:
        """A caller whom we missed, or one whom we released and who is still there, unless he belongs to another contact now."""
        if self.registry.is_gone(connection.connection) and connection.connection not in self.registry.claimed:
            self._ask_clear(connection.connection, Cause.NORMAL, unit)
            return 1
        known = self.registry.of_customer(connection.connection) or connection.connection in self.registry.claimed
        if known or connection.state is not ConnectionState.ALERTING or not connection.incoming:
            return 0
        if not connection.linked and self._bound(connection.called, connection.calling, connection.device) is None:
            return 0
        hear(Delivered(
            call=connection.call, connection=connection.connection, device=connection.device, kind=connection.kind, incoming=True,
            called=connection.called, calling=connection.calling, linked=connection.linked, data=connection.data, at=unit.now,
        ))  # fmt: skip
        return 1

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def rebuild(self, now: int) -> None:
        """After a snapshot was restored: every lease runs again from what the contacts say."""
        self._deadlines.clear()
        for contact in self.registry:
            if contact.state == "releasing":
                self._deadlines.set(contact.id, contact.releasing_at + RELEASE_LEASE_US)


def _flow(binding: Binding, rule: CallerRule | None) -> str:
    return rule.flow if rule is not None and rule.action is Action.PROMPT and rule.flow else binding.flow


def _gone(contact: LiveContact, now: int, *, interrupted: bool = False) -> ConnectionCleared:
    """What the switch would have told when the customer's connection ended. ``interrupted``: that life of the switch ended first."""
    cause = Cause.INTERRUPTED if interrupted else Cause.NORMAL
    return ConnectionCleared(call=contact.call, connection=contact.connection, device="", cause=cause, by_device=not interrupted, at=now)

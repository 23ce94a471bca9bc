"""The live contacts of one partition, found by id, call and connection. Changed by facts only; personal values are held apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from yitong.contact import brought
from yitong.contact.bus import Bus
from yitong.contact.ledger import Personal
from yitong.contact.medium import switched
from yitong.contact.messages import (
    AttributeSet,
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
)
from yitong.ct.model import Connection, ConnectionState

TOMBSTONE_US = 600_000_000
"""How long the connections of an ended contact are remembered, so that late events cannot raise it again."""


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's segment that a survey is about."""

    segment: str
    agent: str
    queue: str


class LiveContact(msgspec.Struct, kw_only=True):
    """A contact from arrival to its end. Times are UTC microseconds, 0: not yet. ``state``: see ``journey.STATES``."""

    id: str
    connection: str
    call: str
    channel: str
    direction: str
    number: str
    trunk: str
    flow: str
    language: str
    arrived_at: int
    calling_id: str
    called_id: str
    switch_epoch: int = 0
    state: str = "arriving"
    answered_at: int = 0
    releasing_at: int = 0
    segment: str = ""
    segment_kind: str = ""
    segment_at: int = 0
    served: Served | None = None
    customer: str = ""
    card: Card | None = None
    attributes: dict[str, str] = {}
    personal_attributes: dict[str, str] = {}
    personals: dict[str, str] = {}
    heard_at: int = 0
    answered_by: str = ""
    """Who answered, if that was judged (``AnswererHeard``)."""
    priority: int = 0
    """Added to that of every queue it waits in."""
    rings: bool = False
    """It is for somebody, and is answered when he answers."""
    origin: str = ""
    """Its id at the other site of ours that it came from."""
    brought_id: str = ""

    def waits_for_us(self, connection: Connection) -> bool:
        """Somebody called, it is us who answer, and ``connection``, his, shows that we have not."""
        ours = self.direction == "in" and self.state != "releasing" and not self.rings
        return ours and connection.incoming and connection.state is ConnectionState.ALERTING

    @property
    def is_colleague(self) -> bool:
        """Somebody of another site of ours calls one of our agents, without a customer."""
        return self.rings and not self.origin

    @property
    def switched(self) -> bool:
        """The switch has it: it ends with its connection."""
        return switched(self.channel)

    @property
    def calling(self) -> str:
        """The customer's number (of a mail: his address); empty when it is withheld or was erased."""
        return self.personals.get(self.calling_id, "")

    @property
    def brought(self) -> brought.Brought | None:
        """What came with it from another site."""
        return brought.read(self.personals.get(self.brought_id, ""))

    @property
    def called(self) -> str:
        return self.personals.get(self.called_id, "") or self.number

    @property
    def peer(self) -> str:
        """The customer's number, whoever called whom."""
        return self.called if self.direction == "out" else self.calling

    def values(self) -> Mapping[str, Any]:
        """``contact.*``, ``customer.*``, ``served.*`` and ``vars.*`` for conditions and prompts of flows."""
        secret = {name: self.personals.get(kept, "") for name, kept in self.personal_attributes.items()}
        return {
            "contact": {
                "id": self.id, "calling": self.calling, "called": self.called, "number": self.number, "trunk": self.trunk,
                "language": self.language, "channel": self.channel, "direction": self.direction, "answered_by": self.answered_by,
            },
            "customer": msgspec.to_builtins(self.card) if self.card else {},
            "served": msgspec.to_builtins(self.served) if self.served else {},
            "vars": {**self.attributes, **secret},
        }  # fmt: skip


class RegistryState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps. ``gone``: connections of ended contacts with the moment of the end."""

    contacts: dict[str, LiveContact] = {}
    gone: dict[str, int] = {}


class Registry:
    """Every live contact of the partition."""

    def __init__(self, bus: Bus) -> None:
        self._contacts: dict[str, LiveContact] = {}
        self._by_connection: dict[str, str] = {}
        self._by_call: dict[str, str] = {}
        self._others: dict[str, str] = {}
        self._gone: dict[str, int] = {}
        self._early: dict[str, dict[str, str]] = {}
        self.claimed: set[str] = set()
        self.on_card: list[Callable[[LiveContact], None]] = []
        for kind, handler in (
            (ContactArrived, self._arrived), (ContactAnswered, self._answered), (SegmentBegan, self._began), (SegmentEnded, self._ended),
            (AttributeSet, self._set), (CustomerFound, self._found), (ContactReleasing, self._releasing), (ContactEnded, self._over),
            (ContactScreened, self._screened), (CallRejected, self._rejected),
        ):  # fmt: skip
            bus.applies(kind, handler)
        bus.keeps(self.hold)

    # --- reading -------------------------------------------------------------------------------------------------------------------

    def get(self, contact: str) -> LiveContact | None:
        return self._contacts.get(contact)

    def of_connection(self, connection: str) -> LiveContact | None:
        """The contact whose customer has that connection, or for whom a flow made it; not an agent's connection."""
        found = self._by_connection.get(connection) or self._others.get(connection)
        return self._contacts.get(found) if found else None

    def of_customer(self, connection: str) -> LiveContact | None:
        """The contact whose customer has exactly that connection."""
        found = self._by_connection.get(connection)
        return self._contacts.get(found) if found else None

    def of_call(self, call: str) -> LiveContact | None:
        found = self._by_call.get(call)
        return self._contacts.get(found) if found else None

    def is_gone(self, connection: str) -> bool:
        """The connection belonged to a contact that has ended: what is still told about it comes late."""
        return connection in self._gone

    def __iter__(self) -> Iterator[LiveContact]:
        return iter(list(self._contacts.values()))

    def __len__(self) -> int:
        return len(self._contacts)

    # --- what is not a fact --------------------------------------------------------------------------------------------------------

    def hold(self, record: Personal) -> None:
        """Remember a personal value of a live contact (the contact's own addresses arrive just before it)."""
        contact = self._contacts.get(record.contact)
        if contact is not None:
            contact.personals[record.id] = record.value
        else:
            self._early[record.contact] = {**self._early.get(record.contact, {}), record.id: record.value}

    def know(self, contact: LiveContact, card: Card) -> None:
        """Who the customer is."""
        contact.card = card
        for listener in self.on_card:
            listener(contact)

    def adopt(self, connection: str, call: str) -> None:
        """A flow rang ``connection`` for the contact of ``call`` (a transfer): its events belong to that contact."""
        contact = self._by_call.get(call)
        if contact and connection not in self.claimed and connection not in self._by_connection:
            self._others[connection] = contact

    def forget_old(self, now: int) -> None:
        """Let tombstones go that are older than ten minutes."""
        while self._gone and (oldest := next(iter(self._gone.items())))[1] + TOMBSTONE_US < now:
            del self._gone[oldest[0]]

    # --- facts ---------------------------------------------------------------------------------------------------------------------

    def _arrived(self, fact: ContactArrived, at: int) -> None:
        contact = LiveContact(
            id=fact.contact, connection=fact.connection, call=fact.call, channel=fact.channel, direction=fact.direction,
            number=fact.number, trunk=fact.trunk, flow=fact.flow, language=fact.language, arrived_at=fact.since or at, heard_at=at,
            calling_id=fact.calling, called_id=fact.called, switch_epoch=fact.switch_epoch, personals=self._early.pop(fact.contact, {}),
            rings=fact.rings, origin=fact.origin, brought_id=fact.brought,
        )  # fmt: skip
        self._contacts[contact.id] = contact
        self._index(contact)

    def _index(self, contact: LiveContact) -> None:
        if contact.switched:
            self._by_connection[contact.connection] = contact.id
            self._by_call[contact.call] = contact.id

    def _answered(self, fact: ContactAnswered, at: int) -> None:
        contact = self._contacts[fact.contact]
        contact.state, contact.answered_at, contact.heard_at = "live", at, at

    def _releasing(self, fact: ContactReleasing, at: int) -> None:
        contact = self._contacts[fact.contact]
        contact.state, contact.releasing_at = "releasing", at

    def _began(self, fact: SegmentBegan, at: int) -> None:
        contact = self._contacts[fact.contact]
        contact.segment, contact.segment_kind, contact.segment_at = fact.segment, fact.kind, at
        if fact.kind == "agent":
            contact.served = Served(segment=fact.segment, agent=fact.agent, queue=fact.queue)

    def _ended(self, fact: SegmentEnded, at: int) -> None:
        contact = self._contacts[fact.contact]
        if contact.segment == fact.segment:
            contact.segment = contact.segment_kind = ""

    def _set(self, fact: AttributeSet, at: int) -> None:
        contact = self._contacts[fact.contact]
        contact.attributes.pop(fact.name, None)
        contact.personal_attributes.pop(fact.name, None)
        if fact.personal:
            contact.personal_attributes[fact.name] = fact.personal
            return
        if fact.secret:
            return
        contact.attributes[fact.name] = fact.value
        if fact.name == "language":
            contact.language = fact.value

    def _rejected(self, fact: CallRejected, at: int) -> None:
        self._gone[fact.connection] = at

    def _screened(self, fact: ContactScreened, at: int) -> None:
        self._contacts[fact.contact].priority = fact.priority

    def _found(self, fact: CustomerFound, at: int) -> None:
        self._contacts[fact.contact].customer = fact.customer

    def _over(self, fact: ContactEnded, at: int) -> None:
        contact = self._contacts.pop(fact.contact, None)
        if contact is None or not contact.switched:
            return
        self._by_connection.pop(contact.connection, None)
        if self._by_call.get(contact.call) == contact.id:
            del self._by_call[contact.call]
        self._gone[contact.connection] = at
        self.forget_old(at)  # here too: a long ledger is replayed without a timer
        for connection in [name for name, owner in self._others.items() if owner == contact.id]:
            del self._others[connection]

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    def state(self) -> RegistryState:
        return RegistryState(contacts=self._contacts, gone=self._gone)

    def restore(self, state: RegistryState) -> None:
        self._contacts, self._gone = state.contacts, state.gone
        for contact in self._contacts.values():
            self._index(contact)

    def drop_early(self) -> None:
        """After a replay: personal values of contacts that ended meanwhile are not kept."""
        self._early.clear()

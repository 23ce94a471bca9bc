"""The part of a partition that has mails: which mail is which contact, so that none waits twice and none is lost.

A mail's id is its contact's id. Whoever fetched it asks until he is answered; what he asks again of is known: as a live contact, or for a
day after its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.medium import MAIL
from yitong.contact.messages import ContactAnswered, ContactArrived, ContactEnded
from yitong.contact.registry import Registry
from yitong.ct.events import Snapshot
from yitong.domains.acd.messages import AssignmentEnded, EnqueueContact, OfferAnswered
from yitong.domains.mail.messages import AnswerMail, MailAnswered, MailTaken, TakeMail
from yitong.domains.mail.model import MailState
from yitong.kit.clock import SECOND

ENDED_KEPT_US = 86_400 * SECOND
DEFAULT_WITHIN_US = 20 * SECOND


class Mails:
    """One function a command."""

    name = "mail"

    def __init__(self, bus: Bus, registry: Registry, *, tenant: str) -> None:
        self._registry = registry
        self._tenant = tenant
        self._state = MailState()
        self._within: dict[str, int] = {}
        self._codes: dict[str, str] = {}
        bus.obeys(TakeMail, self.take)
        bus.obeys(AnswerMail, self.answer)
        bus.applies(MailTaken, self._taken)
        bus.applies(MailAnswered, self._answered)
        bus.applies(OfferAnswered, self._opened)
        bus.applies(AssignmentEnded, self._put_down)
        bus.applies(ContactEnded, self._ended)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """What queues promise."""
        if kind != "queue":
            return
        self._within.pop(key, None)
        self._codes.pop(key, None)
        if value is not None:
            self._codes[key] = str(value["code"])
            self._within[key] = round(float((value.get("objective") or {}).get("answer_within_seconds", 20)) * SECOND)

    # --- what comes ----------------------------------------------------------------------------------------------------------------

    def take(self, command: TakeMail, unit: Unit) -> str:
        """Raises Refused: unknown_queue."""
        known = self._state.contacts.get(command.mail) or self._state.ended.get(command.mail, ("", 0))[0]
        if known:
            return known
        for contact in command.thread:
            live = self._registry.get(contact)
            if live is not None and live.channel == MAIL:
                unit.tell(MailTaken(contact=contact, mail=command.mail, account=command.account, joined=True))
                return contact
        if command.queue not in self._codes and command.queue not in self._codes.values():
            raise Refused("unknown_queue")
        self._arrive(command, unit)
        return command.mail

    def _arrive(self, command: TakeMail, unit: Unit) -> None:
        contact, since = command.mail, min(command.received_at or unit.now, unit.now)
        unit.tell(ContactArrived(
            contact=contact, channel=MAIL, direction="in", call="", number=command.address, since=since,
            calling=unit.keep(self._tenant, "address", command.sender, contact),
            called=unit.keep(self._tenant, "address", command.address, contact),
        ))  # fmt: skip
        unit.tell(MailTaken(contact=contact, mail=command.mail, account=command.account))
        unit.tell(ContactAnswered(contact=contact))
        unit.obey(EnqueueContact(contact=contact, queue=command.queue, virtual_arrival=since))

    # --- what goes -----------------------------------------------------------------------------------------------------------------

    def answer(self, command: AnswerMail, unit: Unit) -> str:
        """Raises Refused: not_found, wrong_state."""
        held = self._state.open.get(command.assignment)
        if held is None or held[0] != command.agent:
            raise Refused("not_found")
        contact = self._registry.get(held[1])
        if contact is None:
            raise Refused("wrong_state", state="ended")
        given = self._state.answers.get(contact.id, [])
        if command.answer not in given:
            queue = held[2]
            unit.tell(MailAnswered(
                contact=contact.id, segment=contact.segment, agent=command.agent, queue=queue, mail=command.answer, first=not given,
                after_us=unit.now - contact.arrived_at, within_us=self._within.get(queue, DEFAULT_WITHIN_US),
            ))  # fmt: skip
        return contact.id

    # --- facts ---------------------------------------------------------------------------------------------------------------------

    def _taken(self, fact: MailTaken, at: int) -> None:
        self._state.contacts[fact.mail] = fact.contact
        self._state.mails.setdefault(fact.contact, []).append(fact.mail)

    def _answered(self, fact: MailAnswered, at: int) -> None:
        self._state.answers[fact.contact] = [*self._state.answers.get(fact.contact, []), fact.mail]

    def _opened(self, fact: OfferAnswered, at: int) -> None:
        contact = self._registry.get(fact.contact)
        if contact is not None and contact.channel == MAIL:
            self._state.open[fact.assignment] = (fact.agent, fact.contact, fact.queue)

    def _put_down(self, fact: AssignmentEnded, at: int) -> None:
        self._state.open.pop(fact.assignment, None)

    def _ended(self, fact: ContactEnded, at: int) -> None:
        self._state.answers.pop(fact.contact, None)
        for mail in self._state.mails.pop(fact.contact, ()):
            self._state.contacts.pop(mail, None)
            self._state.ended[mail] = (fact.contact, at)
        while self._state.ended and (oldest := next(iter(self._state.ended.items())))[1][1] + ENDED_KEPT_US < at:
            del self._state.ended[oldest[0]]

    # --- a part of the partition ---------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        return None

    def timer(self, unit: Unit) -> None:
        """A mail has no time of its own: the dispatcher has it."""

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        """The switch knows nothing of mails."""
        return 0

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self._state)

    def load(self, data: bytes, now: int) -> None:
        self._state = msgspec.msgpack.decode(data, type=MailState)

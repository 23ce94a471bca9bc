"""Facts about contacts, and what is asked of them. See ``docs/glossary.md`` for the words."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from yitong.contact.ledger import Fact


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something asked of the owner of a partition; has exactly one handler. ``actor`` is the user id, empty for the system."""

    actor: str = ""


class ContactArrived(Fact, frozen=True):
    """A customer's attempt to reach us began. ``calling`` and ``called`` are ids of Personal records (kind address).

    ``number`` is our own number (not personal); ``call`` the switch's call id; ``language`` a BCP 47 tag; ``flow`` what is bound to
    the number; ``switch_epoch`` the life of the switch that it came in. The customer's connection is in the envelope; what is not switched
    (``contact/medium.py``) has neither that nor a call. ``since``: when it reached us, if that was earlier (a mail that we fetched later).
    ``rings``: it is for somebody, and is answered when he answers. Of one that came from another site of ours ``origin`` is its id there
    and ``brought`` the Personal record of what came with it.
    """

    TYPE: ClassVar[str] = "contact.arrived"
    channel: str
    direction: str
    call: str
    calling: str
    called: str
    number: str
    trunk: str = ""
    language: str = "zh-CN"
    flow: str = ""
    switch_epoch: int = 0
    since: int = 0
    rings: bool = False
    origin: str = ""
    brought: str = ""


class CallRejected(Fact, frozen=True):
    """A call was refused unanswered by the black list: it became no contact. ``rule``: id of the caller rule; ``number`` of ours."""

    TYPE: ClassVar[str] = "contact.rejected"
    rule: str
    number: str
    trunk: str = ""


class ContactScreened(Fact, frozen=True):
    """A caller rule changed what becomes of the contact. ``action``: prompt or low_priority; ``priority`` is added in every queue."""

    TYPE: ClassVar[str] = "contact.screened"
    rule: str
    action: str
    priority: int = 0


class ContactAnswered(Fact, frozen=True):
    """We took the call: the customer's connection is established, and the flow begins."""

    TYPE: ClassVar[str] = "contact.answered"


class SegmentBegan(Fact, frozen=True):
    """A part of the journey began. ``kind``: ivr, queue, agent, survey."""

    TYPE: ClassVar[str] = "contact.segment_began"
    kind: str


class SegmentEnded(Fact, frozen=True):
    """A part of the journey ended; ``cause`` says how. ``kind`` as in SegmentBegan."""

    TYPE: ClassVar[str] = "contact.segment_ended"
    kind: str


class AttributeSet(Fact, frozen=True):
    """A value the flow or the agent attached to the contact. A personal one is in the Personal record ``personal``, and ``value`` empty.

    A ``secret`` one is kept nowhere: only the flow that collected it has it, in memory.
    """

    TYPE: ClassVar[str] = "contact.attribute_set"
    name: str
    value: str = ""
    personal: str = ""
    secret: bool = False


class CustomerFound(Fact, frozen=True):
    """Who calls became known: ``customer`` is the id of a customer's card; ``new`` if the card was made for this contact."""

    TYPE: ClassVar[str] = "contact.customer_found"
    customer: str
    new: bool = False


class AnswererHeard(Fact, frozen=True):
    """Who answered the call that we made, judged by the voice. ``who``: person, machine, fax, busy, congestion, unobtainable, silence,
    unknown; ``cause`` in the envelope: greeting, words, pause, beep, tone, silence, undecided; ``measure``: what decided, in ms (words:
    their number; tones: hertz); ``milliseconds`` since the question; ``confidence`` in percent.
    """

    TYPE: ClassVar[str] = "contact.answerer_heard"
    who: str
    measure: int
    milliseconds: int
    confidence: int


class GreetingHeard(Fact, frozen=True):
    """The answering machine's greeting is over; ``cause`` in the envelope: beep (of ``hertz``), silence, limit."""

    TYPE: ClassVar[str] = "contact.greeting_heard"
    hertz: int
    milliseconds: int


class ContactReleasing(Fact, frozen=True):
    """We are about to release the customer; the switch was asked to clear the connection."""

    TYPE: ClassVar[str] = "contact.releasing"


class ContactEnded(Fact, frozen=True):
    """The contact is over. ``by``: customer, agent, system."""

    TYPE: ClassVar[str] = "contact.ended"
    by: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's card as the desk shows it. Personal: lives in the partition's memory and in PostgreSQL, never in the ledger."""

    id: str
    name: str = ""
    number: str = ""
    region: str = ""
    klass: str = msgspec.field(default="", name="class")
    note: str = ""
    language: str = ""
    new: bool = False


class Question(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something that a decision wants to know from outside; the answer comes later as an input of its own, or never."""

    contact: str


class NumberOf(Question, frozen=True, tag=True):
    """Which number is in this Personal record, of a contact that has ended? Answered by the number, empty when it was erased, or never.

    ``contact`` is the live one for which it is asked.
    """

    personal: str


class WhoIs(Question, frozen=True, tag=True):
    """Whose number is this? Asked of crm (``ask.crm``), answered by a ``Card`` or nothing within 300 ms."""

    number: str

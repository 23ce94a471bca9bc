"""What the dispatcher tells when several take part in one contact: consultation, conference, transfer."""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact
from yitong.ct.results import RESULTS


class ConsultationBegan(Fact, frozen=True):
    """Somebody is rung about the contact on the envelope's connection; the customer waits with music.

    ``to_agent`` and ``guest`` (his assignment) when it is one of ours; ``address`` is the Personal record of an outside number.
    """

    TYPE: ClassVar[str] = "acd.consultation_began"
    assignment: str
    ring_until: int
    to_agent: str = ""
    guest: str = ""
    address: str = ""


class ConsultationAnswered(Fact, frozen=True):
    """The consulted one and the agent hear each other."""

    TYPE: ClassVar[str] = "acd.consultation_answered"
    assignment: str


class ConsultationTurned(Fact, frozen=True):
    """The agent went over: ``aside`` to the consulted one, else to the customer."""

    TYPE: ClassVar[str] = "acd.consultation_turned"
    assignment: str
    aside: bool


class ConsultationMoved(Fact, frozen=True):
    """The consulted one goes on at another telephone of his, on the envelope's connection."""

    TYPE: ClassVar[str] = "acd.consultation_moved"
    assignment: str


class ConferenceBegan(Fact, frozen=True):
    """Customer, agent and consulted one hear each other."""

    TYPE: ClassVar[str] = "acd.conference_began"
    assignment: str


STAYS_OVER = frozenset({*RESULTS, "left"})


def stays_over(cause: str, state: str) -> bool:
    """Whether a consultation in ``state`` that ends by ``cause`` is shown until the agent goes back; a conference just gets smaller."""
    return cause in STAYS_OVER and state in ("ringing", "talking")


class ConsultationEnded(Fact, frozen=True):
    """The consultation is over. ``cause``: returned (the agent is back with the customer), transferred, customer_left, agent_left; or
    refused, no_answer, unreachable, of an outside number also busy, no_such_number, congestion; left (the agent has not gone back yet,
    unless it was a conference)."""

    TYPE: ClassVar[str] = "acd.consultation_ended"
    assignment: str


class GuestInvited(Fact, frozen=True):
    """An agent is rung to help with somebody else's contact, on the envelope's connection; a supervisor with his ``participation``.

    ``host``: that one's assignment; where there is none (HandoverBegan of a contact from another site), the contact.
    """

    TYPE: ClassVar[str] = "acd.guest_invited"
    assignment: str
    host: str
    device: str
    ring_until: int
    participation: str = ""


class SupervisionChanged(Fact, frozen=True):
    """A supervisor takes part in another way: silent, whisper, active."""

    TYPE: ClassVar[str] = "acd.supervision_changed"
    assignment: str
    participation: str


class GuestJoined(Fact, frozen=True):
    """The guest answered."""

    TYPE: ClassVar[str] = "acd.guest_joined"
    assignment: str


class GuestLeft(Fact, frozen=True):
    """The guest has nothing to do with the contact any more; ``cause`` as in ConsultationEnded."""

    TYPE: ClassVar[str] = "acd.guest_left"
    assignment: str


class ContactTaken(Fact, frozen=True):
    """A guest has the contact for himself now (a transfer); the envelope's segment is his."""

    TYPE: ClassVar[str] = "acd.contact_taken"
    assignment: str


class HandoverBegan(Fact, frozen=True):
    """The agent left while the next one still rings on the envelope's connection. ``guest`` as in ConsultationBegan.

    Or somebody is rung for a contact that came from another site of ours, or came back from there. ``back_to``: the agent who gave it to
    another site, and is rung when nobody takes it there.
    """

    TYPE: ClassVar[str] = "acd.handover_began"
    ring_until: int
    guest: str = ""
    address: str = ""
    back_to: str = ""


class HandoverEnded(Fact, frozen=True):
    """The ringing of a handover is over. ``cause``: taken, customer_left, or why nobody took it: refused, no_answer, unreachable."""

    TYPE: ClassVar[str] = "acd.handover_ended"


class OutsideBegan(Fact, frozen=True):
    """The customer talks with an outside number (Personal record ``address``) on the envelope's connection."""

    TYPE: ClassVar[str] = "acd.outside_began"
    address: str = ""


class OutsideEnded(Fact, frozen=True):
    """That talk is over. ``cause``: left, customer_left, lost."""

    TYPE: ClassVar[str] = "acd.outside_ended"


class AssignmentMuted(Fact, frozen=True):
    """The others hear the agent (``on`` false) or not."""

    TYPE: ClassVar[str] = "acd.assignment_muted"
    assignment: str
    on: bool

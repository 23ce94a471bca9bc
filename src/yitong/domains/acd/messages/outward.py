"""What the dispatcher tells of an agent's calls to outside numbers. The contact arrives (direction out) when the number is rung."""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact


class DialBegan(Fact, frozen=True):
    """An agent wants to call; his own ``device`` rings first, on the envelope's connection. ``address``: the Personal record of the number.

    The envelope names no contact: there is none before the number is rung. ``call``, ``to_contact`` and ``to_connection`` are the ids
    that the switch's call, the contact and its connection shall have. ``then``: the flow that begins when the number answers, or empty.
    ``own``: he dialled at that telephone, which rings nothing and is answered when the number is.
    """

    TYPE: ClassVar[str] = "acd.dial_began"
    assignment: str
    device: str
    call: str
    to_contact: str
    to_connection: str
    address: str
    ring_until: int
    then: str = ""
    own: bool = False


class DialWentOut(Fact, frozen=True):
    """The agent's telephone is there, the number is rung until ``ring_until``. ``device``: if it is another than the one that was rung."""

    TYPE: ClassVar[str] = "acd.dial_went_out"
    assignment: str
    ring_until: int
    device: str = ""


class DialAnswered(Fact, frozen=True):
    """The called one answered; the envelope's segment is the agent's."""

    TYPE: ClassVar[str] = "acd.dial_answered"
    assignment: str
    rang_us: int


class DialEnded(Fact, frozen=True):
    """Nobody talked. ``cause``: busy, no_answer, refused, no_such_number, congestion, unreachable (``ct/results.py``), agent_left, joined
    (it rings on for another contact); of the agent's own telephone refused, no_answer, unreachable."""

    TYPE: ClassVar[str] = "acd.dial_ended"
    assignment: str

"""What is asked of the part that faxes, and the facts that it tells. Files are named below the home's faxes folder."""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact
from yitong.contact.messages import Command


class SendFaxTo(Command, frozen=True, tag=True):
    """Call ``number`` and send it ``file``: one ``attempt`` (an id) for a ``recipient`` of a sending.

    Answered with ``begun``; the same attempt asked for again changes nothing and is answered with ``running`` or ``ended``. ``station`` is
    our own number, which the other machine shows.
    """

    attempt: str
    recipient: str
    number: str
    file: str
    document: str = ""
    station: str = ""


class FaxAsked(Fact, frozen=True):
    """A fax is to be sent (``sent``) to the customer's connection, or received from it; ``document``: the code of what is sent.

    ``recipient``: the line of a sending for which we call the number; then the connection rings until ``ring_until``, the fax follows when
    it answers, and ``shown`` is our number on it.
    """

    TYPE: ClassVar[str] = "fax.asked"
    fax: str
    sent: bool
    file: str
    document: str = ""
    recipient: str = ""
    ring_until: int = 0
    shown: str = ""


class FaxEnded(Fact, frozen=True):
    """The fax is over; ``cause`` is ok, a reason of ``ct.model.FaxOutcome`` or of ServiceFailed, or a ``ct.model.Cause`` of a number that
    was not reached. ``pages`` are whole ones.

    ``station``: the Personal record of what the other machine calls itself (a number), or empty; ``rate`` in bit/s.
    """

    TYPE: ClassVar[str] = "fax.ended"
    fax: str
    sent: bool
    file: str
    pages: int
    station: str = ""
    rate: int = 0
    error_correction: bool = False
    t38: bool = False

"""Facts about faxes. Files are named below the home's faxes folder."""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact


class FaxAsked(Fact, frozen=True):
    """A fax is to be sent (``sent``) to the customer's connection, or received from it; ``document``: the code of what is sent."""

    TYPE: ClassVar[str] = "fax.asked"
    fax: str
    sent: bool
    file: str
    document: str = ""


class FaxEnded(Fact, frozen=True):
    """The fax is over; ``cause`` is ok, or a reason of ``ct.model.FaxOutcome`` or of ServiceFailed. ``pages`` are whole ones.

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

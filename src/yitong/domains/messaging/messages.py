"""What is asked of the part that sends text messages, and the facts that it tells. Numbers and texts stand in Personal records only."""

from __future__ import annotations

from typing import ClassVar, Literal

from yitong.contact.ledger import Fact
from yitong.contact.messages import Command

Source = Literal["flow", "desk", "mailbox"]
LASTING_SECONDS = 24 * 3600


class TextAsked(Fact, frozen=True):
    """A text message is to be sent: ``recipient`` and ``body`` are Personal records. Not after ``expires_at`` (UTC microseconds).

    ``source``: a flow's step, an agent at his desk (``agent`` of the envelope), or a notice of the mailbox ``mailbox``.
    """

    TYPE: ClassVar[str] = "messaging.text_asked"
    text: str
    recipient: str
    body: str
    source: Source
    expires_at: int
    mailbox: str = ""


class TextCancelled(Fact, frozen=True):
    """The text message is not wanted any more; what has left already cannot be called back."""

    TYPE: ClassVar[str] = "messaging.text_cancelled"
    text: str


class SendText(Command, frozen=True, tag=True):
    """Send ``body`` to ``recipient``. Answers the message's id. Refused: ``no_text_line``,
    ``text_no_number``, ``text_not_allowed``, ``text_empty``.

    ``contact`` is whom it is about; it must not have expired after ``lasting_seconds``.
    """

    recipient: str
    body: str
    source: Source
    contact: str = ""
    mailbox: str = ""
    agent: str = ""
    lasting_seconds: int = LASTING_SECONDS


class CancelText(Command, frozen=True, tag=True):
    """Do not send the text message ``text`` that a part asked for about ``contact``."""

    text: str
    contact: str = ""


class TextCustomer(Command, frozen=True, tag=True):
    """Send the customer of ``assignment``, which must be ``agent``'s, the template ``template`` in ``language`` (empty: the customer's).

    Answers ``{"text": id or "", "body": what is said}``; ``dry``: only that, nothing is sent. Refused as ``SendText``, and:
    ``not_found``, ``wrong_state`` (the contact is over), ``unknown_template``.
    """

    agent: str
    assignment: str
    template: str
    language: str = ""
    dry: bool = False

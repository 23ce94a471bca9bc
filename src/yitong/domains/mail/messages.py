"""What is asked of the part that has mails, and the facts that it tells. No address and no subject stands in them (ADR 0004)."""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact
from yitong.contact.messages import Command


class TakeMail(Command, frozen=True, tag=True):
    """A mail was fetched, and is kept: let it wait. ``mail`` is its id, and the id of the contact that comes of it.

    Answers the id of the contact that has it: its own, or of ``thread`` (contacts of the same conversation, the newest first) the one that
    is not over yet. The same mail asked for again changes nothing. ``sender`` is the address of who wrote, ``address`` ours,
    ``received_at`` when it reached the server (UTC microseconds). Refused with ``unknown_queue``.
    """

    mail: str
    queue: str
    sender: str
    address: str
    account: str
    received_at: int
    thread: tuple[str, ...] = ()


class AnswerMail(Command, frozen=True, tag=True):
    """The agent has written ``answer`` (a mail's id) to the contact on his desk. Answers the contact; twice is once.

    Refused with ``not_found``, ``wrong_state``.
    """

    agent: str
    assignment: str
    answer: str


class MailTaken(Fact, frozen=True):
    """A mail became this contact, or belongs to it (``joined``). ``account``: the configured address that it came to."""

    TYPE: ClassVar[str] = "mail.taken"
    mail: str
    account: str
    joined: bool = False


class MailAnswered(Fact, frozen=True):
    """An agent wrote back. ``first``: nobody had before; ``after_us``: since the contact's arrival; ``within_us``: what its queue
    promises."""

    TYPE: ClassVar[str] = "mail.answered"
    mail: str
    first: bool
    after_us: int
    within_us: int

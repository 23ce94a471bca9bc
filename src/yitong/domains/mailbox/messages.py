"""Facts about messages in mailboxes, and what may be done with them. Files are named below the home's recordings folder.

A message goes from asked to taken (the caller has spoken) to left or dropped; one of which nobody knows how it ended is unsure until its
file was looked at. ``mailbox`` is the id of the mailbox, ``contact`` always the one that left the message.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from yitong.contact.ledger import Fact
from yitong.contact.messages import Command

Status = Literal["new", "heard", "deleted"]


class MessageAsked(Fact, frozen=True):
    """The caller is asked to speak; the switch records into ``file``."""

    TYPE: ClassVar[str] = "mailbox.message_asked"
    mailbox: str
    message: str
    file: str


class MessageTaken(Fact, frozen=True):
    """The recording ended; ``cause`` as in ``ct.events.MessageRecorded``. While he is on the line the caller may still say it again."""

    TYPE: ClassVar[str] = "mailbox.message_taken"
    mailbox: str
    message: str
    milliseconds: int
    bytes: int = 0
    sha256: str = ""


class MessageLeft(Fact, frozen=True):
    """The message is in the mailbox, new. ``cause``: kept (by the caller), hung_up, no_answer (to what is to become of it), found."""

    TYPE: ClassVar[str] = "mailbox.message_left"
    mailbox: str
    message: str
    file: str
    milliseconds: int
    bytes: int = 0
    sha256: str = ""


class MessageDropped(Fact, frozen=True):
    """There is no message. ``cause``: too_short, again (the caller says it anew), failed, or a reason of ServiceFailed."""

    TYPE: ClassVar[str] = "mailbox.message_dropped"
    mailbox: str
    message: str


class MessageUnsure(Fact, frozen=True):
    """Nobody told how the recording ended (``cause``: silent or interrupted): its file says what there is."""

    TYPE: ClassVar[str] = "mailbox.message_unsure"
    mailbox: str
    message: str


class MessageMarked(Fact, frozen=True):
    """A message became new, heard or deleted; ``agent`` did it at his desk, or (``cause`` telephone) somebody who knew the PIN."""

    TYPE: ClassVar[str] = "mailbox.message_marked"
    mailbox: str
    message: str
    status: Status


class MessageRemoved(Fact, frozen=True):
    """A message is gone for good, its file too: ``cause`` is expired or deleted."""

    TYPE: ClassVar[str] = "mailbox.message_removed"
    mailbox: str
    message: str


class MailboxOpened(Fact, frozen=True):
    """The caller ``contact`` gave the mailbox's number and PIN; ``new`` and ``heard`` messages are in it."""

    TYPE: ClassVar[str] = "mailbox.opened"
    mailbox: str
    new: int
    heard: int


class PinRefused(Fact, frozen=True):
    """The caller gave a wrong PIN, or any PIN while the mailbox is shut; it is shut until ``shut_until`` (0: it is not)."""

    TYPE: ClassVar[str] = "mailbox.pin_refused"
    mailbox: str
    shut_until: int = 0


class NoticeSet(Fact, frozen=True):
    """Notices by text message were turned on or off: by ``agent`` at his desk, or (``cause`` telephone) by somebody who knew the PIN."""

    TYPE: ClassVar[str] = "mailbox.notice_set"
    mailbox: str
    on: bool


class NoticeSent(Fact, frozen=True):
    """A notice was asked for as the text message ``text``: the ``number``-th in a row; the next one at ``next_at`` (0: there is none)."""

    TYPE: ClassVar[str] = "mailbox.notice_sent"
    mailbox: str
    text: str
    number: int
    next_at: int


class NoticePut(Fact, frozen=True):
    """Outside the hours in which notices are sent: it is put off until ``next_at``."""

    TYPE: ClassVar[str] = "mailbox.notice_put_off"
    mailbox: str
    next_at: int


class NoticeOver(Fact, frozen=True):
    """No more notices until the next message. ``cause``: heard (nothing is new any more), off, or why it could not be sent."""

    TYPE: ClassVar[str] = "mailbox.notice_over"
    mailbox: str


class SetNotice(Command, frozen=True, tag=True):
    """Turn notices by text message on or off. Refused: not_found (no such mailbox), no_notice (it has no number for them)."""

    mailbox: str
    on: bool
    agent: str = ""


class MarkMessage(Command, frozen=True, tag=True):
    """Make a message new, heard or deleted. Answers the status that it had. Refused: not_found."""

    mailbox: str
    message: str
    status: Status
    agent: str = ""


class SettleMessage(Command, frozen=True, tag=True):
    """What the file of an unsure message holds; ``milliseconds`` 0: nothing. Answers whether it was still unsure."""

    message: str
    milliseconds: int
    bytes: int = 0
    sha256: str = ""

"""What is in the mailboxes of a partition: changed by facts only, kept in its snapshot. Times are UTC microseconds, 0: not yet."""

from __future__ import annotations

import msgspec

from yitong.domains.mailbox.messages import Status


class Draft(msgspec.Struct, kw_only=True):
    """A message that is not in the mailbox yet. ``milliseconds`` -1: it is being recorded; ``over_at``: its contact ended."""

    message: str
    mailbox: str
    contact: str
    connection: str
    file: str
    at: int
    milliseconds: int = -1
    bytes: int = 0
    sha256: str = ""
    over_at: int = 0
    unsure: bool = False
    calling: str = ""
    """The Personal record of the caller's number."""

    @property
    def taken(self) -> bool:
        """The caller has spoken."""
        return self.milliseconds >= 0


class Kept(msgspec.Struct, kw_only=True):
    """A message in a mailbox; ``marked_at``: since when it has its status."""

    message: str
    mailbox: str
    contact: str
    file: str
    milliseconds: int
    at: int
    status: Status = "new"
    marked_at: int = 0
    calling: str = ""
    """The Personal record of the number that left it."""


class Tries(msgspec.Struct, kw_only=True):
    """Wrong PINs in a row, and until when the mailbox is shut."""

    wrong: int = 0
    shut_until: int = 0


class Notice(msgspec.Struct, kw_only=True):
    """What a mailbox tells of its new messages. ``due``: when the next notice is sent, 0: none; ``sent``: so many since the last message;
    ``text``: the last one; ``contact``: who left the last message; ``off``: its owner wants none."""

    due: int = 0
    sent: int = 0
    text: str = ""
    contact: str = ""
    off: bool = False


class MailboxState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps. ``messages``: by mailbox and id, in the order in which they were left; ``open``: contact to mailbox;
    ``notices``: by mailbox."""

    drafts: dict[str, Draft] = {}
    messages: dict[str, dict[str, Kept]] = {}
    tries: dict[str, Tries] = {}
    open: dict[str, str] = {}
    notices: dict[str, Notice] = {}

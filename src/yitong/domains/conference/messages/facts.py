"""Facts about conferences. ``room`` and ``conference`` are ids; ``member`` is the contact's id, or one of its own for an agent.

The envelope names contact, connection and segment of the member, and ``agent``: whoever did it at a desk.
"""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact


class EntryAsked(Fact, frozen=True):
    """A caller is asked for a room's number or for its PIN (``what``); ``attempt`` counts wrong ones from 1."""

    TYPE: ClassVar[str] = "conference.entry_asked"
    what: str
    attempt: int
    room: str = ""


class EntryRefused(Fact, frozen=True):
    """A caller is told why he may not come in. ``cause``: wrong (three times), full, locked."""

    TYPE: ClassVar[str] = "conference.entry_refused"
    room: str = ""


class EntryEnded(Fact, frozen=True):
    """A caller who was not let in is given back to his flow, or hung up."""

    TYPE: ClassVar[str] = "conference.entry_ended"


class ConferenceBegan(Fact, frozen=True):
    """Somebody comes to an empty room. ``open``: nobody waits for a host; ``until``: when it ends at the latest."""

    TYPE: ClassVar[str] = "conference.began"
    conference: str
    room: str
    open: bool
    until: int


class MemberCalled(Fact, frozen=True):
    """Somebody is called into a conference until ``ring_until``; ``to_agent`` when it is one of ours."""

    TYPE: ClassVar[str] = "conference.member_called"
    conference: str
    member: str
    speaking: bool
    host: bool
    ring_until: int
    to_agent: str = ""


class MemberAnswered(Fact, frozen=True):
    """Whoever was called has answered and is asked whether he comes."""

    TYPE: ClassVar[str] = "conference.member_answered"
    conference: str
    member: str


class MemberEntered(Fact, frozen=True):
    """Somebody was let in and is told how many are there."""

    TYPE: ClassVar[str] = "conference.member_entered"
    conference: str
    member: str
    host: bool
    speaking: bool


class MemberJoined(Fact, frozen=True):
    """He hears the others, or waits for the host with music."""

    TYPE: ClassVar[str] = "conference.member_joined"
    conference: str
    member: str
    waiting: bool


class ConferenceOpened(Fact, frozen=True):
    """The host is there: all who waited hear each other."""

    TYPE: ClassVar[str] = "conference.opened"
    conference: str


class MemberAsked(Fact, frozen=True):
    """A listener asks to speak."""

    TYPE: ClassVar[str] = "conference.member_asked"
    conference: str
    member: str


class AskEnded(Fact, frozen=True):
    """He asks no longer. ``cause``: granted, refused, withdrawn."""

    TYPE: ClassVar[str] = "conference.ask_ended"
    conference: str
    member: str


class RoleChanged(Fact, frozen=True):
    """A listener became a speaker, or the other way round. ``cause``: granted, host, own."""

    TYPE: ClassVar[str] = "conference.role_changed"
    conference: str
    member: str
    speaking: bool


class MemberMuted(Fact, frozen=True):
    """A speaker is not heard (``on``), or is again. ``cause``: host, own."""

    TYPE: ClassVar[str] = "conference.member_muted"
    conference: str
    member: str
    on: bool


class AllMuted(Fact, frozen=True):
    """Nobody but the hosts is heard (``on``), or all speakers are again."""

    TYPE: ClassVar[str] = "conference.all_muted"
    conference: str
    on: bool


class ConferenceLocked(Fact, frozen=True):
    """Nobody dials in any more (``on``), or everybody may again."""

    TYPE: ClassVar[str] = "conference.locked"
    conference: str
    on: bool


class RecordingBegan(Fact, frozen=True):
    """What is said is recorded from here on."""

    TYPE: ClassVar[str] = "conference.recording_began"
    conference: str
    recording: str


class RecordingOver(Fact, frozen=True):
    """It is no longer recorded; what became of the file, the facts of recordings tell."""

    TYPE: ClassVar[str] = "conference.recording_over"
    conference: str
    recording: str


class MemberMoved(Fact, frozen=True):
    """An agent goes on, or answers, at another telephone of his; ``connection`` is the new one."""

    TYPE: ClassVar[str] = "conference.member_moved"
    conference: str
    member: str


class MemberLeft(Fact, frozen=True):
    """Somebody is no longer in the conference. ``cause``: left, removed, ended, or why he never came: refused, no_answer, unreachable;
    of an outside number also busy, no_such_number, congestion."""

    TYPE: ClassVar[str] = "conference.member_left"
    conference: str
    member: str


class ConferenceEnded(Fact, frozen=True):
    """The conference is over; whoever is still there is sent out. ``cause``: last_left, host, limit."""

    TYPE: ClassVar[str] = "conference.ended"
    conference: str
    room: str

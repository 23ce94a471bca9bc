"""What is asked of conferences. ``agent`` is the one at whose desk it is asked; a member is named by its id in the live document.

Refused: not_found (no such room, conference or member), wrong_state, too_many_speakers, conference_full, and what calling out may refuse.
"""

from __future__ import annotations

from yitong.contact.messages import Command


class EnterRoom(Command, frozen=True, tag=True):
    """A contact in a flow goes to a room (its code; empty: it is asked for the number). Answers "" while it goes on, else an outcome."""

    contact: str
    room: str = ""


class Grant(Command, frozen=True, tag=True):
    """Whoever asked to speak becomes a speaker."""

    conference: str
    member: str
    agent: str = ""


class RefuseAsk(Command, frozen=True, tag=True):
    """Whoever asked to speak stays a listener."""

    conference: str
    member: str
    agent: str = ""


class SetSpeaking(Command, frozen=True, tag=True):
    """Make a listener a speaker, or a speaker a listener."""

    conference: str
    member: str
    on: bool
    agent: str = ""


class MuteMember(Command, frozen=True, tag=True):
    """A speaker is not heard, or is again."""

    conference: str
    member: str
    on: bool
    agent: str = ""


class MuteAll(Command, frozen=True, tag=True):
    """Nobody but the hosts is heard, or all speakers are again."""

    conference: str
    on: bool
    agent: str = ""


class LockConference(Command, frozen=True, tag=True):
    """Nobody dials in any more but a host; who is called in may come."""

    conference: str
    on: bool
    agent: str = ""


class RemoveMember(Command, frozen=True, tag=True):
    """Send somebody out, or stop calling him."""

    conference: str
    member: str
    agent: str = ""


class RecordConference(Command, frozen=True, tag=True):
    """Record what is said, or end it."""

    conference: str
    on: bool
    agent: str = ""


class EndConference(Command, frozen=True, tag=True):
    """Send everybody out."""

    conference: str
    agent: str = ""


class CallIn(Command, frozen=True, tag=True):
    """Call somebody into a room, where a conference begins if none is going on: ``number`` outside, by the classes that ``agent`` may call,
    or an agent (``to_agent``), who may be the asker. Answers the member's id.
    """

    room: str
    agent: str
    number: str = ""
    to_agent: str = ""
    speaking: bool = True
    host: bool = False

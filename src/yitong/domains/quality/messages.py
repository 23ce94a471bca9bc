"""Facts about recordings and the quality of speech. Files are named below the home's recordings folder."""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact
from yitong.contact.messages import Command


class StartTake(Command, frozen=True, tag=True):
    """Record the segment from here on: ``left`` the customer's connection, ``right`` the other's. Answers the recording's id.

    ``demand``: see ``RecordingAsked``. Who decides that is ``domains/recording``.
    """

    contact: str
    segment: str
    agent: str
    queue: str
    left: str
    right: str
    demand: str = ""


class StopTake(Command, frozen=True, tag=True):
    """End a recording. One that has ended, or is about to, stays as it is."""

    recording: str


class RecordingAsked(Fact, frozen=True):
    """The segment is to be recorded from here on: ``left`` the customer's connection, ``right`` the agent's (or an outside number's).

    ``demand``: the recording on demand (``recording.demand_began``) that this file is of; empty: the rule's.
    ``conference``, ``room``: what is said in a conference is recorded, ``left`` and ``right`` are its hall; the contact may be nobody.
    """

    TYPE: ClassVar[str] = "quality.recording_asked"
    recording: str
    file: str
    left: str
    right: str
    demand: str = ""
    conference: str = ""
    room: str = ""


class RecordingEnded(Fact, frozen=True):
    """The recording is closed. ``holds`` and ``pauses`` are (from, to) in milliseconds of the file (a pause is silent there); ``complete``
    is false after a crash or a full disk."""

    TYPE: ClassVar[str] = "quality.recording_ended"
    recording: str
    file: str
    milliseconds: int
    bytes: int
    sha256: str
    holds: tuple[tuple[int, int], ...] = ()
    complete: bool = True
    pauses: tuple[tuple[int, int], ...] = ()


class RecordingLost(Fact, frozen=True):
    """There is no such recording, or nothing is known of its end; ``cause`` says why (a ServiceFailed reason, or silent)."""

    TYPE: ClassVar[str] = "quality.recording_lost"
    recording: str
    file: str


class SpeechMeasured(Fact, frozen=True):
    """Speech quality of a customer's or an agent's connection over its life (G.107 estimate, 1 to 4.5)."""

    TYPE: ClassVar[str] = "quality.speech_measured"
    side: str
    packets: int
    lost: int
    late: int
    jitter_ms: float
    mos: float

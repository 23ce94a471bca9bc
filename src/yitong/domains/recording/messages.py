"""What is asked about the recording of talks, and what is told. A talk is an agent's segment of a contact, or one with an outside number.

Every fact names the talk by its segment; files and their lengths are told by ``quality.messages``.
"""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact
from yitong.contact.messages import Command

# --- commands ----------------------------------------------------------------------------------------------------------------------


class PauseTalk(Command, frozen=True, tag=True):
    """Record nothing of an agent's talk for ``seconds`` (0: as long as its queue allows), whoever had it recorded.

    ``assignment`` is named by the agent himself; empty: a supervisor asks. Raises Refused: not_found, wrong_state, not_recorded, no_pause.
    """

    agent: str
    assignment: str = ""
    seconds: int = 0


class ResumeTalk(Command, frozen=True, tag=True):
    """End the pause."""

    agent: str
    assignment: str = ""


class PauseForStep(Command, frozen=True, tag=True):
    """A step of a flow takes what must not be recorded. That is over when the step is left."""

    contact: str
    step: str


class RecordTalk(Command, frozen=True, tag=True):
    """Record an agent's talk on demand, for ``seconds`` (0: until somebody ends it). ``by_agent`` is the agent that the asker is, if any.

    Raises Refused: not_found, wrong_state, recorded_on_demand, recording_forbidden.
    """

    agent: str
    assignment: str = ""
    by_agent: str = ""
    seconds: int = 0


class EndRecordTalk(Command, frozen=True, tag=True):
    """End a recording on demand. An agent (he names his ``assignment``) ends only what he began."""

    agent: str
    assignment: str = ""


# --- facts -------------------------------------------------------------------------------------------------------------------------


class RecordingDecided(Fact, frozen=True):
    """Whether a talk is recorded by rule. ``mode``: all, none, percent, on_demand; the envelope's ``cause`` is the reason: the mode, or
    of ``percent`` drawn or not_drawn. ``drawn`` is the contact's number (0 to 9999), recorded when it is below hundredfold ``percent``.
    ``of``: queue, or the class of the outside number, or default. ``pause_seconds``: the longest pause that is allowed."""

    TYPE: ClassVar[str] = "recording.decided"
    mode: str
    recorded: bool
    of: str
    percent: int = 100
    drawn: int = -1
    pause_seconds: int = 0


class DemandBegan(Fact, frozen=True):
    """A talk is recorded on demand. ``user`` asked, ``by_agent``: the agent that he is, or empty; ``until`` 0: no timer."""

    TYPE: ClassVar[str] = "recording.demand_began"
    demand: str
    user: str = ""
    by_agent: str = ""
    until: int = 0


class DemandEnded(Fact, frozen=True):
    """That is over (H87). ``cause``: key, intercept, release, call_over, timer. ``user``: who pressed the key."""

    TYPE: ClassVar[str] = "recording.demand_ended"
    demand: str
    user: str = ""


class PauseBegan(Fact, frozen=True):
    """Nothing of the contact is recorded, until ``until`` at the latest. ``cause``: agent, supervisor, step."""

    TYPE: ClassVar[str] = "recording.pause_began"
    until: int
    user: str = ""
    step: str = ""


class PauseEnded(Fact, frozen=True):
    """It is recorded again. ``cause``: agent, supervisor, step, time, talk_over."""

    TYPE: ClassVar[str] = "recording.pause_ended"
    user: str = ""


class TakePaused(Fact, frozen=True):
    """The switch says that nothing gets into the file of ``recording`` any more."""

    TYPE: ClassVar[str] = "recording.take_paused"
    recording: str


class TakeResumed(Fact, frozen=True):
    """The switch says that the file goes on; ``cause``: asked or time (by itself)."""

    TYPE: ClassVar[str] = "recording.take_resumed"
    recording: str

"""What desks and the board are drawn from, as plain values: the state of the view, kept in the partition's snapshot."""

from __future__ import annotations

import msgspec

from yitong.contact.brought import Brought
from yitong.contact.messages import Card
from yitong.domains.reporting.rules.counters import Today


class SeenContact(msgspec.Struct, kw_only=True):
    """A contact as desks show it."""

    id: str
    calling: str = ""
    called: str = ""
    trunk: str = ""
    """The code of the line that it came by."""
    direction: str = "in"
    language: str = ""
    card: Card | None = None
    flow: str = ""
    keys: list[tuple[str, str]] = []
    flows: list[str] = []
    """Those that it was in, the first one first."""
    data: dict[str, tuple[str, bool]] = {}
    """What flows and agents attached to it: the value, and whether it is a secret that nobody has."""
    answered_by: str = ""
    """Who answered our call, if that was judged."""
    brought: Brought | None = None
    """What came with it from another site of ours."""
    ended: bool = False
    mails: int = 0
    """How many mails of the customer belong to it."""


class SeenConsultation(msgspec.Struct, kw_only=True):
    """Whom an agent asks about his contact, as his desk shows it."""

    state: str
    since: int
    ring_until: int
    agent: str = ""
    address: str = ""
    aside: bool = True
    cause: str = ""


class SeenDetour(msgspec.Struct, kw_only=True):
    """A flow beside which the agent waits, or (``cause``) what became of the last one. ``at``: the step and its kind."""

    flow: str
    step: str
    state: str
    since: int
    at: tuple[str, str] = ("", "")
    cause: str = ""
    result: str = ""


class SeenDemand(msgspec.Struct, kw_only=True):
    """A recording on demand; ``until`` 0: no timer."""

    by_agent: str
    since: int
    until: int


class SeenRecorded(msgspec.Struct, kw_only=True):
    """What is recorded of a talk. ``takes``: its recordings, and whether the switch says that they pause."""

    mode: str
    by_rule: bool
    pause_seconds: int
    takes: dict[str, bool] = {}
    demand: SeenDemand | None = None


class SeenPause(msgspec.Struct, kw_only=True):
    """Nothing of a contact is recorded; ``cause``: agent, supervisor, step."""

    cause: str
    since: int
    until: int


class SeenAssignment(msgspec.Struct, kw_only=True):
    """An assignment as a desk shows it."""

    id: str
    agent: str
    contact: str
    queue: str
    segment: str
    channel: str
    state: str
    since: int
    waited_us: int
    ring_until: int
    answered_at: int = 0
    wrap_until: int = 0
    wrapping: bool = False
    code: str = ""
    note: str = ""
    host: str = ""
    handed: bool = False
    """The host has left: whoever answers has the customer."""
    participation: str = ""
    dialling: str = ""
    """The Personal record of the number that the agent calls, until it answers."""
    muted: bool = False
    consultation: SeenConsultation | None = None
    detour: SeenDetour | None = None
    inside: str = ""
    """The colleague with whom he talks, or who is rung, or rings."""
    caller: bool = False


class SeenAgent(msgspec.Struct, kw_only=True):
    """An agent as desk and board show him."""

    id: str
    duty: str = "logged_off"
    reason: str = ""
    duty_since: int = 0
    logged_on_at: int = 0
    state_since: int = 0
    devices: dict[str, tuple[str, bool, bool]] = {}
    assignments: list[str] = []
    locked: bool = False
    seats: list[str] = []
    """Connections that occupy his telephones beside his assignments."""
    inside_over: tuple[str, str, int] | None = None
    """Whom he called last inside and did not reach, why, and when."""
    dial_over: dict[str, str | int] | None = None
    """Why the outside number that he called last was not reached (``cause``), and when (``at``)."""


class SeenWaiting(msgspec.Struct, kw_only=True):
    """A waiting contact."""

    contact: str
    queue: str
    since: int
    agent: str = ""


class PastCall(msgspec.Struct, kw_only=True):
    """One of an agent's own calls of today."""

    contact: str
    segment: str
    at: int
    direction: str
    queue: str
    calling: str
    customer: str
    talk_us: int = 0
    survey: int | None = None


class ViewState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps."""

    contacts: dict[str, SeenContact] = {}
    assignments: dict[str, SeenAssignment] = {}
    agents: dict[str, SeenAgent] = {}
    waiting: dict[str, SeenWaiting] = {}
    calls: dict[str, list[PastCall]] = {}
    notes: dict[str, str] = {}
    recorded: dict[str, SeenRecorded] = {}
    """By the segment of the talk."""
    pauses: dict[str, SeenPause] = {}
    """By contact."""
    new_messages: dict[str, list[str]] = {}
    """By mailbox: those that nobody has heard yet."""
    today: Today = msgspec.field(default_factory=Today)

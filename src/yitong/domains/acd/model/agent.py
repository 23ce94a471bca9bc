"""An agent: duty, devices and assignments. The five states of ECMA-269 are derived from these, never stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from yitong.contact.medium import CAPACITY, VOICE, open_media, switched
from yitong.contact.states import Table

DUTIES = Table("Agent duty", {
    ("logged_off", "ready"): "ready",
    ("logged_off", "not_ready"): "not_ready",
    ("not_ready", "ready"): "ready",
    ("not_ready", "not_ready"): "not_ready",
    ("not_ready", "logged_off"): "logged_off",
    ("ready", "not_ready"): "not_ready",
    ("ready", "ready"): "ready",
    ("ready", "logged_off"): "logged_off",
    ("logged_off", "logged_off"): "logged_off",
})  # fmt: skip

ASSIGNMENTS = Table("Assignment", {
    ("", "offer"): "offered",
    ("offered", "answer"): "active",
    ("offered", "end"): "",
    ("active", "hold"): "held",
    ("held", "retrieve"): "active",
    ("active", "interrupt"): "interrupted",
    ("held", "interrupt"): "interrupted",
    ("interrupted", "resume"): "active",
    ("active", "end"): "ended",
    ("held", "end"): "ended",
    ("interrupted", "end"): "ended",
    ("ended", "wrap_up"): "wrapping_up",
    ("ended", "end"): "",
    ("wrapping_up", "end"): "",
})  # fmt: skip

TALKING = ("active", "held", "interrupted")


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Published configuration of an agent."""

    id: str
    extension: str
    user: str = ""
    username: str = ""
    name: Any = ""
    team: str | None = ""
    site: str | None = ""
    skills: Mapping[str, int] = {}
    capacity: Mapping[str, int] = msgspec.field(default_factory=lambda: {"voice": 1})
    language: str | None = ""
    may_call: Sequence[str] = ()
    """Classes of outside numbers."""

    def most(self, medium: str) -> int:
        """How many contacts of a medium he has at once."""
        return self.capacity.get(medium, CAPACITY.get(medium, 0))


class AgentDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A telephone or page of the agent."""

    device: str
    kind: str
    registered: bool
    answering: bool

    @property
    def usable(self) -> bool:
        return self.registered and self.answering


class Consultation(msgspec.Struct, kw_only=True):
    """Whom an agent asks about his contact. ``agent`` and ``guest`` (that one's assignment) when it is one of ours; ``address``: the
    Personal record of an outside number. ``state``: ringing, talking, conference, over (the agent has not gone back yet).
    ``aside``: the agent is with the consulted one and the customer waits."""

    connection: str
    state: str
    since: int
    ring_until: int
    agent: str = ""
    guest: str = ""
    address: str = ""
    aside: bool = True
    cause: str = ""
    room: str = ""
    """Where the two talk, when that is not named like ``connection``: the consulted one went on at another telephone."""


class Detour(msgspec.Struct, kw_only=True):
    """A flow beside which an agent waits. ``state``: leaving (he steps aside, until ``until``), there (the contact is in the flow)."""

    flow: str
    step: str
    state: str
    until: int


class Dial(msgspec.Struct, kw_only=True):
    """A call to an outside number in the making: see ``messages.outward.DialBegan``. ``out``: the number is rung."""

    call: str
    contact: str
    connection: str
    number: str
    until: int
    out: bool = False
    then: str = ""
    own: bool = False


class Inside(msgspec.Struct, kw_only=True):
    """A call between two agents, as one of them has it. ``agent`` and ``peer``: the other one and his assignment, once he is rung;
    ``connection``: his. ``caller``: this one began it; ``talks``: the other one answered; ``until``: when its ringing ends."""

    agent: str
    connection: str
    until: int
    peer: str = ""
    caller: bool = False
    talks: bool = False


class Assignment(msgspec.Struct, kw_only=True):
    """A contact given to an agent. ``targets``: ringing connections with their devices; ``connection``: the one that answered.

    ``host``: the assignment of the agent who asked this one to help; such a guest has no queue's offer and no wrap-up of his own.
    """

    id: str
    agent: str
    contact: str
    queue: str
    segment: str
    channel: str
    state: str
    since: int
    offered_at: int
    ring_until: int
    lease_until: int
    targets: dict[str, str]
    connection: str = ""
    device: str = ""
    answered_at: int = 0
    waited_us: int = 0
    hold_since: int = 0
    held_us: int = 0
    resume_until: int = 0
    resume_target: str = ""
    resume_device: str = ""
    resume_again_at: int = 0
    hang_up_by: int = 0
    wrap_since: int = 0
    wrap_until: int = 0
    code: str = ""
    note: str = ""
    host: str = ""
    participation: str = ""
    """How a supervisor takes part in his host's contact: silent, whisper, active; empty: he is no supervisor."""
    muted: bool = False
    dial: Dial | None = None
    """The number that the agent calls by himself, until it answers."""
    consultation: Consultation | None = None
    detour: Detour | None = None
    inside: Inside | None = None

    @property
    def switched(self) -> bool:
        """It is a call: it lives and ends with connections."""
        return switched(self.channel)

    def move(self, event: str, at: int) -> None:
        """Take the table's way; a way that it does not have is a programming error."""
        self.state, self.since = ASSIGNMENTS.next(self.state, event), at

    def deadline(self) -> int:
        """When something must happen to it at the latest; 0: it waits for people (the reconciler watches its connections)."""
        if self.host:
            return 0
        if self.dial is not None:
            return self.dial.until
        if self.inside is not None:
            return 0 if self.inside.talks else self.inside.until
        if self.state == "offered":
            return self.lease_until
        if self.detour is not None and not self.hang_up_by:
            return self.detour.until if self.detour.state == "leaving" else 0
        if self.state == "interrupted":
            return min(self.resume_until, self.resume_again_at or self.resume_until)
        if self.consultation is not None and self.consultation.state == "ringing" and not self.hang_up_by:
            return self.consultation.ring_until
        return self.wrap_until if self.state == "wrapping_up" else self.hang_up_by

    def connections(self) -> set[str]:
        """Every connection that belongs to it now."""
        return {*self.targets, *(name for name in (self.connection, self.resume_target) if name)}


class Agent(msgspec.Struct, kw_only=True):
    """The live state of an agent. ``idle_since`` orders the longest idle; ``answered`` counts since log-on; ``misses`` in a row."""

    id: str
    duty: str = "logged_off"
    reason: str = ""
    duty_since: int = 0
    logged_on_at: int = 0
    devices: dict[str, AgentDevice] = {}
    assignments: dict[str, Assignment] = {}
    state_since: int = 0
    idle_since: int = 0
    answered: int = 0
    misses: int = 0
    locked: bool = False
    """His desk is locked; he is not ready."""
    seats: dict[str, str] = {}
    """Connections that occupy his telephones without an assignment (``AgentOccupied``), with the device."""

    @property
    def reachable(self) -> bool:
        """One device at least is registered and answers."""
        return any(device.usable for device in self.devices.values())

    @property
    def state(self) -> str:
        """ECMA-269: logged_off, not_ready, ready, busy, working_after_call."""
        states = {assignment.state for assignment in self.assignments.values()}
        if self.seats or states & {"offered", *TALKING}:
            return "busy"
        if "wrapping_up" in states:
            return "working_after_call"
        return "not_ready" if self.duty == "ready" and not self.reachable else self.duty

    @property
    def talks(self) -> bool:
        """His telephones are in use: something rings or is connected there."""
        return bool(self.seats) or any(one.switched and one.state in ("offered", *TALKING) for one in self.assignments.values())

    def open_media(self, config: AgentConfig) -> frozenset[str]:
        """Of which media he can be offered one more contact now; none unless he is ready and one of his devices answers."""
        if self.duty != "ready" or not self.reachable:
            return frozenset()
        loads = {one.channel: self.load(one.channel) for one in self.assignments.values()}
        return open_media({VOICE: self.load(VOICE), **loads}, config.capacity)

    def load(self, channel: str) -> int:
        """How many assignments of ``channel`` occupy the agent; whatever else his telephones do is one of voice each."""
        seats = len(self.seats) if channel == "voice" else 0
        return seats + sum(1 for assignment in self.assignments.values() if assignment.channel == channel)

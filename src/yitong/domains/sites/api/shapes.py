"""What each kind of configuration looks like from outside. Fields that are not listed are refused (reliability W9)."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, model_validator

from yitong.ct.numbering import PATTERN, pattern_of
from yitong.kit import pins

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Name = Annotated[dict[Literal["zh-CN", "en"], Annotated[Text, StringConstraints(min_length=1, max_length=120)]], Field(min_length=1)]
Id = Annotated[UUID, PlainSerializer(str)]
MaybeId = Id | Literal[""]
Language = Literal["zh-CN", "en"]
Zone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2}$")]
Level = Annotated[int, Field(ge=1, le=100)]
Extension = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,10}$")]


def _pattern(text: str) -> str:
    pattern_of(text)
    return text


Pattern = Annotated[str, StringConstraints(pattern=PATTERN, min_length=1, max_length=64), AfterValidator(_pattern)]
Called = Annotated[str, StringConstraints(pattern=r"^\+?[0-9*#]{1,32}$")]
SipName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+._!~*'()&=$,;?/-]{0,64}$")]
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"


class Shape(BaseModel):
    """What is sent to make or replace a thing."""

    model_config = ConfigDict(extra="forbid")


class Named(Shape):
    """A thing with a code and names."""

    code: Code
    name: Name


class Site(Named):
    """A place."""

    zone: Zone
    address: Annotated[Text, StringConstraints(max_length=300)] = ""


class Team(Named):
    """Agents who belong together; ``supervisors`` are user ids."""

    site: Id
    supervisors: list[Id] = Field(default=[], max_length=200)


class SkillNeeded(Shape):
    """A skill and its lowest level."""

    skill: Id
    level: Level


class Member(Shape):
    """An agent of a queue; lower orders are asked first."""

    agent: Id
    order: Annotated[int, Field(ge=1, le=1000)] = 1


class Objective(Shape):
    """What the queue promises; shorter waits than ``short_seconds`` do not count as abandoned."""

    answer_within_seconds: Annotated[int, Field(ge=1, le=2_592_000)] = 20
    percent: Annotated[int, Field(ge=1, le=100)] = 80
    short_seconds: Annotated[int, Field(ge=0, le=60)] = 5


class Announce(Shape):
    """What the waiting hear."""

    position: bool = False
    wait: bool = False
    every_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    first_seconds: Annotated[int, Field(ge=0, le=3600)] = 20


class Recording(Shape):
    """Which talks are recorded: ``none`` not even on demand, ``on_demand`` only so. ``pause_seconds``: the longest pause for card data; 0:
    there is none."""

    mode: Literal["all", "none", "percent", "on_demand"] = "all"
    percent: Annotated[int, Field(ge=0, le=100)] = 100
    pause_seconds: Annotated[int, Field(ge=0, le=300)] = 120


class Queue(Named):
    """Where contacts wait. ``refuse_when_empty``: nobody may wait while no agent of it is signed in. ``misses_allowed``: so many unanswered
    offers in a row send an agent to not ready; 0: never. ``rest_seconds``: how long he is not offered again what he did not take."""

    site: Id
    requirement: list[SkillNeeded] = Field(default=[], max_length=50)
    members: list[Member] = Field(default=[], max_length=2000)
    strategy: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")] = "longest_idle"
    objective: Objective = Objective()
    music: Annotated[Text, StringConstraints(max_length=80)] = ""
    announce: Announce = Announce()
    ring_seconds: Annotated[int, Field(ge=1, le=300)] = 20
    wrap_up_seconds: Annotated[int, Field(ge=0, le=86400)] = 0
    maximum_wait_seconds: Annotated[int, Field(ge=0, le=86400)] = 0
    maximum_waiting: Annotated[int, Field(ge=0, le=100000)] = 0
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    refuse_when_empty: bool = False
    misses_allowed: Annotated[int, Field(ge=0, le=100)] = 1
    rest_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    wrap_up_codes: list[Id] = Field(default=[], max_length=200)
    recording: Recording = Recording()


class Retention(Named):
    """For how many days recordings are kept: of a queue, or (no queue) of everything else."""

    queue: MaybeId = ""
    days: Annotated[int, Field(ge=1, le=36_500)]


class Flow(Named):
    """A flow's draft; what runs is what was published."""

    site: MaybeId = ""
    document: dict[str, Any]


class Number(Shape):
    """What a called number leads to; ``calling`` is a prefix, empty: any."""

    number: Annotated[str, StringConstraints(pattern=r"^\+?[0-9*#]{1,32}$")]
    name: dict[Literal["zh-CN", "en"], Annotated[Text, StringConstraints(max_length=120)]] = {}
    trunk: MaybeId = ""
    calling: Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{0,20}$")] = ""
    flow: Id
    site: Id
    language: Language = "zh-CN"
    web: bool = False


class Priced(Shape):
    """What a minute to numbers that begin like ``prefix`` costs, in the tenant's currency; null: not known."""

    prefix: Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{0,15}$")] = ""
    price: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=6)] | None = None


class Distant(Shape):
    """Numbers of another site of ours, by pattern; with a name, whose it is."""

    number: Pattern
    name: Annotated[Text, StringConstraints(max_length=120)] = ""


class Rewrite(Shape):
    """Numbers that fit ``pattern`` lose ``strip`` signs and get ``prepend`` in front; the first rule that fits counts."""

    pattern: Pattern
    strip: Annotated[int, Field(ge=0, le=32)] = 0
    prepend: Annotated[str, StringConstraints(pattern=r"^\+?[0-9*#]{0,32}$")] = ""


CERTIFICATES = r"^(\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)*$"


class Trunk(Named):
    """A line to the public network: from where it calls us and, with a ``host``, how it is called. ``password`` is written, never read."""

    site: Id
    addresses: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F.:]{2,45}(/[0-9]{1,3})?$")]] = Field(default=[], max_length=200)
    numbers: list[Called] = Field(default=[], max_length=2000)
    enabled: bool = True
    host: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:]{2,45})?$")] = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    tls_ca: Annotated[str, StringConstraints(max_length=64_000, pattern=CERTIFICATES)] = ""
    srtp: bool = False
    domain: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{0,253}$")] = ""
    username: SipName = ""
    auth_user: SipName = ""
    password: Annotated[Text, StringConstraints(max_length=256)] | None = None
    realm: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\"]{0,128}$")] = ""
    register_: Annotated[bool, Field(alias="register")] = False
    register_seconds: Annotated[int, Field(ge=60, le=86400)] = 300
    order: Annotated[int, Field(ge=1, le=1000)] = 1
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    prefixes: list[Priced] = Field(default=[], max_length=2000)
    rewrite_called: list[Rewrite] = Field(default=[], max_length=100)
    rewrite_calling: list[Rewrite] = Field(default=[], max_length=100)
    caller_id: Literal["given", "own", "fixed", "withheld"] = "own"
    caller_number: Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{0,32}$")] = ""
    channels: Annotated[int, Field(ge=0, le=100000)] = 0
    codecs: list[Literal["PCMA", "PCMU"]] = Field(default=[], max_length=2)
    link: bool = False
    distant: list[Distant] = Field(default=[], max_length=2000)

    @model_validator(mode="after")
    def _complete(self) -> Trunk:
        """A line that registers needs somewhere to do so, and a name."""
        if self.register_ and not (self.host and self.username):
            raise ValueError("register needs host and username")
        if self.srtp and self.transport != "tls":
            raise ValueError("srtp needs transport tls, which hides its keys")
        if self.link and not (self.host and (self.username or self.auth_user) and self.transport in ("tcp", "tls")):
            raise ValueError("link needs host, username and transport tls (or tcp): what it tells does not fit into a datagram")
        return self


class NumberClass(Named):
    """Which outside numbers are of a class; in place of the country's patterns if there are any, emergency numbers beside them."""

    code: Literal["internal", "local", "national", "mobile", "international", "premium", "emergency"]
    patterns: list[Pattern] = Field(default=[], max_length=500)
    recording: Recording = Recording()


class Period(Shape):
    """Hours of days of the week; ``from`` not before ``to`` goes over midnight."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(min_length=1, max_length=7)
    from_: Annotated[str, StringConstraints(pattern=_CLOCK), Field(alias="from")]
    to: Annotated[str, StringConstraints(pattern=_CLOCK)]


class CallerRule(Named):
    """A line of the black and white lists: the first that fits, by ``order``, decides about a call from outside."""

    order: Annotated[int, Field(ge=1, le=10000)] = 1
    enabled: bool = True
    patterns: list[Pattern] = Field(default=[], max_length=5000)
    withheld: bool = False
    numbers: list[Called] = Field(default=[], max_length=200)
    hours: list[Period] = Field(default=[], max_length=50)
    action: Literal["allow", "reject", "prompt", "low_priority"] = "reject"
    flow: MaybeId = ""
    priority: Annotated[int, Field(ge=1, le=1000)] = 50

    @model_validator(mode="after")
    def _complete(self) -> CallerRule:
        """Who is told something is told it by a flow."""
        if self.action == "prompt" and not self.flow:
            raise ValueError("prompt needs a flow")
        return self


def _sealed(pin: str) -> str:
    return pins.seal(pin, os.urandom(16)) if pin else ""


HostPin = Annotated[str, StringConstraints(pattern=r"^[0-9]{6,12}$"), AfterValidator(_sealed)]
MemberPin = Annotated[str, StringConstraints(pattern=r"^([0-9]{4,12})?$"), AfterValidator(_sealed)]


class ConferenceRoom(Named):
    """Where people confer. PINs are written, never read; without a member PIN whoever knows the number comes in.

    ``enters``: how a member begins, as a speaker while fewer than eight are there, or as a listener.
    """

    site: Id
    number: Extension
    host_pin: HostPin | None = None
    member_pin: MemberPin | None = None
    size: Annotated[int, Field(ge=2, le=1000)] = 100
    enters: Literal["speaker", "listener"] = "speaker"
    may_ask: bool = True
    wait_for_host: bool = True
    entry_tone: bool = True
    recorded: bool = False
    music: Annotated[Text, StringConstraints(max_length=80)] = ""
    maximum_minutes: Annotated[int, Field(ge=1, le=1440)] = 240

    @model_validator(mode="before")
    @classmethod
    def _different(cls, given: Any) -> Any:
        """Whoever has the members' PIN is not the host."""
        if isinstance(given, dict) and given.get("host_pin") and given.get("host_pin") == given.get("member_pin"):
            raise ValueError("host_pin and member_pin must differ")
        return given


class Mailbox(Named):
    """Where callers leave messages. ``number`` and ``pin`` open it by telephone; ``pin`` is written, never read, and "" takes it away.

    ``owners``: agents; ``queue``: whoever serves it may open it too; ``numbers`` of ours whose flow names no mailbox.
    ``notify_number`` gets a text message when one was left: within ``notify_hours`` (none: always), again every ``notify_minutes``
    (0: once) until somebody has heard it, ``notify_times`` times at most.
    """

    site: Id
    number: Extension | Literal[""] = ""
    owners: list[Id] = Field(default=[], max_length=200)
    queue: MaybeId = ""
    numbers: list[Called] = Field(default=[], max_length=200)
    greeting: Annotated[Text, StringConstraints(max_length=80)] = ""
    longest_seconds: Annotated[int, Field(ge=5, le=600)] = 120
    shortest_seconds: Annotated[int, Field(ge=0, le=30)] = 1
    silence_seconds: Annotated[int, Field(ge=1, le=30)] = 4
    pin: MemberPin | None = None
    notify_number: Annotated[str, StringConstraints(pattern=r"^(\+?[0-9]{3,20})?$")] = ""
    notify_hours: list[Period] = Field(default=[], max_length=20)
    notify_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    notify_times: Annotated[int, Field(ge=1, le=20)] = 3
    email: Annotated[str, StringConstraints(pattern=r"^([^@\s\x00<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,255})?$")] = ""
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 90


class User(Shape):
    """A person who signs in; with an extension also an agent, who needs a team. ``password`` is written, never read. ``srtp``: whether the
    desk phone's speech goes encrypted."""

    username: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    name: Name
    language: Language = "zh-CN"
    roles: list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]] = Field(default=[], max_length=20)
    site: MaybeId = ""
    extension: Extension | Literal[""] = ""
    team: MaybeId = ""
    skills: dict[Id, Level] = {}
    may_call: list[Literal["local", "national", "mobile", "international", "premium"]] = Field(default=[], max_length=5)
    srtp: Literal["off", "optional", "required"] = "off"
    disabled: bool = False
    password: Annotated[str, StringConstraints(min_length=8, max_length=256)] | None = None


class Page(BaseModel):
    """A list; ``next`` is the cursor of the next page, null at the end."""

    items: list[dict[str, Any]]
    next: str | None = None

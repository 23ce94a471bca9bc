"""What each kind of configuration looks like from outside. Fields that are not listed are refused (reliability W9)."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Name = Annotated[dict[Literal["zh-CN", "en"], Annotated[Text, StringConstraints(min_length=1, max_length=120)]], Field(min_length=1)]
Id = Annotated[UUID, PlainSerializer(str)]
MaybeId = Id | Literal[""]
Language = Literal["zh-CN", "en"]
Zone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2}$")]
Level = Annotated[int, Field(ge=1, le=100)]
Extension = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,10}$")]


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

    answer_within_seconds: Annotated[int, Field(ge=1, le=3600)] = 20
    percent: Annotated[int, Field(ge=1, le=100)] = 80
    short_seconds: Annotated[int, Field(ge=0, le=60)] = 5


class Announce(Shape):
    """What the waiting hear."""

    position: bool = False
    wait: bool = False
    every_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    first_seconds: Annotated[int, Field(ge=0, le=3600)] = 20


class Queue(Named):
    """Where contacts wait."""

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
    wrap_up_codes: list[Id] = Field(default=[], max_length=200)


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


class Trunk(Named):
    """Where calls from outside come from."""

    site: Id
    addresses: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F.:]{2,45}(/[0-9]{1,3})?$")]] = Field(default=[], max_length=200)
    numbers: list[Annotated[str, StringConstraints(pattern=r"^\+?[0-9*#]{1,32}$")]] = Field(default=[], max_length=2000)


class User(Shape):
    """A person who signs in; with an extension also an agent, who needs a team. ``password`` is written, never read."""

    username: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    name: Name
    language: Language = "zh-CN"
    roles: list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]] = Field(default=[], max_length=20)
    site: MaybeId = ""
    extension: Extension | Literal[""] = ""
    team: MaybeId = ""
    skills: dict[Id, Level] = {}
    disabled: bool = False
    password: Annotated[str, StringConstraints(min_length=8, max_length=256)] | None = None


class Page(BaseModel):
    """A list; ``next`` is the cursor of the next page, null at the end."""

    items: list[dict[str, Any]]
    next: str | None = None

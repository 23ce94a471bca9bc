"""Calls of agents to agents: no customer, so no contact; each of the two has an assignment, and is offered nothing meanwhile."""

from __future__ import annotations

from typing import ClassVar

from yitong.contact.ledger import Fact
from yitong.contact.messages import Command


class CallInside(Command, frozen=True, tag=True):
    """Call a colleague, by id or by his extension: the caller's own telephone rings first (and answers by itself), then the other one's.

    Answers the caller's assignment. Raises Refused: not_found, no_telephone, wrong_state, agent_unreachable, agent_busy.
    """

    agent: str
    to_agent: str = ""
    number: str = ""


class InsideBegan(Fact, frozen=True):
    """An agent calls a colleague; his own ``device`` rings first on the envelope's connection. ``to_connection``: the id of the other's."""

    TYPE: ClassVar[str] = "acd.inside_began"
    assignment: str
    device: str
    call: str
    to_agent: str
    to_connection: str
    ring_until: int


class AgentOccupied(Fact, frozen=True):
    """Something rings or talks on an agent's telephone that is no offer, assignment or call of the dispatcher's: a conference, a number of
    ours that he called. He is offered nothing meanwhile."""

    TYPE: ClassVar[str] = "acd.agent_occupied"
    device: str


class AgentFreed(Fact, frozen=True):
    """That connection is over."""

    TYPE: ClassVar[str] = "acd.agent_freed"


class InsideWentOut(Fact, frozen=True):
    """The caller's telephone is there, the colleague is rung."""

    TYPE: ClassVar[str] = "acd.inside_went_out"
    assignment: str
    ring_until: int


class InsideOffered(Fact, frozen=True):
    """The colleague (the envelope's agent) is rung on the envelope's connection by whoever has the assignment ``peer``."""

    TYPE: ClassVar[str] = "acd.inside_offered"
    assignment: str
    peer: str
    from_agent: str
    device: str
    ring_until: int


class InsideAnswered(Fact, frozen=True):
    """They talk; told of each of the two."""

    TYPE: ClassVar[str] = "acd.inside_answered"
    assignment: str


class InsideEnded(Fact, frozen=True):
    """It is over; told of each of the two. ``cause``: left (they talked), joined (a telephone gave one of them to somebody else), or
    refused, no_answer, unreachable, cancelled."""

    TYPE: ClassVar[str] = "acd.inside_ended"
    assignment: str

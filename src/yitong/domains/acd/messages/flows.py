"""Agents let contacts into flows: what they ask for, and what the dispatcher tells of it. A *detour* is a flow beside which one waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from yitong.contact.ledger import Fact
from yitong.contact.messages import Command


class ListEntries(Command, frozen=True, tag=True):
    """Into which steps of published flows agents may let contacts. Answers a list of ``{flow, flow_name, step, name, beside, takes,
    returns}``; ``takes`` and ``returns`` are lists of ``{name, label}``."""

    agent: str


class LetIntoFlow(Command, frozen=True, tag=True):
    """Let the contact into a flow at one of its entries, with ``values`` of what the entry takes.

    ``wait``: the agent stays apart until the flow gives the contact back with what it collected; else he is free, and the contact goes on
    from there. Raises Refused: unknown_entry, not_beside, unknown_value.
    """

    agent: str
    assignment: str
    flow: str
    step: str
    values: Mapping[str, str] = {}
    wait: bool = True


class SendInto(Command, frozen=True, tag=True):
    """Send a prompt or a fax document (by its code) into the call, as LetIntoFlow does. Raises Refused: unknown_prompt, unknown_fax."""

    agent: str
    assignment: str
    prompt: str = ""
    fax: str = ""
    wait: bool = True


class TakeBack(Command, frozen=True, tag=True):
    """Take the contact out of the flow before it comes by itself."""

    agent: str
    assignment: str


class DetourBegan(Fact, frozen=True):
    """The agent is about to step aside; the contact enters the flow when he has, or nothing happens after ``until``."""

    TYPE: ClassVar[str] = "acd.detour_began"
    assignment: str
    flow: str
    step: str
    until: int


class DetourEntered(Fact, frozen=True):
    """The agent hears nothing of the customer; the contact is in the flow."""

    TYPE: ClassVar[str] = "acd.detour_entered"
    assignment: str


class DetourEnded(Fact, frozen=True):
    """The agent does not wait any more. ``cause``: returned, taken_back, fault (the contact is his again), failed (it never left him),
    agent_left (it goes on in the flow), transferred, finished, customer_left, agent_lost.

    ``result``: what the flow says; ``resume_until``: his device was lost meanwhile, until then it may come back.
    """

    TYPE: ClassVar[str] = "acd.detour_ended"
    assignment: str
    result: str = ""
    resume_until: int = 0

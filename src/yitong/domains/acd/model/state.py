"""What a snapshot of the dispatcher keeps."""

from __future__ import annotations

import msgspec

from yitong.domains.acd.model.agent import Agent
from yitong.domains.acd.model.queue import Queued
from yitong.domains.acd.model.together import Handover, Outside


class AcdState(msgspec.Struct, kw_only=True):
    """What a snapshot keeps. ``gone``: connections to agents that were given up, with the moment; ``handle``: mean handle seconds by
    queue; ``places``: the virtual arrival of live contacts that have waited and were not served; ``waits``: how long those have waited in
    all (microseconds) that an agent answered."""

    agents: dict[str, Agent] = {}
    queued: dict[str, Queued] = {}
    gone: dict[str, int] = {}
    handle: dict[str, float] = {}
    places: dict[str, int] = {}
    waits: dict[str, int] = {}
    handovers: dict[str, Handover] = {}
    outside: dict[str, Outside] = {}

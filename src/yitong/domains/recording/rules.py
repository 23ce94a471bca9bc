"""Which talks are recorded by rule: a pure function of the rule and the contact's id, so that a restart does not change it."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

Mode = Literal["all", "none", "percent", "on_demand"]
DRAWS = 10_000
LONGEST_PAUSE_SECONDS = 300
"""As the switch has it (``ct.services.PauseRecording``; reliability M10)."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """``none``: not even on demand. ``on_demand``: only so. ``pause_seconds``: the longest pause for card data; 0: there is none."""

    mode: Mode = "all"
    percent: int = 100
    pause_seconds: int = 120


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """``reason``: the mode; of ``percent`` drawn or not_drawn. ``drawn``: -1 where nothing was drawn."""

    recorded: bool
    reason: str
    drawn: int = -1


def draw(contact: str) -> int:
    """A contact's number from 0 to 9999, the same for ever and evenly spread."""
    return int.from_bytes(hashlib.sha256(f"recording/{contact}".encode()).digest()[:8], "big") % DRAWS


def decide(rule: Rule, contact: str) -> Decision:
    """Whether a talk of ``contact`` is recorded under ``rule``."""
    if rule.mode != "percent":
        return Decision(recorded=rule.mode == "all", reason=rule.mode)
    drawn = draw(contact)
    recorded = drawn < rule.percent * DRAWS // 100
    return Decision(recorded=recorded, reason="drawn" if recorded else "not_drawn", drawn=drawn)

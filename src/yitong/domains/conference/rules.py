"""What the keys of a telephone mean in a conference, and who counts as a speaker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from yitong.domains.conference.model import Member
from yitong.flow.numbers import number_prompts

MOST_SPEAKERS = 8
"""As H77 has it; more would not understand each other."""
WRONG_TRIES = 3
GUESSES = 10
GUESSED_WITHIN_US = 3_600_000_000
"""So many callers who gave three wrong PINs within an hour close a room to those who dial in, until the first of them is an hour ago."""


class Act(StrEnum):
    """What a key asks for."""

    ASK = "ask"
    GRANT_NEXT = "grant_next"
    REFUSE_NEXT = "refuse_next"
    LOCK = "lock"
    MUTE_ALL = "mute_all"
    MUTE_SELF = "mute_self"
    RECORD = "record"
    COUNT = "count"
    LEAVE = "leave"
    END = "end"


_EVERYBODY = {"1": Act.ASK, "6": Act.MUTE_SELF, "8": Act.COUNT, "#": Act.LEAVE}
_HOST = {"2": Act.GRANT_NEXT, "3": Act.REFUSE_NEXT, "4": Act.LOCK, "5": Act.MUTE_ALL, "7": Act.RECORD, "9": Act.END}


def act_of(key: str, *, host: bool) -> Act | None:
    """What a member's key means; None: nothing. A host's 9 must come twice (``Member.ending``)."""
    return _EVERYBODY.get(key) or (_HOST.get(key) if host else None)


def shut_until(guesses: Sequence[int], now: int) -> int:
    """Until when a room is closed after callers who guessed at ``guesses`` (ascending); 0: it is not."""
    counted = [at for at in guesses if at + GUESSED_WITHIN_US > now]
    return counted[-GUESSES] + GUESSED_WITHIN_US if len(counted) >= GUESSES else 0


def speakers(members: Iterable[Member]) -> int:
    """How many speakers there are: muted ones keep their place, and so do those who still come."""
    return sum(1 for one in members if one.speaking)


def next_asking(members: Iterable[Member]) -> Member | None:
    """Who has asked to speak for the longest time."""
    return min((one for one in members if one.asked_at), key=lambda one: (one.asked_at, one.id), default=None)


def greeting(others: int, language: str, *, speaking: bool, may_ask: bool) -> list[str]:
    """Prompt codes for somebody who comes in: how many are there, and what he is."""
    count = ["conference.before", *number_prompts(others, language), "conference.after"] if others else ["conference.first"]
    return count if speaking else [*count, "conference.listener_may_ask" if may_ask else "conference.listener"]

"""PlayCollect: keys of one row gathered beside its prompts. Values and ``now`` in, a result out."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

TYPE_AHEAD = 32


class Rules(NamedTuple):
    """What ``MediaCollect`` asks for; times in seconds."""

    minimum: int
    maximum: int
    terminators: str
    first_seconds: float
    between_seconds: float
    barge_in: bool


class Result(NamedTuple):
    """``reason``: digits, terminator, timeout, stopped or prompt_missing."""

    digits: str
    reason: str


class TypeAhead:
    """Keys pressed while nothing collects, at most 32; later ones are lost."""

    def __init__(self) -> None:
        self._keys: deque[str] = deque()

    def add(self, key: str) -> None:
        """Keep a key."""
        if len(self._keys) < TYPE_AHEAD:
            self._keys.append(key)

    def take(self) -> str:
        """All keys kept; the buffer is empty afterwards."""
        keys = "".join(self._keys)
        self._keys.clear()
        return keys

    def put_back(self, keys: str) -> None:
        """Keys that a collection did not need."""
        self._keys.extendleft(reversed(keys))


class Collector:
    """One running collection. After each call look at ``result`` and ``stops_prompts``; ``deadline`` is when to call ``time_out``."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._playing = True
        self.digits = ""
        self.result: Result | None = None
        self.stops_prompts = False
        self.deadline: float | None = None

    def prompts_ended(self, now: float) -> None:
        """The prompts are over (or there were none): the first-digit time begins, unless keys came already."""
        if not self._playing:
            return
        self._playing = False
        if self.result is None:
            self.deadline = now + (self._rules.between_seconds if self.digits else self._rules.first_seconds)

    def press(self, key: str, now: float) -> bool:
        """A key; true when it was used, false when the collection wants none of it (ended already, or no barge-in yet)."""
        if self.result is not None or (self._playing and not self._rules.barge_in):
            return False
        if self._playing:
            self._playing = False
            self.stops_prompts = True
        if key in self._rules.terminators:
            self._finish("terminator")
            return True
        self.digits += key
        if len(self.digits) >= self._rules.maximum:
            self._finish("digits")
        else:
            self.deadline = now + self._rules.between_seconds
        return True

    def time_out(self, now: float) -> None:
        """The deadline may have passed; digits that suffice are a result, fewer a time-out with what there is."""
        if self.result is None and self.deadline is not None and now >= self.deadline:
            enough = bool(self.digits) and len(self.digits) >= self._rules.minimum
            self._finish("digits" if enough else "timeout")

    def stop(self, reason: str = "stopped") -> None:
        """End it from outside."""
        if self.result is None:
            self._finish(reason)

    def _finish(self, reason: str) -> None:
        self.result = Result(self.digits, reason)
        self.deadline = None

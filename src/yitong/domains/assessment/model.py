"""A score sheet as it was when somebody was assessed by it, the marks that were given, and the ways of an assessment."""

from __future__ import annotations

from typing import Literal

import msgspec

CriterionKind = Literal["points", "yes_no", "knock_out"]
State = Literal["draft", "published", "answered", "settled"]
Act = Literal["save", "publish", "answer", "settle", "remove"]


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at. ``points``: 0 to ``points``; ``yes_no``: 0 or 1; ``knock_out``: 0 (failed, and with it everything) or 1.

    ``weight``: how much it counts against the others; a knock-out has none.
    """

    key: str
    kind: CriterionKind
    name: dict[str, str] = {}
    weight: int = 1
    points: int = 5

    @property
    def most(self) -> int:
        """The best mark."""
        return self.points if self.kind == "points" else 1


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """The criteria of one version of a score sheet. ``pass_percent`` 0: nobody passes or fails."""

    id: str
    version: int
    name: dict[str, str] = {}
    criteria: tuple[Criterion, ...] = ()
    pass_percent: int = 0


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The mark of one criterion; ``value`` null: none yet. ``skipped``: there was no occasion for it in this talk, it does not count."""

    key: str
    value: int | None = None
    skipped: bool = False
    note: str = ""


WAYS: dict[State, dict[Act, State | None]] = {
    "draft": {"save": "draft", "publish": "published", "remove": None},
    "published": {"answer": "answered"},
    "answered": {"settle": "settled"},
    "settled": {},
}
"""What may be done to an assessment, and what it is then; None: it is gone. Only a draft is hidden from the agent."""
SHOWN: tuple[State, ...] = ("published", "answered", "settled")
"""States that count, and that the agent sees."""

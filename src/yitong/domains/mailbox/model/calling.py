"""Whom a mailbox may call back: outside numbers of the classes that one of its owners may call, never an emergency number.

Whoever leaves a message chooses the number that is called, and a PIN is guessed sooner than a password: so what no owner may dial at his
desk is not dialled here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from yitong.ct.number_plan import NumberPlan
from yitong.ct.numbering import can_be_dialled


class Calling:
    """Follows the configuration of one tenant."""

    def __init__(self) -> None:
        self._agents: dict[str, frozenset[str]] = {}
        self._plan = NumberPlan()

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """The tenant's country and classes, and what each agent may call. Raises ValueError for a class that does not exist."""
        if kind == "agent":
            self._agents.pop(key, None)
            if value is not None:
                self._agents[key] = frozenset(value.get("may_call") or ())
        self._plan.configure(kind, key, value)

    def may_call(self, number: str, owners: Iterable[str]) -> bool:
        """Whether the number may be called back."""
        kind = self._plan.class_of(number) if can_be_dialled(number) else None
        return kind is not None and any(kind.value in self._agents.get(owner, ()) for owner in owners)

"""A tenant's number plan, followed from its configuration: the classes of its country, its own in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from yitong.ct.numbering import NumberClass, Rules, may_call, number_class, rules_with


class NumberPlan:
    """Follows the configuration of one tenant."""

    def __init__(self) -> None:
        self._country = ""
        self._own: dict[str, tuple[NumberClass, list[str]]] = {}
        self._rules: Rules = rules_with("", {})

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """The tenant's country, and its own classes. Raises ValueError for a class that does not exist."""
        if kind == "tenant" and value is not None:
            self._country = str(value.get("country") or "CN")
        elif kind == "number_class":
            self._own.pop(key, None)
            if value is not None:
                self._own[key] = NumberClass(value["code"]), list(value.get("patterns") or ())
        else:
            return
        self._rules = rules_with(self._country, dict(self._own.values()))

    def class_of(self, number: str) -> NumberClass | None:
        """The class of a number; None when it fits none."""
        return number_class(number, self._rules)

    def may_call(self, number: str, allowed: Iterable[str]) -> bool:
        """Whether somebody with these classes may call the number; emergency and internal numbers everybody."""
        return may_call(number, allowed, self._rules)

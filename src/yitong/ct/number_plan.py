"""A tenant's number plan, followed from its configuration: the classes of its country, its own in their place, other sites' numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from yitong.ct.numbering import NumberClass, Rules, fits, may_call, number_class, plain, rules_with


class NumberPlan:
    """Follows the configuration of one tenant."""

    def __init__(self) -> None:
        self._country = ""
        self._own: dict[str, tuple[NumberClass, list[str]]] = {}
        self._rules: Rules = rules_with("", {})
        self._distant: dict[str, tuple[str, ...]] = {}
        """By link: the numbers of another site of ours."""

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """The tenant's country, its own classes, its links. Raises ValueError for a class that does not exist."""
        if kind == "tenant" and value is not None:
            self._country = str(value.get("country") or "CN")
        elif kind == "number_class":
            self._own.pop(key, None)
            if value is not None:
                self._own[key] = NumberClass(value["code"]), list(value.get("patterns") or ())
        elif kind == "trunk":
            self._distant.pop(key, None)
            if value is not None and value.get("link") and value.get("enabled", True):
                self._distant[key] = tuple(str(one["number"]) for one in value.get("distant") or ())
            return
        else:
            return
        self._rules = rules_with(self._country, dict(self._own.values()))

    def class_of(self, number: str) -> NumberClass | None:
        """The class of a number; None when it fits none. Those of other sites of ours are internal."""
        kind = number_class(number, self._rules)
        return NumberClass.INTERNAL if kind is not NumberClass.EMERGENCY and self.is_distant(number) else kind

    def is_distant(self, number: str) -> bool:
        """Whether a number is one of another site of ours."""
        number = plain(number)
        return any(fits(pattern, number) for patterns in self._distant.values() for pattern in patterns)

    def may_call(self, number: str, allowed: Iterable[str]) -> bool:
        """Whether somebody with these classes may call the number; emergency and internal numbers everybody."""
        return self.class_of(number) is NumberClass.INTERNAL or may_call(number, allowed, self._rules)

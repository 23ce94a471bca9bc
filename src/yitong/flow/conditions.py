"""Conditions and values in flows are CEL (common expression language): no side effects, no loops, bounded work."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cel

LONGEST = 1_000


class BadExpression(ValueError):
    """An expression that is not CEL."""


@lru_cache(maxsize=4_096)
def compiled(expression: str) -> cel.Program:
    """The program of ``expression``. Raises BadExpression."""
    if len(expression) > LONGEST:
        raise BadExpression(f"longer than {LONGEST} characters")
    try:
        return cel.compile(expression)
    except ValueError as error:
        raise BadExpression(str(error).splitlines()[0]) from error


def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
    """The value of ``expression``; None when it asks for a name that is not there or compares what cannot be compared."""
    try:
        return compiled(expression).execute(dict(values))
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError):
        return None


def holds(expression: str, values: Mapping[str, Any]) -> bool:
    """Whether the condition is true; an error counts as not."""
    return evaluate(expression, values) is True

"""Conditions and values in flows are CEL (common expression language): no side effects, no loops, bounded work."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

# The package imports its command line (rich, prompt-toolkit, typer: a quarter of a second of CPU) when it is imported. Every process that
# restarts after a crash would pay for it, so it finds an empty module in its place; whoever wants the command line still gets it later.
_COMMAND_LINE = "cel.cli"
_stands_in = _COMMAND_LINE not in sys.modules
if _stands_in:
    sys.modules[_COMMAND_LINE] = ModuleType(_COMMAND_LINE)
import cel  # noqa: E402

if _stands_in:
    del sys.modules[_COMMAND_LINE]

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

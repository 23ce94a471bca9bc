"""Texts with call data: ``{expression}`` stands for the value of a CEL expression. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from yitong.flow import conditions

_PLACEHOLDER = re.compile(r"\{([^{}\n]{1,300})\}")


def expressions(text: str) -> list[str]:
    """What a text names."""
    return [found.strip() for found in _PLACEHOLDER.findall(text)]


def rendered(text: str, values: Mapping[str, Any]) -> str:
    """The text with the values of its expressions; what is not known is empty."""

    def value(found: re.Match[str]) -> str:
        said = conditions.evaluate(found[1].strip(), values)
        return "" if said is None else str(said)

    return _PLACEHOLDER.sub(value, text)

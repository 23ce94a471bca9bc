"""Connections to operators' message centres as configured, the templates, and whom one may text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from yitong.ct.number_plan import NumberPlan
from yitong.ct.numbering import can_be_dialled


class TextLine(msgspec.Struct, frozen=True, kw_only=True):
    """What core knows of a connection (config kind ``text_line``): whether it may be used, and for which classes of numbers."""

    code: str
    enabled: bool = True
    classes: tuple[str, ...] = ("mobile",)


class TextTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A text that agents may send, by language; ``{expression}`` stands for call data."""

    code: str
    name: dict[str, str]
    texts: dict[str, str]


class Texting:
    """What a tenant may text, followed from its configuration."""

    def __init__(self) -> None:
        self._lines: dict[str, TextLine] = {}
        self._templates: dict[str, TextTemplate] = {}
        self._plan = NumberPlan()

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """A connection, a template, or a part of the number plan came, changed or went (None)."""
        if kind == "text_line":
            self._lines.pop(key, None)
            if value is not None:
                self._lines[key] = msgspec.convert(value, TextLine)
        elif kind == "text_template":
            self._templates.pop(key, None)
            if value is not None:
                self._templates[key] = msgspec.convert(value, TextTemplate)
        else:
            self._plan.configure(kind, key, value)

    @property
    def lines(self) -> Iterator[TextLine]:
        """Those that may be used."""
        return (line for line in self._lines.values() if line.enabled)

    def template(self, named: str) -> TextTemplate | None:
        """By id or code."""
        found = self._templates.get(named)
        return found or next((one for one in self._templates.values() if one.code == named), None)

    def may_text(self, number: str) -> bool:
        """Whether a connection takes numbers of this one's class; never an emergency number."""
        kind = self._plan.class_of(number) if can_be_dialled(number) else None
        return kind is not None and any(kind.value in line.classes for line in self.lines)

"""From what a flow says to the files that are played: prompts by code and language, spoken text, spoken numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from yitong.ct.model import Prompt
from yitong.flow import conditions
from yitong.flow.numbers import digits_prompts, number_prompts


def _object(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [name], "additionalProperties": False, "properties": {name: schema}}


_EXPRESSION = {"type": "string", "minLength": 1, "maxLength": conditions.LONGEST}
TEXTS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 1_000},
}
PIECE_SCHEMA: Mapping[str, Any] = {
    "oneOf": [
        {"type": "string", "minLength": 1, "maxLength": 80, "description": "a prompt's code"},
        _object("text", dict(TEXTS_SCHEMA)),
        _object("number", _EXPRESSION),
        _object("digits", _EXPRESSION),
        _object("silence_ms", {"type": "integer", "minimum": 10, "maximum": 10_000}),
    ]
}
PIECES_SCHEMA: Mapping[str, Any] = {"type": "array", "maxItems": 40, "items": PIECE_SCHEMA}


def speech_code(text: str, language: str) -> str:
    """The prompt code under which rendered speech is cached."""
    return "say." + hashlib.sha256(f"{language}\n{text}".encode()).hexdigest()[:24]


class Library:
    """The prompts of one tenant: code and language to file. Fallback: the tenant's language, then any."""

    def __init__(self, language: str = "zh-CN") -> None:
        self.language = language
        self._files: dict[str, dict[str, str]] = {}

    def put(self, code: str, language: str, file: str) -> None:
        self._files.setdefault(code, {})[language] = file

    def drop(self, code: str, language: str) -> None:
        self._files.get(code, {}).pop(language, None)

    def find(self, code: str, language: str) -> Prompt | None:
        """The prompt ``code`` in ``language`` or the next best; None when there is none in any."""
        files = self._files.get(code)
        if not files:
            return None
        return Prompt(file=files.get(language) or files.get(self.language) or next(iter(files.values())))

    def resolve(self, pieces: Iterable[Any], language: str, values: Mapping[str, Any]) -> tuple[Prompt, ...]:
        """The play list of ``pieces`` (see ``PIECE_SCHEMA``); a prompt that is missing is left out rather than ending the call."""
        found: list[Prompt] = []
        for piece in pieces:
            if isinstance(piece, Mapping) and "silence_ms" in piece:
                found.append(Prompt(silence_ms=piece["silence_ms"]))
                continue
            prompts = (self.find(code, language) for code in _codes(piece, language, self.language, values))
            found += [prompt for prompt in prompts if prompt is not None]
        return tuple(found)

    def number(self, value: int, language: str) -> tuple[Prompt, ...]:
        """``value`` spoken as a number."""
        return self.resolve(number_prompts(value, language), language, {})


def _codes(piece: Any, language: str, fallback: str, values: Mapping[str, Any]) -> list[str]:
    if isinstance(piece, str):
        return [piece]
    if "text" in piece:
        chosen = language if language in piece["text"] else fallback
        text = piece["text"].get(chosen)
        return [speech_code(text, chosen)] if text else []
    if "number" in piece:
        value = conditions.evaluate(piece["number"], values)
        return number_prompts(int(value), language) if isinstance(value, (int, float)) and not isinstance(value, bool) else []
    value = conditions.evaluate(piece["digits"], values)
    return digits_prompts(str(value)) if value is not None else []

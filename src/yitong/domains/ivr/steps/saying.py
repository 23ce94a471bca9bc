"""«say»: a text, as speech. Without call data it was rendered when the flow was published; with call data a worker speaks it now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yitong.contact.bus import Unit
from yitong.ct.events import CtEvent, DigitPressed, Played, ServiceFailed
from yitong.ct.services import Play
from yitong.flow.asking import check_expression, check_pieces
from yitong.flow.messages import Speak
from yitong.flow.prompts import PIECES_SCHEMA, TEXTS_SCHEMA, Library
from yitong.flow.step import Place, Problem
from yitong.flow.wording import expressions, rendered

LONGEST = 1_000
"""Characters of a text with its values."""


class SayStep:
    """``text`` by language, with ``{expressions}`` for call data; ``otherwise``: prompts for when that cannot be spoken.

    A key stops it at once unless ``barge_in`` is false, and counts for the menu that follows (type-ahead).
    """

    kind = "say"
    repeats = True
    schema: Mapping[str, Any] = {
        "required": ["text"],
        "properties": {"text": TEXTS_SCHEMA, "otherwise": PIECES_SCHEMA, "barge_in": {"type": "boolean"}},
    }

    def __init__(self, library: Library) -> None:
        self._library = library

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset()

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        """As of prompts; and with call data there must be something to play where no engine, or none that knows a name, speaks it."""
        problems = check_pieces(step, parameters.get("otherwise", ()), knowledge)
        fixed = {language: text for language, text in parameters["text"].items() if not expressions(text)}
        if fixed:
            problems += check_pieces(step, [{"text": fixed}], knowledge)
        given = {one: None for text in parameters["text"].values() for one in expressions(text)}
        problems += [problem for expression in given for problem in check_expression(step, expression)]
        if given and not parameters.get("otherwise"):
            problems.append(Problem(step=step, code="flow.nothing_otherwise" if knowledge.speech else "flow.no_live_speech"))
        return problems

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        texts, values = parameters["text"], place.values
        language = place.language if place.language in texts else self._library.language
        wording = texts.get(language, "")
        if expressions(wording):
            self._speak(place, rendered(wording, values)[:LONGEST], language, parameters, unit)
            return None
        prompts = self._library.resolve([{"text": texts}], place.language, values)
        if not prompts:
            return "done"
        service = Play(id=unit.new_id(), tenant=place.tenant, connection=place.connection, prompts=prompts)
        place.wait_for(service.id)
        unit.ask(service)
        return None

    def _speak(self, place: Place, text: str, language: str, parameters: Mapping[str, Any], unit: Unit) -> None:
        otherwise = self._library.resolve(parameters.get("otherwise", ()), place.language, place.values)
        service = unit.new_id()
        place.wait_for(service)
        unit.inquire(Speak(
            contact=place.contact, service=service, connection=place.connection, text=text, language=language, otherwise=otherwise,
        ))  # fmt: skip

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        if isinstance(event, DigitPressed) and parameters.get("barge_in", True):
            return "done"
        return "done" if isinstance(event, Played | ServiceFailed) and event.service == place.waiting else None

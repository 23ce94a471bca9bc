"""What steps that ask share: prompts, a PlayCollect, tries for time-outs and wrong keys, and the checks of prompts and expressions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from yitong.contact.bus import Unit
from yitong.ct.events import Collected, CtEvent, ServiceFailed
from yitong.ct.services import Collect
from yitong.flow import conditions
from yitong.flow.checker import Knowledge
from yitong.flow.definition import HELP
from yitong.flow.messages import StepRetried
from yitong.flow.prompts import PIECES_SCHEMA, Library, speech_code
from yitong.flow.step import Place, Problem
from yitong.flow.wording import expressions

SECONDS = {"type": "number", "minimum": 0.5, "maximum": 120}


def check_pieces(step: str, pieces: Iterable[Any], knowledge: Knowledge) -> list[Problem]:
    """Prompts that do not exist, speech that cannot be rendered, expressions that are not CEL."""
    problems: list[Problem] = []
    for piece in pieces:
        if isinstance(piece, str):
            missing = knowledge.languages - knowledge.prompts.get(piece, frozenset())
            problems += [
                Problem(step=step, code="flow.no_prompt", parameters={"prompt": piece, "language": language})
                for language in sorted(missing)
            ]
        elif "text" in piece and any(expressions(text) for text in piece["text"].values()):
            problems.append(Problem(step=step, code="flow.call_data_in_prompt"))
        elif "text" in piece and not knowledge.speech:
            unspoken = [language for language, text in piece["text"].items() if speech_code(text, language) not in knowledge.prompts]
            problems += [Problem(step=step, code="flow.no_speech", parameters={"language": language}) for language in unspoken]
        else:
            problems += [problem for key in ("number", "digits") if key in piece for problem in check_expression(step, piece[key])]
    return problems


def check_expression(step: str, expression: str) -> list[Problem]:
    """A problem when ``expression`` is not CEL."""
    try:
        conditions.compiled(expression)
    except conditions.BadExpression as error:
        return [Problem(step=step, code="flow.bad_expression", parameters={"expression": expression, "message": str(error)})]
    return []


class AskStep(ABC):
    """What «menu», «collect» and «survey» share: prompts, a PlayCollect, tries for time-outs and wrong keys."""

    repeats = True

    def __init__(self, library: Library) -> None:
        self._library = library

    def limits(self, parameters: Mapping[str, Any]) -> tuple[int, int, str]:
        """Fewest and most digits, terminators."""
        return 1, 1, ""

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        pieces = [*parameters["prompts"], *parameters.get("wrong_prompts", ()), *parameters.get("timeout_prompts", ())]
        return check_pieces(step, pieces, knowledge)

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        self._ask(place, parameters, list(parameters["prompts"]), unit)
        return None

    def _ask(self, place: Place, parameters: Mapping[str, Any], pieces: list[Any], unit: Unit) -> None:
        minimum, maximum, terminators = self.limits(parameters)
        service = Collect(
            id=unit.new_id(), tenant=place.tenant, connection=place.connection,
            prompts=self._library.resolve(pieces, place.language, place.values),
            minimum=minimum, maximum=maximum, terminators=terminators,
            first_seconds=parameters.get("first_seconds", 5.0), between_seconds=parameters.get("between_seconds", 3.0),
        )  # fmt: skip
        place.wait_for(service.id)
        unit.ask(service)

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        if isinstance(event, ServiceFailed) and event.service == place.waiting:
            return "timeout"
        if not isinstance(event, Collected) or event.service != place.waiting or event.reason == "stopped":
            return None
        if place.help_key and event.digits == place.help_key:
            return HELP
        return self.pressed(place, parameters, event.digits, unit)

    @abstractmethod
    def pressed(self, place: Place, parameters: Mapping[str, Any], digits: str, unit: Unit) -> str | None:
        """What ``digits`` (empty after a time-out) mean to this kind: an outcome, or None when it asked again."""

    def again(self, place: Place, parameters: Mapping[str, Any], reason: str, keys: str, unit: Unit) -> str | None:
        """Ask once more while tries are left; otherwise the outcome ``reason``."""
        if place.attempt >= parameters.get("tries", 3):
            return reason
        unit.tell(StepRetried(contact=place.contact, step=place.step, reason=reason, attempt=place.attempt + 1, keys=keys))
        self._ask(place, parameters, [*parameters.get(f"{reason}_prompts", ()), *parameters["prompts"]], unit)
        return None


ASK_PROPERTIES: Mapping[str, Any] = {
    "prompts": PIECES_SCHEMA,
    "wrong_prompts": PIECES_SCHEMA,
    "timeout_prompts": PIECES_SCHEMA,
    "first_seconds": SECONDS,
    "between_seconds": SECONDS,
    "tries": {"type": "integer", "minimum": 1, "maximum": 10},
}

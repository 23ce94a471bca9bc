"""«survey»: asks the caller, after the agent hung up, how satisfied he was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yitong.contact.bus import Unit
from yitong.domains.survey.messages import SurveyAnswered, SurveyAsked
from yitong.flow.asking import ASK_PROPERTIES, AskStep
from yitong.flow.step import Place


class SurveyStep(AskStep):
    """One key on a scale; ``answers`` maps keys to values (default 1, 2, 3). Outcomes: answered, none (no or no valid key)."""

    kind = "survey"
    schema: Mapping[str, Any] = {
        "required": ["prompts"],
        "properties": {
            **ASK_PROPERTIES,
            "survey": {"type": "string", "maxLength": 40},
            "answers": {"type": "object", "minProperties": 1, "maxProperties": 10,
                        "propertyNames": {"pattern": "^[0-9]$"}, "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 10}},
        },
    }  # fmt: skip

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"answered", "none"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"answered"})

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        served = place.values.get("served")
        if not served:
            return "none"
        unit.tell(SurveyAsked(contact=place.contact, survey=parameters.get("survey", "satisfaction"), **served))
        return super().enter(place, parameters, unit)

    def pressed(self, place: Place, parameters: Mapping[str, Any], digits: str, unit: Unit) -> str | None:
        answers = parameters.get("answers", {"1": 1, "2": 2, "3": 3})
        if digits not in answers:
            ended = self.again(place, parameters, "wrong" if digits else "timeout", digits, unit)
            return "none" if ended else None
        served = place.values.get("served", {})
        unit.tell(SurveyAnswered(contact=place.contact, survey=parameters.get("survey", "satisfaction"), answer=answers[digits], **served))
        return "answered"

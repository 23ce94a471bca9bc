"""The steps that speak and listen, and those that decide without the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from yitong.contact.bus import Unit
from yitong.contact.messages import AttributeSet
from yitong.ct.events import CtEvent, DigitPressed, Played, ServiceFailed
from yitong.ct.services import Clear, Play
from yitong.domains.ivr.rules import DAYS, is_open
from yitong.domains.ivr.steps.outside import ClassifyStep as ClassifyStep
from yitong.domains.ivr.steps.outside import TransferStep as TransferStep
from yitong.domains.ivr.steps.saying import SayStep as SayStep
from yitong.domains.recording.messages import PauseForStep
from yitong.flow import conditions
from yitong.flow.asking import ASK_PROPERTIES, AskStep, check_expression, check_pieces
from yitong.flow.definition import BACK, NAMES
from yitong.flow.prompts import PIECES_SCHEMA, Library
from yitong.flow.step import Place, Problem

EXPRESSION = {"type": "string", "minLength": 1, "maxLength": conditions.LONGEST}
VARIABLE = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"}
BRANCH = {
    "type": "object",
    "required": ["if", "then"],
    "additionalProperties": False,
    "properties": {"if": EXPRESSION, "then": VARIABLE},
}
NOTHING: frozenset[str] = frozenset()


class PlayStep:
    """«play»: prompts, one after the other.

    A key stops it at once unless ``barge_in`` is false, and counts for the menu that follows (type-ahead).
    """

    kind = "play"
    repeats = True
    schema: Mapping[str, Any] = {
        "required": ["prompts"],
        "properties": {"prompts": PIECES_SCHEMA, "barge_in": {"type": "boolean"}},
    }

    def __init__(self, library: Library) -> None:
        self._library = library

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return NOTHING

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        return check_pieces(step, parameters["prompts"], knowledge)

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        prompts = self._library.resolve(parameters["prompts"], place.language, place.values)
        if not prompts:
            return "done"
        service = Play(id=unit.new_id(), tenant=place.tenant, connection=place.connection, prompts=prompts)
        place.wait_for(service.id)
        unit.ask(service)
        return None

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        if isinstance(event, DigitPressed) and parameters.get("barge_in", True):
            return "done"
        return "done" if isinstance(event, Played | ServiceFailed) and event.service == place.waiting else None


class MenuStep(AskStep):
    """«menu»: one key; each key of ``keys`` is an outcome, besides timeout and wrong.

    ``names``: what a key means, per language; the agent reads it who is given the caller.
    """

    kind = "menu"
    schema: Mapping[str, Any] = {
        "required": ["prompts", "keys"],
        "properties": {**ASK_PROPERTIES, "keys": {
            "type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string", "pattern": "^[0-9*#]$"}},
            "names": {"type": "object", "propertyNames": {"pattern": "^[0-9*#]$"}, "additionalProperties": NAMES}},
    }  # fmt: skip

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return self.chosen(parameters) | {"timeout", "wrong"}

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(parameters["keys"])

    def pressed(self, place: Place, parameters: Mapping[str, Any], digits: str, unit: Unit) -> str | None:
        if digits in parameters["keys"]:
            return digits
        return self.again(place, parameters, "wrong" if digits else "timeout", digits, unit)


class CollectStep(AskStep):
    """«collect»: digits into a variable; personal unless ``personal`` is false, so kept apart from the ledger; ``secret``: kept nowhere."""

    kind = "collect"
    schema: Mapping[str, Any] = {
        "required": ["prompts", "name", "maximum"],
        "properties": {
            **ASK_PROPERTIES, "name": VARIABLE, "personal": {"type": "boolean"}, "secret": {"type": "boolean"},
            "minimum": {"type": "integer", "minimum": 1, "maximum": 64}, "maximum": {"type": "integer", "minimum": 1, "maximum": 64},
            "terminators": {"type": "string", "pattern": "^[0-9*#]{0,4}$"},
        },
    }  # fmt: skip

    def limits(self, parameters: Mapping[str, Any]) -> tuple[int, int, str]:
        return parameters.get("minimum", 1), parameters["maximum"], parameters.get("terminators", "#")

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done", "timeout", "wrong"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done"})

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        problems = super().check(step, parameters, knowledge)
        if parameters.get("minimum", 1) > parameters["maximum"]:
            problems.append(Problem(step=step, code="flow.minimum_above_maximum"))
        return problems

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        """What is secret gets into no recording either, until the step is left."""
        if parameters.get("secret"):
            unit.obey(PauseForStep(contact=place.contact, step=place.step))
        return super().enter(place, parameters, unit)

    def pressed(self, place: Place, parameters: Mapping[str, Any], digits: str, unit: Unit) -> str | None:
        if not digits:
            return self.again(place, parameters, "timeout", "", unit)
        if len(digits) < parameters.get("minimum", 1):
            return self.again(place, parameters, "wrong", "", unit)
        if parameters.get("secret"):
            place.keep_secret(parameters["name"], digits)
            unit.tell(AttributeSet(contact=place.contact, name=parameters["name"], secret=True))
        elif parameters.get("personal", True):
            kept = unit.keep(place.tenant, "digits", digits, place.contact)
            unit.tell(AttributeSet(contact=place.contact, name=parameters["name"], personal=kept))
        else:
            unit.tell(AttributeSet(contact=place.contact, name=parameters["name"], value=digits))
        return "done"


class ConditionStep:
    """«condition»: the first CEL expression of ``when`` that holds gives the outcome ``then``; else «else»."""

    kind = "condition"
    repeats = False
    schema: Mapping[str, Any] = {
        "required": ["when"],
        "properties": {"when": {"type": "array", "minItems": 1, "maxItems": 50, "items": BRANCH}},
    }

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(str(branch["then"]) for branch in parameters["when"]) | {"else"}

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return NOTHING

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        return [problem for branch in parameters["when"] for problem in check_expression(step, branch["if"])]

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        values = place.values
        return next((str(branch["then"]) for branch in parameters["when"] if conditions.holds(branch["if"], values)), "else")

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        return None


class HoursStep:
    """«hours»: open or closed, by the week, holidays and working days of a zone."""

    kind = "hours"
    repeats = False
    schema: Mapping[str, Any] = {
        "required": ["zone", "open"],
        "properties": {
            "zone": {"type": "string", "maxLength": 60},
            "open": {"type": "array", "maxItems": 50, "items": {
                "type": "object", "required": ["days", "from", "to"], "additionalProperties": False, "properties": {
                    "days": {"type": "array", "minItems": 1, "items": {"enum": list(DAYS)}},
                    "from": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
                    "to": {"type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"}}}},
            "holidays": {"type": "array", "maxItems": 400, "items": {"type": "string", "format": "date"}},
            "working_days": {"type": "array", "maxItems": 400, "items": {"type": "string", "format": "date"}},
        },
    }  # fmt: skip

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"open", "closed"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return NOTHING

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        known = parameters["zone"] in available_timezones()
        return [] if known else [Problem(step=step, code="flow.unknown_zone", parameters={"zone": parameters["zone"]})]

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        holidays, extra = parameters.get("holidays", ()), parameters.get("working_days", ())
        return "open" if is_open(unit.now, ZoneInfo(parameters["zone"]).key, parameters["open"], holidays, extra) else "closed"

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        return None


class SetStep:
    """«set»: variables from CEL expressions. ``language`` changes the language of the prompts that follow."""

    kind = "set"
    repeats = False
    schema: Mapping[str, Any] = {
        "required": ["values"],
        "properties": {
            "values": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 50,
                "propertyNames": VARIABLE,
                "additionalProperties": EXPRESSION,
            }
        },
    }

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return NOTHING

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        return [problem for expression in parameters["values"].values() for problem in check_expression(step, expression)]

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        values = place.values
        for name, expression in parameters["values"].items():
            value = conditions.evaluate(expression, values)
            kept = unit.keep(place.tenant, "value", str(value), place.contact) if _may_be_personal(expression) and value is not None else ""
            unit.tell(AttributeSet(contact=place.contact, name=name, value="" if kept or value is None else str(value), personal=kept))
        return "done"

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        return None


def _may_be_personal(expression: str) -> bool:
    """A value made of anything but constants may carry what the caller gave or what we know of him."""
    return any(word in expression for word in ("customer", "vars", "contact.calling"))


class ReturnStep:
    """«return»: back to the agent who waits, or to where the contact stood before; «nowhere» when it came from nowhere.

    ``result`` is shown to the agent: done, failed.
    """

    kind = "return"
    repeats = False
    schema: Mapping[str, Any] = {"properties": {"result": VARIABLE}}

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"nowhere"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return NOTHING

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        return []

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        return BACK if place.way_back else "nowhere"

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        return None


class HangUpStep:
    """«hang_up»: the end of a flow; the caller is released."""

    kind = "hang_up"
    repeats = True
    schema: Mapping[str, Any] = {"properties": {}}

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return NOTHING

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return NOTHING

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        return []

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        unit.ask(Clear(id=unit.new_id(), tenant=place.tenant, connection=place.connection))
        return None

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        return None

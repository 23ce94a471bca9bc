"""«send_text»: a text message to whoever calls, or to a number that was collected: today's pager. The caller does not wait for its fate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yitong.contact.bus import Refused, Unit
from yitong.ct.events import CtEvent
from yitong.ct.numbering import plain
from yitong.domains.messaging import rules
from yitong.domains.messaging.messages import LASTING_SECONDS, SendText
from yitong.domains.messaging.service import TextOrders
from yitong.flow import conditions
from yitong.flow.asking import check_expression
from yitong.flow.step import Place, Problem
from yitong.flow.wording import expressions, rendered

_TEXTS: Mapping[str, Any] = {
    "type": "object", "minProperties": 1, "additionalProperties": False,
    "properties": {language: {"type": "string", "minLength": 1, "maxLength": rules.LONGEST} for language in ("zh-CN", "en")},
}  # fmt: skip


class SendTextStep:
    """``text`` by language, with ``{expressions}`` for call data; ``to``: an expression that gives the number, the caller's without it.

    Outcomes: ``done`` (it is on its way) and ``failed`` (no connection, or a number of a class that none takes).
    """

    kind = "send_text"
    repeats = False
    schema: Mapping[str, Any] = {
        "required": ["text"],
        "properties": {
            "text": _TEXTS, "to": {"type": "string", "minLength": 1, "maxLength": 500},
            "lasting_seconds": {"type": "integer", "minimum": 60, "maximum": 172_800},
        },
    }  # fmt: skip

    def __init__(self, orders: TextOrders) -> None:
        self._orders = orders

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done", "failed"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset()

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        given = [parameters["to"]] if "to" in parameters else []
        given += [one for text in parameters["text"].values() for one in expressions(text)]
        problems = [problem for expression in given for problem in check_expression(step, expression)]
        if not knowledge.text_lines:
            problems.append(Problem(step=step, code="flow.no_text_line"))
        return problems

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        values = place.values
        to = parameters.get("to", "contact.calling")
        said = conditions.evaluate(to, values)
        try:
            self._orders.send(
                SendText(
                    recipient=plain(str(said)) if said is not None else "", source="flow", contact=place.contact,
                    body=rendered(rules.in_language(parameters["text"], place.language), values),
                    lasting_seconds=parameters.get("lasting_seconds", LASTING_SECONDS),
                ), unit,
            )  # fmt: skip
        except Refused:
            return "failed"
        return "done"

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        return None

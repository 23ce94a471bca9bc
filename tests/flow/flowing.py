"""What the flow tests share: a bus with the runner on it, one contact, and a switch that only notes what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yitong.contact.bus import Bus, Unit
from yitong.contact.ledger import Fact
from yitong.contact.messages import AttributeSet, Question
from yitong.ct.events import AnyEvent
from yitong.ct.services import AnyService
from yitong.domains.ivr.steps import (
    ClassifyStep,
    CollectStep,
    ConditionStep,
    HangUpStep,
    HoursStep,
    MenuStep,
    PlayStep,
    ReturnStep,
    SayStep,
    SetStep,
    TransferStep,
)
from yitong.domains.survey.steps import SurveyStep
from yitong.flow.definition import Kinds
from yitong.flow.prompts import Library
from yitong.flow.runner import Runner
from yitong.kit.ids import CountedIds

CODES = (
    "welcome",
    "menu",
    "information",
    "survey",
    "thanks",
    "goodbye",
    "wrong_key",
    "no_key",
    "all_busy",
    "closed",
    *(f"number.{n}" for n in range(10)),
)


def library() -> Library:
    found = Library()
    for code in CODES:
        for language in ("zh-CN", "en"):
            found.put(code, language, f"demo/{language}/{code}.wav")
    return found


def kinds(prompts: Library) -> Kinds:
    return Kinds(
        PlayStep(prompts), SayStep(prompts), MenuStep(prompts), CollectStep(prompts), ConditionStep(), HoursStep(), SetStep(),
        TransferStep(), ClassifyStep(), ReturnStep(), HangUpStep(), SurveyStep(prompts),
    )  # fmt: skip


@dataclass
class Caller:
    id: str = "c1"
    connection: str = "leg1"
    call: str = "call1"
    language: str = "zh-CN"
    attributes: dict[str, Any] = field(default_factory=dict)
    served: dict[str, str] = field(default_factory=dict)

    def values(self) -> Mapping[str, Any]:
        values: dict[str, Any] = {"contact": {"number": "96900", "calling": "13800138000"}, "vars": dict(self.attributes), "customer": {}}
        return {**values, "served": self.served} if self.served else values


class World:
    """One caller in one flow. ``facts`` and ``asked`` collect over all decisions."""

    def __init__(self, document: dict[str, Any], caller: Caller | None = None, now: int = 1_790_000_000_000_000) -> None:
        self.bus = Bus()
        self.caller = caller or Caller()
        self.now = now
        self.ids = CountedIds()
        self.facts: list[Fact] = []
        self.asked: list[AnyService] = []
        self.questions: list[Question] = []
        self.runner = Runner(self.bus, self, kinds(library()), tenant="t", site="s")
        self.bus.applies(AttributeSet, self._attribute)
        self.runner.publish("f", 1, document)
        self.decide(lambda unit: self.runner.start(self.caller.id, "f", unit))

    def get(self, contact: str) -> Caller | None:
        return self.caller if contact == self.caller.id else None

    def of_connection(self, connection: str) -> Caller | None:
        return self.caller if connection == self.caller.connection else None

    def _attribute(self, fact: AttributeSet, at: int) -> None:
        self.caller.attributes[fact.name] = fact.value or fact.personal

    def decide(self, act: Any) -> None:
        unit = Unit(self.bus, self.now, self.ids)
        act(unit)
        self.facts += unit.facts
        self.asked += unit.services
        self.questions += unit.questions

    def tell(self, event: AnyEvent) -> None:
        self.decide(lambda unit: self.bus.hear(event, unit))

    @property
    def last(self) -> Any:
        return self.asked[-1]

    def told(self, kind: type[Fact]) -> list[Any]:
        return [fact for fact in self.facts if type(fact) is kind]

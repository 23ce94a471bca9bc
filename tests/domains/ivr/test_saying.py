"""«say» with call data: asked for, played when it comes, and what stands in its place when it does not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.flow.flowing import Caller, World, kinds, library

from yitong.ct.events import DigitPressed, Played
from yitong.ct.model import Prompt
from yitong.ct.services import Clear, Play
from yitong.domains.ivr.service import Speaking
from yitong.flow.checker import Knowledge, check
from yitong.flow.messages import Speak

TEXT = {"zh-CN": "您的订单{vars.order}已发货", "en": "Your order {vars.order} is on its way"}


def flow(text: dict[str, str] = TEXT, **more: Any) -> dict[str, Any]:
    return {
        "schema_version": 1, "name": {"en": "Orders"}, "start": "told",
        "steps": {"told": {"kind": "say", "text": text, "next": {"done": "end"}, **more}, "end": {"kind": "hang_up"}},
    }  # fmt: skip


def told(language: str = "zh-CN", **more: Any) -> tuple[World, Speak]:
    """A caller in that step, and what was asked for him."""
    world = World(flow(**more), Caller(language=language, attributes={"order": "2048"}))
    Speaking(world.bus, world.runner, tenant="t")
    (asked,) = world.questions
    assert isinstance(asked, Speak)
    assert world.asked == [], "nothing is played before it is spoken"
    return world, asked


def answer(world: World, asked: Speak, file: str) -> None:
    world.decide(lambda unit: world.bus.answered(asked, file, unit))


@pytest.mark.parametrize(("language", "sentence"), [("zh-CN", "您的订单2048已发货"), ("en", "Your order 2048 is on its way")])
def test_the_values_are_spoken_in_the_callers_language(language: str, sentence: str) -> None:
    world, asked = told(language)
    assert (asked.text, asked.language) == (sentence, language)
    answer(world, asked, "t/spoken/1.wav")
    assert world.last == Play(id=asked.service, tenant="t", connection="leg1", prompts=(Prompt(file="t/spoken/1.wav"),))
    world.tell(Played(connection="leg1", call="call1", service=asked.service, completed=True))
    assert isinstance(world.last, Clear)
    assert not any("2048" in str(fact) for fact in world.facts), "no call data in the ledger"


def test_what_cannot_be_spoken_has_something_in_its_place() -> None:
    world, asked = told(otherwise=["information"])
    answer(world, asked, "")
    assert world.last.prompts == (Prompt(file="demo/zh-CN/information.wav"),)
    world.tell(Played(connection="leg1", call="call1", service=asked.service, completed=True))
    assert isinstance(world.last, Clear)


def test_with_nothing_in_its_place_the_flow_goes_on() -> None:
    world, asked = told()
    answer(world, asked, "")
    assert isinstance(world.last, Clear)


def test_who_pressed_a_key_meanwhile_does_not_hear_it() -> None:
    world, asked = told()
    world.tell(DigitPressed(connection="leg1", call="call1", digit="1"))
    before = list(world.asked)
    answer(world, asked, "t/spoken/1.wav")
    assert world.asked == before


@pytest.mark.parametrize(
    ("step", "speech", "codes"),
    [
        (flow(otherwise=["information"]), False, []),
        (flow(otherwise=["nowhere"]), True, ["flow.no_prompt"]),
        (flow(), True, ["flow.nothing_otherwise"]),
        (flow(), False, ["flow.no_live_speech"]),
        (flow({"zh-CN": "{1 +}"}, otherwise=["information"]), True, ["flow.bad_expression"]),
        (flow({"zh-CN": "您好"}), False, ["flow.no_speech"]),
    ],
)
def test_what_is_missing_is_named(step: dict[str, Any], speech: bool, codes: list[str]) -> None:
    known = kinds(library())
    document, problems = known.parse(step)
    assert document is not None, problems
    knowledge = Knowledge(prompts={"information": frozenset({"zh-CN", "en"})}, speech=speech)
    assert [problem.code for problem in check(document, known, knowledge)] == codes

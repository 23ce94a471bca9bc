"""The runner and the steps: what is asked of the switch, what becomes true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.flow.flowing import Caller, World, kinds, library

from yitong.contact.messages import AttributeSet, ContactEnded
from yitong.ct.events import Collected, DigitPressed, Played, ServiceFailed
from yitong.ct.services import Clear, Collect, Play, Route
from yitong.domains.survey.messages import SurveyAnswered, SurveyAsked
from yitong.flow.messages import FlowEnded, StepEntered, StepLeft, StepRetried

HOTLINE = json.loads((Path(__file__).parents[2] / "packs/demo/flows/hotline.json").read_text())


def played(world: World) -> None:
    world.tell(Played(call="call1", connection="leg1", service=world.last.id, completed=True))


def collected(world: World, digits: str) -> None:
    reason = "digits" if digits else "timeout"
    world.tell(Collected(call="call1", connection="leg1", service=world.last.id, digits=digits, reason=reason))


def flow(**steps: Any) -> dict[str, Any]:
    return {"schema_version": 1, "name": {"en": "x"}, "start": next(iter(steps)), "steps": steps}


@pytest.fixture
def hotline() -> World:
    """The demo hotline without its queue step, which belongs to another domain."""
    document = json.loads(json.dumps(HOTLINE))
    document["steps"]["person"] = {"kind": "survey", "prompts": ["survey"], "next": {"answered": "thanks", "none": "goodbye"}}
    return World(document, Caller(served={"segment": "seg", "agent": "a1", "queue": "q1"}))


def test_greeting_then_menu_then_information_and_back(hotline: World) -> None:
    assert isinstance(hotline.last, Play)
    assert hotline.last.prompts[0].file == "demo/zh-CN/welcome.wav"
    played(hotline)
    assert isinstance(hotline.last, Collect)
    collected(hotline, "1")
    assert hotline.last.prompts[0].file.endswith("information.wav")
    played(hotline)
    assert [fact.visit for fact in hotline.told(StepEntered) if fact.step == "menu"] == [1, 2]


def test_a_key_stops_what_is_played_and_the_menu_follows(hotline: World) -> None:
    hotline.tell(DigitPressed(call="call1", connection="leg1", digit="1"))
    assert isinstance(hotline.last, Collect)
    assert not hotline.last.discard


def test_an_old_result_means_nothing(hotline: World) -> None:
    old = hotline.last.id
    played(hotline)
    hotline.tell(Played(call="call1", connection="leg1", service=old, completed=False))
    session = hotline.runner.session("c1")
    assert session is not None
    assert session.step == "menu"


def test_wrong_keys_and_silence_ask_again_and_then_lead_on(hotline: World) -> None:
    played(hotline)
    collected(hotline, "7")
    assert [prompt.file.rsplit("/", 1)[1] for prompt in hotline.last.prompts] == ["wrong_key.wav", "menu.wav"]
    collected(hotline, "")
    assert [fact.reason for fact in hotline.told(StepRetried)] == ["wrong", "timeout"]
    collected(hotline, "")
    assert hotline.told(StepLeft)[-1].outcome == "timeout"
    assert hotline.last.prompts[0].file.endswith("goodbye.wav")
    played(hotline)
    assert isinstance(hotline.last, Clear)
    assert hotline.told(FlowEnded)[-1].cause == "finished"


def test_the_survey_is_credited_to_the_served_segment(hotline: World) -> None:
    played(hotline)
    collected(hotline, "0")
    collected(hotline, "9")
    collected(hotline, "2")
    answer = hotline.told(SurveyAnswered)[0]
    assert (answer.answer, answer.segment, answer.agent, answer.queue) == (2, "seg", "a1", "q1")
    assert len(hotline.told(SurveyAsked)) == 1


def test_nobody_served_is_not_asked() -> None:
    world = World(flow(ask={"kind": "survey", "prompts": ["survey"], "next": {"answered": "end", "none": "end"}}, end={"kind": "hang_up"}))
    assert isinstance(world.last, Clear)
    assert not world.told(SurveyAsked)


def test_the_caller_leaves_in_a_menu(hotline: World) -> None:
    played(hotline)
    hotline.decide(lambda unit: unit.tell(ContactEnded(contact="c1", by="customer")))
    assert hotline.told(FlowEnded)[-1].cause == "customer_left"
    assert hotline.runner.session("c1") is None


def test_collected_digits_stay_out_of_the_ledger() -> None:
    world = World(flow(
        account={"kind": "collect", "prompts": ["menu"], "name": "account", "minimum": 4, "maximum": 12,
                 "next": {"done": "end", "timeout": "end", "wrong": "end"}},
        end={"kind": "hang_up"},
    ))  # fmt: skip
    collected(world, "12")
    assert world.told(StepRetried)[0].reason == "wrong"
    collected(world, "440105199")
    fact = world.told(AttributeSet)[0]
    assert fact.value == ""
    assert fact.personal
    assert "440105199" not in str(world.facts)


def test_conditions_set_and_spoken_numbers() -> None:
    world = World(flow(
        remember={"kind": "set", "values": {"grade": "'gold'"}, "next": {"done": "decide"}},
        decide={"kind": "condition", "when": [{"if": "vars.nothing == 1", "then": "bad"}, {"if": "vars.grade == 'gold'", "then": "good"}],
                "next": {"bad": "end", "good": "tell", "else": "end"}},
        tell={"kind": "play", "prompts": [{"number": "4 + 3"}, {"silence_ms": 200}], "next": {"done": "end"}},
        end={"kind": "hang_up"},
    ))  # fmt: skip
    assert [prompt.file for prompt in world.last.prompts] == ["demo/zh-CN/number.7.wav", ""]


def test_opening_hours_send_callers_elsewhere() -> None:
    hours = {"kind": "hours", "zone": "Asia/Shanghai", "open": [{"days": ["mon"], "from": "09:00", "to": "17:00"}],
             "next": {"open": "yes", "closed": "no"}}  # fmt: skip
    play = {name: {"kind": "play", "prompts": [prompt], "next": {"done": "end"}} for name, prompt in (("yes", "welcome"), ("no", "closed"))}
    monday_ten = 1_790_000_000_000_000 // 86_400_000_000 * 86_400_000_000 + 2 * 3_600_000_000
    files = {
        World(flow(hours=hours, **play, end={"kind": "hang_up"}), now=monday_ten + day * 86_400_000_000).last.prompts[0].file
        for day in range(7)
    }
    assert files == {"demo/zh-CN/welcome.wav", "demo/zh-CN/closed.wav"}


def test_a_transfer_that_fails_goes_on() -> None:
    world = World(flow(
        give={"kind": "transfer", "extension": "1002", "next": {"done": "end", "failed": "sorry"}},
        sorry={"kind": "play", "prompts": ["all_busy"], "next": {"done": "end"}}, end={"kind": "hang_up"},
    ))  # fmt: skip
    route = world.last
    assert isinstance(route, Route)
    assert route.targets[0].device == "t/phone/1002"
    world.tell(ServiceFailed(service=route.id, kind="Route", connection="leg1", reason="no_such_device"))
    assert world.last.prompts[0].file.endswith("all_busy.wav")


def test_a_flow_transfers_to_an_outside_number() -> None:
    world = World(flow(
        give={"kind": "transfer", "number": "13911112222", "next": {"done": "end", "failed": "end"}}, end={"kind": "hang_up"},
    ))  # fmt: skip
    route = world.last
    assert isinstance(route, Route)
    assert (route.targets[0].device, route.targets[0].number) == ("", "13911112222")


def test_after_a_restart_the_step_is_heard_again(hotline: World) -> None:
    played(hotline)
    state = hotline.runner.state()
    fresh = World(HOTLINE | {"steps": HOTLINE["steps"] | {"person": {"kind": "hang_up"}}}, Caller(id="other"))
    fresh.caller.id = "c1"
    fresh.runner.restore(state)
    fresh.decide(fresh.runner.enter_again)
    assert isinstance(fresh.last, Collect)


def test_a_flow_that_runs_in_circles_is_ended() -> None:
    turn = {"kind": "set", "values": {"n": "1"}, "next": {"done": "turn"}}
    world = World(flow(turn=turn))
    assert world.told(FlowEnded)[-1].cause == "fault"
    assert isinstance(world.last, Clear)


def test_contacts_inside_keep_their_version(hotline: World) -> None:
    hotline.runner.publish("f", 2, flow(only={"kind": "hang_up"}))
    played(hotline)
    assert isinstance(hotline.last, Collect)


def test_published_schema_accepts_the_demo_without_the_queue() -> None:
    document = json.loads(json.dumps(HOTLINE))
    document["steps"]["person"] = {"kind": "hang_up"}
    parsed, problems = kinds(library()).parse(document)
    assert not problems
    assert parsed is not None

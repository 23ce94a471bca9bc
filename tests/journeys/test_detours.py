"""A contact that an agent lets into a flow, for good or while he waits (H53, H67, H69), on a virtual clock; core may die at any step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.journeys.histories import check_end
from tests.journeys.test_random_histories import check_board
from tests.journeys.world import FLOW, TENANT, World

from yitong.contact.bus import Refused
from yitong.ct.model import Cause, DeviceKind
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment
from yitong.sim.callers import Customer, Press, Step, UntilAsked, UntilHears, UntilTalks, Wait
from yitong.sim.switch import Behaviour

TALKS = Behaviour(answer_after=1.0)
CARD, PIN = "6222021001", "4711"
IN = (UntilAsked(), Press("0"))
SURVEY = (UntilHears("survey"), Press("1"))
SERVICE: dict[str, Any] = {
    "schema_version": 1, "name": {"en": "Card"}, "start": "hello",
    "data": {"amount": {"en": "Amount"}, "card": {"en": "Card"}, "pin": {"en": "PIN"}},
    "entries": {
        "card": {"name": {"en": "Card and PIN"}, "beside": True, "takes": ["amount"], "returns": ["card", "pin"]},
        "hello": {"name": {"en": "All of it"}},
        "again": {"name": {"en": "Somebody else"}},
    },
    "steps": {
        "hello": {"kind": "play", "prompts": ["information"], "next": {"done": "bye"}},
        "card": {"kind": "collect", "prompts": ["number.1"], "name": "card", "maximum": 10, "first_seconds": 5, "tries": 2,
                 "next": {"done": "pin", "timeout": "gave_up", "wrong": "gave_up"}},
        "pin": {"kind": "collect", "prompts": ["number.2"], "name": "pin", "maximum": 4, "secret": True, "tries": 1,
                "next": {"done": "thanks", "timeout": "gave_up", "wrong": "gave_up"}},
        "thanks": {"kind": "play", "prompts": ["thanks"], "next": {"done": "back"}},
        "back": {"kind": "return", "next": {"nowhere": "bye"}},
        "gave_up": {"kind": "return", "result": "failed", "next": {"nowhere": "bye"}},
        "bye": {"kind": "hang_up"},
        "again": {"kind": "queue", "queue": "service", "next": dict.fromkeys(("served", "timeout", "full", "no_agents"), "bye")},
    },
}  # fmt: skip


class Story:
    """A customer who talks with 1001. ``die``: core is killed after every step."""

    def __init__(self, *steps: Step, die: bool = False) -> None:
        self.world, self._die = World(), die
        self.world.put("flow", "card", {"id": "card", "code": "card", "name": {"en": "Card"}, "published_version": 3, "document": SERVICE})
        self.device = self.world.agent("1001", usual=TALKS, may_call=["national"])
        self.world.switch.register(TENANT, "gateway", kind=DeviceKind.TRUNK, usual=TALKS)
        self.customer: Customer = self.world.caller(steps=(*IN, *steps))
        self.run(20)
        assert self.mine().state == "active"

    def run(self, seconds: float) -> None:
        self.world.run(seconds)
        if self._die:
            self.world.restart(0.3)
            self.world.run(0.3)

    def let_in(self, step: str = "card", seconds: float = 0.5, **more: Any) -> None:
        self.world.obey(m.LetIntoFlow(agent="a1001", assignment=self.mine().id, flow="card", step=step, **more))
        self.run(seconds)

    def say(self, kind: type, seconds: float = 1.0, **fields: object) -> None:
        self.world.obey(kind(agent="a1001", assignment=self.mine().id, **fields))
        self.run(seconds)

    def mine(self) -> Assignment:
        assert self.world.partition is not None
        return next(one for one in self.world.partition.acd.model.assignments() if one.agent == "a1001")

    @property
    def together(self) -> bool:
        """The customer and the agent hear each other."""
        port = self.world.switch.audio.ports[self.customer.connection]
        return bool(self.mine().connection) and port.hears == {self.mine().connection}

    @property
    def apart(self) -> bool:
        ports = self.world.switch.audio.ports
        return not ports[self.customer.connection].hears and not ports[self.mine().connection].hears

    def desk(self) -> dict[str, Any]:
        assert self.world.partition is not None
        self.world.partition.live.flush()
        (shown,) = self.world.partition.live.document("desk.a1001")[1]["assignments"].values()
        return dict(shown)

    def detour(self) -> tuple[str, str | None, str | None]:
        shown = self.desk()["detour"]
        return shown["state"], shown["cause"], shown["result"]

    def end(self) -> None:
        self.customer.hang_up()
        self.run(90)
        check_end(self.world, 1)
        check_board(self.world)


@pytest.fixture(params=[False, True], ids=["core lives", "core dies after every step"])
def story(request: pytest.FixtureRequest) -> Callable[..., Story]:
    return lambda *steps: Story(*steps, die=request.param)


def test_the_agent_gets_back_what_the_customer_typed_and_never_hears_a_key(story: Callable[..., Story]) -> None:
    told = story(UntilHears("number.1"), Wait(1.5), Press(CARD), UntilHears("number.2"), Wait(1.5), Press(PIN), *SURVEY)
    told.let_in(values={"amount": "120"})
    assert told.apart
    assert told.detour() == ("there", None, None)
    at = told.desk()["detour"]
    assert (at["entry"], at["step"], at["step_name"]) == ({"en": "Card and PIN"}, "card", {"en": "Card"})
    with pytest.raises(Refused, match="wrong_state"):
        told.world.obey(m.HoldContact(agent="a1001", assignment=told.mine().id))
    told.run(60)
    assert told.together
    assert told.detour() == ("over", "returned", None)
    shown = {one["name"]: (one["value"], one["secret"]) for one in told.desk()["data"]}
    assert shown == {"amount": ("120", False), "card": (CARD, False), "pin": ("", True)}
    assert PIN not in repr([told.world.personals, told.world.ledger, told.world.engine.state()]), "a secret is kept nowhere"
    assert CARD not in repr(told.world.events())
    words = told.world.journey(told.world.contacts()[0])
    assert words.index("PauseBegan(step)") < words.index("PauseEnded(step)"), "nothing is recorded meanwhile"
    told.say(m.HangUp, 30.0)
    assert told.customer.ended
    assert [fact.kind for fact in told.world.facts() if type(fact).__name__ == "SegmentBegan"] == ["ivr", "queue", "agent", "survey"]
    told.run(60)
    check_end(told.world, 1)


def test_a_customer_who_types_nothing_comes_back(story: Callable[..., Story]) -> None:
    told = story()
    told.let_in()
    told.run(60)
    assert told.together
    assert told.detour() == ("over", "returned", "failed")
    told.end()


def test_the_agent_takes_the_customer_back(story: Callable[..., Story]) -> None:
    told = story(UntilHears("number.1"), Wait(1.0), Press("62"))
    told.let_in(seconds=5.0)
    told.say(m.TakeBack)
    assert told.together
    assert told.detour() == ("over", "taken_back", None)
    assert not told.world.switch.audio.ports[told.customer.connection].prompts
    told.let_in()
    assert told.apart
    told.end()


def test_the_customer_hangs_up_in_the_flow(story: Callable[..., Story]) -> None:
    told = story()
    told.let_in()
    told.customer.hang_up()
    told.run(2)
    assert told.mine().state == "wrapping_up"
    told.end()


def test_an_agent_who_hangs_up_leaves_the_customer_in_the_flow(story: Callable[..., Story]) -> None:
    told = story(UntilHears("number.1"), Wait(1.0), Press(CARD), UntilHears("number.2"), Wait(1.0), Press(PIN), *SURVEY)
    told.let_in()
    told.say(m.HangUp)
    assert told.mine().state == "wrapping_up"
    told.run(90)
    assert told.customer.ended
    words = told.world.journey(told.world.contacts()[0])
    assert "SurveyAnswered" in words, "from the flow back to where a talk ends"
    assert [fact.kind for fact in told.world.facts() if type(fact).__name__ == "SegmentBegan"] == ["ivr", "queue", "agent", "ivr", "survey"]
    check_end(told.world, 1)
    check_board(told.world)


@pytest.mark.parametrize("cause", [Cause.SIGNALLING_LOST, Cause.MEDIA_LOST])
def test_an_agent_whose_page_was_lost_is_rung_when_the_customer_comes_back(story: Callable[..., Story], cause: Cause) -> None:
    told = story(UntilHears("number.1"), Wait(3.0), Press(CARD), UntilHears("number.2"), Wait(3.0), Press(PIN))
    told.let_in()
    told.world.switch.lose(told.mine().connection, cause)
    told.run(1)
    assert told.mine().state == "interrupted"
    assert not told.world.facts(m.ResumeTried)
    assert not told.customer.ended
    told.run(90)
    assert told.together
    assert told.detour() == ("over", "returned", None)
    told.end()


def test_an_agent_who_does_not_come_back_loses_the_customer_to_the_front_of_the_queue(story: Callable[..., Story]) -> None:
    told = story()
    told.let_in()
    told.world.switch.unregister(f"{TENANT}/phone/1001")
    told.world.switch.lose(told.mine().connection, Cause.SIGNALLING_LOST)
    told.run(100)
    assert told.world.facts(m.ContactQueued)[-1].front
    told.end()


def test_for_good_the_agent_is_free_at_once(story: Callable[..., Story]) -> None:
    told = story(UntilHears("number.1"), Wait(1.0), Press(CARD), UntilHears("number.2"), Wait(1.0), Press(PIN), *SURVEY)
    told.let_in(wait=False)
    assert told.mine().state == "wrapping_up"
    told.run(90)
    assert told.customer.ended
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["transferred"]
    assert "SurveyAnswered" in told.world.journey(told.world.contacts()[0])
    check_end(told.world, 1)
    check_board(told.world)


def test_for_good_to_a_step_that_ends_the_call(story: Callable[..., Story]) -> None:
    told = story()
    told.let_in(step="hello", wait=False)
    told.run(30)
    assert told.customer.ended
    check_end(told.world, 1)


def test_a_customer_whom_a_flow_queues_again_waits_on(story: Callable[..., Story]) -> None:
    """His place, and the wait that counts and is shown, are those of all his waiting, without the talk (D12)."""
    told = story()
    world = told.world
    world.obey(m.SetAgentState(agent="a1001", state="not_ready"))
    told.run(9)
    told.let_in(step="again", wait=False, seconds=12)
    (first,) = world.facts(m.OfferAnswered)
    entered = [event for event in world.events() if event.type == m.ContactQueued.TYPE][1]
    assert entered.payload["virtual_arrival"] == entered.payload["wait_from"] == entered.occurred_at - first.waited_us
    world.obey(m.SetAgentState(agent="a1001", state="ready"))
    told.run(6)
    answered = [event for event in world.events() if event.type == m.OfferAnswered.TYPE][1]
    assert answered.payload["waited_us"] == first.waited_us + answered.occurred_at - entered.occurred_at
    assert told.desk()["waited_seconds"] == answered.payload["waited_us"] // 1_000_000 > 12
    told.end()


def test_a_held_customer_is_let_in_and_comes_back(story: Callable[..., Story]) -> None:
    told = story()
    told.say(m.HoldContact)
    assert told.mine().state == "held"
    told.let_in(seconds=2.0)
    assert (told.mine().state, told.apart) == ("active", True)
    told.run(60)
    assert told.together
    told.end()


def test_a_service_that_is_lost_changes_nothing(story: Callable[..., Story]) -> None:
    told = story()
    told.world.switch.service_faults = lambda message: ()
    told.let_in(seconds=0.0)
    told.world.switch.service_faults = lambda message: (0.0,)
    told.run(5)
    assert told.detour()[:2] == ("over", "failed")
    assert told.together
    told.end()


def test_a_customer_whom_we_called_is_let_in_and_given_up() -> None:
    """There is no flow below: he comes back, or the call ends with the flow."""
    world = World()
    world.put("flow", "card", {"id": "card", "code": "card", "name": {"en": "Card"}, "published_version": 3, "document": SERVICE})
    world.agent("1001", usual=TALKS, may_call=["mobile"])
    world.switch.register(TENANT, "gateway", kind=DeviceKind.TRUNK, usual=TALKS)
    assignment = world.obey(m.CallOut(agent="a1001", number="13800000009"))
    world.run(10)
    world.obey(m.LetIntoFlow(agent="a1001", assignment=assignment, flow="card", step="card"))
    world.run(60)
    assert world.partition is not None
    assert world.partition.acd.model.assignment(assignment).detour is None  # type: ignore[union-attr]
    world.obey(m.LetIntoFlow(agent="a1001", assignment=assignment, flow="card", step="card", wait=False))
    world.run(60)
    world.obey(m.WrapUp(agent="a1001", assignment=assignment))
    check_end(world, 0)


@pytest.mark.parametrize(("what", "code"), [("prompt", "information"), ("fax", "prices")])
def test_a_prompt_or_a_fax_is_sent_into_the_call(story: Callable[..., Story], what: str, code: str) -> None:
    told = story()
    told.world.put("fax_document", "d1", {"id": "d1", "code": "prices", "name": "x", "file": "prices.tif", "pages": 1})
    with pytest.raises(Refused, match=f"unknown_{what}"):
        told.world.obey(m.SendInto(agent="a1001", assignment=told.mine().id, prompt="x" if what == "prompt" else "", fax="x"))
    told.say(m.SendInto, 0.5, **{what: code})
    assert told.apart
    told.run(60)
    assert told.together
    assert told.detour()[:2] == ("over", "returned")
    told.end()


def test_a_fax_is_sent_by_itself_as_soon_as_the_called_number_answers(story: Callable[..., Story]) -> None:
    """H71: afterwards the agent talks with whom he called."""
    told = story()
    told.customer.hang_up()
    told.run(20)
    world = told.world
    world.put("fax_document", "d1", {"id": "d1", "code": "prices", "name": "x", "file": "prices.tif", "pages": 1})
    with pytest.raises(Refused, match="unknown_fax"):
        world.obey(m.CallOut(agent="a1001", number="02150001234", fax="nothing"))
    assignment = world.obey(m.CallOut(agent="a1001", number="02150001234", fax="prices"))
    told.run(6)
    assert told.detour() == ("there", None, None)
    told.run(40)
    assert told.detour() == ("over", "returned", "done")
    assert len([fact for fact in world.facts() if type(fact).__name__ == "FaxEnded" and fact.cause == "ok"]) == 1
    told.say(m.HangUp, 5.0)
    world.obey(m.WrapUp(agent="a1001", assignment=assignment))
    check_end(world, 1)


def test_what_the_customer_typed_stays_with_him_over_three_hops(story: Callable[..., Story]) -> None:
    """Demand D19: a colleague, a queue, and core dead in between: whoever has the contact sees its data."""
    told = story(UntilHears("number.1"), Wait(1.5), Press(CARD), UntilHears("number.2"), Wait(1.5), Press(PIN))
    world = told.world
    told.let_in(values={"amount": "120"})
    told.run(60)
    for number in ("1002", "1003"):
        world.agent(number, usual=TALKS, ready=False)
        world.obey(m.SetAgentState(agent=f"a{number}", state="not_ready", reason="lunch"))

    def seen_by(agent: str) -> dict[str, str]:
        assert world.partition is not None
        world.partition.live.flush()
        (shown,) = world.partition.live.document(f"desk.{agent}")[1]["assignments"].values()
        return {one["name"]: one["value"] for one in shown["data"]}

    whole = {"amount": "120", "card": CARD, "pin": ""}
    told.say(m.Transfer, 4.0, to_agent="a1002")
    assert seen_by("a1002") == whole
    world.obey(m.SetAgentState(agent="a1003", state="ready"))
    assert world.partition is not None
    second = next(one for one in world.partition.acd.model.assignments() if one.agent == "a1002")
    world.obey(m.Transfer(agent="a1002", assignment=second.id, queue="service"))
    told.run(10)
    assert seen_by("a1003") == whole
    told.end()


HELP = {**FLOW, "help": {"key": "*", "step": "helper"}, "data": {"order": {"en": "Order"}}, "steps": {
    **FLOW["steps"],
    "menu": {**FLOW["steps"]["menu"], "next": {**FLOW["steps"]["menu"]["next"], "1": "order"}},
    "order": {"kind": "collect", "prompts": ["number.1"], "name": "order", "maximum": 4,
              "next": {"done": "amount", "timeout": "end", "wrong": "end"}},
    "amount": {"kind": "collect", "prompts": ["number.2"], "name": "amount", "maximum": 4, "first_seconds": 10,
               "next": {"done": "thanks", "timeout": "end", "wrong": "end"}},
    "helper": {"kind": "queue", "queue": "service", "next": dict.fromkeys(("served", "timeout", "full", "no_agents"), "again")},
    "again": {"kind": "return", "next": {"nowhere": "end"}},
}}  # fmt: skip


def test_a_caller_asks_for_help_by_key_and_comes_back_to_the_step_where_he_was() -> None:
    """H69: he has typed his order number, needs help at the next question, and answers it afterwards."""
    world = World()
    world.put("flow", "f1", {"id": "f1", "code": "hotline", "published_version": 2, "document": HELP})
    world.agent("1001", usual=Behaviour(answer_after=1.0))
    customer = world.caller(steps=(
        UntilAsked(), Press("1"), UntilHears("number.1"), Press("4321"), UntilHears("number.2"), Press("*"), UntilTalks(),
        UntilHears("number.2"), Press("77#"), UntilHears("thanks"),
    ))  # fmt: skip
    world.run(60)
    assert world.partition is not None
    (mine,) = world.partition.acd.model.assignments()
    assert mine.state == "active"
    world.restart(0.5)
    world.partition.live.flush()
    (shown,) = world.partition.live.document("desk.a1001")[1]["assignments"].values()
    assert [(one["name"], one["value"]) for one in shown["data"]] == [("order", "4321")]
    world.obey(m.HangUp(agent="a1001", assignment=mine.id))
    world.run(40)
    assert customer.ended
    steps = [fact.step for fact in world.facts() if type(fact).__name__ == "StepEntered"]
    at = steps.index("helper")
    assert steps[at - 1 : at + 4] == ["amount", "helper", "again", "amount", "thanks"]
    check_end(world, 1)

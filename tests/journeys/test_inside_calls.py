"""Agents call agents (H72): answered, refused, busy, not answered; nobody is offered a contact meanwhile; core may die at any step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.journeys.histories import check_end
from tests.journeys.world import TENANT, World

from yitong.contact.bus import Refused
from yitong.domains.acd import messages as m
from yitong.sim.switch import BUSY, DEAD, IGNORES, REFUSES, Behaviour

TALKS = Behaviour(answer_after=1.0)
LATER = Behaviour(answer_after=3.0)


class Story:
    """1001 and 1002 are ready."""

    def __init__(self, die: bool, second: Behaviour = LATER) -> None:
        self.world, self._die = World(), die
        self.world.agent("1001", usual=TALKS)
        self.world.agent("1002", usual=second)

    def run(self, seconds: float) -> None:
        self.world.run(seconds)
        if self._die:
            self.world.restart(0.3)
            self.world.run(0.3)

    def call(self, **whom: str) -> str:
        made: str = self.world.obey(m.CallInside(agent="a1001", **(whom or {"number": "1002"})))
        return made

    def desk(self, agent: str) -> list[tuple[str, str, bool]]:
        assert self.world.partition is not None
        self.world.partition.live.flush()
        shown = self.world.partition.live.document(f"desk.{agent}")[1]["assignments"].values()
        return [(one["state"], one["inside"]["extension"], one["caller"]) for one in shown]

    def states(self) -> tuple[str, ...]:
        assert self.world.partition is not None
        return tuple(self.world.partition.acd.model.agents[key].state for key in ("a1001", "a1002"))

    def hear(self) -> bool:
        """The two hear each other."""
        ports = [port for port in self.world.switch.audio.ports.values() if port.hears]
        return len(ports) == 2

    def over(self, *causes: str) -> None:
        assert self.desk("a1001") == self.desk("a1002") == []
        assert [fact.cause for fact in self.world.facts(m.InsideEnded)] == list(causes)
        assert self.states() == ("ready", "ready")
        self.run(5)
        check_end(self.world, 0)
        assert not self.world.contacts(), "it is no customer's contact"


@pytest.fixture(params=[False, True], ids=["core lives", "core dies after every step"])
def story(request: pytest.FixtureRequest) -> Callable[..., Story]:
    return lambda second=LATER: Story(request.param, second)


@pytest.mark.parametrize("end", ["a1001", "a1002", "telephone"])
def test_two_agents_talk_and_nobody_offers_them_anything(story: Callable[..., Story], end: str) -> None:
    told = story()
    told.call()
    told.run(1.5)
    assert (told.desk("a1001"), told.desk("a1002")) == ([("active", "1002", True)], [("offered", "1001", False)])
    told.run(4)
    assert told.desk("a1002") == [("active", "1001", False)]
    assert told.states() == ("busy", "busy")
    assert told.hear()
    customer = told.world.caller()
    told.run(25)
    assert not customer.talked_to
    customer.hang_up()
    told.run(1)
    assert told.world.partition is not None
    if end == "telephone":
        for name, line in list(told.world.switch.lines.items()):
            if line.device is told.world.switch.devices[f"{TENANT}/phone/1002"]:
                told.world.switch.hang_up(name)
    else:
        mine = next(one for one in told.world.partition.acd.model.assignments() if one.agent == end)
        told.world.obey(m.HangUp(agent=end, assignment=mine.id))
    told.run(2)
    assert told.desk("a1001") == told.desk("a1002") == []
    assert [fact.cause for fact in told.world.facts(m.InsideEnded)] == ["left", "left"]
    told.run(30)
    check_end(told.world, 1)


@pytest.mark.parametrize(("behaviour", "cause", "seconds"), [(REFUSES, "refused", 4), (BUSY, "refused", 4), (IGNORES, "no_answer", 45)])
def test_a_colleague_who_does_not_answer(behaviour: Behaviour, cause: str, seconds: float) -> None:
    told = Story(False, behaviour)
    told.call(to_agent="a1002")
    told.run(seconds)
    told.over(cause, cause)


def test_the_colleague_refuses_at_his_desk(story: Callable[..., Story]) -> None:
    told = story(IGNORES)
    told.call()
    told.run(2)
    assert told.world.partition is not None
    theirs = next(one for one in told.world.partition.acd.model.assignments() if one.agent == "a1002")
    told.world.obey(m.RefuseOffer(agent="a1002", assignment=theirs.id))
    told.run(2)
    assert told.desk("a1001") == told.desk("a1002") == []


def test_the_caller_gives_up(story: Callable[..., Story]) -> None:
    told = story(IGNORES)
    mine = told.call()
    told.run(2)
    told.world.obey(m.HangUp(agent="a1001", assignment=mine))
    told.run(2)
    told.over("cancelled", "cancelled")


def test_who_cannot_be_called_is_said() -> None:
    told = Story(False)
    refusals: list[tuple[dict[str, Any], str]] = [({"number": "1001"}, "not_found"), ({"number": "1999"}, "not_found")]
    for whom, code in refusals:
        with pytest.raises(Refused, match=code):
            told.call(**whom)
    told.world.agent("1003", usual=DEAD, ready=False)
    with pytest.raises(Refused, match="agent_unreachable"):
        told.call(number="1003")
    told.call()
    told.run(6)
    with pytest.raises(Refused, match="wrong_state"):
        told.call(number="1003")
    told.world.obey(m.SetAgentState(agent="a1003", state="ready"))
    with pytest.raises(Refused, match="agent_busy"):
        told.world.obey(m.CallInside(agent="a1003", number="1002"))


@pytest.mark.parametrize("kind", [m.HoldContact, m.TakeBack, m.Alternate])
def test_it_is_no_customers_talk(kind: type) -> None:
    told = Story(False)
    mine = told.call()
    told.run(6)
    with pytest.raises(Refused, match="wrong_state"):
        told.world.obey(kind(agent="a1001", assignment=mine))

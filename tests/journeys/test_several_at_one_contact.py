"""Consultation, alternate, conference and transfer as agents ask for them, on a virtual clock; core may die at any step."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.journeys.histories import check_end
from tests.journeys.test_random_histories import check_board
from tests.journeys.world import QUEUE, QUEUE_VALUE, TENANT, World

from yitong.contact.bus import Refused
from yitong.ct.model import DeviceKind
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment
from yitong.domains.quality.messages import RecordingEnded
from yitong.sim.callers import Customer, Press, UntilAsked, UntilHears
from yitong.sim.switch import IGNORES, REFUSES, Behaviour

TALKS = Behaviour(answer_after=1.0)
OUTSIDE = "02150001234"
WAY = (UntilAsked(), Press("0"), UntilHears("survey"), Press("1"))


class Story:
    """A customer who talks with 1001; 1002 is on duty too. ``die``: core is killed after every step."""

    def __init__(self, *, die: bool = False, second: Behaviour = TALKS) -> None:
        self.world, self._die = World(), die
        self.first = self.world.agent("1001", usual=TALKS, may_call=["national"])
        self.second = self.world.agent("1002", usual=second, ready=False)
        self.world.obey(m.SetAgentState(agent="a1002", state="not_ready", reason="lunch"))
        self.gateway = self.world.switch.register(TENANT, "gateway", kind=DeviceKind.TRUNK, usual=TALKS)
        self.customer: Customer = self.world.caller(steps=WAY)
        self.run(20)
        assert self.mine().state == "active"

    def run(self, seconds: float) -> None:
        self.world.run(seconds)
        if self._die:
            self.world.restart(0.5)
            self.world.run(0.5)

    def say(self, kind: type, seconds: float = 3.0, agent: str = "a1001", **fields: object) -> None:
        self.world.obey(kind(agent=agent, assignment=self.mine(agent).id, **fields))
        self.run(seconds)

    def mine(self, agent: str = "a1001") -> Assignment:
        assert self.world.partition is not None
        return next(one for one in self.world.partition.acd.model.assignments() if one.agent == agent)

    def none(self, agent: str) -> bool:
        assert self.world.partition is not None
        return all(one.agent != agent for one in self.world.partition.acd.model.assignments())

    def customer_hears(self) -> set[str]:
        """Devices; or music."""
        port, lines = self.world.switch.audio.ports[self.customer.connection], self.world.switch.lines
        heard = {lines[source].device.device.account for source in port.hears if source in lines and lines[source].device}  # type: ignore[union-attr]
        return heard or ({"music"} if port.prompts else set())

    def consultation(self) -> tuple[str, bool] | None:
        asked = self.mine().consultation
        return (asked.state, asked.aside) if asked is not None else None

    def desk(self, agent: str) -> tuple[str, str, bool]:
        """What the one contact on a desk is: its state, whom it helps, and whether that one has left."""
        assert self.world.partition is not None
        self.world.partition.live.flush()
        (shown,) = self.world.partition.live.document(f"desk.{agent}")[1]["assignments"].values()
        return shown["state"], (shown["helps"] or {}).get("extension", ""), shown["handed_over"]

    def end(self, *queues: str) -> None:
        """The customer hangs up, wrap-ups run out, and nothing is left."""
        self.world.switch.hang_up(self.customer.connection)
        self.run(60)
        check_end(self.world, 1)
        if len(queues) < 2:
            check_board(self.world)
        connections = self.world.switch.snapshot_now(TENANT).connections
        assert not connections, connections


@pytest.fixture(params=[False, True], ids=["core lives", "core dies after every step"])
def story(request: pytest.FixtureRequest) -> Callable[..., Story]:
    return lambda **fields: Story(die=request.param, **fields)


def test_consult_alternate_and_return(story: Callable[..., Story]) -> None:
    told = story()
    told.say(m.Consult, number="1002")
    assert told.consultation() == ("talking", True)
    assert told.customer_hears() == {"music"}
    assert told.mine("a1002").state == "active"
    told.say(m.Alternate)
    assert (told.consultation(), told.customer_hears()) == (("talking", False), {"1001"})
    told.say(m.Alternate)
    assert (told.consultation(), told.customer_hears()) == (("talking", True), {"music"})
    told.say(m.Reconnect)
    assert (told.consultation(), told.customer_hears()) == (None, {"1001"})
    assert told.none("a1002")
    told.end()


def test_a_consulted_agent_takes_the_contact(story: Callable[..., Story]) -> None:
    told = story()
    told.say(m.Consult, to_agent="a1002")
    assert told.desk("a1002") == ("active", "1001", False)
    told.say(m.Transfer)
    assert told.desk("a1002") == ("active", "", False)
    assert told.customer_hears() == {"1002"}
    assert told.mine().state == "wrapping_up"
    assert (told.mine("a1002").state, told.mine("a1002").host) == ("active", "")
    told.say(m.HangUp, 15.0, agent="a1002")
    kinds = [fact.kind for fact in told.world.facts() if type(fact).__name__ == "SegmentBegan"]
    assert kinds == ["ivr", "queue", "agent", "agent", "survey"]
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["transferred", "agent_left"]
    told.run(60)
    assert len(told.world.facts(RecordingEnded)) == 2, "each agent's part is recorded"
    check_end(told.world, 1)
    check_board(told.world)


def test_a_conference_goes_on_without_whom_called_it(story: Callable[..., Story]) -> None:
    told = story()
    told.say(m.Consult, number="1002")
    told.say(m.Conference)
    assert told.consultation() == ("conference", False)
    assert told.customer_hears() == {"1001", "1002"}
    told.say(m.HangUp)
    assert told.customer_hears() == {"1002"}
    assert told.mine("a1002").host == ""
    told.end()


def test_the_helper_leaves_a_conference(story: Callable[..., Story]) -> None:
    told = story()
    told.say(m.Consult, number="1002")
    told.say(m.Conference)
    told.say(m.HangUp, agent="a1002")
    assert (told.consultation(), told.customer_hears()) == (None, {"1001"})
    told.end()


@pytest.mark.parametrize("queue", [QUEUE, ""])
def test_transfer_to_an_outside_number_and_back_to_the_survey(story: Callable[..., Story], queue: str) -> None:
    told = story()
    told.say(m.Consult, number=OUTSIDE)
    assert told.consultation() == ("talking", True)
    told.say(m.Transfer)
    assert told.customer_hears() == {"gateway"}
    assert OUTSIDE not in repr(told.world.events()), "a number is a personal value: none in the ledger"
    (gateway,) = [name for name, line in told.world.switch.lines.items() if line.device is told.gateway]
    told.world.switch.hang_up(gateway)
    told.run(60)
    assert "OutsideEnded(left)" in told.world.journey(told.world.contacts()[0])
    assert told.customer.ended
    check_end(told.world, 1)


def test_blind_transfer_to_an_agent_who_refuses_goes_to_the_front_of_the_queue(story: Callable[..., Story]) -> None:
    told = story(second=REFUSES)
    told.say(m.Transfer, 0.5, to_agent="a1002")
    told.run(1.0)
    words = told.world.journey(told.world.contacts()[0])
    assert "HandoverBegan" in words
    assert {"HandoverEnded(refused)", "HandoverEnded(unreachable)"} & set(words), "the second when core was dead as he refused"
    assert told.world.facts(m.ContactQueued)[-1].front
    told.end()


def test_transfer_to_a_queue_keeps_the_place_and_counts_the_wait_anew(story: Callable[..., Story]) -> None:
    told = story()
    told.world.put("queue", "q2", {**QUEUE_VALUE, "id": "q2", "code": "experts", "members": [{"agent": "a1002", "order": 1}]})
    told.say(m.Transfer, queue="experts")
    first, second = told.world.facts(m.ContactQueued)
    assert second.virtual_arrival < first.virtual_arrival
    assert second.wait_from > first.wait_from
    assert told.customer_hears() == {"music"}
    told.world.obey(m.SetAgentState(agent="a1002", state="ready"))
    told.run(5)
    assert told.customer_hears() == {"1002"}
    told.end(QUEUE, "q2")


def test_no_queue_takes_the_contact_in_the_middle_of_a_consultation(story: Callable[..., Story]) -> None:
    """Whoever was asked would talk on with a customer who waits."""
    told = story()
    told.say(m.Consult, number="1002")
    with pytest.raises(Refused, match="wrong_state"):
        told.say(m.Transfer, queue="service")
    told.say(m.Conference)
    with pytest.raises(Refused, match="wrong_state"):
        told.say(m.Transfer, queue="service")
    assert told.customer_hears() == {"1001", "1002"}
    told.end()


def test_a_consulted_one_who_does_not_answer(story: Callable[..., Story]) -> None:
    told = story(second=IGNORES)
    told.say(m.Consult, 5.0, number="1002")
    assert told.consultation() == ("ringing", True)
    told.run(40)
    assert told.consultation() == ("over", True)
    asked = told.mine().consultation
    assert asked is not None
    assert asked.cause == "no_answer"
    assert told.none("a1002")
    told.say(m.Reconnect)
    assert (told.consultation(), told.customer_hears()) == (None, {"1001"})
    told.end()


def test_the_customer_leaves_while_somebody_is_consulted(story: Callable[..., Story]) -> None:
    told = story()
    told.say(m.Consult, number="1002")
    told.end()
    assert [fact.cause for fact in told.world.facts(m.ConsultationEnded)] == ["customer_left"]
    assert told.none("a1002")


def test_the_customer_leaves_while_the_next_one_rings(story: Callable[..., Story]) -> None:
    told = story(second=IGNORES)
    told.say(m.Transfer, number="1002")
    assert told.desk("a1002") == ("offered", "1001", True), "it says that the customer comes, and from whom"
    told.end()
    assert [fact.cause for fact in told.world.facts(m.HandoverEnded)] == ["customer_left"]


def test_the_agents_page_is_lost_in_a_consultation(story: Callable[..., Story]) -> None:
    """The helper is let go, the customer waits, and the agent gets the call again."""
    told = story()
    told.say(m.Consult, number="1002")
    told.world.switch.unregister(told.first.device.device)
    told.world.switch.lose(told.mine().connection)
    told.run(3)
    assert told.mine().state == "interrupted"
    assert told.none("a1002")
    told.world.switch.register(TENANT, "1001", usual=TALKS)
    told.run(5)
    assert (told.mine().state, told.customer_hears()) == ("active", {"1001"})
    told.end()


def test_what_cannot_be_is_refused() -> None:
    told = Story()
    for fields, code in (
        ({"number": "1001"}, "not_found"), ({"to_agent": "nobody"}, "not_found"), ({"number": "call me"}, "bad_number"),
        ({"number": "13911112222"}, "number_not_allowed"), ({"number": "0044207946000"}, "number_not_allowed"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=code):
            told.say(m.Consult, **fields)  # type: ignore[arg-type]
    for kind in (m.Alternate, m.Reconnect, m.Conference, m.Transfer):
        with pytest.raises(Refused, match="wrong_state"):
            told.say(kind)
    told.say(m.Consult, number="1002")
    with pytest.raises(Refused, match="wrong_state"):
        told.say(m.Consult, number=OUTSIDE)
    told.world.obey(m.SetAgentState(agent="a1002", state="logged_off")) if told.none("a1002") else None
    told.say(m.Reconnect)
    told.world.obey(m.SetAgentState(agent="a1002", state="logged_off"))
    with pytest.raises(Refused, match="agent_unreachable"):
        told.say(m.Consult, number="1002")
    told.end()


def test_keys_and_mute_reach_whom_the_agent_talks_with() -> None:
    told = Story()
    ports = told.world.switch.audio.ports
    told.say(m.SendKeys, keys="12#")
    assert ports[told.customer.connection].sent == "12#"
    told.say(m.Consult, number="1002")
    told.say(m.SendKeys, keys="9")
    assert ports[told.mine("a1002").connection].sent == "9"
    told.say(m.Reconnect)
    told.say(m.Mute, on=True)
    assert told.customer_hears() == set()
    told.say(m.Mute, on=False)
    assert told.customer_hears() == {"1001"}
    told.end()


def test_who_muted_himself_is_still_silent_when_his_page_comes_back(story: Callable[..., Story]) -> None:
    told = story()
    told.say(m.Mute, on=True)
    assert told.customer_hears() == set()
    told.world.switch.unregister(told.first.device.device)
    told.world.switch.lose(told.mine().connection)
    told.run(3)
    told.world.switch.register(TENANT, "1001", usual=TALKS)
    told.run(5)
    assert (told.mine().state, told.mine().muted, told.customer_hears()) == ("active", True, set())
    told.say(m.Mute, on=False)
    assert told.customer_hears() == {"1001"}
    told.end()


@pytest.mark.parametrize("number", ["1002", OUTSIDE], ids=["a colleague", "outside"])
@pytest.mark.parametrize("blind", [True, False], ids=["blind", "consulted"])
def test_a_customer_on_hold_is_given_away_as_any_other(story: Callable[..., Story], number: str, blind: bool) -> None:
    told = story()
    told.say(m.HoldContact)
    assert (told.mine().state, told.customer_hears()) == ("held", {"music"})
    told.say(m.Transfer if blind else m.Consult, number=number)
    if not blind:
        assert (told.mine().state, told.consultation(), told.customer_hears()) == ("active", ("talking", True), {"music"})
        told.say(m.Transfer)
    assert told.mine().state == "wrapping_up"
    assert told.customer_hears() == {"1002" if number == "1002" else "gateway"}
    told.end()

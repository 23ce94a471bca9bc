"""A supervisor at an agent's talk: every mode, take-over, forced release; core may die at every step (H83 H84 H88 H89)."""

from __future__ import annotations

import pytest
from tests.journeys.test_several_at_one_contact import Story
from tests.journeys.world import TENANT

from yitong.contact.bus import Refused
from yitong.ct.model import Participation
from yitong.domains.acd import messages as m
from yitong.sim.switch import Behaviour

BOTH = pytest.mark.parametrize("die", [False, True], ids=["core lives", "core dies after every step"])


class Watch(Story):
    """1100 supervises; he has no skills and no duty."""

    def __init__(self, *, die: bool) -> None:
        super().__init__(die=die)
        self.world.agent("1100", usual=Behaviour(answer_after=0.5), ready=False, skills={})
        self.run(1)

    def supervise(self, participation: str = "silent") -> str:
        guest: str = self.world.obey(m.Supervise(agent="a1100", whom="a1001", participation=participation))  # type: ignore[arg-type]
        self.run(3)
        return guest

    def mode(self) -> tuple[Participation, str]:
        """How the supervisor's connection takes part, and whom it attends to."""
        connection = self.mine("a1100").connection
        one = next(one for one in self.world.switch.snapshot_now(TENANT).connections if one.connection == connection)
        return one.participation, one.attends


@BOTH
def test_modes_are_one_connection_and_nobody_notices(die: bool) -> None:
    told = Watch(die=die)
    guest = told.supervise()
    assert told.mode() == (Participation.SILENT, told.mine().connection)
    assert told.customer_hears() == {"1001"}
    assert told.supervise("whisper") == guest
    assert told.mode()[0] is Participation.WHISPER
    assert told.customer_hears() == {"1001"}
    assert told.supervise("active") == guest
    assert told.customer_hears() == {"1001", "1100"}
    told.say(m.HangUp, agent="a1100")
    assert told.none("a1100")
    assert told.customer_hears() == {"1001"}
    told.end()


@BOTH
def test_listening_ends_with_the_talk(die: bool) -> None:
    told = Watch(die=die)
    told.supervise()
    told.say(m.HangUp)
    assert told.none("a1100")
    told.end()


@BOTH
def test_a_supervisor_takes_the_customer_over(die: bool) -> None:
    told = Watch(die=die)
    told.supervise()
    told.say(m.Intercept, agent="a1100")
    assert told.customer_hears() == {"1100"}
    assert told.mine().state == "wrapping_up"
    assert (told.mine("a1100").state, told.mine("a1100").host, told.mine("a1100").participation) == ("active", "", "")
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["intercepted"]
    told.end()


@BOTH
def test_a_forced_release_lets_the_customer_go_on(die: bool) -> None:
    told = Watch(die=die)
    told.supervise()
    told.world.obey(m.ForceRelease(agent="a1001"))
    told.run(20)
    assert told.none("a1100")
    assert told.customer.ended
    words = told.world.journey(told.world.contacts()[0])
    assert "SurveyAnswered" in " ".join(words)
    told.run(60)
    told.end()


@BOTH
def test_a_supervisor_hears_the_consultation_too(die: bool) -> None:
    told = Watch(die=die)
    told.supervise()
    told.say(m.Consult, number="1002")
    port = told.world.switch.audio.ports[told.mine("a1100").connection]
    assert port.hears == {told.mine().connection, told.mine("a1002").connection}
    told.end()


def test_who_does_not_talk_cannot_be_supervised() -> None:
    told = Watch(die=False)
    with pytest.raises(Refused, match="wrong_state"):
        told.world.obey(m.Supervise(agent="a1100", whom="a1002"))
    told.world.switch.unregister(f"{TENANT}/phone/1100")
    told.run(1)
    with pytest.raises(Refused, match="no_telephone"):
        told.supervise()
    told.world.switch.register(TENANT, "1100", usual=Behaviour(answer_after=0.5))
    told.run(1)
    told.supervise()
    with pytest.raises(Refused, match="wrong_state"):
        told.say(m.WrapUp, agent="a1100")
    told.end()


@BOTH
def test_whose_own_telephone_is_busy_is_told_so(die: bool) -> None:
    told = Watch(die=die)
    told.world.obey(m.CallInside(agent="a1100", number="1002"))
    told.run(3)
    with pytest.raises(Refused, match="own_telephone_busy"):
        told.supervise()
    with pytest.raises(Refused, match="wrong_state"):
        told.world.obey(m.Supervise(agent="a1100", whom="a1003"))
    assert told.customer_hears() == {"1001"}, "nothing came of it"
    told.say(m.HangUp, agent="a1100")
    assert told.none("a1100")
    told.supervise()
    assert told.mode() == (Participation.SILENT, told.mine().connection)
    told.end()


def test_a_supervisor_changes_an_agents_duty() -> None:
    told = Watch(die=False)
    told.world.obey(m.ForceAgentState(agent="a1002", state="logged_off"))
    fact = told.world.facts(m.AgentDutyChanged)[-1]
    assert (fact.agent, fact.duty, fact.by) == ("a1002", "logged_off", "supervisor")
    with pytest.raises(Refused, match="wrong_state"):
        told.world.obey(m.ForceAgentState(agent="a1001", state="logged_off"))
    told.end()

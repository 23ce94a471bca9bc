"""Contacts given to another site of ours, and those that come from there (T49): what goes along, who is rung, who has it in the end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.journeys.histories import check_end, check_journeys
from tests.journeys.test_several_at_one_contact import TALKS, Story
from tests.journeys.world import TENANT, World

from yitong.contact.brought import Brought, Value, read, written
from yitong.contact.messages import ContactArrived, ContactEnded
from yitong.domains.acd import messages as m
from yitong.domains.quality.messages import RecordingEnded
from yitong.kit.ids import uuid7
from yitong.sim.switch import BUSY, IGNORES, REFUSES, Behaviour

LINK: dict[str, Any] = {"id": "l1", "code": "gateway", "enabled": True, "link": True, "distant": [{"number": "20XX", "name": ""}]}
CUSTOMER = "13800000001"
CAME = Brought(
    contact=uuid7(1, 1), site={"en": "North"}, extension="1003", agent="Li", queue="Service", called="96900", customer="Wang",
    data=(Value(name="order", label={"en": "Order"}, value="4711"), Value(name="pin", secret=True)),
)  # fmt: skip


@pytest.fixture(params=[False, True], ids=["core lives", "core dies after every step"])
def dies(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def linked(dies: bool, there: Behaviour = TALKS) -> Story:
    """A customer talks with 1001; 20XX are at another site."""
    told = Story(die=dies)
    told.world.put("site", "s1", {"id": "s1", "name": {"en": "South"}})
    told.world.put("trunk", "l1", LINK)
    told.gateway.usual = there
    return told


def went_along(told: Story) -> Brought:
    came = read(told.gateway.rung[-1][1].data)
    assert came is not None
    return came


def test_a_distant_agent_is_asked_and_has_the_customer(dies: bool) -> None:
    """He knows whose contact it is before he answers; no right to call outside is needed."""
    told = linked(dies)
    told.world.put("agent", "a1001", told.world.config["agent", "a1001"] | {"may_call": []})
    told.say(m.Consult, number="2001")
    shown = told.gateway.rung[-1][1]
    assert (shown.called, shown.calling) == ("2001", CUSTOMER), "the customer's number, not ours"
    (contact,) = told.world.contacts()
    came = went_along(told)
    assert (came.contact, came.site, came.extension, came.queue) == (contact, {"en": "South"}, "1001", {"en": "Service"})
    assert came.called == "96900"
    assert told.consultation() == ("talking", True)
    told.say(m.Transfer)
    assert told.mine().state == "wrapping_up"
    assert told.customer_hears() == {"gateway"}
    told.end()
    assert [fact.cause for fact in told.world.facts(m.OutsideEnded)] == ["customer_left"]
    assert all(CUSTOMER not in repr(event.payload) for event in told.world.events()), "nothing personal in the ledger"


@pytest.mark.parametrize("there", [IGNORES, REFUSES, BUSY], ids=["no answer", "refused", "busy"])
def test_whom_nobody_takes_there_comes_back_to_the_agent(dies: bool, there: Behaviour) -> None:
    told = linked(dies, there)
    told.say(m.Transfer, 40.0, number="2001")
    assert told.mine().state == "active"
    assert told.customer_hears() == {"1001"}
    assert {fact.cause for fact in told.world.facts(m.WrapUpEnded)} <= {"came_back", "time_limit"}
    told.end("back", "again")


def test_an_agent_who_has_gone_gets_nobody_back(dies: bool) -> None:
    """The customer is first in his queue instead."""
    told = linked(dies, IGNORES)
    told.say(m.Transfer, number="2001")
    told.world.try_obey(m.WrapUp(agent="a1001", assignment=told.mine().id, next_state="not_ready"))
    told.world.switch.unregister(f"{TENANT}/phone/1001")
    told.run(40)
    assert told.none("a1001")
    assert [fact.front for fact in told.world.facts(m.ContactQueued)][-1:] == [True]
    told.end("back", "again")


def test_a_consultation_that_nobody_answers_ends(dies: bool) -> None:
    told = linked(dies, REFUSES)
    told.say(m.Consult, number="2001")
    assert told.consultation() == ("over", True)
    told.say(m.Reconnect)
    assert told.customer_hears() == {"1001"}
    told.end()


# --- from there ----------------------------------------------------------------------------------------------------------------------


class There:
    """The other site: 1001 is on a break and has a telephone."""

    def __init__(self, die: bool, usual: Behaviour = TALKS) -> None:
        self.world, self._die = World(), die
        self.world.put("trunk", "l1", LINK | {"code": "link"})
        self.phone = self.world.agent("1001", usual=usual, ready=False)
        self.world.obey(m.SetAgentState(agent="a1001", state="not_ready", reason="lunch"))

    def run(self, seconds: float) -> None:
        self.world.run(seconds)
        if self._die:
            self.world.restart(0.3)
            self.world.run(0.3)

    def comes(self, called: str = "1001", data: str = "", *, linked: bool = True) -> str:
        data = data or written(CAME)
        return self.world.switch.arrive(TENANT, called, CUSTOMER, device=f"{TENANT}/trunk/link", linked=linked, data=data)

    def desk(self) -> dict[str, Any]:
        assert self.world.partition is not None
        self.world.partition.live.flush()
        shown = list(self.world.partition.live.document("desk.a1001")[1]["assignments"].values())
        return dict(shown[0]) if shown else {}

    def over(self) -> None:
        self.run(60)
        assert self.world.partition is not None
        for one in list(self.world.partition.acd.model.assignments()):
            self.world.try_obey(m.WrapUp(agent=one.agent, assignment=one.id))
        self.run(5)
        check_end(self.world, 0)
        check_journeys(self.world.events())


def test_the_desk_shows_who_it_is_before_the_first_word(dies: bool) -> None:
    told = There(dies, Behaviour(answer_after=3.0))
    customer = told.comes()
    told.run(1)
    desk = told.desk()
    assert (desk["state"], desk["calling"], desk["handed_over"]) == ("offered", CUSTOMER, True)
    assert desk["brought"] == {
        "contact": CAME.contact, "site": {"en": "North"}, "agent": {"extension": "1003", "name": "Li"}, "queue": "Service",
        "called": "96900", "customer": "Wang", "class": "", "note": "",
    }  # fmt: skip
    assert [(one["name"], one["value"], one["secret"]) for one in desk["data"]] == [("order", "4711", False), ("pin", "", True)]
    told.run(5)
    assert told.desk()["state"] == "active"
    (arrived,) = told.world.facts(ContactArrived)
    assert (arrived.origin, arrived.trunk, arrived.number) == (CAME.contact, "link", "1001"), "one journey, by reference"
    assert all(text not in repr(event.payload) for event in told.world.events() for text in ("Wang", "4711", CUSTOMER))
    told.run(5)
    told.world.switch.hang_up(customer)
    told.run(2)
    assert told.desk()["state"] == "wrapping_up"
    told.over()
    assert len(told.world.facts(RecordingEnded)) == 1, "recorded by this site's rules"


def test_the_agent_there_hangs_up(dies: bool) -> None:
    told = There(dies)
    told.comes()
    told.run(5)
    told.world.obey(m.HangUp(agent="a1001", assignment=told.desk()["id"]))
    told.over()
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["agent_left"]


def test_an_agent_there_who_is_lost_ends_it(dies: bool) -> None:
    """There is no queue in which the customer could wait: the first site hears it, and goes on with him."""
    told = There(dies)
    customer = told.comes()
    told.run(5)
    told.world.switch.unregister(f"{TENANT}/phone/1001")
    told.world.switch.lose(told.phone.rung[-1][0])
    told.run(45)
    assert customer not in told.world.switch.lines
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["agent_lost"]
    assert not told.world.facts(m.ContactQueued)
    told.over()


@pytest.mark.parametrize("usual", [IGNORES, REFUSES, BUSY], ids=["no answer", "refused", "busy"])
def test_nobody_answers_there(dies: bool, usual: Behaviour) -> None:
    told = There(dies, usual)
    told.comes()
    told.over()
    assert len(told.world.facts(ContactEnded)) == 1
    assert not told.world.facts(m.ContactTaken)


def test_the_other_site_gives_up_while_it_rings(dies: bool) -> None:
    told = There(dies, IGNORES)
    customer = told.comes()
    told.run(2)
    told.world.switch.hang_up(customer)
    told.over()
    assert [fact.cause for fact in told.world.facts(m.HandoverEnded)] == ["customer_left"]


def test_who_is_busy_or_gone_is_not_rung(dies: bool) -> None:
    told = There(dies)
    first = told.comes()
    told.run(5)
    told.comes()
    told.run(5)
    assert len(told.world.contacts()) == 1, "the second is refused, and no contact"
    told.world.switch.hang_up(first)
    told.run(60)
    told.world.obey(m.WrapUp(agent="a1001", assignment=told.desk()["id"]))
    told.world.obey(m.SetAgentState(agent="a1001", state="logged_off"))
    told.comes()
    told.comes("1999")
    told.over()
    assert len(told.phone.rung) == 1


def test_without_a_link_a_persons_number_leads_nowhere(dies: bool) -> None:
    told = There(dies)
    told.comes(linked=False)
    told.run(3)
    assert not told.world.contacts()
    assert not told.phone.rung


def test_a_colleague_there_calls_without_a_customer(dies: bool) -> None:
    """No card is made of his number."""
    told = There(dies)
    told.comes(data="nothing that can be read")
    told.run(5)
    assert told.desk()["brought"] is None
    assert told.desk()["state"] == "active"
    assert not [one for outcome in told.world.outcomes for one in outcome.questions]
    told.world.switch.hang_up(next(iter(told.world.switch.lines)))
    told.over()


def test_what_travels_is_short_and_its_contact_an_id() -> None:
    long = msgspec.structs.replace(CAME, customer_note="备" * 900, data=tuple(Value(name=f"n{n}", value="值" * 500) for n in range(40)))
    text = written(long)
    assert len(text.encode()) <= 3_000
    came = read(text)
    assert came is not None
    assert came.contact == CAME.contact
    assert len(came.data) < 40
    assert read(written(msgspec.structs.replace(CAME, contact="Wang 13800000001"))) is None
    assert read('{"contact": 5}') is None
    assert read("") is None

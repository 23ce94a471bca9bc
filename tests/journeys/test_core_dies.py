"""Core dies and comes back: the waiting keep their place, the talking talk, those in the menu hear it again, nobody is stuck."""

from __future__ import annotations

import random

import pytest
from tests.journeys.histories import check_end, check_now
from tests.journeys.world import TENANT, World

from yitong.contact.messages import ContactAnswered, ContactArrived, ContactEnded
from yitong.ct.model import Cause, DeviceKind
from yitong.domains.acd import messages as m
from yitong.kit.clock import SECOND
from yitong.sim.callers import Customer, Press, UntilAsked, UntilHears
from yitong.sim.faults import seeded
from yitong.sim.switch import IGNORES, Behaviour

TO_A_PERSON = (UntilAsked(), Press("0"))


def agents(world: World, count: int, usual: Behaviour) -> None:
    for number in range(1001, 1001 + count):
        world.agent(str(number), usual=usual)


@pytest.mark.case("K4", "K11")
@pytest.mark.parametrize("saved", [True, False])
def test_everybody_is_where_he_was(saved: bool) -> None:
    """20 talk, 5 wait, 5 are in the menu, 2 ring, 1 wraps up; core is away for 4 s, 5 new calls and 3 hang-ups meanwhile."""
    world = World()
    talk = Behaviour(answer_after=1.0)
    agents(world, 20, talk)
    talking = [world.caller(f"1{number:04}", steps=TO_A_PERSON) for number in range(20)]
    world.run(8)
    world.agent("1900", usual=Behaviour(answer_after=1.0, hang_up_after=3.0), skills={"service": 5})
    queue = world.config["queue", "q1"]
    world.put("queue", "q1", {**queue, "wrap_up_seconds": 0})
    wrapped = world.caller("19000", steps=TO_A_PERSON)
    world.run(9)
    for extension in ("1901", "1902"):
        world.agent(extension, usual=IGNORES)
    ringing = [world.caller(f"2{number}", steps=TO_A_PERSON) for number in range(2)]
    world.run(5)
    waiting = []
    for number in range(5):
        waiting.append(world.caller(f"3{number}", steps=TO_A_PERSON))
        world.run(1)
    world.run(3)
    in_menu = [world.caller(f"4{number}", steps=(UntilHears("menu"), UntilHears("nothing"))) for number in range(5)]
    world.run(3.5)
    if saved:
        world.save()
    before = {one.id: one.state for one in world.partition.acd.model.assignments()}  # type: ignore[union-attr]
    order = sorted(world.partition.acd.model.queued)  # type: ignore[union-attr]
    assert sorted(before.values()) == ["active"] * 20 + ["offered"] * 2 + ["wrapping_up"]
    began = world.timeline.now
    world.kill()
    new = [world.caller(f"5{number}", steps=TO_A_PERSON) for number in range(5)]
    for customer in (talking[0], waiting[0], in_menu[0]):
        customer.hang_up()
    world.run(4)
    world.start()
    world.run(0.5)
    model = world.partition.acd.model  # type: ignore[union-attr]
    after = {one.id: one.state for one in model.assignments()}
    assert sorted(after.values()) == ["active"] * 19 + ["offered"] * 2 + ["wrapping_up"] * 2
    assert {key for key, state in after.items() if state == "offered"} == {key for key, state in before.items() if state == "offered"}
    assert all(not customer.ended for customer in (*talking[1:], *waiting[1:], *in_menu[1:], *ringing, *new))
    assert all(seen.at < began for customer in talking[1:] for seen in customer.seen), "the talking noticed nothing"
    gone = world.facts(m.ContactLeftQueue)[-1]
    assert [key for key in order if key in model.queued] == [key for key in order if key != gone.contact]
    assert all(customer.seen[-1].detail == "zh/menu.wav" for customer in in_menu[1:])
    world.run(30)
    assert len([one for one in world.partition.acd.model.assignments() if one.state == "active"]) == 19  # type: ignore[union-attr]
    assert wrapped.talked_to
    arrived = {fact.contact: fact for fact in world.facts(ContactArrived)}
    assert len(arrived) == 20 + 1 + 2 + 5 + 5 + 5


def test_the_order_of_the_waiting_and_their_time_survive() -> None:
    world = World()
    world.agent("1001", usual=Behaviour(answer_after=1.0, hang_up_after=5.0), ready=False)
    for number in range(20):
        world.caller(f"3{number:02}", steps=TO_A_PERSON)
        world.run(0.3)
    world.run(10)
    world.restart(2.0)
    world.run(1)
    world.obey(m.SetAgentState(agent="a1001", state="ready"))
    world.run(600)
    served = world.facts(m.OfferAnswered)
    assert [fact.contact for fact in served] == world.contacts()
    assert served[0].waited_us > 14 * SECOND


@pytest.mark.case("K12")
def test_a_thousand_calls_and_twenty_kills() -> None:
    """Exactly one record per call, and the sum of the durations is the switch's, within one per cent."""
    rolls = random.Random(7)
    world = World(faults=seeded(7, lose=0.01, double=0.02, delay=0.05, late_seconds=0.3))
    agents(world, 12, Behaviour(answer_after=1.5, hang_up_after=20.0))
    customers: list[Customer] = []
    kills = set(rolls.sample(range(1000), 20))
    for number in range(1000):
        customers.append(world.caller(f"1{number:05}", steps=(*TO_A_PERSON, UntilHears("survey"), Press("1")), patience=200.0))
        world.run(rolls.uniform(0.5, 4.5))
        if number in kills:
            world.restart(rolls.uniform(0.0, 3.0))
        if number % 10 == 0:
            world.save()
            check_now(world)
    world.run(300)
    for customer in customers:
        customer.hang_up()
    world.run(60)
    check_end(world, 1000)
    assert len(world.contacts()) == 1000
    answered = {event.contact: event.occurred_at for event in world.events() if event.type == ContactAnswered.TYPE}
    ours = sum(event.occurred_at - answered[event.contact] for event in world.events() if event.type == ContactEnded.TYPE)
    accepted = [(customer.seen, next(seen.at for seen in customer.seen if seen.what == "accepted")) for customer in customers]
    theirs = sum(next(one.at for one in seen if one.what in ("released", "hung_up")) - at for seen, at in accepted)
    assert abs(ours - theirs) < theirs * 0.01


@pytest.mark.parametrize("returns", [True, False], ids=["the page comes back", "it does not"])
@pytest.mark.parametrize("saved", [True, False])
def test_a_page_that_is_lost_while_core_is_dead_has_not_hung_up(saved: bool, returns: bool) -> None:
    """As with a living core: half a minute to come back, then the front of the queue."""
    world = World()
    page = world.agent("1001", usual=Behaviour(answer_after=1.0), kind=DeviceKind.PAGE).device.device
    customer = world.caller(steps=TO_A_PERSON)
    world.run(12)
    assert customer.talked_to
    if saved:
        world.save()
    world.kill()
    world.switch.unregister(page)
    world.switch.lose(next(name for name, one in world.switch.lines.items() if one.device is not None), Cause.SIGNALLING_LOST)
    world.run(2)
    world.start()
    (mine,) = world.partition.acd.model.assignments()  # type: ignore[union-attr]
    assert mine.state == "interrupted"
    if returns:
        world.run(5)
        world.switch.register(TENANT, "1001", kind=DeviceKind.PAGE, usual=Behaviour(answer_after=0.5))
        world.run(4)
        (mine,) = world.partition.acd.model.assignments()  # type: ignore[union-attr]
        assert mine.state == "active"
        assert len(world.facts(m.AssignmentResumed)) == 1
    else:
        world.run(31)
        assert world.facts(m.ContactQueued)[-1].front
        assert [fact.cause for fact in world.facts(m.AssignmentEnded)] == ["agent_lost"]
    assert not customer.ended
    customer.hang_up()
    world.run(90)  # a recording whose end nobody heard of is given up
    check_end(world, 1)

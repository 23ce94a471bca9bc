"""Everything dies at once: what was running ends at the last moment that is known, not when somebody switches on again."""

from __future__ import annotations

from typing import Any

import pytest
from tests.journeys.histories import check_end, check_now
from tests.journeys.world import World

from yitong.contact.messages import ContactEnded, SegmentEnded
from yitong.domains.acd import messages as m
from yitong.kit.clock import SECOND
from yitong.sim.callers import Press, UntilAsked
from yitong.sim.switch import Behaviour

AWAY = 3600.0
TO_A_PERSON = (UntilAsked(), Press("0"))


def ended_at(world: World, kind: type[Any]) -> dict[str, int]:
    """When the fact of ``kind`` occurred, by contact."""
    return {event.contact: event.occurred_at for event in world.events() if event.type == kind.TYPE}


@pytest.mark.case("K10")
@pytest.mark.parametrize("saved", [True, False])
def test_running_calls_end_at_the_last_known_time(saved: bool) -> None:
    """Two talk, one waits, one is in the menu; an hour without power."""
    world = World()
    for number in ("1001", "1002"):
        world.agent(number, usual=Behaviour(answer_after=1.0))
    for index in range(3):
        world.caller(f"1{index}", steps=TO_A_PERSON)
    world.run(30)
    world.caller("14", steps=())
    world.run(2)
    if saved:
        world.save()
    talking = [one.contact for one in world.partition.acd.model.assignments()]  # type: ignore[union-attr]
    assert len(talking) == 2
    cut = world.timeline.now
    world.kill()
    world.switch.power_cut()
    world.run(AWAY)
    world.start()
    check_now(world)

    assert ended_at(world, ContactEnded) == dict.fromkeys(world.contacts(), cut)
    assert {fact.cause for fact in world.facts(ContactEnded)} == {"interrupted"}
    assert set(ended_at(world, SegmentEnded)) == set(world.contacts())
    assert {event.occurred_at for event in world.events() if event.type == SegmentEnded.TYPE and event.cause == "interrupted"} == {cut}
    talks = {fact.contact: fact.talk_us for fact in world.facts(m.AssignmentEnded)}
    assert sorted(talks) == sorted(talking)
    assert all(0 < talk < 32 * SECOND for talk in talks.values()), talks
    left = world.facts(m.ContactLeftQueue)
    assert max(fact.waited_us for fact in left) < 32 * SECOND
    world.run(120)
    check_end(world, 4)
    assert not list(world.partition.acd.model.assignments())  # type: ignore[union-attr]


@pytest.mark.case("K10")
def test_work_goes_on_after_a_power_cut() -> None:
    world = World()
    world.agent("1001", usual=Behaviour(answer_after=1.0))
    world.caller("11", steps=TO_A_PERSON)
    world.run(20)
    world.kill()
    world.switch.power_cut()
    world.run(AWAY)
    world.start()
    world.run(120)
    world.agent("1001", usual=Behaviour(answer_after=1.0, hang_up_after=5.0))
    again = world.caller("12", steps=TO_A_PERSON)
    world.run(60)
    assert again.talked_to
    check_now(world)


def test_what_ended_while_core_was_away_ended_then() -> None:
    """The switch lived on and told when: the caller hung up after three seconds of sixty."""
    world = World()
    world.agent("1001", usual=Behaviour(answer_after=1.0))
    customer = world.caller("11", steps=TO_A_PERSON)
    world.run(20)
    world.save()
    world.kill()
    world.run(3)
    at = world.timeline.now
    customer.hang_up()
    world.run(57)
    world.start()
    assert ended_at(world, ContactEnded) == dict.fromkeys(world.contacts(), at)
    ended = world.facts(ContactEnded)[0]
    assert (ended.by, ended.cause) == ("customer", "normal")
    assert 20 * SECOND < world.facts(m.AssignmentEnded)[0].talk_us + 4 * SECOND < 28 * SECOND

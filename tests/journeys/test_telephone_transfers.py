"""A desk telephone transfers by itself: core lets the customer talk with whom it chose, and goes on with him afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.journeys.histories import check_end
from tests.journeys.test_several_at_one_contact import Story
from tests.journeys.world import SITE

from yitong.ct.services import SingleStepTransfer, Target
from yitong.domains.acd import messages as m
from yitong.flow.messages import SideFlowBegan
from yitong.sim.switch import IGNORES


@pytest.fixture(params=[False, True], ids=["core lives", "core dies after every step"])
def story(request: pytest.FixtureRequest) -> Callable[..., Story]:
    return lambda **fields: Story(die=request.param, **fields)


def device_of(told: Story, number: str) -> str:
    return next(name for name, one in told.world.switch.devices.items() if one.number == number)


def connection_of(told: Story, number: str) -> str:
    """The connection of an agent's telephone."""
    table = told.world.switch.function.table.connections
    return next(name for name, one in table.items() if one.device == device_of(told, number))


def refer(told: Story, number: str) -> None:
    """What the soft switch does for a REFER of the telephone of 1001."""
    switch, mine = told.world.switch, connection_of(told, "1001")
    one = switch.function.table.connections[mine]
    service = SingleStepTransfer(
        id="by-telephone", tenant=one.tenant, epoch=switch.function.epochs.get((one.tenant, one.site), 0), connection=mine,
        target=Target(connection="target", device=device_of(told, number)),
    )  # fmt: skip
    switch._do(lambda now: switch.function.ask(service, now, one.site))
    told.run(4)


def test_the_customer_talks_on_and_the_flow_goes_on_afterwards(story: Callable[..., Story]) -> None:
    told = story()
    refer(told, "1002")
    assert told.customer_hears() == {"1002"}
    assert told.mine().state == "wrapping_up"
    told.run(20)
    assert told.customer_hears() == {"1002"}, "nobody takes the customer out of the talk"
    told.world.switch.hang_up("target")
    told.run(15)
    kinds = [fact.kind for fact in told.world.facts() if type(fact).__name__ == "SegmentBegan"]
    assert kinds == ["ivr", "queue", "agent", "outside", "survey"]
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["transferred"]


def test_the_customer_hangs_up_with_whom_the_telephone_chose(story: Callable[..., Story]) -> None:
    told = story()
    refer(told, "1002")
    told.end()
    assert [fact.cause for fact in told.world.facts(m.OutsideEnded)] == ["customer_left"]


def test_a_transfer_that_nobody_takes_changes_nothing(story: Callable[..., Story]) -> None:
    told = story(second=IGNORES)
    refer(told, "1002")
    told.run(40)
    assert told.mine().state == "active"
    assert told.customer_hears() == {"1001"}
    told.end()


def test_two_calls_of_a_telephone_become_one(story: Callable[..., Story]) -> None:
    """The telephone holds, calls a colleague by itself, and brings both together (REFER with Replaces)."""
    told = story()
    switch, mine = told.world.switch, connection_of(told, "1001")
    switch.hold(mine)
    told.run(2)
    second = switch.call_from(device_of(told, "1001"), "1002")
    told.run(5)

    def join(now: int) -> None:
        assert switch.function.join_calls(mine, second, now)

    switch._do(join)
    told.run(3)
    assert told.customer_hears() == {"1002"}
    assert told.mine().state == "wrapping_up"
    told.end()


def test_a_customer_whom_a_telephone_gives_to_a_number_is_in_its_flow(story: Callable[..., Story]) -> None:
    told = story()
    world, mine = told.world, connection_of(told, "1001")
    steps = {"bye": {"kind": "play", "prompts": ["goodbye"], "next": {"done": "end"}}, "end": {"kind": "hang_up"}}
    world.put("flow", "f9", {"id": "f9", "code": "other", "published_version": 1, "document": {
        "schema_version": 1, "name": {"en": "Other"}, "start": "bye", "steps": steps,
    }})  # fmt: skip
    world.put("number", "n9", {"id": "n9", "number": "96909", "trunk": "", "calling": "", "flow": "f9", "site": SITE})
    assert world.switch.ask_transfer(mine, "96909")
    told.run(1)
    assert told.mine().state == "wrapping_up"
    told.run(20)
    assert [fact.flow for fact in world.facts(SideFlowBegan)] == ["f9"]
    assert [fact.cause for fact in world.facts(m.AssignmentEnded)] == ["transferred"]
    told.run(60)
    check_end(world, 1)


def test_a_number_without_a_flow_changes_nothing(story: Callable[..., Story]) -> None:
    told = story()
    told.world.switch.ask_transfer(connection_of(told, "1001"), "000")
    told.run(2)
    assert (told.mine().state, told.customer_hears()) == ("active", {"1001"})

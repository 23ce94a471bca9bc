"""A desk telephone transfers by itself: core lets the customer talk with whom it chose, and goes on with him afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.journeys.histories import check_end, check_journeys
from tests.journeys.test_several_at_one_contact import Story
from tests.journeys.world import SITE, TENANT, World

from yitong.contact.messages import ContactArrived, ContactEnded
from yitong.ct.model import DeviceKind
from yitong.ct.services import SingleStepTransfer, Target
from yitong.ct.switching.ports import Invitation
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment
from yitong.domains.quality.messages import RecordingEnded
from yitong.flow.messages import SideFlowBegan
from yitong.sim.switch import IGNORES, Behaviour, SimLine

NUMBER = "02150001234"


@pytest.fixture(params=[False, True], ids=["core lives", "core dies after every step"])
def story(request: pytest.FixtureRequest) -> Callable[..., Story]:
    return lambda **fields: Story(die=request.param, **fields)


@pytest.fixture(params=[False, True], ids=["core lives", "core dies"])
def dies(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


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
    assert kinds == ["ivr", "queue", "agent", "agent", "survey"], "a colleague has the contact as if he had been asked at the desk"
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["transferred", "agent_left"]
    assert len(told.world.facts(RecordingEnded)) == 2, "both talks are recorded"


def test_the_customer_hangs_up_with_whom_the_telephone_chose(story: Callable[..., Story]) -> None:
    told = story()
    refer(told, "1002")
    told.end()
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["transferred", "customer_left"]


def test_an_outside_number_that_the_telephone_chose(story: Callable[..., Story]) -> None:
    told = story()
    refer(told, "gateway")
    assert told.mine().state == "wrapping_up"
    told.end()
    assert [fact.cause for fact in told.world.facts(m.OutsideEnded)] == ["customer_left"]


def test_a_transfer_that_nobody_takes_changes_nothing(story: Callable[..., Story]) -> None:
    told = story(second=IGNORES)
    refer(told, "1002")
    told.run(40)
    assert told.mine().state == "active"
    assert told.customer_hears() == {"1001"}
    told.end()


def held(told: Story, agent: str) -> list[Assignment]:
    """What an agent has."""
    assert told.world.partition is not None
    return [one for one in told.world.partition.acd.model.assignments() if one.agent == agent]


def join(told: Story, first: str, second: str) -> None:
    """REFER with Replaces in the call of ``first``."""
    switch = told.world.switch

    def happen(now: int) -> None:
        assert switch.function.join_calls(first, second, now)

    switch._do(happen)
    told.run(3)


@pytest.mark.parametrize("turned", [False, True], ids=["asked in the customer's call", "asked in the second call"])
def test_two_calls_of_a_telephone_become_one(story: Callable[..., Story], turned: bool) -> None:
    """The telephone holds, calls a colleague by itself, and brings both together (REFER with Replaces)."""
    told = story()
    switch, mine = told.world.switch, connection_of(told, "1001")
    switch.hold(mine)
    told.run(2)
    second = switch.call_from(device_of(told, "1001"), "1002")
    told.run(5)
    assert [one.inside is not None for one in held(told, "a1002")] == [True], "the colleague is busy with him"
    join(told, *((second, mine) if turned else (mine, second)))
    assert told.customer_hears() == {"1002"}
    assert told.mine().state == "wrapping_up"
    assert [(one.contact, one.state) for one in held(told, "a1002")] == [(told.world.contacts()[0], "active")]
    told.run(30)
    told.end()
    assert [fact.cause for fact in told.world.facts(m.InsideEnded)] == ["joined", "joined"]


@pytest.mark.parametrize("answered", [True, False], ids=["who answered", "who still rings"])
def test_a_customer_is_brought_together_with_an_outside_number(story: Callable[..., Story], answered: bool) -> None:
    """That number was a contact of its own from when it was dialled; from now on it belongs to the customer's."""
    told = story()
    world, switch, mine = told.world, told.world.switch, connection_of(told, "1001")
    told.gateway.will(Behaviour(answer_after=1.0 if answered else 9.0))
    switch.hold(mine)
    told.run(1)
    second = switch.call_from(device_of(told, "1001"), NUMBER)
    told.run(3)
    join(told, mine, second)
    told.run(8)
    assert told.customer_hears() == {"gateway"}
    first, dialled = world.contacts()
    assert [fact.cause for fact in world.facts(ContactEnded, contact=dialled)] == ["transferred"]
    assert NUMBER not in repr(world.events())
    told.run(30)
    told.end()
    assert [fact.cause for fact in world.facts(m.OutsideEnded, contact=first)] == ["customer_left"]
    check_journeys(world.events())


def test_an_agent_goes_on_at_another_telephone_of_his(story: Callable[..., Story]) -> None:
    """INVITE with Replaces: the contact stays his, and its recording goes on."""
    told = story()
    switch, mine = told.world.switch, connection_of(told, "1001")
    page = switch.register(TENANT, "1001", kind=DeviceKind.PAGE, usual=IGNORES).device
    switch.lines["taken"] = SimLine(device=switch.devices[page.device])

    def take(now: int) -> None:
        switch.function.replaced(
            mine, connection="taken", device=page.device, kind=DeviceKind.PAGE, invitation=Invitation(calling="1001"), now=now
        )

    switch._do(take)
    told.run(3)
    assert (told.mine().state, told.mine().connection, told.mine().device) == ("active", "taken", page.device)
    assert told.customer_hears() == {"1001"}
    told.end()
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["customer_left"]
    assert len(told.world.facts(RecordingEnded)) == 2


def goes_on(told: Story, number: str) -> str:
    """INVITE with Replaces: an agent takes what is at his telephone to his page; its connection."""
    switch, old = told.world.switch, connection_of(told, number)
    page = switch.register(TENANT, number, kind=DeviceKind.PAGE, usual=IGNORES).device
    switch.lines[f"taken-{number}"] = SimLine(device=switch.devices[page.device])

    def take(now: int) -> None:
        switch.function.replaced(
            old, connection=f"taken-{number}", device=page.device, kind=DeviceKind.PAGE, invitation=Invitation(calling=number), now=now
        )

    switch._do(take)
    told.run(3)
    return f"taken-{number}"


def test_who_consults_goes_on_at_another_telephone(story: Callable[..., Story]) -> None:
    """The customer goes on waiting, the two go on talking, and everything can be done as before."""
    told = story()
    told.say(m.Consult, number="1002")
    taken = goes_on(told, "1001")
    assert (told.mine().connection, told.consultation(), told.customer_hears()) == (taken, ("talking", True), {"music"})
    told.say(m.Alternate)
    assert (told.consultation(), told.customer_hears()) == (("talking", False), {"1001"})
    told.say(m.Alternate)
    told.say(m.Reconnect)
    assert (told.consultation(), told.customer_hears()) == (None, {"1001"})
    assert told.none("a1002")
    told.end()


def test_who_is_consulted_goes_on_at_another_telephone(story: Callable[..., Story]) -> None:
    told = story()
    told.say(m.Consult, number="1002")
    taken = goes_on(told, "1002")
    assert (told.mine("a1002").connection, told.mine("a1002").state) == (taken, "active")
    assert (told.consultation(), told.customer_hears()) == (("talking", True), {"music"})
    told.say(m.Alternate)
    told.say(m.Alternate)
    assert told.consultation() == ("talking", True)
    told.say(m.Transfer)
    assert told.customer_hears() == {"1002"}
    assert told.mine("a1002").host == ""
    told.end()


def test_a_consultation_ends_with_whom_it_was_moved_to(story: Callable[..., Story]) -> None:
    told = story()
    told.say(m.Consult, number="1002")
    told.world.switch.hang_up(goes_on(told, "1002"))
    told.run(3)
    assert told.consultation() == ("over", True)
    assert told.none("a1002")
    told.say(m.Reconnect)
    assert told.customer_hears() == {"1001"}
    told.end()


@pytest.mark.parametrize("by", ["1001", "1002"], ids=["by who called", "by who was called"])
def test_a_call_between_agents_that_goes_outside_is_a_contact(by: str, dies: bool) -> None:
    """From when the number answers: told, recorded, worked after; core may die then."""
    world = World()
    for number in ("1001", "1002"):
        world.agent(number, usual=Behaviour(answer_after=1.0))
    gateway = world.switch.register(TENANT, "gateway", kind=DeviceKind.TRUNK, usual=Behaviour(answer_after=2.0))
    world.obey(m.CallInside(agent="a1001", number="1002"))
    world.run(5)
    table, function = world.switch.function.table.connections, world.switch.function
    mine = next(name for name, one in table.items() if one.device == f"{TENANT}/phone/{by}")
    epoch = function.epochs[TENANT, SITE]
    target = Target(connection="outside", number=NUMBER)
    service = SingleStepTransfer(id="refer", tenant=TENANT, epoch=epoch, connection=mine, target=target)
    world.switch._do(lambda now: function.ask(service, now, SITE))
    world.run(1)
    assert not world.contacts(), "nobody has answered yet"
    world.run(3)
    if dies:
        world.restart(0.5)
        world.run(12)
    (contact,) = world.contacts()
    other = "a1002" if by == "1001" else "a1001"
    assert world.partition is not None
    (held,) = list(world.partition.acd.model.assignments())
    assert (held.agent, held.contact, held.state) == (other, contact, "active")
    (arrived,) = world.facts(ContactArrived)
    assert (arrived.direction, arrived.connection) == ("out", "outside")
    assert gateway.rung[-1][1].called == NUMBER
    world.switch.hang_up("outside")
    world.run(3)
    world.obey(m.WrapUp(agent=other, assignment=held.id))
    world.run(5)
    check_end(world, 0)
    check_journeys(world.events())
    assert len(world.facts(RecordingEnded)) == 1


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

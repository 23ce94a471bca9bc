"""Calls to outside numbers by a trunk, against every switch (H44 H48 H52)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.switches.ears import Ears
from tests.switches.rigs import CALLING, MUSIC, TENANT, Phone, Rig
from tests.switches.situations import answered_caller, make, new_id, talking

from yitong.ct import services
from yitong.ct.events import CallCleared, ConnectionCleared, Delivered, Established, Failed, Originated, ServiceFailed, Transferred
from yitong.ct.model import Cause, DeviceKind, Dialled, StandingOrder

MOBILE = "13911112222"


@pytest.mark.req("H44", "H48")
async def test_make_goes_on_to_an_outside_number(rig: Rig) -> None:
    phone, gateway = await rig.phone("1001"), await rig.gateway("out")
    call, own = new_id(), new_id()
    rig.ask(make(services.Make, call=call, connection=own, device=phone.device, called=MOBILE, calling="96900"))
    await phone.pick_up()
    told = await rig.until(Originated, call=call, device=gateway.device)
    assert told.kind is DeviceKind.TRUNK
    await rig.until(Delivered, connection=told.connection)
    assert (gateway.called_shown(), gateway.calling_shown()) == (MOBILE, "96900")
    await gateway.pick_up()
    await rig.until(Established, connection=told.connection)
    await Ears(rig, agent=phone, customer=gateway).hear(agent="customer", customer="agent")
    await phone.hang_up()
    await rig.until(CallCleared, call=call)


async def test_without_a_way_out_the_made_call_ends(rig: Rig) -> None:
    phone = await rig.phone("1001")
    call = new_id()
    rig.ask(make(services.Make, call=call, connection=new_id(), device=phone.device, called=MOBILE))
    await phone.pick_up()
    told = await rig.until(Failed, call=call)
    assert told.cause is Cause.NO_SUCH_NUMBER
    await rig.until(CallCleared, call=call)


@pytest.mark.req("H52")
async def test_a_caller_is_routed_to_an_outside_number(rig: Rig) -> None:
    gateway = await rig.gateway("out")
    far = await answered_caller(rig)
    connection = new_id()
    rig.ask(make(services.Route, connection=far.connection, targets=(services.Target(connection=connection, number=MOBILE),)))
    await rig.until(Delivered, connection=connection)
    assert (gateway.called_shown(), gateway.calling_shown()) == (MOBILE, CALLING)
    await gateway.pick_up()
    await rig.until(Established, connection=connection)
    await Ears(rig, customer=far, colleague=gateway).hear(customer="colleague", colleague="customer")


async def test_the_first_to_answer_inside_or_outside_has_the_caller(rig: Rig) -> None:
    phone, gateway = await rig.phone("1001"), await rig.gateway("out")
    far = await answered_caller(rig)
    inside, outside = services.Target(connection=new_id(), device=phone.device), services.Target(connection=new_id(), number=MOBILE)
    rig.ask(make(services.Route, connection=far.connection, targets=(inside, outside)))
    await rig.until(Delivered, connection=inside.connection)
    await rig.until(Delivered, connection=outside.connection)
    await gateway.pick_up()
    await rig.until(Established, connection=outside.connection)
    await rig.until(ConnectionCleared, connection=inside.connection, cause=Cause.ANSWERED_ELSEWHERE)


async def test_the_agent_transfers_to_an_outside_number(rig: Rig) -> None:
    gateway = await rig.gateway("out")
    made = await talking(rig)
    assert made.far is not None
    target = services.Target(connection=new_id(), number=MOBILE)
    rig.ask(make(services.SingleStepTransfer, connection=made.agent, target=target))
    await rig.until(Delivered, connection=target.connection)
    await gateway.pick_up()
    await rig.until(Transferred, connection=made.agent, to_connection=target.connection)
    await Ears(rig, customer=made.far, expert=gateway).hear(customer="expert", expert="customer")


async def test_the_agent_consults_outside_and_brings_both_together(rig: Rig) -> None:
    gateway = await rig.gateway("out")
    made = await talking(rig)
    assert made.far is not None
    target = services.Target(connection=new_id(), number=MOBILE)
    rig.ask(make(services.Consult, connection=made.agent, target=target, music=MUSIC))
    await rig.until(Delivered, connection=target.connection)
    await gateway.pick_up()
    await rig.until(Established, connection=target.connection)
    ears = Ears(rig, customer=made.far, agent=made.phone, expert=gateway)
    await ears.hear(customer="music", agent="expert", expert="agent")
    rig.ask(make(services.Conference, connection=made.agent))
    await ears.hear(customer="agent expert", agent="customer expert", expert="customer agent")


@pytest.mark.parametrize("act", ["refuses", "is busy"])
async def test_an_outside_number_that_does_not_take_the_call_fails_with_its_cause(rig: Rig, act: str) -> None:
    gateway = await rig.gateway("out")
    far = await answered_caller(rig)
    connection = new_id()
    if act == "is busy":
        gateway.is_busy()
    order = StandingOrder(wait_seconds=5.0)
    rig.ask(make(services.Route, connection=far.connection, targets=(services.Target(connection=connection, number=MOBILE),), order=order))
    if act == "refuses":
        await gateway.refuse()
    told = await rig.until(Failed, connection=connection)
    assert told.cause is Cause.BUSY


async def test_a_phone_calls_outside_by_itself(rig: Rig) -> None:
    phone, gateway = await rig.phone("1001"), await rig.gateway("out")
    if hasattr(rig, "configure"):
        rig.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
        rig.configure("agent", "agent-1001", {"extension": "1001", "may_call": ["mobile"]})
    await phone.call(MOBILE)
    told = await rig.until(Delivered, device=gateway.device)
    await gateway.pick_up()
    await rig.until(Established, connection=told.connection)
    await Ears(rig, agent=phone, customer=gateway).hear(agent="customer", customer="agent")


def waits_for_core(rig: Rig, seconds: float = 5.0) -> None:
    """As in the product: what a telephone dials waits for core."""
    switch: Any = rig.switch  # type: ignore[attr-defined]
    board = (switch.lines.function if hasattr(switch, "answering") else switch.function).board
    board.options = replace(board.options, dial_seconds=seconds)


async def dials(rig: Rig, number: str = MOBILE) -> tuple[Phone, Originated, Dialled]:
    """A telephone dials and core is told."""
    phone = await rig.phone("1001")
    if hasattr(rig, "configure"):
        rig.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
        rig.configure("agent", "agent-1001", {"extension": "1001", "may_call": ["mobile"]})
    await phone.call(number)
    told = await rig.until(Originated, device=phone.device)
    assert told.dialled is not None
    assert rig.snapshot().connections[0].dialled == told.dialled, "whoever missed the event finds it in the picture"
    return phone, told, told.dialled


async def test_what_a_telephone_dials_is_rung_by_core(rig: Rig) -> None:
    waits_for_core(rig)
    gateway = await rig.gateway("out")
    phone, told, dialled = await dials(rig)
    assert (dialled.number, dialled.calling, dialled.device) == (MOBILE, "1001", "")
    target = services.Target(connection=dialled.connection, number=MOBILE)
    rig.ask(make(services.Route, connection=told.connection, targets=(target,)))
    await rig.until(Delivered, connection=dialled.connection)
    assert rig.snapshot().connections[0].dialled is None
    await gateway.pick_up()
    await rig.until(Established, connection=dialled.connection)
    await rig.until(Established, connection=told.connection)
    await Ears(rig, agent=phone, customer=gateway).hear(agent="customer", customer="agent")
    rig.ask(make(services.Route, connection=told.connection, targets=(services.Target(connection=new_id(), number=MOBILE),)))
    await rig.until(ServiceFailed, reason="wrong_state")


async def test_what_a_telephone_dials_is_refused_by_core(rig: Rig) -> None:
    waits_for_core(rig)
    await rig.gateway("out")
    _, told, _ = await dials(rig)
    rig.ask(make(services.Clear, connection=told.connection, cause=Cause.BUSY))
    await rig.until(CallCleared, call=told.call)


@pytest.mark.parametrize("silent", [False, True], ids=["core leaves it to the switch", "core is silent"])
async def test_what_a_telephone_dials_goes_on_by_itself(rig: Rig, silent: bool) -> None:
    waits_for_core(rig, 0.2 if silent else 5.0)
    other = await rig.phone("1002")
    _, told, dialled = await dials(rig, "1002")
    assert dialled.device == other.device
    if not silent:
        rig.ask(make(services.Route, connection=told.connection, targets=()))
    await rig.until(Delivered, connection=dialled.connection)
    assert other.calling_shown() == "1001"
    await other.pick_up()
    await rig.until(Established, connection=told.connection)


async def test_hanging_up_before_the_answer_cancels_outside(rig: Rig) -> None:
    gateway = await rig.gateway("out")
    far = await answered_caller(rig)
    connection = new_id()
    rig.ask(make(services.Route, connection=far.connection, targets=(services.Target(connection=connection, number=MOBILE),)))
    await rig.until(Delivered, connection=connection)
    await far.hang_up()
    await rig.until(ConnectionCleared, connection=connection, cause=Cause.CANCELLED)
    await rig.true(lambda: not gateway.is_ringing())


@pytest.mark.req("H52")
async def test_a_line_that_is_full_is_followed_by_the_next_and_nobody_hears_of_it(rig: Rig) -> None:
    full, other = await rig.gateway("full"), await rig.gateway("other")
    full.is_full()
    for number in (MOBILE, "13911112223"):  # whichever was first
        call, connection = new_id(), new_id()
        rig.ask(make(services.Make, call=call, connection=connection, device="", number=number, called="", calling="96900"))
        await rig.true(other.is_ringing)
        assert other.called_shown() == number
        await other.pick_up()
        told = await rig.until(Established, connection=connection)
        assert told.device == other.device
        assert [event for event in rig.events if isinstance(event, Failed)] == []
        rig.ask(make(services.Clear, connection=connection))
        await rig.until(CallCleared, call=call)


async def test_when_every_line_is_full_the_call_fails_once(rig: Rig) -> None:
    for code in ("one", "two"):
        (await rig.gateway(code)).is_full()
    call = new_id()
    rig.ask(make(services.Make, call=call, connection=new_id(), device="", number=MOBILE, called=""))
    told = await rig.until(Failed, call=call)
    assert told.cause is Cause.OVERLOADED
    await rig.until(CallCleared, call=call)
    assert len([event for event in rig.events if isinstance(event, Failed)]) == 1

"""A telephone account in the wrong hands: two calls outside at once, half an hour abroad a day, and an alarm (case R12)."""

from __future__ import annotations

import time

import pytest
from tests.figures import figure
from tests.switches.agents import Agent
from tests.switches.gateways import Gateway
from tests.switches.rigs import TENANT
from tests.switches.soft_rig import SoftRig
from tests.switches.test_halls import reborn
from tests.switches.test_phone_transfers import refer

from yitong.ct.events import ConnectionCleared
from yitong.ct.model import Cause
from yitong.ct.switches.soft import tolls

MOBILE, ABROAD, PAID = "13911112222", "0044207946000", "16812345"


async def thief(soft: SoftRig, *may: str) -> tuple[Agent, Gateway]:
    """A registered telephone whose agent may call ``may``, and the operator."""
    soft.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
    soft.configure("agent", "agent-1001", {"extension": "1001", "may_call": list(may)})
    operator = await soft.operator("op")
    return (await soft.phone("1001")).agent, operator


async def dial(soft: SoftRig, phone: Agent, number: str) -> int:
    """Call; the final status, or 0 when it rings."""
    phone.responses.clear()
    phone.call(number)
    await soft.true(lambda: any(status == 180 or status >= 400 for status in phone.responses if status not in (401, 407)))
    return next((status for status in phone.responses if status >= 400 and status not in (401, 407)), 0)


@pytest.mark.case("R12")
async def test_costly_numbers_are_denied_and_calls_at_once_are_few(soft: SoftRig) -> None:
    phone, operator = await thief(soft, "mobile")
    assert [await dial(soft, phone, number) for number in (ABROAD, PAID)] == [403, 403]
    assert [await dial(soft, phone, f"{MOBILE[:-1]}{digit}") for digit in range(3)] == [0, 0, 486]
    assert await dial(soft, phone, "110") == 0
    assert len(operator.invitations) == 3
    figure("R12", "abroad and premium denied unless given; of three calls at once by one account two leave, 110 leaves besides")


@pytest.mark.case("R12")
async def test_a_day_abroad_ends_the_running_call_and_refuses_the_next(soft: SoftRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tolls, "ABROAD_SECONDS", 0.5)
    phone, operator = await thief(soft, "international", "mobile")
    assert await dial(soft, phone, ABROAD) == 0
    operator.pick_up()
    await soft.true(lambda: phone.dialog is not None)
    began = time.monotonic()
    while not soft.switch.tolls.over:
        assert time.monotonic() < began + 10
        soft.switch.later(soft.switch.tolls.look)
        await soft.settle(0.05)
    await soft.until(ConnectionCleared, device=f"{TENANT}/trunk/op", cause=Cause.NOT_ALLOWED)
    await soft.true(lambda: phone.released and operator.released)
    assert await dial(soft, phone, ABROAD) == 403
    assert await dial(soft, phone, MOBILE) == 0
    figure("R12", f"a day's time abroad spent: the call ends within {tolls.LOOK_SECONDS:.0f} s, with an alarm; the next is refused")


@pytest.mark.case("R12")
async def test_what_a_telephone_gives_away_stays_on_its_account(soft: SoftRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thief who transfers one call after the other to costly numbers, and is in none of them himself."""
    monkeypatch.setattr(tolls, "ABROAD_SECONDS", 0.5)
    phone, operator = await thief(soft, "international", "mobile")
    assert await dial(soft, phone, MOBILE) == 0
    operator.pick_up()
    await soft.true(lambda: phone.dialog is not None)
    answers = refer(phone, f"<sip:{ABROAD}@127.0.0.1>")
    await soft.true(lambda: answers == [202] and operator.ringing is not None)
    operator.pick_up()
    await soft.true(lambda: phone.released)
    assert await dial(soft, phone, MOBILE) == 486, "two calls are on his account, though he is in none"
    began = time.monotonic()
    while not soft.switch.tolls.over:
        assert time.monotonic() < began + 10
        soft.switch.later(soft.switch.tolls.look)
        await soft.settle(0.05)
    await soft.until(ConnectionCleared, device=f"{TENANT}/trunk/op", cause=Cause.NOT_ALLOWED)
    await soft.true(lambda: not soft.snapshot().connections)
    assert await dial(soft, phone, MOBILE) == 0
    operator.pick_up()
    await soft.true(lambda: phone.dialog is not None)
    again = refer(phone, f"<sip:{ABROAD}@127.0.0.1>")
    await soft.true(lambda: again == [403])
    figure("R12", "a call given away by REFER counts on; after a day abroad a REFER there is refused as an INVITE is")


@pytest.mark.case("R12")
async def test_what_was_given_away_is_known_after_a_kill(soft: SoftRig) -> None:
    phone, operator = await thief(soft, "mobile")
    assert await dial(soft, phone, MOBILE) == 0
    device = next(one.device for one in soft.snapshot().connections if one.device != f"{TENANT}/trunk/op")
    operator.pick_up()
    await soft.true(lambda: phone.dialog is not None)
    answers = refer(phone, f"<sip:{MOBILE}@127.0.0.1>")
    await soft.true(lambda: answers == [202] and operator.ringing is not None)
    operator.pick_up()
    await soft.true(lambda: phone.released)
    await reborn(soft)
    soft.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
    assert soft.switch.tolls.refuses(device, TENANT, MOBILE) == 486, "two calls are on his account, though he is in none"

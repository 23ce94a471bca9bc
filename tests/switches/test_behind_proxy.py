"""Telephones behind a proxy (Debian's Kamailio): registration with Path, calls both ways along the recorded route."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.figures import figure
from tests.switches.agents import Agent
from tests.switches.ears import Ears
from tests.switches.proxy import Proxy
from tests.switches.rigs import TENANT
from tests.switches.soft_rig import SoftPhone, SoftRig, account
from tests.switches.test_phone_transfers import refer, told

from yitong.ct.events import CallCleared, Established, Held, Transferred

pytestmark = pytest.mark.kamailio


@pytest.fixture
async def proxy(soft: SoftRig, tmp_path: Path) -> AsyncIterator[Proxy]:
    one = Proxy(tmp_path, soft.server[1])
    await soft.true(one.ready, "the proxy answers")
    yield one
    one.close()


async def phone(soft: SoftRig, proxy: Proxy, number: str) -> SoftPhone:
    """A telephone that knows only the proxy."""
    soft.switch.configure(f"{TENANT}.account.a{number}", account(number))
    agent = Agent(number, proxy.address, "secret")
    soft.agents.append(await agent.open())
    agent.register()
    await soft.true(lambda: agent.registered == 200)
    return SoftPhone(soft, agent, number)


async def test_calls_through_a_proxy(soft: SoftRig, proxy: Proxy) -> None:
    """Everything goes by the proxy, and nothing past it: INVITE, ACK, re-INVITE, REFER, NOTIFY, BYE, in both directions."""
    one, other, third = [await phone(soft, proxy, number) for number in ("1001", "1002", "1003")]
    switch = soft.switch.registrations
    assert switch.route(one.device)[0][1].startswith(f"<sip:127.0.0.1:{proxy.address[1]};lr")
    await one.call("1002")
    await other.pick_up()
    await soft.true(lambda: one.agent.dialog is not None)
    ears = Ears(soft, customer=one, agent=other, colleague=third)
    await ears.hear(customer="agent", agent="customer")
    lines = list(soft.switch.lines.all.values())
    assert [len(line.dialog.route_set) for line in lines if line.dialog is not None] == [1, 1]
    assert {line.dialog.flow.port for line in lines if line.dialog is not None} == {proxy.address[1]}

    await soft.true(lambda: other.agent.acks == 1)
    await other.hold()
    held = await soft.until(Held)
    await other.retrieve()
    await ears.hear(customer="agent", agent="customer")
    assert held.call == lines[0].call

    answers = refer(one.agent, f"<sip:1003@{proxy.address[0]}:{proxy.address[1]}>")
    await third.pick_up()
    await soft.until(Transferred)
    await soft.true(lambda: one.agent.released)
    assert answers == [202]
    assert told(one.agent)[-1] == "SIP/2.0 200 OK"
    await ears.hear(colleague="agent", agent="colleague")

    third.agent.hang_up()
    await soft.true(lambda: other.agent.released)
    await soft.until(CallCleared, call=held.call)
    figure("X10", "registered and called through Kamailio by Path and Record-Route, every request of the dialogs along the route set")


async def test_the_called_telephone_may_be_past_the_proxy_or_not(soft: SoftRig, proxy: Proxy) -> None:
    """One telephone behind the proxy, one beside the switch; the caller gives up, and later the switch hangs up."""
    behind, direct = await phone(soft, proxy, "1001"), await soft.phone("1002")
    await direct.call("1001")
    await soft.true(lambda: behind.agent.ringing is not None)
    direct.agent.hang_up()
    await soft.true(lambda: bool(behind.agent.cancels))
    await direct.call("1001")
    await behind.pick_up()
    await soft.true(lambda: len([event for event in soft.events if isinstance(event, Established)]) == 2)
    direct.agent.hang_up()
    await soft.true(lambda: behind.agent.released)

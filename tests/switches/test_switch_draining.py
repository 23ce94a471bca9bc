"""A draining switch: no new calls, and whoever asks whether it takes any is told so; what runs goes on, and it can be taken back."""

from __future__ import annotations

import time

from tests.switches.rigs import CALLED, TENANT
from tests.switches.situations import answered_caller, make, new_id
from tests.switches.soft_rig import SoftRig

from yitong.ct import services
from yitong.ct.events import ConnectionCleared, Established, ServiceFailed
from yitong.sip.events import ResponseReceived


async def test_a_draining_switch_takes_no_new_call_and_keeps_those_it_has(soft: SoftRig) -> None:
    far = await answered_caller(soft)
    phone = await soft.phone("1001")
    soft.switch.drain(True)
    agent = await soft.agent("13800000009")
    told: list[ResponseReceived] = []
    heard = agent._response
    agent._response = lambda event: (told.append(event), heard(event))[1]  # type: ignore[method-assign,func-returns-value]
    agent.call(CALLED)
    await soft.true(lambda: agent.released)
    address = f"sip:{soft.server[0]}:{soft.server[1]}"
    agent.endpoint.request("OPTIONS", address, agent.flow, time.monotonic(), from_="<sip:ping@127.0.0.1>", to=f"<{address}>")
    agent.pump()
    await soft.true(lambda: len(told) > 1 and told[-1].transaction.method == "OPTIONS")
    refusals = [event.response for event in told if event.response.status >= 200]
    assert [(response.status, response.get("Retry-After") is not None) for response in refusals] == [(503, True), (503, True)]
    phone.agent.registered = 0
    phone.agent.register()
    await soft.true(lambda: phone.agent.registered == 200)
    soft.ask(make(services.Make, call=new_id(), connection=new_id(), device=phone.device, called=CALLED))
    assert (await soft.until(ServiceFailed)).reason == "draining"
    soft.ask(make(services.Route, connection=far.connection, targets=(services.Target(connection=new_id(), device=phone.device),)))
    await phone.pick_up()
    soft.switch.drain(False)
    again = await soft.incoming("13800000010")
    assert again.connection
    await far.hang_up()
    await soft.until(ConnectionCleared, connection=far.connection)


async def test_an_emergency_is_called_by_a_draining_switch(soft: SoftRig) -> None:
    soft.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
    soft.configure("agent", "agent-1001", {"extension": "1001", "may_call": ["mobile"]})
    operator, phone = await soft.operator("op"), await soft.phone("1001")
    soft.switch.drain(True)
    phone.agent.call("13911112222")
    await soft.true(lambda: phone.agent.responses[-1:] == [503])
    phone.agent.call("110")
    await soft.true(lambda: operator.ringing is not None)
    assert [request.uri.user for request in operator.invitations] == ["110"]


async def test_an_emergency_dialled_at_a_desk_is_called_by_a_draining_switch(soft: SoftRig) -> None:
    soft.configure("tenant", TENANT, {"code": TENANT, "country": "CN"})
    phone = await soft.phone("1001")
    soft.switch.drain(True)
    soft.ask(make(services.Make, call=new_id(), connection=new_id(), device=phone.device, calling="13911112222"))
    assert (await soft.until(ServiceFailed)).reason == "draining"
    made = new_id()
    soft.ask(make(services.Make, call=new_id(), connection=made, device=phone.device, calling="110"))
    await phone.pick_up()
    await soft.until(Established, connection=made)

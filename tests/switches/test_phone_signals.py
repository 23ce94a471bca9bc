"""What telephones and trunks say beside the call itself: keys by INFO, tel URIs, asserted identities, diversions."""

from __future__ import annotations

import time

import pytest
from tests.figures import figure
from tests.switches.agents import Agent
from tests.switches.rigs import CALLED
from tests.switches.situations import answered_caller, make, new_id
from tests.switches.soft_rig import SoftFar, SoftRig
from tests.switches.wire import SDP, Wire

from yitong.ct import services
from yitong.ct.events import Collected, Delivered, DigitPressed, Established
from yitong.sip.events import ResponseReceived
from yitong.sip.negotiation import make_offer


def info(agent: Agent, body: bytes, kind: str = "application/dtmf-relay", **headers: str) -> None:
    assert agent.dialog is not None
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    agent.endpoint.request_in_dialog(agent.dialog, "INFO", time.monotonic(), headers=given, body=body, content_type=kind)
    agent.pump()


def answers(agent: Agent, method: str) -> list[int]:
    """The final answers that the agent gets to requests of ``method`` from now on."""
    got: list[int] = []
    before = agent._response

    def heard(event: ResponseReceived) -> None:
        if event.transaction.method == method and event.response.status >= 200:
            got.append(event.response.status)
        before(event)

    agent._response = heard  # type: ignore[method-assign]
    return got


async def connected(soft: SoftRig) -> SoftFar:
    """An answered caller whose dialog stands on its side, too."""
    far = await answered_caller(soft)
    assert isinstance(far, SoftFar)
    await soft.true(lambda: far.agent.dialog is not None)
    return far


async def test_keys_by_info_reach_a_collection(soft: SoftRig) -> None:
    far = await connected(soft)
    order = make(services.Collect, connection=far.connection, maximum=4, first_seconds=10.0)
    soft.ask(order)
    statuses = answers(far.agent, "INFO")
    for body, kind in ((b"Signal=1\r\nDuration=160\r\n", "application/dtmf-relay"), (b"2", "application/dtmf")):
        info(far.agent, body, kind)
    info(far.agent, b"Signal=3\r\nDuration=160\r\n")
    await soft.true(lambda: statuses == [200, 200, 200])
    await far.press("4")
    assert (await soft.until(Collected, service=order.id)).digits == "1234"


async def test_a_key_told_twice_counts_once(soft: SoftRig) -> None:
    """The telephone sends RFC 4733 and INFO for each press, sometimes one first, sometimes the other."""
    far = await connected(soft)
    order = make(services.Collect, connection=far.connection, maximum=9, terminators="#", first_seconds=10.0)
    soft.ask(order)
    agent = far.agent
    for key in "112":
        info(agent, b"Signal=%s\r\n" % key.encode())
        await far.press(key)
    for key in "33#":
        await far.press(key)
        info(agent, b"Signal=%s\r\n" % key.encode())
    assert (await soft.until(Collected, service=order.id)).digits == "11233"
    await soft.settle(0.3)
    assert not [event for event in soft.events if isinstance(event, DigitPressed)]


async def test_other_info_is_refused_or_a_sign_of_life(soft: SoftRig) -> None:
    agent = (await connected(soft)).agent
    statuses = answers(agent, "INFO")
    info(agent, b"")
    info(agent, b"<xml/>", "application/media_control+xml")
    info(agent, b"x", "text/plain", Info_Package="foo")
    info(agent, b"Signal=flash", "application/dtmf-relay")
    await soft.true(lambda: len(statuses) == 4)
    assert sorted(statuses) == [200, 200, 415, 469]


async def test_tel_uris_call_and_are_called(soft: SoftRig) -> None:
    """Request-URI, To and From are tel URIs; a gateway registers one as its Contact."""
    wire = Wire(soft.server)
    lines = wire.build("INVITE", CALLED, body=SDP).decode().split("\r\n")
    lines[0] = f"INVITE tel:{CALLED} SIP/2.0"
    lines[3], lines[4] = "From: <tel:+86-138-0013-8000>;tag=a", f"To: <tel:{CALLED};phone-context=+86>"
    wire.send("\r\n".join(lines).encode())
    told = await soft.until(Delivered, incoming=True)
    assert (told.called, told.calling) == (CALLED, "+8613800138000")
    soft.ask(make(services.Answer, connection=told.connection))
    await soft.until(Established, connection=told.connection)
    wire.close()

    phone = await soft.phone("1001")
    phone.agent.endpoint.request(
        "REGISTER", f"sip:127.0.0.1:{soft.server[1]}", phone.agent.flow, time.monotonic(), from_="<sip:1001@127.0.0.1>",
        to="<sip:1001@127.0.0.1>", headers=[("Contact", "<tel:+861012345>;q=1.0"), ("Contact", f"{phone.agent.contact};q=0.1")],
    )  # fmt: skip
    phone.agent.registered = 0
    phone.agent.pump()
    await soft.true(lambda: phone.agent.registered == 200)
    soft.ask(make(services.Route, connection=told.connection, targets=(services.Target(connection=new_id(), device=phone.device),)))
    await soft.true(lambda: bool(phone.agent.invitations))
    assert phone.agent.invitations[0].uri_text == "tel:+861012345"


@pytest.mark.case("R9")
async def test_only_a_trunk_asserts_who_calls(soft: SoftRig) -> None:
    asserted = ('P-Asserted-Identity: "Li" <tel:+86-139-0000-0000>', "Diversion: <sip:88@net>;reason=unconditional")
    wire = Wire(soft.server)
    wire.send(wire.build("INVITE", CALLED, user="95599", body=SDP, headers=asserted))
    told = await soft.until(Delivered, incoming=True)
    assert (told.calling, told.calling_name, told.first_called) == ("+8613900000000", "Li", "88")
    withheld = (*asserted, "Privacy: id")
    wire.send(wire.build("INVITE", CALLED, user="95599", call_id="withheld", body=SDP, headers=withheld))
    await soft.true(lambda: len([event for event in soft.events if isinstance(event, Delivered)]) == 2)
    anonymous = [event for event in soft.events if isinstance(event, Delivered)][-1]
    assert (anonymous.calling, anonymous.calling_name) == ("", "")
    wire.close()

    soft.switch.configure("t1.trunk.demo", None)
    phone = await soft.phone("1001")
    offer = make_offer(phone.agent._local).encode()
    headers = [tuple(one.split(": ")) for one in asserted]
    phone.agent.invite = phone.agent.endpoint.request(
        "INVITE", f"sip:{CALLED}@127.0.0.1:{soft.server[1]}", phone.agent.flow, time.monotonic(), from_='"Li" <sip:13900000000@127.0.0.1>',
        to=f"<sip:{CALLED}@127.0.0.1>", headers=headers, body=offer, content_type="application/sdp",  # type: ignore[arg-type]
    )  # fmt: skip
    phone.agent.pump()
    await soft.until(Delivered, device=phone.device)
    own = [event for event in soft.events if isinstance(event, Delivered) and event.device == phone.device][-1]
    assert (own.calling, own.calling_name, own.first_called) == ("1001", "", "")
    figure("R9", "identity and diversion asserted by a trunk are told, by a telephone replaced by its account")

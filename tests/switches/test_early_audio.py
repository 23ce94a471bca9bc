"""What is heard before a call is answered (RFC 3960, 3262), several answers to one call (case X8), early dialogs that change or end."""

from __future__ import annotations

import time

import pytest
from tests.figures import figure
from tests.switches.agents import SDP, Agent
from tests.switches.ears import Ears
from tests.switches.rigs import MUSIC, TENANT, Phone, Rig, SimPhone, SimRig
from tests.switches.situations import answered_caller, make, new_id, routed
from tests.switches.soft_rig import SoftFar, SoftPhone, SoftRig, account
from tests.switches.wire import Wire

from yitong.ct import services
from yitong.ct.events import ConnectionCleared, Delivered, Established, Failed
from yitong.ct.model import Cause, Prompt, StandingOrder
from yitong.sip.events import ResponseReceived
from yitong.sip.message import Request
from yitong.sip.negotiation import Local, make_offer

RELIABLE = {"supported": frozenset({"100rel"})}


async def speak_early(rig: Rig, phone: Phone) -> None:
    """The telephone that rings is heard before it answers."""
    await rig.true(phone.is_ringing)
    if isinstance(phone, SoftPhone):
        phone.agent.early()
    else:
        assert isinstance(rig, SimRig)
        assert isinstance(phone, SimPhone)
        rig.switch.speak_early(phone._connection)


async def test_an_answered_caller_hears_what_the_device_says_before_it_answers(rig: Rig) -> None:
    phone = await rig.phone("1001")
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, phone)
    ears = Ears(rig, customer=far, agent=phone)
    await speak_early(rig, phone)
    await rig.until(Delivered, connection=agent)
    if isinstance(rig, SimRig):
        await ears.hear(customer="agent", agent="")
    else:
        await ears.hear(customer="agent")
    await phone.pick_up()
    await rig.until(Established, connection=agent)
    await ears.hear(customer="agent", agent="customer")


async def test_a_device_that_spoke_early_may_still_refuse(rig: Rig) -> None:
    phone = await rig.phone("1001")
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, phone, order=make_order())
    ears = Ears(rig, customer=far, agent=phone)
    await speak_early(rig, phone)
    await ears.hear(customer="agent")
    await phone.refuse()
    assert (await rig.until(Failed, connection=agent)).cause is Cause.BUSY
    assert not far.is_released()


def make_order() -> StandingOrder:
    return StandingOrder(wait_seconds=20.0, music=MUSIC)


async def test_our_own_music_is_not_talked_over(rig: Rig) -> None:
    """Who waits with music, or is asked for a key, does not hear an early ringing tone in it."""
    phone = await rig.phone("1001")
    far = await answered_caller(rig)
    rig.ask(make(services.Play, connection=far.connection, prompts=(Prompt(file=MUSIC),), loop=True))
    await routed(rig, far, phone)
    ears = Ears(rig, customer=far, agent=phone)
    await speak_early(rig, phone)
    await rig.settle(0.3)
    if not isinstance(rig, SimRig):
        await ears.hear(customer="music")
    await phone.pick_up()
    await ears.hear(customer="agent")


async def test_a_caller_of_ours_hears_it_though_nobody_has_answered(rig: Rig) -> None:
    caller, called = await rig.phone("1001"), await rig.phone("1002")
    await caller.call("1002")
    ears = Ears(rig, customer=caller, agent=called)
    await speak_early(rig, called)
    await ears.hear(customer="agent")
    assert not [event for event in rig.events if isinstance(event, Established)]
    await called.pick_up()
    await rig.true(lambda: len([event for event in rig.events if isinstance(event, Established)]) == 2)
    await ears.hear(customer="agent", agent="customer")


async def reliable(soft: SoftRig, number: str) -> SoftPhone:
    """A telephone that takes part in RFC 3262."""
    phone = await soft.phone(number)
    core = phone.agent.endpoint.core
    fields = {name: getattr(core.settings, name) for name in core.settings.__struct_fields__}
    core.settings = type(core.settings)(**{**fields, **RELIABLE})
    return phone


async def test_early_audio_is_told_reliably_to_who_can(soft: SoftRig) -> None:
    caller, called = await reliable(soft, "1001"), await reliable(soft, "1002")
    await caller.call("1002")
    ears = Ears(soft, customer=caller, agent=called)
    await soft.true(called.is_ringing)
    called.agent.early(180)
    await ears.hear(customer="agent")
    assert caller.agent.responses.count(183) == 1
    assert [one for one in called.agent.requests if one.method == "PRACK"] == []  # taken by the endpoint
    assert called.agent.ringing is not None
    assert called.agent.ringing.dialog is not None
    assert called.agent.ringing.dialog.offer_done
    await called.pick_up()
    await ears.hear(customer="agent", agent="customer")
    await soft.true(lambda: caller.agent.dialog is not None)


async def test_update_moves_an_early_session(soft: SoftRig) -> None:
    """The called one takes another port before it answers; what is heard goes on."""
    caller, called = await reliable(soft, "1001"), await reliable(soft, "1002")
    await caller.call("1002")
    ears = Ears(soft, customer=caller, agent=called)
    await soft.true(called.is_ringing)
    called.agent.early()
    await ears.hear(customer="agent")
    agent, transaction = called.agent, called.agent.ringing
    assert transaction is not None
    assert transaction.dialog is not None
    statuses = final(agent, "UPDATE")
    agent._local = Local(address=agent.bind, rtp_port=agent.rtp.port, session=agent._local.session, version=7)
    agent.endpoint.request_in_dialog(
        transaction.dialog, "UPDATE", time.monotonic(), body=make_offer(agent._local).encode(), content_type=SDP
    )
    agent.pump()
    await soft.true(lambda: statuses == [200])
    await ears.hear(customer="agent")


def final(agent: Agent, method: str) -> list[int]:
    """The final answers to requests of a method from now on."""
    got: list[int] = []
    before = agent._response

    def heard(event: ResponseReceived) -> None:
        if event.transaction.method == method and event.response.status >= 200:
            got.append(event.response.status)
        before(event)

    agent._response = heard  # type: ignore[method-assign]
    return got


async def test_bye_ends_an_early_dialog(soft: SoftRig) -> None:
    """A caller may give up by BYE in the early dialog instead of CANCEL (RFC 3261 §15): its INVITE gets 487."""
    caller, called = await soft.phone("1001"), await soft.phone("1002")
    await caller.call("1002")
    await soft.true(lambda: 180 in caller.agent.responses)
    dialog = next(iter(caller.agent.endpoint.dialogs))
    caller.agent.endpoint.request_in_dialog(dialog, "BYE", time.monotonic())
    caller.agent.pump()
    await soft.true(lambda: 487 in caller.agent.responses)
    await soft.until(ConnectionCleared, device=caller.device, cause=Cause.CANCELLED)
    await soft.true(lambda: bool(called.agent.cancels))


def answer(request: Request, status: int, tag: str, wire: Wire, port: int = 0) -> bytes:
    """An answer of one fork."""
    lines = [f"SIP/2.0 {status} X", *(f"Via: {value}" for value in request.all("Via")), f"From: {request.need('From')}"]
    lines += [f"To: {request.need('To')};tag={tag}", f"Call-ID: {request.call_id}", f"CSeq: {request.need('CSeq')}"]
    lines.append(f"Contact: <sip:{tag}@{wire.address}:{wire.port}>")
    body = make_offer(Local(address="127.0.0.1", rtp_port=port, codecs=(8,))).encode().decode() if port else ""
    lines += ["Content-Type: application/sdp"] if body else []
    return ("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n" + body).encode()


async def next_of(wire: Wire, method: str) -> Request:
    """The next request of a method that comes."""
    while True:
        message = await wire.receive(5.0)
        assert message is not None, f"no {method}"
        if isinstance(message, Request) and message.method == method:
            return message


@pytest.mark.case("X8")
async def test_of_several_answers_the_first_is_talked_with(soft: SoftRig) -> None:
    """183 with audio, 180, then 200 from another fork, then 200 from the first one, too: one talk path, the other is ended."""
    soft.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    wire, uri = Wire(soft.server), "sip:127.0.0.1"
    reply, _ = await wire.authorized("REGISTER", uri, "1001", "secret", user="1001", to="sip:1001@127.0.0.1")
    assert reply is not None
    assert reply.status == 200
    ports = [await soft.agent("a"), await soft.agent("b")]
    caller = await answered_caller(soft)
    connection = new_id()
    soft.ask(
        make(
            services.Route, connection=caller.connection,
            targets=(services.Target(connection=connection, device=f"{TENANT}/phone/1001"),),
        )
    )  # fmt: skip
    invite = await next_of(wire, "INVITE")
    ears = Ears(soft, customer=caller, agent=SoftFar(soft, ports[0], "", ""), expert=SoftFar(soft, ports[1], "", ""))
    target = ("127.0.0.1", sdp_port(invite))
    wire.send(answer(invite, 183, "first", wire, ports[0].rtp.port))
    wire.send(answer(invite, 180, "second", wire))
    for one in ports:
        one.rtp.talk(target)
    await ears.hear(customer="agent")
    wire.send(answer(invite, 200, "second", wire, ports[1].rtp.port))
    await soft.until(Established, connection=connection)
    wire.send(answer(invite, 200, "first", wire, ports[0].rtp.port))
    acks = {(await next_of(wire, "ACK")).to.tag for _ in range(2)}
    ended = await next_of(wire, "BYE")
    assert acks == {"first", "second"}
    assert ended.to.tag == "first"
    wire.send(answer(ended, 200, "x", wire).replace(b";tag=x", b""))
    await ears.hear(customer="expert")
    assert len(soft.snapshot().connections) == 2
    wire.close()
    figure("X8", "183, 180, and two 200 of two forks: one talk path, the other fork was acknowledged and ended at once")


def sdp_port(invite: Request) -> int:
    line = next(line for line in invite.body.decode().splitlines() if line.startswith("m=audio"))
    return int(line.split()[1])

"""What other systems do in the middle of a call: re-INVITEs without an offer, streams that break, a customer's hold, challenges."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.switches.agents import SDP, Agent, Rtp
from tests.switches.gateways import Gateway
from tests.switches.rigs import PROMPT, TENANT, Rig, SimRig
from tests.switches.situations import answered_caller, make, new_id, routed, talking, target
from tests.switches.soft_rig import Media, SoftFar, SoftPhone, SoftRig, account, home_of
from tests.switches.test_trunks import answers, dial
from tests.switches.tls_agent import Stream, TlsAgent

from yitong.ct import services
from yitong.ct.events import Collected, ConnectionCleared, Established, Held, Played, Retrieved, ServiceFailed
from yitong.ct.model import Cause, Participation
from yitong.sip import negotiation
from yitong.sip.core import Flow, Settings
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import RefreshWanted, ResponseReceived
from yitong.sip.sdp import Session, parse
from yitong.sip.states import Timings


class Late:
    """A user agent that asks for our offer in the middle of a call, and answers it in its ACK; none: it acknowledges without one."""

    def __init__(self, rig: SoftRig, agent: Agent) -> None:
        self.rig, self.agent = rig, agent
        self.offers: list[Session] = []
        agent._connected = self._answer  # type: ignore[method-assign]

    def _answer(self, event: ResponseReceived) -> None:
        assert event.dialog is not None
        self.offers.append(parse(event.response.body))
        answer, _ = negotiation.make_answer(self.offers[-1], self.agent._local)
        self.agent.endpoint.ack(event.transaction, event.dialog, time.monotonic(), body=answer.encode(), content_type=SDP)

    async def asks(self, **changes: object) -> None:
        agent, before = self.agent, len(self.offers)
        assert agent.dialog is not None
        agent._local = msgspec.structs.replace(agent._local, version=agent._local.version + 1, **changes)
        agent.endpoint.request_in_dialog(agent.dialog, "INVITE", time.monotonic())
        agent.pump()
        await self.rig.true(lambda: len(self.offers) > before)


async def test_the_answer_to_our_offer_in_the_middle_of_a_call_comes_with_the_ack(soft: SoftRig) -> None:
    """Systems that hold, retrieve and move their audio so are followed: audio goes where the ACK says (RFC 3261 §14.2)."""
    made = await talking(soft)
    assert isinstance(made.far, SoftFar)
    far = made.far
    await soft.true(lambda: far.agent.dialog is not None)
    late = Late(soft, far.agent)
    await late.asks(receive=False)
    await soft.until(Held, connection=far.connection)
    moved = Rtp()
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: moved, local_addr=("127.0.0.1", 0))
    try:
        await late.asks(receive=True, rtp_port=moved.port)
        await soft.until(Retrieved, connection=far.connection)
        moved.talk((late.offers[-1].media[0].address or late.offers[-1].address, late.offers[-1].media[0].port))
        await soft.true(lambda: len(moved.heard) > 5, "nothing is heard where the ACK said")
        assert len({one.origin[2] for one in late.offers}) == 2, "each description that differs has its own version"
    finally:
        moved.close()


@pytest.fixture
async def quick(media: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    """The soft switch with SIP's times short."""
    made = await SoftRig(home_of(tmp_path), media, timings=Timings(t1=0.02, t2=0.05, t4=0.05)).start()
    yield made
    await made.close()


@pytest.mark.parametrize("acknowledges", [True, False])
async def test_an_offer_of_ours_that_gets_no_answer(quick: SoftRig, acknowledges: bool) -> None:
    """An ACK without one leaves all as it was; without an ACK the dialog ends."""
    far = await answered_caller(quick)
    assert isinstance(far, SoftFar)
    agent = far.agent
    await quick.true(lambda: agent.dialog is not None)
    got: list[ResponseReceived] = []

    def heard(event: ResponseReceived) -> None:
        got.append(event)
        if acknowledges and event.dialog is not None:
            agent.endpoint.ack(event.transaction, event.dialog, time.monotonic())

    agent._connected = heard  # type: ignore[method-assign]
    assert agent.dialog is not None
    agent.endpoint.request_in_dialog(agent.dialog, "INVITE", time.monotonic())
    agent.pump()
    await quick.true(lambda: bool(got) and not quick.switch.lines.renewing.waiting)
    if acknowledges:
        assert len(quick.snapshot().connections) == 1
    else:
        assert (await quick.until(ConnectionCleared, connection=far.connection)).cause is Cause.SIGNALLING_LOST
        await quick.true(lambda: agent.released)


class TcpAgent(TlsAgent):
    """A telephone that signals by TCP, and whose stream may break."""

    async def open(self) -> TcpAgent:
        await Agent.open(self)
        await self.connect()
        return self

    async def connect(self) -> None:
        stream, _ = await asyncio.get_running_loop().create_connection(lambda: Stream(self), *self.server)
        self._stream = stream
        self.flow = Flow("tcp", "tcp", *self.server)
        port = int(stream.get_extra_info("sockname")[1])
        if self.endpoint.core.settings.ports.get("tcp") is None:
            self.endpoint = Endpoint(Settings(host=self.bind, ports={"tcp": port}, user_agent="suite"), lambda: f"{time.monotonic_ns():x}")

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.host}:{self.endpoint.core.settings.ports['tcp']};transport=tcp>"


async def test_a_telephone_whose_stream_broke_in_a_call_is_reached_by_its_next_one(soft: SoftRig) -> None:
    soft.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    agent = TcpAgent("1001", soft.server, "secret")
    soft.agents.append(await agent.open())
    agent.register()
    await soft.true(lambda: agent.registered == 200)
    phone = SoftPhone(soft, agent, "1001")
    far = await answered_caller(soft)
    (connection,) = await routed(soft, far, phone)
    await phone.pick_up()
    await soft.until(Established, connection=connection)
    line = soft.switch.lines.all[connection]
    broken = line.flow
    assert broken is not None
    agent._stream.abort()
    await soft.true(lambda: not soft.switch.transports.alive(broken))
    agent.registered = 0
    await agent.connect()
    agent.register()
    await soft.true(lambda: agent.registered == 200)
    soft.ask(make(services.Clear, connection=connection))
    await soft.true(lambda: agent.released, "its BYE goes the new way")


async def holds(rig: Rig, far: object, on: bool) -> None:
    """The customer's own telephone puts us on hold, or takes us back."""
    if isinstance(rig, SimRig):
        (rig.switch.hold if on else rig.switch.retrieve)(far.connection)  # type: ignore[attr-defined]
        return
    assert isinstance(far, SoftFar)
    await far._rig.true(lambda: far.agent.dialog is not None and not far.agent.dialog.invite_out)
    far.agent.reinvite(hold=on)


async def test_a_customer_who_holds_is_served_when_he_comes_back(rig: Rig) -> None:
    """Whoever takes another call while he waits for us: nothing that is asked for him meanwhile fails, and his turn comes."""
    far, phone = await answered_caller(rig), await rig.phone("1001")
    played = make(services.Play, connection=far.connection, prompts=(PROMPT,))
    asked = make(services.Collect, connection=far.connection, first_seconds=0.2)
    for times, service in enumerate((played, asked), 1):
        await holds(rig, far, True)
        await rig.true(lambda times=times: told(rig, Held) == times)  # type: ignore[misc]
        rig.ask(service)
        await holds(rig, far, False)
        await rig.until(Played if service is played else Collected, service=service.id)
    await holds(rig, far, True)
    await rig.true(lambda: told(rig, Held) == 3)
    (connection,) = await routed(rig, far, phone)
    await phone.pick_up()
    await rig.until(Established, connection=connection)
    await holds(rig, far, False)
    await rig.true(lambda: told(rig, Retrieved) == 3)
    assert not told(rig, ServiceFailed)
    assert {one.state.value for one in rig.snapshot().connections} == {"connected"}


def told(rig: Rig, kind: type) -> int:
    return sum(isinstance(event, kind) for event in rig.events)


async def test_who_only_listens_gives_nobody_away(rig: Rig) -> None:
    """A supervisor's telephone that transfers: customer and agent are not his."""
    made = await talking(rig)
    supervisor, third = await rig.phone("1008"), await rig.phone("1009")
    connection = new_id()
    rig.ask(make(
        services.Join, connection=made.agent, target=target(supervisor, connection), participation=Participation.SILENT, attend=True
    ))  # fmt: skip
    await supervisor.pick_up()
    await rig.until(Established, connection=connection)
    service = make(services.SingleStepTransfer, connection=connection, target=target(third))
    rig.ask(service)
    assert (await rig.until(ServiceFailed, service=service.id)).reason == "wrong_state"
    assert not third.is_ringing()


async def test_a_line_that_challenges_every_invite_changes_over_to_t38(soft: SoftRig) -> None:
    gateway = await soft.operator("out", username="line1", password="s3cret")
    gateway.line = ("line1", "s3cret")
    connection = await dial(soft)
    await answers(soft, gateway, connection)
    soft.switch.later(lambda: soft.switch.lines.offer_image(connection))
    await soft.true(lambda: images(gateway) == 1)
    line = soft.switch.lines.all[connection]
    assert line.dialog is not None
    line.image, dialog = True, line.dialog
    await soft.true(lambda: not dialog.invite_out)
    soft.switch.later(lambda: soft.switch.lines.refreshing.wanted(RefreshWanted(dialog)))
    await soft.true(lambda: images(gateway) == 2, "a session that is refreshed in a fax is refreshed as one")


def images(gateway: Gateway) -> int:
    """How many INVITEs it took that offered T.38."""
    return sum(request.method == "INVITE" and b"m=image" in request.body for request in gateway.requests)

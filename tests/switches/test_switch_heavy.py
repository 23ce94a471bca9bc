"""Heavy, broken-off and forged messages at the soft switch's sockets (cases P4, P7, R6): cheap, and nobody else notices."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from tests.figures import figure
from tests.switches.rigs import CALLED, CALLING
from tests.switches.soft_rig import SoftRig
from tests.switches.test_switch_strangers import knows_1001
from tests.switches.wire import SDP, Wire

from yitong.ct.events import ConnectionCleared, Delivered, DeviceChanged, Failed
from yitong.sip.core import Flow
from yitong.sip.digest import Credentials, authorize
from yitong.sip.message import Request, Response, parse

HEAVY = {
    "64 KB datagram": ("X: " + "y" * 64_000,), "1000 headers": tuple(f"X-{number}: y" for number in range(1000)),
    "500 routes": tuple(f"Route: <sip:r{number}@192.0.2.7;lr>" for number in range(500)), "30 KB header": ("Subject: " + "z" * 30_000,),
    "500 Vias": tuple(f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK{number}" for number in range(500)),
}  # fmt: skip


@pytest.fixture
def wire(soft: SoftRig) -> Iterator[Wire]:
    made = Wire(soft.server, "127.0.0.1")
    yield made
    made.close()


@pytest.mark.case("P4")
@pytest.mark.parametrize("what", HEAVY)
async def test_a_very_large_message_costs_less_than_100_ms(soft: SoftRig, wire: Wire, what: str) -> None:
    flow = Flow("udp", "udp", "127.0.0.1", wire.port)
    slowest = 0.0
    for method in ("OPTIONS", "INVITE"):
        data = wire.build(method, CALLED, user=CALLING, headers=HEAVY[what], body=SDP if method == "INVITE" else "")
        began = time.thread_time()
        soft.switch.received(data, flow)
        slowest = max(slowest, time.thread_time() - began)
    assert slowest < 0.1
    figure("P4", f"the slowest very large message of the last run ({what}) cost {1000 * slowest:.1f} ms of CPU")
    honest = Wire(soft.server, "127.0.0.2")
    response = await honest.ask("OPTIONS")
    honest.close()
    assert response is not None
    assert response.status == 200


@pytest.mark.case("P7")
async def test_a_connection_reset_after_its_invite_hurts_nobody(soft: SoftRig, wire: Wire) -> None:
    _, staying = await asyncio.open_connection(*soft.server)
    _, writer = await asyncio.open_connection(*soft.server)
    via = f"Via: SIP/2.0/TCP 127.0.0.1:{wire.port};branch=z9hG4bKreset"
    writer.write(wire.build("INVITE", CALLED, user=CALLING, body=SDP, via=via))
    told = await soft.until(Delivered, incoming=True)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    await soft.true(lambda: any(isinstance(one, ConnectionCleared | Failed) and one.connection == told.connection for one in soft.events))
    assert not soft.snapshot().connections
    assert not staying.transport.is_closing()
    staying.close()
    response = await wire.ask("OPTIONS")
    assert response is not None
    assert response.status == 200


@pytest.mark.case("R6")
async def test_a_nonce_that_we_did_not_make_is_refused(soft: SoftRig, wire: Wire) -> None:
    """The right password over a nonce of the phone's own, or one of ours with a character changed."""
    await knows_1001(soft)
    data = wire.build("REGISTER", user="1001", to="sip:1001@127.0.0.1", headers=("Contact: <sip:1001@127.0.0.1>",))
    wire.send(data)
    challenge = await wire.final()
    assert challenge is not None
    text = challenge.encode().decode()
    changed = re.sub(r'nonce="([^"]+)(.)"', lambda found: f'nonce="{found[1]}{"B" if found[2] == "A" else "A"}"', text)
    for forged in (re.sub(r'nonce="[^"]+"', f'nonce="{"0123456789abcdef" * 2}"', text), changed):
        assert forged != text
        request, answer = parse(data), parse(forged.encode())
        assert isinstance(request, Request)
        assert isinstance(answer, Response)
        header = authorize(request, answer, Credentials("1001", "secret"), "abcd")
        assert header is not None
        again = wire.build(
            "REGISTER", user="1001", to="sip:1001@127.0.0.1", cseq=2, headers=("Contact: <sip:1001@127.0.0.1>", f"{header[0]}: {header[1]}")
        )
        wire.send(again)
        refused = await wire.final()
        assert refused is not None
        assert refused.status in (400, 401)
    assert not any(isinstance(event, DeviceChanged) and event.device.registered for event in soft.events)

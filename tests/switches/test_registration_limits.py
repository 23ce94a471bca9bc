"""Registrations and floods of every size against the whole switch (cases R8, R11, R14, R15, R16)."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import socket
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from tests.figures import figure
from tests.switches.gateways import Gateway
from tests.switches.rigs import TENANT
from tests.switches.situations import routed, talking
from tests.switches.soft_rig import SoftFar, SoftRig, account
from tests.switches.wire import SDP, Wire

from yitong.ct.events import ConnectionCleared, Failed
from yitong.sip.digest import Authenticator, Credentials, authorize
from yitong.sip.events import RequestReceived
from yitong.sip.message import Request, Response, parse


@pytest.mark.case("R11")
async def test_contacts_and_times_are_bounded(soft: SoftRig) -> None:
    soft.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    wire, uri = Wire(soft.server), "sip:127.0.0.1"

    async def register(number: int, *headers: str, contact: str = "") -> Response:
        reply, _ = await wire.authorized(
            "REGISTER", uri, "1001", "secret", user="1001", to="sip:1001@127.0.0.1", call_id=f"c{number}",
            headers=(f"Contact: {contact or f'<sip:1001@127.0.0.1:{6000 + number}>'}", *headers),
        )  # fmt: skip
        assert reply is not None
        return reply

    for number in range(50):
        assert (await register(number)).status == 200
    kept = soft.switch.registrations.registrar.bindings(f"{TENANT}/phone/1001", soft.switch.clock.monotonic())
    assert len(kept) <= 10
    long = await register(60, contact="<sip:1001@127.0.0.1:6060>;expires=315360000")
    assert "expires=3600" in str(long.all("Contact"))
    assert max(one.expires_at for one in kept) <= soft.switch.clock.monotonic() + 3600
    short = await register(61, contact="<sip:1001@127.0.0.1:6061>;expires=1")
    assert (short.status, short.get("Min-Expires")) == (423, "60")
    wire.close()
    figure("R11", f"of 50 contacts {len(kept)} are kept; ten years became an hour; one second was refused with 423")


class Curious(Gateway):
    """A telephone or operator that asks for a password: for ``realm``, at ``methods``."""

    realm = "operator"
    methods: tuple[str, ...] = ("INVITE",)

    def _request(self, event: RequestReceived) -> None:
        self.requests.append(event.request)
        if event.request.method not in self.methods:
            super()._request(event)
            return
        asking = Authenticator(self.realm, b"s" * 32, lambda: secrets.token_hex(8)).challenges(event.flow.host, time.monotonic())
        name = "Proxy-Authenticate"
        self.endpoint.respond(event.transaction, 407, time.monotonic(), headers=[(name, value) for value in asking])


@pytest.mark.case("R8")
@pytest.mark.parametrize("realm", ["yitong", "operator", "t1"])
async def test_our_passwords_are_for_our_operators_alone(soft: SoftRig, realm: str) -> None:
    """A telephone, and a caller in his BYE, ask for a password, in our realm and in the operator's; they get none."""
    soft.configure(
        "trunk", "out", {"code": "out", "direction": "out", "host": "127.0.0.1", "port": 9, "username": "line1", "password": "tr0nk-secret"}
    )
    far = await soft.incoming()
    phone = await soft.phone("1001")
    curious = Curious("1001", soft.server)
    curious.password, curious.realm = "secret", realm
    soft.agents.append(await curious.open())
    phone.agent.register(seconds=0)
    curious.register()
    await soft.true(lambda: curious.registered == 200)
    (connection,) = await routed(soft, far, phone)
    assert (await soft.until(Failed, connection=connection)).sip_status == 407
    assert not [one for one in curious.requests if one.get("Proxy-Authorization") or one.get("Authorization")]
    assert len([one for one in curious.requests if one.method == "INVITE"]) == 1
    figure("R8", "a telephone that challenges our INVITE in our realm or an operator's gets no second one, and no password")


async def test_a_callers_challenge_to_our_bye_gets_no_password(soft: SoftRig) -> None:
    made = await talking(soft)
    far = made.far
    assert isinstance(far, SoftFar)
    seen: list[Request] = []

    def request(event: RequestReceived) -> None:
        seen.append(event.request)
        asking = Authenticator("operator", b"s" * 32, lambda: "n1").challenges("127.0.0.1", time.monotonic())
        far.agent.endpoint.respond(event.transaction, 401, time.monotonic(), headers=[("WWW-Authenticate", value) for value in asking])

    far.agent._request = request  # type: ignore[method-assign]
    assert made.phone is not None
    await made.phone.hang_up()
    await soft.until(ConnectionCleared, connection=far.connection)
    await soft.true(lambda: bool(seen))
    await soft.settle(0.3)
    assert [one.method for one in seen] == ["BYE"]
    assert seen[0].get("Authorization") is None


def register_of(wire: Wire, number: str, *credentials: str) -> bytes:
    """The REGISTER of one telephone; always the same bytes."""
    return wire.build(
        "REGISTER", "sip:127.0.0.1", user=number, to=f"sip:{number}@127.0.0.1", call_id=f"storm{number}", cseq=2 if credentials else 1,
        headers=credentials, branch=f"z9hG4bK{number}{len(credentials)}",
    )  # fmt: skip


@pytest.mark.case("R14")
async def test_five_hundred_telephones_come_back_at_once(soft: SoftRig) -> None:
    """Power is back: all register within a second, with a call going on."""
    made = await talking(soft)
    assert made.phone is not None
    numbers = [str(5000 + index) for index in range(500)]
    for number in numbers:
        soft.switch.configure(f"{TENANT}.account.b{number}", account(number))
    heard = made.phone.agent.rtp.arrivals  # type: ignore[attr-defined]
    wire, begun = Wire(soft.server), time.monotonic()
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    waiting = {f"storm{one}": register_of(wire, one) for one in numbers}
    again = begun
    while waiting:
        if time.monotonic() >= again:  # as telephones do, what is not answered is sent again
            again = time.monotonic() + 1.0
            for data in waiting.values():
                wire.send(data)
        message = await wire.receive(0.2)
        assert time.monotonic() - begun < 60, f"{len(waiting)} have not registered"
        if isinstance(message, Response) and message.status == 200:
            waiting.pop(message.call_id, None)
        elif isinstance(message, Response) and message.status == 401 and message.call_id in waiting and message.cseq.number == 1:
            number = message.call_id[5:]
            request = parse(register_of(wire, number))
            assert isinstance(request, Request)
            header = authorize(request, message, Credentials(number, "secret"), "c")
            assert header is not None
            waiting[message.call_id] = register_of(wire, number, f"{header[0]}: {header[1]}")
            wire.send(waiting[message.call_id])
    taken = time.monotonic() - begun
    late = [later - earlier for earlier, later in pairwise(heard) if later > begun]
    wire.close()
    assert all(soft.switch.registrations.target(f"{TENANT}/phone/{number}") for number in numbers)
    figure(
        "R14", f"500 telephones registered with digest in {taken:.1f} s; the longest gap in a call meanwhile was {max(late) * 1000:.0f} ms"
    )


FLOOD = """
import json, socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.66", 0))
requests = [one.encode() for one in json.load(open(sys.argv[1]))]
print("begins", flush=True)
begun, sent = time.monotonic(), 0
while sent < len(requests) and time.monotonic() - begun < 6:
    for data in requests[sent : int((time.monotonic() - begun) * 1000)]:
        sock.sendto(data, ("127.0.0.1", int(sys.argv[2])))
        sent += 1
    time.sleep(0.002)
print(sent)
"""
"""A process of its own, so that it takes nothing from the switch but what it sends."""


@pytest.mark.case("R15")
async def test_a_flood_from_one_address_hurts_nobody(soft: SoftRig, tmp_path: Path) -> None:
    """A thousand requests a second for five seconds; honest OPTIONS meanwhile, and a call that goes on."""
    made = await talking(soft)
    assert isinstance(made.far, SoftFar)
    arrivals = made.far.agent.rtp.arrivals
    flood, honest = Wire(soft.server, "127.0.0.66"), Wire(soft.server)
    uri = f"sip:900@127.0.0.1:{soft.server[1]}"
    requests = [flood.build("INVITE", uri, body=SDP).decode() for _ in range(5000)]
    (tmp_path / "requests.json").write_text(json.dumps(requests))
    command = [sys.executable, "-c", FLOOD, str(tmp_path / "requests.json"), str(soft.server[1])]
    flooding = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert flooding.stdout is not None
    await flooding.stdout.readline()
    begun, times, quality = time.monotonic(), [], len(arrivals)
    over = asyncio.create_task(flooding.communicate())
    while not over.done():
        asked = time.monotonic()
        reply = await honest.ask("OPTIONS", "sip:127.0.0.1")
        times.append(time.monotonic() - asked if reply is not None and reply.status == 200 else 9.0)
        await asyncio.sleep(0.02)
    sent = int(over.result()[0])
    seconds = time.monotonic() - begun
    heard = len(arrivals) - quality
    flood.close()
    honest.close()
    inside = sum(one < 0.5 for one in times) / len(times)
    lost = max(0.0, 1 - heard / (seconds * 50))
    assert made.agent in {one.connection for one in soft.snapshot().connections}
    figure("R15", f"{sent / seconds:.0f} INVITEs/s from one address: {inside:.0%} of {len(times)} OPTIONS within 0.5 s, "
           f"{lost:.1%} of a call's audio missing")  # fmt: skip


@pytest.mark.case("R16")
@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE", "MESSAGE", "BYE"])
async def test_a_small_request_brings_little_back(soft: SoftRig, method: str) -> None:
    """Bytes that come back in four seconds for one small request of nobody."""
    wire = Wire(soft.server)
    data = wire.build(method, "900")
    data = re.sub(rb"Contact: [^\r]*\r\n", b"", data) if method not in ("INVITE", "SUBSCRIBE") else data
    wire.send(data)
    end, got = time.monotonic() + 4.0, 0
    while time.monotonic() < end:
        message = await wire.receive(max(0.01, end - time.monotonic()))
        got += len(message.encode()) if message is not None else 0
    wire.close()
    assert got <= (10 if method == "INVITE" else 5) * len(data)
    figure("R16", f"{method} of {len(data)} bytes: {got} bytes in four seconds, {got / len(data):.1f} times")

"""Signalling and audio over IPv6 (RFC 5118 says what is written how): a trunk's call, registration with digest, TCP, music, a talk."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.switches.ears import Ears
from tests.switches.rigs import CALLED, MUSIC
from tests.switches.situations import make, talking
from tests.switches.soft_rig import SITE, Media, SoftRig, home_of, running_media

from yitong.ct import services
from yitong.ct.events import CallCleared, Held
from yitong.sip.message import Response, parse

BIND = "::1"


@pytest.fixture(scope="module")
def media6(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Media]:
    with running_media(tmp_path_factory.mktemp("media6"), "media6.sock", BIND) as worker:
        yield worker


@pytest.fixture
async def six(media6: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    made = await SoftRig(home_of(tmp_path), media6, bind=BIND).start()
    made.configure("trunk", "demo", {"code": "demo", "addresses": ["::1/128"], "site": SITE})
    yield made
    await made.close()


async def test_a_call_over_ipv6(six: SoftRig) -> None:
    made = await talking(six)
    far, phone = made.far, made.phone
    assert far is not None
    assert phone is not None
    ears = Ears(six, customer=far, agent=phone)
    await ears.hear(customer="agent", agent="customer")
    invite = phone.agent.invitations[0]  # type: ignore[attr-defined]
    assert invite.via.host == "[::1]"
    assert b"c=IN IP6 ::1" in invite.body
    assert invite.contacts[0].uri.host == "[::1]"
    six.ask(make(services.Hold, connection=made.agent, music=MUSIC))
    await six.until(Held, connection=made.agent)
    await ears.hear(customer="music")
    await far.hang_up()
    await six.until(CallCleared, call=made.call)


async def test_phones_call_each_other_and_hang_up(six: SoftRig) -> None:
    one, other = await six.phone("1001"), await six.phone("1002")
    await one.call("1002")
    await other.pick_up()
    await Ears(six, customer=one, agent=other).hear(customer="agent", agent="customer")
    other.agent.hang_up()
    await six.true(lambda: one.agent.released)


def test_a_wrong_password_over_ipv6_silences_nobody_else(six: SoftRig) -> None:
    assert not six.switch.gate.silent(six.switch.transports.flow_to("udp", BIND, 5060), 0.0)


async def test_options_over_tcp(six: SoftRig) -> None:
    """The answer says where the request came from, without brackets (RFC 5118 §4.5 allows both to be read)."""
    with socket.create_connection(six.server, 2.0) as stream:
        stream.sendall(
            f"OPTIONS sip:{CALLED}@[::1] SIP/2.0\r\nVia: SIP/2.0/TCP [2001:db8::9]:5060;branch=z9hG4bKsix;rport\r\n".encode()
            + b"From: <sip:a@[2001:db8::9]>;tag=1\r\nTo: <sip:b@[::1]>\r\nCall-ID: six\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        stream.setblocking(False)
        got = bytearray()

        def whole() -> bool:
            try:
                got.extend(stream.recv(4096))
            except BlockingIOError:
                return False
            return b"\r\n\r\n" in got

        await six.true(whole)
        answer = parse(bytes(got))
        assert isinstance(answer, Response)
        assert answer.status == 200
        assert answer.via.params["received"] == "::1"
        assert answer.via.params["rport"] == str(stream.getsockname()[1])

"""Trunks over TLS, found by NAPTR and SRV of a real DNS server; speech goes encrypted where the trunk says so."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from tests.kit.certificates import make_certificate
from tests.ports import free_port
from tests.switches.ears import Ears
from tests.switches.gateways import Gateway, StreamGateway
from tests.switches.rigs import TENANT
from tests.switches.situations import make, new_id
from tests.switches.soft_rig import SITE, Media, SoftPhone, SoftRig, home_of

from yitong.ct import services
from yitong.ct.events import Delivered, Established
from yitong.ct.switches.soft.media_srtp import from_description
from yitong.ct.switches.soft.outside import Health
from yitong.sip import negotiation
from yitong.sip.sdp import parse

MOBILE, HOST = "13911112222", "operator.test"


class DnsServer(asyncio.DatagramProtocol):
    """Answers from ``zone``: (name, kind) → records; everything else is not there."""

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.asked: list[tuple[str, str]] = []
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> tuple[str, int]:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._transport = transport
        host, port = transport.get_extra_info("sockname")[:2]
        return str(host), int(port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        if found := self.zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(question.name, 60, dns.rdataclass.IN, question.rdtype, *found))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class SealedGateway(StreamGateway):
    """Takes encrypted speech as it is offered."""

    def pick_up(self) -> None:
        assert self.ringing is not None
        _, remote = negotiation.make_answer(parse(self.ringing.request.body), self._local)
        if remote.suite:
            self.rtp.srtp = from_description(remote.suite, remote.their_key, remote.our_key)
        super().pick_up()


@pytest.fixture
async def names() -> AsyncIterator[DnsServer]:
    server = DnsServer()
    yield server
    server.close()


@pytest.fixture
async def outside(names: DnsServer, media: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    """The switch, which asks our DNS server."""
    made = await SoftRig(home_of(tmp_path), media, dns_servers=(await names.open(),)).start()
    yield made
    await made.close()


async def gateway(rig: SoftRig, folder: Path, *hosts: str) -> tuple[SealedGateway, str]:
    """An operator over TLS with a certificate for ``hosts``, and who vouches for it."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    make_certificate(certificate, key, *hosts)
    made = SealedGateway("operator", rig.server)
    made.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.tls.load_cert_chain(certificate, key)
    await made.open()
    rig.agents.append(made)
    return made, certificate.read_text()


def point(names: DnsServer, *ports: int) -> None:
    """The operator's service: NAPTR to SRV, SRV to hosts in this order."""
    names.zone = {
        (HOST, "NAPTR"): ['20 0 "s" "SIP+D2U" "" _sip._udp.elsewhere.test.', '10 0 "s" "SIPS+D2T" "" _sips._tcp.lines.operator.test.'],
        ("_sips._tcp.lines.operator.test", "SRV"): [f"{10 * place} 5 {port} gw{place}.{HOST}." for place, port in enumerate(ports, 1)],
        **{(f"gw{place}.{HOST}", "A"): ["127.0.0.1"] for place in range(1, len(ports) + 1)},
    }


def configure(rig: SoftRig, **fields: object) -> None:
    rig.configure("trunk", "operator", {
        "code": "operator", "site": SITE, "host": HOST, "port": 0, "transport": "tls", "caller_id": "given", **fields,
    })  # fmt: skip


def health(rig: SoftRig) -> Health:
    trunk = rig.switch.trunks.outside.trunks.get(f"{TENANT}/trunk/operator")
    return trunk.health if trunk is not None else Health.UNKNOWN


async def test_a_trunk_is_found_by_naptr_and_srv_and_speech_goes_encrypted(outside: SoftRig, names: DnsServer, tmp_path: Path) -> None:
    """The first place is dead: the second is found by the trunk's own OPTIONS, and takes the call."""
    operator, authority = await gateway(outside, tmp_path, HOST)
    point(names, free_port(), operator.port)
    operator.seal("AES_CM_128_HMAC_SHA1_80")
    configure(outside, tls_ca=authority, srtp=True)
    await outside.true(lambda: health(outside) is Health.UP)
    assert ("_sips._tcp.lines.operator.test", "SRV") in names.asked
    phone = await outside.phone("1001")
    connection, call = new_id(), new_id()
    outside.ask(make(services.Make, call=call, connection=new_id(), device=phone.device, called=MOBILE, calling="96900"))
    await phone.pick_up()
    told = await outside.until(Delivered, device=f"{TENANT}/trunk/operator")
    connection = told.connection
    offer = parse(operator.invitations[-1].body)
    assert offer.media[0].protocol == "RTP/SAVP"
    operator.pick_up()
    await outside.until(Established, connection=connection)
    assert operator.rtp.srtp is not None
    await Ears(outside, agent=phone, customer=SoftPhone(outside, operator, "operator", "trunk")).hear(agent="customer", customer="agent")


@pytest.mark.parametrize("wrong", ["another_name", "nobody_vouches"])
async def test_whoever_cannot_prove_who_he_is_gets_no_call(outside: SoftRig, names: DnsServer, tmp_path: Path, wrong: str) -> None:
    operator, authority = await gateway(outside, tmp_path, *([] if wrong == "another_name" else [HOST]))
    point(names, operator.port)
    configure(outside, tls_ca="" if wrong == "nobody_vouches" else authority)
    await outside.true(lambda: health(outside) is Health.DOWN)
    assert not operator.datagrams


async def test_without_naptr_and_srv_the_host_itself_is_asked(outside: SoftRig, names: DnsServer) -> None:
    plain = Gateway("operator", outside.server)
    await plain.open()
    outside.agents.append(plain)
    names.zone = {("_sip._udp.operator.test", "SRV"): [f"1 1 {plain.port} gw.operator.test."], ("gw.operator.test", "A"): ["127.0.0.1"]}
    configure(outside, transport="udp")
    await outside.true(lambda: health(outside) is Health.UP)
    assert (HOST, "NAPTR") in names.asked


async def test_a_call_goes_on_to_the_next_place_of_the_same_trunk(outside: SoftRig, names: DnsServer) -> None:
    """The place where OPTIONS is answered refuses the call with 503: nobody is told before the other place has rung."""
    full, other = Gateway("full", outside.server), Gateway("other", outside.server)
    for one in (full, other):
        await one.open()
        outside.agents.append(one)
    full.answers = 503
    names.zone = {
        ("_sip._udp.operator.test", "SRV"): [f"1 1 {full.port} gw.operator.test.", f"2 1 {other.port} gw.operator.test."],
        ("gw.operator.test", "A"): ["127.0.0.1"],
    }
    configure(outside, transport="udp")
    await outside.true(lambda: health(outside) is Health.UP)
    connection = new_id()
    outside.ask(make(services.Make, call=new_id(), connection=connection, device="", number=MOBILE, called=""))
    await outside.true(lambda: other.ringing is not None)
    assert len(full.invitations) == 1
    other.pick_up()
    await outside.until(Established, connection=connection)

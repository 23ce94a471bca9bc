"""The 11 forms of RFC 5118 (SIP over IPv6), written anew from what its text says about each (case P1)."""

# ruff: noqa: E501 - one form a line reads best

from __future__ import annotations

from typing import Any

import pytest

from yitong.sip import sdp
from yitong.sip.core import Flow

FLOW = Flow("udp", "wire", "2001:db8::9:1", 5060)
TWO = "v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\r\ns=-\r\n"


def register(uri: str, via: str, contact: str, name: str, *extra: str) -> bytes:
    lines = [f"REGISTER {uri} SIP/2.0", "To: sip:user@example.com", "From: sip:user@example.com;tag=81x2", f"Via: {via};branch=z9hG4bK{name}", *extra]
    lines += [f"Call-ID: {name}@[2001:db8::9:1]", "Max-Forwards: 70", "CSeq: 98176 REGISTER", f"Contact: {contact}", "Content-Length: 0"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def invite(name: str, body: str, *extra: str) -> bytes:
    lines = ["INVITE sip:user@[2001:db8::10] SIP/2.0", "To: sip:user@[2001:db8::10]", "From: sip:user@example.com;tag=81x2", *extra]
    lines += [f"Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bK{name}", f"Call-ID: {name}", 'Contact: "Caller" <sip:caller@[2001:db8::20]>']
    lines += ["CSeq: 8612 INVITE", "Max-Forwards: 70", "Content-Type: application/sdp", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


GOOD, CONTACT = "sip:[2001:db8::10]", '"Caller" <sip:caller@[2001:db8::1]>'
FORMS: list[tuple[str, bytes, set[Any]]] = [
    ("4.1 reference", register(GOOD, "SIP/2.0/UDP [2001:db8::9:1]", CONTACT, "a"), {200}),
    ("4.2 no brackets", register("sip:2001:db8::10", "SIP/2.0/UDP [2001:db8::9:1]", CONTACT, "b"), {400}),
    ("4.3 port ambiguous", register("sip:[2001:db8::10:5070]", "SIP/2.0/UDP [2001:db8::9:1]", CONTACT, "c"), {200}),
    ("4.4 port unambiguous", register("sip:[2001:db8::10]:5070", "SIP/2.0/UDP [2001:db8::9:1]", CONTACT, "d"), {200}),
    ("4.5 received in brackets", register(GOOD, "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255]", CONTACT, "e"), {200}),
    ("4.5 received bare", register(GOOD, "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255", CONTACT, "f"), {200}),
    ("4.6 in the description", invite("g", TWO + "c=IN IP6 2001:db8::20\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"), {200}),
    (
        "4.7 several addresses",
        register(GOOD, "SIP/2.0/UDP [2001:db8::9:1]", CONTACT, "h", "v: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK7", "Via: SIP/2.0/UDP [2001:db8::2]:5070;branch=z9hG4bK8"),
        {200},
    ),
    (
        "4.8 several in the description",
        invite("i", TWO + "t=0 0\r\nm=audio 22334 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nm=audio 6000 RTP/AVP 97\r\nc=IN IP6 2001:db8::1\r\n"),
        {488},  # our line is the second, and it offers nothing that we speak
    ),
    (
        "4.9 IPv4-mapped",
        invite("j", TWO + "c=IN IP6 ::ffff:192.0.2.10\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n", "v: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19"),
        {200},
    ),
    ("4.10 three colons", register(GOOD, "SIP/2.0/UDP [2001:db8:::192.0.2.1]", CONTACT, "k"), {200, 400}),
]


def test_there_are_11() -> None:
    assert len(FORMS) == 11


@pytest.mark.case("P1")
@pytest.mark.parametrize(("name", "data", "allowed"), FORMS, ids=[name for name, _, _ in FORMS])
def test_form(server: Any, name: str, data: bytes, allowed: set[Any]) -> None:
    assert server.outcome(data, FLOW) in allowed
    assert server.alive()


def test_of_several_addresses_each_takes_its_own(server: Any) -> None:
    """4.8 asked by who has IPv4: the first line is ours."""
    assert server.outcome(FORMS[8][1], Flow("udp", "wire", "192.0.2.9", 5060)) == 200
    assert b"m=audio 20000" in server.answers[0]


def test_the_ambiguous_port_is_part_of_the_address(server: Any) -> None:
    server.outcome(FORMS[2][1], FLOW)
    assert (server.requests[0].uri.host, server.requests[0].uri.port) == ("[2001:db8::10:5070]", 0)


def test_a_mapped_address_is_taken_as_it_stands() -> None:
    body = FORMS[9][1].partition(b"\r\n\r\n")[2]
    assert sdp.parse(body).address == "::ffff:192.0.2.10"

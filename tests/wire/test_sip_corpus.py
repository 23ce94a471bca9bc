"""Our own corpus of tricky forms, each with the answers that are allowed (case P2), and where they were found out, the reason."""

# ruff: noqa: E501 - one form a line reads best

from __future__ import annotations

from typing import Any

import pytest
from tests.figures import figure

from yitong.sip.core import Flow

S = "silence"
Form = tuple[str, bytes, set[Any]]
PLAIN = {
    "Via": "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKcorpus;rport", "Max-Forwards": "70", "From": "<sip:a@192.0.2.9>;tag=f",
    "To": "<sip:b@192.0.2.1>", "Call-ID": "corpus@192.0.2.9", "CSeq": "1 {method}", "Contact": "<sip:a@192.0.2.9>",
}  # fmt: skip
AUDIO = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"


def make(method: str = "OPTIONS", uri: str = "sip:b@192.0.2.1", *more: str, body: str = "", kind: str = "", length: str | None = None, **changed: str | None) -> bytes:
    """A plain request with some headers changed (``None``: left out; ``_`` for ``-``)."""
    headers = {**PLAIN, **{name.replace("_", "-"): value for name, value in changed.items()}}
    lines = [f"{method} {uri} SIP/2.0"] + [f"{name}: {value.replace('{method}', method)}" for name, value in headers.items() if value is not None]
    lines += [*more, *([f"Content-Type: {kind}"] if kind else [])]
    size = len(body.encode("utf-8", "surrogateescape"))
    lines += [f"Content-Length: {size}"] if length is None else [length] if length else []
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8", "surrogateescape")


def call(body: str, kind: str = "application/sdp") -> bytes:
    return make("INVITE", body=body, kind=kind)


def described(old: str, new: str) -> bytes:
    assert old in AUDIO
    return call(AUDIO.replace(old, new))


GBK = "张三".encode("gbk").decode("utf-8", "surrogateescape")
BROKEN = b"\xe5\xbc".decode("utf-8", "surrogateescape")

FRAMING: list[Form] = [
    ("empty", b"", {S}), ("one byte", b"\x00", {S}), ("keep-alive", b"\r\n\r\n", {S}), ("stun", b"\x00\x01\x00\x00!\x12\xa4B" + bytes(12), {S}),
    ("text", b"hello\r\n\r\n", {S}), ("only line ends", b"\r\n" * 1000, {S}), ("http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", {S, 400, 505}),
    ("no blank line", make().rstrip(b"\r\n"), {S, 400}), ("line feeds only", make().replace(b"\r\n", b"\n"), {S, 400}),
    ("carriage returns only", make().replace(b"\r\n", b"\r"), {S, 400}), ("leading line ends", b"\r\n\r\n" + make(), {S, 200, 400}),
    ("no headers", b"OPTIONS sip:b@192.0.2.1 SIP/2.0\r\n\r\n", {S, 400}), ("start line only", b"OPTIONS sip:b SIP/2.0\r\n", {S}),
    ("byte order mark", b"\xef\xbb\xbf" + make(), {S, 400}), ("tabs in the request line", make().replace(b" SIP/2.0\r\n", b"\tSIP/2.0\r\n", 1), {S, 400}),
    ("lower-case version", make().replace(b" SIP/2.0\r\n", b" sip/2.0\r\n", 1), {200, 400, 505}), ("version 2.00", make().replace(b" SIP/2.0\r\n", b" SIP/2.00\r\n", 1), {400, 505, S}),
    ("version 3", make().replace(b" SIP/2.0\r\n", b" SIP/3.0\r\n", 1), {505}), ("no version", make().replace(b" SIP/2.0\r\n", b"\r\n", 1), {S, 400}),
    ("trailing garbage", make() + b"garbage" * 100, {200}), ("second message behind", make() + make(Call_ID="other"), {200}),
    ("length too long", make(length="Content-Length: 10"), {400}), ("length negative", make(length="Content-Length: -1"), {400}),
    ("length plus", make(length="Content-Length: +0"), {400}), ("length hex", make(length="Content-Length: 0x0"), {400}),
    ("length full width", make(length="Content-Length: ０"), {400}), ("length underscore", make(length="Content-Length: 0_0"), {400}),
    ("length 4300 digits", make(length="Content-Length: " + "9" * 4300), {400}), ("length 2**32", make(length="Content-Length: 4294967296"), {400}),
    ("length empty", make(length="Content-Length:"), {400}), ("length twice the same", make(length="Content-Length: 0\r\nContent-Length: 0"), {200, 400}),
    ("length twice different", make(length="Content-Length: 0\r\nl: 5", body="hello"), {400}), ("no length over UDP", make(length=""), {200}),
    ("length with zeros", make(length="Content-Length: 0000000000"), {200}), ("length float", make(length="Content-Length: 0.0"), {400}),
    ("nul behind", make() + b"\x00" * 20, {200}), ("body binary", make("MESSAGE", body="\x00\x01\udcff", kind="application/octet-stream"), {200}),
]  # fmt: skip

HEADERS: list[Form] = [
    ("no From", make(From=None), {400, S}), ("no To", make(To=None), {400, S}), ("no Via", make(Via=None), {S, 400}), ("no Call-ID", make(Call_ID=None), {400, S}),
    ("no CSeq", make(CSeq=None), {400, S}), ("no Max-Forwards", make(Max_Forwards=None), {200}), ("From twice", make("OPTIONS", "sip:b@192.0.2.1", "f: <sip:x@y>;tag=2"), {400}),
    ("To twice", make("OPTIONS", "sip:b@192.0.2.1", "t: <sip:x@y>"), {400}), ("Call-ID twice", make("OPTIONS", "sip:b@192.0.2.1", "i: 2"), {400}),
    ("CSeq twice", make("OPTIONS", "sip:b@192.0.2.1", "CSEQ: 2 OPTIONS"), {400}), ("Call-ID empty", make(Call_ID=""), {400, S}), ("Call-ID with space", make(Call_ID="a b"), {400}),
    ("Call-ID long", make(Call_ID="x" * 4000), {200}), ("CSeq huge", make(CSeq="99999999999 OPTIONS"), {400}), ("CSeq 2**31", make(CSeq="2147483648 OPTIONS"), {400}),
    ("CSeq 2**31-1", make(CSeq="2147483647 OPTIONS"), {200}), ("CSeq zero", make(CSeq="0 OPTIONS"), {200}), ("CSeq no method", make(CSeq="1"), {400}),
    ("CSeq other method", make(CSeq="1 INVITE"), {400}), ("CSeq case", make(CSeq="1 options"), {400}), ("CSeq full width", make(CSeq="１ OPTIONS"), {400}),
    ("CSeq underscore", make(CSeq="1_0 OPTIONS"), {400}), ("CSeq negative", make(CSeq="-1 OPTIONS"), {400}), ("CSeq float", make(CSeq="1.5 OPTIONS"), {400}),
    ("CSeq tab", make(CSeq="1\tOPTIONS"), {200}), ("CSeq leading zeros", make(CSeq="0000000001 OPTIONS"), {200}), ("CSeq eleven digits", make(CSeq="00000000001 OPTIONS"), {400}),
    ("Max-Forwards text", make(Max_Forwards="many"), {400}), ("Max-Forwards 0", make(Max_Forwards="0"), {200, 483}), ("Max-Forwards 256", make(Max_Forwards="256"), {200, 400}),
    ("Max-Forwards negative", make(Max_Forwards="-1"), {400}), ("Max-Forwards twice", make("OPTIONS", "sip:b@192.0.2.1", "Max-Forwards: 70"), {400}),
    ("header without colon", make("OPTIONS", "sip:b@192.0.2.1", "Nonsense"), {400}), ("header without name", make("OPTIONS", "sip:b@192.0.2.1", ": value"), {400}),
    ("header name with space", make("OPTIONS", "sip:b@192.0.2.1", "X Y: value"), {400}), ("space before colon", make("OPTIONS", "sip:b@192.0.2.1", "X-Y \t : value"), {200}),
    ("header without value", make("OPTIONS", "sip:b@192.0.2.1", "X-Empty:"), {200}), ("unknown header", make("OPTIONS", "sip:b@192.0.2.1", "X-A: b"), {200}),
    ("header name not ASCII", make("OPTIONS", "sip:b@192.0.2.1", "Ünknown: b"), {400}), ("folded", make("OPTIONS", "sip:b@192.0.2.1", "Subject: a\r\n b\r\n\tc"), {200}),
    ("folded first", make().replace(b"\r\nVia", b"\r\n Via", 1), {S, 400}), ("folded to emptiness", make("OPTIONS", "sip:b@192.0.2.1", "Subject: a\r\n "), {200}),
    ("bare line feed in a value", make(Subject="a\nTo: <sip:evil@x>"), {400}), ("bare carriage return in a value", make(Subject="a\rb"), {400}), ("nul in a value", make(Subject="a\x00b"), {200, 400}),
    ("line of 8193", make(Subject="x" * 8193), {400, 513}), ("line of 8000", make(Subject="x" * 8000), {200}), ("300 headers", make("OPTIONS", "sip:b@192.0.2.1", *["X-A: 1"] * 300), {400, 513}),
    ("200 headers", make("OPTIONS", "sip:b@192.0.2.1", *["X-A: 1"] * 200), {200}), ("compact", make().replace(b"From:", b"f:").replace(b"Call-ID:", b"i:").replace(b"Via:", b"V:"), {200}),
    ("case", make().replace(b"From:", b"fRoM:").replace(b"Call-ID:", b"cALL-id:"), {200}), ("Require", make(Require="100rel, foo"), {420}), ("Require empty", make(Require=""), {200}),
    ("Proxy-Require", make(Proxy_Require="foo"), {200, 420}), ("Via no branch", make(Via="SIP/2.0/UDP 192.0.2.9"), {200}), ("Via empty branch", make(Via="SIP/2.0/UDP 192.0.2.9;branch="), {200, 400}),
    ("Via port 0", make(Via="SIP/2.0/UDP 192.0.2.9:0;branch=z9hG4bK1"), {400}), ("Via port 65536", make(Via="SIP/2.0/UDP 192.0.2.9:65536;branch=z9hG4bK1"), {400}),
    ("Via port text", make(Via="SIP/2.0/UDP 192.0.2.9:x;branch=z9hG4bK1"), {400}), ("Via other host", make(Via="SIP/2.0/UDP evil.example;branch=z9hG4bK1"), {200}),
    ("Via received set", make(Via="SIP/2.0/UDP 192.0.2.9;received=203.0.113.1;branch=z9hG4bK1"), {200}), ("Via rport set", make(Via="SIP/2.0/UDP 192.0.2.9;rport=1;branch=z9hG4bK1"), {200}),
    ("Via transport unknown", make(Via="SIP/2.0/SMOKE 192.0.2.9;branch=z9hG4bK1"), {200}), ("Via branch twice", make(Via="SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1;branch=z9hG4bK2"), {400}),
    ("Via list", make(Via="SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1, SIP/2.0/TCP 192.0.2.8;branch=z9hG4bK2"), {200}), ("Via quoted comma", make(Via='SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1;x="a,b"'), {200}),
    ("Via unbalanced", make(Via='SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1;x="a'), {400}), ("Via maddr", make(Via="SIP/2.0/UDP 192.0.2.9;maddr=239.0.0.1;branch=z9hG4bK1"), {200}),
    ("From no tag", make(From="<sip:a@192.0.2.9>"), {200, 400}), ("From tag twice", make(From="<sip:a@192.0.2.9>;tag=1;tag=2"), {400}), ("From tag empty", make(From="<sip:a@192.0.2.9>;tag="), {200, 400}),
    ("From no URI", make(From="<>;tag=1"), {200, 400}), ("From text", make(From="nobody at all"), {400}), ("From unbalanced", make(From='"x <sip:a@192.0.2.9>;tag=1'), {400}),
    ("From GBK", make(From=f'"{GBK}" <sip:a@192.0.2.9>;tag=1'), {200}), ("From broken UTF-8", make(From=f'"{BROKEN}" <sip:a@192.0.2.9>;tag=1'), {200, 400}),
    ("From GBK bare", make(From=f"{GBK} <sip:a@192.0.2.9>;tag=1"), {200, 400}), ("From HTML", make(From='"<b>x</b><script>" <sip:a@192.0.2.9>;tag=1'), {200, 400}), ("From nul", make(From='"a\\\x00b" <sip:a@192.0.2.9>;tag=1'), {200, 400}),
    ("From line end", make(From='"a\r\nX: y" <sip:a@192.0.2.9>;tag=1'), {400}), ("From emoji", make(From='"☎️🐼" <sip:a@192.0.2.9>;tag=1'), {200}), ("From 4000 names", make(From='"' + "n" * 4000 + '" <sip:a@192.0.2.9>;tag=1'), {200}),
    ("To unknown tag", make(To="<sip:b@192.0.2.1>;tag=unknown"), {481}), ("To no URI", make(To="<>"), {200, 400}), ("500 routes", make("OPTIONS", "sip:b@192.0.2.1", "Route: " + ",".join(["<sip:r@x;lr>"] * 500)), {200, 400, 513}),
    ("200 Route headers", make("OPTIONS", "sip:b@192.0.2.1", *["Route: <sip:r@192.0.2.7;lr>"] * 200), {200}), ("Contact broken", make("INVITE", Contact="<sip:a@192.0.2.9"), {400}),
    ("Contact missing", make("INVITE", Contact=None), {400}), ("Contact tel", make("INVITE", Contact="<tel:+8610>"), {400}), ("Contact star", make("INVITE", Contact="*"), {400}), ("Contact HTML", make("INVITE", Contact="<b>hello</b>"), {400}),
    ("Record-Route broken", make("INVITE", "sip:b@192.0.2.1", "Record-Route: <sip:a"), {400}), ("40 Record-Routes", make("INVITE", "sip:b@192.0.2.1", *["Record-Route: <sip:r@x;lr>"] * 40), {400}),
    ("Record-Route mail", make("INVITE", "sip:b@192.0.2.1", "Record-Route: <mailto:a@b>"), {400}), ("Expires huge", make("REGISTER", "sip:192.0.2.1", "Expires: 999999999999"), {200, 400}),
]  # fmt: skip

METHODS: list[Form] = [
    ("unknown", make("FROBNICATE"), {405, 501}), ("lower case", make("options"), {405, 501}), ("mixed case", make("Options"), {405, 501}), ("odd token", make("A.b!%*_+`'~-"), {405, 501}), ("long", make("M" * 4000), {405, 501, 400}),
    ("no token", make("OPT(IONS"), {S, 400}), ("empty", make(""), {S, 400}), ("not ASCII", make("ÖPTIONS"), {S, 400}), ("nul", make("OPT\x00IONS"), {S, 400}),
    *[(f"{m} outside", make(m), {481}) for m in ("BYE", "UPDATE", "INFO", "PRACK", "NOTIFY")], *[(f"{m} unknown dialog", make(m, To="<sip:b@192.0.2.1>;tag=x"), {481}) for m in ("BYE", "INVITE", "REFER", "INFO", "SUBSCRIBE")],
    ("ACK outside", make("ACK"), {S}), ("ACK unknown dialog", make("ACK", To="<sip:b@192.0.2.1>;tag=x"), {S}), ("ACK broken", make("ACK", From=None), {S}), ("ACK wrong version", make("ACK").replace(b" SIP/2.0\r", b" SIP/3.0\r", 1), {S}),
    ("CANCEL outside", make("CANCEL"), {481}), ("CANCEL odd", make("CANCEL", Via="SIP/2.0/UDP 192.0.2.9"), {481}), ("REFER", make("REFER"), {405, 501}), ("PUBLISH", make("PUBLISH"), {405, 501}), ("MESSAGE", make("MESSAGE", body="hi", kind="text/plain"), {200}),
    *[(f"stray {code}", f"SIP/2.0 {code} X\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n".encode(), {S}) for code in ("100", "180", "200", "401", "503", "699", "700", "99", "1000", "abc", "２００", "-20", "")],
]  # fmt: skip

URIS: list[Form] = [
    (f"uri {uri!r}"[:60], make("OPTIONS", uri), allowed)
    for uri, allowed in (
        ("sip:192.0.2.1", {200}), ("sip:b@[::1]", {200}), ("sip:b@::1", {400}), ("sip:", {400}), ("sip:@", {400}), ("sip:@192.0.2.1", {200, 400}), ("b@192.0.2.1", {400}), ("192.0.2.1", {400}), ("*", {400}), ("sips:b@192.0.2.1", {200, 416}),
        ("tel:+8610-96900", {416, 200, 404}), ("tel:", {400, 416}), ("mailto:a@b", {416}), ("sip:b@192.0.2.1:0", {400}), ("sip:b@192.0.2.1:65536", {400}), ("sip:b@192.0.2.1:999999", {400}), ("sip:b@192.0.2.1:", {400, 200}),
        ("sip:b@192.0.2.1:5060;transport=tcp", {200}), ("sip:b@192.0.2.1;transport", {200}), ("sip:b@192.0.2.1;;", {400}), ("sip:b@192.0.2.1;a=1;a=2", {400, 200}), ("sip:%00@192.0.2.1", {200}), ("sip:%zz@192.0.2.1", {400}), ("sip:%@192.0.2.1", {400}),
        ("sip:a@b@192.0.2.1", {400}), ("sip:a:b@192.0.2.1", {200}), ("sip:a:b:c@192.0.2.1", {200, 400}), ("sip:b@192.0.2.1?X=y", {200, 400}), ("sip:b@exa_mple.com", {200, 400}), ("sip:b@-", {200, 400}), ("SIP:b@192.0.2.1", {200}),
        ("sip:张@192.0.2.1", {400}), ("<sip:b@192.0.2.1>", {400}), ("sip:b@192.0.2.1>", {400}), ('sip:"b"@192.0.2.1', {400}), ("sip:" + "b" * 4000 + "@192.0.2.1", {200, 414}), ("sip:b@" + "h" * 9000, {400, 414, S}), ("sip:b@[::1", {400}), ("sip:b@[zz]", {400}), ("sip:96900%3Bphone-context=x@192.0.2.1", {200}),
    )
]  # fmt: skip

SDPS: list[Form] = [
    ("plain", call(AUDIO), {200}), ("none", call("", kind=""), {200}), ("empty with type", call(""), {200, 400}), ("text", call("hello"), {400, 488}), ("no v", described("v=0\r\n", ""), {400}), ("v=1", described("v=0", "v=1"), {400, 488}),
    ("no o", described("o=- 1 1 IN IP4 192.0.2.9\r\n", ""), {400}), ("bad o", described("o=- 1 1 IN IP4 192.0.2.9", "o=-"), {400}), ("no c", described("c=IN IP4 192.0.2.9\r\n", ""), {400, 488}), ("no m", call(AUDIO.partition("m=")[0]), {488}), ("o of 2**64", described("o=- 1 1", "o=- 18446744073709551615 1"), {200}),
    ("o of 40 digits", described("o=- 1 1", "o=- " + "9" * 40 + " 1"), {400}), ("line feeds", call(AUDIO.replace("\r\n", "\n")), {200}), ("no last line end", call(AUDIO.rstrip()), {200}), ("blank line", described("t=0 0\r\n", "\r\n"), {400}), ("nul", described("s=-", "s=\x00"), {400}),
    ("port 0", described("40000", "0"), {488}), ("port 65536", described("40000", "65536"), {400}), ("port text", described("40000", "x"), {400}), ("port full width", described("40000", "４００"), {400}), ("port range", described("40000", "40000/2"), {200}), ("c=0.0.0.0", described("c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0"), {200}),
    ("c multicast", described("c=IN IP4 192.0.2.9", "c=IN IP4 239.1.1.1/127"), {488}), ("c broadcast", described("c=IN IP4 192.0.2.9", "c=IN IP4 255.255.255.255"), {488}), ("c name", described("c=IN IP4 192.0.2.9", "c=IN IP4 evil.example"), {488}), ("c empty", described("c=IN IP4 192.0.2.9", "c="), {400}), ("c IP6", described("c=IN IP4 192.0.2.9", "c=IN IP6 2001:db8::1"), {488}),
    ("our own port", call(AUDIO.replace("40000", "20000").replace("c=IN IP4 192.0.2.9", "c=IN IP4 192.0.2.1")), {488}), ("no common codec", described("8 0 101", "18 101"), {488}), ("only events", described("8 0 101", "101"), {488}), ("codec 2**32", described("8 0 101", "4294967296"), {488, 400}), ("codec text", described("8 0", "PCMA"), {488, 400}),
    ("no format", described("RTP/AVP 8 0 101", "RTP/AVP"), {400}), ("100 formats", described("8 0 101", " ".join(map(str, range(100)))), {400, 488}), ("rate 0", call(AUDIO + "a=rtpmap:8 PCMA/0\r\na=rtpmap:0 PCMU/0\r\n"), {488}), ("8 is something else", call(AUDIO + "a=rtpmap:8 opus/48000/2\r\n"), {200}),
    ("rtpmap broken", call(AUDIO + "a=rtpmap:8\r\na=rtpmap:x y\r\n"), {200, 488}), ("ptime 0", call(AUDIO + "a=ptime:0\r\n"), {200}), ("ptime 65536", call(AUDIO + "a=ptime:65536\r\n"), {200}), ("ptime text", call(AUDIO + "a=ptime:abc\r\n"), {200}), ("ptime digits", call(AUDIO + "a=ptime:" + "9" * 2000 + "\r\n"), {200}),
    ("fmtp odd", call(AUDIO + "a=fmtp:101 0-99999999999\r\na=fmtp\r\n"), {200}), ("rtcp odd", call(AUDIO + "a=rtcp:99999999\r\n"), {200}), ("rtcp 0", call(AUDIO + "a=rtcp:0\r\n"), {200}), ("event 0", call(AUDIO + "a=rtpmap:0 telephone-event/8000\r\n"), {200}), ("two directions", call(AUDIO + "a=sendonly\r\na=recvonly\r\n"), {200}),
    ("unknown direction", call(AUDIO + "a=sendnothing\r\n"), {200}), ("1000 m-lines", call(AUDIO + "m=audio 40000 RTP/AVP 0\r\n" * 1000), {400, 488}), ("30 m-lines", call(AUDIO + "m=video 40002 RTP/AVP 99\r\n" * 30), {200}), ("5000 lines", call(AUDIO + "a=x\r\n" * 5000), {400, 488}), ("line of 4000", call(AUDIO + "a=" + "x" * 4000 + "\r\n"), {400, 488}),
    ("video only", described("m=audio", "m=video"), {488}), ("image", described("m=audio 40000 RTP/AVP 8 0 101", "m=image 40000 udptl t38"), {488}), ("SAVP without keys", described("RTP/AVP", "RTP/SAVP"), {488}), ("SAVPF without keys", described("RTP/AVP", "UDP/TLS/RTP/SAVPF"), {488}), ("TCP media", described("RTP/AVP", "TCP/RTP/AVP"), {488}), ("AVPF", described("RTP/AVP", "RTP/AVPF"), {200}),
    ("bad fingerprint", call(AUDIO.replace("RTP/AVP", "RTP/SAVPF") + "a=fingerprint:sha-256 zz\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 22 + "\r\n"), {488}), ("gzip", make("INVITE", "sip:b@192.0.2.1", "Content-Encoding: gzip", body="\x1f", kind="application/sdp"), {415}), ("other type", call("<x/>", kind="application/xml"), {415}),
    ("type with parameter", call(AUDIO, kind="application/sdp;charset=utf-8"), {200}), ("type in capitals", call(AUDIO, kind="Application/SDP"), {200}), ("type empty", make("INVITE", "sip:b@192.0.2.1", "Content-Type:", body=AUDIO), {415, 400}), ("session name in GBK", described("s=-", f"s={GBK}"), {200}), ("upper-case kind", described("s=-", "S=-"), {400}),
    *[(f"multipart {n}", call(b, kind="multipart/mixed;boundary=x"), {415, 200, 400}) for n, b in (("empty", ""), ("no end", "--x\r\n\r\n"), ("nested 1000", "--x\r\nContent-Type: multipart/mixed;boundary=x\r\n\r\n" * 1000), ("sdp inside", "--x\r\nContent-Type: application/sdp\r\n\r\n" + AUDIO + "--x--\r\n"), ("boundary only", "--x--"))],
]  # fmt: skip

CREDENTIALS: list[Form] = [
    (f"credentials {n}", make("REGISTER", "sip:192.0.2.1", f"Authorization: {value}"), {200, 400, 401})
    for n, value in enumerate(
        ("", "Digest", "Digest ", "Basic abc", 'Digest username="', 'Digest username="a", username="b"', "Digest a=b,", "Digest ,,,", "Digest " + "a=b," * 1500, 'Digest realm="x", nonce="' + "n" * 4000 + '"', 'Digest qop="auth,auth-int"', "Digest nc=zzzzzzzz", 'Digest username="\\"', "Digest username=张三")
    )
]  # fmt: skip

BINDINGS: list[Form] = [
    (f"register {contact or expires!r}"[:50], make("REGISTER", "sip:192.0.2.1", *([f"Expires: {expires}"] if expires is not None else []), Contact=contact), allowed)
    for contact, expires, allowed in (
        ("*", "0", {200}), ("*", "3600", {400}), ("*", None, {400}), ("*, <sip:a@b>", "0", {400}), ("<sip:a@b>;expires=1", None, {423}), ("<sip:a@b>;expires=0", None, {200}), ("<sip:a@b>;expires=315360000", None, {200}), ("<sip:a@b>;expires=-5", None, {200, 400}),
        ("<sip:a@b>;expires=" + "9" * 4000, None, {200, 400}), ("<sip:a@b>", "x", {200, 400}), ("<sip:a@b>;q=2", None, {400}), ("<sip:a@b>;q=0.5", None, {200}), ("<sip:a@b>;q=1_0", None, {400}), ("<tel:+8610>", None, {200}), (None, None, {200}), ("", None, {400, 200}), ("<sip:a@b", None, {400}),
        (", ".join(f"<sip:a{i}@b>" for i in range(50)), None, {403}), (", ".join(f"<sip:a{i}@b>" for i in range(10)), None, {200}), ("<sip:a@xyz.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=1", None, {200}), ("<sip:a@b>,", None, {400}), (",,", None, {400}),
    )
]  # fmt: skip

FORMS = [*FRAMING, *HEADERS, *METHODS, *URIS, *SDPS, *CREDENTIALS, *BINDINGS]


def test_there_are_more_than_200() -> None:
    assert len(FORMS) >= 200
    figure("P2", f"{len(FORMS)} forms, each with one of its allowed answers, OPTIONS answered after each")


@pytest.mark.case("P2")
@pytest.mark.parametrize(("name", "data", "allowed"), FORMS, ids=[f"{i}-{name}" for i, (name, _, _) in enumerate(FORMS)])
def test_form(server: Any, name: str, data: bytes, allowed: set[Any]) -> None:
    assert server.outcome(data) in allowed
    assert server.alive()


TCP = Flow("tcp", "1", "192.0.2.9", 40000)
STREAMS: list[Form] = [
    ("one message", make(), {200}), ("keep-alive before", b"\r\n\r\n" + make(), {200}), ("no length", make(length=""), {"close"}), ("two lengths", make(length="Content-Length: 0\r\nl: 1"), {"close"}),
    ("length text", make(length="Content-Length: x"), {"close"}), ("length of 1 MB", make(length="Content-Length: 1000000"), {"close"}), ("1 MB without end", b"x" * 1_000_000, {"close"}),
    ("1 MB of one header", b"OPTIONS sip:b SIP/2.0\r\nX: " + b"y" * 1_000_000, {"close"}), ("half", make()[:-10], {S}), ("folded length", make(length="Content-Length:\r\n 0"), {200}),
]  # fmt: skip


@pytest.mark.case("P2")
@pytest.mark.parametrize(("name", "data", "allowed"), STREAMS, ids=[name for name, _, _ in STREAMS])
def test_stream(server: Any, name: str, data: bytes, allowed: set[Any]) -> None:
    assert server.outcome(data, TCP) in allowed
    server.events.clear()
    assert server.alive()

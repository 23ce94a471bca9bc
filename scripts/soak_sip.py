"""The long walk of the SIP part (cases P3, P8): mutated datagrams and streams against an endpoint with a user on top.

``python scripts/soak_sip.py [datagrams] [streams] [seed]``; 100,000 and 5,000 by default. An OPTIONS must be answered after each batch;
in the end nothing may be left: no transaction, no dialog, no timer. ``make soak`` calls it; the tests run a small walk.
"""

# ruff: noqa: E501 - one message a line reads best

from __future__ import annotations

import random
import re
import resource
import sys
import time
from itertools import count

from yitong.sip import negotiation, sdp
from yitong.sip.core import Flow, Settings, Terms
from yitong.sip.digest import Authenticator
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import CloseFlow, RequestReceived, SessionExpired, TransactionTimedOut
from yitong.sip.grammar import ParseError, SipError, display_text
from yitong.sip.identity import caller, first_called
from yitong.sip.info_digits import key_of
from yitong.sip.message import Request
from yitong.sip.referral import referral, replaces_of
from yitong.sip.registrar import Registrar
from yitong.sip.summary import package_of, takes_summary

BATCH = 500
"""Datagrams between two OPTIONS."""

AUDIO = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
)
BROWSER = (
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 126\r\n"
    "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n"
    f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\na=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtpmap:126 telephone-event/8000\r\na=candidate:1 1 udp 2113937151 192.0.2.9 50000 typ host\r\n"
)
_PIECES = [
    b"\r\n",
    b"\x00",
    b"\xff\xfe",
    b";;",
    b",",
    b'"',
    b"<",
    b">",
    b":",
    b"%",
    b"9" * 30,
    b"A" * 3000,
    b"\r\n ",
    b"=",
    b"@",
    "张三".encode("gbk"),
    b"\r\n\r\n",
    b"-1",
    b"\t",
]


def _message(method: str, number: int, body: str = "", kind: str = "application/sdp", extra: str = "") -> bytes:
    lines = f"{method} sip:96900@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKs{number};rport\r\nMax-Forwards: 70\r\n"
    lines += f'From: "Caller {number}" <sip:a@192.0.2.9>;tag=f{number}\r\nTo: <sip:96900@192.0.2.1>\r\nCall-ID: c{number}@192.0.2.9\r\n'
    lines += f"CSeq: {number} {method}\r\nContact: <sip:a@192.0.2.9:5060>\r\n{extra}"
    lines += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}" if body else "Content-Length: 0\r\n\r\n"
    return lines.encode()


SEEDS = [
    _message("INVITE", 1, AUDIO), _message("INVITE", 2, BROWSER), _message("INVITE", 3), _message("ACK", 4), _message("BYE", 5), _message("CANCEL", 1),
    _message("OPTIONS", 6), _message("REGISTER", 7, extra="Expires: 300\r\n"), _message("REGISTER", 8, extra='Authorization: Digest username="1001", realm="r", nonce="n", uri="sip:x", response="00", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"\r\n'),
    _message("UPDATE", 9, AUDIO), _message("INFO", 10, "Signal=1\r\n", "application/dtmf-relay"), _message("MESSAGE", 11, "hello", "text/plain"),
    _message("REFER", 12, extra="Refer-To: <sip:x@y>\r\n"), _message("NOTIFY", 13, extra="Event: refer\r\n"), _message("SUBSCRIBE", 14, extra="Event: presence\r\n"),
    _message("INVITE", 15, AUDIO, extra="Record-Route: <sip:p1@192.0.2.7;lr>, <sip:p2@192.0.2.6;lr>\r\nRoute: <sip:192.0.2.1;lr>\r\n"),
    _message("INVITE", 16, "--x\r\nContent-Type: application/sdp\r\n\r\n" + AUDIO + "--x--\r\n", "multipart/mixed;boundary=x"),
    _message("PRACK", 17, extra="RAck: 1 1 INVITE\r\n"),
    _message("INVITE", 18, AUDIO, extra="Supported: timer, 100rel\r\nSession-Expires: 90;refresher=uac\r\nMin-SE: 90\r\nAllow: INVITE, UPDATE\r\n"),
    _message("INVITE", 19, AUDIO, extra="Require: 100rel\r\nReplaces: c1@192.0.2.9;to-tag=t1;from-tag=f1;early-only\r\n"),
    _message("INVITE", 20, AUDIO, extra='P-Asserted-Identity: "Li" <sip:+86138@net>, <tel:+86-138>\r\nPrivacy: id;critical\r\nDiversion: <sip:1@net>;reason=busy\r\nHistory-Info: <sip:1@net>;index=1, <sip:2@net?Reason=SIP%3Bcause%3D302>;index=1.1\r\n'),
    _message("REFER", 21, extra="Refer-To: <sip:x@y?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>\r\nReferred-By: <sip:a@b>\r\nRefer-Sub: false\r\n"),
    _message("SUBSCRIBE", 22, extra="Event: message-summary;id=3\r\nAccept: application/simple-message-summary\r\nExpires: 600\r\n"),
    _message("REGISTER", 23, extra="Path: <sip:p@192.0.2.7;lr;received=sip:192.0.2.9:5060>\r\nSupported: path, outbound\r\n"),
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:c@d>\r\nContent-Length: 0\r\n\r\n",
    b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKy\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"y\", qop=\"auth,auth-int\"\r\nContent-Length: 0\r\n\r\n",
]  # fmt: skip


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Some damage: bytes changed, cut, doubled, moved, replaced; lines doubled, dropped, swapped; numbers made large."""
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        at, to = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
        match rng.randrange(9):
            case 0:
                data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[min(to, at + 40) :]
            case 2:
                data = data[:at] + data[at:to][:200] * 2 + data[to:]
            case 3:
                data = data[:at] + rng.choice(_PIECES) + data[at:]
            case 4:
                data = data[:at]
            case 5:
                data = data + rng.choice(SEEDS)
            case 6:
                lines = data.split(b"\r\n")
                rng.shuffle(lines)
                data = b"\r\n".join(lines)
            case 7:
                lines = data.split(b"\r\n")
                lines.insert(rng.randrange(len(lines)), rng.choice(lines) * rng.randint(1, 3))
                data = b"\r\n".join(lines)
            case _:
                data = re.sub(rb"[0-9]+", lambda match: rng.choice([match[0], b"0", b"4294967296", b"-1"]), data, count=rng.randint(1, 20))
    return data


def fresh(data: bytes, number: int) -> bytes:
    """The same message as one of its own: another branch and Call-ID."""
    return data.replace(b"z9hG4bKs", b"z9hG4bK%ds" % number, 1).replace(b"Call-ID: c", b"Call-ID: c%d-" % number, 1)


class Target:
    """An endpoint with a user that challenges, registers, negotiates and answers."""

    def __init__(self) -> None:
        numbers = count(1)
        supported = frozenset({"100rel", "norefersub", "replaces", "timer"})
        settings = Settings(host="192.0.2.1", supported=supported, session=Terms(90, 90))
        self.endpoint = Endpoint(settings, lambda: f"t{next(numbers):08d}")
        self.registrar = Registrar()
        self.authenticator = Authenticator("r", b"s" * 32, lambda: f"n{next(numbers):08d}")
        self.now = 1000.0
        self.answers = 0
        self.slowest = 0.0
        """Seconds of the slowest OPTIONS."""
        self._pings = 0

    def send(self, data: bytes, flow: Flow) -> list[bytes]:
        """What goes out for ``data``; raises when something goes wrong inside or an answer is no message."""
        self.now += 0.01
        self.endpoint.handle_timer(self.now)
        self.endpoint.receive(data, flow, self.now)
        while (event := self.endpoint.next_event()) is not None:
            if isinstance(event, RequestReceived):
                self._answer(event)
            elif isinstance(event, CloseFlow):
                self.endpoint.flow_closed(event.flow, self.now)
            elif isinstance(event, SessionExpired | TransactionTimedOut) and event.dialog is not None:
                self.endpoint.dialogs.end(event.dialog)
        sent = [answer for answer, _ in self.endpoint.datagrams_to_send()]
        for answer in sent:
            check_form(answer)
        self.answers += len(sent)
        return sent

    def alive(self) -> bool:
        """Whether an OPTIONS is answered with 200."""
        self._pings += 1
        ping = _message("OPTIONS", 1_000_000 + self._pings).replace(b"branch=z9hG4bKs", b"branch=z9hG4bKalive")
        begun = time.perf_counter()
        answered = any(answer.startswith(b"SIP/2.0 200") for answer in self.send(ping, Flow("udp", "alive", "192.0.2.9", 5060)))
        self.slowest = max(self.slowest, time.perf_counter() - begun)
        return answered

    def end(self) -> dict[str, int]:
        """Let every timer run out; what is left then."""
        while (deadline := self.endpoint.next_deadline()) is not None:
            self.now = max(self.now, deadline)
            self.send(b"\r\n\r\n", Flow("udp", "end", "192.0.2.9", 5060))
        endpoint = self.endpoint
        return {"transactions": endpoint.transactions, "dialogs": len(endpoint.dialogs), "sessions": len(endpoint.sessions)}

    def _answer(self, event: RequestReceived) -> None:
        request, transaction, now = event.request, event.transaction, self.now
        respond = self.endpoint.respond
        look_at(request)
        if request.method == "REGISTER":
            self.authenticator.check(request, event.flow.host, lambda name: None, now)
            done = self.registrar.register("aor", request, event.flow, now)
            respond(transaction, done.status, now, headers=done.headers)
        elif request.method == "INVITE":
            respond(transaction, 180, now)
            try:
                offer = sdp.parse(request.body)
                ours = negotiation.Secure("sha-256 AB", "abcd", "p" * 22, ("192.0.2.1",)) if negotiation.wants_secure(offer) else None
                answer, _ = negotiation.make_answer(offer, negotiation.Local(address="192.0.2.1", rtp_port=20000, secure=ours))
            except SipError:
                respond(transaction, 488, now)
            else:
                respond(transaction, 200, now, body=answer.encode(), content_type="application/sdp")
        else:
            respond(transaction, 200 if request.method in ("OPTIONS", "BYE", "MESSAGE", "INFO", "UPDATE") else 501, now)


def look_at(request: Request) -> None:
    """What the switch asks of a request; only the declared error may come of it."""
    display_text(request.from_.display)
    caller(request, trusted=True), first_called(request), key_of(request.content_type, request.body)
    package_of(request), takes_summary(request)
    for ask in (referral, replaces_of):
        try:
            ask(request)
        except ParseError:
            continue


_LINE = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]+: ?[^\r\n]*")


def check_form(data: bytes) -> None:
    """Whether what we send is a message: start line, header lines, the Content-Length of its body."""
    if data == b"\r\n":
        return
    head, separator, body = data.partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    assert separator, data
    assert start.startswith(b"SIP/2.0 ") or start.endswith(b" SIP/2.0"), data
    assert all(_LINE.fullmatch(line) for line in lines), data
    assert f"Content-Length: {len(body)}".encode() in lines, data


def walk(datagrams: int, streams: int, seed: int) -> Target:
    """The walk; raises at the first wrong thing, naming the seed and the number of the input."""
    rng = random.Random(seed)
    target = Target()
    for number in range(datagrams):
        data = mutate(fresh(rng.choice(SEEDS), number), rng)
        try:
            target.send(data, Flow("udp", "u", f"192.0.2.{number % 200 + 2}", 5060))
        except Exception:
            print(f"seed {seed} number {number}: {data!r}", file=sys.stderr)
            raise
        if number % BATCH == 0:
            assert target.alive(), f"seed {seed}: no OPTIONS is answered after {number} datagrams"
    for number in range(streams):
        flow = Flow("tcp", f"t{number}", "192.0.2.9", 40000)
        data = b"".join(mutate(fresh(rng.choice(SEEDS), number), rng) for _ in range(rng.randint(1, 3)))
        while data:
            size = rng.choice((1, 7, 100, 1000, 5000))
            target.send(data[:size], flow)
            data = data[size:]
        target.endpoint.flow_closed(flow, target.now)
    assert target.alive()
    return target


def main() -> None:
    numbers = [int(text) for text in sys.argv[1:4]]
    datagrams, streams, seed = (numbers + [100_000, 5_000, 1][len(numbers) :])[:3]
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    target = walk(datagrams, streams, seed)
    left = target.end()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    seconds = time.perf_counter() - start
    print(f"{datagrams} datagrams, {streams} streams, seed {seed}: {target.answers} answers, {seconds:.1f} s, {grown:.0f} MB more, "
          f"slowest OPTIONS {target.slowest * 1000:.1f} ms, left: {left}")  # fmt: skip
    assert not any(left.values()), left


if __name__ == "__main__":
    main()

"""Callers and agents' telephones that cost next to nothing: messages from templates, and of answers only what must be known.

They take the place of the telephones of ``tests.system`` where the load must not take the processor from what is measured. They know
INVITE, ACK, BYE, CANCEL and OPTIONS over UDP, send again what is not answered, and carry no sound.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.system.load import Phones
from tests.system.telephones import NO_SOUND_PORT

T1_SECONDS = 0.5
_HEADER = {
    name: re.compile(rb"\r\n" + name.encode() + rb": ([^\r]*)") for name in ("Call-ID", "From", "To", "CSeq", "Contact")
}  # fmt: skip
_COPIED = re.compile(rb"\r\n(?:Via|From|To|Call-ID|CSeq): [^\r]*")
_URI = re.compile(rb"<([^>]*)>")
_USER = re.compile(rb"sip:([^@>]*)@")
_SDP = (
    f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {NO_SOUND_PORT} RTP/AVP 8 0 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
).encode()
_BODY = b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (len(_SDP), _SDP)
_EMPTY = b"Content-Length: 0\r\n\r\n"
_ALLOW = b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nUser-Agent: load\r\n"


def header(data: bytes, name: str) -> bytes:
    """The first value of a header; empty without."""
    found = _HEADER[name].search(data)
    return found[1] if found is not None else b""


def uri(value: bytes) -> bytes:
    """What stands in angle brackets."""
    found = _URI.search(value)
    return found[1] if found is not None else value.partition(b";")[0]


@dataclass(eq=False, slots=True)
class LightCall:
    """One side of a call, told in the words of ``tests.system.telephones.Call``."""

    user: str
    began: float
    state: str = "calling"
    status: int = 0
    cause: str = ""
    answered: float = 0.0
    ended: float = 0.0
    calling: str = ""
    sent: bytes = b""
    """What is sent again while nothing answers; empty: nothing."""
    wait: float = T1_SECONDS
    invite: bytes = b""
    tag: bytes = b""
    give_up: Callable[[], None] = field(default=lambda: None)

    def over(self, cause: str) -> None:
        if self.state != "over":
            self.state, self.cause, self.ended = "over", cause, time.monotonic()

    def hang_up(self) -> None:
        """BYE where the call stands; else it is only forgotten."""
        if self.state == "up":
            self.give_up()
        self.over("ours" if self.state == "up" else "cancelled")


class _Light(asyncio.DatagramProtocol):
    """What callers and desks share. ``transport`` is a socket that somebody else opened."""

    def __init__(self, transport: asyncio.DatagramTransport, server: tuple[str, int]) -> None:
        self.transport = transport
        self.server = server
        self.port = int(transport.get_extra_info("sockname")[1])
        self.calls: list[LightCall] = []
        self.by_id: dict[bytes, LightCall] = {}
        self.sent_again = 0
        self._numbers = itertools.count(1)
        self._loop = asyncio.get_running_loop()
        transport.set_protocol(self)

    def send(self, data: bytes) -> None:
        self.transport.sendto(data, self.server)

    def insist(self, call: LightCall, data: bytes) -> None:
        """Send, and send again with growing pauses until ``call.sent`` is another."""
        call.sent, call.wait = data, T1_SECONDS
        self.send(data)
        self._loop.call_later(T1_SECONDS, self._again, call, data)

    def _again(self, call: LightCall, data: bytes) -> None:
        if call.sent is data and call.wait < 16:
            self.sent_again += 1
            self.send(data)
            call.wait *= 2
            self._loop.call_later(call.wait, self._again, call, data)

    def via(self) -> bytes:
        branch = b"z9hG4bK%d-%d" % (self.port, next(self._numbers))
        return b"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=%s;rport\r\nMax-Forwards: 70\r\n" % (self.port, branch)

    def answer(self, request: bytes, status: bytes, more: bytes = _EMPTY, tag: bytes = b"") -> bytes:
        copied = b"".join(_COPIED.findall(request.partition(b"\r\n\r\n")[0]))
        if tag:
            to = b"\r\nTo: " + header(request, "To")
            copied = copied.replace(to, to + b";tag=" + tag)
        return b"SIP/2.0 " + status + copied + b"\r\n" + more

    def bye(self, call: LightCall, target: bytes, from_: bytes, to: bytes, call_id: bytes) -> None:
        """End a call that stands, from our side."""
        lines = b"BYE %s SIP/2.0\r\n%sFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 2 BYE\r\n"
        self.insist(call, lines % (target, self.via(), from_, to, call_id) + _EMPTY)

    def forget(self) -> None:
        """Drop calls that are over."""
        self.calls = [call for call in self.calls if call.state != "over"]
        alive = set(map(id, self.calls))
        self.by_id = {key: call for key, call in self.by_id.items() if id(call) in alive}


class LightCallers(_Light):
    """Those who call in by a trunk."""

    def call(self, user: str, number: str, *, sound: bool = False) -> LightCall:
        """Call ``number``."""
        name = b"%d-%d" % (self.port, next(self._numbers))
        call = LightCall(user, time.monotonic())
        host, port = self.server
        call.invite = (
            b"INVITE sip:%s@%s:%d SIP/2.0\r\n%sFrom: <sip:%s@127.0.0.1>;tag=%s\r\nTo: <sip:%s@%s>\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\n"
            b"Contact: <sip:%s@127.0.0.1:%d>\r\n" % (
                number.encode(), host.encode(), port, self.via(), user.encode(), name, number.encode(), host.encode(), name,
                user.encode(), self.port,
            ) + _ALLOW + _BODY
        )  # fmt: skip
        self.calls.append(call)
        self.by_id[name] = call
        self.insist(call, call.invite)
        return call

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        call = self.by_id.get(header(data, "Call-ID"))
        if data.startswith(b"SIP/2.0 "):
            if call is not None:
                self._response(call, data, int(data[8:11]))
        elif not data.startswith(b"ACK"):
            self.send(self.answer(data, b"200 OK"))
            if call is not None and data.startswith(b"BYE"):
                call.over("theirs")

    def _response(self, call: LightCall, data: bytes, status: int) -> None:
        if not header(data, "CSeq").endswith(b"INVITE"):
            call.sent = b""
            return
        if call.sent is call.invite:
            call.sent = b""
        if status < 200:
            return
        self._acknowledge(call, data, status)
        if call.state == "calling":
            call.status = status
            if status < 300:
                call.state, call.answered = "up", time.monotonic()
                target, to, name = uri(header(data, "Contact")), header(data, "To"), header(data, "Call-ID")
                call.give_up = lambda: self.bye(call, target, header(data, "From"), to, name)
            else:
                call.over(str(status))

    def _acknowledge(self, call: LightCall, data: bytes, status: int) -> None:
        target = uri(header(data, "Contact")) if status < 300 else call.invite.split(b" ", 2)[1]
        via = self.via() if status < 300 else call.invite[call.invite.index(b"\r\n") + 2 : call.invite.index(b"From: ")]
        lines = b"ACK %s SIP/2.0\r\n%sFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 ACK\r\n"
        self.send(lines % (target, via, header(data, "From"), header(data, "To"), header(data, "Call-ID")) + _EMPTY)


class LightDesks(_Light):
    """Agents' telephones, all registered before on this socket: they answer at once after 180 and hang up after ``talk`` seconds (of all,
    or of some in ``talks``); 0: never."""

    talk = 0.5

    def __init__(self, transport: asyncio.DatagramTransport, server: tuple[str, int]) -> None:
        super().__init__(transport, server)
        self.talks: dict[str, float] = {}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name = header(data, "Call-ID")
        call = self.by_id.get(name)
        if data.startswith(b"INVITE"):
            self._rung(call, data, name)
        elif data.startswith((b"SIP/2.0 ", b"ACK")):
            if call is not None:
                call.sent = b""
        else:
            self.send(self.answer(data, b"200 OK"))
            if call is not None and data.startswith(b"BYE"):
                call.over("theirs")
            elif call is not None and data.startswith(b"CANCEL") and call.state == "calling":
                self.send(self.answer(call.invite, b"487 Request Terminated", tag=call.tag))
                call.over("cancelled")

    def _rung(self, call: LightCall | None, data: bytes, name: bytes) -> None:
        if call is not None:
            if call.sent:
                self.send(call.sent)
            return
        user = _USER.search(data.partition(b" ")[2])
        caller = _USER.search(header(data, "From"))
        if user is None or caller is None:
            return
        call = LightCall(user[1].decode(), time.monotonic(), calling=caller[1].decode(), invite=data, tag=b"d%d" % next(self._numbers))
        self.calls.append(call)
        self.by_id[name] = call
        self.send(self.answer(data, b"180 Ringing", tag=call.tag))
        contact = b"Contact: <sip:%s@127.0.0.1:%d>\r\n" % (user[1], self.port)
        call.state, call.answered = "up", time.monotonic()
        target, to, from_ = uri(header(data, "Contact")), header(data, "From"), header(data, "To") + b";tag=" + call.tag
        call.give_up = lambda: self.bye(call, target, from_, to, name)
        self.insist(call, self.answer(data, b"200 OK", contact + _ALLOW + _BODY, tag=call.tag))
        if seconds := self.talks.get(call.user, self.talk):
            self._loop.call_later(seconds, call.hang_up)


def lighten(callers: Phones, desks: Phones) -> tuple[LightCallers, LightDesks]:
    """Take over the sockets of telephones that are registered; those must not be used any more."""
    return LightCallers(callers.transport, callers.server), LightDesks(desks.transport, desks.server)


def all_over(calls: Iterable[LightCall]) -> bool:
    """Nobody talks or waits any more."""
    return all(call.state == "over" for call in calls)

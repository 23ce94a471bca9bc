"""A SIP server with a small user on top, for messages given as bytes: what does it answer, and does it live on?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from yitong.sip import negotiation, sdp
from yitong.sip.core import Flow, Settings
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import BadMessage, CloseFlow, Event, RequestReceived
from yitong.sip.grammar import ParseError
from yitong.sip.message import Request
from yitong.sip.registrar import Registrar

OPTIONS = (
    b"OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKalive%d;rport\r\nMax-Forwards: 70\r\n"
    b"From: <sip:alive@192.0.2.9>;tag=a\r\nTo: <sip:192.0.2.1>\r\nCall-ID: alive%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)

V4, V6 = "192.0.2.1", "2001:db8::10"


class Server:
    """An endpoint whose user answers every request in the plainest correct way, with media of the version of IP it came by."""

    def __init__(self) -> None:
        numbers = count(1)
        self.endpoint = Endpoint(Settings(host="192.0.2.1"), lambda: f"t{next(numbers):08d}")
        self.registrar = Registrar()
        self.now = 100.0
        self.events: list[Event] = []
        self.requests: list[Request] = []
        self.answers: list[bytes] = []
        self._pings = 0

    def send(self, data: bytes, flow: Flow | None = None) -> list[int]:
        """The statuses of the final answers to ``data``."""
        flow = flow or Flow("udp", "wire", "192.0.2.9", 5060)
        self.endpoint.receive(data, flow, self.now)
        while (event := self.endpoint.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, RequestReceived):
                self.requests.append(event.request)
                self._answer(event)
        return [int(answer[8:11]) for answer in self._sent() if answer.startswith(b"SIP/2.0 ") and answer[8:9] != b"1"]

    def outcome(self, data: bytes, flow: Flow | None = None) -> int | str:
        """The status of the one final answer, ``silence``, or ``close`` for a stream that is cut."""
        answers = self.send(data, flow)
        assert len(answers) <= 1
        if any(isinstance(event, CloseFlow) for event in self.events):
            return "close"
        return answers[0] if answers else "silence"

    def alive(self) -> bool:
        """Whether an OPTIONS is answered."""
        self._pings += 1
        (answer,) = self.send(OPTIONS % (self._pings, self._pings), Flow("udp", "wire", "192.0.2.9", 5060))
        return answer == 200

    def bad(self) -> list[BadMessage]:
        """What went to the log."""
        return [event for event in self.events if isinstance(event, BadMessage)]

    def _sent(self) -> list[bytes]:
        self.answers = [data for data, _ in self.endpoint.datagrams_to_send()]
        return self.answers

    def _answer(self, event: RequestReceived) -> None:
        request, respond = event.request, self.endpoint.respond
        if request.uri.scheme not in ("sip", "sips"):
            respond(event.transaction, 416, self.now)
        elif request.method == "INVITE":
            status, body = self._negotiate(request, V6 if ":" in event.flow.host else V4)
            respond(event.transaction, status, self.now, body=body, content_type="application/sdp" if body else "")
        elif request.method == "REGISTER":
            done = self.registrar.register("aor", request, event.flow, self.now)
            respond(event.transaction, done.status, self.now, headers=done.headers)
        elif request.method in ("OPTIONS", "BYE", "MESSAGE", "INFO", "UPDATE"):
            respond(event.transaction, 200, self.now)
        else:
            respond(event.transaction, 501, self.now)

    def _negotiate(self, request: Request, ours: str) -> tuple[int, bytes]:
        if not request.body:
            return 200, negotiation.make_offer(self._local(ours)).encode()
        if request.content_type != "application/sdp" or request.get("Content-Encoding"):
            return 415, b""
        try:
            offer = sdp.parse(request.body)
            secure = negotiation.wants_secure(offer)
            return 200, negotiation.make_answer(offer, self._local(ours, secure))[0].encode()
        except sdp.SdpError as error:
            return error.status, b""
        except ParseError as error:
            return error.status, b""

    @staticmethod
    def _local(ours: str, secure: bool = False) -> negotiation.Local:
        keys = negotiation.Secure("sha-256 " + ":".join(["AB"] * 32), "abcd", "p" * 22, (ours,)) if secure else None
        return negotiation.Local(address=ours, rtp_port=20000, rtcp_port=20001, secure=keys)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def make_server() -> Callable[[], Server]:
    return Server


"""SIP user agents for the suite: real UDP signalling through our endpoint, real RTP; each behaves as it is told."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import msgspec

from yitong.ct.switches.soft.media_srtp import Srtp, from_description
from yitong.media import digits as dtmf
from yitong.media import rtp
from yitong.sip import negotiation
from yitong.sip.core import Flow, Settings
from yitong.sip.dialog import Dialog
from yitong.sip.digest import Credentials, authorize
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import AckReceived, Cancelled, Event, RequestReceived, ResponseReceived, TransactionTimedOut
from yitong.sip.message import Request
from yitong.sip.negotiation import Local
from yitong.sip.sdp import parse
from yitong.sip.transaction import ClientTransaction, ServerTransaction

SDP = "application/sdp"


class Rtp(asyncio.DatagramProtocol):
    """The RTP side: sends a frame every 20 ms, notes keys and what it hears."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport | None = None
        self.target: tuple[str, int] = ("", 0)
        self.frame = bytes([0xD5]) * 160
        self.script: deque[bytes] = deque()
        """Frames that are sent, each once, before ``frame`` is again."""
        self.codec = 8
        self.heard: list[bytes] = []
        self.arrivals: list[float] = []
        self.keys = ""
        self.srtp: Srtp | None = None
        self.sending = True
        self._sequence, self._timestamp, self._ssrc = 1, 160, secrets.randbits(32)
        self._receiver = dtmf.EventReceiver()
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        assert self.transport is not None
        return int(self.transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        plain = data if self.srtp is None else self.srtp.open(data)
        packet = rtp.parse(plain) if plain is not None else None
        if packet is None:
            return
        if packet.payload_type == 101:
            self.keys += "".join(key.key for key in self._receiver.receive(packet.timestamp, packet.payload) if not key.ended)
        elif packet.payload_type in (0, 8):
            self.heard.append(packet.payload)
            self.arrivals.append(time.monotonic())
            del self.heard[:-500]

    def talk(self, target: tuple[str, int]) -> None:
        self.target = target
        if self._task is None:
            self._task = asyncio.create_task(self._talk())

    async def _talk(self) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            due = max(due, now - 0.2) if self.script else now
            count = 1 + int((now - due) / 0.02)  # what is spoken is not torn apart by a busy machine
            for _ in range(count):
                if self.sending:
                    self._send(self.codec, self.script.popleft() if self.script else self.frame, self._timestamp)
                self._timestamp += 160
            due += 0.02 * count
            await asyncio.sleep(0.02)

    def _send(self, kind: int, payload: bytes, timestamp: int, marker: bool = False) -> None:
        if self.transport is not None and not self.transport.is_closing():
            packet = rtp.build(kind, self._sequence & 0xFFFF, timestamp, self._ssrc, payload, marker)
            self.transport.sendto(packet if self.srtp is None else self.srtp.protect(packet), self.target)
        self._sequence += 1

    async def press(self, keys: str) -> None:
        """Each key 80 ms by RFC 4733, 60 ms apart; no audio meanwhile."""
        self.sending = False
        for key in keys:
            stamp = self._timestamp
            for number in range(1, 7):
                over = number >= 4
                duration = min(number, 4) * 160
                self._send(101, bytes([dtmf.KEYS.index(key), 10 | (0x80 if over else 0)]) + duration.to_bytes(2, "big"), stamp, number == 1)
                await asyncio.sleep(0.02 if not over else 0.001)
            self._timestamp += 960
            await asyncio.sleep(0.06)
        self.sending = True

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self.transport is not None:
            self.transport.close()


class Agent(asyncio.DatagramProtocol):
    """One SIP user agent: registers, calls, answers as told. ``mode``: ring, ignore, busy."""

    def __init__(self, user: str, server: tuple[str, int], password: str = "", bind: str = "127.0.0.1") -> None:
        self.user, self.server, self.password, self.bind = user, server, password, bind
        self.domain = f"[{server[0]}]" if ":" in server[0] else server[0]
        self.host = f"[{bind}]" if ":" in bind else bind
        self.mode = "ring"
        self.rtp = Rtp()
        self.flow = Flow("udp", "udp", *server)
        self.endpoint: Endpoint
        self.ringing: ServerTransaction | None = None
        self.invite: ClientTransaction | None = None
        self.dialog: Dialog | None = None
        self.invitations: list[Request] = []
        self.requests: list[Request] = []
        self.responses: list[int] = []
        self.cancels: list[Request] = []
        self.acks = 0
        self.released = False
        self.registered = 0
        self.reinvited = 0
        self.settings: dict[str, Any] = {}
        """What its endpoint is set up with, beyond its address."""
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._local = Local(address=bind, rtp_port=1)
        self._waiting: dict[int, Callable[[ResponseReceived], None]] = {}

    async def open(self) -> Agent:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.bind, 0))
        self._transport = transport
        await loop.create_datagram_endpoint(lambda: self.rtp, local_addr=(self.bind, 0))
        port = int(transport.get_extra_info("sockname")[1])
        settings = Settings(host=self.bind, ports={"udp": port}, user_agent="suite", **self.settings)
        self.endpoint = Endpoint(settings, lambda: secrets.token_hex(8))
        self._local = Local(address=self.bind, rtp_port=self.rtp.port)
        return self

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.rtp.close()
        if self._transport is not None:
            self._transport.close()

    # --- wire ---

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.endpoint.receive(data, Flow("udp", "udp", addr[0], addr[1]), time.monotonic())
        self.pump()

    def pump(self) -> None:
        while True:
            event = self.endpoint.next_event()
            if event is not None:
                self._event(event)
                continue
            sent = False
            for data, flow in self.endpoint.datagrams_to_send():
                sent = True
                self._transmit(data, flow)
            if not sent:
                break
        if self._timer is not None:
            self._timer.cancel()
        deadline = self.endpoint.next_deadline()
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, deadline - time.monotonic()) + 0.001, self._due)

    def _transmit(self, data: bytes, flow: Flow) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, (flow.host, flow.port))

    def _due(self) -> None:
        self.endpoint.handle_timer(time.monotonic())
        self.pump()

    # --- what it is asked ---

    def _event(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._request(event)
            case ResponseReceived():
                self._response(event)
            case Cancelled():
                self.cancels.append(event.request)
                self.ringing = None
                self.released = True
            case AckReceived():
                self.acks += 1
            case TransactionTimedOut():
                self.released = True

    def _request(self, event: RequestReceived) -> None:
        now = time.monotonic()
        self.requests.append(event.request)
        method = event.request.method
        if method == "BYE":
            self.endpoint.respond(event.transaction, 200, now)
            self.released, self.dialog = True, None
        elif method == "INVITE" and event.dialog is None:
            self._rung(event, now)
        else:
            self.endpoint.respond(event.transaction, 200, now)

    def _rung(self, event: RequestReceived, now: float) -> None:
        self.invitations.append(event.request)
        self.released = False
        if self.mode == "busy":
            self.endpoint.respond(event.transaction, 486, now)
            return
        self.ringing = event.transaction
        if self.mode == "ring":
            self.endpoint.respond(event.transaction, 180, now)

    def _response(self, event: ResponseReceived) -> None:
        transaction, status = event.transaction, event.response.status
        if transaction.method == "INVITE":
            self.responses.append(status)
        if status in (401, 407) and self.password:
            header = authorize(transaction.request, event.response, Credentials(self.user, self.password), secrets.token_hex(4))
            if header is not None:
                again = self.endpoint.retry(transaction, time.monotonic(), headers=[header])
                if transaction is self.invite:
                    self.invite = again
                return
        if transaction.method == "REGISTER" and status >= 200:
            self.registered = status
        elif transaction.method == "INVITE" and 200 <= status < 300 and event.dialog is not None:
            self._connected(event)
        elif transaction is self.invite and event.response.body and 100 < status < 200:
            remote = negotiation.accept_answer(parse(event.response.body), self._local)
            self.rtp.talk((remote.address, remote.rtp_port))
        elif transaction is self.invite and status >= 300:
            self.released = True

    def _connected(self, event: ResponseReceived) -> None:
        assert event.dialog is not None
        self.endpoint.ack(event.transaction, event.dialog, time.monotonic())
        if self.dialog is not None:
            self.reinvited += 1
        self.dialog = event.dialog
        remote = negotiation.accept_answer(parse(event.response.body), self._local)
        if remote.suite and self.rtp.srtp is None:
            self.rtp.srtp = from_description(remote.suite, remote.their_key, remote.our_key)
        self.rtp.codec = remote.codec
        self.rtp.talk((remote.address, remote.rtp_port))

    # --- what it does ---

    def register(self, seconds: int = 300, to: str = "") -> None:
        address = f"<sip:{to or self.user}@{self.domain}>"
        self.endpoint.request(
            "REGISTER", f"sip:{self.domain}:{self.server[1]}", self.flow, time.monotonic(), from_=address, to=address,
            headers=[("Contact", self.contact), ("Expires", str(seconds))],
        )  # fmt: skip
        self.pump()

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.host}:{self.endpoint.core.settings.ports['udp']}>"

    def call(self, number: str) -> None:
        offer = negotiation.make_offer(self._local)
        self.released = False
        self.invite = self.endpoint.request(
            "INVITE", f"sip:{number}@{self.domain}:{self.server[1]}", self.flow, time.monotonic(),
            from_=f"<sip:{self.user}@{self.host}>",
            to=f"<sip:{number}@{self.domain}>", headers=[("Contact", self.contact)], body=offer.encode(), content_type=SDP,
        )  # fmt: skip
        self.pump()

    def pick_up(self) -> None:
        assert self.ringing is not None
        answer, remote = negotiation.make_answer(parse(self.ringing.request.body), self._local)
        self.endpoint.respond(self.ringing, 200, time.monotonic(), body=answer.encode(), content_type=SDP)
        self.dialog = self.ringing.dialog
        self.ringing = None
        self.rtp.codec = remote.codec
        self.rtp.talk((remote.address, remote.rtp_port))
        self.pump()

    def early(self, status: int = 183) -> None:
        """Speak before answering."""
        assert self.ringing is not None
        answer, remote = negotiation.make_answer(parse(self.ringing.request.body), self._local)
        self.endpoint.respond(self.ringing, status, time.monotonic(), body=answer.encode(), content_type=SDP)
        self.rtp.talk((remote.address, remote.rtp_port))
        self.pump()

    def refuse(self, status: int = 486) -> None:
        assert self.ringing is not None
        self.endpoint.respond(self.ringing, status, time.monotonic())
        self.ringing = None
        self.pump()

    def hang_up(self) -> None:
        now = time.monotonic()
        if self.dialog is not None:
            self.endpoint.request_in_dialog(self.dialog, "BYE", now)
            self.dialog = None
        elif self.invite is not None:
            self.endpoint.cancel(self.invite, now)
        self.released = True
        self.pump()

    def seal(self, suite: str) -> None:
        """Offer SRTP with keys in the description from now on."""
        key = base64.b64encode(secrets.token_bytes(30)).decode()
        self._local = msgspec.structs.replace(self._local, suite=suite, key=key)

    def reinvite(self, *, hold: bool) -> None:
        assert self.dialog is not None
        self._local = msgspec.structs.replace(self._local, version=self._local.version + 1, send=True, receive=not hold)
        body = negotiation.make_offer(self._local).encode()
        self.endpoint.request_in_dialog(self.dialog, "INVITE", time.monotonic(), body=body, content_type=SDP)
        self.pump()

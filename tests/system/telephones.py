"""Telephones on one UDP socket: raw SIP through our own endpoint, RTP where it is asked for."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TypeVar

from tests.system.sounds import Sounds, Stream

from yitong.sip import negotiation
from yitong.sip.core import Flow, Settings
from yitong.sip.dialog import Dialog
from yitong.sip.digest import Credentials, authorize
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import AckReceived, Cancelled, Event, RequestReceived, ResponseReceived, TransactionFailed, TransactionTimedOut
from yitong.sip.negotiation import Local
from yitong.sip.sdp import parse
from yitong.sip.transaction import ClientTransaction, ServerTransaction

T = TypeVar("T")
SDP = "application/sdp"
NO_SOUND_PORT = 9


class Call:
    """One side of a call at one telephone. ``state``: calling, ringing, up, over. Times are seconds of the monotonic clock."""

    def __init__(self, user: str, phones: Phones, stream: Stream | None) -> None:
        self.user = user
        self.phones = phones
        self.stream = stream
        self.state = "calling"
        self.status = 0
        self.cause = ""
        self.began = time.monotonic()
        self.answered = 0.0
        self.ended = 0.0
        self.keys = ""
        """Typed as soon as the call is answered."""
        self.dialog: Dialog | None = None
        self.invite: ClientTransaction | None = None
        self.invitation: ServerTransaction | None = None
        self.calling = ""
        self.bye: ClientTransaction | None = None
        self.bye_status = 0
        self.local = Local(address="127.0.0.1", rtp_port=stream.port if stream else NO_SOUND_PORT)

    def connected(self, remote: negotiation.Remote) -> None:
        """Both have agreed: sound begins."""
        self.state, self.answered = "up", self.answered or time.monotonic()
        if self.stream is not None:
            self.stream.codec = remote.codec
            self.stream.target = (remote.address, remote.rtp_port)
            self.stream.press(self.keys)
            self.keys = ""

    def over(self, cause: str) -> None:
        if self.state != "over":
            self.state, self.cause, self.ended = "over", cause, time.monotonic()
            if self.stream is not None:
                self.stream.target = None

    def answer(self) -> None:
        """Take it."""
        if self.state != "ringing" or self.invitation is None:
            return
        answer, remote = negotiation.make_answer(parse(self.invitation.request.body), self.local)
        self.phones.endpoint.respond(self.invitation, 200, time.monotonic(), body=answer.encode(), content_type=SDP)
        self.dialog = self.invitation.dialog
        self.phones.by_dialog[id(self.dialog)] = self
        self.connected(remote)
        self.phones.pump()

    def refuse(self, status: int = 486) -> None:
        if self.state == "ringing" and self.invitation is not None:
            self.phones.endpoint.respond(self.invitation, status, time.monotonic())
            self.over("refused")
            self.phones.pump()

    def hang_up(self) -> None:
        """BYE, CANCEL or a refusal, whatever fits."""
        if self.state == "ringing":
            self.refuse(603)
        elif self.state == "up" and self.dialog is not None:
            self.bye = self.phones.endpoint.request_in_dialog(self.dialog, "BYE", time.monotonic())
            self.phones.by_transaction[id(self.bye)] = self
            self.over("ours")
        elif self.state == "calling" and self.invite is not None:
            self.phones.endpoint.cancel(self.invite, time.monotonic())
            self.over("cancelled")
        self.phones.pump()


class Phone:
    """A registered telephone. ``mode``: answer (after ``delay`` s), ring, busy; ``talk``: hangs up itself after so many seconds."""

    def __init__(self, user: str, secret: str, *, mode: str = "answer", delay: float = 0.0, talk: float = 0.0) -> None:
        self.user, self.secret = user, secret
        self.mode, self.delay, self.talk = mode, delay, talk
        self.sound = True
        self.registered = 0
        self.calls: list[Call] = []

    @property
    def call(self) -> Call | None:
        """The one that is not over."""
        return next((call for call in self.calls if call.state != "over"), None)


class Phones(asyncio.DatagramProtocol):
    """All telephones of one socket."""

    def __init__(self, server: tuple[str, int], sounds: Sounds | None) -> None:
        self.server = server
        self.sounds = sounds
        self.flow = Flow("udp", "udp", *server)
        self.phones: dict[str, Phone] = {}
        self.calls: list[Call] = []
        self.by_transaction: dict[int, Call] = {}
        self.by_dialog: dict[int, Call] = {}
        self._registering: dict[int, Phone] = {}
        self._asking: dict[int, asyncio.Future[int]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._transport: asyncio.DatagramTransport
        self.endpoint: Endpoint
        self.port = 0

    async def open(self) -> Phones:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = int(self._transport.get_extra_info("sockname")[1])
        settings = Settings(host="127.0.0.1", ports={"udp": self.port}, user_agent="load", maximum_transactions=200_000)
        self.endpoint = Endpoint(settings, lambda: secrets.token_hex(8))
        return self

    @property
    def transport(self) -> asyncio.DatagramTransport:
        """Its socket, for who takes it over."""
        return self._transport

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()

    # --- what they do ---

    def register(self, phone: Phone, seconds: int = 600) -> None:
        self.phones[phone.user] = phone
        address = f"<sip:{phone.user}@{self.server[0]}>"
        headers = [("Contact", self._contact(phone.user)), ("Expires", str(seconds))]
        sent = self.endpoint.request(
            "REGISTER", f"sip:{self.server[0]}:{self.server[1]}", self.flow, time.monotonic(), from_=address, to=address, headers=headers
        )
        self._registering[id(sent)] = phone
        self.pump()

    def call(self, user: str, number: str, *, keys: str = "", sound: bool = True, body: bytes = b"") -> Call:
        """Call; ``keys`` are typed when it is answered. ``body``: another description than our own."""
        call = Call(user, self, self.sounds.open() if sound and self.sounds else None)
        call.keys = keys
        call.invite = self.endpoint.request(
            "INVITE", f"sip:{number}@{self.server[0]}:{self.server[1]}", self.flow, time.monotonic(), from_=f"<sip:{user}@127.0.0.1>",
            to=f"<sip:{number}@{self.server[0]}>", headers=[("Contact", self._contact(user))],
            body=body or negotiation.make_offer(call.local).encode(), content_type=SDP,
        )  # fmt: skip
        self.calls.append(call)
        self.by_transaction[id(call.invite)] = call
        self.pump()
        return call

    async def options(self, seconds: float) -> float:
        """How long it takes until an OPTIONS is answered; tries every 0.2 s. Raises TimeoutError."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            sent = self.endpoint.request(
                "OPTIONS", f"sip:{self.server[0]}:{self.server[1]}", self.flow, time.monotonic(), from_="<sip:ping@127.0.0.1>",
                to=f"<sip:{self.server[0]}>",
            )  # fmt: skip
            future = self._asking[id(sent)] = asyncio.get_running_loop().create_future()
            self.pump()
            try:
                await asyncio.wait_for(future, 0.2)
            except TimeoutError:
                continue
            return time.monotonic() - began
        raise TimeoutError(f"no answer to OPTIONS in {seconds} s")

    def forget(self) -> None:
        """Drop calls that are over, with their sockets."""
        for call in [call for call in self.calls if call.state == "over"]:
            self.drop(call)

    def drop(self, call: Call) -> None:
        if call.stream is not None and self.sounds is not None:
            self.sounds.close(call.stream)
        if call in self.calls:
            self.calls.remove(call)
        self.by_transaction = {key: value for key, value in self.by_transaction.items() if value is not call}
        self.by_dialog = {key: value for key, value in self.by_dialog.items() if value is not call}

    def _contact(self, user: str) -> str:
        return f"<sip:{user}@127.0.0.1:{self.port}>"

    # --- wire ---

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.endpoint.receive(data, Flow("udp", "udp", addr[0], addr[1]), time.monotonic())
        self.pump()

    def error_received(self, exc: Exception) -> None:
        """Nobody listens now: the switch is away."""

    def pump(self) -> None:
        while True:
            event = self.endpoint.next_event()
            if event is not None:
                self._event(event)
                continue
            sent = False
            for data, flow in self.endpoint.datagrams_to_send():
                sent = True
                if not self._transport.is_closing():
                    self._transport.sendto(data, (flow.host, flow.port))
            if not sent:
                break
        self._set_timer()

    def _set_timer(self) -> None:
        deadline = self.endpoint.next_deadline()
        if deadline is None or (self._timer is not None and self._timer_at <= deadline and self._timer_at > time.monotonic()):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = asyncio.get_running_loop().call_later(max(0.0, deadline - time.monotonic()) + 0.001, self._due)

    def _due(self) -> None:
        self._timer = None
        self.endpoint.handle_timer(time.monotonic())
        self.pump()

    def _event(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._request(event)
            case ResponseReceived():
                self._response(event)
            case Cancelled():
                for call in self.calls:
                    if call.invitation is event.transaction:
                        call.over("cancelled")
            case AckReceived():
                pass
            case TransactionTimedOut() | TransactionFailed():
                call_of = self.by_transaction.pop(id(event.transaction), None)
                if call_of is not None and call_of.bye is not event.transaction:
                    call_of.status = call_of.status or 408
                    call_of.over("timed out")

    def _request(self, event: RequestReceived) -> None:
        now, method = time.monotonic(), event.request.method
        call = self.by_dialog.get(id(event.dialog))
        if method == "INVITE" and event.dialog is None:
            self._rung(event, now)
        elif method == "INVITE" and call is not None:
            answer, remote = negotiation.make_answer(parse(event.request.body), call.local)
            self.endpoint.respond(event.transaction, 200, now, body=answer.encode(), content_type=SDP)
            call.connected(remote)
        else:
            self.endpoint.respond(event.transaction, 200, now)
            if method == "BYE" and call is not None:
                call.over("theirs")

    def _rung(self, event: RequestReceived, now: float) -> None:
        phone = self.phones.get(event.request.uri.user or "")
        if phone is None:
            self.endpoint.respond(event.transaction, 404, now)
            return
        if phone.mode == "busy":
            self.endpoint.respond(event.transaction, 486, now)
            return
        call = Call(phone.user, self, self.sounds.open() if phone.sound and self.sounds else None)
        call.state, call.invitation = "ringing", event.transaction
        call.calling = event.request.from_.uri.user or ""
        self.calls.append(call)
        phone.calls.append(call)
        self.endpoint.respond(event.transaction, 180, now)
        if phone.mode == "answer":
            asyncio.get_running_loop().call_later(phone.delay, self._answer, phone, call) if phone.delay else self._answer(phone, call)

    def _answer(self, phone: Phone, call: Call) -> None:
        call.answer()
        if phone.talk and call.state == "up":
            asyncio.get_running_loop().call_later(phone.talk, call.hang_up)

    def _response(self, event: ResponseReceived) -> None:
        transaction, status = event.transaction, event.response.status
        asking = self._asking.pop(id(transaction), None)
        if asking is not None and not asking.done():
            asking.set_result(status)
        phone = self._registering.get(id(transaction))
        if phone is not None:
            self._registered(phone, event)
            return
        call = self.by_transaction.get(id(transaction))
        if call is None:
            return
        if transaction is call.bye:
            call.bye_status = status
        elif status >= 200:
            call.status = status
            if status < 300 and event.dialog is not None:
                self.endpoint.ack(transaction, event.dialog, time.monotonic())
                if call.state == "calling":
                    call.dialog = event.dialog
                    self.by_dialog[id(event.dialog)] = call
                    call.connected(negotiation.accept_answer(parse(event.response.body), call.local))
            elif status >= 300:
                call.over(str(status))

    def _registered(self, phone: Phone, event: ResponseReceived) -> None:
        status = event.response.status
        if status in (401, 407) and not phone.registered:
            header = authorize(event.transaction.request, event.response, Credentials(phone.user, phone.secret), secrets.token_hex(4))
            if header is not None:
                again = self.endpoint.retry(event.transaction, time.monotonic(), headers=[header])
                self._registering[id(again)] = phone
                return
        if status >= 200:
            phone.registered = status

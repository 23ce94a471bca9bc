"""A SIP endpoint without sockets: bytes and ``now`` in; bytes to send, events and the next deadline out.

The owner of the sockets calls ``receive`` for every datagram, frame or stream chunk, then drains ``datagrams_to_send`` and
``next_event``, and calls ``handle_timer`` when ``next_deadline`` has come. ``now`` is in seconds of the monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from yitong.sip.core import Core, Flow, Settings
from yitong.sip.dialog import Dialog, Dialogs, DialogSnapshot
from yitong.sip.events import BadMessage, CloseFlow, Event
from yitong.sip.framing import PONG, StreamFramer
from yitong.sip.grammar import ParseError
from yitong.sip.message import BadRequest, Header, Request, make_response, parse
from yitong.sip.timers_session import Sessions
from yitong.sip.transaction import ClientTransaction, ServerTransaction
from yitong.sip.uac import Uac
from yitong.sip.uas import Uas, reply_flow

_STREAMS = frozenset({"tcp", "tls"})


class _Stream:
    """A connection's framer and the timer of its half message."""

    def __init__(self, endpoint: Endpoint, flow: Flow) -> None:
        self.timers: dict[str, int] = {}
        self.framer = StreamFramer()
        self.broken = False
        self._endpoint = endpoint
        self._flow = flow

    def handle_timer(self, name: str, now: float) -> None:
        self._endpoint.break_stream(self._flow, "half message")


class Endpoint:
    """Transactions, dialogs and streams of one SIP address of ours."""

    def __init__(self, settings: Settings, token: Callable[[], str]) -> None:
        """``token`` gives fresh unguessable text of token characters (``secrets.token_hex(8)``)."""
        self.core = Core(settings, token)
        self.dialogs = Dialogs()
        self._events: deque[Event] = deque()
        self.sessions = Sessions(self.core, self.dialogs, self._events.append, lambda dialog, now: self._uac.refresh(dialog, now))
        self._uas = Uas(self.core, self.dialogs, self.sessions, self._events.append)
        self._uac = Uac(self.core, self.dialogs, self.sessions, self._events.append)
        self._streams: dict[Flow, _Stream] = {}

    # In ----------------------------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take a datagram (udp), a frame (ws, wss) or a piece of a stream (tcp, tls). Raises nothing."""
        if flow.transport in _STREAMS:
            self._receive_stream(data, flow, now)
        elif not data.strip(b"\r\n\x00 "):
            if flow.reliable and data == b"\r\n\r\n":
                self.core.send(PONG, flow)  # RFC 7118 §6
        else:
            self._receive_message(data, flow, now)

    def flow_closed(self, flow: Flow, now: float) -> None:
        """A connection has ended (or could not be made): requests that went there fail."""
        stream = self._streams.pop(flow, None)
        if stream is not None:
            self.core.stop_timer(stream, "half")
        self._uac.flow_closed(flow, now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        self.core.run_timers(now)

    # Out ---------------------------------------------------------------------------------------------------------------------------

    def datagrams_to_send(self) -> Iterator[tuple[bytes, Flow]]:
        """What is to be sent since the last call. For a flow whose connection is gone: call ``flow_closed``."""
        outbox = self.core.outbox
        while outbox:
            yield outbox.popleft()

    def next_event(self) -> Event | None:
        """The oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """When ``handle_timer`` is wanted next."""
        return self.core.next_deadline()

    # As a server -------------------------------------------------------------------------------------------------------------------

    def respond(
        self, transaction: ServerTransaction, status: int, now: float, *,
        reason: str = "", headers: Iterable[Header] = (), body: bytes = b"", content_type: str = "",
    ) -> bool:  # fmt: skip
        """Answer a request. ``False`` when a final answer has gone already. Contact, Allow and Record-Route come by themselves.

        Raises ``SipError`` for header values that would break their line.
        """
        return self._uas.respond(transaction, status, now, reason=reason, headers=headers, body=body, content_type=content_type)

    def challenge(self, transaction: ServerTransaction, status: int, now: float, *, headers: Iterable[Header] = ()) -> None:
        """Refuse a request and keep nothing of it (RFC 3261 §8.2.7): who floods us with requests that he cannot prove costs no memory and
        gets one answer each. A request that is sent again is refused again; the ACK of an INVITE is met with silence.
        """
        self._uas.respond(transaction, status, now, headers=headers)
        transaction.drop(now)

    # As a client -------------------------------------------------------------------------------------------------------------------

    def request(
        self, method: str, uri: str, flow: Flow, now: float, *, from_: str, to: str, call_id: str = "", cseq: int = 1,
        headers: Iterable[Header] = (), body: bytes = b"", content_type: str = "",
    ) -> ClientTransaction:  # fmt: skip
        """Send a request outside of a dialog. ``from_`` and ``to``: header values (``address_text``); the tag is added."""
        return self._uac.request(
            method, uri, flow, now, from_=from_, to=to, call_id=call_id, cseq=cseq, headers=headers, body=body, content_type=content_type
        )

    def request_in_dialog(
        self, dialog: Dialog, method: str, now: float, *,
        headers: Iterable[Header] = (), body: bytes = b"", content_type: str = "", silent: bool = False,
    ) -> ClientTransaction:  # fmt: skip
        """Send a request in a dialog; BYE ends it. ``silent``: its answer is not told. Raises ``SipError`` when INVITEs would cross."""
        return self._uac.request_in_dialog(dialog, method, now, headers=headers, body=body, content_type=content_type, silent=silent)

    def retry(self, transaction: ClientTransaction, now: float, *, headers: Iterable[Header]) -> ClientTransaction:
        """Send a request anew after a challenge, with ``headers`` (``digest.authorize``)."""
        return self._uac.retry(transaction, now, headers=headers)

    def ack(self, transaction: ClientTransaction, dialog: Dialog, now: float, *, body: bytes = b"", content_type: str = "") -> None:
        """Acknowledge a 2xx to an INVITE of ours."""
        self._uac.ack(transaction, dialog, now, body=body, content_type=content_type)

    def cancel(self, transaction: ClientTransaction, now: float, *, reason: str = "") -> bool:
        """Give up an INVITE of ours. ``False`` when it has its final answer: then acknowledge and send BYE."""
        return self._uac.cancel(transaction, now, reason=reason)

    # Going on after a restart ------------------------------------------------------------------------------------------------------

    def snapshot(self) -> list[DialogSnapshot]:
        """Every dialog as plain values."""
        return [dialog.snapshot() for dialog in self.dialogs]

    def restore(self, values: DialogSnapshot, now: float | None = None) -> Dialog:
        """Hold a dialog again; its session counts from ``now``."""
        dialog = Dialog.restore(values)
        self.dialogs.add(dialog)
        if now is not None:
            self.sessions.begin(dialog, dialog.session, now)
        return dialog

    @property
    def transactions(self) -> int:
        """How many transactions are open."""
        return len(self._uas) + len(self._uac)

    # -------------------------------------------------------------------------------------------------------------------------------

    def _receive_stream(self, data: bytes, flow: Flow, now: float) -> None:
        stream = self._streams.get(flow)
        if stream is None:
            stream = self._streams[flow] = _Stream(self, flow)
        if stream.broken:
            return
        try:
            messages = stream.framer.feed(data)
        except ParseError as error:
            self._events.append(BadMessage(flow, error.reason, 0))
            self.break_stream(flow, error.reason)
            return
        for _ in range(min(stream.framer.pongs, 16)):
            self.core.send(PONG, flow)
        stream.framer.pongs = 0
        if messages or not stream.framer.partial:
            self.core.stop_timer(stream, "half")
        if stream.framer.partial and "half" not in stream.timers:
            self.core.start_timer(stream, "half", now + self.core.settings.stream_seconds)
        for message in messages:
            self._receive_message(message, flow, now)

    def break_stream(self, flow: Flow, reason: str) -> None:
        """Have a connection closed."""
        stream = self._streams.get(flow)
        if stream is not None:
            stream.broken = True
            self.core.stop_timer(stream, "half")
        self._events.append(CloseFlow(flow, reason))

    def _receive_message(self, data: bytes, flow: Flow, now: float) -> None:
        try:
            message = parse(data)
        except ParseError as error:
            status = self._refuse(error, flow)
            self._events.append(BadMessage(flow, error.reason, status))
            return
        try:
            if isinstance(message, Request):
                self._uas.receive(message, flow, now)
            else:
                self._uac.receive(message, flow, now)
        except ParseError as error:
            self._events.append(BadMessage(flow, error.reason, 0))

    def _refuse(self, error: ParseError, flow: Flow) -> int:
        """Answer a request that cannot be read, as far as its head allows; ACK never."""
        if not isinstance(error, BadRequest) or error.request.method == "ACK":
            return 0
        request = error.request
        try:
            request = request.stamped(flow.host, flow.port)
            back = reply_flow(request, flow)
        except ParseError:
            back = flow  # a Via that cannot be read: the answer goes where the request came from
        first = dict(reversed(request.headers))
        if not all(name in first for name in ("Via", "From", "To", "Call-ID", "CSeq")):
            return 0
        once = [("Via", value) for value in request.all("Via")] + [(name, first[name]) for name in ("From", "To", "Call-ID", "CSeq")]
        response = make_response(Request(request.method, "", once), error.status, to_tag=self.core.token())
        self.core.send(response.encode(), back)
        return error.status

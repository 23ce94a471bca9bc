"""Client and server transactions (RFC 3261 §17): one object each, driven by the tables of ``states``.

A transaction gets inputs and ``now``; it puts bytes into the ``Core``'s outbox, sets timers there and tells what happened through the
listener that made it. It knows no dialog and no socket.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from yitong.sip.core import Core, Flow
from yitong.sip.dialog import Agreed, Dialog
from yitong.sip.message import Header, Request, Response, make_response
from yitong.sip.states import CLIENT, INVITE_CLIENT, INVITE_SERVER, SERVER, State, Table

ServerKey = tuple[str, ...]


class Listener(Protocol):
    """Who is told of what a transaction did: ``what`` is response, timeout, failure, unacknowledged or ended."""

    def told(self, transaction: Transaction, what: str, response: Response | None, now: float) -> None: ...


def status_class(status: int) -> str:
    """The input that an answer is to the tables."""
    return "1xx" if status < 200 else "2xx" if status < 300 else "300-699"


class Transaction(ABC):
    """What client and server transactions share."""

    __slots__ = ("_core", "_intervals", "_listener", "_table", "data", "flow", "id", "reliable", "request", "state", "timers")

    def __init__(self, core: Core, listener: Listener, request: Request, flow: Flow, table: Table, state: State) -> None:
        self._core = core
        self._listener = listener
        self._table = table
        self._intervals: dict[str, float] = {}
        self.id = core.new_number()
        self.request = request
        self.flow = flow
        self.reliable = flow.reliable
        self.state = state
        self.timers: dict[str, int] = {}
        """Running timers; owned by the ``Core``."""
        self.data = b""
        """What is sent again."""

    @property
    def method(self) -> str:
        """Method of the request."""
        return self.request.method

    def handle_timer(self, name: str, now: float) -> None:
        """A timer has run out."""
        self.step(f"timer {name}", None, now)

    def step(self, what: str, response: Response | None, now: float) -> bool:
        """Take an input; ``False`` when this state ignores it."""
        step = self._table.get((self.state, what))
        if step is None:
            return False
        self.state = step.state
        for verb, thing in step.actions:
            self._act(verb, thing, response, now)
        if self.state is State.TERMINATED:
            self._end(now)
        return True

    def _act(self, verb: str, thing: str, response: Response | None, now: float) -> None:
        match verb:
            case "start":
                self._start(thing, now)
            case "stop":
                self._core.stop_timer(self, thing)
            case "double" | "slow":
                last = self._core.timings.t2 if verb == "slow" else self._intervals[thing]
                self._run(thing, self._core.timings.next(thing, last), now)
            case "resend":
                self._resend()
            case "tell":
                self._listener.told(self, thing, response, now)
            case _:
                self._special(verb, response)

    @abstractmethod
    def _special(self, verb: str, response: Response | None) -> None:
        """An act of the state table that only one of the two kinds knows."""

    def _start(self, timer: str, now: float) -> None:
        seconds = self._core.timings.first(timer, self.reliable)
        if seconds == 0.0:
            self.state = State.TERMINATED
        elif seconds is not None:
            self._run(timer, seconds, now)

    def _run(self, timer: str, seconds: float, now: float) -> None:
        self._intervals[timer] = seconds
        self._core.start_timer(self, timer, now + seconds)

    def _resend(self) -> None:
        if self.data:
            self._core.send(self.data, self.flow)

    def _end(self, now: float) -> None:
        for timer in list(self.timers):
            self._core.stop_timer(self, timer)
        self._listener.told(self, "ended", None, now)


class ClientTransaction(Transaction):
    """A request of ours and its answers."""

    __slots__ = (
        "accepted_tag",
        "acks",
        "branch",
        "cancel_reason",
        "cancel_wanted",
        "cancelled",
        "dialog",
        "dialogs",
        "final",
        "provisional",
        "silent",
    )

    def __init__(self, core: Core, listener: Listener, request: Request, flow: Flow, dialog: Dialog | None = None) -> None:
        table, state = (INVITE_CLIENT, State.CALLING) if request.method == "INVITE" else (CLIENT, State.TRYING)
        super().__init__(core, listener, request, flow, table, state)
        self.branch = request.via.branch
        self.dialog = dialog
        """The dialog that the request belongs to; for a first INVITE the one that its 2xx confirmed."""
        self.dialogs: dict[str, Dialog] = {}
        """Early dialogs of a first INVITE by remote tag."""
        self.acks: dict[str, tuple[bytes, Flow]] = {}
        """ACKs to 2xx by remote tag, sent again when the 2xx is."""
        self.cancel_wanted = False
        self.cancel_reason = ""
        self.cancelled = False
        """Whether CANCEL was sent."""
        self.provisional = 0
        self.final = 0
        """Status of the final answer, 0 before."""
        self.accepted_tag = ""
        """Remote tag of the first 2xx to an INVITE."""
        self.silent = False
        """The endpoint's own business: the user is not told."""

    def start(self, now: float) -> None:
        """Send the request and begin to wait."""
        self.data = self.request.encode()
        self._core.send(self.data, self.flow)
        for timer in ("A", "B") if self.method == "INVITE" else ("E", "F"):
            self._start(timer, now)

    def receive(self, response: Response, now: float) -> None:
        """An answer that matched."""
        if response.status < 200:
            self.provisional = response.status
        elif not self.final:
            self.final = response.status
        self.step(status_class(response.status), response, now)

    def start_cancel_timer(self, now: float) -> None:
        """§9.1: how long the final answer to a cancelled INVITE may take."""
        self._start("cancel", now)

    def _special(self, verb: str, response: Response | None) -> None:
        if verb == "ack" and response is not None:
            self._core.send(self._ack(response).encode(), self.flow)

    def _ack(self, response: Response) -> Request:
        """The ACK of a final answer that is no 2xx (§17.1.1.3)."""
        request = self.request
        headers = [("Via", request.need("Via")), ("From", request.need("From")), ("To", response.need("To"))]
        headers += [("Call-ID", request.call_id), ("CSeq", f"{request.cseq.number} ACK"), ("Max-Forwards", "70")]
        headers += [("Route", value) for value in request.all("Route")]
        return Request("ACK", request.uri_text, headers)


class ServerTransaction(Transaction):
    """A request of theirs and our answers."""

    __slots__ = (
        "_last_status", "acknowledged", "agreed", "cancelled", "dialog", "key", "merge_key", "session_headers", "source", "to_tag",
    )  # fmt: skip

    def __init__(self, core: Core, listener: Listener, request: Request, flow: Flow, key: ServerKey, reply_flow: Flow) -> None:
        table, state = (INVITE_SERVER, State.PROCEEDING) if request.method == "INVITE" else (SERVER, State.TRYING)
        super().__init__(core, listener, request, reply_flow, table, state)
        self.key = key
        self.merge_key: ServerKey = ()
        self.source = flow
        """Where the request came from; answers go to ``flow``."""
        self.to_tag = request.to.tag or core.token()
        """The tag of our side: the same in every answer of this transaction."""
        self.dialog: Dialog | None = None
        self.acknowledged = False
        self.cancelled = False
        self.agreed: Agreed | None = None
        """What our 2xx agrees to about the session (RFC 4028), and the headers that say so."""
        self.session_headers: list[Header] = []
        self._last_status = 0

    @property
    def answered(self) -> int:
        """Status of the last answer sent, 0 before the first."""
        return self._last_status

    def drop(self, now: float) -> None:
        """Keep nothing of it: an answer that may get lost, since the request would be sent again."""
        self.state = State.TERMINATED
        self._end(now)

    def start(self, now: float) -> None:
        """Begin to wait for the answer; an INVITE is told 100 when that takes long."""
        self._start("100" if self.method == "INVITE" else "U", now)

    def respond(self, response: Response, now: float) -> bool:
        """Send an answer; ``False`` when a final one was sent before."""
        what = f"send {status_class(response.status)}"
        if (self.state, what) not in self._table:
            return False
        self._last_status = response.status
        self.data = response.encode()
        return self.step(what, response, now)

    def _special(self, verb: str, response: Response | None) -> None:
        if verb != "send":
            return
        if response is None:  # "send trying"
            self._last_status = 100
            self.data = make_response(self.request, 100).encode()
        self._core.send(self.data, self.flow)

"""Dialogs (RFC 3261 §12): who talks with whom, which way requests go, what comes next.

``snapshot`` and ``Dialog.restore`` turn a dialog into plain values and back, so that a restarted process goes on with its calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

import msgspec

from yitong.sip.core import Flow
from yitong.sip.grammar import ParseError
from yitong.sip.headers import Address
from yitong.sip.message import Header, Request, Response

DialogId = tuple[str, str, str]
"""Call-ID, local tag, remote tag."""

MAXIMUM_ROUTES = 32
_ACK_HEADERS = ("Authorization", "Proxy-Authorization")


class DialogState(StrEnum):
    """§12: early from a provisional answer with a tag, confirmed from the 2xx."""

    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Agreed(msgspec.Struct, frozen=True):
    """How long a session lasts without a refresh (RFC 4028), and whether the refresh is ours."""

    seconds: int
    ours: bool


class DialogSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A dialog as plain values."""

    call_id: str
    local: str
    remote: str
    local_tag: str
    remote_tag: str
    local_cseq: int
    remote_cseq: int
    target: str
    route_set: tuple[str, ...]
    state: DialogState
    initiator: bool
    flow: Flow
    session: Agreed | None = None
    allows_update: bool = False


class Dialog:
    """One dialog. Changed only by the endpoint that holds it."""

    __slots__ = (
        "allows_update", "call_id", "flow", "initiator", "invite_in", "invite_out", "local", "local_cseq", "local_tag", "offer_done",
        "remote", "remote_cseq", "remote_tag", "route_set", "rseq", "session", "state", "target",
    )  # fmt: skip

    def __init__(self, values: DialogSnapshot) -> None:
        self.call_id = values.call_id
        self.local = values.local
        """From of our requests, tag included."""
        self.remote = values.remote
        """To of our requests, tag included."""
        self.local_tag = values.local_tag
        self.remote_tag = values.remote_tag
        self.local_cseq = values.local_cseq
        self.remote_cseq = values.remote_cseq
        """-1 before their first request."""
        self.target = values.target
        """Request-URI of our requests: their Contact (§12.1.1)."""
        self.route_set = values.route_set
        self.state = values.state
        self.initiator = values.initiator
        """Whether we sent the first INVITE."""
        self.flow = values.flow
        """Where our requests go: the flow their last message came by, which is right behind NAT and for WebSocket clients."""
        self.invite_out = False
        """An INVITE of ours waits for its final answer."""
        self.invite_in = False
        """An INVITE of theirs waits for our final answer."""
        self.session = values.session
        self.allows_update = values.allows_update
        """Whether they take UPDATE, as their last Allow said."""
        self.offer_done = False
        """The offer of the INVITE that is open was answered by a reliable provisional answer (RFC 3262 §5)."""
        self.rseq = -1
        """Number of their last reliable provisional answer to the INVITE that is open."""

    @classmethod
    def from_request(cls, request: Request, local_tag: str, flow: Flow, state: DialogState) -> Dialog:
        """Our side as UAS (§12.1.1). Raises ``ParseError`` when Contact or Record-Route cannot be read."""
        routes = record_routes(request)
        return cls(
            DialogSnapshot(
                call_id=request.call_id, local=_tagged(request.need("To"), local_tag), remote=request.need("From"),
                local_tag=local_tag, remote_tag=request.from_.tag, local_cseq=0, remote_cseq=request.cseq.number,
                target=contact_uri(request), route_set=tuple(routes), state=state, initiator=False, flow=flow,
            )
        )  # fmt: skip

    @classmethod
    def from_response(cls, request: Request, response: Response, flow: Flow, state: DialogState) -> Dialog:
        """Our side as UAC (§12.1.2). Raises ``ParseError``."""
        target = contact_uri(response) if response.get("Contact") else request.uri_text
        return cls(
            DialogSnapshot(
                call_id=request.call_id, local=request.need("From"), remote=response.need("To"),
                local_tag=request.from_.tag, remote_tag=response.to.tag, local_cseq=request.cseq.number, remote_cseq=-1,
                target=target, route_set=tuple(reversed(record_routes(response))), state=state, initiator=True, flow=flow,
            )
        )  # fmt: skip

    @classmethod
    def restore(cls, values: DialogSnapshot) -> Dialog:
        """The dialog of a snapshot."""
        return cls(values)

    @property
    def id(self) -> DialogId:
        """What requests are matched by (§12)."""
        return self.call_id, self.local_tag, self.remote_tag

    def snapshot(self) -> DialogSnapshot:
        """The dialog as plain values."""
        return DialogSnapshot(
            call_id=self.call_id, local=self.local, remote=self.remote, local_tag=self.local_tag, remote_tag=self.remote_tag,
            local_cseq=self.local_cseq, remote_cseq=self.remote_cseq, target=self.target, route_set=self.route_set,
            state=self.state, initiator=self.initiator, flow=self.flow, session=self.session, allows_update=self.allows_update,
        )  # fmt: skip

    def confirm(self, response: Response) -> None:
        """The 2xx of our first INVITE: route set and target are computed anew (§13.2.2.4)."""
        self.state = DialogState.CONFIRMED
        self.route_set = tuple(reversed(record_routes(response)))
        self.refresh(response)

    def refresh(self, message: Request | Response) -> None:
        """A target refresh (§12.2): their new Contact, when it can be read; and what they allow."""
        self.note(message)
        if message.get("Contact"):
            try:
                self.target = contact_uri(message)
            except ParseError:
                return

    def note(self, message: Request | Response) -> None:
        """What their Allow says, if they send one."""
        allowed = message.all("Allow")
        if allowed:
            self.allows_update = any("UPDATE" in value.upper() for value in allowed)

    def check(self, request: Request) -> int:
        """Whether their request is in order (§12.2.2, §14.2): 0 and its number noted, or the status that refuses it."""
        number = request.cseq.number
        if number <= self.remote_cseq:
            return 500
        self.remote_cseq = number
        offers = request.method == "UPDATE" and bool(request.body) and not self.offer_done  # RFC 3311 §5.2
        if request.method == "INVITE" or offers:
            if self.invite_out:
                return 491
            if self.invite_in:
                return 500
        return 0

    def request(self, method: str, via: str, headers: Iterable[Header] = (), body: bytes = b"", content_type: str = "") -> Request:
        """Our next request in this dialog (§12.2.1.1)."""
        self.local_cseq += 1
        return self._build(method, self.local_cseq, via, headers, body, content_type)

    def ack(self, invite: Request, via: str, headers: Iterable[Header] = (), body: bytes = b"", content_type: str = "") -> Request:
        """The ACK of a 2xx to ``invite`` (§13.2.2.4): its number, its credentials."""
        credentials = [(name, value) for name, value in invite.headers if name in _ACK_HEADERS]
        return self._build("ACK", invite.cseq.number, via, [*credentials, *headers], body, content_type)

    def _build(self, method: str, cseq: int, via: str, headers: Iterable[Header], body: bytes, content_type: str) -> Request:
        uri, routes = self.target, list(self.route_set)
        if routes and "lr" not in Address.parse(routes[0]).uri.params:  # a strict router (§12.2.1.1)
            uri, routes = Address.parse(routes[0]).uri_text, [*routes[1:], f"<{self.target}>"]
        out = [("Via", via), ("Max-Forwards", "70"), *(("Route", route) for route in routes)]
        out += [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id), ("CSeq", f"{cseq} {method}"), *headers]
        if content_type:
            out.append(("Content-Type", content_type))
        return Request(method, uri, out, body)


class Dialogs:
    """The dialogs of an endpoint."""

    def __init__(self) -> None:
        self._by_id: dict[DialogId, Dialog] = {}
        self.on_end: Callable[[Dialog], None] = lambda dialog: None

    def __iter__(self) -> Iterator[Dialog]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, dialog: Dialog) -> None:
        """Hold a dialog."""
        self._by_id[dialog.id] = dialog

    def find(self, call_id: str, local_tag: str, remote_tag: str) -> Dialog | None:
        """The dialog with these, all three equal."""
        return self._by_id.get((call_id, local_tag, remote_tag))

    def end(self, dialog: Dialog) -> None:
        """It is over: no request of theirs is taken in it any more."""
        dialog.state = DialogState.TERMINATED
        self._by_id.pop(dialog.id, None)
        self.on_end(dialog)


def glare_seconds(initiator: bool, share: float) -> float:
    """How long to wait after 491 before trying again (§14.1). ``share``: a random number from 0 up to 1."""
    steps = int(share * 190 if initiator else share * 200)
    return (2.1 if initiator else 0.0) + steps / 100


def contact_uri(message: Request | Response) -> str:
    """The URI of the single Contact. Raises ``ParseError``."""
    contacts = message.contacts
    if not contacts:
        raise ParseError("no Contact")
    uri = contacts[0].uri
    if uri.scheme not in ("sip", "sips"):
        raise ParseError("Contact is no SIP URI")
    return uri.text


def record_routes(message: Request | Response) -> list[str]:
    """The elements of Record-Route. Raises ``ParseError``."""
    routes = message.elements("Record-Route")
    if len(routes) > MAXIMUM_ROUTES:
        raise ParseError("too many routes")
    for route in routes:
        if Address.parse(route).uri.scheme not in ("sip", "sips"):
            raise ParseError("wrong Record-Route")
    return routes


def _tagged(value: str, tag: str) -> str:
    return value if Address.parse(value).tag else f"{value};tag={tag}"

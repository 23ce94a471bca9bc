"""One connection's SIP side as a value, and the words between SIP and ECMA-269."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from yitong.ct.model import Cause, DeviceKind
from yitong.ct.switching.ports import Invitation
from yitong.kit import logs
from yitong.sip.core import Flow
from yitong.sip.dialog import Dialog, DialogId, DialogSnapshot
from yitong.sip.headers import address_text
from yitong.sip.message import Header
from yitong.sip.negotiation import Local, Remote
from yitong.sip.sdp import Session
from yitong.sip.transaction import ClientTransaction, ServerTransaction
from yitong.sip.uri import sip_uri

SDP = "application/sdp"
RETRY_AFTER: Header = ("Retry-After", "5")

REJECTIONS: dict[Cause, int] = {
    Cause.BUSY: 486, Cause.NO_ANSWER: 480, Cause.REFUSED: 603, Cause.UNREACHABLE: 480, Cause.NOT_ALLOWED: 403,
    Cause.NO_SUCH_NUMBER: 404, Cause.NO_COMMON_CODEC: 488, Cause.OVERLOADED: 503, Cause.MEDIA_LOST: 503, Cause.SIGNALLING_LOST: 480,
    Cause.STANDING_ORDER: 480, Cause.FAILED: 500,
}  # fmt: skip
"""How an incoming call that was not answered is refused; 603 for every other cause."""

_FAILURES: dict[int, Cause] = {
    403: Cause.REFUSED, 404: Cause.NO_SUCH_NUMBER, 408: Cause.UNREACHABLE, 410: Cause.NO_SUCH_NUMBER, 480: Cause.REFUSED,
    484: Cause.NO_SUCH_NUMBER, 486: Cause.BUSY, 487: Cause.CANCELLED, 488: Cause.NO_COMMON_CODEC, 503: Cause.OVERLOADED,
    600: Cause.BUSY, 603: Cause.REFUSED, 604: Cause.NO_SUCH_NUMBER, 606: Cause.NO_COMMON_CODEC,
}  # fmt: skip
_Q850: dict[int, Cause] = {
    1: Cause.NO_SUCH_NUMBER, 3: Cause.UNREACHABLE, 17: Cause.BUSY, 18: Cause.NO_ANSWER, 19: Cause.NO_ANSWER, 20: Cause.UNREACHABLE,
    21: Cause.REFUSED, 22: Cause.NO_SUCH_NUMBER, 27: Cause.UNREACHABLE, 28: Cause.NO_SUCH_NUMBER, 34: Cause.OVERLOADED,
    38: Cause.OVERLOADED, 41: Cause.OVERLOADED, 42: Cause.OVERLOADED, 44: Cause.OVERLOADED, 47: Cause.OVERLOADED,
}  # fmt: skip
"""What the telephone network says itself (ITU-T Q.850); other numbers say no more than the status."""
_Q850_CAUSE = re.compile(r"\bQ\.850\s*;[^,]*?\bcause\s*=\s*(\d{1,3})\b", re.IGNORECASE)
REASONS: dict[Cause, str] = {
    Cause.ANSWERED_ELSEWHERE: 'SIP;cause=200;text="Call completed elsewhere"',
    Cause.MEDIA_LOST: 'Q.850;cause=41;text="Media lost"',
    Cause.SIGNALLING_LOST: 'Q.850;cause=41;text="Signalling lost"',
}
"""The Reason header (RFC 3326) of a CANCEL or BYE."""


AUTO_ANSWER: list[Header] = [("Alert-Info", "<http://localhost>;info=alert-autoanswer"), ("Call-Info", "<http://localhost>;answer-after=0")]
"""What makes desk phones answer by themselves, as far as makers agree; our page heeds it too."""


def failure(status: int, reason: str = "", *, outside: bool = False, rang: bool = False) -> Cause:
    """What a final answer other than 2xx to our INVITE means.

    ``reason``: its header Reason, in which a gateway says what the network said (RFC 3326, RFC 6432). ``outside``: it is a trunk's, whose
    480 is nobody's refusal, but no answer or an absent subscriber (RFC 3398 §8.2.6.1); ``rang``: it has rung there.
    """
    said = _Q850_CAUSE.search(reason[:500])
    cause = _Q850.get(int(said[1])) if said is not None else None
    if cause is not None:
        return cause
    if outside and status == 480:
        return Cause.NO_ANSWER if rang else Cause.UNREACHABLE
    return _FAILURES.get(status, Cause.FAILED)


class LineRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A line as the journal keeps it: the dialog of a connected one, or what ends one in set-up after a restart.

    ``request``: the INVITE that waits for its final answer, ours (``incoming`` false) or theirs; ``to_tag`` our side of theirs.
    """

    connection: str
    call: str
    device: str
    kind: DeviceKind
    incoming: bool
    dialog: DialogSnapshot | None = None
    local: Local | None = None
    secure: bool = False
    held: bool = False
    image: bool = False
    username: str = ""
    request: bytes = b""
    to_tag: str = ""
    flow: tuple[str, str, str, int] = ("", "", "", 0)


@dataclass
class Line:
    """One connection's SIP side while it lives."""

    connection: str
    call: str
    device: str
    kind: DeviceKind
    incoming: bool
    username: str = ""
    invitation: Invitation = field(default_factory=Invitation)
    server: ServerTransaction | None = None
    """Their INVITE, until its ACK."""
    client: ClientTransaction | None = None
    """Our INVITE, until its final answer."""
    dialog: Dialog | None = None
    offer: Session | None = None
    """Their offer, until it is answered."""
    secure: bool = False
    local: Local | None = None
    held: bool = False
    """Their side holds: no audio is expected from it."""
    answer: bytes = b""
    """Our description that answers their INVITE, from when its row is open until it is answered."""
    opening: bool = False
    """Its row is being opened for early audio."""
    wanted: bool = False
    """It is to be answered as soon as that is done."""
    early: DialogId | None = None
    """The dialog whose early audio is heard, and what was agreed there."""
    early_remote: Remote | None = None
    dialogs: set[DialogId] = field(default_factory=set)
    """Every dialog that leads to it, early ones too."""
    image: bool = False
    """T.38 takes the place of its audio."""
    acknowledged: bool = False
    ended: bool = False
    lost_at: float = 0.0
    """When the flow of its dialog broke (seconds, monotonic); 0: it stands."""

    @property
    def up(self) -> bool:
        """Whether its dialog is confirmed."""
        return self.dialog is not None

    @property
    def flow(self) -> Flow | None:
        """By which its messages come and go."""
        if self.dialog is not None:
            return self.dialog.flow
        transaction = self.server or self.client
        return transaction.flow if transaction is not None else None

    def about(self) -> None:
        """Log lines of this step carry its ids."""
        logs.about(call=self.call, connection=self.connection)

    def record(self) -> LineRecord:
        """For the journal."""
        pending = self.server if self.incoming else self.client
        waiting = pending is not None and self.dialog is None
        return LineRecord(
            connection=self.connection, call=self.call, device=self.device, kind=self.kind, incoming=self.incoming,
            dialog=self.dialog.snapshot() if self.dialog is not None else None, local=self.local, secure=self.secure, held=self.held,
            image=self.image,
            username=self.username, request=pending.request.encode() if pending is not None and waiting else b"",
            to_tag=self.server.to_tag if self.server is not None else "", flow=self.flow or ("", "", "", 0),
        )  # fmt: skip


def invite_headers(invitation: Invitation) -> list[Header]:
    """Our own headers of an INVITE to a device; nothing of the caller's message is passed on."""
    headers: list[Header] = [("Max-Forwards", str(invitation.hops))]
    if invitation.contact:
        headers.append(("X-Yitong-Contact", invitation.contact))
    if invitation.resume:
        headers.append(("X-Yitong-Resume", "1"))
    if invitation.auto_answer:
        headers.extend(AUTO_ANSWER)
    return headers


def calling_address(invitation: Invitation, host: str) -> str:
    """From of an INVITE to a device: the customer's number as given."""
    return address_text(sip_uri(invitation.calling or "anonymous", host), invitation.calling_name)

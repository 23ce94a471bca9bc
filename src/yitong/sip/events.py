"""What an endpoint tells its user."""

from __future__ import annotations

from dataclasses import dataclass

from yitong.sip.core import Flow
from yitong.sip.dialog import Dialog
from yitong.sip.message import Request, Response
from yitong.sip.transaction import ClientTransaction, ServerTransaction


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request that wants an answer. Retransmissions, CANCEL, merged requests and requests for unknown dialogs never come up."""

    transaction: ServerTransaction
    """Answer with ``Endpoint.respond``."""
    request: Request
    flow: Flow
    """Where it came from."""
    dialog: Dialog | None
    """The dialog it belongs to; ``None`` for a request that begins one or stands alone."""


@dataclass(frozen=True, slots=True)
class AckReceived:
    """Our 2xx to an INVITE was acknowledged (told once). ``request.body`` holds the answer when the offer was ours."""

    transaction: ServerTransaction
    request: Request
    dialog: Dialog | None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The other side gave up its INVITE; 200 and 487 are sent already."""

    transaction: ServerTransaction
    request: Request
    """The CANCEL: its Reason header may tell why."""


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """An answer to a request of ours. A 2xx to an INVITE wants ``Endpoint.ack``, unless ``transaction.cancelled`` (then the endpoint
    has acknowledged and ended the call itself)."""

    transaction: ClientTransaction
    response: Response
    dialog: Dialog | None
    """The dialog that the answer made or belongs to."""


@dataclass(frozen=True, slots=True)
class TransactionTimedOut:
    """No final answer came (take it as 408), or nobody acknowledged our final answer to an INVITE: after a 2xx send BYE in ``dialog``."""

    transaction: ClientTransaction | ServerTransaction
    dialog: Dialog | None


@dataclass(frozen=True, slots=True)
class TransactionFailed:
    """The flow broke before a final answer came (take it as 503)."""

    transaction: ClientTransaction
    dialog: Dialog | None


@dataclass(frozen=True, slots=True)
class SessionExpired:
    """Nobody has refreshed the session in time (RFC 4028 §10): the other side is gone. Send BYE in ``dialog``."""

    dialog: Dialog


@dataclass(frozen=True, slots=True)
class RefreshWanted:
    """The session wants a refresh, and the other side takes no UPDATE: send a re-INVITE with the description as it is."""

    dialog: Dialog


@dataclass(frozen=True, slots=True)
class CloseFlow:
    """The stream cannot be understood any more, or a message stayed half: close the connection."""

    flow: Flow
    reason: str


@dataclass(frozen=True, slots=True)
class BadMessage:
    """What came was no correct message: one line for the log. ``status`` is what was answered, 0 without an answer."""

    flow: Flow
    reason: str
    status: int


Event = (
    RequestReceived
    | AckReceived
    | Cancelled
    | ResponseReceived
    | TransactionTimedOut
    | TransactionFailed
    | SessionExpired
    | RefreshWanted
    | CloseFlow
    | BadMessage
)

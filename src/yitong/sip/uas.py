"""The server side of an endpoint: requests come in, answers go out (RFC 3261 §8.2, §9.2, §12.2.2, §17.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from yitong.sip.core import Core, Flow
from yitong.sip.dialog import Dialog, DialogId, Dialogs, DialogState, record_routes
from yitong.sip.events import AckReceived, Cancelled, Event, RequestReceived, TransactionTimedOut
from yitong.sip.grammar import ParseError
from yitong.sip.headers import MAGIC_COOKIE
from yitong.sip.message import Header, Request, Response, make_response
from yitong.sip.reliable import Provisionals
from yitong.sip.states import State
from yitong.sip.timers_session import Sessions, answer
from yitong.sip.transaction import ServerKey, ServerTransaction, Transaction

_IN_DIALOG_ONLY = frozenset({"BYE", "UPDATE", "INFO", "PRACK", "NOTIFY"})
_REFRESHES = frozenset({"INVITE", "UPDATE"})
_BEGINS = frozenset({"INVITE", "SUBSCRIBE"})


def server_key(request: Request, method: str) -> ServerKey:
    """What requests of one transaction share (§17.2.3); for a branch of RFC 2543 the whole of what names it."""
    via = request.via
    if via.branch.startswith(MAGIC_COOKIE) and len(via.branch) > len(MAGIC_COOKIE):
        return via.branch, via.host, str(via.port), method
    tops = repr((via.transport, via.host, via.port, sorted((k, v or "") for k, v in via.params.items())))
    return tops, request.uri_text, request.from_.tag, request.call_id, str(request.cseq.number), method


class Uas:
    """Server transactions and what they do to dialogs."""

    def __init__(self, core: Core, dialogs: Dialogs, sessions: Sessions, tell: Callable[[Event], None]) -> None:
        self._core = core
        self._tell = tell
        self._dialogs = dialogs
        self._sessions = sessions
        self._provisionals = Provisionals(core, self._prack_lost)
        self._transactions: dict[ServerKey, ServerTransaction] = {}
        self._merged: dict[ServerKey, ServerTransaction] = {}
        self._open_invites: dict[DialogId, ServerTransaction] = {}
        self._accepted: dict[tuple[str, str, str, int], ServerTransaction] = {}

    def __len__(self) -> int:
        return len(self._transactions)

    def receive(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request."""
        request = request.stamped(flow.host, flow.port)
        method = request.method
        key = server_key(request, "INVITE" if method == "ACK" else method)
        known = self._transactions.get(key)
        if method == "ACK":
            self._acknowledged(request, known, now)
        elif known is not None:
            known.step("request", None, now)
        elif len(self._transactions) >= self._core.settings.maximum_transactions:
            self.answer_statelessly(request, flow, 503, [("Retry-After", "10")])
        elif method == "CANCEL":
            self._cancel(request, flow, key, now)
        else:
            self._begin(request, flow, key, now)

    def answer_statelessly(self, request: Request, flow: Flow, status: int, headers: Iterable[Header] = (), reason: str = "") -> None:
        """Answer without a transaction (§8.2.7)."""
        response = make_response(request, status, reason, to_tag=self._core.token(), headers=headers)
        self._core.send(response.encode(), reply_flow(request, flow))

    def _open(self, request: Request, flow: Flow, key: ServerKey, now: float) -> ServerTransaction:
        transaction = ServerTransaction(self._core, self, request, flow, key, reply_flow(request, flow))
        self._transactions[key] = transaction
        transaction.start(now)
        return transaction

    def _begin(self, request: Request, flow: Flow, key: ServerKey, now: float) -> None:
        transaction = self._open(request, flow, key, now)
        try:
            status, headers = self._examine(request, transaction)
        except ParseError as error:
            self.respond(transaction, error.status, now, reason=error.reason.title())
            return
        if status:
            self.respond(transaction, status, now, headers=headers)
            return
        dialog = transaction.dialog
        if dialog is not None:
            dialog.flow = flow
            if request.method == "INVITE":
                self._hold_open(dialog, transaction)
            elif request.method == "BYE":
                self._bye(dialog, now)
            elif request.method == "PRACK":
                self._prack(transaction, dialog, now)
                return
        self._tell(RequestReceived(transaction, request, flow, dialog))

    def _examine(self, request: Request, transaction: ServerTransaction) -> tuple[int, list[Header]]:
        """The checks of §8.2.2 and §12.2.2: status 0, or the refusal and its headers. Raises ``ParseError`` for 400."""
        _ = request.uri
        required = [tag for tag in request.elements("Require") if tag]
        unknown = [tag for tag in required if tag.lower() not in self._core.settings.supported]
        if unknown:
            return 420, [("Unsupported", ", ".join(unknown))]
        if request.method in _BEGINS and not request.contacts:
            raise ParseError("no Contact")
        if request.method in _REFRESHES | _BEGINS and any(contact.uri.scheme not in ("sip", "sips") for contact in request.contacts):
            raise ParseError("wrong Contact")
        record_routes(request)
        if request.to.tag:
            return self._examine_in_dialog(request, transaction)
        if request.method in _IN_DIALOG_ONLY:
            return 481, []
        merge_key = (request.from_.tag, request.call_id, str(request.cseq.number), request.method)
        if request.from_.tag and self._merged.setdefault(merge_key, transaction) is not transaction:
            return 482, []  # §8.2.2.2: the same request by another way
        transaction.merge_key = merge_key
        return self._examine_session(request, transaction)

    def _examine_in_dialog(self, request: Request, transaction: ServerTransaction) -> tuple[int, list[Header]]:
        dialog = self._dialogs.find(request.call_id, request.to.tag, request.from_.tag)
        if dialog is None:
            return 481, []
        if dialog.state is DialogState.TERMINATED:
            return (200 if request.method == "BYE" else 481), []
        status = dialog.check(request)
        if status:
            return status, [("Retry-After", "2")] if status == 500 else []
        transaction.dialog = dialog
        return self._examine_session(request, transaction)

    def _examine_session(self, request: Request, transaction: ServerTransaction) -> tuple[int, list[Header]]:
        terms = self._core.settings.session
        if terms is None or request.method not in _REFRESHES:
            return 0, []
        status, headers, agreed = answer(request, terms)
        if not status:
            transaction.agreed, transaction.session_headers = agreed, headers
        return status, headers

    def _prack(self, transaction: ServerTransaction, dialog: Dialog, now: float) -> None:
        """RFC 3262 §3: 200 when it acknowledges something; one with an offer is answered by the user."""
        try:
            waiting = self._provisionals.acknowledged(transaction.request, self._open_invites.get(dialog.id))
        except ParseError as error:
            self.respond(transaction, error.status, now)
            return
        if waiting is None:
            self.respond(transaction, 481, now)
            return
        if transaction.request.body:
            self._tell(RequestReceived(transaction, transaction.request, transaction.source, dialog))
        else:
            self.respond(transaction, 200, now)
        for again in waiting:
            again(now)

    def _prack_lost(self, transaction: ServerTransaction, now: float) -> None:
        self.respond(transaction, 504, now)
        self._tell(TransactionTimedOut(transaction, transaction.dialog))

    def _bye(self, dialog: Dialog, now: float) -> None:
        pending = self._open_invites.get(dialog.id)
        self._dialogs.end(dialog)
        if pending is not None:
            self.respond(pending, 487, now)  # §15.1.2

    def _acknowledged(self, request: Request, known: ServerTransaction | None, now: float) -> None:
        if known is None or known.state is State.ACCEPTED:
            known = self._accepted.get((request.call_id, request.to.tag, request.from_.tag, request.cseq.number))
        if known is None or not known.step("ack", None, now):
            return  # a stray ACK is met with silence
        if known.state is State.ACCEPTED and not known.acknowledged:
            known.acknowledged = True
            self._tell(AckReceived(known, request, known.dialog))

    def _cancel(self, request: Request, flow: Flow, key: ServerKey, now: float) -> None:
        """§9.2: 200 to the CANCEL, 487 to the INVITE that has no final answer yet."""
        transaction = self._open(request, flow, key, now)
        invite = self._transactions.get((*key[:-1], "INVITE"))
        if invite is None:
            self.respond(transaction, 481, now)
            return
        transaction.to_tag = invite.to_tag
        self.respond(transaction, 200, now)
        if invite.state is State.PROCEEDING:
            invite.cancelled = True
            self.respond(invite, 487, now)
            self._tell(Cancelled(invite, request))

    def respond(
        self, transaction: ServerTransaction, status: int, now: float, *,
        reason: str = "", headers: Iterable[Header] = (), body: bytes = b"", content_type: str = "",
    ) -> bool:  # fmt: skip
        """Answer a request; ``False`` when a final answer has gone already (it was cancelled, say)."""
        request, given = transaction.request, list(headers)
        reliably = self._provisionals.wanted(request, status, bool(body))
        again = partial(self.respond, transaction, status, reason=reason, headers=given, body=body, content_type=content_type)
        if self._provisionals.waits(transaction, status, reliably, again):
            return True
        out = self._dialog_headers(transaction, status, given) + (self._provisionals.headers(transaction) if reliably else [])
        response = make_response(request, status, reason, to_tag=transaction.to_tag, headers=out, body=body, content_type=content_type)
        if not transaction.respond(response, now):
            return False
        if reliably:
            self._provisionals.sent(transaction, bool(body), now)
        elif status >= 200:
            self._provisionals.drop(transaction)
        if request.method in _REFRESHES and status > 100:
            self._after_answer(transaction, response, now)
        elif request.method == "SUBSCRIBE" and 200 <= status < 300:
            self._subscribed(transaction)
        return True

    def _dialog_headers(self, transaction: ServerTransaction, status: int, headers: list[Header]) -> list[Header]:
        request = transaction.request
        if request.method not in ("INVITE", "UPDATE", "OPTIONS", "SUBSCRIBE") or not 101 <= status < 300:
            return headers
        names = {name for name, _ in headers}
        extra = [("Record-Route", value) for value in request.all("Record-Route")] if not request.to.tag else []
        if "Contact" not in names:
            extra.append(("Contact", self._core.contact(transaction.flow)))
        if status >= 200 and "Allow" not in names:
            extra.append(("Allow", self._core.settings.allow))
        if status >= 200 and self._core.settings.supported:
            extra.append(("Supported", self._core.supported(transaction.flow)))
        if status >= 200:
            extra.extend(transaction.session_headers)
        return [*extra, *headers]

    def _after_answer(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """What an answer to INVITE or UPDATE does to its dialog (§12.1.1, §12.2.2)."""
        request, dialog, status = transaction.request, transaction.dialog, response.status
        if dialog is None:
            if status < 300 and request.method == "INVITE" and not request.to.tag:
                self._make_dialog(transaction, status)
                if status >= 200:
                    self._begin_session(transaction, now)
            return
        if status >= 200 and self._open_invites.get(dialog.id) is transaction:
            dialog.invite_in = False
            del self._open_invites[dialog.id]
        if 200 <= status < 300:
            dialog.state = DialogState.CONFIRMED if dialog.state is DialogState.EARLY and request.method == "INVITE" else dialog.state
            dialog.refresh(request)
            self._begin_session(transaction, now)
            if request.method == "INVITE":
                self._accepted[(*dialog.id, request.cseq.number)] = transaction
        elif status >= 300 and dialog.state is DialogState.EARLY and not request.to.tag:
            self._dialogs.end(dialog)

    def _subscribed(self, transaction: ServerTransaction) -> None:
        """The 2xx of a SUBSCRIBE makes a dialog, too (RFC 6665 §4.4.1)."""
        request = transaction.request
        if transaction.dialog is not None:
            transaction.dialog.refresh(request)
        elif not request.to.tag:
            transaction.dialog = Dialog.from_request(request, transaction.to_tag, transaction.source, DialogState.CONFIRMED)
            self._dialogs.add(transaction.dialog)

    def _begin_session(self, transaction: ServerTransaction, now: float) -> None:
        if transaction.dialog is not None and transaction.agreed is not None:
            self._sessions.begin(transaction.dialog, transaction.agreed, now)

    def _make_dialog(self, transaction: ServerTransaction, status: int) -> None:
        request = transaction.request
        state = DialogState.EARLY if status < 200 else DialogState.CONFIRMED
        dialog = Dialog.from_request(request, transaction.to_tag, transaction.source, state)
        transaction.dialog = dialog
        dialog.note(request)
        self._dialogs.add(dialog)
        if status < 200:
            self._hold_open(dialog, transaction)
        else:
            self._accepted[(*dialog.id, request.cseq.number)] = transaction

    def _hold_open(self, dialog: Dialog, transaction: ServerTransaction) -> None:
        dialog.invite_in, dialog.offer_done = True, False
        self._open_invites[dialog.id] = transaction

    def told(self, transaction: Transaction, what: str, response: Response | None, now: float) -> None:
        """What a transaction reports."""
        if not isinstance(transaction, ServerTransaction):
            return
        if what == "unacknowledged" and not transaction.acknowledged:
            self._tell(TransactionTimedOut(transaction, transaction.dialog))
        elif what == "ended":
            self._transactions.pop(transaction.key, None)
            self._provisionals.forget(transaction)
            if transaction.merge_key:
                self._merged.pop(transaction.merge_key, None)
            if transaction.dialog is not None:
                self._accepted.pop((*transaction.dialog.id, transaction.request.cseq.number), None)


def reply_flow(request: Request, flow: Flow) -> Flow:
    """Where answers go (§18.2.2, RFC 3581 §4): the same connection; over UDP the source address, its port only when ``rport`` asks."""
    via = request.via
    if flow.reliable or "rport" in via.params:
        return flow
    return flow._replace(port=via.port or 5060)

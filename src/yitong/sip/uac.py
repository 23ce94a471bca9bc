"""The client side of an endpoint: requests go out, answers come in (RFC 3261 §8.1, §9.1, §13.2, §17.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from yitong.sip.core import Core, Flow
from yitong.sip.dialog import Dialog, Dialogs, DialogState
from yitong.sip.events import Event, ResponseReceived, TransactionFailed, TransactionTimedOut
from yitong.sip.grammar import ParseError, SipError
from yitong.sip.headers import Address
from yitong.sip.message import Header, Request, Response
from yitong.sip.reliable import acknowledgement
from yitong.sip.states import State
from yitong.sip.timers_session import Sessions, accepted, asking
from yitong.sip.transaction import ClientTransaction, Transaction

_REFRESHES = frozenset({"INVITE", "UPDATE"})
_MAXIMUM_EARLY_DIALOGS = 20


class Uac:
    """Client transactions and what their answers do to dialogs."""

    def __init__(self, core: Core, dialogs: Dialogs, sessions: Sessions, tell: Callable[[Event], None]) -> None:
        self._core = core
        self._tell = tell
        self._dialogs = dialogs
        self._sessions = sessions
        self._transactions: dict[tuple[str, str], ClientTransaction] = {}
        self._by_stream: dict[Flow, set[ClientTransaction]] = {}

    def __len__(self) -> int:
        return len(self._transactions)

    def request(
        self, method: str, uri: str, flow: Flow, now: float, *, from_: str, to: str, call_id: str = "", cseq: int = 1,
        headers: Iterable[Header] = (), body: bytes = b"", content_type: str = "",
    ) -> ClientTransaction:  # fmt: skip
        """Send a request outside of a dialog. ``from_`` gets a tag when it has none. Raises ``SipError`` for values that are no SIP."""
        if not Address.parse(from_).tag:
            from_ = f"{from_};tag={self._core.token()}"
        given = self._common(method, flow, list(headers))
        out = [("Via", self._core.via(flow))]
        if all(name != "Max-Forwards" for name, _ in given):
            out.append(("Max-Forwards", "70"))
        out += [("From", from_), ("To", to), ("Call-ID", call_id or self._core.token()), ("CSeq", f"{cseq} {method}"), *given]
        if content_type:
            out.append(("Content-Type", content_type))
        return self._start(Request(method, uri, out, body), flow, now, None)

    def request_in_dialog(
        self, dialog: Dialog, method: str, now: float, *,
        headers: Iterable[Header] = (), body: bytes = b"", content_type: str = "", silent: bool = False,
    ) -> ClientTransaction:  # fmt: skip
        """Send a request in a dialog; BYE ends it at once. Raises ``SipError`` for an INVITE while another is pending (§14.1)."""
        if method == "INVITE" and (dialog.invite_out or dialog.invite_in):
            raise SipError("an INVITE is pending in this dialog")
        given = self._common(method, dialog.flow, list(headers), dialog)
        request = dialog.request(method, self._core.via(dialog.flow), given, body, content_type)
        if method == "INVITE":
            dialog.invite_out, dialog.offer_done, dialog.rseq = True, False, -1
        transaction = self._start(request, dialog.flow, now, dialog, silent=silent)
        if method == "BYE":
            dialog.state = DialogState.TERMINATED
        return transaction

    def refresh(self, dialog: Dialog, now: float) -> None:
        """An UPDATE that says only that we are there (RFC 4028 §7.4)."""
        self.request_in_dialog(dialog, "UPDATE", now)

    def retry(self, transaction: ClientTransaction, now: float, *, headers: Iterable[Header]) -> ClientTransaction:
        """Send a request anew after a challenge, with ``headers`` added: same Call-ID and From, next CSeq, new branch (§8.1.3.5)."""
        old, dialog = transaction.request, transaction.dialog
        cseq = old.cseq.number + 1
        if dialog is not None:
            dialog.local_cseq = cseq = max(cseq, dialog.local_cseq + 1)
            dialog.invite_out = dialog.invite_out or old.method == "INVITE"
        replaced = {"Via": self._core.via(transaction.flow), "CSeq": f"{cseq} {old.method}"}
        added = list(headers)
        names = {name for name, _ in added}
        out = [(name, replaced.get(name, value)) for name, value in old.headers if name not in names]
        return self._start(Request(old.method, old.uri_text, [*out, *added], old.body), transaction.flow, now, dialog)

    def ack(self, transaction: ClientTransaction, dialog: Dialog, now: float, *, body: bytes = b"", content_type: str = "") -> None:
        """Acknowledge the 2xx of an INVITE (§13.2.2.4); sent again by itself when the 2xx is."""
        data = dialog.ack(transaction.request, self._core.via(dialog.flow), (), body, content_type).encode()
        transaction.acks[dialog.remote_tag] = data, dialog.flow
        self._core.send(data, dialog.flow)

    def cancel(self, transaction: ClientTransaction, now: float, *, reason: str = "") -> bool:
        """Give up an INVITE (§9.1): CANCEL goes now, or after the first provisional answer. ``False`` when it has its final answer."""
        if transaction.method != "INVITE" or transaction.state not in (State.CALLING, State.PROCEEDING):
            return False
        if transaction.cancelled:
            return True
        transaction.cancel_wanted, transaction.cancel_reason = True, reason
        if transaction.provisional:
            self._send_cancel(transaction, now)
        return True

    def _send_cancel(self, transaction: ClientTransaction, now: float) -> None:
        request = transaction.request
        transaction.cancelled = True
        out = [(name, request.need(name)) for name in ("Via", "Max-Forwards", "From", "To", "Call-ID")]
        out += [("CSeq", f"{request.cseq.number} CANCEL"), *(("Route", route) for route in request.all("Route"))]
        if transaction.cancel_reason:
            out.append(("Reason", transaction.cancel_reason))
        self._start(Request("CANCEL", request.uri_text, out), transaction.flow, now, None, silent=True)
        transaction.start_cancel_timer(now)

    def _common(self, method: str, flow: Flow, headers: list[Header], dialog: Dialog | None = None) -> list[Header]:
        names = {name for name, _ in headers}
        if method in ("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER") and "Contact" not in names:
            headers.append(("Contact", self._core.contact(flow)))
        if method == "INVITE" and "Allow" not in names:
            headers.append(("Allow", self._core.settings.allow))
        headers.extend(self._extensions(method, flow, dialog))
        headers.append(("User-Agent", self._core.settings.user_agent))
        return headers

    def _extensions(self, method: str, flow: Flow, dialog: Dialog | None) -> list[Header]:
        settings = self._core.settings
        if method not in _REFRESHES or not settings.supported:
            return []
        out = [("Supported", self._core.supported(flow))]
        confirmed = dialog is not None and dialog.state is DialogState.CONFIRMED
        agreed = dialog.session if dialog is not None and confirmed else None
        if settings.session is not None and (agreed is not None or (dialog is None and flow.transport not in ("ws", "wss"))):
            out += asking(settings.session, agreed)
        return out

    def _start(self, request: Request, flow: Flow, now: float, dialog: Dialog | None, silent: bool = False) -> ClientTransaction:
        transaction = ClientTransaction(self._core, self, request, flow, dialog)
        transaction.silent = silent
        self._transactions[transaction.branch, request.method] = transaction
        if flow.reliable:
            self._by_stream.setdefault(flow, set()).add(transaction)
        try:
            transaction.start(now)
        except SipError:
            self.told(transaction, "ended", None, now)
            raise
        return transaction

    def receive(self, response: Response, flow: Flow, now: float) -> None:
        """Take an answer; one that matches nothing is met with silence (§18.1.2)."""
        transaction = self._transactions.get((response.via.branch, response.cseq.method))
        if transaction is None or len(response.all("Via")) != 1:
            return
        request = transaction.request
        if response.call_id == request.call_id and response.from_.tag == request.from_.tag and response.cseq == request.cseq:
            transaction.receive(response, now)

    def flow_closed(self, flow: Flow, now: float) -> None:
        """A stream has gone: its open transactions fail."""
        for transaction in self._by_stream.pop(flow, set()):
            transaction.step("transport error", None, now)

    def told(self, transaction: Transaction, what: str, response: Response | None, now: float) -> None:
        """What a transaction reports."""
        if not isinstance(transaction, ClientTransaction):
            return
        if what == "response" and response is not None:
            self._answered(transaction, response, now)
        elif what == "ended":
            self._transactions.pop((transaction.branch, transaction.method), None)
            streams = self._by_stream.get(transaction.flow)
            if streams is not None:
                streams.discard(transaction)
                if not streams:
                    del self._by_stream[transaction.flow]
        elif what in ("timeout", "failure"):
            self._over(transaction, None)
            event = TransactionTimedOut if what == "timeout" else TransactionFailed
            if not transaction.silent:
                self._tell(event(transaction, transaction.dialog))

    def _answered(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        status = response.status
        if transaction.method == "INVITE":
            try:
                tell, dialog = self._invite_answered(transaction, response, now)
            except ParseError:
                return  # an answer without a usable Contact or route makes no dialog: the transaction times out
            if not tell:
                return
        else:
            dialog = transaction.dialog
            if dialog is not None and transaction.method == "UPDATE" and 200 <= status < 300:
                dialog.refresh(response)
                self._begin_session(transaction, dialog, response, now)
        if status >= 300 or (status >= 200 and transaction.method != "INVITE"):
            self._over(transaction, response)
        if status >= 300 and transaction.dialog is not None and transaction.method in _REFRESHES:
            self._sessions.refused(transaction.dialog, status, now)
        if not transaction.silent:
            self._tell(ResponseReceived(transaction, response, dialog))

    def _over(self, transaction: ClientTransaction, response: Response | None) -> None:
        """A final answer (or none at all) and what it does to dialogs (§12.2.1.2, §12.3)."""
        dialog = transaction.dialog
        if dialog is not None:
            if transaction.method == "INVITE":
                dialog.invite_out = False
            if transaction.method == "BYE" and (response is None or response.status not in (401, 407)):
                self._dialogs.end(dialog)
            elif transaction.method == "BYE":
                dialog.state = DialogState.CONFIRMED
            elif response is not None and response.status == 481 and transaction.method != "NOTIFY":  # RFC 5057 §5.1: that usage alone
                self._dialogs.end(dialog)
        for early in transaction.dialogs.values():
            if early is not dialog:
                self._dialogs.end(early)

    def _invite_answered(self, transaction: ClientTransaction, response: Response, now: float) -> tuple[bool, Dialog | None]:
        """Whether the user is told, and the dialog it is about."""
        status, tag = response.status, response.to.tag
        if status < 200:
            if transaction.cancel_wanted and not transaction.cancelled:
                self._send_cancel(transaction, now)
            dialog = self._dialog_for(transaction, response) if tag and status > 100 else transaction.dialog
            return self._take_provisional(transaction, dialog, response, now), dialog
        if status >= 300:
            return True, transaction.dialog or transaction.dialogs.get(tag)
        if tag in transaction.acks:
            data, flow = transaction.acks[tag]
            self._core.send(data, flow)
            return False, None
        if transaction.accepted_tag:
            if tag != transaction.accepted_tag and len(transaction.acks) < _MAXIMUM_EARLY_DIALOGS:
                self._refuse(transaction, response, now)  # another fork answered too (§13.2.2.4)
            return False, None
        transaction.accepted_tag = tag or " "
        return True, self._accept(transaction, response, now)

    def _take_provisional(self, transaction: ClientTransaction, dialog: Dialog | None, response: Response, now: float) -> bool:
        """Acknowledge a reliable provisional answer (RFC 3262 §4); false when it came before."""
        if dialog is None:
            return True
        headers = acknowledgement(dialog, transaction.request, response)
        if headers:
            self.request_in_dialog(dialog, "PRACK", now, headers=headers, silent=True)
        return headers is not None

    def _begin_session(self, transaction: ClientTransaction, dialog: Dialog, response: Response, now: float) -> None:
        agreed = accepted(transaction.request, response)
        if agreed is not None:
            self._sessions.begin(dialog, agreed, now)

    def _accept(self, transaction: ClientTransaction, response: Response, now: float) -> Dialog:
        first = transaction.dialog is None
        dialog = transaction.dialog or self._dialog_for(transaction, response)
        dialog.invite_out = False
        if first:
            dialog.confirm(response)
            transaction.dialog = dialog
            self._dialogs.add(dialog)
        else:
            dialog.refresh(response)
        self._begin_session(transaction, dialog, response, now)
        self._over(transaction, response)
        if transaction.cancel_wanted:  # CANCEL crossed the 2xx (§9.1, case X3)
            transaction.cancelled = True
            self.ack(transaction, dialog, now)
            if first:
                self.request_in_dialog(dialog, "BYE", now, silent=True)
        return dialog

    def _refuse(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        dialog = Dialog.from_response(transaction.request, response, transaction.flow, DialogState.CONFIRMED)
        self._dialogs.add(dialog)
        self.ack(transaction, dialog, now)
        self.request_in_dialog(dialog, "BYE", now, silent=True)

    def _dialog_for(self, transaction: ClientTransaction, response: Response) -> Dialog:
        """The early dialog of this answer's tag, made when it is new (§12.1.2)."""
        if transaction.dialog is not None:
            return transaction.dialog
        tag = response.to.tag
        dialog = transaction.dialogs.get(tag)
        if dialog is None:
            if len(transaction.dialogs) >= _MAXIMUM_EARLY_DIALOGS:
                raise ParseError("too many forks")
            dialog = Dialog.from_response(transaction.request, response, transaction.flow, DialogState.EARLY)
            dialog.invite_out = True
            transaction.dialogs[tag] = dialog
            self._dialogs.add(dialog)
        return dialog

"""Connections as SIP dialogs: a back-to-back user agent whose two sides know each other only through the switching function.

This file carries out what the switching function asks (``ct.switching.ports.Lines``) and what answers to our INVITEs mean. What
others ask of us is in ``answering``.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Collection

import structlog

from yitong.ct.model import Cause, ConnectionState, DeviceKind, MessageWaiting
from yitong.ct.switches.soft import early, encryption
from yitong.ct.switches.soft.accepting import Accepting
from yitong.ct.switches.soft.imaging import Imaging
from yitong.ct.switches.soft.line import REASONS, REJECTIONS, RETRY_AFTER, SDP, Line, calling_address, failure, invite_headers
from yitong.ct.switches.soft.media_messages import PortOpened
from yitong.ct.switches.soft.outward import Outward
from yitong.ct.switches.soft.reached import Reach
from yitong.ct.switches.soft.refreshing import Refreshing
from yitong.ct.switches.soft.renewing import Renewing
from yitong.ct.switches.soft.sound import Sound
from yitong.ct.switching.function import SwitchingFunction
from yitong.ct.switching.ports import Invitation
from yitong.kit.clock import Clock
from yitong.sip import negotiation
from yitong.sip.core import Flow
from yitong.sip.dialog import Dialog, DialogId
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import AckReceived, Event, ResponseReceived, TransactionFailed, TransactionTimedOut
from yitong.sip.grammar import ParseError, SipError
from yitong.sip.message import Header
from yitong.sip.negotiation import Local, Secure
from yitong.sip.sdp import SdpError, parse
from yitong.sip.transaction import ClientTransaction, ServerTransaction
from yitong.sip.uri import Uri

_log = structlog.get_logger("yitong.switch.lines")


class Lines:
    """All lines of the switch. ``later`` does something after what is going on now."""

    def __init__(self, endpoint: Endpoint, sound: Sound, reach: Reach, clock: Clock, later: Callable[[Callable[[], None]], None]) -> None:
        self.endpoint = endpoint
        self.sound = sound
        self.reach = reach
        self.clock = clock
        self.later = later
        self.function: SwitchingFunction
        self.outward: Outward
        self.lamps: Callable[[str, str, tuple[MessageWaiting, ...], bool], None] = lambda tenant, site, lamps, whole: None
        self.accepting = Accepting(self)
        self.refreshing = Refreshing(self)
        self.imaging = Imaging(self)
        self.renewing = Renewing(self)
        self.all: dict[str, Line] = {}
        self.changed: set[str] = set()
        self.by_dialog: dict[DialogId, Line] = {}
        self._by_transaction: dict[int, Line] = {}
        self._sessions = 0

    @property
    def now(self) -> float:
        """SIP's time: seconds, monotonic."""
        return self.clock.monotonic()

    # --- the Lines port -------------------------------------------------------------------------------------------------------------

    def kind_of(self, tenant: str, device: str) -> DeviceKind | None:
        return self.reach.kind_of(tenant, device) or self.outward.kind_of(tenant, device)

    def device_called(self, tenant: str, number: str) -> str:
        return self.reach.device_called(tenant, number)

    def show_waiting(self, tenant: str, site: str, lamps: tuple[MessageWaiting, ...], whole: bool) -> None:
        self.lamps(tenant, site, lamps, whole)

    def way_out(self, tenant: str, site: str, number: str) -> str:
        return self.outward.way_out(tenant, site, number)

    def is_emergency(self, tenant: str, number: str) -> bool:
        return self.outward.is_emergency(tenant, number)

    def invite(self, connection: str, device: str, invitation: Invitation) -> None:
        one = self.function.table.connections[connection]
        line = Line(connection=connection, call=one.call, device=device, kind=one.kind, incoming=False, invitation=invitation)
        line.username = self.reach.owner(device)
        line.secure = one.kind in (DeviceKind.PAGE, DeviceKind.GUEST)
        self.add(line)
        label = f"{one.tenant}/{one.call}"
        self.sound.open(connection, one.call, line.secure, lambda opened: self._invite(line, opened), label)

    def _invite(self, line: Line, opened: PortOpened | None) -> None:
        line.about()
        if line.ended:
            return
        if line.kind is DeviceKind.TRUNK and opened is not None:
            self.outward.begin(line, opened)
            return
        target = self.reach.target(line.device)
        if opened is None or target is None:
            self.fail(line, Cause.OVERLOADED if opened is None else Cause.UNREACHABLE)
            return
        local = self.local_for(opened, line.secure, self.reach.address_for(target[1]))
        self._dial(line, *target, encryption.offered(local, self.reach.speech(line.device), target[1]))

    def _dial(self, line: Line, uri: str, flow: Flow, local: Local) -> None:
        """Ring the device with this offer."""
        if not encryption.reaches(local):
            _log.warning("device whose speech must be encrypted is not registered over TLS", device=line.device)
            self.fail(line, Cause.UNREACHABLE)
            return
        line.local, host = local, self.reach.address_for(flow)
        offer = negotiation.make_offer(local)
        try:
            transaction = self.endpoint.request(
                "INVITE", uri, flow, self.now, from_=calling_address(line.invitation, host), to=f"<{uri}>",
                headers=[*self.reach.route(line.device), *invite_headers(line.invitation)], body=offer.encode(), content_type=SDP,
            )  # fmt: skip
        except SipError as error:
            _log.warning("device cannot be rung", device=line.device, reason=str(error))
            self.fail(line, Cause.UNREACHABLE)
            return
        self.calls_by(line, transaction)

    def calls_by(self, line: Line, transaction: ClientTransaction) -> None:
        """The line's INVITE is this one now."""
        self.leave(line)
        line.client = transaction
        self._by_transaction[transaction.id] = line
        self.changed.add(line.connection)

    def leave(self, line: Line) -> None:
        """Give up the line's INVITE, whose answers mean nothing any more; without a final answer it is cancelled."""
        if line.client is not None:
            self._by_transaction.pop(line.client.id, None)
            self.endpoint.cancel(line.client, self.now)
            line.client = None

    def ring(self, connection: str) -> None:
        if (line := self.all.get(connection)) is not None:
            self.accepting.ring(line)

    def progress(self, connection: str) -> None:
        if (line := self.all.get(connection)) is not None:
            self.accepting.progress(line)

    def accept(self, connection: str) -> None:
        self.accepting.accept(self.all[connection])

    def together(self, connections: list[str]) -> bool:
        return self.sound.together(connections)

    def moved(self, connection: str, call: str) -> None:
        if (line := self.all.get(connection)) is not None:
            line.call = call
            self.changed.add(connection)
            self.sound.moved(connection, call)

    def offer_image(self, connection: str) -> None:
        self.imaging.offer(connection)

    def resume_audio(self, connection: str) -> None:
        self.imaging.resume(connection)

    def release(self, connection: str, cause: Cause) -> None:
        line = self.all.get(connection)
        if line is None:
            return
        self.forget(line)
        reason = REASONS.get(cause, "")
        if line.dialog is not None:
            self._hang_up(line, [("Reason", reason)] if reason else [])
        elif line.server is not None:
            status = REJECTIONS.get(cause, 603)
            self.endpoint.respond(line.server, status, self.now, headers=[RETRY_AFTER] if status == 503 else [])
        elif line.client is not None:
            self.endpoint.cancel(line.client, self.now, reason=reason)

    def _hang_up(self, line: Line, headers: list[Header]) -> None:
        """BYE; the answering side waits for the ACK first (RFC 3261 §15)."""
        dialog = line.dialog
        if dialog is None or (line.incoming and line.server is not None and not line.acknowledged):
            return
        if not self.reach.alive(dialog.flow) and dialog.flow.transport in ("tcp", "tls"):
            dialog.flow = self.flow_of_target(dialog.target, dialog.flow)
        self.outward.hung_up(line, self.endpoint.request_in_dialog(dialog, "BYE", self.now, headers=headers))

    def flow_of_target(self, target: str, dead: Flow) -> Flow:
        """The way to a Contact whose connection is gone."""
        try:
            uri = Uri.parse(target)
        except ParseError:
            return dead
        return self.reach.flow_to("tcp", uri.host.strip("[]"), uri.port or 5060)

    # --- bookkeeping ----------------------------------------------------------------------------------------------------------------

    def about(self, event: Event) -> None:
        """The log lines of this step carry the ids of the event's line, if it has one."""
        dialog, transaction = getattr(event, "dialog", None), getattr(event, "transaction", None)
        line = self.by_dialog.get(dialog.id) if dialog is not None else None
        if line is None and transaction is not None:
            line = self._by_transaction.get(transaction.id)
        if line is not None:
            line.about()

    def add(self, line: Line) -> None:
        """Hold a line."""
        self.all[line.connection] = line
        self.changed.add(line.connection)
        if line.server is not None:
            self._by_transaction[line.server.id] = line

    def bind(self, line: Line, dialog: Dialog) -> None:
        """Requests in this dialog are the line's."""
        self.by_dialog[dialog.id] = line
        line.dialogs.add(dialog.id)

    def forget(self, line: Line) -> None:
        """The switching function hears no more of the line; its dialog may still be ending."""
        line.ended = True
        self.outward.over(line)
        self.all.pop(line.connection, None)
        self.changed.add(line.connection)
        if line.dialog is not None:
            self.by_dialog.pop(line.dialog.id, None)
        for name in line.dialogs:
            self.by_dialog.pop(name, None)
        if line.client is not None:
            self._by_transaction.pop(line.client.id, None)
        self.sound.close(line.connection)

    def of(self, transaction: ServerTransaction | ClientTransaction) -> Line | None:
        """The line of an INVITE."""
        return self._by_transaction.get(transaction.id)

    def local_for(self, opened: PortOpened, secure: bool, host: str) -> Local:
        """Our side of a description."""
        self._sessions += 1
        ice = None
        if secure:
            ice = Secure(fingerprint=opened.fingerprint, ufrag=opened.ufrag, password=opened.password, candidates=opened.addresses)
        return Local(
            address=host, rtp_port=opened.rtp_port, rtcp_port=0 if secure else opened.rtcp_port,
            session=self.clock.wall() // 1_000_000 * 1_000 + self._sessions % 1_000, secure=ice, ssrc=opened.ssrc,
            key="" if secure else base64.b64encode(secrets.token_bytes(30)).decode(),
        )  # fmt: skip

    def fail(self, line: Line, cause: Cause, status: int = 0) -> None:
        """A device that we rang did not take the call."""
        self.forget(line)
        self.function.failed(line.connection, cause, self.clock.now(), status)

    # --- what comes of our requests -----------------------------------------------------------------------------------------------------

    def response(self, event: ResponseReceived) -> None:
        """An answer to a request of ours."""
        if self.imaging.answered(event):
            return
        line = self._by_transaction.get(event.transaction.id)
        if event.transaction.method != "INVITE":
            self.outward.challenged(event)
            return
        status = event.response.status
        if 200 <= status < 300:
            self._answered(line, event)
        elif line is not None and status < 200:
            self.outward.heard(line)
            if status > 100:
                early.provisional(self, line, event)
                self.function.ringing(line.connection, self.clock.now())
        elif line is not None and not self.refreshing.too_short(line, event) and not self.outward.goes_on(line, event):
            line.client = None
            self._by_transaction.pop(event.transaction.id, None)
            self._refused(line, status, event.response.get("Reason") or "")

    def _refused(self, line: Line, status: int, reason: str) -> None:
        """A device does not take the call; perhaps it does without encryption, where that may be."""
        local, target = encryption.plainly(line.local, status), self.reach.target(line.device)
        if local is None or target is None or line.kind is DeviceKind.TRUNK:
            one = self.function.table.connections.get(line.connection)
            rang = one is not None and one.state is ConnectionState.ALERTING
            self.fail(line, failure(status, reason, outside=line.kind is DeviceKind.TRUNK, rang=rang), status)
        else:
            line.early, line.early_remote = None, None
            self._dial(line, *target, local)

    def _answered(self, line: Line | None, event: ResponseReceived) -> None:
        dialog = event.dialog
        if dialog is None or event.transaction.cancelled:
            return
        self.endpoint.ack(event.transaction, dialog, self.now)
        if line is None or line.local is None:
            self.endpoint.request_in_dialog(dialog, "BYE", self.now)
            return
        self._by_transaction.pop(event.transaction.id, None)
        line.client, line.dialog = None, dialog
        self.outward.over(line)
        line.acknowledged = True
        try:
            remote = early.agreed(line, dialog, event.response, line.local)
        except SdpError as error:
            _log.warning("answer of a device is not usable", device=line.device, reason=error.reason)
            self._hang_up(line, [])
            self.fail(line, Cause.NO_COMMON_CODEC)
            return
        line.held = remote.held
        self.bind(line, dialog)
        self.changed.add(line.connection)
        self.sound.set_remote(line.connection, remote)
        self.function.answered(line.connection, self.clock.now())

    def timed_out(self, event: TransactionTimedOut | TransactionFailed) -> None:
        """No answer to our INVITE, or no ACK to our 200."""
        if self.imaging.answered(event) or self.renewing.timed_out(event):
            return
        line = self._by_transaction.pop(event.transaction.id, None)
        if isinstance(event.transaction, ServerTransaction):
            self._unacknowledged(line, event)
        elif event.transaction.method == "INVITE" and line is not None:
            line.client = None
            if not self.outward.lost(line, Cause.UNREACHABLE):
                self.fail(line, Cause.UNREACHABLE)
        elif event.transaction.method != "INVITE" and event.dialog is not None:
            lost = self.by_dialog.get(event.dialog.id)
            if lost is not None:
                self.lose(lost, Cause.SIGNALLING_LOST)

    def _unacknowledged(self, line: Line | None, event: TransactionTimedOut | TransactionFailed) -> None:
        if line is None or event.dialog is None:
            return
        line.server, line.acknowledged = None, True
        if line.ended:
            self._hang_up(line, [])
        else:
            self.lose(line, Cause.SIGNALLING_LOST)

    def acknowledged(self, event: AckReceived) -> None:
        """Our 200 was acknowledged."""
        if self.renewing.acknowledged(event):
            return
        line = self._by_transaction.pop(event.transaction.id, None)
        if line is None:
            return
        line.server, line.acknowledged = None, True
        if line.ended:
            self._hang_up(line, [])
        elif event.request.body and line.local is not None:
            self._late_answer(line, event.request.body, line.local)

    def _late_answer(self, line: Line, body: bytes, local: Local) -> None:
        """The ACK answers the offer of our 200 (RFC 3264: delayed offer)."""
        try:
            remote = negotiation.accept_answer(parse(body), local)
        except SdpError:
            self.lose(line, Cause.NO_COMMON_CODEC)
            return
        line.held = remote.held
        self.sound.set_remote(line.connection, remote)

    def registered(self, device: str, username: str, flow: Flow, contacts: Collection[str]) -> None:
        """A device registered: a page whose connection broke goes on by the new one; another page in its place ends the old one's call.

        So does a telephone whose stream broke, known by the host of its Contact: ``contacts`` are those that it registers.
        """
        for line in self.all.values():
            if line.device == device and line.username == username and self._lost_its_stream(line, contacts):
                assert line.dialog is not None
                line.dialog.flow = flow
                self.changed.add(line.connection)
        for line in [line for line in self.all.values() if line.device == device and line.lost_at]:
            line.lost_at = 0.0
            if line.username == username and line.dialog is not None:
                line.dialog.flow = flow
                self.changed.add(line.connection)
            else:
                self.lose(line, Cause.SIGNALLING_LOST)

    def _lost_its_stream(self, line: Line, contacts: Collection[str]) -> bool:
        dialog = line.dialog
        if dialog is None or dialog.flow.transport not in ("tcp", "tls") or self.reach.alive(dialog.flow):
            return False
        try:
            return Uri.parse(dialog.target).host in contacts
        except ParseError:
            return False

    def lose(self, line: Line, cause: Cause) -> None:
        """A connection is lost: BYE goes out if there is a way, the switching function is told."""
        self.function.gone(line.connection, cause, self.clock.now(), by_device=False)

"""Transfers that a telephone does by itself: REFER, blind or with Replaces, and INVITE with Replaces.

A REFER counts only in a connected dialog of a device of ours, from where that device registered (else it is challenged), and only for
what the device could dial itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from yitong.ct.events import AnyEvent, ConnectionCleared, Delivered, Failed, ServiceFailed, Transferred
from yitong.ct.model import DeviceKind
from yitong.ct.services import SingleStepTransfer, Target
from yitong.ct.switches.soft.directory import Directory, Identity
from yitong.ct.switches.soft.gate import Gate, Refused, ToDevice, ToNumber, ToOutside
from yitong.ct.switches.soft.line import REJECTIONS, Line
from yitong.ct.switches.soft.lines import Lines
from yitong.ct.switches.soft.registrations import Registrations
from yitong.ct.switches.soft.tolls import Tolls
from yitong.ct.switching.joining import transfer_asked
from yitong.kit.ids import Ids
from yitong.sip.dialog import DialogState
from yitong.sip.events import RequestReceived
from yitong.sip.grammar import ParseError, SipError
from yitong.sip.message import Header
from yitong.sip.referral import FRAGMENT, Replaced, fragment, referral

_SECONDS = 60
_OURS = (DeviceKind.PHONE, DeviceKind.PAGE)
_log = structlog.get_logger("yitong.switch.referring")


@dataclass(frozen=True)
class _Transfer:
    """A blind transfer under way: the line that asked, the id of its subscription (empty: it wants to hear nothing)."""

    line: Line
    event: str
    target: str = ""


class Referring:
    """Answers REFER and tells how it went."""

    def __init__(self, lines: Lines, gate: Gate, registrations: Registrations, directory: Directory, ids: Ids) -> None:
        self._lines = lines
        self._gate = gate
        self._registrations = registrations
        self._directory = directory
        self._ids = ids
        self._open: dict[str, _Transfer] = {}
        self.tolls: Tolls
        lines.function.log.monitor(self._hear)

    # --- REFER -------------------------------------------------------------------------------------------------------------------------

    def refer(self, event: RequestReceived, line: Line) -> None:
        """A REFER in the dialog of ``line``."""
        who = self._who(event, line)
        if isinstance(who, Refused):
            if who.status:
                self._answer(event, who.status, who.headers)
            return
        try:
            asked = referral(event.request)
        except ParseError as error:
            self._answer(event, error.status)
            return
        if any(one.line is line for one in self._open.values()):
            self._answer(event, 491)
            return
        subscription = f"refer;id={event.request.cseq.number}" if asked.notifies else ""
        if asked.replaced is not None:
            self._attended(event, line, asked.replaced, subscription)
        else:
            self._blind(event, line, who, asked.uri.number, subscription)

    def _who(self, event: RequestReceived, line: Line) -> Refused | Identity:
        """The device of the line, if the request is its own."""
        who = self._directory.device(line.device)
        if line.kind not in _OURS or who is None or not line.up:
            return Refused(403)
        if self._registrations.is_at(line.device, event.flow):
            return who
        claimed = self._gate.authenticate(event.request, event.flow, self._lines.now, self._lines.clock.now())
        if isinstance(claimed, Identity) and claimed.device != line.device:
            return Refused(403)
        return claimed

    def _blind(self, event: RequestReceived, line: Line, who: Identity, number: str, subscription: str) -> None:
        goal = self._gate.goes_to(who, number)
        if isinstance(goal, ToNumber):
            self._into_flow(event, line, number, subscription)
            return
        if not isinstance(goal, ToDevice | ToOutside):
            self._answer(event, goal.status)
            return
        device = self._lines.device_called(who.tenant, number) if isinstance(goal, ToDevice) else ""
        if isinstance(goal, ToDevice) and not device:
            self._answer(event, 480)
            return
        refused = self.tolls.refuses(who.device, who.tenant, number) if isinstance(goal, ToOutside) else 0
        if refused:
            self._answer(event, refused)
            return
        function, now = self._lines.function, self._lines.clock.now()
        one = function.table.connections[line.connection]
        self._accepted(event, subscription)
        target = Target(connection=self._ids.new(now), device=device, number="" if device else number)
        service = SingleStepTransfer(
            id=self._ids.new(now), tenant=one.tenant, epoch=function.epochs.get((one.tenant, one.site), 0), connection=line.connection,
            target=target,
        )  # fmt: skip
        self._open[service.id] = _Transfer(line, subscription, target.connection)
        self._notify(line, subscription, 100)
        if isinstance(goal, ToOutside):
            self.tolls.gives(who.device, target.connection)
        _log.info("telephone transfers", device=line.device)
        function.ask(service, now, one.site)

    def _into_flow(self, event: RequestReceived, line: Line, number: str, subscription: str) -> None:
        """Core takes the customer into the flow and ends the telephone's part, or nothing happens. Calls of telephones know no flow."""
        if not transfer_asked(self._lines.function.board, line.connection, number, self._lines.clock.now()):
            self._answer(event, 403)
            return
        self._accepted(event, subscription)
        self._notify(line, subscription, 100)
        _log.info("telephone transfers to a flow", device=line.device)

    def _attended(self, event: RequestReceived, line: Line, replaced: Replaced, subscription: str) -> None:
        """The two calls of the device become one, without it."""
        other = self.replaced(replaced)
        if other is None or not other.up:
            self._answer(event, 481)
            return
        if other is line or other.device != line.device:
            self._answer(event, 403)
            return
        self._accepted(event, subscription)
        self._notify(line, subscription, 100)
        both = (line.connection, other.connection)  # which of the two calls stays, the switching function decides
        self._open.update(dict.fromkeys(both, _Transfer(line, subscription)))
        joined = self._lines.function.join_calls(*both, self._lines.clock.now())
        for connection in both:
            self._open.pop(connection, None)
        if not joined:
            self._notify(line, subscription, 503)

    def replaced(self, named: Replaced) -> Line | None:
        """The line of a dialog that Replaces names; the tags may stand either way round, as telephones see them differently."""
        found = self._lines.by_dialog.get((named.call_id, named.to_tag, named.from_tag))
        return found or self._lines.by_dialog.get((named.call_id, named.from_tag, named.to_tag))

    # --- how it goes -------------------------------------------------------------------------------------------------------------------

    def _hear(self, event: AnyEvent) -> None:
        """Tell the telephone how its transfer goes."""
        match event:
            case Delivered():
                self._told(event.service, 180)
            case Transferred():
                self._told(event.service or event.connection, 200)
            case Failed():
                self._told(event.service, event.sip_status or REJECTIONS.get(event.cause, 603))
            case ServiceFailed():
                self._told(event.service, 503)
            case ConnectionCleared():
                self._cleared(event.connection)

    def _told(self, service: str, status: int) -> None:
        transfer = self._open.get(service) if service else None
        if transfer is None:
            return
        if status >= 200:
            del self._open[service]
        self._notify(transfer.line, transfer.event, status)

    def _cleared(self, connection: str) -> None:
        """The customer hung up while the target rang, or the telephone itself did: nothing more comes of the transfer."""
        for service, transfer in list(self._open.items()):
            if transfer.target == connection:
                self._told(service, 487)
            elif transfer.line.connection == connection:
                del self._open[service]

    def _notify(self, line: Line, subscription: str, status: int) -> None:
        dialog = line.dialog
        if not subscription or dialog is None or dialog.state is not DialogState.CONFIRMED:
            return
        state = f"active;expires={_SECONDS}" if status < 200 else "terminated;reason=noresource"
        headers: list[Header] = [("Event", subscription), ("Subscription-State", state)]
        try:
            self._lines.endpoint.request_in_dialog(
                dialog, "NOTIFY", self._lines.now, headers=headers, body=fragment(status), content_type=FRAGMENT, silent=True
            )
        except SipError:
            _log.warning("telephone cannot be told of its transfer", device=line.device)

    def _accepted(self, event: RequestReceived, subscription: str) -> None:
        self._answer(event, 202, () if subscription else (("Refer-Sub", "false"),))

    def _answer(self, event: RequestReceived, status: int, headers: tuple[Header, ...] = ()) -> None:
        self._lines.endpoint.respond(event.transaction, status, self._lines.now, headers=headers)

    # --- INVITE with Replaces ---

    def may_replace(self, who: Identity, named: Replaced) -> Refused | Line:
        """Whether a device may take the place of a line: only one of the same agent or extension (RFC 3891 §3)."""
        line = self.replaced(named)
        if line is None or (not line.up and line.client is None):
            return Refused(481)
        held = self._directory.device(line.device)
        same = held is not None and held.tenant == who.tenant and bool(who.extension) and held.extension == who.extension
        if line.kind not in _OURS or not same:
            return Refused(403)
        return Refused(486) if named.early_only and line.up else line

"""Calls to outside numbers by trunks: which one, with what in the INVITE, and the next one when it does not work.

A line goes on to the next trunk when one answers 5xx or 408, refuses our credentials, breaks, or says nothing at all (no 1xx) for
``FIRST_SECONDS``; the switching function hears of that only that another device carries the connection.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import structlog

from yitong.ct.model import Cause, DeviceKind
from yitong.ct.numbering import NumberClass, can_be_dialled, number_class
from yitong.ct.switches.soft import links
from yitong.ct.switches.soft.directory import Directory
from yitong.ct.switches.soft.encryption import OFFERED_SUITE
from yitong.ct.switches.soft.line import Line, failure, invite_headers
from yitong.ct.switches.soft.media_messages import PortOpened
from yitong.ct.switches.soft.outside import Health, Trunk, called_by, shown_by
from yitong.ct.switches.soft.trunk_record import TrunkRecord
from yitong.ct.switches.soft.trunks import Trunks, address_of
from yitong.ct.switching.function import SwitchingFunction
from yitong.sip import negotiation
from yitong.sip.core import Flow
from yitong.sip.dialog import DialogId
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import ResponseReceived
from yitong.sip.grammar import SipError
from yitong.sip.headers import address_text
from yitong.sip.message import Header
from yitong.sip.negotiation import PCMA, PCMU, Local
from yitong.sip.transaction import ClientTransaction
from yitong.sip.uri import sip_uri

FIRST_SECONDS = 1.5
"""How long a trunk may say nothing when there is another one."""
LAST_SECONDS = 5.0
"""How long the last one may."""
REST_SECONDS = 10.0
"""How long a trunk that said 503 without Retry-After comes last."""
_CODECS = {"PCMA": PCMA, "PCMU": PCMU}
_HANG_UPS = 1_000
_log = structlog.get_logger("yitong.switch.outward")


class Carrier(Protocol):
    """What is needed of ``Lines``."""

    endpoint: Endpoint
    function: SwitchingFunction
    all: dict[str, Line]
    by_dialog: dict[DialogId, Line]

    @property
    def now(self) -> float: ...
    def fail(self, line: Line, cause: Cause, status: int = 0) -> None: ...
    def calls_by(self, line: Line, transaction: ClientTransaction) -> None: ...
    def leave(self, line: Line) -> None: ...
    def local_for(self, opened: PortOpened, secure: bool, host: str) -> Local: ...


@dataclass
class _Attempt:
    """What is left to try for a line. ``deadline``: until when the present trunk may say nothing; None when it has said something."""

    opened: PortOpened
    rest: list[str] = field(default_factory=list)
    deadline: float | None = None
    challenges: int = 0
    """How often the present trunk has challenged."""


class Outward:
    """The outside of ``Lines``. ``host``: our address as the other end of a flow sees it."""

    def __init__(self, trunks: Trunks, directory: Directory, lines: Carrier, host: Callable[[Flow], str]) -> None:
        self._host = host
        self._trunks = trunks
        self._directory = directory
        self._lines = lines
        self._attempts: dict[str, _Attempt] = {}
        self._hang_ups: OrderedDict[int, str] = OrderedDict()

    # --- which trunk ---

    def kind_of(self, tenant: str, device: str) -> DeviceKind | None:
        """The kind of a trunk of ``tenant`` that can be called."""
        trunk = self._trunks.outside.trunks.get(device)
        return DeviceKind.TRUNK if trunk is not None and trunk.tenant == tenant else None

    def way_out(self, tenant: str, site: str, number: str) -> str:
        """The device of the best trunk for a number, or empty."""
        found = self._candidates(tenant, site, number, "")
        return found[0].device if found else ""

    def is_emergency(self, tenant: str, number: str) -> bool:
        return number_class(number, self._directory.rules(tenant)) is NumberClass.EMERGENCY

    def serves(self, tenant: str) -> bool:
        """Whether a tenant can call out at all."""
        return any(trunk.tenant == tenant for trunk in self._trunks.outside.trunks.values())

    def _candidates(self, tenant: str, site: str, number: str, connection: str) -> list[Trunk]:
        """``connection``: the one that is to be carried, which does not count as a call yet."""
        if not can_be_dialled(number):
            return []
        emergency = self.is_emergency(tenant, number)
        trunks = (line for line in self._lines.all.values() if line.kind is DeviceKind.TRUNK and line.connection != connection)
        busy = Counter(line.device for line in trunks)
        return self._trunks.outside.candidates(tenant, site, number, busy, self._lines.now, emergency=emergency)

    # --- dialling ---

    def begin(self, line: Line, opened: PortOpened) -> None:
        """Call the line's number, by its own trunk first."""
        one = self._lines.function.table.connections[line.connection]
        found = [trunk.device for trunk in self._candidates(one.tenant, one.site, line.invitation.called, line.connection)]
        devices = [line.device, *(device for device in found if device != line.device)]
        attempt = _Attempt(opened, [device for device in devices for _ in range(max(1, self._trunks.places(device)))])
        self._attempts[line.connection] = attempt
        self._next(line, attempt, Cause.UNREACHABLE, 0)

    def _next(self, line: Line, attempt: _Attempt, cause: Cause, status: int) -> None:
        """Go on with the next trunk that can be dialled, else the line has failed."""
        while attempt.rest:
            trunk = self._trunks.outside.trunks.get(attempt.rest.pop(0))
            if trunk is not None and self._dial(line, attempt, trunk):
                return
        self._lines.fail(line, cause, status)

    def _dial(self, line: Line, attempt: _Attempt, trunk: Trunk) -> bool:
        flow = self._trunks.flow(trunk.record)
        if flow is None:
            return False
        host = self._host(flow)
        local = self._local(attempt.opened, trunk.record, host)
        try:
            transaction = self._invite(line, trunk, flow, host, negotiation.make_offer(local).encode())
        except SipError as error:
            _log.warning("trunk cannot be called", trunk=trunk.device, reason=str(error))
            return False
        if line.device != trunk.device:
            line.device = trunk.device
            self._lines.function.carried(line.connection, trunk.device)
        line.local, line.early, line.early_remote = local, None, None
        self._lines.calls_by(line, transaction)
        attempt.challenges = 0
        self._trunks.outside.chosen(trunk)
        attempt.deadline = self._lines.now + (FIRST_SECONDS if attempt.rest else LAST_SECONDS)
        return True

    def _local(self, opened: PortOpened, record: TrunkRecord, host: str) -> Local:
        local = self._lines.local_for(opened, False, host)
        if record.srtp:
            local = msgspec.structs.replace(local, suite=OFFERED_SUITE, sealed=True)
        codecs = tuple(_CODECS[name] for name in record.codecs if name in _CODECS)
        return msgspec.structs.replace(local, codecs=codecs) if codecs else local

    def _invite(self, line: Line, trunk: Trunk, flow: Flow, host: str, body: bytes) -> ClientTransaction:
        record, invitation = trunk.record, line.invitation
        ours = self._directory.number(invitation.calling, trunk.tenant) is not None
        shown = shown_by(record, invitation.calling, ours=ours)
        from_, headers = _caller(record, shown, host)
        uri = address_of(record, called_by(record, invitation.called))
        contact = ("Contact", f"<{self._trunks.contact(record, flow)}>")
        given = [contact, *headers, *invite_headers(invitation), *links.tells(record, invitation.data)]
        return self._lines.endpoint.request(
            "INVITE", uri, flow, self._lines.now, from_=from_, to=f"<{uri}>", headers=given, body=body, content_type="application/sdp"
        )

    # --- what the trunks say ---

    def heard(self, line: Line) -> None:
        """A trunk gave a sign of life."""
        attempt = self._attempts.get(line.connection)
        if attempt is not None:
            attempt.deadline = None
            self._trunks.mark(line.device, Health.UP)

    def goes_on(self, line: Line, event: ResponseReceived) -> bool:
        """After a final answer that is no 2xx: whether the line goes on, with our credentials or by another trunk."""
        attempt = self._attempts.get(line.connection)
        status = event.response.status
        if attempt is None:
            return False
        if status in (401, 407):
            attempt.challenges += 1
            header = self._trunks.header(line.device, event.transaction, event.response, attempt.challenges)
            if header is not None:
                transaction = self._lines.endpoint.retry(event.transaction, self._lines.now, headers=[header])
                self._lines.calls_by(line, transaction)
                attempt.deadline = self._lines.now + (FIRST_SECONDS if attempt.rest else LAST_SECONDS)
                return True
            _log.error("trunk refuses our credentials", trunk=line.device)
        elif status != 408 and not 500 <= status < 600:
            return False
        if status == 503 and line.device not in attempt.rest:
            self._rest(line.device, event.response.get("Retry-After") or "")
        self._trunks.turn(line.device)
        self._next(line, attempt, failure(status, event.response.get("Reason") or "", outside=True), status)
        return True

    def _rest(self, device: str, after: str) -> None:
        trunk = self._trunks.outside.trunks.get(device)
        if trunk is not None:
            seconds = after.partition(";")[0].partition("(")[0].strip()
            trunk.rests_until = self._lines.now + (min(float(seconds), 300.0) if seconds.isdigit() else REST_SECONDS)

    def lost(self, line: Line, cause: Cause) -> bool:
        """No final answer came, or the stream broke: whether the line goes on by another trunk."""
        attempt = self._attempts.get(line.connection)
        if attempt is None:
            return False
        self._trunks.mark(line.device, Health.DOWN)
        self._next(line, attempt, cause, 0)
        return True

    def next_deadline(self) -> float | None:
        """When the next trunk has been silent for too long (seconds, monotonic)."""
        if not self._attempts:
            return None
        return min((one.deadline for one in self._attempts.values() if one.deadline is not None), default=None)

    def tick(self, now: float) -> None:
        """Leave the trunks that have been silent for too long."""
        for connection, attempt in list(self._attempts.items()):
            line = self._lines.all.get(connection)
            if line is not None and attempt.deadline is not None and attempt.deadline <= now:
                attempt.deadline = None
                _log.warning("trunk does not answer", trunk=line.device)
                self._lines.leave(line)
                self.lost(line, Cause.UNREACHABLE)

    def over(self, line: Line) -> None:
        """The line was answered or is gone: nothing more is tried."""
        self._attempts.pop(line.connection, None)

    # --- in dialogs ---

    def hung_up(self, line: Line, transaction: ClientTransaction) -> None:
        """BYE went out: it may be challenged, too."""
        if line.kind is DeviceKind.TRUNK:
            self._hang_ups[transaction.id] = line.device
            if len(self._hang_ups) > _HANG_UPS:
                self._hang_ups.popitem(last=False)

    def challenged(self, event: ResponseReceived) -> ClientTransaction | None:
        """An answer in a dialog, to a BYE or a refresh of the session: sent again with credentials when the trunk asks for them."""
        device = self._hang_ups.pop(event.transaction.id, "")
        line = self._lines.by_dialog.get(event.dialog.id) if event.dialog is not None else None
        if line is not None and line.kind is DeviceKind.TRUNK:
            device = line.device
        if device and event.response.status in (401, 407):
            header = self._trunks.header(device, event.transaction, event.response)
            if header is not None:
                return self._lines.endpoint.retry(event.transaction, self._lines.now, headers=[header])
        return None


def _caller(record: TrunkRecord, shown: str, host: str) -> tuple[str, list[Header]]:
    """From, and what tells the operator alone who calls when nobody else shall know (RFC 3323 §4.1, RFC 3325 §9.1)."""
    domain = record.domain or (record.host if record.username else host)
    if shown:
        return address_text(sip_uri(shown, domain)), []
    headers = [("Privacy", "id")]
    ours = record.caller_number or record.username
    if ours:
        headers.append(("P-Asserted-Identity", f"<{sip_uri(ours, domain)}>"))
    return address_text("sip:anonymous@anonymous.invalid", "Anonymous"), headers

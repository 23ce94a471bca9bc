"""What others ask of the switch by SIP: calls, hold, hang-up, registration, and everything that is refused."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from yitong.ct.model import Cause, DeviceKind
from yitong.ct.security import RefusalKind
from yitong.ct.switches.soft import links
from yitong.ct.switches.soft.encryption import Speech, answering
from yitong.ct.switches.soft.gate import ALLOWED, Admitted, FromTrunk, Gate, Refused, ToDevice, ToNumber, ToOutside
from yitong.ct.switches.soft.line import RETRY_AFTER, SDP, Line
from yitong.ct.switches.soft.lines import Lines
from yitong.ct.switches.soft.pressure import Pressure
from yitong.ct.switches.soft.referring import Referring
from yitong.ct.switches.soft.registrations import Registrations
from yitong.ct.switches.soft.renewing import next_version
from yitong.ct.switches.soft.tolls import Tolls
from yitong.ct.switches.soft.waiting import MessagesWaiting
from yitong.ct.switching.ports import MAXIMUM_HOPS, Invitation
from yitong.kit.ids import Ids
from yitong.sip import negotiation
from yitong.sip.events import Cancelled, RequestReceived
from yitong.sip.grammar import ParseError
from yitong.sip.identity import caller, first_called
from yitong.sip.info_digits import ACCEPTED, key_of
from yitong.sip.message import Request
from yitong.sip.negotiation import NOT_ENCRYPTED, Local, Secure
from yitong.sip.referral import Replaced, replaces_of
from yitong.sip.sdp import SdpError, Session, parse

_log = structlog.get_logger("yitong.switch.answering")
_PROBE_SECURE = Secure(fingerprint="sha-256 " + ":".join(["00"] * 32), ufrag="probe", password="0" * 24, candidates=())


@dataclass(frozen=True)
class _Offered:
    """What an INVITE offers; None: nothing, the offer is to be ours."""

    session: Session | None


class Answering:
    """Answers every request that reaches us. ``ids`` names new calls and connections."""

    def __init__(
        self, lines: Lines, gate: Gate, registrations: Registrations, referring: Referring, waiting: MessagesWaiting, ids: Ids
    ) -> None:
        self._lines = lines
        self._gate = gate
        self._registrations = registrations
        self._referring = referring
        self._waiting = waiting
        self._ids = ids
        self._endpoint = lines.endpoint
        self._clock = lines.clock
        self.draining = False
        self.pressure = Pressure()
        self.tolls: Tolls

    def request(self, event: RequestReceived) -> None:
        """One request that wants an answer."""
        if event.dialog is not None:
            self._in_dialog(event)
            return
        match event.request.method:
            case "INVITE":
                self._invite(event)
            case "REGISTER":
                self._register(event)
            case "OPTIONS" if self.draining:  # as an INVITE would be answered (RFC 3261 §11.2): proxies and operators turn elsewhere
                self._endpoint.respond(event.transaction, 503, self._lines.now, headers=[RETRY_AFTER])
            case "OPTIONS":
                self._endpoint.respond(event.transaction, 200, self._lines.now, headers=[("Accept", SDP)])
            case "SUBSCRIBE":
                self._waiting.subscribe(event)
            case _:
                self._refuse(event, self._gate.admit_other(event.request, event.flow, self._lines.now, self._clock.now()))

    def _refuse(self, event: RequestReceived, refused: Refused) -> None:
        if refused.status in (401, 407) or refused.forgotten:
            self._endpoint.challenge(event.transaction, refused.status, self._lines.now, headers=refused.headers)
        elif refused.status:
            self._endpoint.respond(event.transaction, refused.status, self._lines.now, headers=refused.headers)

    # --- new calls ------------------------------------------------------------------------------------------------------------------

    def _invite(self, event: RequestReceived) -> None:
        request = event.request
        if request.get("Max-Forwards") == "0":
            self._refuse(event, Refused(483))
            return
        try:
            named = replaces_of(request)
        except ParseError as error:
            self._refuse(event, Refused(error.status))
            return
        if named is not None:
            self._replace(event, named)
            return
        admitted = self._gate.admit(request, event.flow, self._lines.now, self._clock.now())
        if isinstance(admitted, Refused):
            self._refuse(event, admitted)
        elif self.draining and not self._is_emergency(admitted):
            self._refuse(event, Refused(503, (RETRY_AFTER,)))
        elif (offered := self._offered(event, admitted)) is not None:
            self._begin(event, admitted, offered.session)

    def _is_emergency(self, admitted: Admitted) -> bool:
        return isinstance(admitted, ToOutside) and self._lines.is_emergency(admitted.who.tenant, admitted.number)

    def _offered(self, event: RequestReceived, admitted: Admitted) -> _Offered | None:
        """Their offer, when the call can be taken now; else it is refused."""
        refused = self._refusal(event, admitted)
        if refused is not None:
            self._refuse(event, refused)
            return None
        try:
            return _Offered(_offer(event.request, admitted, self._lines.reach.address_for(event.flow)))
        except SdpError as error:
            _log.info("call refused", source=event.flow.host, reason=error.reason)
            if error.reason == NOT_ENCRYPTED and not isinstance(admitted, FromTrunk):
                self._gate.refuses(RefusalKind.UNENCRYPTED, admitted.who, event.flow)
            self._refuse(event, Refused(error.status))
            return None

    def _replace(self, event: RequestReceived, named: Replaced) -> None:
        """A device of ours wants to go on with a call of its own at another telephone (RFC 3891)."""
        who = self._gate.authenticate(event.request, event.flow, self._lines.now, self._clock.now())
        if isinstance(who, Refused):
            self._refuse(event, who)
            return
        old = self._referring.may_replace(who, named)
        if isinstance(old, Refused):
            self._refuse(event, old)
            return
        offered = self._offered(event, ToDevice(who, ""))
        if offered is None:
            return
        invitation = Invitation(calling=who.extension or who.username, called=old.invitation.called)
        line = Line(
            connection=self._ids.new(self._clock.now()), call=old.call, device=who.device, kind=who.kind, incoming=True,
            username=who.username, invitation=invitation,
        )  # fmt: skip
        self._take_up(event, line, offered.session)
        self._lines.function.replaced(
            old.connection, connection=line.connection, device=who.device, kind=who.kind, invitation=invitation, now=self._clock.now()
        )

    def _refusal(self, event: RequestReceived, admitted: Admitted) -> Refused | None:
        """Why a call that may be made cannot be taken now."""
        if not self._lines.sound.has_room():
            return Refused(503, (RETRY_AFTER,))
        if isinstance(admitted, FromTrunk | ToNumber) and self.pressure.refuses(self._lines.all, self._lines.now):
            self._gate.refuses(RefusalKind.OVERLOAD, None)
            return Refused(503, (RETRY_AFTER,), forgotten=True)
        if isinstance(admitted, ToOutside):
            status = self.tolls.refuses(admitted.who.device, admitted.who.tenant, admitted.number)
            if status:
                self._gate.refuses(RefusalKind.TOO_MANY_CALLS if status == 486 else RefusalKind.ABROAD_TODAY, admitted.who, event.flow)
                return Refused(status)
        if isinstance(admitted, ToNumber) and admitted.who.kind is DeviceKind.GUEST and self._calls_of(admitted.who.username):
            return Refused(486)
        if event.request.body and event.request.content_type != SDP:
            return Refused(415, (("Accept", SDP),))
        return None

    def _calls_of(self, username: str) -> int:
        return sum(1 for line in self._lines.all.values() if line.username == username)

    def _begin(self, event: RequestReceived, admitted: Admitted, offer: Session | None) -> None:
        now = self._clock.now()
        connection, call = self._ids.new(now), self._ids.new(now)
        if isinstance(admitted, FromTrunk):
            tenant, site, kind, username = admitted.tenant, admitted.site, DeviceKind.TRUNK, ""
            device = f"{tenant}/trunk/{admitted.trunk}"
            invitation = _invitation(event.request, admitted)
        else:
            who = admitted.who
            tenant, kind, username, device = who.tenant, who.kind, who.username, who.device
            site = admitted.site if isinstance(admitted, ToNumber) else who.site
            invitation = Invitation(calling=who.extension or who.username, called=admitted.number, hops=_hops(event.request))
        line = Line(connection=connection, call=call, device=device, kind=kind, incoming=True, username=username, invitation=invitation)
        self._take_up(event, line, offer)
        if kind is not DeviceKind.TRUNK:
            self._beside_its_other_call(line)
        internal = isinstance(admitted, ToDevice | ToOutside)
        if not internal:
            self.pressure.waits(connection, self._lines.now)
        arrived = self._lines.function.arrived_internal if internal else self._lines.function.arrived
        arrived(connection=connection, call=call, tenant=tenant, site=site, device=device, kind=kind, invitation=invitation, now=now)

    def _take_up(self, event: RequestReceived, line: Line, offer: Session | None) -> None:
        line.about()
        line.server, line.offer = event.transaction, offer
        line.secure = offer is not None and negotiation.wants_secure(offer)
        self._lines.add(line)  # an answer follows at once; where it does not, the transaction says 100 by itself (RFC 3261 §17.2.1)

    def _beside_its_other_call(self, line: Line) -> None:
        """A telephone that calls while it has a call may want to bring both together."""
        other = next((one for one in self._lines.all.values() if one.device == line.device and one is not line), None)
        if other is not None:
            self._lines.sound.place_beside(line.call, other.call)

    def cancelled(self, event: Cancelled) -> None:
        """The caller gave up; the endpoint has answered."""
        line = self._lines.of(event.transaction)
        if line is not None and not line.ended:
            self._lines.forget(line)
            self._lines.function.gone(line.connection, Cause.CANCELLED, self._clock.now())

    # --- in a dialog ----------------------------------------------------------------------------------------------------------------

    def _in_dialog(self, event: RequestReceived) -> None:
        assert event.dialog is not None
        line = self._lines.by_dialog.get(event.dialog.id)
        method = event.request.method
        if method == "BYE":
            self._bye(event, line)
        elif method == "SUBSCRIBE":
            self._waiting.subscribe(event)
        elif line is None:
            self._refuse(event, Refused(481))
        elif method in ("INVITE", "UPDATE", "PRACK"):
            line.lost_at = 0.0
            self._again(event, line)
        elif method == "OPTIONS":
            self._endpoint.respond(event.transaction, 200, self._lines.now)
        elif method == "INFO":
            self._info(event, line)
        elif method == "REFER":
            self._referring.refer(event, line)
        else:
            self._refuse(event, Refused(405, (("Allow", ALLOWED),)))

    def _info(self, event: RequestReceived, line: Line) -> None:
        """A key by signalling; whatever else has a body is not understood. Without one it is a sign of life."""
        request = event.request
        if request.get("Info-Package") is not None:
            self._refuse(event, Refused(469, (("Recv-Info", ""),)))  # RFC 6086 §4.2.2
            return
        key = key_of(request.content_type, request.body)
        if key:
            self._lines.sound.press(line.connection, key)
        known = bool(key) or not request.body or request.content_type in ACCEPTED
        self._refuse(event, Refused(200) if known else Refused(415, (("Accept", ", ".join(ACCEPTED)),)))

    def _bye(self, event: RequestReceived, line: Line | None) -> None:
        self._endpoint.respond(event.transaction, 200, self._lines.now)
        if line is not None:
            self._lines.forget(line)
            self._lines.function.gone(line.connection, Cause.NORMAL if line.up else Cause.CANCELLED, self._clock.now())

    def _again(self, event: RequestReceived, line: Line) -> None:
        """A re-INVITE or UPDATE: another address, hold, retrieve, or a mere sign of life."""
        row = self._lines.sound.rows.get(line.connection)
        if event.request.method == "UPDATE" and not event.request.body:
            self._endpoint.respond(event.transaction, 200, self._lines.now)
            return
        if line.local is None or row is None:
            self._refuse(event, Refused(500, (("Retry-After", "2"),)))
            return
        if not event.request.body:
            self._lines.renewing.offer(event, line, line.local)
            return
        if self._lines.imaging.asked(event, line):
            return
        line.local, line.answer = next_version(line.local), b""
        try:
            answer, remote = negotiation.make_answer(parse(event.request.body), line.local)
        except SdpError as error:
            self._refuse(event, Refused(error.status))
            return
        line.local = negotiation.settled(line.local, remote)
        self._endpoint.respond(event.transaction, 200, self._lines.now, body=answer.encode(), content_type=SDP)
        self._lines.renewing.agreed(line, remote)

    # --- registration ------------------------------------------------------------------------------------------------------------------

    def _register(self, event: RequestReceived) -> None:
        who = self._gate.admit_registration(event.request, event.flow, self._lines.now, self._clock.now())
        if isinstance(who, Refused):
            self._refuse(event, who)
            return
        status, headers = self._registrations.register(who, event.request, event.flow)
        self._endpoint.respond(event.transaction, status, self._lines.now, headers=headers)
        if status == 200:
            hosts = {contact.uri.host for contact in event.request.contacts if contact.uri_text != "*"}
            self._lines.registered(who.device, who.username, event.flow, hosts)


def _offer(request: Request, admitted: Admitted, address: str) -> Session | None:
    """Their offer, if they made one that we can answer from ``address``. Raises SdpError."""
    if not request.body:
        return None
    offer = parse(request.body)
    secure = _PROBE_SECURE if negotiation.wants_secure(offer) else None
    speech = Speech.OFF if isinstance(admitted, FromTrunk) else admitted.who.speech
    negotiation.check_offer(offer, answering(Local(address=address, rtp_port=1, secure=secure, key="probe"), speech))
    return offer


def _invitation(request: Request, admitted: FromTrunk) -> Invitation:
    """Who calls by a trunk, and whom first. The trunk is trusted to know it; a link alone, what else it tells."""
    who = caller(request, trusted=True)
    first = _clean(first_called(request))
    return Invitation(
        calling=_clean(who.number), calling_name=_clean(who.name), called=admitted.number, first_called=first, hops=_hops(request),
        data=links.told(request) if admitted.linked else "", linked=admitted.linked,
    )  # fmt: skip


def _hops(request: Request) -> int:
    """How often the call may be sent on from here (RFC 7332): a back-to-back user agent counts as a proxy does."""
    allowed = request.get("Max-Forwards") or "70"  # a number: the parser has looked
    return max(0, min(int(allowed) - 1, MAXIMUM_HOPS))


def _clean(text: str) -> str:
    """At most 64 characters that can be shown; bytes that are no text become a mark."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(character for character in readable if character.isprintable())[:64]

"""Who may do what by SIP: one place that authenticates, default deny for every method.

The destination decides about an INVITE: from a trunk's address to a number in the flow table it is that trunk's call, whatever its
From. Everything else is challenged, in the same words whether From and To exist or not; what does not exist is said only after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from yitong.ct.model import DeviceKind
from yitong.ct.numbering import can_be_dialled
from yitong.ct.security import RefusalKind
from yitong.ct.switches.soft import encryption
from yitong.ct.switches.soft.defence import Defence
from yitong.ct.switches.soft.directory import Directory, Identity
from yitong.sip.core import Flow
from yitong.sip.digest import Account, Authenticator, Verdict
from yitong.sip.grammar import ParseError, parse_auth
from yitong.sip.guard import says_it_scans
from yitong.sip.message import Header, Request
from yitong.sip.registrar import owns

LOOPBACK = ("127.0.0.1", "::1")
ALLOWED = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, REGISTER, REFER, SUBSCRIBE"
_log = structlog.get_logger("yitong.switch.gate")


@dataclass(frozen=True)
class Refused:
    """The answer that ends the request; status 0: silence. ``forgotten``: nothing is kept of it, one that is sent again is judged anew."""

    status: int
    headers: tuple[Header, ...] = ()
    forgotten: bool = False


@dataclass(frozen=True)
class FromTrunk:
    """A call of a trunk to a number of ours."""

    tenant: str
    site: str
    trunk: str
    number: str
    linked: bool = False
    """The trunk is another site of ours and has proven it; the number may be a person's."""


@dataclass(frozen=True)
class ToNumber:
    """A device of ours (or a guest page) calls a number in the flow table."""

    who: Identity
    site: str
    number: str


@dataclass(frozen=True)
class ToDevice:
    """A device of ours calls another one."""

    who: Identity
    number: str


@dataclass(frozen=True)
class ToOutside:
    """A device of ours calls a number of the public network."""

    who: Identity
    number: str


Admitted = FromTrunk | ToNumber | ToDevice | ToOutside


class Gate:
    """Decides about requests outside of dialogs. ``now``: seconds, monotonic; ``wall``: UTC microseconds."""

    def __init__(self, directory: Directory, authenticator: Callable[[str], Authenticator], defence: Defence) -> None:
        """``authenticator`` makes the challenging side for a realm; each tenant has its own."""
        self._directory = directory
        self._make = authenticator
        self._authenticators: dict[str, Authenticator] = {}
        self.defence = defence
        self.guard = defence.guard
        self.guessing = defence.guessing
        self.serves: Callable[[str], bool] = lambda tenant: False
        """Whether a tenant has a trunk that calls out."""
        self.is_ours: Callable[[str], bool] = lambda host: False
        """Whether a telephone of ours, or a trunk, is at an address."""

    def _of(self, realm: str) -> Authenticator:
        if realm not in self._authenticators:
            self._authenticators[realm] = self._make(realm)
        return self._authenticators[realm]

    def silent(self, flow: Flow, now: float) -> bool:
        """Whether everything from this source is dropped unread; the machine itself is never."""
        return flow.host not in LOOPBACK and self.guard.silent(flow.host, now)

    def admit(self, request: Request, flow: Flow, now: float, utc: int) -> Refused | Admitted:
        """Decide about an INVITE."""
        called = request.uri.number
        found = self._directory.trunk(flow.host, called, _meant(request))
        if found is not None:
            tenant, trunk, number = found
            return FromTrunk(tenant, number.site or trunk.site or "", trunk.code, number.number)
        who = self.authenticate(request, flow, now, utc)
        if isinstance(who, Refused):
            return who
        return self._by_link(who, called, flow) if who.kind is DeviceKind.TRUNK else self.goes_to(who, called)

    def _by_link(self, who: Identity, called: str, flow: Flow) -> Refused | FromTrunk:
        """Another site of ours calls a number or a person here; it does not get out again."""
        record = self._directory.link(who.device)
        if record is None or not self._directory.comes_from(record, flow.host):
            self.refuses(RefusalKind.SOMEBODY_ELSE, who, flow)
            return Refused(403)
        found = self._directory.number(called, who.tenant)
        site = found[1].site or who.site if found is not None else self._directory.site_of(who.tenant, called)
        return FromTrunk(who.tenant, site, record.code, called, linked=True) if site else Refused(404)

    def goes_to(self, who: Identity, called: str) -> Refused | ToNumber | ToDevice | ToOutside:
        """What a number means for an authenticated device, and whether it may have it, dialled or named in a transfer."""
        number_found = self._directory.number(called, who.tenant)
        if who.kind is DeviceKind.GUEST:
            if number_found is None or called != who.number or not number_found[1].web:
                return Refused(403)
            return ToNumber(who, number_found[1].site or who.site, called)
        if number_found is not None:
            return ToNumber(who, number_found[1].site or who.site, called)
        if self._directory.extension(who.tenant, called):
            return ToDevice(who, called)
        return self._outward(who, called)

    def _outward(self, who: Identity, called: str) -> Refused | ToOutside:
        """A number that is none of ours: by trunk, as far as the agent may (toll fraud: default deny)."""
        if not can_be_dialled(called) or not self.serves(who.tenant):
            return Refused(404)
        if self._directory.is_distant(who.tenant, called) or self._directory.may_call(who, called):
            return ToOutside(who, called)
        _log.warning("call to an outside number refused", tenant=who.tenant, username=who.username)
        self.refuses(RefusalKind.NUMBER_CLASS, who)
        return Refused(403)

    def admit_registration(self, request: Request, flow: Flow, now: float, utc: int) -> Refused | Identity:
        """Decide about a REGISTER: only one's own address, never a guest's."""
        who = self.authenticate(request, flow, now, utc)
        if isinstance(who, Refused):
            return who
        if who.kind in (DeviceKind.GUEST, DeviceKind.TRUNK) or not owns(who.username, request):
            self.refuses(RefusalKind.SOMEBODY_ELSE, who, flow)
            return Refused(403)
        return who

    def admit_other(self, request: Request, flow: Flow, now: float, utc: int) -> Refused:
        """Everything else: challenged, and not offered to who authenticates either."""
        who = self.authenticate(request, flow, now, utc)
        if isinstance(who, Refused):
            return who
        if request.method == "REFER":
            return Refused(403)  # calls are transferred by who takes part in them
        return Refused(405, (("Allow", ALLOWED),))

    def authenticate(self, request: Request, flow: Flow, now: float, utc: int) -> Refused | Identity:
        """Who sent the request, or the challenge (or silence) that it gets.

        The challenge names the realm of the tenant that was asked for by host, whoever the user is (case R3); credentials are judged in
        their own realm, if it is a tenant's.
        """
        proxy = request.method != "REGISTER"
        asked = self._directory.realm_for(_hosts(request))
        claims = _claims(request, "Proxy-Authorization" if proxy else "Authorization")
        realm, claimed = next((claim for claim in claims if self._directory.has_realm(claim[0])), (asked, ""))
        key = f"{flow.host}/{realm}/{claimed}" if flow.host in LOOPBACK else flow.host
        if self.guard.silent(key, now) or self._looks_around(request, asked, flow, now):
            return Refused(0)
        checked = self._of(realm).check(request, flow.host, lambda name: self._account(realm, name, utc), now, proxy=proxy)
        if checked.verdict is Verdict.OK:
            who = self._directory.identity(realm, checked.username)
            if who is not None and self.guessing.proven(f"{realm}/{checked.username}", who.digest.ha1_sha256, flow.host):
                return self._by(who, flow)
            _log.warning("right password from an unknown address for an account that is guessed at", source=flow.host)
            if who is not None:
                self.refuses(RefusalKind.GUESSED_ACCOUNT, who, flow)
        if checked.verdict is Verdict.WRONG:
            self._wrong(realm, checked.username, key, flow, now)
        stale = checked.verdict is Verdict.STALE
        name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        values = self._of(asked).challenges(flow.host, now, stale=stale, user_agent=request.get("User-Agent") or "")
        return Refused(407 if proxy else 401, tuple((name, value) for value in values))

    def _by(self, who: Identity, flow: Flow) -> Refused | Identity:
        """Who authenticated, unless the account is not for this way."""
        if encryption.may_come(who.speech, flow):
            return who
        self.refuses(RefusalKind.UNENCRYPTED, who, flow)
        return Refused(403, encryption.WANTS_TLS)

    def refuses(self, kind: RefusalKind, who: Identity | None, flow: Flow | None = None) -> None:
        """Note that something of somebody is refused."""
        account, tenant = (who.extension or who.username, who.tenant) if who is not None else ("", "")
        self.defence.refused(kind, flow.host if flow is not None else "", account=account, tenant=tenant)

    def _looks_around(self, request: Request, realm: str, flow: Flow, now: float) -> bool:
        """Whether the source asks for one thing after the other that is not there, or says of itself that it does (case R17)."""
        what = _meant_user(request) if request.method == "REGISTER" else request.uri.user or request.uri.host
        there = self._directory.identity(realm, what) is not None or self._directory.number(what) is not None
        scans = says_it_scans(request.get("User-Agent") or "")
        if flow.host in LOOPBACK or (there and not scans):
            return False
        self.refuses(RefusalKind.NOT_THERE, None, flow)
        if not self.guard.probed(flow.host, f"{now}" if scans else what[:64], now):
            return False
        if self.is_ours(flow.host):
            self.guard.forgive(flow.host)
            return False
        _log.error("a source looks for accounts and numbers: it is silenced", source=flow.host)
        return True

    def _wrong(self, realm: str, username: str, key: str, flow: Flow, now: float) -> None:
        """A wrong password: the source may be silenced, the account shut for strangers."""
        _log.warning("wrong password", source=flow.host, username=username[:64])
        if self.guard.failed(key, now):
            _log.error("too many wrong passwords: source is silenced", source=flow.host, username=username[:64])
        who = self._directory.identity(realm, username)
        self.refuses(RefusalKind.WRONG_PASSWORD, who, flow)
        if who is not None and self.guessing.failed(f"{realm}/{username}", who.digest.ha1_sha256, flow.host, now):
            _log.error("account is guessed at from many addresses: it needs another secret", username=username[:64], tenant=who.tenant)

    def _account(self, realm: str, username: str, utc: int) -> Account | None:
        who = self._directory.identity(realm, username)
        return None if who is None or (who.expires_at and who.expires_at < utc) else who.digest


def _meant_user(request: Request) -> str:
    """The user name in To."""
    try:
        return request.to.uri.user or ""
    except ParseError:
        return ""


def _meant(request: Request) -> str:
    """The number in To."""
    try:
        return request.to.uri.number
    except ParseError:
        return ""


def _hosts(request: Request) -> Iterator[str]:
    """The hosts that the request asks for: of the Request-URI, then of To."""
    yield request.uri.host
    try:
        yield request.to.uri.host
    except ParseError:
        return


def _claims(request: Request, header: str) -> list[tuple[str, str]]:
    """Realm and user name of the credentials, as far as they can be read."""
    claims = []
    for value in request.all(header)[:4]:
        try:
            params = parse_auth(value)[1]
        except ParseError:
            break
        claims.append((params.get("realm", ""), params.get("username", "")))
    return claims

"""Who can be reached where (RFC 3261 §10.3): decides over bindings; authentication comes before it, storing after it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from yitong.sip.core import Flow
from yitong.sip.grammar import ParseError, number
from yitong.sip.headers import Address
from yitong.sip.message import Header, Request

MAXIMUM_CONTACTS = 10
MAXIMUM_SECONDS = 3_600
MAXIMUM_PATH = 10
MINIMUM_SECONDS = 60
_Q = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """One place where an address of record can be reached."""

    aor: str
    contact: str
    """URI for the INVITE's request line."""
    flow: Flow
    """Where the INVITE goes: the connection or source address of the REGISTER."""
    expires_at: float
    q: float = 1.0
    call_id: str = ""
    cseq: int = 0
    instance: str = ""
    """``+sip.instance`` with ``reg-id`` (RFC 5626): a newer binding of the same instance replaces this one."""
    user_agent: str = ""
    path: tuple[str, ...] = ()
    """The proxies between (RFC 3327): Route of what is sent there."""


class Registered(msgspec.Struct, frozen=True):
    """What a REGISTER leads to: the answer's status and headers, and what changed."""

    status: int
    headers: tuple[Header, ...] = ()
    added: tuple[Binding, ...] = ()
    refreshed: tuple[Binding, ...] = ()
    removed: tuple[Binding, ...] = ()


class Registrar:
    """All bindings. ``aor``: any text that names the account, the caller's choice."""

    def __init__(self) -> None:
        self._bindings: dict[str, list[Binding]] = {}
        """In the order in which they were heard."""

    def bindings(self, aor: str, now: float) -> list[Binding]:
        """Where ``aor`` can be reached, best first: by ``q``, then who was heard last (one that vanished may have asked for longer)."""
        held = [binding for binding in reversed(self._bindings.get(aor, [])) if binding.expires_at > now]
        return sorted(held, key=lambda binding: -binding.q)

    def register(self, aor: str, request: Request, flow: Flow, now: float) -> Registered:
        """Take a REGISTER of the authenticated owner of ``aor``: all of it or nothing. Never raises for what the request holds."""
        try:
            return self._register(aor, request, flow, now)
        except ParseError as error:
            return Registered(error.status)

    def _register(self, aor: str, request: Request, flow: Flow, now: float) -> Registered:
        held = self._bindings.get(aor, [])
        elements = request.elements("Contact")
        if any(binding.call_id == request.call_id and binding.cseq >= request.cseq.number for binding in held) and elements:
            return Registered(500)  # §10.3 step 7: an older request that came late
        if "*" in elements:
            if len(elements) != 1 or _seconds(request.get("Expires"), -1) != 0:
                raise ParseError("Contact * with more or without Expires 0")
            return self._keep(aor, [], held, now)
        if len(elements) > MAXIMUM_CONTACTS:
            return Registered(403)
        wanted = [self._wanted(aor, address, request, flow, now) for address in request.contacts]
        if any(0 < binding.expires_at - now < MINIMUM_SECONDS for binding in wanted):
            return Registered(423, (("Min-Expires", str(MINIMUM_SECONDS)),))
        kept = [old for old in held if not any(_same(old, new) for new in wanted)]
        kept += [new for new in wanted if new.expires_at > now]
        done = self._keep(aor, kept[-MAXIMUM_CONTACTS:], held, now)
        known = "path" in (tag.lower() for tag in request.elements("Supported"))
        path = tuple(("Path", one) for one in path_of(request)) if known else ()  # RFC 3327 §5.3
        return msgspec.structs.replace(done, headers=(*done.headers, *path))

    def _wanted(self, aor: str, address: Address, request: Request, flow: Flow, now: float) -> Binding:
        if address.uri.scheme not in ("sip", "sips", "tel"):
            raise ParseError("Contact of a scheme that cannot be rung")
        seconds = _seconds(address.params.get("expires", request.get("Expires")), MAXIMUM_SECONDS)
        q = address.params.get("q")
        if q is not None and _Q.fullmatch(q) is None:
            raise ParseError("wrong q")
        instance = address.params.get("+sip.instance") or ""
        return Binding(
            aor=aor, contact=address.uri.text, flow=flow, expires_at=now + min(seconds, MAXIMUM_SECONDS), q=float(q) if q else 1.0,
            call_id=request.call_id, cseq=request.cseq.number, user_agent=(request.get("User-Agent") or "")[:200],
            instance=f"{instance};{address.params.get('reg-id') or ''}" if instance else "", path=path_of(request),
        )  # fmt: skip

    def _keep(self, aor: str, kept: list[Binding], held: list[Binding], now: float) -> Registered:
        kept = [binding for binding in kept if binding.expires_at > now]
        added = tuple(new for new in kept if new not in held and not any(_same(new, old) for old in held))
        refreshed = tuple(new for new in kept if new not in held and new not in added)
        removed = tuple(old for old in held if old not in kept and not any(_same(old, new) for new in kept))
        if kept:
            self._bindings[aor] = kept
        else:
            self._bindings.pop(aor, None)
        lines = tuple(("Contact", _contact_text(binding, now)) for binding in kept)
        return Registered(200, lines, added, refreshed, removed)

    def expire(self, now: float) -> list[Binding]:
        """Drop what has run out; gives it back."""
        gone = [binding for held in self._bindings.values() for binding in held if binding.expires_at <= now]
        self._drop(gone)
        return gone

    def next_deadline(self) -> float | None:
        """When the next binding runs out."""
        return min((binding.expires_at for held in self._bindings.values() for binding in held), default=None)

    def remove_flow(self, flow: Flow) -> list[Binding]:
        """A connection has gone, and with it the bindings that are reached only by it (RFC 7118 §5)."""
        gone = [binding for held in self._bindings.values() for binding in held if binding.flow == flow]
        self._drop(gone)
        return gone

    def remove(self, aor: str) -> list[Binding]:
        """Take an account out altogether; gives back what it had."""
        return self._bindings.pop(aor, [])

    def _drop(self, gone: Iterable[Binding]) -> None:
        for binding in gone:
            left = [other for other in self._bindings.get(binding.aor, ()) if other is not binding]
            if left:
                self._bindings[binding.aor] = left
            else:
                self._bindings.pop(binding.aor, None)

    def snapshot(self) -> list[Binding]:
        """Every binding: plain values."""
        return [binding for held in self._bindings.values() for binding in held]

    def restore(self, bindings: Iterable[Binding]) -> None:
        """Hold the bindings of a snapshot (their connections must still live: UDP only after a restart)."""
        for binding in bindings:
            self._bindings.setdefault(binding.aor, []).append(binding)


def path_of(request: Request) -> tuple[str, ...]:
    """The proxies that a REGISTER came by and that want to be gone back through. Raises ``ParseError``."""
    path = request.elements("Path")
    if len(path) > MAXIMUM_PATH or any(Address.parse(one).uri.scheme not in ("sip", "sips") for one in path):
        raise ParseError("wrong Path")
    return tuple(path)


def owns(username: str, request: Request) -> bool:
    """Whether the account ``username`` may register the address in To (case R5): only its own."""
    try:
        return request.to.uri.user == username
    except ParseError:
        return False


def _seconds(text: str | None, default: int) -> int:
    """Expires: cut to ten digits' worth; one that is no number counts as absent (§10.3 step 7)."""
    if text is None:
        return default
    try:
        return number(text)
    except ParseError:
        return MAXIMUM_SECONDS if text.isascii() and text.isdigit() else default


def _same(one: Binding, other: Binding) -> bool:
    if one.instance and one.instance == other.instance:
        return True
    return one.contact == other.contact or Address("", one.contact, {}).uri.key == Address("", other.contact, {}).uri.key


def _contact_text(binding: Binding, now: float) -> str:
    tail = "" if binding.q == 1.0 else f";q={binding.q:g}"
    return f"<{binding.contact}>{tail};expires={max(1, round(binding.expires_at - now))}"

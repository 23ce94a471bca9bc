"""Which devices can be rung: their bindings, and whether they answer OPTIONS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from yitong.ct.model import Device, DeviceKind
from yitong.ct.switches.soft.directory import Directory, Identity
from yitong.ct.switches.soft.encryption import Speech
from yitong.kit.clock import SECOND, Clock
from yitong.sip.core import Flow
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import ResponseReceived, TransactionFailed, TransactionTimedOut
from yitong.sip.grammar import SipError
from yitong.sip.message import Header, Request
from yitong.sip.registrar import Binding, Registrar
from yitong.sip.uri import sip_uri

PING_SECONDS = 10.0
ANSWER_SECONDS = 4.0


class BindingsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A device's bindings as the journal keeps them; ``moment`` (UTC µs) and ``monotonic`` were the same time."""

    username: str
    moment: int
    monotonic: float
    bindings: tuple[Binding, ...]


@dataclass
class _Ping:
    device: str
    due: float
    transaction: int = 0
    answering: bool = True


class Registrations:
    """The registrar with its devices. ``tell`` is given every change of a device."""

    def __init__(self, directory: Directory, endpoint: Endpoint, clock: Clock, host: Callable[[Flow], str]) -> None:
        self.registrar = Registrar()
        self.changed: set[str] = set()
        self.tell: Callable[[Device], None] = lambda device: None
        self._directory = directory
        self._endpoint = endpoint
        self._clock = clock
        self._host = host
        self._owners: dict[str, str] = {}
        self._pings: dict[str, _Ping] = {}
        self._asked: dict[int, str] = {}
        self._known: set[str] = set()
        self._told: dict[str, Device] = {}
        self._next: float | None = None
        self._moved = True
        """What ``next_deadline`` found may not hold any more."""

    # --- questions ---

    def target(self, device: str) -> tuple[str, Flow] | None:
        """The Request-URI and flow of the newest binding."""
        bindings = self.registrar.bindings(device, self._clock.monotonic())
        return (bindings[0].contact, bindings[0].flow) if bindings else None

    def kind_of(self, tenant: str, device: str) -> DeviceKind | None:
        """The kind of a registered device of ``tenant``."""
        who = self._directory.device(device)
        return who.kind if who is not None and who.tenant == tenant and self.target(device) is not None else None

    def device_called(self, tenant: str, number: str) -> str:
        """The registered device of an internal number: the page before the desk phone."""
        for kind in (DeviceKind.PAGE, DeviceKind.PHONE):
            device = f"{tenant}/{kind.value}/{number}"
            if self.kind_of(tenant, device) is not None:
                return device
        return ""

    def route(self, device: str) -> list[Header]:
        """The proxies through which the newest binding is reached."""
        bindings = self.registrar.bindings(device, self._clock.monotonic())
        return [("Route", one) for one in bindings[0].path] if bindings else []

    def is_at(self, device: str, flow: Flow) -> bool:
        """Whether a device registered from where a flow comes."""
        bindings = self.registrar.bindings(device, self._clock.monotonic())
        return any((one.flow.transport, one.flow.host) == (flow.transport, flow.host) for one in bindings)

    def anybody_at(self, host: str) -> bool:
        """Whether a device registered from an address."""
        now = self._clock.monotonic()
        return any(one.flow.host == host for device in self._owners for one in self.registrar.bindings(device, now))

    def owner(self, device: str) -> str:
        """The user name that registered a device, or empty."""
        return self._owners.get(device, "")

    def speech(self, device: str) -> Speech:
        """Whether a device's speech goes encrypted."""
        who = self._directory.device(device)
        return who.speech if who is not None else Speech.OFF

    # --- changes ---

    def register(self, who: Identity, request: Request, flow: Flow) -> tuple[int, tuple[Header, ...]]:
        """A REGISTER of an authenticated device: status and headers of the answer. The newest page of an agent has the device."""
        now = self._clock.monotonic()
        newest = self._directory.device(who.device)
        if newest is None or newest.username != who.username:
            return 403, ()
        if request.get("Contact") is not None and self._owners.get(who.device, who.username) != who.username:
            self.registrar.remove(who.device)
        result = self.registrar.register(who.device, request, flow, now)
        if result.status == 200 and request.get("Contact") is not None:
            self._owners[who.device] = who.username
            self.changed.add(who.device)
            self._watch(who.device, now, fresh=bool(result.added))
            self._changed(who)
        return result.status, result.headers

    def _watch(self, device: str, now: float, *, fresh: bool) -> None:
        """Begin, go on or stop asking whether a device answers. One that has just registered does."""
        self._moved = True
        if not self.registrar.bindings(device, now):
            self._pings.pop(device, None)
        elif fresh or device not in self._pings:
            self._pings[device] = _Ping(device, now)

    def flow_closed(self, flow: Flow) -> list[str]:
        """A connection is gone, and the bindings that only it reached; the devices that lost one."""
        self._moved = True
        gone = self.registrar.remove_flow(flow) if flow.transport != "udp" else []
        return self._removed(gone)

    def _removed(self, gone: list[Binding]) -> list[str]:
        devices = sorted({binding.aor for binding in gone})
        now = self._clock.monotonic()
        for device in devices:
            self.changed.add(device)
            self._watch(device, now, fresh=False)
            who = self._directory.device(device)
            told = self._told.get(device)
            if who is not None:
                self._changed(who)
            elif told is not None:
                self.tell(msgspec.structs.replace(told, registered=False, answering=False))
        return devices

    def _changed(self, who: Identity) -> None:
        registered = self.target(who.device) is not None
        ping = self._pings.get(who.device)
        answering = registered and (ping is None or ping.answering)
        self._known.add(who.device)
        self._told[who.device] = Device(
            device=who.device, account=who.extension or who.username, tenant=who.tenant, kind=who.kind, site=who.site,
            registered=registered, answering=answering,
        )  # fmt: skip
        self.tell(self._told[who.device])

    # --- OPTIONS ---

    def next_deadline(self) -> float | None:
        """When ``tick`` has something to do (seconds, monotonic)."""
        if self._moved:
            self._moved = False
            expiry = self.registrar.next_deadline()
            due = min((ping.due for ping in self._pings.values()), default=None)
            self._next = min((at for at in (expiry, due) if at is not None), default=None)
        credential = self._directory.next_expiry
        if not credential:
            return self._next
        over = self._clock.monotonic() + (credential - self._clock.now()) / SECOND
        return over if self._next is None else min(self._next, over)

    def tick(self, now: float) -> None:
        """Drop what ran out, ask who is due."""
        if self._directory.drop_expired(self._clock.now()):
            self.configured()
        if not self._moved and (self._next is None or self._next > now):
            return
        self._moved = True
        self._removed(self.registrar.expire(now))
        for ping in [ping for ping in self._pings.values() if ping.due <= now]:
            if ping.transaction:
                self._silent(ping, now)
            else:
                self._ask(ping, now)

    def _ask(self, ping: _Ping, now: float) -> None:
        target = self.target(ping.device)
        if target is None:
            ping.due = now + PING_SECONDS
            return
        uri, flow = target
        ping.due = now + ANSWER_SECONDS
        try:
            transaction = self._endpoint.request(
                "OPTIONS", uri, flow, now, from_=f"<{sip_uri('', self._host(flow))}>", to=f"<{uri}>", headers=self.route(ping.device)
            )
        except SipError:
            return
        ping.transaction = transaction.id
        self._asked[transaction.id] = ping.device

    def _silent(self, ping: _Ping, now: float) -> None:
        ping.transaction = 0
        ping.due = now + PING_SECONDS / 2
        self._set(ping, False)

    def answered(self, event: ResponseReceived | TransactionTimedOut | TransactionFailed) -> bool:
        """Something came of an OPTIONS of ours; false when it was none."""
        device = self._asked.get(event.transaction.id)
        if device is None:
            return False
        if isinstance(event, ResponseReceived) and event.response.status < 200:
            return True
        del self._asked[event.transaction.id]
        self._moved = True
        ping = self._pings.get(device)
        if ping is not None and isinstance(event, ResponseReceived):
            ping.transaction = 0
            ping.due = self._clock.monotonic() + PING_SECONDS
            self._set(ping, True)
        return True

    def _set(self, ping: _Ping, answering: bool) -> None:
        if ping.answering != answering:
            ping.answering = answering
            who = self._directory.device(ping.device)
            if who is not None:
                self._changed(who)

    # --- journal ---

    def record_of(self, device: str) -> BindingsRecord | None:
        """The device's bindings for the journal; None when it has none."""
        bindings = tuple(reversed(self.registrar.bindings(device, self._clock.monotonic())))
        if not bindings:
            return None
        return BindingsRecord(
            username=self._owners.get(device, ""), moment=self._clock.now(), monotonic=self._clock.monotonic(), bindings=bindings
        )

    def restore(self, device: str, record: BindingsRecord) -> None:
        """Hold bindings of a former life: those over UDP, whose address is still good. Their configuration may not be known yet."""
        passed = (self._clock.now() - record.moment) / SECOND
        shift = self._clock.monotonic() - passed - record.monotonic
        kept = [
            msgspec.structs.replace(binding, flow=Flow(*binding.flow), expires_at=binding.expires_at + shift)
            for binding in record.bindings
            if Flow(*binding.flow).transport == "udp"
        ]
        if kept:
            self._owners[device] = record.username
            self.registrar.restore(kept)
            self._watch(device, self._clock.monotonic(), fresh=True)

    def configured(self) -> None:
        """Accounts changed: tell of restored devices whose account became known, take out those whose account is gone."""
        for device, owner in list(self._owners.items()):
            who = self._directory.device(device)
            if who is not None:
                self._known.add(device)
                self._changed(who)
            if device in self._known and not self._directory.known(device.partition("/")[0], owner):
                self._removed(self.registrar.remove(device))
                del self._owners[device]

"""The switch as its operators' client: registers its lines (RFC 3261 §10.2), asks trunks whether they are there (OPTIONS), answers
their challenges. What comes of it is the health that ``outside`` chooses by.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec
import structlog

from yitong.ct.switches.soft.outside import Health, Outside, Trunk
from yitong.ct.switches.soft.resolver import Place, Resolver
from yitong.ct.switches.soft.trunk_record import TrunkRecord
from yitong.kit.clock import Clock
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.sip.core import Flow
from yitong.sip.digest import Credentials, authorize
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import ResponseReceived, TransactionFailed, TransactionTimedOut
from yitong.sip.grammar import ParseError, SipError
from yitong.sip.headers import Address, address_text
from yitong.sip.message import Header, Response
from yitong.sip.transaction import ClientTransaction
from yitong.sip.uri import sip_uri

PING_SECONDS = 15.0
AGAIN_SECONDS = 5.0
"""How soon a trunk that did not answer is asked again; a refused registration waits twice as long each time, up to ``WORST_SECONDS``."""
ANSWER_SECONDS = 4.0
WORST_SECONDS = 300.0
RENEW_PART = 0.8
MAXIMUM_CHALLENGES = 3
"""A trunk that calls every nonce stale is not answered for ever."""
_log = structlog.get_logger("yitong.switch.trunks")

FlowTo = Callable[[str, str, int, str, str], Flow]
"""A way to transport, address and port; over TLS to whom the name says, vouched for by a CA (PEM; empty: the system's)."""
Outcome = ResponseReceived | TransactionTimedOut | TransactionFailed


@dataclass
class _Task:
    """One of a trunk's two standing tasks. ``asked``: the transaction that is open, 0 without."""

    device: str
    method: str
    due: float
    asked: int = 0
    tries: int = 0
    challenges: int = 0
    call_id: str = ""
    cseq: int = 0
    seconds: int = 0
    leaving: TrunkRecord | None = None
    """The line that is not ours any more: its registration is ended."""


class Trunks:
    """``flow_to`` makes a way to an address, ``host`` is our own address as the other end of it sees us."""

    def __init__(
        self, endpoint: Endpoint, clock: Clock, resolver: Resolver, flow_to: FlowTo, host: Callable[[Flow], str]
    ) -> None:  # fmt: skip
        self.outside = Outside()
        self._endpoint = endpoint
        self._clock = clock
        self._resolver = resolver
        self._flow_to = flow_to
        self._host = host
        self.open_password: Callable[[str, str], str] = lambda tenant, kept: kept
        """A password as it was before it was sealed, by tenant. Raises KeyMissing, Damaged."""
        self._closed: set[str] = set()
        """The trunks whose password cannot be opened."""
        self._tasks: dict[tuple[str, str], _Task] = {}
        self._asked: dict[int, _Task] = {}

    # --- questions ---

    def flow(self, record: TrunkRecord) -> Flow | None:
        """The way to a trunk; None while its host's address is not known."""
        place = self._resolver.place(record.host, record.port, record.transport)
        if place is None:
            return None
        name = record.host if record.transport == "tls" else ""  # whom the certificate must name (RFC 5922 §4: what was asked for)
        return self._flow_to(record.transport, place.address, place.port, name, record.tls_ca)

    def places(self, device: str) -> int:
        """At how many places a trunk may be reached."""
        trunk = self.outside.trunks.get(device)
        return len(self._places(trunk.record)) if trunk is not None else 0

    def figures(self) -> dict[str, float]:
        """The health figures: how many there are, and of each whether it can be called (1), cannot (0), or is not known (0.5)."""
        now = self._clock.monotonic()
        states = {device: _figure(trunk, now) for device, trunk in sorted(self.outside.trunks.items())}
        down = sum(1 for state in states.values() if state == 0.0)
        counts = {"trunks": len(states), "trunks_down": down, "passwords_closed": len(self._closed & states.keys())}
        return {name: float(count) for name, count in counts.items()} | {f"trunk_up {device}": state for device, state in states.items()}

    def header(self, device: str, transaction: ClientTransaction, response: Response, times: int = 1) -> Header | None:
        """What answers a trunk's challenge, the ``times``-th in a row; None when we have nothing (more) to say.

        Only for a request that went to the trunk's own host: the Contact of a call may lead a BYE to anybody (case R8).
        """
        trunk = self.outside.trunks.get(device)
        return self._proof(device, trunk.record, transaction, response, times) if trunk is not None else None

    def _proof(self, device: str, record: TrunkRecord, transaction: ClientTransaction, response: Response, times: int) -> Header | None:
        if not record.password or times > MAXIMUM_CHALLENGES:
            return None
        if transaction.flow.host not in {one.address for one in self._places(record)}:
            _log.warning("a stranger asks for a trunk's password", trunk=device, source=transaction.flow.host)
            return None
        credentials = Credentials(record.auth_user or record.username, record.password, record.realm)
        return authorize(transaction.request, response, credentials, secrets.token_hex(8))

    # --- configuration ---

    def configure(self, records: Mapping[str, tuple[str, TrunkRecord]]) -> None:
        """Take every trunk, by device, with its tenant."""
        now = self._clock.monotonic()
        before = {device: trunk.record for device, trunk in self.outside.trunks.items() if trunk.registered}
        changed = self.outside.configure({device: (tenant, self._opened(device, tenant, one)) for device, (tenant, one) in records.items()})
        for device, record in before.items():
            after = self.outside.trunks.get(device)
            if after is None or _line(after.record) != _line(record):
                self._leave(device, record, now)
        for key in [key for key in self._tasks if key[0] not in self.outside.trunks]:
            self._drop(key)
        for device in sorted(changed):
            for method in ("OPTIONS", "REGISTER"):
                self._drop((device, method))
                if method == "OPTIONS" or self.outside.trunks[device].record.register:
                    self._tasks[device, method] = _Task(device, method, now, call_id=secrets.token_hex(8))

    def _opened(self, device: str, tenant: str, record: TrunkRecord) -> TrunkRecord:
        """The trunk with its password; without one, and known to be so, when the key that opens it is not here."""
        self._closed.discard(device)
        try:
            return msgspec.structs.replace(record, password=self.open_password(tenant, record.password))
        except (KeyMissing, Damaged, OSError) as error:
            _log.error("a trunk's password cannot be opened", trunk=device, reason=str(error))
            self._closed.add(device)
            return msgspec.structs.replace(record, password="")

    def _leave(self, device: str, record: TrunkRecord, now: float) -> None:
        """End a registration whose line is gone or another one (§10.2.2): asked once, nobody waits for it."""
        old, flow = self._tasks.get((device, "REGISTER")), self.flow(record)
        if old is None or flow is None:
            return
        task = _Task(device, "REGISTER", now, call_id=old.call_id, cseq=old.cseq, leaving=record)
        try:
            self._asked[self._request(task, record, flow, now).id] = task
        except SipError:
            return

    def _left(self, task: _Task, record: TrunkRecord, event: Outcome) -> None:
        task.challenges += 1
        if isinstance(event, ResponseReceived) and event.response.status in (401, 407):
            header = self._proof(task.device, record, event.transaction, event.response, task.challenges)
            if header is not None:
                self._asked[self._endpoint.retry(event.transaction, self._clock.monotonic(), headers=[header]).id] = task

    def _drop(self, key: tuple[str, str]) -> None:
        task = self._tasks.pop(key, None)
        if task is not None:
            self._asked.pop(task.asked, None)

    def awaken(self) -> None:
        """The address of a host became known: ask at once."""
        for task in self._tasks.values():
            if not task.asked:
                task.due = min(task.due, self._clock.monotonic())

    # --- time ---

    def next_deadline(self) -> float | None:
        """When ``tick`` has something to do (seconds, monotonic)."""
        return min((task.due for task in self._tasks.values()), default=None)

    def tick(self, now: float) -> None:
        """Ask who is due; who did not answer in time is down."""
        for task in [task for task in self._tasks.values() if task.due <= now]:
            if task.asked:
                self._asked.pop(task.asked, None)
                self._silent(task, now)
            else:
                self._ask(task, now)

    def _ask(self, task: _Task, now: float) -> None:
        record = self.outside.trunks[task.device].record
        flow = self.flow(record)
        task.due = now + AGAIN_SECONDS
        if flow is None:
            return
        try:
            transaction = self._request(task, record, flow, now)
        except SipError as error:
            _log.warning("trunk cannot be asked", trunk=task.device, method=task.method, reason=str(error))
            return
        self._watch(task, transaction, now)

    def _request(self, task: _Task, record: TrunkRecord, flow: Flow, now: float) -> ClientTransaction:
        uri = address_of(record)
        task.cseq += 1
        if task.method == "OPTIONS":
            ours = f"<sip:{self._host(flow)}>"
            return self._endpoint.request("OPTIONS", uri, flow, now, from_=ours, to=f"<{uri}>")
        line = address_text(sip_uri(record.username, record.domain or record.host))
        expires = "0" if task.leaving is not None else str(task.seconds or record.register_seconds)
        headers = [("Contact", f"<{self.contact(record, flow)}>"), ("Expires", expires)]
        return self._endpoint.request(
            "REGISTER", uri, flow, now, from_=line, to=line, call_id=task.call_id, cseq=task.cseq, headers=headers
        )  # fmt: skip

    def contact(self, record: TrunkRecord, flow: Flow) -> str:
        """Where the operator finds the line."""
        port = self._endpoint.core.settings.ports.get(flow.transport, 5060)
        parameters = {} if flow.transport == "udp" else {"transport": flow.transport}
        return sip_uri(record.username, self._host(flow), port, **parameters)

    def _watch(self, task: _Task, transaction: ClientTransaction, now: float) -> None:
        task.asked, task.due = transaction.id, now + ANSWER_SECONDS
        task.cseq = transaction.request.cseq.number
        self._asked[transaction.id] = task

    def _silent(self, task: _Task, now: float) -> None:
        task.asked = 0
        self._again(task, now)
        self.mark(task.device, Health.DOWN)
        if task.method == "REGISTER":
            self._registered(task, False, "no answer")

    def _again(self, task: _Task, now: float) -> None:
        task.tries += 1
        worse = AGAIN_SECONDS * 2.0 ** min(task.tries - 1, 10) if task.method == "REGISTER" else AGAIN_SECONDS
        task.due = now + min(worse, WORST_SECONDS)

    # --- answers ---

    def answered(self, event: Outcome) -> bool:
        """Something came of a request of ours; false when it was none."""
        task = self._asked.get(event.transaction.id)
        if task is None:
            return False
        now = self._clock.monotonic()
        if task.leaving is not None:
            if not isinstance(event, ResponseReceived) or event.response.status >= 200:
                del self._asked[event.transaction.id]
                self._left(task, task.leaving, event)
        elif not isinstance(event, ResponseReceived):
            del self._asked[event.transaction.id]
            self._silent(task, now)
        elif event.response.status >= 200:
            del self._asked[event.transaction.id]
            task.asked = 0
            self._answered(task, event, now)
        return True

    def _answered(self, task: _Task, event: ResponseReceived, now: float) -> None:
        status = event.response.status
        self.mark(task.device, Health.DOWN if status in (408, 503) else Health.UP)
        if task.method == "OPTIONS":
            task.due = now + (PING_SECONDS if status not in (408, 503) else AGAIN_SECONDS)
            return
        if status in (401, 407):
            task.challenges += 1
            header = self.header(task.device, event.transaction, event.response, task.challenges)
            if header is not None:
                self._watch(task, self._endpoint.retry(event.transaction, now, headers=[header]), now)
                return
        task.challenges = 0
        if status == 423 and (least := event.response.get("Min-Expires") or "").isdigit() and task.seconds < int(least) <= 86_400:
            task.seconds, task.due = int(least), now
        elif status < 300:
            task.tries = 0
            self._registered(task, True, "")
            task.due = now + RENEW_PART * self._granted(task, event.response)
        else:
            self._again(task, now)
            self._registered(task, False, f"status {status}")

    def _granted(self, task: _Task, response: Response) -> float:
        """For how many seconds the registration was given (§10.2.4): our Contact's expires, else Expires, else what was asked for."""
        record = self.outside.trunks[task.device].record
        texts = [response.get("Expires") or ""]
        for value in response.all("Contact"):
            try:
                address = Address.parse(value)
                if address.uri.user == record.username:
                    texts.insert(0, address.params.get("expires") or "")
            except ParseError:
                continue
        given = next((int(text) for text in texts if text.isdigit()), task.seconds or record.register_seconds)
        return float(max(10, min(given, 86_400)))

    def _registered(self, task: _Task, done: bool, reason: str) -> None:
        trunk = self.outside.trunks[task.device]
        if trunk.registered is not done:
            trunk.registered = done
            tell = _log.info if done else _log.warning
            tell("trunk registered" if done else "trunk not registered", trunk=task.device, reason=reason)

    def anybody_at(self, host: str, records: Iterable[tuple[str, str, TrunkRecord]]) -> bool:
        """Whether a trunk calls from an address (``records``: all there are), or is called there."""
        if any(_calls_from(record, host) for _, _, record in records):
            return True
        return any(place.address == host for trunk in self.outside.trunks.values() for place in self._places(trunk.record))

    def _places(self, record: TrunkRecord) -> tuple[Place, ...]:
        return self._resolver.places(record.host, record.port, record.transport)

    def turn(self, device: str) -> None:
        """The place where a trunk was tried does not serve: the next of its places is."""
        trunk = self.outside.trunks.get(device)
        if trunk is not None:
            self._resolver.turn(trunk.record.host, trunk.record.port, trunk.record.transport)

    def mark(self, device: str, health: Health) -> None:
        """What was learned of a trunk; one that went down is asked soon."""
        trunk = self.outside.trunks.get(device)
        if trunk is None or trunk.health is health:
            return
        trunk.health = health
        if health is Health.DOWN:
            self.turn(device)
        _log.log(30 if health is Health.DOWN else 20, "trunk state", trunk=device, health=health.value)
        ping = self._tasks.get((device, "OPTIONS"))
        if health is Health.DOWN and ping is not None and not ping.asked:
            ping.due = min(ping.due, self._clock.monotonic() + AGAIN_SECONDS)


def address_of(record: TrunkRecord, number: str = "") -> str:
    """A trunk, or a number at it, as a URI."""
    secure = {"transport": "tls"} if record.transport == "tls" else {}
    return sip_uri(number, record.host, record.port if record.port != 5060 else 0, **secure)


def _line(record: TrunkRecord) -> tuple[object, ...]:
    """What a registration is about."""
    return record.register, record.host, record.port, record.transport, record.username, record.domain


def _calls_from(record: TrunkRecord, host: str) -> bool:
    """Whether a trunk calls us from an address."""
    try:
        address = ipaddress.ip_address(host)
        return any(address in ipaddress.ip_network(one, strict=False) for one in record.addresses or ())
    except ValueError:
        return False


def _figure(trunk: Trunk, now: float) -> float:
    if not trunk.works(now):
        return 0.0
    return 0.5 if trunk.health is Health.UNKNOWN else 1.0

"""Telephones that show whether messages wait in their mailbox (RFC 3842, RFC 6665): subscriptions, and the NOTIFYs they get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from yitong.ct.model import DeviceKind, MessageWaiting
from yitong.ct.switches.soft.directory import Identity
from yitong.ct.switches.soft.gate import Gate, Refused
from yitong.ct.switches.soft.journal import Journal
from yitong.kit.clock import Clock
from yitong.sip.core import Flow
from yitong.sip.dialog import Dialog, DialogId
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import RequestReceived, ResponseReceived, TransactionFailed, TransactionTimedOut
from yitong.sip.grammar import ParseError, SipError, number
from yitong.sip.message import Header, Request
from yitong.sip.summary import BODY, LEAST_SECONDS, PACKAGE, SUBSCRIPTION_SECONDS, Waiting, package_of, takes_summary
from yitong.sip.uri import sip_uri

MAXIMUM = 10_000
MAXIMUM_PER_DEVICE = 5
_EVENTS: Header = ("Allow-Events", f"{PACKAGE}, refer")

Mailboxes = Callable[[str, str], Waiting | None]
"""What waits in the mailbox of a tenant's extension; None: there is no such mailbox."""


_KEPT = "waiting"


class _Kept(msgspec.Struct):
    """What the journal keeps: what waits for an extension, by site."""

    tenant: str
    extension: str
    sites: dict[str, MessageWaiting]


@dataclass
class _Subscription:
    """One telephone's subscription to its own mailbox. ``identifier``: the id of its Event; ``until``: seconds, monotonic."""

    dialog: Dialog
    who: Identity
    identifier: str
    account: str
    until: float


class MessagesWaiting:
    """All subscriptions. ``mailboxes`` says what waits; when that changes, ``changed`` is called. As it is, core's services say it
    (``show``), and the journal remembers it, so that a switch that comes back knows which mailboxes there are.
    """

    def __init__(
        self, endpoint: Endpoint, gate: Gate, clock: Clock, address_for: Callable[[Flow | None], str], journal: Journal | None = None
    ) -> None:
        self.mailboxes: Mailboxes = self._shown
        self._journal = journal
        self._lamps: dict[tuple[str, str], dict[str, MessageWaiting]] = {}
        self._endpoint = endpoint
        self._gate = gate
        self._clock = clock
        self._address_for = address_for
        self._held: dict[DialogId, _Subscription] = {}
        self._notifies: dict[int, DialogId] = {}
        for data in (journal.all(_KEPT) if journal is not None else {}).values():
            kept = msgspec.msgpack.decode(data, type=_Kept)
            self._lamps[kept.tenant, kept.extension] = kept.sites

    def __len__(self) -> int:
        return len(self._held)

    # --- told by core ---

    def show(self, tenant: str, site: str, lamps: tuple[MessageWaiting, ...], whole: bool) -> None:
        """What waits at a site; ``whole``: extensions that are not named have no mailbox there."""
        for lamp in lamps:
            self._put(tenant, site, lamp.extension, lamp)
        if whole:
            named = {lamp.extension for lamp in lamps}
            for _, extension in [key for key, sites in self._lamps.items() if key[0] == tenant and site in sites and key[1] not in named]:
                self._put(tenant, site, extension, None)

    def _put(self, tenant: str, site: str, extension: str, lamp: MessageWaiting | None) -> None:
        sites = self._lamps.setdefault((tenant, extension), {})
        if sites.get(site) == lamp:
            return
        if lamp is not None:
            sites[site] = lamp
        else:
            del sites[site]
        if self._journal is not None:
            self._journal.put(_KEPT, f"{tenant}/{extension}", _Kept(tenant=tenant, extension=extension, sites=sites))
        if not sites:
            del self._lamps[tenant, extension]
            if self._journal is not None:
                self._journal.drop(_KEPT, f"{tenant}/{extension}")
        self.changed(tenant, extension)

    def _shown(self, tenant: str, extension: str) -> Waiting | None:
        sites = self._lamps.get((tenant, extension))
        return Waiting(new=sum(one.new for one in sites.values()), old=sum(one.heard for one in sites.values())) if sites else None

    # --- asked by telephones ---

    def subscribe(self, event: RequestReceived) -> None:
        """A SUBSCRIBE, the first one or one in its dialog."""
        refused = self._refresh(event) if event.dialog is not None else self._begin(event)
        if refused is not None and refused.status:
            self._endpoint.respond(event.transaction, refused.status, self._now, headers=refused.headers)

    @property
    def _now(self) -> float:
        return self._clock.monotonic()

    def _begin(self, event: RequestReceived) -> Refused | None:
        request = event.request
        who = self._gate.authenticate(request, event.flow, self._now, self._clock.now())
        if isinstance(who, Refused):
            return who
        package, identifier = package_of(request)
        if package != PACKAGE:
            return Refused(489, (_EVENTS,))
        if not takes_summary(request):
            return Refused(406, (("Accept", BODY),))
        seconds = _seconds(request)
        if isinstance(seconds, Refused):
            return seconds
        extension = who.extension or who.username
        if who.kind in (DeviceKind.GUEST, DeviceKind.TRUNK) or request.uri.number not in (extension, who.username):
            return Refused(403)
        if self.mailboxes(who.tenant, extension) is None:
            return Refused(404)
        if len(self._held) >= MAXIMUM or sum(one.who.device == who.device for one in self._held.values()) >= MAXIMUM_PER_DEVICE:
            return Refused(503, (("Retry-After", "60"),))
        self._accept(event, who, identifier, seconds)
        return None

    def _accept(self, event: RequestReceived, who: Identity, identifier: str, seconds: int) -> None:
        self._endpoint.respond(event.transaction, 200, self._now, headers=[("Expires", str(seconds)), _EVENTS])
        dialog = event.transaction.dialog
        if dialog is None:
            return
        account = sip_uri(who.extension or who.username, self._address_for(event.flow))
        one = self._held[dialog.id] = _Subscription(dialog, who, identifier, account, self._now + seconds)
        self._tell(one, "" if seconds else "timeout")

    def _refresh(self, event: RequestReceived) -> Refused | None:
        one = self._held.get(event.dialog.id) if event.dialog is not None else None
        if one is None or package_of(event.request) != (PACKAGE, one.identifier):
            return Refused(481)
        seconds = _seconds(event.request)
        if isinstance(seconds, Refused):
            return seconds
        self._endpoint.respond(event.transaction, 200, self._now, headers=[("Expires", str(seconds))])
        one.until = self._now + seconds
        self._tell(one, "" if seconds else "timeout")
        return None

    # --- told to telephones ---

    def changed(self, tenant: str, extension: str) -> None:
        """Something happened in a mailbox."""
        for one in list(self._held.values()):
            if (one.who.tenant, one.who.extension or one.who.username) == (tenant, extension):
                self._tell(one, "")

    def _tell(self, one: _Subscription, over: str) -> None:
        """NOTIFY; ``over``: why the subscription ends with it."""
        waiting = self.mailboxes(one.who.tenant, one.who.extension or one.who.username)
        if waiting is None and not over:
            over = "noresource"
        left = max(0, round(one.until - self._now))
        state = f"terminated;reason={over}" if over else f"active;expires={left}"
        headers = [("Event", f"{PACKAGE};id={one.identifier}" if one.identifier else PACKAGE), ("Subscription-State", state)]
        body = (waiting or Waiting()).body(one.account)
        try:
            sent = self._endpoint.request_in_dialog(one.dialog, "NOTIFY", self._now, headers=headers, body=body, content_type=BODY)
            self._notifies[sent.id] = one.dialog.id
        except SipError:
            over = over or "giveup"
        if over:
            self._end(one)

    def _end(self, one: _Subscription) -> None:
        self._held.pop(one.dialog.id, None)
        self._endpoint.dialogs.end(one.dialog)

    def answered(self, event: ResponseReceived | TransactionTimedOut | TransactionFailed) -> bool:
        """Something came of a NOTIFY of ours: who refuses it or is gone, is subscribed no longer (RFC 6665 §4.2.2)."""
        name = self._notifies.get(event.transaction.id)
        if name is None:
            return False
        if isinstance(event, ResponseReceived) and event.response.status < 200:
            return True
        del self._notifies[event.transaction.id]
        one = self._held.get(name)
        if one is not None and not (isinstance(event, ResponseReceived) and event.response.status < 300):
            self._end(one)
        return True

    # --- time ---

    def next_deadline(self) -> float | None:
        """When a subscription runs out (seconds, monotonic)."""
        return min((one.until for one in self._held.values()), default=None)

    def tick(self, now: float) -> None:
        """End what has run out."""
        for one in [one for one in self._held.values() if one.until <= now]:
            self._tell(one, "timeout")

    def flow_closed(self, flow: Flow) -> None:
        """A connection is gone, and the subscriptions that only it reached."""
        for one in [one for one in self._held.values() if one.dialog.flow == flow and flow.transport != "udp"]:
            self._end(one)


def _seconds(request: Request) -> int | Refused:
    value = request.get("Expires")
    try:
        seconds = number(value) if value is not None else SUBSCRIPTION_SECONDS
    except ParseError:
        return Refused(400)
    if 0 < seconds < LEAST_SECONDS:
        return Refused(423, (("Min-Expires", str(LEAST_SECONDS)),))
    return min(seconds, SUBSCRIPTION_SECONDS)

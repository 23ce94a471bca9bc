"""The switch process: the soft switch on its sockets, its services and events over NATS, its configuration from the KV.

It serves before NATS is there and goes on while it is away: the configuration of last time is kept on disk, events are kept by the switch
for Monitor Start, standing orders and phones' own hang-ups need nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path

import msgspec

from yitong.app.process import Frame, Health, current
from yitong.ct import security
from yitong.ct.events import (
    AnyEvent,
    CallCleared,
    ConnectionCleared,
    Delivered,
    Originated,
    QualityReported,
    RecordingEnded,
    RecordingStarted,
    Snapshot,
    TalkChanged,
)
from yitong.ct.model import DeviceKind
from yitong.ct.security import AskSecurity, SecurityStanding
from yitong.ct.services import AnyService
from yitong.ct.switches.soft.journal import Journal
from yitong.ct.switches.soft.options import SoftOptions
from yitong.ct.switches.soft.switch import SoftSwitch
from yitong.ct.switches.soft.trunk_record import SEALED_PASSWORD
from yitong.kit import logs
from yitong.kit.certificate import ServerContext
from yitong.kit.clock import SECOND, Clock, SystemClock
from yitong.kit.gather import Gathering
from yitong.kit.ids import RandomIds
from yitong.kit.nats import Nats, Revision, encode
from yitong.kit.sealed_text import sealer_of
from yitong.kit.settings import Settings
from yitong.kit.stream import watch

BUCKETS = ("config", "credentials")
WANTED = [["tenant"], ["prompt"], ["site"], ["number"], ["trunk"], ["account"], ["agent"], ["page"], ["number_class"]]
"""The kinds that a switch needs to know: second part of a key."""
KEPT_EVENTS = 20_000
MOST_TOGETHER = 500
"""Events in one message."""
RATE, BURST = 100.0, 6
"""Messages with events a second in the long run, and so many in a row."""
QUIET = (Originated, CallCleared, QualityReported, RecordingStarted, RecordingEnded, TalkChanged)
"""Events after which nobody waits for what core will ask: they are told with the next that is not so, or after ``QUIET_SECONDS``."""
QUIET_SECONDS = 0.05
SETTLE_SECONDS = 2.0
"""How long those who called just before the end may take to be answered."""
ALARM_SECONDS = 60
"""For how long an alarm of a media worker stands after it was raised last."""
MEND_SECONDS = 5.0
"""How often a journal that could not be written is tried again."""
MEDIA_SECONDS = 2.0
"""How long the start waits for a media worker; a call that comes before there is one gets 503."""
_log = logs.get("yitong.switch")


class Entry(msgspec.Struct, frozen=True):
    """A cached entry of a bucket."""

    value: bytes


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """What ``ct.monitor`` asks."""

    epoch: int
    sequence: int


class Cache:
    """The last known entries of the buckets, on disk: what the switch knows before NATS answers."""

    def __init__(self, path: Path, switch: SoftSwitch) -> None:
        self.journal = Journal(path)
        self._switch = switch
        self._seen: dict[str, set[str]] = {bucket: set() for bucket in BUCKETS}
        self._loaded: set[str] = set()

    def load(self) -> None:
        """Give the switch what was known last time."""
        for bucket in BUCKETS:
            for key, data in self.journal.all(bucket).items():
                self._switch.configure(key, msgspec.msgpack.decode(data, type=Entry).value)

    def changed(self, bucket: str, revision: Revision | None) -> None:
        """An entry, or (None) the end of those that are there now: what was not among them is gone."""
        if revision is None:
            if bucket not in self._loaded:
                self._loaded.add(bucket)
                for key in set(self.journal.all(bucket)) - self._seen[bucket]:
                    self.journal.drop(bucket, key)
                    self._switch.configure(key, None)
                self.journal.compact()  # what was replaced meanwhile (a password, sealed or not) is on no disk any more
            return
        if revision.key.split(".", 2)[1:2] not in WANTED:
            return
        self._seen[bucket].add(revision.key)
        self._switch.configure(revision.key, revision.value)
        if revision.value is None:
            self.journal.drop(bucket, revision.key)
        else:
            self.journal.put(bucket, revision.key, Entry(revision.value))

    @property
    def ready(self) -> bool:
        """Whether all buckets were read."""
        return len(self._loaded) == len(BUCKETS)

    def close(self) -> None:
        self.journal.close()


class Link:
    """The switch's end of NATS."""

    def __init__(self, switch: SoftSwitch, cache: Cache, frame: Frame, url: str) -> None:
        self._switch = switch
        self._cache = cache
        self._frame = frame
        self._url = url
        self._waiting: deque[AnyEvent] = deque(maxlen=KEPT_EVENTS)
        self._gathering = Gathering(self._publish, rate=RATE, burst=BURST)
        self.nats: Nats | None = None
        switch.monitor(self._tell)

    async def run(self) -> None:
        """Connect as soon as the server is there, then serve."""
        self.nats = nats = await Nats.connect(self._url, "switch")
        await nats.hear("ct.service.*.*", list[AnyService], self._asked)
        await nats.answer("ct.monitor.*.*", Since, self._monitored)
        await nats.answer(security.subject(self._frame.settings.node), AskSecurity, self._secured)
        for bucket in BUCKETS:
            self._frame.tasks.keep(lambda bucket=bucket: self._follow(nats, bucket), f"bucket {bucket}")  # type: ignore[misc]
        self._gathering.now()
        await asyncio.Event().wait()

    async def _follow(self, nats: Nats, bucket: str) -> None:
        async def changed(revision: Revision | None) -> None:
            self._cache.changed(bucket, revision)

        await watch(nats, bucket, ">", changed)

    def _tell(self, event: AnyEvent) -> None:
        self._waiting.append(event)
        self._gathering.within(QUIET_SECONDS if is_quiet(event) else 0.0)

    def _publish(self) -> None:
        """Tell events in order, those of one turn of the loop together; what is lost meanwhile is asked for again by number."""
        if self.nats is None:
            return
        places: dict[str, list[AnyEvent]] = {}
        for _ in range(min(len(self._waiting), MOST_TOGETHER)):
            event = self._waiting.popleft()
            if event.site:
                places.setdefault(f"ct.event.{event.tenant}.{event.site}", []).append(event)
        for subject, events in places.items():
            self.nats.tell(subject, encode(events))
        if self._waiting:
            self._gathering.within(0.0)

    def _asked(self, subject: str, services: list[AnyService]) -> None:
        site = subject.rpartition(".")[2]
        for service in services:
            self._switch.ask(service, site)

    async def _monitored(self, subject: str, since: Since) -> list[AnyEvent] | Snapshot:
        _, _, tenant, site = subject.split(".", 3)
        self._gathering.now()
        return self._switch.since(tenant, site, since.epoch, since.sequence)

    async def _secured(self, _: str, ask: AskSecurity) -> SecurityStanding:
        return self._switch.gate.defence.asked(ask, self._switch.tolls.over)

    async def close(self) -> None:
        if self.nats is not None:
            await self.nats.close()


def is_quiet(event: AnyEvent) -> bool:
    """Whether nobody waits for what follows: as ``QUIET`` says, a device of ours that rings, a connection that core itself has ended."""
    match event:
        case Delivered():
            return not event.incoming
        case ConnectionCleared():
            return bool(event.service)
        case _:
            return isinstance(event, QUIET)


def options(settings: Settings, tls: ServerContext | None) -> SoftOptions:
    """The switch's part of the settings."""
    sealer = sealer_of(settings.secrets_folder, SystemClock())
    return SoftOptions(
        home=settings.home, bind=settings.bind, address=settings.public_address, sip_port=settings.sip_port,
        ws_port=settings.sip_ws_port, tls=tls.context if tls is not None else None,
        media_sockets=tuple(settings.media_socket(number) for number in range(settings.media_count)),
        open_password=lambda tenant, kept: sealer.open(tenant, SEALED_PASSWORD, kept),
    )  # fmt: skip


async def run(settings: Settings) -> None:
    """Serve until cancelled."""
    frame = current()
    tls = ServerContext(settings.tls_cert, settings.tls_key) if settings.tls else None
    switch = SoftSwitch(options(settings, tls), frame.clock, RandomIds(), frame.tasks)
    await switch.start()
    await switch.media_connected(MEDIA_SECONDS)
    cache = Cache(settings.home / "switch" / "configuration", switch)
    link = Link(switch, cache, frame, settings.nats_url)
    cache.load()
    frame.health(lambda: _health(switch, cache))
    frame.limited(switch.answering.pressure.lacks)
    frame.tasks.keep(lambda: _mend(frame.clock, (switch.memory.journal, cache.journal)), "journals")
    frame.operated(drain=switch.drain, busy=lambda: len(switch.function.table.calls))
    frame.tasks.start(link.run(), "nats of the switch", vital=True)
    if tls is not None:
        frame.tasks.keep(lambda: tls.follow(frame.clock), "renew the certificate")
    frame.ready()
    try:
        await asyncio.Event().wait()
    finally:
        await switch.settle(SETTLE_SECONDS)
        await link.close()
        await switch.close()
        cache.close()


async def _mend(clock: Clock, journals: tuple[Journal, ...]) -> None:
    """For ever: what a full or a read-only disk did not take is written when it takes it."""
    while True:
        await clock.sleep(MEND_SECONDS)
        for journal in journals:
            journal.mend()


def _health(switch: SoftSwitch, cache: Cache) -> Health:
    connections, pressure = switch.function.table.connections.values(), switch.answering.pressure
    figures = {
        "calls": len(switch.function.table.calls), "connections": len(connections),
        "guests": sum(1 for one in connections if one.kind is DeviceKind.GUEST),
        "registered": sum(1 for device in switch.function.devices.values() if device.registered),
        "media_workers": sum(1 for worker in switch.workers.all if worker.up), "sip_transactions": switch.endpoint.transactions,
        "calls_refused_late": pressure.refused, "overloaded": pressure.refused_within(ALARM_SECONDS, switch.clock.monotonic()),
        "journal_fails": bool(switch.memory.journal.trouble or cache.journal.trouble),
        "streams_refused": switch.transports.refused, "sources_silenced": len(switch.gate.guard.silenced(switch.clock.monotonic())),
        "accounts_guessed": len(switch.gate.guessing.shut()), "accounts_over_toll": len(switch.tolls.over),
    }  # fmt: skip
    numbers = {name: float(value) for name, value in figures.items()} | switch.trunks.figures() | _silenced(switch) | media_alarms(switch)
    if not figures["media_workers"]:
        return Health(state="failed", reason="no_media_worker", figures=numbers)
    if not switch.directory.configured:
        return Health(state="failed", reason="no_number_configured", figures=numbers)
    if pressure.short_of:
        return Health(state="degraded", reason=pressure.short_of, figures=numbers)
    if not cache.ready:
        return Health(state="degraded", reason="configuration_not_confirmed", figures=numbers)
    return Health(figures=numbers)


def media_alarms(switch: SoftSwitch) -> dict[str, float]:
    """What media workers raised an alarm about in the last minute (1), or before (0)."""
    now = switch.clock.now()
    return {f"media_alarm {code}": float(now - at < ALARM_SECONDS * SECOND) for code, at in switch.sound.alarms.items()}


def _silenced(switch: SoftSwitch) -> dict[str, float]:
    """The sources from which nothing is read now, and for how many seconds more."""
    now = switch.clock.monotonic()
    return {f"silenced {source}": round(until - now, 1) for source, until in switch.gate.guard.silenced(now)}

"""The soft switch: SIP endpoint, switching function, media workers, registrar, wired to sockets and one timer.

Everything happens in ``_pump``, which lets what is queued happen until nothing is, sends what is to be sent, writes the journal and sets
the timer. So no part is ever called from within itself, and a crash leaves a journal of whole steps.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from functools import partial

import structlog

from yitong.ct.events import AnyEvent, QualityReported, Snapshot
from yitong.ct.model import Cause
from yitong.ct.services import AnyService
from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.answering import Answering
from yitong.ct.switches.soft.defence import Defence
from yitong.ct.switches.soft.directory import Directory
from yitong.ct.switches.soft.dispatch import Dispatch
from yitong.ct.switches.soft.gate import ALLOWED, Gate
from yitong.ct.switches.soft.halls import near_address
from yitong.ct.switches.soft.hush import Hush
from yitong.ct.switches.soft.journal import Journal
from yitong.ct.switches.soft.line import Line
from yitong.ct.switches.soft.lines import Lines
from yitong.ct.switches.soft.options import SoftOptions
from yitong.ct.switches.soft.outward import Outward
from yitong.ct.switches.soft.own_address import OwnAddress
from yitong.ct.switches.soft.page_grace import Grace
from yitong.ct.switches.soft.reach import Reachability
from yitong.ct.switches.soft.referring import Referring
from yitong.ct.switches.soft.registrations import Registrations
from yitong.ct.switches.soft.resolver import Resolver
from yitong.ct.switches.soft.restoring import Memory
from yitong.ct.switches.soft.sound import Sound
from yitong.ct.switches.soft.telling import tell_of_recording, tell_of_sound
from yitong.ct.switches.soft.tolls import Tolls
from yitong.ct.switches.soft.transports import Transports, same_host_origins
from yitong.ct.switches.soft.trunks import Trunks
from yitong.ct.switches.soft.waiting import MessagesWaiting
from yitong.ct.switches.soft.workers import Worker, Workers
from yitong.ct.switching.function import SwitchingFunction
from yitong.kit import logs
from yitong.kit.clock import Clock
from yitong.kit.ids import Ids, Tokens
from yitong.kit.tasks import Tasks
from yitong.sip.core import Flow, Settings
from yitong.sip.digest import Authenticator
from yitong.sip.endpoint import Endpoint

OPTION_TAGS = frozenset({"100rel", "norefersub", "replaces", "timer"})
_log = structlog.get_logger("yitong.switch")


class SoftSwitch:
    """``ct.port.Switch`` over real SIP and real audio."""

    def __init__(self, options: SoftOptions, clock: Clock, ids: Ids, tasks: Tasks) -> None:
        self.name = options.name
        self.options = options
        self.clock = clock
        self.tasks = tasks
        self.resolver = Resolver(clock, tasks, options.dns_servers)
        self.directory = Directory(self.resolver.address, options.open_password)
        self._later: deque[Callable[[], None]] = deque()
        self._pumping = self._settling = self._closed = False
        self._hush, self._armed_at = Hush(), 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        folder = options.home / "switch"
        self.memory = Memory(Journal(folder / "journal"), folder)
        self.transports = Transports(self, clock, tasks, same_host_origins(options.origins))
        self.workers = Workers(list(options.media_sockets), self, clock, tasks)
        self.sound = Sound(self.workers, self._recording_refused, self._recording_started, near_address(options.bind))
        self._ids = ids
        self._address_for = OwnAddress(options.address or options.bind, clock)

    async def start(self) -> None:
        """Listen, take up the calls of a former life, connect to the media workers. Raises OSError when a port is taken."""
        ports = await self._listen()
        host = self.options.address or self.options.bind
        settings = Settings(
            host=host, ports=ports, timings=self.options.timings, supported=OPTION_TAGS, session=self.options.session, allow=ALLOWED
        )  # fmt: skip
        self.endpoint = Endpoint(settings, Tokens())
        self.registrations = Registrations(self.directory, self.endpoint, self.clock, self._address_for)
        self.reach = Reachability(self.registrations, self.transports, self._address_for)
        self.lines = Lines(self.endpoint, self.sound, self.reach, self.clock, self.later)
        self.function = SwitchingFunction(
            name=self.name, epoch=self.memory.epoch, lines=self.lines, audio=self.sound, ids=self._ids, options=self.options.switching
        )
        self.lines.function, self.grace = self.function, Grace(self.lines.all)
        self.sound.fax_refused = lambda tag, reason: self.later(lambda: self.function.fax_refused(tag, reason, self.clock.now()))
        self.trunks = Trunks(self.endpoint, self.clock, self.resolver, self.transports.flow_to, self._address_for)
        self.trunks.open_password = self.options.open_password
        self.lines.outward = Outward(self.trunks, self.directory, self.lines, self._address_for)
        self.resolver.changed = lambda: self.later(self._resolved)
        self.registrations.tell = lambda device: self.function.device_changed(device, self.clock.now())
        self.function.board.music = self.directory.music
        defence = Defence(self.directory, self.clock)
        self.gate = Gate(self.directory, lambda realm: Authenticator(realm, self.memory.secret, partial(secrets.token_hex, 8)), defence)
        self.gate.serves = self.lines.outward.serves
        self.gate.is_ours = lambda host: self.trunks.anybody_at(host, self.directory.trunks()) or self.registrations.anybody_at(host)
        referring = Referring(self.lines, self.gate, self.registrations, self.directory, self._ids)
        self.waiting = MessagesWaiting(self.endpoint, self.gate, self.clock, self._address_for, self.memory.journal)
        self.lines.lamps = self.waiting.show
        self.answering = Answering(self.lines, self.gate, self.registrations, referring, self.waiting, self._ids)
        own = [self.registrations.answered, self.trunks.answered, self.waiting.answered]
        self.dispatch = Dispatch(self.lines, self.answering, own, self.transports.close_flow)
        self.directory.on_change = self._configured
        self.memory.restore(self.lines, self.registrations, self.function)
        self.workers.start()
        board, rules, journal = self.function.board, self.directory.rules, self.memory.journal
        self.tolls = self.answering.tolls = referring.tolls = Tolls(board, rules, journal, self.clock)
        self.tasks.keep(lambda: self.tolls.watch(self.later), "tolls")
        self.tasks.keep(lambda: self.answering.pressure.beat(self.clock, self.transports.unread), "punctuality")
        self._announce()
        self._pump()

    async def _listen(self) -> dict[str, int]:
        bind, tls = self.options.bind, self.options.tls
        port = await self.transports.listen_both(bind, self.options.sip_port)
        if tls is not None:
            await self.transports.listen_tcp(bind, port + 1, tls)
        if self.options.ws_port is not None:
            await self.transports.listen_ws(bind, self.options.ws_port, tls)
        return dict(self.transports.ports)

    def _announce(self) -> None:
        for tenant, site in sorted(self.directory.partitions):
            self.function.started(self.clock.now(), tenant, site)

    async def media_connected(self, seconds: float) -> bool:
        """Wait for a media worker that takes calls, at most ``seconds``, and longer until it is known which calls of a former life still
        have their rows; whether there is one.
        """
        end = self.clock.monotonic() + seconds
        while self.memory.unsure or (not self.sound.has_room() and self.clock.monotonic() < end):
            await self.clock.sleep(0.01)
        return self.sound.has_room()

    def drain(self, on: bool) -> None:
        """Take no new call while ``on``; those that run, and registrations, go on."""
        self.answering.draining = self.function.board.draining = on

    async def settle(self, seconds: float) -> None:
        """Before leaving for a moment: answer those who have called, and leave who calls only now to the next switch."""
        live = self.function.table.connections
        await self._hush.settle(self.clock, seconds, lambda: any(one.incoming and not one.in_call for one in live.values()))

    async def close(self) -> None:
        """Stop listening; calls and their journal stay as they are."""
        if self._timer is not None:
            self._timer.cancel()
        self.memory.write(self.lines, self.registrations, self.function)
        self._closed = True
        self.workers.close()
        await self.transports.close()
        self.memory.journal.close()

    # --- the Switch port ------------------------------------------------------------------------------------------------------------

    def ask(self, service: AnyService, site: str = "") -> None:
        """Ask for a service on behalf of the core of ``site``."""
        self.later(lambda: self._asked(service, site))

    def _asked(self, service: AnyService, site: str) -> None:
        connection = getattr(service, "connection", "")
        self._about(connection)
        self.answering.pressure.heard(connection, self.clock.monotonic())
        self.function.ask(service, self.clock.now(), site)

    def _about(self, connection: str) -> None:
        line = self.lines.all.get(connection)
        if line is not None:
            line.about()

    def monitor(self, listener: Callable[[AnyEvent], None]) -> None:
        self.function.log.monitor(listener)

    async def snapshot(self) -> Snapshot:
        """Of the only tenant and site; ``snapshot_of`` is for one of several."""
        return self.snapshot_of(*min(self.directory.partitions, default=("", "")))

    def snapshot_of(self, tenant: str, site: str) -> Snapshot:
        """Everything alive of a tenant and site."""
        return self.function.snapshot(self.clock.now(), tenant, site)

    def since(self, tenant: str, site: str, epoch: int, sequence: int) -> list[AnyEvent] | Snapshot:
        """Monitor Start: the events since then, or a Snapshot when they are no longer held."""
        events = self.function.log.since(tenant, site, epoch, sequence)
        return self.snapshot_of(tenant, site) if events is None else events

    def configure(self, key: str, value: bytes | None) -> None:
        """An entry of the bucket ``config`` or ``credentials``."""
        self.later(lambda: self.directory.put(key, value))

    def _configured(self, kind: str, tenant: str) -> None:
        if kind == "site":
            self._announce_new()
        elif kind in ("account", "agent", "page"):
            self.registrations.configured()
        elif kind == "trunk":
            trunks = self.directory.trunks()
            self.trunks.configure({f"{owner}/trunk/{record.code}": (owner, record) for owner, _, record in trunks})

    def _resolved(self) -> None:
        self.directory.moved()
        self.trunks.awaken()

    def _announce_new(self) -> None:
        for tenant, site in self.directory.partitions:
            if not self.function.log.sequence(tenant, site):
                self.function.started(self.clock.now(), tenant, site)

    # --- the pump -------------------------------------------------------------------------------------------------------------------

    def later(self, action: Callable[[], None]) -> None:
        """Do ``action`` after what is going on now."""
        self._later.append(action)
        if not self._pumping:
            self._pump()

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        try:
            self._drain()
        finally:
            self._pumping = False
        if not self._settling:
            self._settling = True
            self._loop.call_soon(self._settle)

    def _settle(self) -> None:
        """Once for all that came with one turn of the loop."""
        self._settling = False
        if not self._closed:
            self.memory.write(self.lines, self.registrations, self.function)
            self._arm()

    def _drain(self) -> None:
        later, endpoint = self._later, self.endpoint
        while True:
            if later:
                logs.step(partial(self._tried, later.popleft()))
            elif (event := endpoint.next_event()) is not None:
                logs.step(partial(self._tried, partial(self.dispatch.event, event)))
            elif endpoint.core.outbox:
                self._send()
            else:
                return

    def _tried(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:  # noqa: BLE001 - one message or service must never end the switch
            _log.exception("a step of the switch failed")

    def _send(self) -> None:
        for data, flow in self.endpoint.datagrams_to_send():
            if not self.transports.send(data, flow) and flow.reliable:
                self.endpoint.flow_closed(flow, self.clock.monotonic())

    def _arm(self) -> None:
        """Set the timer for what is due next; one that is set for earlier stays, and looks again then."""
        now = self.clock.monotonic()
        moments = [at for at in self._deadlines() if at is not None]
        due = self.function.next_deadline()
        if due is not None:
            moments.append(now + (due - self.clock.now()) / 1_000_000)
        at = min(moments, default=None)
        if self._timer is not None and (at is None or at < self._armed_at):
            self._timer.cancel()
            self._timer = None
        if at is not None and self._timer is None:
            self._armed_at = at
            self._timer = self._loop.call_later(max(0.0, at - now) + 0.0005, self._due)

    def _deadlines(self) -> list[float | None]:
        own = [self.trunks.next_deadline(), self.lines.outward.next_deadline(), self.grace.next_deadline(), self.memory.patience]
        return [self.endpoint.next_deadline(), self.registrations.next_deadline(), self.waiting.next_deadline(), *own]

    def _due(self) -> None:
        self._timer = None
        self._later.append(self._tick)
        self._pump()

    def _tick(self) -> None:
        now = self.clock.monotonic()
        self.endpoint.handle_timer(now)
        self.registrations.tick(now)
        self.waiting.tick(now)
        self.trunks.tick(now)
        self.lines.outward.tick(now)
        self.function.tick(self.clock.now())
        self.memory.tick(now, self.lines, self.function)
        for line in self.grace.over(now):
            self.lines.lose(line, Cause.SIGNALLING_LOST)

    # --- SIP --------------------------------------------------------------------------------------------------------------------------

    def received(self, data: bytes, flow: Flow) -> None:
        now = self.clock.monotonic()
        if not self._hush.drops(data, flow) and not self.gate.silent(flow, now):
            self.endpoint.receive(data, flow, now)
            self._pump()

    def flow_closed(self, flow: Flow) -> None:
        self.later(lambda: self._flow_closed(flow))

    def _flow_closed(self, flow: Flow) -> None:
        now = self.clock.monotonic()
        self.endpoint.flow_closed(flow, now)
        self.registrations.flow_closed(flow)
        self.waiting.flow_closed(flow)
        for line in [line for line in self.lines.all.values() if line.flow == flow]:
            self._flow_of_line_closed(line, flow, now)

    def _flow_of_line_closed(self, line: Line, flow: Flow, now: float) -> None:
        if line.dialog is None and line.incoming:
            self.lines.forget(line)
            self.function.gone(line.connection, Cause.CANCELLED, self.clock.now())
        elif line.dialog is not None and flow.transport in ("ws", "wss"):
            self.grace.begin(line, now)

    # --- media ------------------------------------------------------------------------------------------------------------------------

    def media_event(self, event: m.MediaEvent) -> None:
        self.later(lambda: self._media_event(event))

    def _media_event(self, event: m.MediaEvent) -> None:
        now, function = self.clock.now(), self.function
        self._about(getattr(event, "port", ""))
        match event:
            case m.MediaPlayed():
                function.played(event.port, event.tag_id, event.completed, now)
            case m.MediaCollected():
                function.collected(event.port, event.tag_id, event.digits, event.reason, now)
            case m.MediaDigit():
                function.digit(event.port, event.digit, now)
            case m.MediaFaxed() | m.MediaTone() | m.MediaClassified() | m.MediaGreeted():
                tell_of_sound(event, function, now)
            case m.MediaTalk():
                function.talked(event.port, event.on, now)
            case m.MediaLost():
                self._media_lost(event)
            case m.MediaRecorded() | m.MediaResumed() | m.MediaTaken() | m.MediaAlarm():
                tell_of_recording(event, function, self.sound, now)
            case m.PortClosed():
                self._port_closed(event)

    def _media_lost(self, event: m.MediaLost) -> None:
        line = self.lines.all.get(event.port)
        if line is None or (event.reason == "silence" and (line.held or event.seconds < self.options.silent_seconds)):
            return
        _log.info("media lost", reason=event.reason, seconds=event.seconds)
        self.lines.lose(line, Cause.MEDIA_LOST)

    def _port_closed(self, event: m.PortClosed) -> None:
        where = self.memory.ended.pop(event.port, None)
        if where is not None:
            tenant, site, call = where
            self.function.quality(
                QualityReported(
                    tenant=tenant, site=site, call=call, connection=event.port, packets=event.packets, lost=event.lost, late=event.late,
                    jitter_ms=event.jitter_ms, mos=event.mos,
                ),
                self.clock.now(),
            )  # fmt: skip

    def worker_up(self, worker: Worker, ports: m.PortList) -> None:
        self.later(lambda: self.memory.reconcile(worker, ports, self.lines, self.function, self.clock.now()))

    def worker_down(self, worker: Worker) -> None:
        self.later(lambda: self._worker_down(worker))

    def _worker_down(self, worker: Worker) -> None:
        lost = self.sound.rows_of(worker)
        _log.error("media worker lost", worker=worker.index, connections=len(lost))
        now = self.clock.now()
        for recording in [name for name, one in self.sound.recorders.items() if one is worker]:
            del self.sound.recorders[recording]
            self.function.recorded(recording, now, milliseconds=0, size=0, sha256="", holds=(), complete=False)
        self.function.gone_together(lost, Cause.MEDIA_LOST, now)
        self.function.faxes_lost(lost, now)
        self.sound.halls.worker_lost(worker, lost)
        self.function.messages_lost(lost, now)

    def _recording_refused(self, recording: str, reason: str) -> None:
        self.later(lambda: self.function.recording_refused(recording, reason, self.clock.now()))

    def _recording_started(self, recording: str) -> None:
        self.later(lambda: self.function.recording_started(recording, self.clock.now()))

"""The web process: HTTP API, live documents, front end. Stateless; any number may run behind a balancer."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec
import uvicorn
from prometheus_client import CollectorRegistry

import yitong.web
from yitong.app.jobs.recordings import vault_of
from yitong.app.migrate import require_current
from yitong.app.partition import step_kinds
from yitong.app.process import Health as Told
from yitong.app.process import current
from yitong.contact.client import Core
from yitong.domains.fax.store.files import FaxesFolder
from yitong.domains.ivr.speech.kokoro import Kokoro
from yitong.domains.mail.store.files import MailsFolder
from yitong.domains.mailbox.store.files import MessagesFolder
from yitong.domains.security.service import Passwords, Recognition, SessionKeeper, SignIn
from yitong.domains.sites.api.sounds import PromptsFolder
from yitong.flow.definition import Kinds
from yitong.flow.prompts import Library
from yitong.flow.speech import Speech
from yitong.kit.certificate import ServerContext
from yitong.kit.clock import SystemClock
from yitong.kit.database import OUTAGES, Database
from yitong.kit.ids import RandomIds
from yitong.kit.lending import Borrower
from yitong.kit.nats import OUTAGES as NATS_OUTAGES
from yitong.kit.nats import Nats
from yitong.kit.sealed_text import sealer_of
from yitong.kit.settings import Settings
from yitong.kit.tasks import Tasks
from yitong.web.app import Parts, create_app
from yitong.web.database import PATIENCE_SECONDS, PatientDatabase
from yitong.web.health import Figures, Health, Metrics
from yitong.web.live.door import Door
from yitong.web.live.hub import Hub
from yitong.web.phone import Phones
from yitong.web.published import Published
from yitong.web.static_files import StaticFolder

_IDLE_ENDED_EVERY = 10.0
_STOP_SECONDS = 3


class SessionsEnded(msgspec.Struct, frozen=True, kw_only=True):
    """``web.sessions_ended``: these sessions are over, in every web process."""

    sessions: list[str]
    reason: str


class SignInFailed(msgspec.Struct, frozen=True, kw_only=True):
    """``web.sign_in_failed``: a wrong try, counted by every other web process too. ``node`` names the one that counted it already."""

    username: str
    source: str
    node: str


class Web:
    """The parts of one web process, wired."""

    def __init__(
        self,
        settings: Settings,
        nats: Nats,
        clock: SystemClock,
        tasks: Tasks,
        registry: CollectorRegistry,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        passwords: Passwords | None = None,
    ) -> None:
        self.settings = settings
        self.nats = nats
        self.clock = clock
        self.tasks = tasks
        self.ids = RandomIds()
        self.id = self.ids.new(clock.now())
        self.database = PatientDatabase(settings.database_url, clock, name="web", patience_seconds=patience_seconds)
        self.passwords = passwords or Passwords()
        self.phones = Phones(nats, settings, clock)
        self.published = Published()
        self.recognition = Recognition(self.database, clock)
        self.sign_in = SignIn(self.database, clock, self.ids, tasks, self.passwords, self._tell_failed)
        self.keeper = SessionKeeper(self.database, clock, self._tell_ended, self.phones.take_back)
        self.hub = Hub(nats, clock, tasks)
        self.door = Door(self.hub, self.recognition, self.keeper, nats, clock, self.ids, tasks)
        self.health = Health(nats, self.database, clock)
        self.metrics = Metrics(registry)
        registry.register(Figures(self.health))
        self.app = create_app(self._parts(), nats=nats, clock=clock, tasks=tasks, tls=settings.tls)

    def _parts(self) -> Parts:
        vault = vault_of(self.settings, self.clock, Borrower(self.nats))
        return Parts(
            self.database, self.clock, self.ids, self.passwords, self.phones, self.recognition, self.sign_in, self.keeper, self.door,
            self.health, self.metrics, self.published, Core(self.nats), vault,
            PromptsFolder(self.settings.home / "prompts"), FaxesFolder(self.settings.home / "faxes", vault.keyring),
            MailsFolder(self.settings.home / "mails", vault.keyring),
            MessagesFolder(self.settings.home / "recordings", vault.keyring), StaticFolder(Path(yitong.web.__file__).parent / "static"),
            sealer_of(self.settings.secrets_folder, self.clock),
            also={Database: self.database, Nats: self.nats, Kinds: step_kinds(Library()), Settings: self.settings, Speech: Kokoro()},
        )  # fmt: skip

    async def open(self) -> None:
        """Begin to listen to the others."""
        await self.nats.subscribe("web.sessions_ended", SessionsEnded, self._sessions_ended)
        await self.nats.subscribe("web.sign_in_failed", SignInFailed, self._sign_in_failed)
        await self.health.open()
        await self.hub.open()
        await self.door.open()
        self.tasks.keep(self.database.watch, "watch PostgreSQL")
        self.tasks.keep(lambda: self.published.watch(self.nats), "watch configuration")
        self.tasks.keep(self._end_idle, "end idle sessions")

    def told(self) -> Told:
        """What the heartbeat says."""
        self.metrics.sockets.set(self.door.count())
        figures = {"live_sockets": float(self.door.count()), "watchers": float(self.hub.watchers())}
        if self.database.away:
            return Told(state="degraded", reason="PostgreSQL is away", figures=figures)
        return Told(state="degraded" if self.hub.stale else "ok", reason="core is silent" if self.hub.stale else "", figures=figures)

    async def _tell_ended(self, sessions: list[str], reason: str) -> None:
        ended = SessionsEnded(sessions=sessions, reason=reason)
        await self._sessions_ended("", ended)
        await self._publish("web.sessions_ended", ended)

    async def _sessions_ended(self, _: str, ended: SessionsEnded) -> None:
        self.recognition.forget(ended.sessions)
        self.door.end_sessions(ended.sessions, ended.reason)

    async def _tell_failed(self, username: str, source: str) -> None:
        await self._publish("web.sign_in_failed", SignInFailed(username=username, source=source, node=self.id))

    async def _sign_in_failed(self, _: str, failed: SignInFailed) -> None:
        if failed.node != self.id:
            self.sign_in.throttle.failed(failed.username, failed.source, self.clock.now())

    async def _publish(self, subject: str, value: object) -> None:
        """Told to those who are there; the sweep of live sockets finds the rest within seconds."""
        if self.nats.connected:
            await self.nats.publish(subject, value)

    async def _end_idle(self) -> None:
        while True:
            await self.clock.sleep(_IDLE_ENDED_EVERY)
            await self.phones.settle()
            try:
                await self.keeper.end_idle()
            except (*OUTAGES, *NATS_OUTAGES):
                continue


class Server(uvicorn.Server):
    """uvicorn inside our frame, which has the signals."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def server(web: Web, tls: ServerContext | None = None) -> Server:
    """uvicorn over the application: no deflate on WebSockets, a silent peer is noticed within 15 s, nobody's headers are believed."""
    return Server(uvicorn.Config(
        web.app, loop="none", http="httptools", ws="websockets-sansio", ws_per_message_deflate=False, ws_ping_interval=5.0,
        ws_ping_timeout=10.0, ws_max_size=64 * 1024, lifespan="off", access_log=False, log_config=None, proxy_headers=False,
        server_header=False, timeout_keep_alive=30, timeout_graceful_shutdown=_STOP_SECONDS, h11_max_incomplete_event_size=64 * 1024,
        ssl_context_factory=None if tls is None else lambda *_: tls.context, backlog=1024,
    ))  # fmt: skip


def listen(settings: Settings, port: int) -> socket.socket:
    """The listening socket: the one that the supervisor hands over (``YITONG_DOOR``, app/run.py), else our own."""
    handed = os.environ.get("YITONG_DOOR", "")
    if handed.isdigit():
        return socket.socket(fileno=int(handed))
    listening = socket.socket(socket.AF_INET6 if ":" in settings.bind else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the body of an answer waits 40 ms for the client's ACK
    listening.bind((settings.bind, port))
    listening.set_inheritable(False)
    return listening


async def run(settings: Settings) -> None:
    """Serve until cancelled."""
    frame = current()
    nats = await Nats.connect(settings.nats_url, "web")
    web = Web(settings, nats, SystemClock(), frame.tasks, frame.metrics)
    await _require_schema(web)
    await web.open()
    frame.health(web.told)
    tls = ServerContext(settings.tls_cert, settings.tls_key) if settings.tls else None
    serving = server(web, tls)
    running = frame.tasks.start(serving.serve([listen(settings, settings.http_port)]), "http server", vital=True)
    while not serving.started and not running.done():
        await web.clock.sleep(0.02)
    frame.ready()
    if tls is not None:
        frame.tasks.keep(lambda: tls.follow(web.clock), "renew the certificate")
    try:
        await asyncio.shield(running)
    finally:
        serving.should_exit = True
        await asyncio.wait({running}, timeout=_STOP_SECONDS + 1)
        await nats.close()
        await web.database.close()


async def _require_schema(web: Web) -> None:
    """Refuse an older schema; without PostgreSQL go on, for live documents and commands do not need it."""
    try:
        await require_current(web.database)
    except OUTAGES:
        return

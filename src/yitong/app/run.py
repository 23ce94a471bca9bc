"""``yitong run``: every process on one machine under one supervisor, in order, with the demo on an empty home."""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import os
import resource
import secrets
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from yitong.app import embedded, engines, operate, startpage
from yitong.app.child import Spec
from yitong.app.process import Health, Heartbeat
from yitong.app.supervisor import StartFailed, Stopped, Supervisor
from yitong.kit import logs
from yitong.kit.certificate import ServerContext
from yitong.kit.clock import SystemClock
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.settings import Settings, SettingsError, environment
from yitong.kit.tasks import Tasks
from yitong.web.doorman import Doorman

DOOR = "YITONG_DOOR"
"""In web's environment: the number of the listening socket that it inherits."""
_log = logs.get("yitong.supervisor")


async def run(settings: Settings) -> int:
    """Everything, until a signal; returns the exit code."""
    began = SystemClock().monotonic()
    logs.configure("supervisor")
    raise_open_files()
    settings.home.mkdir(parents=True, exist_ok=True)
    with _only_one(settings.home):
        _ports_free(settings)
        door = listen(settings)
        runtime = embedded.runtime_folder(settings.home)
        supervisor = Supervisor(runtime, log_folder=settings.home / "log", show=not sys.stderr.isatty())
        supervisor.listen_to_signals()
        tasks = Tasks()
        try:
            tasks.keep(Doorman(door, lambda: _away(supervisor, "web"), SystemClock(), _context(settings)).watch, "doorman")
            settings, first = await _start(supervisor, settings, door)
            print(startpage.text(settings, first=first, seconds=SystemClock().monotonic() - began), flush=True)
            tasks.keep(lambda: _beat(supervisor, settings), "heartbeat")
            await supervisor.run()
            return 0
        except Stopped:
            return 0
        except StartFailed as error:
            print(f"yitong: {error}; see {settings.home / 'log'} or the lines above.", file=sys.stderr)
            return 1
        finally:
            await tasks.close()
            await supervisor.stop()
            door.close()


async def _start(supervisor: Supervisor, settings: Settings, door: socket.socket) -> tuple[Settings, bool]:
    """Engines, schema, demo, processes; returns the settings of this run, and whether the demo was loaded now."""
    settings = await engines.start(supervisor, settings)
    await engines.prepare(settings)
    marker = settings.home / "secrets" / "demo-loaded"
    first = not marker.exists()
    if first:
        settings = replace(settings, demo_password=settings.demo_password or secrets.token_urlsafe(9))
        first = await _load_demo(settings)
        marker.parent.mkdir(mode=0o700, exist_ok=True)
        marker.touch()
    kept = [await supervisor.start(spec) for spec in specs(settings, door.fileno())]
    await supervisor.serving(kept, 120.0)
    supervisor.watch_over()
    supervisor.stand_by(environment(replace(settings, demo_password="")))
    return settings, first


async def _load_demo(settings: Settings) -> bool:
    loaded: bool = await importlib.import_module("yitong.app.demo").load(settings)  # only on an empty home
    return loaded


def specs(settings: Settings, door: int = -1) -> list[Spec]:
    """Our own processes, in the order of their start. ``door``: the listening HTTP socket that web gets; without it web opens its own."""
    given = environment(replace(settings, demo_password=""))
    command = (sys.executable, "-m", "yitong.app.cli")

    def one(kind: str, number: int | None = None, nice: int = 0) -> Spec:
        name = kind if number is None else f"{kind}-{number}"
        return Spec(name=name, command=(*command, kind), environment={**given, "YITONG_WORKER": str(number or 0)}, nice=nice)

    web = one("web")
    return [
        *(one("media", number) for number in range(settings.media_count)),
        one("switch"),
        one("core"),
        web if door < 0 else replace(web, environment={**web.environment, DOOR: str(door)}, handed=(door,)),
        *(one("worker", number, nice=10) for number in range(settings.workers)),
    ]


def raise_open_files() -> None:
    """The limit of open files goes up to what the system allows; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _only_one(home: Path) -> Iterator[IO[str]]:
    """Two supervisors on one home would fight over everything in it."""
    with (home / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(f"Another Yitong already runs on {home}: stop it first, or set YITONG_HOME to another folder.") from error
        yield file


def _ports_free(settings: Settings) -> None:
    """A taken port is said at once and by name, not by a child that cannot start."""
    wanted = (
        ("SIP_PORT", settings.sip_port, socket.SOCK_DGRAM),
        ("SIP_PORT", settings.sip_port, socket.SOCK_STREAM),
        ("SIP_WS_PORT", settings.sip_ws_port, socket.SOCK_STREAM),
        *([("SIP_PORT", settings.sip_port + 1, socket.SOCK_STREAM)] if settings.tls else []),  # SIP over TLS
    )
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    for name, port, kind in wanted:
        with socket.socket(family, kind) as asked:
            if kind == socket.SOCK_STREAM:
                asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                asked.bind((settings.bind, port))
            except OSError as error:
                raise _taken(name, port, error) from error


def listen(settings: Settings) -> socket.socket:
    """The HTTP port, held by the supervisor: whoever comes while web restarts waits in it instead of being refused."""
    door = socket.socket(socket.AF_INET6 if ":" in settings.bind else socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an answer's body does not wait for the ACK of its head
    try:
        door.bind((settings.bind, settings.http_port))
        door.listen(1024)
    except OSError as error:
        door.close()
        raise _taken("HTTP_PORT", settings.http_port, error) from error
    door.setblocking(False)
    return door


def _taken(name: str, port: int, error: OSError) -> SettingsError:
    return SettingsError(f"Port {port} is in use or not allowed ({error.strerror}): set YITONG_{name} to a free one.")


def _away(supervisor: Supervisor, name: str) -> bool:
    return supervisor.states().get(name, ("", 0, 0))[0] != "running"


def _context(settings: Settings) -> Callable[[], ssl.SSLContext] | None:
    return (lambda: ServerContext(settings.tls_cert, settings.tls_key).context) if settings.tls else None


async def _beat(supervisor: Supervisor, settings: Settings) -> None:
    """Tell how the children stand: whoever answers /healthz sees an alarm."""
    nats = await Nats.connect(settings.nats_url, "supervisor")
    clock, node = SystemClock(), settings.node

    async def ordered(_: str, order: operate.Order) -> operate.Standing:
        return obeyed(supervisor, order)

    try:
        await nats.answer(operate.subject("supervisor", node), operate.Order, ordered)
        while True:
            health = health_of(supervisor)
            beat = Heartbeat(
                process="supervisor", node=node, pid=os.getpid(), state=health.state, reason=health.reason, figures=health.figures
            )
            if nats.connected:
                await nats.publish(f"health.supervisor.{node.replace('.', '-')}", beat)
            await clock.sleep(1.0)
    except OUTAGES as error:
        _log.info("heartbeat not sent", error=repr(error))
    finally:
        await asyncio.shield(nats.close())


def obeyed(supervisor: Supervisor, order: operate.Order) -> operate.Standing:
    """Do what an operator says, and tell how the children stand."""
    match order.act:
        case "leave":
            supervisor.leave()
        case "restart" if order.name == operate.SPARE:
            supervisor.drop_spare()
        case "restart":
            supervisor.renew(order.name)
    states = supervisor.states()
    children = {name: state for name, (state, _, _) in states.items()} | ({operate.SPARE: "running"} if supervisor.spare else {})
    return operate.Standing(children=children, pids={name: pid for name, (_, pid, _) in states.items()})


def health_of(supervisor: Supervisor) -> Health:
    """Failed when a child keeps failing, degraded while one is away."""
    states = supervisor.states()
    alarm = [name for name, (state, _, _) in states.items() if state == "alarm"]
    away = [name for name, (state, _, _) in states.items() if state != "running"]
    figures = {f"restarts_{name}": float(restarts) for name, (_, _, restarts) in states.items()}
    if alarm:
        return Health(state="failed", reason=f"{', '.join(alarm)} keeps failing", figures=figures)
    if away:
        return Health(state="degraded", reason=f"{', '.join(away)} is being started", figures=figures)
    return Health(figures=figures)

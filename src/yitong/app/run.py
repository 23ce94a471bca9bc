"""``yitong run``: every process on one machine under one supervisor, in order, with the demo on an empty home."""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import os
import resource
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from yitong.app import embedded, engines, startpage
from yitong.app.child import Spec
from yitong.app.process import Health, Heartbeat
from yitong.app.supervisor import StartFailed, Stopped, Supervisor
from yitong.kit import logs
from yitong.kit.clock import SystemClock
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.settings import Settings, SettingsError, environment
from yitong.kit.tasks import Tasks

_log = logs.get("yitong.supervisor")


async def run(settings: Settings) -> int:
    """Everything, until a signal; returns the exit code."""
    began = SystemClock().monotonic()
    logs.configure("supervisor")
    raise_open_files()
    settings.home.mkdir(parents=True, exist_ok=True)
    with _only_one(settings.home):
        _ports_free(settings)
        runtime = embedded.runtime_folder(settings.home)
        supervisor = Supervisor(runtime, log_folder=settings.home / "log", show=not sys.stderr.isatty())
        supervisor.listen_to_signals()
        tasks = Tasks()
        try:
            settings, first = await _start(supervisor, settings)
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


async def _start(supervisor: Supervisor, settings: Settings) -> tuple[Settings, bool]:
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
    kept = [await supervisor.start(spec) for spec in specs(settings)]
    await supervisor.serving(kept, 120.0)
    return settings, first


async def _load_demo(settings: Settings) -> bool:
    loaded: bool = await importlib.import_module("yitong.app.demo").load(settings)  # only on an empty home
    return loaded


def specs(settings: Settings) -> list[Spec]:
    """Our own processes, in the order of their start."""
    given = environment(replace(settings, demo_password=""))
    command = (sys.executable, "-m", "yitong.app.cli")

    def one(kind: str, number: int | None = None, nice: int = 0) -> Spec:
        name = kind if number is None else f"{kind}-{number}"
        return Spec(name=name, command=(*command, kind), environment={**given, "YITONG_WORKER": str(number or 0)}, nice=nice)

    return [
        *(one("media", number) for number in range(settings.media_count)),
        one("switch"),
        one("core"),
        one("web"),
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
        ("HTTP_PORT", settings.http_port, socket.SOCK_STREAM),
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
                raise SettingsError(f"Port {port} is in use or not allowed ({error.strerror}): set YITONG_{name} to a free one.") from error


async def _beat(supervisor: Supervisor, settings: Settings) -> None:
    """Tell how the children stand: whoever answers /healthz sees an alarm."""
    nats = await Nats.connect(settings.nats_url, "supervisor")
    clock, node = SystemClock(), settings.node
    try:
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

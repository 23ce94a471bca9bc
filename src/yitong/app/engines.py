"""The embedded engines under the supervisor: started, waited for, and their URLs put into the settings."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from yitong.app import embedded, streams
from yitong.app.child import Spec
from yitong.app.migrate import migrate
from yitong.app.supervisor import Kept, Supervisor
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.settings import Settings

_URLS = "urls.json"


async def start(supervisor: Supervisor, settings: Settings) -> Settings:
    """Start the engines that ``settings`` leaves to us; returns the settings with both URLs, for use in this run."""
    kept: list[Kept] = []
    settings = replace(settings, runtime=str(embedded.runtime_folder(settings.home)))
    if not settings.database_url:
        engine = await asyncio.to_thread(embedded.postgres, settings.home)
        kept.append(await supervisor.start(postgres_spec(engine)))
        settings = replace(settings, database_url=engine.url)
    if not settings.nats_url:
        engine = embedded.nats(settings.home)
        kept.append(await supervisor.start(nats_spec(engine)))
        settings = replace(settings, nats_url=engine.url)
    _remember(settings)
    await supervisor.serving(kept, 120.0)
    if any(one.spec.name == "postgres" for one in kept):
        await asyncio.to_thread(embedded.make_database, settings.database_url)
    return settings


async def prepare(settings: Settings) -> None:
    """The schema and the streams as this release needs them."""
    await asyncio.to_thread(migrate, settings)
    nats = await Nats.connect(settings.nats_url, "prepare", patience_seconds=10)
    try:
        await streams.prepare(nats)
    finally:
        await nats.close()


@asynccontextmanager
async def reach(settings: Settings) -> AsyncIterator[Settings]:
    """For a single command: settings whose engines answer. Uses those of a running ``yitong run``, else starts them meanwhile."""
    if settings.database_url and settings.nats_url:
        yield settings
        return
    running = await _running(settings)
    if running is not None:
        yield running
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(embedded.runtime_folder(settings.home), log_folder=settings.home / "log")
    try:
        yield await start(supervisor, settings)
    finally:
        await supervisor.stop()


def postgres_spec(engine: embedded.Engine) -> Spec:
    """SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one."""

    async def there() -> bool:
        return await postgres_answers(engine.url.replace("@/yitong?", "@/postgres?"))

    return Spec(
        name="postgres", command=engine.command, stop=signal.SIGINT, at_once=signal.SIGQUIT, there=there,
        environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}, stop_seconds=20.0, talkative=True,
    )  # fmt: skip


def nats_spec(engine: embedded.Engine) -> Spec:
    async def there() -> bool:
        return await nats_answers(engine.url)

    return Spec(name="nats", command=engine.command, stop=signal.SIGTERM, there=there, talkative=True)


async def postgres_answers(url: str) -> bool:
    """Whether PostgreSQL takes connections under ``url``."""
    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=2)
    except psycopg.OperationalError:
        return False
    await connection.close()
    return True


async def nats_answers(url: str) -> bool:
    """Whether NATS is there with JetStream."""
    host, _, port = url.rpartition("@")[2].rpartition(":")
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 1.0)
        writer.close()
        nats = await Nats.connect(url, "start", patience_seconds=2.0)
    except OUTAGES:
        return False
    try:
        await nats.js.account_info()
    except OUTAGES:
        return False
    finally:
        await nats.close()
    return True


def _remember(settings: Settings) -> None:
    """Where this run's engines are, for other commands of the same home (readable by the owner only: it holds passwords)."""
    path = Path(settings.runtime) / _URLS
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"database_url": settings.database_url, "nats_url": settings.nats_url}, file)


async def _running(settings: Settings) -> Settings | None:
    folder = embedded.runtime_folder(settings.home)
    path = folder / _URLS
    if not path.exists():
        return None
    urls = json.loads(path.read_text())
    found = replace(
        settings,
        runtime=str(folder),
        database_url=settings.database_url or urls["database_url"],
        nats_url=settings.nats_url or urls["nats_url"],
    )
    if await postgres_answers(found.database_url) and await nats_answers(found.nats_url):
        return found
    return None

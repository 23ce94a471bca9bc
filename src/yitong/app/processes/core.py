"""The core process: every partition (tenant and site) that is configured, each with its lease."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import msgspec

from yitong.app.host import Host
from yitong.app.process import Frame, Health, current
from yitong.kit import logs
from yitong.kit.nats import Nats, Revision
from yitong.kit.outbox import Outbox
from yitong.kit.publisher import Publisher
from yitong.kit.settings import Settings
from yitong.kit.stream import watch

LAST_SECONDS = 1.0
"""How long the end waits for the last facts to be acknowledged."""
Config = dict[tuple[str, str], dict[str, Any]]
_log = logs.get("yitong.core")


class Core:
    """Follows the published configuration and opens a host for every site."""

    def __init__(self, nats: Nats, frame: Frame, settings: Settings) -> None:
        folder = settings.home / "outbox"
        self._nats, self._frame, self._node = nats, frame, settings.node
        self._ledger = Publisher(nats, "LEDGER", frame.tasks, outbox=Outbox(folder / "core-ledger"), clock=frame.clock)
        self._personal = Publisher(nats, "PERSONAL", frame.tasks, outbox=Outbox(folder / "core-personal"), clock=frame.clock)
        self._config: dict[str, Config] = {}
        self._loaded = asyncio.Event()
        self.hosts: dict[tuple[str, str], Host] = {}
        frame.health(self._health)

    async def open(self) -> None:
        """Take up what a former life could not send, load the configuration, open every site."""
        await self._personal.start()
        await self._ledger.start()
        await self._personal.drained()
        await self._ledger.drained()
        self._frame.tasks.keep(lambda: watch(self._nats, "config", ">", self._changed), "configuration")
        await self._loaded.wait()
        sites = [(tenant, key) for tenant, config in self._config.items() for kind, key in config if kind == "site"]
        # All at once: one that has far to read must not keep the others from serving.
        await asyncio.gather(*(self._open_later(tenant, site) for tenant, site in sites))

    def _open_later(self, tenant: str, site: str) -> asyncio.Task[None]:
        return self._frame.tasks.start(self._open_site(tenant, site), f"site {tenant}.{site}", vital=True)

    async def _open_site(self, tenant: str, site: str) -> None:
        if (tenant, site) in self.hosts:
            return
        host = Host(
            tenant, site, nats=self._nats, clock=self._frame.clock, tasks=self._frame.tasks, ledger=self._ledger, personal=self._personal,
            node=self._node, config=self._config[tenant],
        )  # fmt: skip
        self.hosts[tenant, site] = host
        await host.open()

    async def _changed(self, revision: Revision | None) -> None:
        """A key of the configuration: ``{tenant}.{kind}.{id}``."""
        if revision is None:
            self._loaded.set()
            return
        tenant, _, rest = revision.key.partition(".")
        kind, _, key = rest.partition(".")
        try:
            value: dict[str, Any] | None = None if revision.value is None else msgspec.json.decode(revision.value, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            _log.error("configuration not readable", key=revision.key, error=str(error))
            return
        config = self._config.setdefault(tenant, {})
        if value is None:
            config.pop((kind, key), None)
        else:
            config[kind, key] = value
        if not self._loaded.is_set():
            return
        for (owner, _), host in list(self.hosts.items()):
            if owner == tenant:
                host.configure(kind, key, value)
        if kind == "site" and value is not None:
            self._open_later(tenant, key)

    def _health(self) -> Health:
        """Degraded while a switch is silent or the ledger does not acknowledge; failed while no site is served."""
        if not any(host.ready for host in self.hosts.values()):
            return Health(state="failed", reason="no_site_served")
        behind = [host.site for host in self.hosts.values() if host.engine.behind]
        reason = "switch_silent" if behind else "ledger_waits" if self._ledger.disturbed else ""
        figures = {
            "partitions": len(self.hosts), "contacts": sum(len(host.engine.registry) for host in self.hosts.values()),
            "waiting": sum(len(host.partition.acd.model.queued) for host in self.hosts.values()),
            "assignments": sum(1 for host in self.hosts.values() for _ in host.partition.acd.model.assignments()),
            "corrections": sum(host.corrections for host in self.hosts.values()), "ledger_backlog": self._ledger.backlog,
        }  # fmt: skip
        return Health(state="degraded" if reason else "ok", reason=reason, figures={name: float(value) for name, value in figures.items()})

    async def close(self) -> None:
        """Give every partition up in peace, what was decided on the disk of the stream if that takes no time."""
        for host in self.hosts.values():
            host.hurry()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await self._ledger.drained()
        for host in self.hosts.values():
            if host.ready:
                await host.close()


async def run(settings: Settings) -> None:
    """Serve until cancelled."""
    frame = current()
    nats = await Nats.connect(settings.nats_url, "core")
    core = Core(nats, frame, settings)
    try:
        await core.open()
        frame.ready()
        await asyncio.Event().wait()
    finally:
        await core.close()
        await nats.close()

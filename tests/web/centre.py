"""A working centre around the web process under test: the real core and worker on the real NATS server and PostgreSQL.

The telephones are those of the simulated switch. ``Centre`` is also what people there do: be ready, call, answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import text
from tests.web.world import HOTLINE, Tenant, World

from yitong.app import streams
from yitong.app.host import Host
from yitong.app.process import Frame, Health
from yitong.app.processes.core import Core
from yitong.app.processes.worker import Worker
from yitong.contact.ledger import Batch, Event
from yitong.ct.model import DeviceKind
from yitong.ct.security import AskSecurity, SecurityStanding, subject
from yitong.ct.switches.soft.defence import Defence
from yitong.ct.switches.soft.directory import Directory
from yitong.domains.acd.model.agent import Assignment
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.nats import Nats, decode
from yitong.kit.stream import read
from yitong.sim.callers import Customer
from yitong.sim.served import ServedSwitch
from yitong.sim.switch import IGNORES, SimSwitch


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for a condition, not for a time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class Process:
    """One of our processes in the test's own loop: its frame with the heartbeat, and a connection of its own."""

    def __init__(self, name: str, world: World, nats: Nats) -> None:
        self.frame = Frame(name, world.settings, SystemClock())
        self.nats = nats
        self.frame.tasks.keep(self.frame.beat, f"heartbeat of {name}")

    @classmethod
    async def begin(cls, name: str, world: World) -> Process:
        return cls(name, world, await Nats.connect(world.settings.nats_url, name))

    async def end(self) -> None:
        """Without a word, as kill -9 does."""
        failure = self.frame.tasks.failure
        await self.frame.tasks.close()
        await self.nats.close()
        assert failure is None, failure


class Centre:
    """Both tenants of ``world`` at work; their hotline leads to the queue."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.core: Core | None = None
        self._processes: dict[str, Process] = {}
        self._databases: list[Database] = []
        self._called = 0

    # --- processes -----------------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        await self._forget()
        for tenant in ("mine", "other"):
            path = f"/config/flows/{self.tenant(tenant).ids['flow']}/publish"
            answer = await self.world.ask("POST", path, await self.world.headers("admin", tenant))
            assert answer.status_code == 200, answer.text
        await self.world.configured()
        await self._start_switch()
        await self.start_core()

    async def _forget(self) -> None:
        """The same tenants were in another test, with another database: core must not go on from what they did there."""
        for stream in ("LEDGER", "PERSONAL", "KV_core"):
            await self.world.nats.js.delete_stream(stream)
        await streams.prepare(self.world.nats)

    async def _start_switch(self) -> None:
        process = self._processes["switch"] = await Process.begin("switch", self.world)
        served = ServedSwitch(process.nats, [(tenant.id, tenant.site) for tenant in (self.world.mine, self.world.other)])
        self._switches = served.switches
        process.frame.health(lambda: Health(figures={"calls": float(sum(len(one.lines) for one in served.switches.values()))}))
        process.frame.tasks.start(served.run(), "switch", vital=True)
        defence = Defence(Directory(), SystemClock())

        async def secured(_: str, ask: AskSecurity) -> SecurityStanding:
            return defence.asked(ask, set())

        await process.nats.answer(subject(self.world.settings.node), AskSecurity, secured)
        process.frame.ready()

    async def start_core(self) -> None:
        """The core process' own body: it takes the leases and serves every site."""
        process = self._processes["core"] = await Process.begin("core", self.world)
        core = self.core = Core(process.nats, process.frame, self.world.settings)
        await core.open()
        process.frame.ready()
        await until(lambda: len(core.hosts) == 2 and not any(host.engine.behind for host in core.hosts.values()))

    async def start_worker(self) -> None:
        """Projections, configuration, who calls."""
        process = self._processes["worker"] = await Process.begin("worker", self.world)
        database = Database(self.world.settings.database_url, name="worker")
        self._databases.append(database)
        worker = Worker(database, process.nats, SystemClock(), self.world.settings.home / "prompts")
        process.frame.health(worker.health)
        await worker.start(process.frame.tasks)
        process.frame.ready()

    async def stop(self, name: str) -> None:
        """A process dies without a word."""
        await self._processes.pop(name).end()

    async def close(self) -> None:
        for name in list(self._processes):
            await self.stop(name)
        for database in self._databases:
            await database.close()

    # --- looking at it -------------------------------------------------------------------------------------------------------------

    def tenant(self, code: str) -> Tenant:
        return self.world.mine if code == "mine" else self.world.other

    def host(self, tenant: str = "mine") -> Host:
        assert self.core is not None
        made = self.tenant(tenant)
        return self.core.hosts[made.id, made.site]

    def switch(self, tenant: str = "mine") -> SimSwitch:
        made = self.tenant(tenant)
        return self._switches[made.id, made.site]

    def agent(self, username: str, tenant: str = "mine") -> Any:
        """The live agent in the engine."""
        return self.host(tenant).partition.acd.model.agents[self.tenant(tenant).people[username].agent]

    def assignments(self, username: str, tenant: str = "mine") -> list[Assignment]:
        """The contacts that an agent has, in the engine."""
        agent = self.tenant(tenant).people[username].agent
        return [one for one in self.host(tenant).partition.acd.model.assignments() if one.agent == agent]

    def queued(self, tenant: str = "mine") -> list[str]:
        """The contacts that wait (also those that ring somewhere), in the engine."""
        return list(self.host(tenant).partition.acd.model.queued)

    async def facts(self, kind: str, tenant: str = "mine") -> list[Event]:
        """The facts of one type in the ledger's stream."""
        made = self.tenant(tenant)
        found: list[Event] = []
        async for stored in read(self.world.nats, "LEDGER", f"ledger.{made.id}.{made.site}"):
            batch: Batch = decode(stored.data, Batch)
            found += [event for event in batch.events if event.type == kind]
        return found

    async def everything(self, tenant: str) -> dict[str, Any]:
        """All that core and the switch hold of a tenant, and how long its ledger is."""
        made, host, switch = self.tenant(tenant), self.host(tenant), self.switch(tenant)
        info = await self.world.nats.js.stream_info("LEDGER", subjects_filter=f"ledger.{made.id}.*")
        documents = ["board", *(f"desk.{person.agent}" for person in made.people.values() if person.agent)]
        host.partition.live.flush()
        return {
            "engine": msgspec.msgpack.decode(host.engine.state()),
            "ledger": dict(info.state.subjects or {}),
            "documents": {topic: host.partition.live.document(topic)[1] for topic in documents},
            "connections": sorted((one.connection, one.state) for one in switch.snapshot_now(made.id).connections),
            "devices": {name: device.device for name, device in switch.devices.items()},
        }

    async def projected(self, tenant: str) -> None:
        """Wait until the worker has written all that core has told, and published all that was configured."""
        made = self.tenant(tenant)
        async with asyncio.timeout(60):
            while True:
                async with self.world.database.transaction() as connection:
                    behind = await connection.scalar(
                        text(
                            "select (select count(*) from outbox where tenant_id = :tenant) + cast(:sequence as bigint)"
                            " - coalesce((select min(sequence) from projection_positions where tenant_id = :tenant), 0)"
                        ),
                        {"tenant": made.id, "sequence": self.host(tenant).engine.sequence},
                    )
                if behind == 0:
                    return
                await asyncio.sleep(0.05)

    # --- what people do ------------------------------------------------------------------------------------------------------------

    async def ready(self, username: str, tenant: str = "mine") -> dict[str, str]:
        """An agent with a telephone (which rings until somebody picks up) signs in and becomes ready; returns the headers."""
        made = self.tenant(tenant)
        who = await self.world.headers(username, tenant)
        self.switch(tenant).register(made.id, username, kind=DeviceKind.PHONE, usual=IGNORES)
        answer = await self.world.ask("PUT", "/me/state", who, json={"state": "ready"})
        assert answer.status_code == 204, answer.text
        return who

    async def call(self, tenant: str = "mine") -> Customer:
        """Somebody calls the hotline, and waits in the queue or rings at an agent."""
        known = set(self.queued(tenant))
        self._called += 1
        caller = f"1{'39' if tenant == 'mine' else '77'}{self._called:08d}"
        customer = Customer(self.switch(tenant), tenant=self.tenant(tenant).id, called=HOTLINE, calling=caller)
        await until(lambda: set(self.queued(tenant)) - known)
        return customer

    async def offered(self, username: str, tenant: str = "mine") -> tuple[dict[str, str], str]:
        """A contact rings at the agent: headers and assignment."""
        who = await self.ready(username, tenant)
        await self.call(tenant)
        await until(lambda: [one.state for one in self.assignments(username, tenant)] == ["offered"])
        return who, self.assignments(username, tenant)[0].id

    async def answer(self, username: str, tenant: str = "mine") -> None:
        """The agent's telephone is picked up."""
        (assignment,) = self.assignments(username, tenant)
        switch, (ringing,) = self.switch(tenant), assignment.targets
        await until(lambda: ringing in switch.lines)
        switch.pick_up(ringing)
        await until(lambda: assignment.state == "active")

    async def talking(self, username: str, tenant: str = "mine") -> tuple[dict[str, str], str]:
        """The agent talks with a customer: headers and assignment."""
        who, assignment = await self.offered(username, tenant)
        await self.answer(username, tenant)
        return who, assignment

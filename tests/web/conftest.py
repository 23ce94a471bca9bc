"""A web process with two tenants for every test here. The tenants are made once per test process and copied with their database."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.databases import Databases
from tests.web.centre import Centre
from tests.web.world import Seed, Tenant, World, settings_for

from yitong.kit.database import Database
from yitong.kit.nats import Nats
from yitong.kit.settings import Settings


class Seeded:
    """A database with two tenants, to be copied."""

    def __init__(self, databases: Databases) -> None:
        self.name = f"seeded_{os.getpid()}"
        self.tenants: list[Tenant] = []
        self._databases = databases

    async def fill(self) -> None:
        database = Database(self._databases.at(self.name), name="seed")
        seed = Seed(database)
        self.tenants = [await seed.tenant("mine"), await seed.tenant("other")]
        await database.close()


@pytest.fixture(scope="session")
def seeded(postgres_template: str, databases: Databases) -> Seeded:
    """The database with two tenants."""
    made = Seeded(databases)
    databases.run("create database {} template yitong strategy file_copy", made.name)
    with ThreadPoolExecutor(1) as apart:  # asyncio.run here would leave pytest-asyncio's own loop unclosed
        apart.submit(asyncio.run, made.fill()).result()
    return made


@pytest.fixture
def seeded_url(seeded: Seeded, databases: Databases) -> Iterator[str]:
    """A database like that for one test."""
    with databases.lent(seeded.name) as url:
        yield url


@pytest.fixture
async def world(settings: Settings, seeded: Seeded, seeded_url: str, nats_url: str, nats: Nats) -> AsyncIterator[World]:
    """The web process, serving."""
    mine, other = copy.deepcopy(seeded.tenants)
    made = World(settings_for(settings, seeded_url, nats_url), nats, mine, other)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def centre(world: World) -> AsyncIterator[Centre]:
    """The real core behind the web process, with the simulated switch."""
    made = Centre(world)
    await made.open()
    yield made
    await made.close()

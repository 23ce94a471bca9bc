"""A web process with two tenants for every test here. The tenants are made once per test process and copied with their database."""

from __future__ import annotations

import asyncio
import copy
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.web.centre import Centre
from tests.web.world import Seed, Tenant, World, settings_for

from yitong.kit.database import Database
from yitong.kit.nats import Nats
from yitong.kit.settings import Settings


class Seeded:
    """A database with two tenants, to be copied."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = f"seeded_{os.getpid()}"
        self.tenants: list[Tenant] = []

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.url.replace("@/yitong?", "@/postgres?"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def at(self, name: str) -> str:
        return self.url.replace("@/yitong?", f"@/{name}?")

    async def fill(self) -> None:
        database = Database(self.at(self.name), name="seed")
        seed = Seed(database)
        self.tenants = [await seed.tenant("mine"), await seed.tenant("other")]
        await database.close()


@pytest.fixture(scope="session")
def seeded(postgres_template: str) -> Iterator[Seeded]:
    """The database with two tenants."""
    made = Seeded(postgres_template)
    made.sql(f'create database "{made.name}" template yitong strategy file_copy')
    with ThreadPoolExecutor(1) as apart:  # asyncio.run here would leave pytest-asyncio's own loop unclosed
        apart.submit(asyncio.run, made.fill()).result()
    yield made
    made.sql(f'drop database "{made.name}" with (force)')


@pytest.fixture
def seeded_url(seeded: Seeded) -> Iterator[str]:
    """A copy for one test."""
    name = f"web_{os.getpid()}_{secrets.token_hex(4)}"
    seeded.sql(f'create database "{name}" template "{seeded.name}" strategy file_copy')
    yield seeded.at(name)
    seeded.sql(f'drop database "{name}" with (force)')


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

"""A web process with two tenants, for every test of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.web.world import FakeCore, World, settings_for
from yitong.kit.nats import Nats
from yitong.kit.settings import Settings


@pytest.fixture
async def world(settings: Settings, postgres_url: str, nats_url: str, nats: Nats) -> AsyncIterator[World]:
    """The web process, serving."""
    made = World(settings_for(settings, postgres_url, nats_url), nats)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def core(world: World, nats: Nats) -> AsyncIterator[FakeCore]:
    """Core's half, answering for the first tenant."""
    made = FakeCore(nats, world.mine)
    await made.open()
    yield made
    await made.close()

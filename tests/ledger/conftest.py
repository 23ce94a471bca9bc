"""A database with one tenant, and somebody who tells facts of its site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from tests.ledger.telling import Teller, make_tenant, story

from yitong.contact.ledger import Batch
from yitong.kit.clock import SECOND, SystemClock
from yitong.kit.database import Database


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    opened = Database(postgres_url, name="test")
    yield opened
    await opened.close()


@pytest.fixture
async def teller(database: Database) -> Teller:
    tenant, site = await make_tenant(database)
    return Teller(tenant, site, SystemClock().now() - 3600 * SECOND)


@pytest.fixture
def served(teller: Teller) -> Sequence[Batch]:
    """One contact as it is told: menu, queue, refused by one agent, served by another, held, wrapped up, asked; and one that gave up."""
    return story(teller)

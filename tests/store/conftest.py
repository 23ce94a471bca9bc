"""Databases for the store's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.ledger.telling import make_tenant

from yitong.kit.database import Database


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    opened = Database(postgres_url, name="test")
    yield opened
    await opened.close()


@pytest.fixture
async def place(database: Database) -> tuple[str, str]:
    """The ids of a tenant and its site."""
    return await make_tenant(database)

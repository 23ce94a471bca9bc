"""A request under an idempotency key changes something once, whatever becomes of its answer."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from yitong.domains.sites.store import kinds
from yitong.kit import once
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.once import AlreadyDone
from yitong.kit.records import Change, change

NOW = SystemClock().now()


async def make(database: Database, tenant: str, code: str, *, dies: bool = False) -> None:
    """What a route does: a new record, made in one transaction."""
    async with database.transaction() as connection:
        value = {"code": code, "name": {"en": code}}
        wanted = Change(tenant=tenant, id=RandomIds().new(NOW), version=0, value=value, actor="", at=NOW, reason="")
        await change(connection, kinds.SKILL, wanted)
        if dies:
            raise ConnectionResetError


async def codes(database: Database, tenant: str) -> list[str]:
    async with database.transaction() as connection:
        rows = await connection.execute(text("select code from skills where tenant_id = :tenant order by code"), {"tenant": tenant})
        return [row[0] for row in rows]


@pytest.mark.case("K7")
async def test_what_was_committed_is_not_done_again(database: Database, place: tuple[str, str]) -> None:
    tenant, _ = place
    with once.under("request"):
        await make(database, tenant, "a")
        await make(database, tenant, "b")  # one request may change several things
    with once.under("request"), pytest.raises(AlreadyDone):
        await make(database, tenant, "c")
    assert await codes(database, tenant) == ["a", "b"]
    with once.under("another"):
        await make(database, tenant, "c")
    await make(database, tenant, "d")
    assert await codes(database, tenant) == ["a", "b", "c", "d"]


@pytest.mark.case("K7")
async def test_what_was_not_committed_is_done(database: Database, place: tuple[str, str]) -> None:
    tenant, _ = place
    with once.under("request"), pytest.raises(ConnectionResetError):
        await make(database, tenant, "a", dies=True)
    with once.under("request"):
        await make(database, tenant, "a")
    assert await codes(database, tenant) == ["a"]


@pytest.mark.case("K7")
async def test_of_two_at_once_one_does_it(database: Database, place: tuple[str, str]) -> None:
    tenant, _ = place

    async def ask(code: str) -> None:
        with once.under("request"):
            await make(database, tenant, code)

    told = await asyncio.gather(*(ask(f"s{number}") for number in range(5)), return_exceptions=True)
    assert sum(one is None for one in told) == 1
    assert sum(isinstance(one, AlreadyDone) for one in told) == 4
    assert len(await codes(database, tenant)) == 1


async def test_old_names_are_forgotten(database: Database, place: tuple[str, str]) -> None:
    tenant, _ = place
    with once.under("request"):
        await make(database, tenant, "a")
    async with database.transaction() as connection:
        await once.forget_old(connection, NOW + once.KEPT_US + 1_000_000)
    with once.under("request"):
        await make(database, tenant, "b")
    assert await codes(database, tenant) == ["a", "b"]

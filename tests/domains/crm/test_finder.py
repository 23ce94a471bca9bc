"""Who calls: found by E.164, made when new, never twice, never across tenants; and found by people with words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.ledger.telling import make_tenant

from yitong.domains.crm.messages import Ask
from yitong.domains.crm.service import Finder
from yitong.domains.crm.store import cards
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.records import Change, change
from yitong.kit.scope import Denied, Scope

READER = frozenset({"customers.read"})


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    opened = Database(postgres_url, name="test")
    yield opened
    await opened.close()


async def _make(database: Database, tenant: str, **value: object) -> str:
    clock, ids = SystemClock(), RandomIds()
    id = ids.new(clock.now())
    async with database.transaction() as connection:
        await change(connection, cards.CUSTOMER, Change(tenant=tenant, id=id, version=0, value=value, actor="", at=clock.now()))
    return id


def _finder(database: Database) -> Finder:
    return Finder(database, SystemClock(), RandomIds())


@pytest.mark.parametrize("dialled", ["13910010001", "+8613910010001", "008613910010001", "139 1001 0001"])
async def test_a_number_is_found_however_it_is_written(database: Database, dialled: str) -> None:
    tenant, _ = await make_tenant(database)
    id = await _make(database, tenant, name="张伟", numbers=["+8613910010001"], **{"class": "VIP"})
    card = await _finder(database).find(tenant, Ask(contact="c", number=dialled))
    assert card is not None
    assert (card.id, card.name, card.klass, card.new) == (id, "张伟", "VIP", False)


async def test_a_new_number_gets_one_card_also_when_it_calls_twice_at_once(database: Database) -> None:
    tenant, _ = await make_tenant(database)
    finder, ask = _finder(database), Ask(contact="c", number="01065510002")
    await finder.learn_regions()
    found = await asyncio.gather(*(finder.find(tenant, ask) for _ in range(4)))
    assert len({card.id for card in found if card}) == 1
    assert sorted(card.new for card in found if card) == [False, False, False, True]
    assert {card.region for card in found if card} == {"北京市"}


@pytest.mark.parametrize("number", ["1001", "96900", "", "anonymous", "guest-7f", "+", "１３９１００１０００１", "9" * 400])
async def test_what_is_no_subscriber_s_number_gets_no_card(database: Database, number: str) -> None:
    tenant, _ = await make_tenant(database)
    assert await _finder(database).find(tenant, Ask(contact="c", number=number)) is None


async def test_each_tenant_has_his_own_customers(database: Database) -> None:
    one, _ = await make_tenant(database)
    two, _ = await make_tenant(database)
    await _make(database, one, name="张伟", numbers=["+8613910010001"])
    card = await _finder(database).find(two, Ask(contact="c", number="13910010001"))
    assert card is not None
    assert (card.new, card.name) == (True, "")
    assert await _finder(database).find(RandomIds().new(1), Ask(contact="c", number="13910010001")) is None


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("张三丰", {"张三丰"}),
        ("三丰", {"张三丰"}),
        ("张", {"张三丰", "张伟"}),
        ("海燕", {"吴海燕"}),
        ("厦门 旅行社", {"吴海燕"}),
        ("mill", {"John Miller"}),
        ("JOHN miller", {"John Miller"}),
        ("没有这个", set()),
        ("'); drop table customers; --", set()),
    ],
)
async def test_cards_are_found_by_words_of_any_length(database: Database, words: str, names: set[str]) -> None:
    tenant, _ = await make_tenant(database)
    for name, note in (("张三丰", "武当山"), ("张伟", ""), ("吴海燕", "厦门海燕旅行社。"), ("John Miller", "English only.")):
        await _make(database, tenant, name=name, note=note)
    other, _ = await make_tenant(database)
    async with database.transaction() as connection:
        search: dict[str, Any] = {"number": "", "words": words, "before": None, "limit": 10}
        found = await cards.find(connection, Scope(tenant=tenant, rights=READER), **search)
        assert {row["name"] for row in found} == names
        assert await cards.find(connection, Scope(tenant=other, rights=READER), **search) == []
        with pytest.raises(Denied):
            await cards.find(connection, Scope(tenant=tenant), **search)

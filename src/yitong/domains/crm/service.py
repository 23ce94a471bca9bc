"""Finding who calls."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable

import structlog

from yitong.contact.messages import Card
from yitong.domains.crm.messages import Ask
from yitong.domains.crm.model import Customer
from yitong.domains.crm.rules import e164
from yitong.domains.crm.store import lookup
from yitong.kit.clock import Clock
from yitong.kit.database import Database
from yitong.kit.ids import Ids
from yitong.kit.records import Conflict

_log = structlog.get_logger("yitong.crm")


class Finder:
    """Answers ``ask.crm.{tenant}``: the caller's card, made now when the number is new; nothing for what is no subscriber's number."""

    def __init__(self, database: Database, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._region: Callable[[str, str], str] = lambda number, language: ""

    async def learn_regions(self) -> None:
        """Load the tables of numbers' regions beside the work; until then new cards have no region."""
        self._region = (await asyncio.to_thread(importlib.import_module, "yitong.domains.crm.rules.regions")).region_of

    async def find(self, tenant: str, ask: Ask) -> Card | None:
        """Who calls. One transaction; two calls of a new number at once get the same card."""
        for _ in range(2):
            try:
                return await self._find(tenant, ask)
            except Conflict:
                _log.info("the card was made meanwhile", contact=ask.contact)
        return None

    async def _find(self, tenant: str, ask: Ask) -> Card | None:
        async with self._database.transaction() as connection:
            country, language = await lookup.home_of(connection, tenant)
            number = e164(ask.number, country) if country else ""
            if not number:
                return None
            found = await lookup.by_number(connection, tenant, number)
            if found is not None:
                return card(found, number)
            now = self._clock.now()
            made = await lookup.make(connection, tenant, self._ids.new(now), number, self._region(number, language), now)
            return card(made, number, new=True)


def card(customer: Customer, number: str, *, new: bool = False) -> Card:
    """A customer's card as the desk shows it for a call from ``number``."""
    return Card(
        id=customer.id, name=customer.name, number=number, region=customer.region, klass=customer.klass, note=customer.note,
        language=customer.language, new=new,
    )  # fmt: skip

"""Finding who calls."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable

import msgspec

from yitong.contact.messages import Card
from yitong.domains.crm.messages import Ask
from yitong.domains.crm.model import Customer
from yitong.domains.crm.rules import e164
from yitong.domains.crm.store import lookup
from yitong.kit.clock import Clock
from yitong.kit.database import Database
from yitong.kit.ids import Ids

GATHER_SECONDS = 0.05
"""How often is looked for callers at most: one transaction for many costs little more than for one. Who asks while it is quiet is answered
at once, the others before a telephone has rung.
"""
HOME_SECONDS = 30.0
"""How long a tenant's country and language are believed."""


class Finder:
    """Answers ``ask.crm.{tenant}``: the caller's card, made now when the number is new; nothing for what is no subscriber's number."""

    def __init__(self, database: Database, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._homes: dict[str, tuple[float, tuple[str, str]]] = {}
        self._wanted: dict[str, dict[str, list[asyncio.Future[Card]]]] = {}
        self._served_at: dict[str, float] = {}
        self._region: Callable[[str, str], str] = lambda number, language: ""

    async def learn_regions(self) -> None:
        """Load the tables of numbers' regions beside the work; until then new cards have no region."""
        self._region = (await asyncio.to_thread(importlib.import_module, "yitong.domains.crm.rules.regions")).region_of

    async def find_all(self, tenant: str, asked: list[Ask]) -> list[Card | None]:
        """Who each of them is, in their order."""
        return list(await asyncio.gather(*(self.find(tenant, one) for one in asked)))

    async def find(self, tenant: str, ask: Ask) -> Card | None:
        """Who calls. Those asked for at once are looked for together; two calls of a new number at once get the same card."""
        country, language = await self._home(tenant)
        if country and "@" in ask.number:
            return await self._of_address(tenant, ask.number.lower())
        number = e164(ask.number, country) if country else ""
        if not number:
            return None
        found: asyncio.Future[Card] = asyncio.get_running_loop().create_future()
        wanted = self._wanted.setdefault(tenant, {})
        wanted.setdefault(number, []).append(found)
        if sum(map(len, wanted.values())) == 1:
            await self._serve(tenant, language)
        return await found

    async def _of_address(self, tenant: str, address: str) -> Card:
        """Who writes from there; a card is made for one who never did."""
        async with self._database.transaction() as connection:
            found = await lookup.by_address(connection, tenant, address)
            if found is None:
                await lookup.lock(connection, tenant)
                found = await lookup.by_address(connection, tenant, address)
            if found is not None:
                return card(found, address)
            now = self._clock.now()
            return card(await lookup.make_for_address(connection, tenant, address, self._ids.new(now), now), address, new=True)

    async def _serve(self, tenant: str, language: str) -> None:
        """Answer everybody who asks until it is time again."""
        await self._clock.sleep(max(0.0, self._served_at.get(tenant, 0.0) + GATHER_SECONDS - self._clock.monotonic()))
        self._served_at[tenant] = self._clock.monotonic()
        wanted = self._wanted.pop(tenant)
        try:
            cards = await self._find_all(tenant, list(wanted), language)
        except BaseException as error:
            for waiting in (one for futures in wanted.values() for one in futures if not one.done()):
                waiting.set_exception(error)
            raise
        for number, futures in wanted.items():
            for place, waiting in enumerate(futures):
                if not waiting.done():
                    made = cards[number]
                    waiting.set_result(msgspec.structs.replace(made, new=False) if place else made)

    async def _home(self, tenant: str) -> tuple[str, str]:
        now = self._clock.monotonic()
        known = self._homes.get(tenant)
        if known is None or now - known[0] > HOME_SECONDS:
            async with self._database.transaction() as connection:
                known = now, await lookup.home_of(connection, tenant)
            if known[1][0]:
                self._homes[tenant] = known
        return known[1]

    async def _find_all(self, tenant: str, numbers: list[str], language: str) -> dict[str, Card]:
        """Cards of all ``numbers``; new ones are made, together."""
        async with self._database.transaction() as connection:
            found = await lookup.by_number(connection, tenant, numbers)
            cards = {number: card(customer, number) for number, customer in found.items()}
            if len(found) < len(numbers):
                await lookup.lock(connection, tenant)
                unknown = [number for number in numbers if number not in found]
                meanwhile = await lookup.by_number(connection, tenant, unknown)
                now = self._clock.now()
                new = {number: (self._ids.new(now), self._region(number, language)) for number in unknown if number not in meanwhile}
                made = await lookup.make(connection, tenant, new, now) if new else {}
                cards |= {number: card(customer, number) for number, customer in meanwhile.items()}
                cards |= {number: card(customer, number, new=True) for number, customer in made.items()}
        return cards


def card(customer: Customer, number: str, *, new: bool = False) -> Card:
    """A customer's card as the desk shows it for a call from ``number``."""
    return Card(
        id=customer.id, name=customer.name, number=number, region=customer.region, klass=customer.klass, note=customer.note,
        language=customer.language, new=new,
    )  # fmt: skip

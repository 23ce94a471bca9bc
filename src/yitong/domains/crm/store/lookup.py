"""Finding customers by the numbers that call, for core: by tenant, nobody is signed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import text

from yitong.domains.crm.model import Customer
from yitong.domains.crm.store.cards import CUSTOMER
from yitong.kit import audit
from yitong.kit.database import Connection, direct
from yitong.kit.records import make_all


async def home_of(connection: Connection, tenant: str) -> tuple[str, str]:
    """The country and language of a tenant; ("", "") when there is no such."""
    row = (await connection.execute(text("select country, language from tenants where id = :id"), {"id": tenant})).one_or_none()
    return (str(row.country), str(row.language)) if row is not None else ("", "")


async def by_number(connection: Connection, tenant: str, numbers: Iterable[str]) -> dict[str, Customer]:
    """The customers who have these numbers (E.164); without the lists of all their numbers."""
    rows = await (await direct(connection)).execute(
        "select n.number, u.id, u.version, u.name, u.region, u.class, u.language, u.note from customer_numbers n"
        " join customers u on (u.tenant_id, u.id) = (n.tenant_id, n.customer_id) where n.tenant_id = %s and n.number = any(%s)",
        (tenant, list(numbers)),
    )
    fields = ("id", "version", "name", "region", "class", "language", "note")
    return {row[0]: msgspec.convert(dict(zip(fields, row[1:], strict=True)), Customer) async for row in rows}


async def by_address(connection: Connection, tenant: str, address: str) -> Customer | None:
    """The customer who has this address of mail (in lower case); without the lists of all his numbers and addresses."""
    rows = await (await direct(connection)).execute(
        "select u.id, u.version, u.name, u.region, u.class, u.language, u.note from customer_addresses n"
        " join customers u on (u.tenant_id, u.id) = (n.tenant_id, n.customer_id) where n.tenant_id = %s and n.address = %s",
        (tenant, address),
    )
    row = await rows.fetchone()
    fields = ("id", "version", "name", "region", "class", "language", "note")
    return msgspec.convert(dict(zip(fields, row, strict=True)), Customer) if row is not None else None


async def make_for_address(connection: Connection, tenant: str, address: str, id: str, at: int) -> Customer:
    """A card for who wrote for the first time."""
    await make_all(connection, CUSTOMER, tenant, {id: {"addresses": [address]}}, at=at, reason="new caller")
    return Customer(id=id, version=1, addresses=(address,))


async def lock(connection: Connection, tenant: str) -> None:
    """Nobody else makes cards until this transaction ends. Take it before looking for what is to be made."""
    await audit.lock(connection, tenant)


async def make(connection: Connection, tenant: str, regions: Mapping[str, tuple[str, str]], at: int) -> dict[str, Customer]:
    """Cards for numbers that called for the first time, each with its id and region."""
    values = {id: {"numbers": [number], "region": region} for number, (id, region) in regions.items()}
    await make_all(connection, CUSTOMER, tenant, values, at=at, reason="new caller")
    return {number: Customer(id=id, version=1, region=region, numbers=(number,)) for number, (id, region) in regions.items()}

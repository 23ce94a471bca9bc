"""Finding a customer by the number that calls, for core: by tenant, nobody is signed in."""

from __future__ import annotations

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.crm.model import Customer
from yitong.domains.crm.store.cards import CUSTOMER
from yitong.kit.records import Change, change, read


async def home_of(connection: AsyncConnection, tenant: str) -> tuple[str, str]:
    """The country and language of a tenant; ("", "") when there is no such."""
    row = (await connection.execute(text("select country, language from tenants where id = :id"), {"id": tenant})).one_or_none()
    return (str(row.country), str(row.language)) if row is not None else ("", "")


async def by_number(connection: AsyncConnection, tenant: str, number: str) -> Customer | None:
    """The customer who has this number (E.164)."""
    id = await connection.scalar(
        text("select customer_id from customer_numbers where tenant_id = :tenant and number = :number"),
        {"tenant": tenant, "number": number},
    )
    found = await read(connection, CUSTOMER, tenant, str(id)) if id is not None else None
    return msgspec.convert(found, Customer) if found is not None else None


async def make(connection: AsyncConnection, tenant: str, id: str, number: str, region: str, at: int) -> Customer:
    """A card for a number that called for the first time. Raises Conflict (taken) when it was made meanwhile."""
    value = {"numbers": [number], "region": region}
    wanted = Change(tenant=tenant, id=id, version=0, value=value, actor="", at=at, reason="new caller")
    return msgspec.convert(await change(connection, CUSTOMER, wanted), Customer)

"""Customers' cards as people read and write them, by Scope."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.kit.clock import moment
from yitong.kit.records import Field, Kind, Part, Value, read
from yitong.kit.scope import Scope

CUSTOMER = Kind(
    name="customer", table="customers", code="name", published=False,
    fields=tuple(Field(name, name) for name in ("name", "region", "class", "language", "note")),
    parts=(
        Part(name="numbers", table="customer_numbers", owner="customer_id", columns=(("number", "number"),), bare=True, place="place"),
        Part(
            name="addresses", table="customer_addresses", owner="customer_id", columns=(("address", "address"),), bare=True, place="place"
        ),
    ),
)  # fmt: skip

_CARD = """
select u.id, u.version, u.name, u.region, u.class, u.language, u.note, u.created_at, u.changed_at,
  array(select n.number from customer_numbers n where (n.tenant_id, n.customer_id) = (u.tenant_id, u.id) order by n.place) as numbers,
  array(select n.address from customer_addresses n where (n.tenant_id, n.customer_id) = (u.tenant_id, u.id) order by n.place) as addresses
from customers u where u.tenant_id = :tenant
"""


async def country(connection: AsyncConnection, scope: Scope) -> str:
    """The country in which the tenant's numbers are written."""
    return str(await connection.scalar(text("select country from tenants where id = :tenant"), {"tenant": scope.tenant}) or "CN")


async def find(
    connection: AsyncConnection, scope: Scope, *, number: str, words: str, before: tuple[int, str] | None, limit: int
) -> list[dict[str, Any]]:
    """Cards, the last changed first: with this number (E.164), or with these words, or all."""
    scope.require("customers.read")
    where, values = "", {"tenant": scope.tenant, "limit": limit, "number": number, "words": words, "at": None, "id": None}
    if number:
        where += " and u.id in (select n.customer_id from customer_numbers n where n.tenant_id = :tenant and n.number = :number)"
    if words:
        where += " and u.search @@ customer_query(:words)"
    if before is not None:
        where += " and (u.changed_at, u.id) < (:at, cast(:id as uuid))"
        values |= {"at": moment(before[0]), "id": before[1]}
    rows = await connection.execute(text(f"{_CARD}{where} order by u.changed_at desc, u.id desc limit :limit"), values)
    return [dict(row) for row in rows.mappings()]


async def card(connection: AsyncConnection, scope: Scope, id: str) -> Value | None:
    """One card."""
    scope.require("customers.read")
    return await read(connection, CUSTOMER, scope.tenant, id)

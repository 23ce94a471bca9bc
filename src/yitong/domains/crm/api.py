"""Customers: found by number or words, made and changed. Reading one is written into the audit log."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact.bus import Refused
from yitong.domains.crm.rules import e164
from yitong.domains.crm.store import cards
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Database
from yitong.kit.http import Caller, etag, from_cursor, iso, need, part, to_cursor, version_asked
from yitong.kit.ids import RandomIds
from yitong.kit.records import Change, Missing, change

router = APIRouter(prefix="/customers", tags=["customers"])
_Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
_Address = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,189}$", to_lower=True)]
_Number = Annotated[str, StringConstraints(max_length=40, pattern=r"^[0-9+() .-]+$")]


class Card(BaseModel):
    """A customer as sent; fields left out of a change stay."""

    model_config = ConfigDict(extra="forbid")
    name: _Line | None = None
    numbers: list[_Number] | None = Field(default=None, max_length=20)
    addresses: list[_Address] | None = Field(default=None, max_length=20)
    region: _Line | None = None
    class_: _Line | None = Field(default=None, alias="class")
    language: _Line | None = None
    note: Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")] | None = None


class Customers(BaseModel):
    """Customers, the last changed first."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.get("")
async def list_customers(
    number: Annotated[str, Query(max_length=40)] = "",
    q: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")] = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    caller: Caller = need("customers.read"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Customers:
    """Customers with a number (however written) or words; each list is an entry in the audit log (reliability W10)."""
    before = from_cursor(cursor, tuple[int, UUID]) if cursor else None
    place = (min(max(before[0], 0), 4_000_000_000_000_000), str(before[1])) if before else None
    async with database.transaction() as connection:
        wanted = e164(number, await cards.country(connection, caller.scope)) if number else ""
        if number and not wanted:
            return Customers(items=[])
        rows = await cards.find(connection, caller.scope, number=wanted, words=q, before=place, limit=limit + 1)
        await _audit(connection, caller, clock, "customer.listed", "", {"count": min(len(rows), limit)})
    last = rows[limit - 1] if len(rows) > limit else None
    return Customers(
        items=[_shown(row) for row in rows[:limit]], next=to_cursor(microseconds(last["changed_at"]), last["id"]) if last else None
    )


@router.get("/{id}")
async def get_customer(
    id: UUID,
    response: Response,
    caller: Caller = need("customers.read"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:
    """One customer."""
    async with database.transaction() as connection:
        card = await cards.card(connection, caller.scope, str(id))
        if card is None:
            raise Missing(str(id))
        await _audit(connection, caller, clock, "customer.read", str(id), {})
    response.headers["ETag"] = etag(card["version"])
    return card


@router.post("", status_code=201)
async def make_customer(
    given: Card,
    response: Response,
    caller: Caller = need("customers.write"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
) -> dict[str, Any]:
    """A new customer."""
    now = clock.now()
    async with database.transaction() as connection:
        value = await _value(connection, caller, given)
        card = await change(
            connection, cards.CUSTOMER, Change(tenant=caller.tenant, id=ids.new(now), version=0, value=value, actor=caller.user, at=now)
        )
    assert card is not None
    response.headers["ETag"] = etag(card["version"])
    response.headers["Location"] = f"/api/v1/customers/{card['id']}"
    return card


@router.patch("/{id}")
async def change_customer(
    id: UUID,
    given: Card,
    request: Request,
    response: Response,
    caller: Caller = need("customers.write"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:
    """Change the fields that are sent. If-Match, when sent, must carry the version that was read."""
    async with database.transaction() as connection:
        before = await cards.card(connection, caller.scope, str(id))
        if before is None:
            raise Missing(str(id))
        version = version_asked(request) if "if-match" in request.headers else before["version"]
        if version < 1:
            raise Missing(str(id))
        value = await _value(connection, caller, given)
        wanted = Change(tenant=caller.tenant, id=str(id), version=version, value=value, actor=caller.user, at=clock.now())
        card = await change(connection, cards.CUSTOMER, wanted)
    assert card is not None
    response.headers["ETag"] = etag(card["version"])
    return card


async def _value(connection: AsyncConnection, caller: Caller, given: Card) -> dict[str, Any]:
    value = {name: cell for name, cell in given.model_dump(by_alias=True, exclude_unset=True).items() if cell is not None}
    if "numbers" in value:
        country = await cards.country(connection, caller.scope)
        numbers = {written: e164(written, country) for written in value["numbers"]}
        wrong = [written for written, number in numbers.items() if not number]
        if wrong:
            raise Refused(
                "invalid", count=len(wrong), where="numbers", fields=[{"where": f"numbers: {one}", "code": "number"} for one in wrong]
            )
        value["numbers"] = list(dict.fromkeys(numbers.values()))
    if "addresses" in value:
        value["addresses"] = list(dict.fromkeys(value["addresses"]))
    return value


async def _audit(connection: AsyncConnection, caller: Caller, clock: SystemClock, action: str, id: str, details: dict[str, Any]) -> None:
    await audit(
        connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action=action, kind="customer", object=id,
        details=details | {"source": caller.source},
    )  # fmt: skip


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"created_at": iso(row["created_at"]), "changed_at": iso(row["changed_at"])}

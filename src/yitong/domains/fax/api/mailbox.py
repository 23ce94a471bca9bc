"""The fax mailbox: what came in and what went out, its pages, who works on it. Looking is written into the audit log."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from yitong.contact.bus import Refused
from yitong.domains.fax.api.pages import AsForm, PageNumber, PageWidth, pictured, served
from yitong.domains.fax.store import mailbox as store
from yitong.domains.fax.store import sendings
from yitong.domains.fax.store.files import FaxesFolder
from yitong.domains.fax.store.mailbox import Filter
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Database
from yitong.kit.http import Caller, from_cursor, iso, need, part, to_cursor
from yitong.kit.scope import Denied

router = APIRouter(prefix="/faxes", tags=["faxes"])
LATEST = 4_000_000_000_000_000


class Faxes(BaseModel):
    """Faxes, newest first."""

    items: list[dict[str, Any]]
    next: str | None = None


class Assignment(BaseModel):
    """To whom a fax is given: an agent, a queue, or nobody."""

    model_config = ConfigDict(extra="forbid")
    agent: UUID | None = None
    queue: UUID | None = None


class Seen(BaseModel):
    """Whether a fax was looked at."""

    model_config = ConfigDict(extra="forbid")
    seen: bool


@router.get("")
async def list_faxes(
    sent: bool | None = None,
    contact: UUID | None = None,
    q: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$")] = "",
    new: bool = False,
    mine: bool = False,
    deleted: bool = False,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    caller: Caller = need(),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Faxes:
    """The faxes that one may see. Numbers are shown, those of callers and what machines call themselves: it is audited."""
    _may_look(caller)
    place = from_cursor(cursor, tuple[int, UUID]) if cursor else None
    before = (min(max(place[0], 0), LATEST), str(place[1])) if place else None
    wanted = Filter(sent=sent, contact=str(contact or ""), words=q.strip(), new=new, mine=mine, deleted=deleted)
    async with database.transaction() as connection:
        rows = await store.faxes(connection, caller.scope, caller.agent, wanted, before=before, limit=limit + 1)
        if rows:
            await noted(connection, caller, clock, "fax.listed", "", count=min(len(rows), limit))
    last = rows[limit - 1] if len(rows) > limit else None
    return Faxes(items=[_shown(row) for row in rows[:limit]], next=to_cursor(microseconds(last["began_at"]), last["id"]) if last else None)


@router.get(
    "/{id}/document",
    response_class=Response,
    responses={200: {"description": "The pages", "content": {"image/tiff": {}, "application/pdf": {}}}},
)
async def fax_document(
    id: UUID,
    form: AsForm = "tiff",
    caller: Caller = need(),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
    clock: SystemClock = part(SystemClock),
) -> Response:
    """The pages as they were received or sent, as TIFF or as PDF."""
    async with database.transaction() as connection:
        row = await _one(connection, caller, id)
        await noted(connection, caller, clock, "fax.read", str(id))
    return await served(folder, row["file"], str(id), form)


@router.get("/{id}/page", response_class=Response, responses={200: {"content": {"image/png": {}}}})
async def fax_page_picture(
    id: UUID,
    number: PageNumber = 1,
    width: PageWidth = 864,
    caller: Caller = need(),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
    clock: SystemClock = part(SystemClock),
) -> Response:
    """One page as a picture; the first one looked at is in the audit log."""
    async with database.transaction() as connection:
        row = await _one(connection, caller, id)
        if number == 1:
            await noted(connection, caller, clock, "fax.read", str(id))
    return await pictured(folder, row["file"], number, width)


@router.put("/{id}/assignment", status_code=204)
async def assign_fax(
    id: UUID,
    given: Assignment,
    caller: Caller = need(sendings.MANAGE),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> None:
    """Give it to an agent or a queue, or to nobody (H39): whom it is given to finds it in his mailbox."""
    async with database.transaction() as connection:
        await _one(connection, caller, id)
        agent, queue = str(given.agent or ""), "" if given.agent else str(given.queue or "")
        if not await store.assign(connection, caller.scope, str(id), agent=agent, queue=queue, now=clock.now()):
            raise Refused("not_found")
        await noted(connection, caller, clock, "fax.assigned", str(id), agent=agent, queue=queue)


@router.put("/{id}/seen", status_code=204)
async def see_fax(
    id: UUID, given: Seen, caller: Caller = need(), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> None:
    """It was looked at; or it is to be looked at again."""
    async with database.transaction() as connection:
        await _one(connection, caller, id)
        await store.see(connection, caller.scope, str(id), seen=given.seen, now=clock.now())


@router.delete("/{id}", status_code=204)
async def delete_fax(
    id: UUID, caller: Caller = need(sendings.MANAGE), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> None:
    """Put it away; for thirty days it can be taken back, then its pages go."""
    await _put_away(database, caller, clock, id, away=True)


@router.post("/{id}/restore", status_code=204)
async def restore_fax(
    id: UUID, caller: Caller = need(sendings.MANAGE), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> None:
    """Take a deleted one back."""
    await _put_away(database, caller, clock, id, away=False)


@router.post("/{id}/retry", status_code=204)
async def retry_fax(
    id: UUID, caller: Caller = need("faxes.send"), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> None:
    """Call the number of a fax that failed again. 409 when it is not the last attempt, or did not fail."""
    async with database.transaction() as connection:
        row = await _one(connection, caller, id)
        again = await sendings.retry(connection, caller.scope, "fax", str(id), now=clock.now()) if row["retry"] else 0
        if not again:
            raise Refused("wrong_state")
        await noted(connection, caller, clock, "fax.retried", str(id))


async def _put_away(database: Database, caller: Caller, clock: SystemClock, id: UUID, *, away: bool) -> None:
    async with database.transaction() as connection:
        await _one(connection, caller, id)
        await store.put_away(connection, caller.scope, str(id), away=away, now=clock.now())
        await noted(connection, caller, clock, "fax.deleted" if away else "fax.restored", str(id))


def _may_look(caller: Caller) -> None:
    if not (caller.may(store.READ) or caller.may(store.OWN)):
        raise Denied(store.READ)


async def _one(connection: Any, caller: Caller, id: UUID) -> dict[str, Any]:
    """The fax. Raises Denied, Refused (not_found)."""
    _may_look(caller)
    row = await store.fax(connection, caller.scope, caller.agent, str(id))
    if row is None:
        raise Refused("not_found")
    return row


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """``pages``: those that came or went; ``all_pages``: those that can be looked at."""
    there = row["file"] and row["file_gone_at"] is None
    pages = max(row["pages"], row["sending_pages"]) if row["sent"] else row["pages"]
    return {
        "id": row["id"], "contact": row["contact_id"], "began_at": iso(row["began_at"]), "ended_at": iso(row["ended_at"]),
        "sent": row["sent"], "code": row["document"], "outcome": row["outcome"], "pages": row["pages"], "rate": row["rate"],
        "error_correction": row["error_correction"], "t38": row["t38"], "station": row["station"] or "", "number": row["number"] or "",
        "name": row["name"] or row["sending_name"] or "", "sending": row["sending"], "retry": bool(row["retry"]),
        "agent": {"id": row["agent_id"], "name": row["agent"]} if row["agent_id"] else None,
        "queue": {"id": row["queue_id"], "name": row["queue"]} if row["queue_id"] else None,
        "seen": row["sent"] or row["seen_at"] is not None, "deleted_at": iso(row["deleted_at"]), "all_pages": pages if there else 0,
        "document": f"/api/v1/faxes/{row['id']}/document" if pages and there else "",
    }  # fmt: skip


async def noted(connection: Any, caller: Caller, clock: SystemClock, action: str, id: str, **details: Any) -> None:
    """A line of the audit log."""
    await audit(
        connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action=action, kind="fax", object=id,
        details={"source": caller.source, **details},
    )  # fmt: skip

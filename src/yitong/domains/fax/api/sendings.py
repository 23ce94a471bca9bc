"""Sending faxes, to one number or to many (H38): upload, look at it, say to whom and how, follow it, take the report away."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact.bus import Refused
from yitong.domains.fax import rules
from yitong.domains.fax.api.mailbox import LATEST, noted
from yitong.domains.fax.api.pages import Name, PageNumber, PageWidth, Text, Upload, keep, pictured
from yitong.domains.fax.api.words import report_words
from yitong.domains.fax.model import Line
from yitong.domains.fax.store import sendings as store
from yitong.domains.fax.store.files import FaxesFolder
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Database
from yitong.kit.http import Caller, choose_language, from_cursor, iso, need, part, to_cursor
from yitong.kit.ids import RandomIds
from yitong.kit.scope import Denied

router = APIRouter(tags=["faxes"])
SEND = "faxes.send"
SHOWN_LINES = 2_000
"""Of a list that is looked at before it is sent."""
_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"
_Numbers = Annotated[str, StringConstraints(max_length=900_000, pattern=r"^[^\x00]*$")]
_Cursor = Annotated[str, Query(max_length=200)]
_Limit = Annotated[int, Query(ge=1, le=200)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Numbers(_Shape):
    """A list of numbers, one a line, perhaps with a name."""

    numbers: _Numbers


class Period(_Shape):
    """Hours of days of the week; ``from`` not before ``to`` goes over midnight."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(min_length=1, max_length=7)
    from_: Annotated[str, StringConstraints(pattern=_CLOCK), Field(alias="from")]
    to: Annotated[str, StringConstraints(pattern=_CLOCK)]


class Wanted(_Shape):
    """What is sent (an upload of one's own, or the code of a document), to whom, and how. Empty hours: at any time."""

    upload: UUID | None = None
    document: Annotated[str, StringConstraints(max_length=80)] = ""
    name: Annotated[str, StringConstraints(max_length=120, pattern=r"^[^\x00]*$")] = ""
    numbers: _Numbers
    station: Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{0,20}$")] = ""
    lines: Annotated[int, Field(ge=1, le=30)] = 1
    tries: Annotated[int, Field(ge=1, le=20)] = 3
    spacing_seconds: Annotated[int, Field(ge=1, le=86400)] = 300
    hours: list[Period] = Field(default=[], max_length=50)


class State(_Shape):
    """Whether a sending goes on."""

    state: Literal["running", "paused", "cancelled"]


class Sendings(BaseModel):
    """Sendings, newest first, or lines of one, in their order."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.get("/fax_documents")
async def fax_documents(caller: Caller = need(SEND), database: Database = part(Database)) -> Sendings:
    """The documents of the configuration that may be sent."""
    async with database.transaction() as connection:
        return Sendings(items=await store.documents(connection, caller.scope))


@router.post("/fax_uploads", status_code=201)
async def upload_fax(
    name: Name,
    text: Text = "",
    file: Upload = None,
    caller: Caller = need(SEND),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
) -> dict[str, Any]:
    """Pages of a PDF, a picture (TIFF, PNG, JPEG) or a text, to be looked at and then sent. Nobody sends them: gone after a week."""
    kept = await keep(folder, caller.tenant, name, text, file, below="sent")
    now = clock.now()
    id = ids.new(now)
    async with database.transaction() as connection:
        await store.keep_upload(connection, caller.scope, id=id, name=name, file=kept.file, pages=kept.pages, now=now)
    return {"id": id, "name": name, "pages": kept.pages}


@router.get("/fax_uploads/{id}/page", response_class=Response, responses={200: {"content": {"image/png": {}}}})
async def uploaded_page(
    id: UUID,
    number: PageNumber = 1,
    width: PageWidth = 864,
    caller: Caller = need(SEND),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
) -> Response:
    """A page of one's own upload, as it will be sent."""
    async with database.transaction() as connection:
        row = await store.upload(connection, caller.scope, str(id))
    if row is None:
        raise Refused("not_found")
    return await pictured(folder, row["file"], number, width)


@router.post("/fax_numbers")
async def check_numbers(given: Numbers, caller: Caller = need(SEND), database: Database = part(Database)) -> dict[str, Any]:
    """What would become of a list: every line with its number and name, or why it is not called."""
    async with database.transaction() as connection:
        lines = await _lines(connection, caller, given.numbers)
    bad = [line for line in lines if line.fault]
    return {
        "good": len(lines) - len(bad), "bad": len(bad),
        "lines": [msgspec.structs.asdict(line) for line in lines[:SHOWN_LINES]],
    }  # fmt: skip


@router.post("/fax_sendings", status_code=201)
async def send_fax(
    given: Wanted,
    response: Response,
    caller: Caller = need(SEND),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
) -> dict[str, Any]:
    """Send pages to the numbers of a list; lines that are no number are kept and told, not called. More than one number: faxes.manage."""
    now = clock.now()
    async with database.transaction() as connection:
        pages = await _what(connection, caller, given)
        lines = await _lines(connection, caller, given.numbers)
        _check(caller, lines)
        id = ids.new(now)
        values = given.model_dump(include={"station", "lines", "tries", "spacing_seconds"}) | {
            "id": id, "site": caller.site, "name": given.name or pages["name"], "file": pages["file"], "pages": pages["pages"],
            "hours": [period.model_dump(by_alias=True) for period in given.hours],
        }  # fmt: skip
        await store.make(connection, caller.scope, values, [(ids.new(now), line) for line in lines], now)
        await noted(connection, caller, clock, "fax.sent", id, lines=len(lines), pages=pages["pages"])
        made = await store.sending(connection, caller.scope, id)
    assert made is not None
    response.headers["Location"] = f"/api/v1/fax_sendings/{id}"
    return _shown(made)


@router.get("/fax_sendings")
async def list_sendings(
    cursor: _Cursor = "", limit: _Limit = 50, caller: Caller = need(SEND), database: Database = part(Database)
) -> Sendings:
    """One's own sendings, with faxes.manage those of one's sites, newest first."""
    place = from_cursor(cursor, tuple[int, UUID]) if cursor else None
    before = (min(max(place[0], 0), LATEST), str(place[1])) if place else None
    async with database.transaction() as connection:
        rows = await store.sendings(connection, caller.scope, before=before, limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    more = to_cursor(microseconds(last["made_at"]), last["id"]) if last else None
    return Sendings(items=[_shown(row) for row in rows[:limit]], next=more)


@router.get("/fax_sendings/{id}")
async def get_sending(id: UUID, caller: Caller = need(SEND), database: Database = part(Database)) -> dict[str, Any]:
    """How far a sending is."""
    async with database.transaction() as connection:
        return _shown(await _one(connection, caller, id))


@router.get("/fax_sendings/{id}/page", response_class=Response, responses={200: {"content": {"image/png": {}}}})
async def sent_page(
    id: UUID,
    number: PageNumber = 1,
    width: PageWidth = 864,
    caller: Caller = need(SEND),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
) -> Response:
    """A page of what is sent."""
    async with database.transaction() as connection:
        row = await _one(connection, caller, id)
    return await pictured(folder, row["file"], number, width)


@router.get("/fax_sendings/{id}/recipients")
async def list_recipients(
    id: UUID,
    state: Literal["", "waiting", "dialling", "sent", "failed", "cancelled", "refused"] = "",
    cursor: _Cursor = "",
    limit: _Limit = 100,
    caller: Caller = need(SEND),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Sendings:
    """Its lines, those that are not called among them, in the order of the list."""
    after = min(max(from_cursor(cursor, tuple[int])[0], 0), 2**31 - 1) if cursor else 0
    async with database.transaction() as connection:
        await _one(connection, caller, id)
        rows = await store.recipients(connection, caller.scope, str(id), state=state, after=after, limit=limit + 1)
        await noted(connection, caller, clock, "fax.recipients_listed", str(id), count=min(len(rows), limit))
    more = to_cursor(rows[limit - 1]["line"]) if len(rows) > limit else None
    return Sendings(items=[_recipient(row) for row in rows[:limit]], next=more)


@router.get("/fax_sendings/{id}/report", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def sending_report(
    id: UUID, request: Request, caller: Caller = need(SEND), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> Response:
    """All lines as CSV with what became of them, in the reader's language."""
    async with database.transaction() as connection:
        await _one(connection, caller, id)
        rows = await store.recipients(connection, caller.scope, str(id), state="", after=0, limit=None)
        await noted(connection, caller, clock, "fax.report_taken", str(id), count=len(rows))
    text = _csv(rows, choose_language(request.headers.get("accept-language", "")))
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="fax-{id}.csv"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/fax_sendings/{id}/state", status_code=204)
async def change_sending(
    id: UUID,
    given: State,
    caller: Caller = need(SEND),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> None:
    """Let it pause, go on, or end; a fax that is going through is not broken off. 409 when it is over."""
    since = {"running": ("paused",), "paused": ("running",), "cancelled": ("running", "paused")}[given.state]
    async with database.transaction() as connection:
        row = await _one(connection, caller, id)
        done = await store.change_state(connection, caller.scope, str(id), given.state, since=since, now=clock.now())
        if not done and row["state"] != given.state:
            raise Refused("wrong_state", state=row["state"])
        await noted(connection, caller, clock, f"fax.sending_{given.state}", str(id))


@router.post("/fax_sendings/{id}/retry", status_code=204)
async def retry_sending(
    id: UUID, caller: Caller = need(SEND), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> None:
    """Call all that failed or were cancelled again."""
    await _retry(database, caller, clock, "sending", id)


@router.post("/fax_recipients/{id}/retry", status_code=204)
async def retry_recipient(
    id: UUID, caller: Caller = need(SEND), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> None:
    """Call one that failed or was cancelled again."""
    await _retry(database, caller, clock, "recipient", id)


async def _retry(database: Database, caller: Caller, clock: SystemClock, what: str, id: UUID) -> None:
    async with database.transaction() as connection:
        if not await store.retry(connection, caller.scope, what, str(id), now=clock.now()):
            raise Refused("wrong_state" if what == "sending" and await store.sending(connection, caller.scope, str(id)) else "not_found")
        await noted(connection, caller, clock, "fax.retried", str(id))


async def _one(connection: AsyncConnection, caller: Caller, id: UUID) -> dict[str, Any]:
    row = await store.sending(connection, caller.scope, str(id))
    if row is None:
        raise Refused("not_found")
    return row


async def _what(connection: AsyncConnection, caller: Caller, given: Wanted) -> dict[str, Any]:
    """The pages that are sent: name, file, pages. Raises Refused (not_found)."""
    if given.upload is not None:
        found = await store.upload(connection, caller.scope, str(given.upload))
    else:
        found = await store.document(connection, caller.scope, given.document)
    if found is None:
        raise Refused("not_found")
    name = found["name"]
    return {**found, "name": name if isinstance(name, str) else name.get(caller.language) or next(iter(name.values()), "")}


async def _lines(connection: AsyncConnection, caller: Caller, numbers: str) -> list[Line]:
    """The lines of a list, each with what is wrong with it. Raises Refused (too_many_lines)."""
    lines = rules.read_lines(numbers)
    if len(lines) > rules.MOST_LINES:
        raise Refused("too_many_lines", limit=rules.MOST_LINES)
    classes, allowed = await store.numbering(connection, caller.scope, caller.agent)
    return rules.allowed_lines(lines, allowed, classes)


def _check(caller: Caller, lines: list[Line]) -> None:
    """Raises Refused (bad_number, number_not_allowed) when nobody is left to call, Denied for a broadcast without the right."""
    if not any(not line.fault for line in lines):
        raise Refused("number_not_allowed" if any(line.fault == "not_allowed" for line in lines) else "bad_number")
    if len(lines) > 1 and not caller.may(store.MANAGE):
        raise Denied(store.MANAGE)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A sending as people see it; ``number`` when it goes to one alone."""
    counts = {name: row[name] for name in ("total", "waiting", "dialling", "sent", "failed", "cancelled", "refused")}
    return {
        "id": row["id"], "name": row["name"], "pages": row["pages"], "station": row["station"], "lines": row["lines"],
        "tries": row["tries"], "spacing_seconds": row["spacing_seconds"], "hours": row["hours"], "state": row["state"],
        "made_at": iso(row["made_at"]), "made_by": row["made_by"], "ended_at": iso(row["ended_at"]), "next_at": iso(row["next_at"]),
        "number": row["first_number"] if row["total"] == 1 else None, "counts": counts,
    }  # fmt: skip


def _recipient(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"], "line": row["line"], "given": row["given"], "number": row["number"], "name": row["name"], "state": row["state"],
        "reason": row["reason"], "tries": row["tries"], "next_at": iso(row["next_at"]), "ended_at": iso(row["ended_at"]),
        "fax": row["fax"] if row["began_at"] else None, "pages": row["pages"] or 0,
    }  # fmt: skip


def _csv(rows: list[dict[str, Any]], language: str) -> str:
    words = report_words(language)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([words[name] for name in ("line", "number", "name", "state", "reason", "tries", "pages", "ended_at", "given")])
    for row in rows:
        reason = words.get(f"reason.{row['reason']}", row["reason"])
        writer.writerow([
            row["line"], row["number"], _harmless(row["name"]), words.get(f"state.{row['state']}", row["state"]), reason, row["tries"],
            row["pages"] or 0, iso(row["ended_at"]) or "", _harmless(row["given"]),
        ])  # fmt: skip
    return out.getvalue()


def _harmless(text: str) -> str:
    """A spreadsheet shall take it for a text, whatever it begins with."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text

"""The list of assessments, its export, and the means of agents over a period."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from yitong.domains.assessment.api.shown import listed, looked, reader
from yitong.domains.assessment.api.words import head, named, word
from yitong.domains.assessment.rules import mean, percent
from yitong.domains.assessment.store import kept
from yitong.domains.assessment.store import listed as store
from yitong.domains.assessment.store.listed import Wanted
from yitong.kit import spreadsheet
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Database
from yitong.kit.http import Caller, choose_language, from_cursor, iso, need, part, to_cursor

router = APIRouter(tags=["assessments"])
_LATEST = 4_000_000_000_000_000
_MOST = 10_000
"""So many lines an exported list has at most."""
Percent = Annotated[float, Query(ge=0, le=100)]


class Assessments(BaseModel):
    """Assessments, the newest talk first."""

    items: list[dict[str, Any]]
    next: str | None = None


class Means(BaseModel):
    """By agent: how many published assessments, and their mean, lowest and highest score in per cent."""

    items: list[dict[str, Any]]


class Unread(BaseModel):
    """How many were published or settled about oneself and not opened since."""

    count: int


class Sheets(BaseModel):
    """Score sheets to choose from."""

    items: list[dict[str, Any]]


def _wanted(
    since: Annotated[datetime | None, Query(alias="from")] = None,
    until: Annotated[datetime | None, Query(alias="to")] = None,
    agent: UUID | None = None,
    sheet: UUID | None = None,
    contact: UUID | None = None,
    recording: UUID | None = None,
    state: Literal["", "draft", "published", "answered", "settled"] = "",
    unread: bool = False,
    score_from: Percent | None = None,
    score_to: Percent | None = None,
) -> Wanted:
    """What is looked for. ``from``, ``to``: when the talk began, UTC where no zone is given; scores in per cent, both included;
    ``unread``: about oneself and not opened since it was published or settled."""
    return Wanted(
        since=_utc(since), until=_utc(until), agent=str(agent or ""), sheet=str(sheet or ""), contact=str(contact or ""), state=state,
        recording=str(recording or ""), unread=unread, score_from=None if score_from is None else round(100 * score_from),
        score_to=None if score_to is None else round(100 * score_to),
    )  # fmt: skip


@router.get("/score_sheets")
async def list_sheets(caller: Caller = need(kept.WRITE), database: Database = part(Database)) -> Sheets:
    """The score sheets that may be used, by code."""
    async with database.transaction() as connection:
        return Sheets(items=await kept.sheets(connection, caller.scope))


@router.get("/assessments")
async def list_assessments(
    wanted: Wanted = Depends(_wanted),
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    caller: Caller = need(),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Assessments:
    """The assessments that one may see: of one's teams, or what was published about oneself; it is audited."""
    place = from_cursor(cursor, tuple[int, UUID]) if cursor else None
    before = (min(max(place[0], 0), _LATEST), str(place[1])) if place else None
    async with database.transaction() as connection:
        rows = await store.assessments(connection, reader(caller).scope, caller.agent, wanted, before=before, limit=limit + 1)
        if rows:
            await looked(connection, caller, clock, "assessment.listed", "", count=min(len(rows), limit))
    last = rows[limit - 1] if len(rows) > limit else None
    return Assessments(
        items=[listed(row) for row in rows[:limit]], next=to_cursor(microseconds(last["talked_at"]), last["id"]) if last else None
    )


@router.get("/assessments/means")
async def assessment_means(wanted: Wanted = Depends(_wanted), caller: Caller = need(), database: Database = part(Database)) -> Means:
    """The means of the agents whose assessments one may see; drafts do not count."""
    async with database.transaction() as connection:
        rows = await store.sums(connection, reader(caller).scope, caller.agent, wanted)
    return Means(items=[_mean(row) for row in rows])


@router.get("/assessments/unread")
async def unread_assessments(caller: Caller = need(kept.OWN), database: Database = part(Database)) -> Unread:
    """How many assessments of one's own wait to be read; drafts do not count. Nothing of them is shown."""
    async with database.transaction() as connection:
        return Unread(count=await store.unread(connection, caller.scope, caller.agent))


@router.get("/assessments/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_assessments(
    request: Request, wanted: Wanted = Depends(_wanted), caller: Caller = need(), database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Response:  # fmt: skip
    """The list as CSV in the reader's language, 10000 lines at most; it is audited."""
    async with database.transaction() as connection:
        rows = await store.assessments(connection, reader(caller).scope, caller.agent, wanted, before=None, limit=_MOST)
        await looked(connection, caller, clock, "assessment.exported", "", count=len(rows))
    language = choose_language(request.headers.get("accept-language", ""))
    file = spreadsheet.sheet(head(language), (_line(row, language) for row in rows))
    return Response(file, media_type=spreadsheet.TYPE, headers=spreadsheet.headers("assessments"))


def _utc(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


def _mean(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "agent": {"id": row["agent_id"], "name": row["agent"], "extension": row["extension"]}, "count": row["count"],
        "mean": percent(mean(row["total"], row["count"])), "lowest": percent(row["lowest"]), "highest": percent(row["highest"]),
        "passed": row["passed"], "failed": row["failed"],
    }  # fmt: skip


def _line(row: dict[str, Any], language: str) -> list[Any]:
    return [
        iso(row["talked_at"]), row["extension"], named(row["agent"], language), named(row["team"], language),
        named(row["sheet"]["name"], language), row["sheet_version"], word(language, row["state"]), percent(row["score"]),
        word(language, row["passed"]), named(row["assessor"], language), iso(row["published_at"]), row["contact_id"], row["note"],
    ]  # fmt: skip

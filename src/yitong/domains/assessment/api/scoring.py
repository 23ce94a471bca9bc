"""One assessment: begun from a recording, marked, published; answered once by the agent, and that settled."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact.bus import Refused
from yitong.domains.assessment import rules
from yitong.domains.assessment.api.shown import looked, reader, sheet_of, whole
from yitong.domains.assessment.model import WAYS, Act, Mark
from yitong.domains.assessment.store import kept
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, etag, need, part, version_asked
from yitong.kit.ids import RandomIds

router = APIRouter(prefix="/assessments", tags=["assessments"])
Words = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", strip_whitespace=True, max_length=4000)]
Said = Annotated[Words, StringConstraints(min_length=1)]


class Shape(BaseModel):
    """What is sent."""

    model_config = ConfigDict(extra="forbid")


class Begin(Shape):
    """What is to be assessed, by which sheet."""

    recording: UUID
    sheet: UUID


class GivenMark(Shape):
    """A mark; ``value`` null: none yet. ``skipped``: there was no occasion for it."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    value: Annotated[int, Field(ge=0, le=1000)] | None = None
    skipped: bool = False
    note: Annotated[Words, StringConstraints(max_length=500)] = ""


class Comment(Shape):
    """A word at a place of the recording."""

    at_ms: Annotated[int, Field(ge=0, le=1_000_000_000)]
    text: Annotated[Words, StringConstraints(min_length=1, max_length=500)]


class Given(Shape):
    """All that is written to a draft; it takes the place of what was there."""

    marks: Annotated[list[GivenMark], Field(max_length=100)] = []
    comments: Annotated[list[Comment], Field(max_length=200)] = []
    note: Words = ""


class Answer(Shape):
    """What the agent says to it, once."""

    text: Said


class Settlement(Shape):
    """What becomes of the answer; with ``marks`` the score is another one from now on."""

    text: Said
    marks: Annotated[list[GivenMark], Field(max_length=100)] | None = None


@router.post("", status_code=201)
async def begin_assessment(
    given: Begin, response: Response, caller: Caller = need(kept.WRITE), database: Database = part(Database),
    clock: SystemClock = part(SystemClock), ids: RandomIds = part(RandomIds),
) -> dict[str, Any]:  # fmt: skip
    """Begin a draft about a recording of an agent of one's teams that one may hear; each sheet once for a recording."""
    caller.scope.require("recordings.listen")
    now = clock.now()
    id = ids.new(now)
    async with database.transaction() as connection:
        of = await kept.recording(connection, caller.scope, caller.agent, str(given.recording))
        if of is None:
            raise Refused("not_found")
        if of["own"]:
            raise Refused("own_talk")
        if of["deleted_at"] is not None:
            raise Refused("recording_deleted", at="", until="")
        sheet = next((one for one in await kept.sheets(connection, caller.scope) if one["id"] == str(given.sheet)), None)
        if sheet is None:
            raise Refused("unknown_reference", field="sheet")
        if not await kept.begin(connection, caller.scope, id, of, sheet, at=now):
            raise Refused("assessed_already")
        row = await _seen(connection, caller, id)
    response.headers["Location"] = f"/api/v1/assessments/{id}"
    return _answered(response, row)


@router.get("/{id}")
async def get_assessment(
    id: UUID, response: Response, caller: Caller = need(), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> dict[str, Any]:
    """One assessment with marks and comments; its ETag is what a change must send as If-Match. It is audited; one's own is then read."""
    async with database.transaction() as connection:
        row = await _seen(connection, reader(caller), str(id))
        if row["unread"]:
            await kept.read(connection, caller.scope, caller.agent, str(id), row["version"], at=clock.now())
        await looked(connection, caller, clock, "assessment.read", str(id))
    return _answered(response, row)


@router.put("/{id}")
async def save_assessment(
    id: UUID, given: Given, request: Request, response: Response, caller: Caller = need(kept.WRITE),
    database: Database = part(Database), clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:  # fmt: skip
    """Write a draft; If-Match must carry its present version."""
    version = version_asked(request)
    async with database.transaction() as connection:
        row = await _may(connection, caller, str(id), "save")
        value = _marked(row, given.marks) | {
            "comments": sorted((one.model_dump() for one in given.comments), key=lambda one: one["at_ms"]), "note": given.note,
            "assessor": caller.user,
        }  # fmt: skip
        return _answered(response, await _altered(connection, caller, str(id), version, value, clock.now()))


@router.delete("/{id}", status_code=204)
async def drop_draft(
    id: UUID, request: Request, caller: Caller = need(kept.WRITE), database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> None:  # fmt: skip
    """Throw a draft away; what was published stays. If-Match must carry its present version."""
    version = version_asked(request)
    async with database.transaction() as connection:
        await _may(connection, caller, str(id), "remove")
        await kept.alter(connection, caller.scope, str(id), version, None, at=clock.now())


@router.post("/{id}/publish")
async def publish_assessment(
    id: UUID, request: Request, response: Response, caller: Caller = need(kept.WRITE), database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:  # fmt: skip
    """From now on the agent sees it and it counts. Every criterion needs a mark, or was skipped. If-Match as with a change."""
    version = version_asked(request)
    async with database.transaction() as connection:
        row = await _may(connection, caller, str(id), "publish")
        left = rules.unmarked(sheet_of(row), _marks(row["marks"]))
        if left or row["score"] is None:
            raise Refused("marks_missing", count=len(left) or 1)
        value = {"state": "published", "assessor": caller.user}
        return _answered(response, await _altered(connection, caller, str(id), version, value, clock.now()))


@router.post("/{id}/answer")
async def answer_assessment(
    id: UUID, given: Answer, request: Request, response: Response, caller: Caller = need(kept.OWN),
    database: Database = part(Database), clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:  # fmt: skip
    """The agent's one answer to an assessment of his own. If-Match as with a change."""
    version = version_asked(request)
    async with database.transaction() as connection:
        row = await _may(connection, caller, str(id), "answer")
        if not row["own"]:
            raise Refused("not_found")
        value = {"state": "answered", "answer": given.text}
        return _answered(response, await _altered(connection, caller, str(id), version, value, clock.now()))


@router.post("/{id}/settle")
async def settle_assessment(
    id: UUID, given: Settlement, request: Request, response: Response, caller: Caller = need(kept.WRITE),
    database: Database = part(Database), clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:  # fmt: skip
    """Say what becomes of the agent's answer: the score stays, or (with ``marks``) is corrected. If-Match as with a change."""
    version = version_asked(request)
    async with database.transaction() as connection:
        row = await _may(connection, caller, str(id), "settle")
        value: dict[str, Any] = {"state": "settled", "settlement": given.text}
        if given.marks is not None:
            value |= _marked(row, given.marks)
            left = rules.unmarked(sheet_of(row), _marks(value["marks"]))
            if left or value["score"] is None:
                raise Refused("marks_missing", count=len(left) or 1)
        return _answered(response, await _altered(connection, caller, str(id), version, value, clock.now()))


async def _seen(connection: AsyncConnection, caller: Caller, id: str) -> dict[str, Any]:
    row = await kept.one(connection, caller.scope, caller.agent, id)
    if row is None:
        raise Refused("not_found")
    return row


async def _may(connection: AsyncConnection, caller: Caller, id: str, act: Act) -> dict[str, Any]:
    """An assessment that the caller may see and do ``act`` to; nobody writes to his own but an answer. Raises Refused."""
    row = await _seen(connection, caller, id)
    if row["own"] and act != "answer":
        raise Refused("own_talk")
    if act not in WAYS[row["state"]]:
        raise Refused("wrong_state", state=row["state"])
    return row


async def _altered(connection: AsyncConnection, caller: Caller, id: str, version: int, value: dict[str, Any], now: int) -> dict[str, Any]:
    await kept.alter(connection, caller.scope, id, version, value, at=now)
    return await _seen(connection, caller, id)


def _marks(marks: list[dict[str, Any]]) -> list[Mark]:
    return [msgspec.convert(one, Mark) for one in marks]


def _marked(row: dict[str, Any], given: list[GivenMark]) -> dict[str, Any]:
    """The fields that marks decide. Raises Refused (mark_invalid)."""
    sheet, sent = sheet_of(row), [one.model_dump() for one in given]
    marks = _marks(sent)
    wrong = rules.unfit(sheet, marks)
    if wrong is not None:
        raise Refused("mark_invalid", criterion=wrong.key)
    scored = rules.score(sheet, marks)
    return {"marks": sent, "score": scored, "passed": rules.passed(sheet, scored)}


def _answered(response: Response, row: dict[str, Any]) -> dict[str, Any]:
    response.headers["ETag"] = etag(row["version"])
    return whole(row)

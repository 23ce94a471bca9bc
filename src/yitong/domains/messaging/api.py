"""Text messages over HTTP: the outbox, how the connections stand, what an agent sends the customer of a talk. Looking is audited."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.messaging.messages import TextCustomer
from yitong.domains.messaging.store import lines, shown
from yitong.domains.messaging.store.shown import Wanted
from yitong.kit import once
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Connection, Database
from yitong.kit.http import Caller, from_cursor, iso, need, part, to_cursor

router = APIRouter(tags=["text messages"])
State = Literal["", "waiting", "submitting", "accepted", "delivered", "failed", "expired", "cancelled", "uncertain"]
_LATEST = 4_000_000_000_000_000
Cursor = Annotated[str, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]


class Listed(BaseModel):
    """A page; ``next`` is the cursor of the next one, null at the end."""

    items: list[dict[str, Any]]
    next: str | None = None


class Standing(BaseModel):
    """The connections and how they stand, and how many messages are in each state."""

    lines: list[dict[str, Any]]
    counts: dict[str, int]


class Wording(BaseModel):
    """What to send the customer: a template (id or code), in a language (empty: the customer's)."""

    model_config = ConfigDict(extra="forbid")
    template: str = Field(min_length=1, max_length=64)
    language: Literal["", "zh-CN", "en"] = ""


class Said(BaseModel):
    """The text as the customer gets it; ``text`` is the message's id, empty while it is only looked at."""

    text: str
    body: str


@router.get("/texts")
async def list_texts(
    state: State = "",
    source: Literal["", "flow", "desk", "mailbox"] = "",
    q: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
    caller: Caller = need("texts.read"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Listed:
    """The outbox, the newest first. Numbers and texts are shown: it is audited."""
    place = from_cursor(cursor, tuple[int, UUID]) if cursor else None
    after = (min(max(place[0], 0), _LATEST), str(place[1])) if place else None
    wanted = Wanted(state=state, source=source, words=q.strip())
    async with database.transaction() as connection:
        rows = await shown.texts(connection, caller.scope, wanted, after=after, limit=limit + 1)
        if rows:
            await _audit(connection, caller, clock, "text.listed", "", count=min(len(rows), limit))
    last = rows[limit - 1] if len(rows) > limit else None
    more = to_cursor(microseconds(last["created_at"]), last["id"]) if last else None
    return Listed(items=[_shown(row) for row in rows[:limit]], next=more)


@router.get("/texts/standing")
async def texts_standing(
    caller: Caller = need("texts.read"), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> Standing:
    """How the connections to message centres stand."""
    async with database.transaction() as connection:
        found = await lines.shown(connection, caller.scope, clock.now())
        counts = await shown.counts(connection, caller.scope)
    return Standing(lines=[{**row, "since": iso(row["since"])} for row in found], counts=counts)


@router.post("/texts/{id}/resend", status_code=204)
async def resend_text(
    id: UUID, caller: Caller = need("texts.manage"), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> None:
    """Send a message again that ended badly. One that is uncertain may then arrive twice."""
    async with database.transaction() as connection:
        row = await _row(connection, caller, str(id))
        now = clock.now()
        await once.mark(connection, caller.tenant, now)
        if not await shown.again(connection, caller.scope, str(id), caller.user, now):
            raise Refused("text_not_over")
        await _audit(connection, caller, clock, "text.resent", str(id), state=row["state"])


@router.post("/texts/{id}/cancel", status_code=204)
async def cancel_text(
    id: UUID, caller: Caller = need("texts.manage"), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> None:
    """Do not send a message that still waits."""
    async with database.transaction() as connection:
        await _row(connection, caller, str(id))
        if not await shown.cancel(connection, caller.scope, str(id), clock.now()):
            raise Refused("text_left")
        await _audit(connection, caller, clock, "text.cancelled", str(id))


@router.post("/me/assignments/{id}/text/preview")
async def preview_text(id: UUID, given: Wording, caller: Caller = need("texts.send"), core: Core = part(Core)) -> Said:
    """The template with the data of the talk; nothing is sent."""
    return Said(**await core.obey(caller.tenant, caller.site, _command(caller, str(id), given, dry=True)))


@router.post("/me/assignments/{id}/text", status_code=201)
async def text_customer(
    id: UUID, given: Wording, caller: Caller = need("texts.send"), core: Core = part(Core), database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Said:  # fmt: skip
    """Send the customer of one's own talk a text message."""
    said = Said(**await core.obey(caller.tenant, caller.site, _command(caller, str(id), given, dry=False)))
    async with database.transaction() as connection:
        await _audit(connection, caller, clock, "text.sent", said.text, template=given.template)
    return said


@router.get("/text_templates")
async def templates(caller: Caller = need("texts.send"), database: Database = part(Database)) -> Listed:
    """The templates that an agent chooses from, by code."""
    async with database.transaction() as connection:
        return Listed(items=await shown.templates(connection, caller.scope))


def _command(caller: Caller, assignment: str, given: Wording, *, dry: bool) -> TextCustomer:
    if not caller.agent:
        raise Refused("no_agent")
    return TextCustomer(
        actor=caller.user, agent=caller.agent, assignment=assignment, template=given.template, language=given.language, dry=dry
    )  # fmt: skip


async def _row(connection: Connection, caller: Caller, id: str) -> dict[str, Any]:
    row = await shown.one(connection, caller.scope, id)
    if row is None:
        raise Refused("not_found")
    return row


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A message as it is shown; number and text are empty when they were erased."""
    times = {name: iso(row[name]) for name in ("created_at", "next_at", "expires_at", "accepted_at", "ended_at")}
    kept = {name: row[name] for name in ("id", "source", "state", "reason", "tries", "parts", "line", "agent", "resent_by")}
    return {
        **kept, **times, "contact": row["contact_id"], "mailbox": row["mailbox"], "recipient": row["recipient"] or "",
        "body": row["body"] or "", "again": row["state"] in shown.AGAIN,
    }  # fmt: skip


async def _audit(connection: Connection, caller: Caller, clock: SystemClock, action: str, id: str, **details: Any) -> None:
    await audit(
        connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action=action, kind="text", object=id,
        details={"source": caller.source, **details},
    )  # fmt: skip

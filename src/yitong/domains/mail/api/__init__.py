"""Mails over HTTP: the conversation of a contact, a mail and its attachments, answers. Looking is written into the audit log."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.mail.api.answers import router as answers
from yitong.domains.mail.api.aside import router as aside
from yitong.domains.mail.api.desk import router as desk
from yitong.domains.mail.api.seeing import looker_of, noted, octets_of
from yitong.domains.mail.api.templates import router as templates
from yitong.domains.mail.model import Address
from yitong.domains.mail.rules.composing import quoted
from yitong.domains.mail.rules.parsing import attachment, body_of
from yitong.domains.mail.rules.threads import answer_subject
from yitong.domains.mail.store import shown as store
from yitong.domains.mail.store.files import MailsFolder
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Database
from yitong.kit.http import Caller, from_cursor, iso, need, part, to_cursor

router = APIRouter(tags=["mails"])
routers = (answers, aside, desk, templates, router)
LATEST = 4_000_000_000_000_000
_STATES = Literal[
    "", "new", "taken", "kept", "discarded", "waiting", "sending", "sent", "failed", "uncertain", "returned", "stuck", "undelivered"
]  # fmt: skip
"""``stuck``: came, and cannot be taken in now; ``undelivered``: failed, uncertain, returned."""


class Mails(BaseModel):
    """Mails: a list newest first, a conversation oldest first."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.get("/mails")
async def list_mails(
    state: _STATES = "",
    q: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$")] = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    caller: Caller = need(store.ALL),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Mails:
    """All mails of one's sites, or those in a state; with those that no agent was shown, and why."""
    place = from_cursor(cursor, tuple[int, UUID]) if cursor else None
    before = (min(max(place[0], 0), LATEST), str(place[1])) if place else None
    async with database.transaction() as connection:
        rows = await store.page(connection, caller.scope, state=state, words=q.strip(), before=before, limit=limit + 1)
        if rows:
            await noted(connection, caller, clock, "mail.listed", "", count=min(len(rows), limit))
    last = rows[limit - 1] if len(rows) > limit else None
    return Mails(items=[_shown(row) for row in rows[:limit]], next=to_cursor(microseconds(last["at"]), last["id"]) if last else None)


@router.get("/contacts/{id}/mails")
async def mails_of_contact(
    id: UUID, caller: Caller = need(), database: Database = part(Database), clock: SystemClock = part(SystemClock),
    core: Core = part(Core),
) -> Mails:  # fmt: skip
    """The conversation that a contact belongs to."""
    looker = await looker_of(caller, core)
    async with database.transaction() as connection:
        rows = await store.of_contact(connection, caller.scope, looker, str(id))
        if not rows:
            raise Refused("not_found")
        await noted(connection, caller, clock, "mail.listed", str(id), count=len(rows))
    return Mails(items=[_shown(row) for row in rows])


@router.get("/mails/{id}")
async def read_mail(
    id: UUID,
    caller: Caller = need(),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
    folder: MailsFolder = part(MailsFolder),
    core: Core = part(Core),
) -> dict[str, Any]:
    """One mail to read: its text, its HTML as it may be shown, and what an answer to it begins with."""
    looker = await looker_of(caller, core)
    async with database.transaction() as connection:
        row = await _one(connection, caller, looker, id)
        account = await store.account(connection, caller.scope, str(row["account_id"])) if row["account_id"] else None
        await noted(connection, caller, clock, "mail.read", str(id))
    octets = await octets_of(folder, row["file"])
    body = await asyncio.to_thread(body_of, octets)
    sender = Address(address=row["reply_to"].get("address") or row["from_address"], name=row["from_name"])
    zone = ZoneInfo(account["zone"] if account is not None else "UTC")
    quote_ = quoted(body.text, sender, row["at"].astimezone(zone), caller.language)
    return {
        **_shown(row), "text": body.text, "html": body.html,
        "answer": None if account is None else {
            "from": {"address": account["address"], "name": account["sender"]}, "to": sender.address,
            "subject": answer_subject(row["subject"], row["token"]), "signature": account["signature"], "quote": quote_,
        },
    }  # fmt: skip


@router.get("/mails/{id}/attachment", response_class=Response, responses={200: {"content": {"application/octet-stream": {}}}})
async def mail_attachment(
    id: UUID,
    place: Annotated[int, Query(alias="part", ge=0, le=1000)] = 0,
    caller: Caller = need(),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
    folder: MailsFolder = part(MailsFolder),
    core: Core = part(Core),
) -> Response:
    """An attachment, to be saved: never shown by the browser itself."""
    looker = await looker_of(caller, core)
    async with database.transaction() as connection:
        row = await _one(connection, caller, looker, id)
        await noted(connection, caller, clock, "mail.attachment", str(id), part=place)
    found = await asyncio.to_thread(attachment, await octets_of(folder, row["file"]), place)
    if found is None:
        raise Refused("not_found")
    named = f"attachment; filename*=UTF-8''{quote(found[0], safe='')}"
    headers = {"Content-Disposition": named, "Cache-Control": "private, no-store", "Content-Security-Policy": "sandbox; default-src 'none'"}
    return Response(found[2], media_type="application/octet-stream", headers=headers)


@router.get("/mail_accounts")
async def mail_accounts(caller: Caller = need("config.read"), database: Database = part(Database)) -> Mails:
    """How reading and sending goes for each address: ``state`` (``sending.state``) ok, failed (with a reason) or "" (not yet)."""
    async with database.transaction() as connection:
        rows = await store.states(connection, caller.scope)
    return Mails(items=[_standing(row) for row in rows])


def _standing(row: dict[str, Any]) -> dict[str, Any]:
    sending = {"state": row.pop("sending_state"), "reason": row.pop("sending_reason"), "since": iso(row.pop("sending_since"))}
    return row | {"since": iso(row["since"]), "looked_at": iso(row["looked_at"]), "sending": sending}


@router.post("/mails/{id}/again", status_code=204)
async def send_again(
    id: UUID, caller: Caller = need(), database: Database = part(Database), clock: SystemClock = part(SystemClock),
    core: Core = part(Core),
) -> None:  # fmt: skip
    """Send an answer once more that failed, came back, or of which nobody knows whether it went."""
    looker = await looker_of(caller, core)
    async with database.transaction() as connection:
        await _one(connection, caller, looker, id)
        if not await store.again(connection, caller.scope, str(id), clock.now()):
            raise Refused("wrong_state")
        await noted(connection, caller, clock, "mail.again", str(id))


async def _one(connection: AsyncConnection, caller: Caller, looker: store.Looker, id: UUID) -> dict[str, Any]:
    row = await store.one(connection, caller.scope, looker, str(id))
    if row is None:
        raise Refused("not_found")
    return row


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"], "direction": row["direction"], "state": row["state"], "reason": row["reason"], "contact": row["contact_id"],
        "thread": row["thread_id"], "subject": row["subject"], "from": {"address": row["from_address"], "name": row["from_name"]},
        "to": row["recipients"], "cc": row["copies"], "at": iso(row["at"]), "bytes": row["bytes"], "cut": row["cut"],
        "attachments": [{name: one[name] for name in ("part", "name", "type", "bytes")} for one in row["attachments"]],
        "author": row["author"], "address": row["address"],
    }  # fmt: skip

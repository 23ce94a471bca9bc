"""Templates of answers, with the fields of one mail filled in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.mail.api.seeing import looker_of, noted
from yitong.domains.mail.rules.templates import filled, first_of
from yitong.domains.mail.store import shown as store
from yitong.domains.mail.store import templates
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, need, part

router = APIRouter(tags=["mails"])


class Templates(BaseModel):
    """By code: ``texts`` by language, as they would be written; ``language``: the one to offer first."""

    items: list[dict[str, Any]]


@router.get("/mails/{id}/templates")
async def mail_templates(
    id: UUID, caller: Caller = need(), database: Database = part(Database), clock: SystemClock = part(SystemClock),
    core: Core = part(Core),
) -> Templates:  # fmt: skip
    """The templates for an answer to this mail. Looking is audited: the customer's name stands in them."""
    looker = await looker_of(caller, core)
    async with database.transaction() as connection:
        if await store.one(connection, caller.scope, looker, str(id)) is None:
            raise Refused("not_found")
        rows = await templates.every(connection, caller.scope)
        known = await templates.known(connection, caller.scope, str(id), caller.user, caller.extension)
        if rows:
            await noted(connection, caller, clock, "mail.templates", str(id), count=len(rows))
    return Templates(items=[
        {
            "id": row["id"], "code": row["code"], "name": row["name"], "texts": filled(row["texts"], known),
            "language": first_of(row["texts"], known.language, caller.language),
        }
        for row in rows
    ])  # fmt: skip

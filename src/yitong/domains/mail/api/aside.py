"""Mails that nobody was shown: what may still become of them. Each decision is written into the audit log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.mail.api.seeing import looker_of, noted
from yitong.domains.mail.store import shown as store
from yitong.kit.clock import SystemClock
from yitong.kit.database import Connection, Database
from yitong.kit.http import Caller, need, part

router = APIRouter(tags=["mails"])


@router.post("/mails/{id}/queue", status_code=204)
async def queue_mail(
    id: UUID, caller: Caller = need(store.ALL), database: Database = part(Database), clock: SystemClock = part(SystemClock),
    core: Core = part(Core),
) -> None:  # fmt: skip
    """Let a mail wait for an agent after all that was kept aside or discarded; one that could not be taken in is tried again at once."""
    async with database.transaction() as connection:
        row = await _seen(connection, caller, core, id)
        if row["address"] is None:
            raise Refused("mail_no_account")
        if not await store.queue(connection, caller.scope, str(id), clock.now()):
            raise Refused("wrong_state")
        await noted(connection, caller, clock, "mail.queued", str(id), state=row["state"], reason=row["reason"])


@router.post("/mails/{id}/discard", status_code=204)
async def discard_mail(
    id: UUID, caller: Caller = need(store.ALL), database: Database = part(Database), clock: SystemClock = part(SystemClock),
    core: Core = part(Core),
) -> None:  # fmt: skip
    """Nobody need see a mail that was kept aside. It stays among the discarded ones for as long as mails are kept."""
    async with database.transaction() as connection:
        row = await _seen(connection, caller, core, id)
        if not await store.discard(connection, caller.scope, str(id)):
            raise Refused("wrong_state")
        await noted(connection, caller, clock, "mail.discarded", str(id), state=row["state"], reason=row["reason"])


async def _seen(connection: Connection, caller: Caller, core: Core, id: UUID) -> dict[str, Any]:
    row = await store.one(connection, caller.scope, await looker_of(caller, core), str(id))
    if row is None:
        raise Refused("not_found")
    return row

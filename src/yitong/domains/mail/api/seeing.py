"""Who may see a mail, what is written down of it, and its file."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.mail.store.files import MailsFolder
from yitong.domains.mail.store.shown import ALL, OWN, Looker
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock
from yitong.kit.http import Caller
from yitong.kit.scope import Denied
from yitong.kit.sealing import Damaged, KeyMissing


async def looker_of(caller: Caller, core: Core) -> Looker:
    """Who looks, with what is on his desk at this moment. Raises Denied."""
    if caller.may(ALL):
        return Looker(scope=caller.scope, agent=caller.agent)
    if not caller.may(OWN) or not caller.agent:
        raise Denied(OWN)
    desk = await core.document(caller.tenant, caller.site, f"desk.{caller.agent}")
    held = desk.get("assignments", {}) if isinstance(desk, dict) else {}
    return Looker(scope=caller.scope, agent=caller.agent, here=tuple(one["contact"] for one in held.values() if one.get("contact")))


async def noted(connection: AsyncConnection, caller: Caller, clock: SystemClock, action: str, id: str, **details: Any) -> None:
    """A line of the audit log."""
    await audit(
        connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action=action, kind="mail", object=id,
        details={"source": caller.source, **details},
    )  # fmt: skip


async def octets_of(folder: MailsFolder, file: str) -> bytes:
    """The mail's file. Raises Refused: not_found, mail_damaged, mail_key_missing."""
    try:
        return await asyncio.to_thread(folder.read, file)
    except FileNotFoundError as error:
        raise Refused("not_found") from error
    except KeyMissing as error:
        raise Refused("mail_key_missing", key=error.id) from error
    except Damaged as error:
        raise Refused("mail_damaged") from error

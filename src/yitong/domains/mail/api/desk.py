"""A mail that is offered at the desk: taken, or given back."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.domains.acd.messages import OpenContact, ReturnContact
from yitong.kit.http import Caller, need, part

router = APIRouter(tags=["mails"])


class GivenBack(BaseModel):
    """The queue that gets a mail (id or code); empty: its own."""

    model_config = ConfigDict(extra="forbid")
    queue: str = Field(default="", max_length=64)


@router.post("/me/assignments/{id}/open", status_code=204)
async def open_contact(id: UUID, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Take an offered mail: it is answered at the desk."""
    await core.obey(caller.tenant, caller.site, OpenContact(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.post("/me/assignments/{id}/give_back", status_code=204)
async def give_back(id: UUID, given: GivenBack, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Let somebody else answer a mail; it keeps its place, in its queue or another one."""
    command = ReturnContact(actor=caller.user, agent=_agent(caller), assignment=str(id), queue=given.queue)
    await core.obey(caller.tenant, caller.site, command)


def _agent(caller: Caller) -> str:
    if not caller.agent:
        raise Refused("no_agent")
    return caller.agent

"""Conferences at the desk: who is there, and what a host does. Every act is written into the audit log before it happens.

Everything below ``/conferences/{id}`` is about a conference that goes on; members are named by their ids in the live document.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.contact.messages import Command
from yitong.domains.conference import messages as m
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, need, part

router = APIRouter(tags=["conferences"])


class Whom(BaseModel):
    """A member, by the id that the live document gives him."""

    model_config = ConfigDict(extra="forbid")
    member: UUID


class WhomOn(Whom):
    """A member, and whether."""

    on: bool


class On(BaseModel):
    """Whether."""

    model_config = ConfigDict(extra="forbid")
    on: bool


class Muted(On):
    """Who is not heard: a member, or (null) everybody but the hosts."""

    member: UUID | None = None


class Called(BaseModel):
    """Whom to call in: an agent, or a number (an extension of ours or one outside). ``host``: he leads, too."""

    model_config = ConfigDict(extra="forbid")
    agent: UUID | None = None
    number: str = Field(default="", max_length=32)
    speaking: bool = True
    host: bool = False


class Begun(BaseModel):
    """The new member."""

    member: str


class Rooms(BaseModel):
    """The rooms of the site with who is in them, as in the live document ``conferences``."""

    items: list[dict[str, Any]]
    next: str | None = None


class Log:
    """The audit log of what hosts do at desks."""

    def __init__(self, database: Database, clock: SystemClock) -> None:
        self._database = database
        self._clock = clock

    async def note(self, caller: Caller, action: str, id: str, **details: Any) -> None:
        """Write the entry."""
        async with self._database.transaction() as connection:
            await audit(
                connection, tenant=caller.tenant, at=self._clock.now(), actor=caller.user, action=f"conference.{action}", kind="conference",
                object=id, details={"source": caller.source, **details},
            )  # fmt: skip


def _log(database: Database = part(Database), clock: SystemClock = part(SystemClock)) -> Log:
    return Log(database, clock)


@router.get("/conferences")
async def conferences(caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)) -> Rooms:
    """The rooms and their members now, with numbers and names: audited."""
    document = await core.document(caller.tenant, caller.site, "conferences")
    rooms = list(document.get("rooms", {}).values()) if isinstance(document, dict) else []
    await log.note(caller, "listed", "", count=sum(len(room["members"]) for room in rooms))
    return Rooms(items=[room | {"members": list(room["members"].values())} for room in rooms])


@router.post("/conference_rooms/{id}/calls", status_code=201)
async def call_in(
    id: UUID, given: Called, caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)
) -> Begun:
    """Call somebody into a room, by the classes of numbers that one may call; a conference begins there if none goes on."""
    if not caller.agent:
        raise Refused("no_agent")
    await log.note(caller, "called", str(id), agent=str(given.agent or ""), host=given.host)
    command = m.CallIn(
        actor=caller.user, room=str(id), agent=caller.agent, number=given.number, to_agent=str(given.agent or ""), speaking=given.speaking,
        host=given.host,
    )  # fmt: skip
    return Begun(member=await core.obey(caller.tenant, caller.site, command))


@router.post("/conferences/{id}/grant", status_code=204)
async def grant(
    id: UUID, given: Whom, caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)
) -> None:
    """Let somebody speak who asks to; at most eight speak."""
    await log.note(caller, "granted", str(id), member=str(given.member))
    await _obey(core, caller, m.Grant(actor=caller.user, conference=str(id), member=str(given.member), agent=caller.agent))


@router.post("/conferences/{id}/refuse", status_code=204)
async def refuse(
    id: UUID, given: Whom, caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)
) -> None:
    """Let somebody who asks to speak go on listening."""
    await log.note(caller, "refused", str(id), member=str(given.member))
    await _obey(core, caller, m.RefuseAsk(actor=caller.user, conference=str(id), member=str(given.member), agent=caller.agent))


@router.put("/conferences/{id}/speaking", status_code=204)
async def speaking(
    id: UUID, given: WhomOn, caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)
) -> None:
    """Make a listener a speaker, or a speaker a listener."""
    await log.note(caller, "speaking", str(id), member=str(given.member), on=given.on)
    command = m.SetSpeaking(actor=caller.user, conference=str(id), member=str(given.member), on=given.on, agent=caller.agent)
    await _obey(core, caller, command)


@router.put("/conferences/{id}/mute", status_code=204)
async def mute(
    id: UUID, given: Muted, caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)
) -> None:
    """Let the others hear a speaker or not, or all speakers but the hosts."""
    await log.note(caller, "muted", str(id), member=str(given.member or ""), on=given.on)
    command: Command = m.MuteAll(actor=caller.user, conference=str(id), on=given.on, agent=caller.agent)
    if given.member is not None:
        command = m.MuteMember(actor=caller.user, conference=str(id), member=str(given.member), on=given.on, agent=caller.agent)
    await _obey(core, caller, command)


@router.put("/conferences/{id}/lock", status_code=204)
async def lock(id: UUID, given: On, caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)) -> None:
    """Let nobody dial in any more, or everybody again; hosts always may."""
    await log.note(caller, "locked", str(id), on=given.on)
    await _obey(core, caller, m.LockConference(actor=caller.user, conference=str(id), on=given.on, agent=caller.agent))


@router.put("/conferences/{id}/recording", status_code=204)
async def record(id: UUID, given: On, caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)) -> None:
    """Record what is said, or end it; the recording is found with the contact that was there longest."""
    await log.note(caller, "recorded", str(id), on=given.on)
    await _obey(core, caller, m.RecordConference(actor=caller.user, conference=str(id), on=given.on, agent=caller.agent))


@router.post("/conferences/{id}/remove", status_code=204)
async def remove(
    id: UUID, given: Whom, caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)
) -> None:
    """Send somebody out, or stop calling him."""
    await log.note(caller, "removed", str(id), member=str(given.member))
    await _obey(core, caller, m.RemoveMember(actor=caller.user, conference=str(id), member=str(given.member), agent=caller.agent))


@router.post("/conferences/{id}/end", status_code=204)
async def end(id: UUID, caller: Caller = need("conferences.host"), core: Core = part(Core), log: Log = Depends(_log)) -> None:
    """End it for all."""
    await log.note(caller, "ended", str(id))
    await _obey(core, caller, m.EndConference(actor=caller.user, conference=str(id), agent=caller.agent))


async def _obey(core: Core, caller: Caller, command: Command) -> None:
    await core.obey(caller.tenant, caller.site, command)

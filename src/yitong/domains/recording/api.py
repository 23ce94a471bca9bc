"""Pausing what is recorded of a talk, and recording on demand: the agent his own, a supervisor those of his teams.

What was done is written into the audit log from the ledger (``app/jobs/audited.py``), with every end that nobody asked for too.
"""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.contact.messages import Command
from yitong.domains.recording import store
from yitong.domains.recording.messages import EndRecordTalk, PauseTalk, RecordTalk, ResumeTalk
from yitong.domains.recording.rules import LONGEST_PAUSE_SECONDS
from yitong.kit.database import Database
from yitong.kit.http import Caller, need, part

router = APIRouter(tags=["agents and queues"])
_DAY_SECONDS = 86_400


class Paused(BaseModel):
    """For how long at most; 0: as long as the queue allows."""

    model_config = ConfigDict(extra="forbid")
    seconds: int = Field(default=0, ge=0, le=LONGEST_PAUSE_SECONDS)


class Recorded(BaseModel):
    """For how long; 0: until somebody ends it, or the talk does."""

    model_config = ConfigDict(extra="forbid")
    seconds: int = Field(default=0, ge=0, le=_DAY_SECONDS)


class Supervised:
    """The agent's core, once the caller is found to supervise the agent."""

    def __init__(self, database: Database, core: Core) -> None:
        self._database = database
        self._core = core

    async def obey(self, caller: Caller, agent: UUID, command: Command) -> None:
        """Raises Refused: not_found unless the agent is of a team of his."""
        async with self._database.transaction() as connection:
            if not await store.supervised(connection, caller.scope, caller.site, str(agent)):
                raise Refused("not_found")
        await self._core.obey(caller.tenant, caller.site, command)


def _supervised(database: Database = part(Database), core: Core = part(Core)) -> Supervised:
    return Supervised(database, core)


def _agent(caller: Caller) -> str:
    if not caller.agent:
        raise Refused("no_agent")
    return caller.agent


@router.post("/me/assignments/{id}/recording/pause", status_code=204)
async def pause_own(id: UUID, given: Paused, caller: Caller = need("recordings.pause"), core: Core = part(Core)) -> None:
    """Record nothing of the own talk for a while, as for card data; it goes on by itself."""
    command = PauseTalk(actor=caller.user, agent=_agent(caller), assignment=str(id), seconds=given.seconds)
    await core.obey(caller.tenant, caller.site, command)


@router.post("/me/assignments/{id}/recording/resume", status_code=204)
async def resume_own(id: UUID, caller: Caller = need("recordings.pause"), core: Core = part(Core)) -> None:
    """Let the recording go on."""
    await core.obey(caller.tenant, caller.site, ResumeTalk(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.post("/me/assignments/{id}/recording/start", status_code=204)
async def record_own(id: UUID, given: Recorded, caller: Caller = need("recordings.start"), core: Core = part(Core)) -> None:
    """Record the own talk on demand."""
    agent = _agent(caller)
    command = RecordTalk(actor=caller.user, agent=agent, assignment=str(id), by_agent=agent, seconds=given.seconds)
    await core.obey(caller.tenant, caller.site, command)


@router.post("/me/assignments/{id}/recording/stop", status_code=204)
async def end_own(id: UUID, caller: Caller = need("recordings.start"), core: Core = part(Core)) -> None:
    """End the own recording on demand."""
    await core.obey(caller.tenant, caller.site, EndRecordTalk(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.post("/agents/{id}/recording/pause", status_code=204)
async def pause(id: UUID, given: Paused, caller: Caller = need("recordings.pause"), core: Supervised = Depends(_supervised)) -> None:
    """Record nothing of an agent's talk for a while."""
    await core.obey(caller, id, PauseTalk(actor=caller.user, agent=str(id), seconds=given.seconds))


@router.post("/agents/{id}/recording/resume", status_code=204)
async def resume(id: UUID, caller: Caller = need("recordings.pause"), core: Supervised = Depends(_supervised)) -> None:
    """Let the recording go on."""
    await core.obey(caller, id, ResumeTalk(actor=caller.user, agent=str(id)))


@router.post("/agents/{id}/recording/start", status_code=204)
async def record(id: UUID, given: Recorded, caller: Caller = need("recordings.start"), core: Supervised = Depends(_supervised)) -> None:
    """Record an agent's talk on demand, beside what its rule records. It ends by this key, by intercept, forced release, the end of the
    talk, or after ``seconds``."""
    await core.obey(caller, id, RecordTalk(actor=caller.user, agent=str(id), by_agent=caller.agent, seconds=given.seconds))


@router.post("/agents/{id}/recording/stop", status_code=204)
async def end(id: UUID, caller: Caller = need("recordings.start"), core: Supervised = Depends(_supervised)) -> None:
    """End the recording on demand of an agent's talk, whoever began it."""
    await core.obey(caller, id, EndRecordTalk(actor=caller.user, agent=str(id)))

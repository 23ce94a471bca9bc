"""An agent's own state and assignments, and the live figures of queues and agents."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.contact.messages import Command
from yitong.domains.acd import store
from yitong.domains.acd.messages import HangUp, HoldContact, RefuseOffer, RetrieveContact, SetAgentState, WrapUp
from yitong.kit.clock import SECOND, SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, need, part

router = APIRouter(tags=["agents and queues"])


class WantedState(BaseModel):
    """The duty an agent wants to be in; ``reason`` is the id or code of a not-ready reason."""

    model_config = ConfigDict(extra="forbid")
    state: Literal["ready", "not_ready", "logged_off"]
    reason: str = Field(default="", max_length=64)


class WrapUpGiven(BaseModel):
    """After-call work; ``draft`` keeps it without ending it."""

    model_config = ConfigDict(extra="forbid")
    code: str = Field(default="", max_length=64)
    note: str = Field(default="", max_length=4000)
    draft: bool = False
    next_state: Literal["", "ready", "not_ready"] = ""
    reason: str = Field(default="", max_length=64)


class Listed(BaseModel):
    """A list that is not paged."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.put("/me/state", status_code=204)
async def set_state(given: WantedState, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Become ready, not ready (with a reason) or logged off."""
    await _obey(core, caller, SetAgentState(actor=caller.user, agent=_agent(caller), state=given.state, reason=given.reason))


@router.post("/me/assignments/{id}/refuse", status_code=204)
async def refuse(id: UUID, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Not take an offered contact; the next agent gets it."""
    await _obey(core, caller, RefuseOffer(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.post("/me/assignments/{id}/hold", status_code=204)
async def hold(id: UUID, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Let the customer hear music."""
    await _obey(core, caller, HoldContact(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.post("/me/assignments/{id}/retrieve", status_code=204)
async def retrieve(id: UUID, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """End the hold."""
    await _obey(core, caller, RetrieveContact(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.post("/me/assignments/{id}/hang_up", status_code=204)
async def hang_up(id: UUID, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """End the agent's part of the call; the customer goes on in the flow."""
    await _obey(core, caller, HangUp(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.put("/me/assignments/{id}/wrap_up", status_code=204)
async def wrap_up(id: UUID, given: WrapUpGiven, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """End the after-call work with code and note, or keep a draft."""
    command = WrapUp(
        actor=caller.user, agent=_agent(caller), assignment=str(id), code=given.code, note=given.note, draft=given.draft,
        next_state=given.next_state, reason=given.reason,
    )  # fmt: skip
    await _obey(core, caller, command)


@router.get("/queues")
async def queues(caller: Caller = need(), core: Core = part(Core), clock: SystemClock = part(SystemClock)) -> Listed:
    """The site's queues with their figures of now and today."""
    board = await core.document(caller.tenant, caller.site, "board")
    return Listed(items=[_queue(queue, clock.now()) for queue in _rows(board, "queues")])


@router.get("/agents")
async def agents(caller: Caller = need("board.see"), core: Core = part(Core), database: Database = part(Database)) -> Listed:
    """The agents of the teams one supervises (with ``contacts.all``: of the site) as they stand."""
    async with database.transaction() as connection:
        known = await store.agents(connection, caller.scope, caller.site)
    board = await core.document(caller.tenant, caller.site, "board")
    live = {row.get("id"): row for row in _rows(board, "agents")}
    return Listed(items=[live.get(agent["id"], {"state": "logged_off", "since": None}) | agent for agent in known])


def _agent(caller: Caller) -> str:
    if not caller.agent:
        raise Refused("no_agent")
    return caller.agent


async def _obey(core: Core, caller: Caller, command: Command) -> None:
    await core.obey(caller.tenant, caller.site, command)


def _rows(board: Any, name: str) -> list[dict[str, Any]]:
    return list(board.get(name, {}).values()) if isinstance(board, dict) else []


def _queue(row: dict[str, Any], now: int) -> dict[str, Any]:
    """A queue of the board under the names of the list (docs/interfaces.md)."""
    since = row.get("longest_since")
    own = {name: row.get(name) for name in ("id", "name", "waiting", "ready", "busy", "service_level")}
    today = {f"{name}_today": row.get(name, 0) for name in ("offered", "answered", "abandoned")}
    return {**own, **today, "longest_wait_seconds": max(0, now - since) // SECOND if since else 0}

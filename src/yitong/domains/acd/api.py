"""An agent's own state and assignments, and the live figures of queues and agents."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from yitong.contact.bus import Refused
from yitong.contact.client import Core
from yitong.contact.messages import Command
from yitong.domains.acd import store
from yitong.domains.acd.messages import (
    Alternate,
    CallInside,
    CallOut,
    Conference,
    Consult,
    ForceAgentState,
    ForceRelease,
    HangUp,
    HoldContact,
    Intercept,
    LetIntoFlow,
    ListEntries,
    Mute,
    Reconnect,
    RefuseOffer,
    RetrieveContact,
    SendInto,
    SendKeys,
    SetAgentState,
    Supervise,
    TakeBack,
    Transfer,
    WrapUp,
)
from yitong.kit.audit import audit
from yitong.kit.clock import SECOND, SystemClock
from yitong.kit.database import OUTAGES, Database
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


class Somebody(BaseModel):
    """An agent by id, or a number: an extension of ours or one outside."""

    model_config = ConfigDict(extra="forbid")
    agent: UUID | None = None
    number: str = Field(default="", max_length=32)

    @property
    def named(self) -> dict[str, str]:
        """As commands have it."""
        return {"to_agent": str(self.agent) if self.agent else "", "number": self.number}


class Receiver(Somebody):
    """Who gets the customer: somebody, a queue (id or code), or whoever is consulted when nothing is named."""

    queue: str = Field(default="", max_length=64)


class Muted(BaseModel):
    """Whether the others hear the agent (``on`` false) or not."""

    model_config = ConfigDict(extra="forbid")
    on: bool


class Keys(BaseModel):
    """Keys as RFC 4733 has them: 0-9, *, #, A-D."""

    model_config = ConfigDict(extra="forbid")
    keys: str = Field(min_length=1, max_length=32, pattern=r"^[0-9*#A-D]+$")


class Dialled(BaseModel):
    """The number to call, as people write it; ``prompt`` or ``fax`` (codes) is sent when it answers (``after_beep``: to a machine then)."""

    model_config = ConfigDict(extra="forbid")
    number: str = Field(min_length=2, max_length=32)
    prompt: str = Field(default="", max_length=80)
    fax: str = Field(default="", max_length=80)
    after_beep: bool = False


class FlowWanted(BaseModel):
    """An entry of a published flow, and what it takes. ``wait``: the agent stays apart until the contact comes back."""

    model_config = ConfigDict(extra="forbid")
    flow: UUID
    step: str = Field(min_length=1, max_length=40)
    values: dict[str, str] = Field(default={}, max_length=20)
    wait: bool = True


class Sent(BaseModel):
    """A prompt or a fax document, by its code."""

    model_config = ConfigDict(extra="forbid")
    prompt: str = Field(default="", max_length=80)
    fax: str = Field(default="", max_length=80)
    wait: bool = True


class Supervision(BaseModel):
    """How a supervisor takes part: heard by nobody, by the agent alone, or by all."""

    model_config = ConfigDict(extra="forbid")
    participation: Literal["silent", "whisper", "active"] = "silent"


class Begun(BaseModel):
    """The caller's own assignment."""

    assignment: str


class Listed(BaseModel):
    """A list that is not paged."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.put("/me/state", status_code=204)
async def set_state(given: WantedState, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Become ready, not ready (with a reason) or logged off."""
    await _obey(core, caller, SetAgentState(actor=caller.user, agent=_agent(caller), state=given.state, reason=given.reason))


@router.post("/me/calls", status_code=201)
async def call_out(given: Dialled, caller: Caller = need("calls.take"), core: Core = part(Core)) -> Begun:
    """Call an outside number: the own telephone first, then the number. Only numbers of the classes that the agent may call."""
    command = CallOut(actor=caller.user, agent=_agent(caller), **given.model_dump())
    return Begun(assignment=await core.obey(caller.tenant, caller.site, command))


@router.post("/me/inside_calls", status_code=201)
async def call_inside(given: Somebody, caller: Caller = need("calls.take"), core: Core = part(Core)) -> Begun:
    """Call a colleague: the own telephone first, then his. No contact comes of it."""
    command = CallInside(actor=caller.user, agent=_agent(caller), **given.named)
    return Begun(assignment=await core.obey(caller.tenant, caller.site, command))


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


@router.post("/me/assignments/{id}/consult", status_code=204)
async def consult(id: UUID, given: Somebody, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Ask somebody while the customer hears music."""
    await _obey(core, caller, Consult(actor=caller.user, agent=_agent(caller), assignment=str(id), **given.named))


@router.post("/me/assignments/{id}/alternate", status_code=204)
async def alternate(id: UUID, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Go over to the customer, or back to whom one consults."""
    await _obey(core, caller, Alternate(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.post("/me/assignments/{id}/reconnect", status_code=204)
async def reconnect(id: UUID, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """End the consultation and go back to the customer."""
    await _obey(core, caller, Reconnect(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.post("/me/assignments/{id}/conference", status_code=204)
async def conference(id: UUID, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Let all three hear each other."""
    await _obey(core, caller, Conference(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.post("/me/assignments/{id}/transfer", status_code=204)
async def transfer(id: UUID, given: Receiver, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Give the customer away: to whom one consults, or at once to somebody or to a queue; after-call work begins."""
    command = Transfer(actor=caller.user, agent=_agent(caller), assignment=str(id), queue=given.queue, **given.named)
    await _obey(core, caller, command)


@router.get("/me/entries")
async def entries(caller: Caller = need("calls.take"), core: Core = part(Core)) -> Listed:
    """Where one may let a contact into a flow: what each takes and returns, and whether one may wait for it."""
    return Listed(items=await core.obey(caller.tenant, caller.site, ListEntries(actor=caller.user, agent=_agent(caller))))


@router.get("/me/sendable")
async def sendable(caller: Caller = need("calls.take"), database: Database = part(Database)) -> Listed:
    """The prompts and fax documents that one may send into a call: ``{kind, code, name}``."""
    async with database.transaction() as connection:
        return Listed(items=await store.sendable(connection, caller.scope))


@router.post("/me/assignments/{id}/flow", status_code=204)
async def let_into_flow(id: UUID, given: FlowWanted, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Let the customer into a flow, with call data; he comes back with what it collected, or goes on from there for good."""
    command = LetIntoFlow(
        actor=caller.user, agent=_agent(caller), assignment=str(id), flow=str(given.flow), step=given.step, values=given.values,
        wait=given.wait,
    )  # fmt: skip
    await _obey(core, caller, command)


@router.post("/me/assignments/{id}/send", status_code=204)
async def send_into(id: UUID, given: Sent, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Send a prompt or a fax into the call, while one waits or for good."""
    command = SendInto(
        actor=caller.user, agent=_agent(caller), assignment=str(id), prompt=given.prompt, fax=given.fax, wait=given.wait
    )  # fmt: skip
    await _obey(core, caller, command)


@router.post("/me/assignments/{id}/take_back", status_code=204)
async def take_back(id: UUID, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Take the customer out of the flow before he comes by himself."""
    await _obey(core, caller, TakeBack(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.put("/me/assignments/{id}/mute", status_code=204)
async def mute(id: UUID, given: Muted, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Let the others hear the agent or not; he hears them."""
    await _obey(core, caller, Mute(actor=caller.user, agent=_agent(caller), assignment=str(id), on=given.on))


@router.post("/me/assignments/{id}/keys", status_code=204)
async def send_keys(id: UUID, given: Keys, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """Send keys to whom the agent talks with now."""
    await _obey(core, caller, SendKeys(actor=caller.user, agent=_agent(caller), assignment=str(id), keys=given.keys))


@router.put("/me/assignments/{id}/wrap_up", status_code=204)
async def wrap_up(id: UUID, given: WrapUpGiven, caller: Caller = need("calls.take"), core: Core = part(Core)) -> None:
    """End the after-call work with code and note, or keep a draft."""
    command = WrapUp(
        actor=caller.user, agent=_agent(caller), assignment=str(id), code=given.code, note=given.note, draft=given.draft,
        next_state=given.next_state, reason=given.reason,
    )  # fmt: skip
    await _obey(core, caller, command)


class Log:
    """Whom a supervisor may act on, and the audit log of it: the entry is written before the act."""

    def __init__(self, database: Database, clock: SystemClock) -> None:
        self._database = database
        self._clock = clock

    async def over(self, caller: Caller, agent: UUID, action: str, **details: str) -> None:
        """Raises Refused (not_found) unless the agent is of a team of his."""
        async with self._database.transaction() as connection:
            known = await store.agents(connection, caller.scope, caller.site)
        if all(str(one["id"]) != str(agent) for one in known):
            raise Refused("not_found")
        await self.note(caller, action, "agent", str(agent), **details)

    async def note(self, caller: Caller, action: str, kind: str, id: str, **details: str) -> None:
        """Write the entry."""
        async with self._database.transaction() as connection:
            await audit(
                connection, tenant=caller.tenant, at=self._clock.now(), actor=caller.user, action=action, kind=kind, object=id,
                details={"source": caller.source, **details},
            )  # fmt: skip


def _log(database: Database = part(Database), clock: SystemClock = part(SystemClock)) -> Log:
    return Log(database, clock)


@router.post("/agents/{id}/supervise", status_code=201)
async def supervise(
    id: UUID, given: Supervision, caller: Caller = need("calls.supervise"), core: Core = part(Core), log: Log = Depends(_log)
) -> Begun:
    """Listen to an agent's talk, whisper to him or talk too; asked again, the way changes without a gap. His telephone rings."""
    await log.over(caller, id, "call.supervised", participation=given.participation)
    command = Supervise(actor=caller.user, agent=_agent(caller), whom=str(id), participation=given.participation)
    return Begun(assignment=await core.obey(caller.tenant, caller.site, command))


@router.post("/agents/{id}/release", status_code=204)
async def force_release(id: UUID, caller: Caller = need("calls.supervise"), core: Core = part(Core), log: Log = Depends(_log)) -> None:
    """End an agent's talk; the customer goes on in the flow."""
    await log.over(caller, id, "call.released")
    await _obey(core, caller, ForceRelease(actor=caller.user, agent=str(id)))


@router.put("/agents/{id}/state", status_code=204)
async def force_state(
    id: UUID, given: WantedState, caller: Caller = need("calls.supervise"), core: Core = part(Core), log: Log = Depends(_log)
) -> None:
    """Change an agent's duty, or log him off."""
    await log.over(caller, id, "agent.state_changed", state=given.state)
    await _obey(core, caller, ForceAgentState(actor=caller.user, agent=str(id), state=given.state, reason=given.reason))


@router.post("/me/assignments/{id}/intercept", status_code=204)
async def intercept(id: UUID, caller: Caller = need("calls.supervise"), core: Core = part(Core), log: Log = Depends(_log)) -> None:
    """Take the customer over from the agent whom one supervises; the agent is freed."""
    await log.note(caller, "call.intercepted", "assignment", str(id))
    await _obey(core, caller, Intercept(actor=caller.user, agent=_agent(caller), assignment=str(id)))


@router.get("/queues")
async def queues(caller: Caller = need(), core: Core = part(Core), clock: SystemClock = part(SystemClock)) -> Listed:
    """The site's queues with their figures of now and today."""
    board = await core.document(caller.tenant, caller.site, "board")
    return Listed(items=[_queue(queue, clock.now()) for queue in _rows(board, "queues")])


@router.get("/me/colleagues")
async def colleagues(caller: Caller = need("calls.take"), core: Core = part(Core), database: Database = part(Database)) -> Listed:
    """The other agents of the site, whom one may ask or give a contact to: who they are and how they stand, nothing of their work.

    And people of other sites of ours (state ``distant``), called by their number: how they stand is not known here."""
    own = _agent(caller)
    board = await core.document(caller.tenant, caller.site, "board")
    here = [{name: row.get(name) for name in _COLLEAGUE} for row in _rows(board, "agents") if row.get("id") != own]
    try:
        async with database.transaction() as connection:
            there = await store.distant(connection, caller.scope)
    except OUTAGES:  # those of this site are shown without PostgreSQL, too
        there = []
    return Listed(items=[*here, *there])


@router.get("/agents")
async def agents(caller: Caller = need("board.see"), core: Core = part(Core), database: Database = part(Database)) -> Listed:
    """The agents of the teams one supervises (with ``contacts.all``: of the site) as they stand."""
    async with database.transaction() as connection:
        known = await store.agents(connection, caller.scope, caller.site)
    board = await core.document(caller.tenant, caller.site, "board")
    live = {row.get("id"): row for row in _rows(board, "agents")}
    return Listed(items=[live.get(agent["id"], {"state": "logged_off", "since": None}) | agent for agent in known])


_COLLEAGUE = ("id", "extension", "name", "team", "state", "since", "reachable")


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

"""Checking and publishing flows; the schema of their documents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from yitong.contact.bus import Refused
from yitong.domains.sites import service
from yitong.domains.sites.api.flow_texts import text_of
from yitong.domains.sites.api.kinds import reason_of
from yitong.domains.sites.api.shapes import Page
from yitong.domains.sites.store import configured
from yitong.domains.sites.store.published import compiled_all
from yitong.flow.checker import check, knowledge_of
from yitong.flow.definition import Kinds
from yitong.flow.step import Problem
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, choose_language, etag, need, part, version_asked

router = APIRouter(prefix="/config/flows", tags=["configuration"])
_KNOWN = ("tenant", "queue", "prompt", "agent")


@router.get("/schema")
async def flow_schema(caller: Caller = need("config.read"), kinds: Kinds = part(Kinds)) -> dict[str, Any]:
    """JSON schema (2020-12) of a flow document, with every kind of step that is installed."""
    return kinds.schema()


@router.post("/{id}/check")
async def check_flow(
    id: UUID,
    request: Request,
    caller: Caller = need("config.read"),
    database: Database = part(Database),
    kinds: Kinds = part(Kinds),
) -> Page:
    """What is wrong with the draft; empty when it may be published."""
    _, problems = await _checked(database, caller, str(id), kinds)
    return Page(items=_shown(problems, request))


@router.post("/{id}/publish")
async def publish_flow(
    id: UUID,
    request: Request,
    response: Response,
    caller: Caller = need("config.write"),
    database: Database = part(Database),
    kinds: Kinds = part(Kinds),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:
    """Let new contacts enter the draft as it stands. If-Match, when sent, must carry the version that was looked at."""
    flow, problems = await _checked(database, caller, str(id), kinds)
    if problems:
        raise Refused("flow_has_problems", count=len(problems), problems=_shown(problems, request))
    version = version_asked(request) if "if-match" in request.headers else flow["version"]
    async with database.transaction() as connection:
        value = await service.publish_flow(connection, caller.scope, str(id), version, at=clock.now(), reason=reason_of(request))
    response.headers["ETag"] = etag(value["version"])
    return {("document" if name == "draft" else name): cell for name, cell in value.items()}


async def _checked(database: Database, caller: Caller, id: str, kinds: Kinds) -> tuple[dict[str, Any], list[Problem]]:
    async with database.transaction() as connection:
        flow = await configured.one(connection, caller.scope, "flow", id)
        configuration = {
            kind: {value["id"]: value for value in await compiled_all(connection, caller.tenant, kind) if value["tenant"] == caller.tenant}
            for kind in _KNOWN
        }
    configuration["tenant"] = {id: value for id, value in configuration["tenant"].items() if id == caller.tenant}
    document, problems = kinds.parse(flow["draft"])
    if document is not None:
        problems = check(document, kinds, knowledge_of(configuration, speech=False))
    return flow, problems


def _shown(problems: list[Problem], request: Request) -> list[dict[str, Any]]:
    language = choose_language(request.headers.get("accept-language", ""))
    return [
        {"step": one.step, "code": one.code, "parameters": one.parameters, "message": text_of(one, language)} for one in problems
    ]

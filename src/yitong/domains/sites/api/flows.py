"""Checking and publishing flows; the schema of their documents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response

from yitong.contact.bus import Refused
from yitong.domains.sites import service
from yitong.domains.sites.api.flow_texts import text_of
from yitong.domains.sites.api.shapes import Page
from yitong.domains.sites.api.sounds import PromptsFolder, spoken
from yitong.domains.sites.store import configured
from yitong.domains.sites.store.published import compiled_all
from yitong.flow.checker import check, knowledge_of
from yitong.flow.definition import Document, Kinds
from yitong.flow.speech import Speech
from yitong.flow.step import Problem
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, choose_language, etag, need, part, reason_of, version_asked
from yitong.kit.ids import RandomIds

router = APIRouter(prefix="/config/flows", tags=["configuration"])
_KNOWN = ("tenant", "queue", "prompt", "agent", "fax_document", "mailbox", "text_line")


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
    speech: Speech = part(Speech),
) -> Page:
    """What is wrong with the draft; empty when it may be published (unless its texts turn out not to be speakable)."""
    looked = await _look(database, caller, str(id), kinds, speech)
    return Page(items=_shown(looked.problems, request))


@router.post("/{id}/publish")
async def publish_flow(
    id: UUID,
    request: Request,
    response: Response,
    caller: Caller = need("config.write"),
    database: Database = part(Database),
    kinds: Kinds = part(Kinds),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
    speech: Speech = part(Speech),
    folder: PromptsFolder = part(PromptsFolder),
) -> dict[str, Any]:
    """Let new contacts enter the draft as it stands. If-Match, when sent, must carry the version that was looked at.

    What the flow says and has never been rendered is rendered first; these prompts go out before the flow that plays them.
    """
    looked = await _look(database, caller, str(id), kinds, speech)
    sounds: list[dict[str, Any]] = []
    problems = looked.problems
    if looked.document is not None and not problems:
        sounds, problems = await spoken(looked.document, looked.prompts, speech, folder, caller.tenant)
    if problems:
        raise Refused("flow_has_problems", count=len(problems), problems=_shown(problems, request))
    version = version_asked(request) if "if-match" in request.headers else looked.flow["version"]
    now, reason = clock.now(), reason_of(request)
    async with database.transaction() as connection:
        for sound in sounds:
            await service.make(connection, caller.scope, "prompt", ids.new(now), sound, at=now, reason=reason)
        value = await service.publish_flow(connection, caller.scope, str(id), version, at=now, reason=reason)
    response.headers["ETag"] = etag(value["version"])
    return {("document" if name == "draft" else name): cell for name, cell in value.items()}


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A draft, what is wrong with it, and the codes of the prompts that the tenant has."""

    flow: dict[str, Any]
    document: Document | None
    problems: list[Problem]
    prompts: frozenset[str]


async def _look(database: Database, caller: Caller, id: str, kinds: Kinds, speech: Speech) -> Looked:
    async with database.transaction() as connection:
        flow = await configured.one(connection, caller.scope, "flow", id)
        configuration = {
            kind: {value["id"]: value for value in await compiled_all(connection, caller.tenant, kind) if value["tenant"] == caller.tenant}
            for kind in _KNOWN
        }
    configuration["tenant"] = {id: value for id, value in configuration["tenant"].items() if id == caller.tenant}
    document, problems = kinds.parse(flow["draft"])
    knowledge = knowledge_of(configuration, speech=speech.available())
    if document is not None:
        problems = check(document, kinds, knowledge)
    return Looked(flow=flow, document=document, problems=problems, prompts=frozenset(knowledge.prompts))


def _shown(problems: list[Problem], request: Request) -> list[dict[str, Any]]:
    language = choose_language(request.headers.get("accept-language", ""))
    return [{"step": one.step, "code": one.code, "parameters": one.parameters, "message": text_of(one, language)} for one in problems]

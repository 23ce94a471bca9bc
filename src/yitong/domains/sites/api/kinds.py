"""The same seven routes for every plain kind of configuration, made from a table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from yitong.domains.sites import service
from yitong.domains.sites.api import shapes, text_shapes
from yitong.domains.sites.api.mail_shape import MailAccount, MailTemplate
from yitong.domains.sites.api.paging import Cursor, Limit, page_of, place_of, version_of
from yitong.domains.sites.api.score_shapes import ScoreSheet
from yitong.domains.sites.api.shapes import Page
from yitong.domains.sites.store import configured, people
from yitong.domains.sites.store.kinds import KINDS
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import BadCursor, Caller, etag, iso, need, part, reason_of, to_cursor, version_asked
from yitong.kit.ids import RandomIds
from yitong.kit.records import Past, Value
from yitong.kit.sealed_text import Sealer


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A kind under ``/config/{path}``. ``renamed``: names outside to names of the record. ``sealed``: fields kept sealed."""

    path: str
    kind: str
    shape: type[BaseModel] = BaseModel
    renamed: Mapping[str, str] = {}
    sealed: tuple[str, ...] = ()

    def inside(self, given: BaseModel, tenant: str, sealer: Sealer) -> dict[str, Any]:
        """The record's fields from what was sent; null is a secret that stays as it is."""
        sent = given.model_dump(mode="json", by_alias=True)
        value = {self.renamed.get(name, name): value for name, value in sent.items() if value is not None}
        return value | {name: sealer.seal(tenant, f"{self.kind}.{name}", value[name]) for name in self.sealed if name in value}

    def outside(self, value: Value) -> Value:
        """What is shown of a record."""
        back = {inner: outer for outer, inner in self.renamed.items()}
        return {back.get(name, name): cell for name, cell in value.items()}


RESOURCES = (
    Resource(path="sites", kind="site", shape=shapes.Site),
    Resource(path="teams", kind="team", shape=shapes.Team),
    Resource(path="skills", kind="skill", shape=shapes.Named),
    Resource(path="queues", kind="queue", shape=shapes.Queue),
    Resource(path="flows", kind="flow", shape=shapes.Flow, renamed={"document": "draft"}),
    Resource(path="numbers", kind="number", shape=shapes.Number),
    Resource(path="trunks", kind="trunk", shape=shapes.Trunk, sealed=("password",)),
    Resource(path="number_classes", kind="number_class", shape=shapes.NumberClass),
    Resource(path="caller_rules", kind="caller_rule", shape=shapes.CallerRule),
    Resource(path="conference_rooms", kind="conference_room", shape=shapes.ConferenceRoom),
    Resource(path="text_lines", kind="text_line", shape=text_shapes.TextLine, sealed=("password",)),
    Resource(path="text_templates", kind="text_template", shape=text_shapes.TextTemplate),
    Resource(path="mailboxes", kind="mailbox", shape=shapes.Mailbox),
    Resource(path="mail_accounts", kind="mail_account", shape=MailAccount, sealed=("imap_password", "smtp_password")),
    Resource(path="mail_templates", kind="mail_template", shape=MailTemplate),
    Resource(path="retentions", kind="retention", shape=shapes.Retention),
    Resource(path="score_sheets", kind="score_sheet", shape=ScoreSheet),
    Resource(path="reasons", kind="reason", shape=shapes.Named),
    Resource(path="wrap_up_codes", kind="wrap_up_code", shape=shapes.Named),
)


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What a write needs beside the value."""

    caller: Caller
    database: Database
    clock: SystemClock
    reason: str


def history_of(pasts: list[Past], names: Mapping[str, Any], now: Value | None, show: Callable[[Value], Value]) -> list[dict[str, Any]]:
    """Versions, newest first: each with the value it gave the record, who made it, when and why."""
    items, value = [], now
    for past in pasts:
        items.append({
            "version": past.version + 1, "at": iso(past.at), "actor": past.actor or None, "actor_name": names.get(past.actor),
            "reason": past.reason, "deleted": past.deleted, "value": None if past.deleted or value is None else show(value),
        })  # fmt: skip
        value = past.previous
    return items


def router_of(resource: Resource) -> APIRouter:
    """The routes of one kind."""
    router = APIRouter(prefix=f"/config/{resource.path}", tags=["configuration"])
    _reading(router, resource)
    _making(router, resource)
    _altering(router, resource)
    _removing(router, resource)
    return router


def stored_router(resource: Resource) -> APIRouter:
    """The routes of a kind that is a file beside its record: its making and altering, which take the file, are its own."""
    router = APIRouter(prefix=f"/config/{resource.path}", tags=["configuration"])
    _reading(router, resource)
    _removing(router, resource)
    return router


def _reading(router: APIRouter, resource: Resource) -> None:
    @router.get("", operation_id=f"list_{resource.path}")
    async def listed(
        cursor: Cursor = "", limit: Limit = 50, caller: Caller = need("config.read"), database: Database = part(Database)
    ) -> Page:
        """They, in the order of their codes."""
        place = place_of(cursor)
        async with database.transaction() as connection:
            found = await configured.page(connection, caller.scope, resource.kind, place, limit + 1)
        return page_of(found, limit, KINDS[resource.kind].code, resource.outside)

    @router.get("/{id}", operation_id=f"get_{resource.path}")
    async def one(
        id: UUID, response: Response, caller: Caller = need("config.read"), database: Database = part(Database)
    ) -> dict[str, Any]:
        """One of them; its ETag is what a change must send as If-Match."""
        async with database.transaction() as connection:
            value = await configured.one(connection, caller.scope, resource.kind, str(id))
        response.headers["ETag"] = etag(value["version"])
        return resource.outside(value)

    @router.get("/{id}/history", operation_id=f"history_{resource.path}")
    async def past(
        id: UUID, cursor: Cursor = "", limit: Limit = 50, caller: Caller = need("config.read"), database: Database = part(Database)
    ) -> Page:
        """The versions it had, newest first, also of one that was removed."""
        return await history_page(database, caller, resource.kind, str(id), resource.outside, cursor, limit)


async def history_page(
    database: Database, caller: Caller, kind: str, id: str, show: Callable[[Value], Value], cursor: str, limit: int
) -> Page:
    """A page of the history of a record of the caller's tenant. Raises Missing when there never was one, BadCursor."""
    seen = version_of(cursor)
    async with database.transaction() as connection:
        pasts = await configured.past(connection, caller.scope, kind, id, upto=seen, limit=limit + 2)
        now: Value | None = None
        if seen is not None:
            if not pasts or pasts[0].version != seen:
                raise BadCursor(cursor[:20])
            now, pasts = pasts[0].previous, pasts[1:]
        elif not pasts or not pasts[0].deleted:
            now = await configured.one(connection, caller.scope, kind, id)
        names = await people.names_of_users(connection, caller.scope, [past.actor for past in pasts])
    more = to_cursor(pasts[limit - 1].version) if len(pasts) > limit else None
    return Page(items=history_of(pasts[:limit], names, now, show), next=more)


def _making(router: APIRouter, resource: Resource) -> None:
    async def make(
        given: BaseModel,
        request: Request,
        response: Response,
        caller: Caller = need("config.write"),
        database: Database = part(Database),
        clock: SystemClock = part(SystemClock),
        ids: RandomIds = part(RandomIds),
        sealer: Sealer = part(Sealer),
    ) -> dict[str, Any]:
        """Make a new one."""
        now, value = clock.now(), resource.inside(given, caller.tenant, sealer)
        async with database.transaction() as connection:
            made = await service.make(connection, caller.scope, resource.kind, ids.new(now), value, at=now, reason=reason_of(request))
        response.headers["ETag"] = etag(made["version"])
        response.headers["Location"] = f"/api/v1/config/{resource.path}/{made['id']}"
        return resource.outside(made)

    _take(make, resource.shape)
    router.add_api_route("", make, methods=["POST"], status_code=201, operation_id=f"make_{resource.path}")


def _altering(router: APIRouter, resource: Resource) -> None:
    async def alter(
        id: UUID,
        given: BaseModel,
        request: Request,
        response: Response,
        caller: Caller = need("config.write"),
        database: Database = part(Database),
        clock: SystemClock = part(SystemClock),
        sealer: Sealer = part(Sealer),
    ) -> dict[str, Any]:
        """Replace it; If-Match must carry its present version."""
        version, value = version_asked(request), resource.inside(given, caller.tenant, sealer)
        async with database.transaction() as connection:
            altered = await service.alter(
                connection, caller.scope, resource.kind, str(id), version, value, at=clock.now(), reason=reason_of(request)
            )
        response.headers["ETag"] = etag(altered["version"])
        return resource.outside(altered)

    _take(alter, resource.shape)
    router.add_api_route("/{id}", alter, methods=["PUT"], operation_id=f"alter_{resource.path}")


def _removing(router: APIRouter, resource: Resource) -> None:
    @router.delete("/{id}", status_code=204, operation_id=f"remove_{resource.path}")
    async def remove(
        id: UUID,
        request: Request,
        caller: Caller = need("config.write"),
        database: Database = part(Database),
        clock: SystemClock = part(SystemClock),
    ) -> None:
        """Remove it, unless something refers to it; If-Match must carry its present version."""
        version = version_asked(request)
        async with database.transaction() as connection:
            await service.remove(connection, caller.scope, resource.kind, str(id), version, at=clock.now(), reason=reason_of(request))


def _take(endpoint: Callable[..., Any], shape: type[BaseModel]) -> None:
    """Have FastAPI read ``given`` as the kind's own shape."""
    signature = inspect.signature(endpoint, eval_str=True)
    parameters = [
        parameter.replace(annotation=shape) if parameter.name == "given" else parameter for parameter in signature.parameters.values()
    ]
    endpoint.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]

"""Documents for faxes under ``/config/fax_documents``: a picture file or a text, kept as pages that every fax machine takes (H33)."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Form, Request, Response

from yitong.domains.fax.api.pages import AsForm, Name, Text, Upload, keep, served
from yitong.domains.fax.store.files import FaxesFolder
from yitong.domains.sites import service
from yitong.domains.sites.api.kinds import Resource, stored_router
from yitong.domains.sites.store import configured
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, etag, need, part, reason_of, version_asked
from yitong.kit.ids import RandomIds

KIND = "fax_document"
router = stored_router(Resource(path="fax_documents", kind=KIND))

_Code = Annotated[str, Form(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]


@router.get("/{id}/document", response_class=Response, responses={200: {"content": {"image/tiff": {}, "application/pdf": {}}}})
async def fax_document_pages(
    id: UUID,
    form: AsForm = "tiff",
    caller: Caller = need("config.read"),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
) -> Response:
    """The pages, as TIFF or as PDF."""
    async with database.transaction() as connection:
        value = await configured.one(connection, caller.scope, KIND, str(id))
    return await served(folder, value["file"], value["code"], form)


@router.post("", status_code=201)
async def make_fax_document(
    code: _Code,
    name: Name,
    request: Request,
    response: Response,
    text: Text = "",
    file: Upload = None,
    caller: Caller = need("config.write"),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
) -> dict[str, Any]:
    """A new document: a picture file (TIFF, PNG, JPEG), else a text that is set on A4 pages."""
    stored = msgspec.structs.asdict(await keep(folder, caller.tenant, name, text, file))
    now = clock.now()
    async with database.transaction() as connection:
        value = await service.make(
            connection, caller.scope, KIND, ids.new(now), {"code": code, "name": {"zh-CN": name, "en": name}, **stored}, at=now,
            reason=reason_of(request),
        )  # fmt: skip
    response.headers["ETag"] = etag(value["version"])
    response.headers["Location"] = f"/api/v1/config/fax_documents/{value['id']}"
    return value


@router.put("/{id}")
async def alter_fax_document(
    id: UUID,
    code: _Code,
    name: Name,
    request: Request,
    response: Response,
    text: Text = "",
    file: Upload = None,
    caller: Caller = need("config.write"),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:
    """Change a document; without a file and a text its pages stay."""
    version = version_asked(request)
    stored = msgspec.structs.asdict(await keep(folder, caller.tenant, name, text, file)) if text or file is not None else {}
    async with database.transaction() as connection:
        value = await service.alter(
            connection, caller.scope, KIND, str(id), version, {"code": code, "name": {"zh-CN": name, "en": name}, **stored},
            at=clock.now(), reason=reason_of(request),
        )  # fmt: skip
    response.headers["ETag"] = etag(value["version"])
    return value

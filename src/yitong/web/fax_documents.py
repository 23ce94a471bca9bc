"""Documents for faxes under ``/config/fax_documents``: a picture file or a text, kept as pages that every fax machine takes (H33)."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile

from yitong.contact.bus import Refused
from yitong.domains.fax.api import FaxesFolder, served
from yitong.domains.sites import service
from yitong.domains.sites.api.kinds import history_page, reason_of
from yitong.domains.sites.api.paging import Cursor, Limit, page_of, place_of
from yitong.domains.sites.api.shapes import Page
from yitong.domains.sites.store import configured
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, etag, need, part, version_asked
from yitong.kit.ids import RandomIds
from yitong.media import fax_page

LARGEST = 32 * 1024 * 1024
KIND = "fax_document"
router = APIRouter(prefix="/config/fax_documents", tags=["configuration"])

_Code = Annotated[str, Form(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
_Text = Annotated[str, Form(max_length=200_000, pattern=r"^[^\x00]*$")]
_Name = Annotated[str, Form(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
_Upload = Annotated[UploadFile | None, File()]


@router.get("")
async def list_fax_documents(
    cursor: Cursor = "", limit: Limit = 50, caller: Caller = need("config.read"), database: Database = part(Database)
) -> Page:
    """The documents, by code."""
    async with database.transaction() as connection:
        return page_of(await configured.page(connection, caller.scope, KIND, place_of(cursor), limit + 1), limit, "code", dict)


@router.get("/{id}")
async def get_fax_document(
    id: UUID, response: Response, caller: Caller = need("config.read"), database: Database = part(Database)
) -> dict[str, Any]:
    """One document; its ETag is what a change must send as If-Match."""
    async with database.transaction() as connection:
        value = await configured.one(connection, caller.scope, KIND, str(id))
    response.headers["ETag"] = etag(value["version"])
    return value


@router.get("/{id}/history")
async def fax_document_history(
    id: UUID, cursor: Cursor = "", limit: Limit = 50, caller: Caller = need("config.read"), database: Database = part(Database)
) -> Page:
    """Its versions, newest first."""
    return await history_page(database, caller, KIND, str(id), dict, cursor, limit)


@router.get("/{id}/document", response_class=Response, responses={200: {"content": {"image/tiff": {}, "application/pdf": {}}}})
async def fax_document_pages(
    id: UUID,
    form: Annotated[Literal["tiff", "pdf"], Query(alias="as")] = "tiff",
    caller: Caller = need("config.read"),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
) -> Response:
    """The pages, as TIFF or as PDF."""
    async with database.transaction() as connection:
        value = await configured.one(connection, caller.scope, KIND, str(id))
    path = await asyncio.to_thread(folder.inside, value["file"])
    if path is None:
        raise Refused("not_found")
    return await served(path, value["code"], form)


@router.post("", status_code=201)
async def make_fax_document(
    code: _Code,
    name: _Name,
    request: Request,
    response: Response,
    text: _Text = "",
    file: _Upload = None,
    caller: Caller = need("config.write"),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
    clock: SystemClock = part(SystemClock),
    ids: RandomIds = part(RandomIds),
) -> dict[str, Any]:
    """A new document: a picture file (TIFF, PNG, JPEG), else a text that is set on A4 pages."""
    stored = await _store(folder, caller.tenant, name, text, file)
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
    name: _Name,
    request: Request,
    response: Response,
    text: _Text = "",
    file: _Upload = None,
    caller: Caller = need("config.write"),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
    clock: SystemClock = part(SystemClock),
) -> dict[str, Any]:
    """Change a document; without a file and a text its pages stay."""
    version = version_asked(request)
    stored = await _store(folder, caller.tenant, name, text, file) if text or file is not None else {}
    async with database.transaction() as connection:
        value = await service.alter(
            connection, caller.scope, KIND, str(id), version, {"code": code, "name": {"zh-CN": name, "en": name}, **stored},
            at=clock.now(), reason=reason_of(request),
        )  # fmt: skip
    response.headers["ETag"] = etag(value["version"])
    return value


@router.delete("/{id}", status_code=204)
async def remove_fax_document(
    id: UUID,
    request: Request,
    caller: Caller = need("config.write"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> None:
    """Remove a document; its file stays, for older versions name it."""
    version = version_asked(request)
    async with database.transaction() as connection:
        await service.remove(connection, caller.scope, KIND, str(id), version, at=clock.now(), reason=reason_of(request))


async def _store(folder: FaxesFolder, tenant: str, name: str, text: str, file: UploadFile | None) -> dict[str, Any]:
    data = await file.read(LARGEST + 1) if file is not None else b""
    if len(data) > LARGEST:
        raise Refused("body_too_large", limit=LARGEST)
    return await asyncio.to_thread(_kept, folder.path, tenant, name, text, data)


def _kept(folder: Path, tenant: str, name: str, text: str, data: bytes) -> dict[str, Any]:
    """Make the pages and write them under a name of ours: what they hold names them. Raises Refused (fax_refused)."""
    target = folder / tenant / "documents"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as beside:
        given, made = Path(beside) / "given", Path(beside) / "made.tif"
        try:
            if data:
                given.write_bytes(data)
                pages = fax_page.from_picture(given)
            else:
                pages = fax_page.from_text(text, name) if text.strip() else []
        except fax_page.FaxPageError as error:
            raise Refused("fax_refused", reason=error.code) from error
        if not pages:
            raise Refused("fax_refused", reason="empty")
        fax_page.save(pages, made)
        file = f"{tenant}/documents/{hashlib.sha256(made.read_bytes()).hexdigest()[:32]}.tif"
        made.replace(folder / file)
    return {"file": file, "pages": len(pages)}

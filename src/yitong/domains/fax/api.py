"""The fax mailbox: what came in and what went out, and the documents themselves. Looking is written into the audit log."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from yitong.contact.bus import Refused
from yitong.domains.fax import store
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Database
from yitong.kit.http import Caller, from_cursor, iso, need, part, to_cursor
from yitong.media import fax_page

router = APIRouter(prefix="/faxes", tags=["faxes"])
_LATEST = 4_000_000_000_000_000


class FaxesFolder(msgspec.Struct, frozen=True):
    """Where the media processes read and write faxes."""

    path: Path

    def inside(self, file: str) -> Path | None:
        """The path of a file below the folder; None for one that lies elsewhere or is not there."""
        root = self.path.resolve()
        path = (root / file).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None


class Faxes(BaseModel):
    """Faxes, newest first."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.get("")
async def list_faxes(
    sent: bool | None = None,
    contact: UUID | None = None,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    caller: Caller = need("faxes.read"),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Faxes:
    """The faxes of one's sites. ``station`` is what the other machine calls itself: it is audited."""
    place = from_cursor(cursor, tuple[int, UUID]) if cursor else None
    before = (min(max(place[0], 0), _LATEST), str(place[1])) if place else None
    async with database.transaction() as connection:
        rows = await store.faxes(connection, caller.scope, sent=sent, contact=str(contact or ""), before=before, limit=limit + 1)
        if rows:
            await _audit(connection, caller, clock, "fax.listed", "", count=min(len(rows), limit))
    last = rows[limit - 1] if len(rows) > limit else None
    return Faxes(items=[_shown(row) for row in rows[:limit]], next=to_cursor(microseconds(last["began_at"]), last["id"]) if last else None)


@router.get(
    "/{id}/document",
    response_class=Response,
    responses={200: {"description": "The pages", "content": {"image/tiff": {}, "application/pdf": {}}}},
)
async def fax_document(
    id: UUID,
    form: Annotated[Literal["tiff", "pdf"], Query(alias="as")] = "tiff",
    caller: Caller = need("faxes.read"),
    database: Database = part(Database),
    folder: FaxesFolder = part(FaxesFolder),
    clock: SystemClock = part(SystemClock),
) -> Response:
    """The pages as they were received or sent, as TIFF or as PDF."""
    async with database.transaction() as connection:
        row = await store.fax(connection, caller.scope, str(id))
        path = await asyncio.to_thread(folder.inside, row["file"]) if row is not None and row["file"] else None
        if path is None:
            raise Refused("not_found")
        await _audit(connection, caller, clock, "fax.read", str(id))
    return await served(path, str(id), form)


async def served(path: Path, name: str, form: str) -> Response:
    """A fax file as an answer."""
    data = await asyncio.to_thread(path.read_bytes) if form == "tiff" else await asyncio.to_thread(_pdf, path)
    kind = "image/tiff" if form == "tiff" else "application/pdf"
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(data, media_type=kind, headers=headers)


def _pdf(path: Path) -> bytes:
    try:
        first, *rest = fax_page.from_picture(path)
    except fax_page.FaxPageError as error:
        raise Refused("not_found") from error
    out = io.BytesIO()
    first.save(out, "PDF", save_all=True, append_images=rest, resolution=fax_page.DOTS[0])
    return out.getvalue()


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"], "contact": row["contact_id"], "began_at": iso(row["began_at"]), "ended_at": iso(row["ended_at"]),
        "sent": row["sent"], "code": row["document"], "outcome": row["outcome"], "pages": row["pages"], "rate": row["rate"],
        "error_correction": row["error_correction"], "t38": row["t38"], "station": row["station"] or "",
        "document": f"/api/v1/faxes/{row['id']}/document" if row["pages"] else "",
    }  # fmt: skip


async def _audit(connection: Any, caller: Caller, clock: SystemClock, action: str, id: str, **details: Any) -> None:
    await audit(
        connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action=action, kind="fax", object=id,
        details={"source": caller.source, **details},
    )  # fmt: skip

"""Fax files: made of what is uploaded, shown as TIFF, PDF or a picture of one page."""

from __future__ import annotations

import asyncio
import hashlib
import io
from typing import Annotated, BinaryIO, Literal

import msgspec
from fastapi import File, Form, Query, UploadFile
from PIL import Image
from starlette.responses import Response

from yitong.contact.bus import Refused
from yitong.domains.fax.store.files import FAULTS, FORM, FaxesFolder
from yitong.kit.logs import get
from yitong.kit.sealing import KeyMissing
from yitong.media import fax_page, pdf_pages

LARGEST = 32 * 1024 * 1024
_log = get("yitong.fax")
AsForm = Annotated[Literal["tiff", "pdf"], Query(alias="as")]
PageNumber = Annotated[int, Query(ge=1, le=fax_page.MOST_PAGES)]
PageWidth = Annotated[int, Query(ge=100, le=fax_page.WIDTH)]
Text = Annotated[str, Form(max_length=200_000, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Form(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
Upload = Annotated[UploadFile | None, File()]


class Kept(msgspec.Struct, frozen=True):
    """Pages that were made: their file below the folder, and how many."""

    file: str
    pages: int


async def keep(folder: FaxesFolder, tenant: str, name: str, text: str, file: UploadFile | None, below: str = "documents") -> Kept:
    """Make pages of a PDF or picture file (TIFF, PNG, JPEG), else of a text, and write them.

    Raises Refused: fax_refused, pdf_locked, pdf_broken, pdf_slow, body_too_large.
    """
    data = await file.read(LARGEST + 1) if file is not None else b""
    if len(data) > LARGEST:
        raise Refused("body_too_large", limit=LARGEST)
    return await asyncio.to_thread(_kept, folder, f"{tenant}/{below}", name, text, data)


def _kept(folder: FaxesFolder, below: str, name: str, text: str, data: bytes) -> Kept:
    """Under a name of ours: what the pages hold names them. Nothing of it is on disk before it is sealed."""
    made = io.BytesIO()
    pages = _pages(name, text, data)
    if not pages:
        raise Refused("fax_refused", reason="empty")
    fax_page.save(pages, made)
    file = f"{below}/{hashlib.sha256(made.getvalue()).hexdigest()[:32]}.tif"
    folder.put(file, made, FORM)
    return Kept(file, len(pages))


def _pages(name: str, text: str, data: bytes) -> list[Image.Image]:
    try:
        if not data:
            return fax_page.from_text(text, name) if text.strip() else []
        return pdf_pages.from_pdf(data) if data.startswith(pdf_pages.BEGINNING) else fax_page.from_picture(io.BytesIO(data))
    except fax_page.FaxPageError as error:
        if error.code.startswith("pdf_"):
            raise Refused(error.code) from error
        raise Refused("fax_refused", reason=error.code) from error


async def served(folder: FaxesFolder, file: str, name: str, form: str) -> Response:
    """A fax file as an answer. Raises Refused (not_found, fax_damaged, fax_key_missing)."""
    data = await asyncio.to_thread(_read, folder, file)
    if form == "pdf":
        data = await asyncio.to_thread(_pdf, io.BytesIO(data))
    kind = "image/tiff" if form == "tiff" else "application/pdf"
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(data, media_type=kind, headers=headers)


async def pictured(folder: FaxesFolder, file: str, number: int, width: int) -> Response:
    """A page as PNG, ``width`` points wide, its points square. Raises Refused (not_found, fax_damaged, fax_key_missing)."""
    data = await asyncio.to_thread(lambda: _picture(io.BytesIO(_read(folder, file)), number, width))
    if not data:
        raise Refused("not_found")
    return Response(data, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


def _read(folder: FaxesFolder, file: str) -> bytes:
    """All of a file. Raises Refused."""
    try:
        return folder.read(file)
    except FAULTS as error:
        if isinstance(error, FileNotFoundError):
            raise Refused("not_found") from error
        _log.error("a fax cannot be read", file=file, error=repr(error)[:200])
        raise (Refused("fax_key_missing", key=error.id) if isinstance(error, KeyMissing) else Refused("fax_damaged")) from error


def _picture(tiff: BinaryIO, number: int, width: int) -> bytes:
    try:
        with Image.open(tiff) as picture:
            if number > getattr(picture, "n_frames", 1):
                return b""
            picture.seek(number - 1)
            across, down = (float(value) or 1.0 for value in picture.info.get("dpi", fax_page.DOTS))
            height = max(1, round(picture.height * across / down * width / picture.width))
            page = picture.convert("L").resize((width, height), Image.Resampling.BOX)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return b""
    out = io.BytesIO()
    page.save(out, "PNG", optimize=False, compress_level=6)
    return out.getvalue()


def _pdf(tiff: BinaryIO) -> bytes:
    try:
        first, *rest = fax_page.from_picture(tiff)
    except fax_page.FaxPageError as error:
        raise Refused("not_found") from error
    out = io.BytesIO()
    first.save(out, "PDF", save_all=True, append_images=rest, resolution=fax_page.DOTS[0])
    return out.getvalue()

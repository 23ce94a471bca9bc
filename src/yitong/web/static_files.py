"""The built front end: files as they are, every other path the page that routes itself."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from yitong.contact.bus import Refused
from yitong.kit.http import part
from yitong.web.problems import problem

_RESERVED = ("api/", "healthz", "livez", "metrics")
_YEAR = "public, max-age=31536000, immutable"
router = APIRouter(include_in_schema=False)


class StaticFolder:
    """The folder of the built front end, and what is in it: only what was there at the start is ever given out."""

    def __init__(self, folder: Path) -> None:
        self._files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()} if folder.is_dir() else {}

    def find(self, path: str) -> Path | None:
        """The file at ``path``."""
        return self._files.get(path)


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
async def page(path: str, request: Request, folder: StaticFolder = part(StaticFolder)) -> Response:
    """A file of the front end, or its page."""
    if path == "api" or path.startswith(_RESERVED):
        raise Refused("not_found")
    file = folder.find(path)
    if file is not None and path != "index.html":
        return FileResponse(file, headers={"Cache-Control": _YEAR if path.startswith("assets/") else "no-cache"})
    index = folder.find("index.html")
    if path.startswith("assets/") or index is None:
        return problem(request, "not_found")
    return FileResponse(index, headers={"Cache-Control": "no-store"})

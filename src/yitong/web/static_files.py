"""The built front end: files as they are, every other path the page that routes itself.

It is some two megabytes, and a page asks for forty of its files: they are held in memory, compressed once for whoever takes that.
"""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from yitong.contact.bus import Refused
from yitong.kit.http import part
from yitong.web.problems import problem

_RESERVED = ("api/", "healthz", "livez", "metrics")
_YEAR = "public, max-age=31536000, immutable"
_PACKED = (".js", ".css", ".html", ".svg", ".json")
_SMALL = 1_000
"""Octets below which compressing saves no packet."""
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Held:
    """A file. ``packed``: by gzip (RFC 1952); empty where that is not worth it."""

    body: bytes
    packed: bytes
    kind: str


class StaticFolder:
    """The folder of the built front end, as it was at the start: a build under a running server changes nothing until the next one."""

    def __init__(self, folder: Path) -> None:
        files = (path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else ()
        self._bodies = {str(path.relative_to(folder)): path.read_bytes() for path in files}
        self._held: dict[str, Held] = {}

    def find(self, path: str) -> Held | None:
        """The file at ``path``, compressed when it is asked for first; None for one that is not there."""
        if path not in self._bodies:
            return None
        if path not in self._held:
            body = self._bodies[path]
            worth = len(body) >= _SMALL and path.endswith(_PACKED)
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
            self._held[path] = Held(body, gzip.compress(body, 6, mtime=0) if worth else b"", kind)
        return self._held[path]


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
async def page(path: str, request: Request, folder: StaticFolder = part(StaticFolder)) -> Response:
    """A file of the front end, or its page."""
    if path == "api" or path.startswith(_RESERVED):
        raise Refused("not_found")
    file = folder.find(path)
    if file is not None and path != "index.html":
        return _given(file, request, _YEAR if path.startswith("assets/") else "no-cache")
    index = folder.find("index.html")
    if path.startswith("assets/") or index is None:
        return problem(request, "not_found")
    return _given(index, request, "no-store")


def _given(file: Held, request: Request, cache: str) -> Response:
    headers = {"Cache-Control": cache}
    if not file.packed:
        return Response(file.body, headers=headers, media_type=file.kind)
    headers["Vary"] = "Accept-Encoding"
    if not _takes_gzip(request):
        return Response(file.body, headers=headers, media_type=file.kind)
    return Response(file.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.kind)


def _takes_gzip(request: Request) -> bool:
    """Whether Accept-Encoding names gzip and does not refuse it (RFC 9110 §12.5.3)."""
    for coding in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = coding.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False

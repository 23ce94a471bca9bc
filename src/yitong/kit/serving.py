"""Sounds as answers to HTTP: any part of them (RFC 9110 §14), read block by block as it is sent; nothing is held as a whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

_BLOCK = 64 * 1024
_log = structlog.get_logger("yitong.serving")


class OutOfRange(Exception):
    """A part was asked for that is not there; there are ``size`` octets."""

    def __init__(self, size: int) -> None:
        super().__init__(str(size))
        self.size = size


class Body(Protocol):
    """What is served."""

    size: int

    def octets(self, first: int, last: int) -> Iterator[bytes]:
        """From octet ``first`` to ``last``."""
        ...

    def close(self) -> None:
        """It is not needed any more."""
        ...


class FileBody:
    """A file of which any part can be read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def octets(self, first: int, last: int) -> Iterator[bytes]:
        return pieces(self._file, first, last - first + 1)

    def close(self) -> None:
        self._file.close()


def pieces(file: BinaryIO, at: int, left: int) -> Iterator[bytes]:
    """``left`` octets from ``at`` on, a block at a time."""
    file.seek(at)
    while left > 0 and (piece := file.read(min(_BLOCK, left))):
        left -= len(piece)
        yield piece


def data_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last octet asked by a Range header (RFC 9110 §14.2), one range only; None: the whole. Raises OutOfRange."""
    unit, _, asked = header.partition("=")
    first, dash, last = asked.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or "," in asked or not all(part == "" or _digits(part) for part in (first, last)):
        return None
    if first == "" and last == "":
        return None
    if first == "":
        length = int(last)
        if length == 0 or size == 0:
            raise OutOfRange(size)
        return max(0, size - length), size - 1
    begin, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < int(first):
        return None
    if begin >= size:
        raise OutOfRange(size)
    return begin, end


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15


async def served(
    request: Request, body: Body, *, kind: str, name: str, faults: tuple[type[Exception], ...], refuse: Callable[[Exception], Exception]
) -> Response:
    """What was asked for of ``body``, which is closed at the end. A fault at its first octets is what ``refuse`` makes of it."""
    try:
        asked = data_range(request.headers.get("range", ""), body.size)
    except OutOfRange:
        body.close()
        raise
    first, last = asked or (0, body.size - 1)
    headers = {
        "Accept-Ranges": "bytes", "Cache-Control": "private, no-store", "Vary": "Accept",
        "Content-Disposition": f'inline; filename="{name}"', "Content-Length": str(last - first + 1),
    }  # fmt: skip
    if asked:
        headers["Content-Range"] = f"bytes {first}-{last}/{body.size}"
    sent = await begun(body.octets(first, last), body, faults, refuse)
    return StreamingResponse(sent, 206 if asked else 200, headers, kind)


async def begun(
    pieces: Iterator[bytes], body: Body, faults: tuple[type[Exception], ...], refuse: Callable[[Exception], Exception]
) -> Iterator[bytes]:
    """The pieces, when the first could be read. Where a later one cannot, the answer breaks off: the client sees that it is short."""
    try:
        first = await asyncio.to_thread(next, pieces, b"")
    except faults as error:
        body.close()
        raise refuse(error) from error

    def rest() -> Iterator[bytes]:
        try:
            yield first
            yield from pieces
        except faults as error:
            _log.error("what is served is damaged", error=str(error)[:200])
            raise
        finally:
            body.close()

    return rest()

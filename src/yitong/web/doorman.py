"""Answers at the HTTP port while no web process does: that everything comes back by itself, and when to ask again.

The listening socket belongs to the supervisor, so a connection made while web restarts waits in it and is served a moment later; nobody
sees an error. Only when web stays away longer does the doorman step in: a page that loads itself again, and for programs the same
problem+json that web gives when something else is away. He knows nothing and decides nothing.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import ssl
from collections.abc import Callable, Mapping

import structlog

from yitong.kit.clock import Clock
from yitong.web.sentences import SENTENCES

PATIENCE_SECONDS = 4.0
"""How long web may be away before the doorman answers: longer than a restart, shorter than people wait for a page."""
CODE = "web_unavailable"
_LOOK_SECONDS = 0.2
_ASK_AGAIN_SECONDS = 2
_HEAD_SECONDS = 5.0
_LONGEST_HEAD = 16 * 1024
_AT_ONCE = 200
_log = structlog.get_logger("yitong.web")

_STYLE = (
    "body{margin:0;min-height:100vh;display:grid;place-content:center;text-align:center;background:#f5f6f8;color:#1f2733;"
    "font:16px/1.7 system-ui,'Noto Sans SC','Microsoft YaHei',sans-serif}h1{font-size:22px;font-weight:600}p{margin:4px 24px}"
)
_PAGE = f"""<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{_ASK_AGAIN_SECONDS}"><title>一通</title><style>{_STYLE}</style></head>
<body><main role="status"><h1>一通</h1>
<p>{SENTENCES[CODE].zh}</p><p>本页会自动恢复，无需操作。</p>
<p lang="en">{SENTENCES[CODE].en} This page comes back by itself.</p></main></body>
</html>
""".encode()
_POLICY = f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"


class Doorman:
    """Stands at ``listening``. ``away`` says whether web is; ``tls`` makes the context of HTTPS, None for plain HTTP."""

    def __init__(
        self,
        listening: socket.socket,
        away: Callable[[], bool],
        clock: Clock,
        tls: Callable[[], ssl.SSLContext] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._listening = listening
        self._away = away
        self._clock = clock
        self._tls = tls
        self._patience = patience_seconds
        self._inside = 0

    async def watch(self) -> None:
        """Answer whenever web has been away for a while, for ever."""
        while True:
            since = self._clock.monotonic()
            while self._clock.monotonic() - since < self._patience:
                await self._clock.sleep(_LOOK_SECONDS)
                if not self._away():
                    since = self._clock.monotonic()
            await self._stand_in()

    async def _stand_in(self) -> None:
        _log.info("visitors are told to wait for web")
        server = await asyncio.start_server(
            self._visited, sock=self._listening.dup(), limit=_LONGEST_HEAD, ssl=self._tls() if self._tls is not None else None
        )
        try:
            while self._away():
                await self._clock.sleep(_LOOK_SECONDS)
        finally:
            server.close()

    async def _visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._inside += 1
        try:
            if self._inside <= _AT_ONCE:
                async with asyncio.timeout(_HEAD_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(answer(head.decode("latin-1")))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            self._inside -= 1
            writer.close()


def answer(head: str) -> bytes:
    """The whole answer to a request with this head: 503, as a page to a browser that navigates, else as a problem (RFC 9457)."""
    request, *lines = head.split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}
    path = request.split(" ")[1] if request.count(" ") >= 2 else ""
    is_page = "text/html" in headers.get("accept", "") and not path.startswith("/api/")
    body, kind = (_PAGE, "text/html; charset=utf-8") if is_page else (_problem(path, headers), "application/problem+json")
    said = {
        "Content-Type": kind, "Content-Length": str(len(body)), "Retry-After": str(_ASK_AGAIN_SECONDS), "Cache-Control": "no-store",
        "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Connection": "close",
    }  # fmt: skip
    lines = ["HTTP/1.1 503 Service Unavailable", *(f"{name}: {value}" for name, value in said.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if request.startswith("HEAD ") else body)


def _problem(path: str, headers: Mapping[str, str]) -> bytes:
    sentence = SENTENCES[CODE]
    detail = sentence.en if headers.get("accept-language", "").lower().startswith("en") else sentence.zh
    body: dict[str, object] = {
        "type": f"urn:yitong:problem:{CODE}", "title": CODE, "status": 503, "code": CODE, "detail": detail, "parameters": {},
    }  # fmt: skip
    if path == "/healthz":
        body |= {"state": "failed", "reason": "web is being started"}
    return json.dumps(body, ensure_ascii=False).encode()

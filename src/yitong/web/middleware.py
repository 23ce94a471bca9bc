"""What holds for every request: headers that keep browsers safe, how large a body may be, how long PostgreSQL is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yitong.kit.tasks import Tasks
from yitong.web.problems import problem

LARGEST_BODY = 1024 * 1024
LARGEST_UPLOAD = 40 * 1024 * 1024
UPLOADS = ("/api/v1/config/prompts", "/api/v1/config/fax_documents", "/api/v1/fax_uploads", "/api/v1/mails")
PATIENCE_SECONDS = 1.8
_POLICY = "; ".join([
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "style-src-attr 'unsafe-inline'", "img-src 'self' data:",
    "media-src 'self' blob:", "font-src 'self'", "connect-src 'self' ws: wss:", "manifest-src 'self'", "base-uri 'none'",
    "form-action 'self'", "frame-ancestors 'none'",
])  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SafeHeaders:
    """Adds the headers of reliability W6 and W7 to every answer."""

    def __init__(self, app: ASGIApp, tls: bool) -> None:
        self._app = app
        self._headers = _HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers as the answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, sent)


class BodyLimit:
    """Refuses a body that says or turns out to be too large, before anybody holds it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        limit = LARGEST_UPLOAD if scope["path"].startswith(UPLOADS) else LARGEST_BODY
        said = request.headers.get("content-length", "0")
        if not (said.isascii() and said.isdigit() and len(said) < 12) or int(said) > limit:
            await problem(request, "body_too_large", limit=limit)(scope, receive, send)
            return
        await _Counted(request, limit, receive, send).run(self._app)


class _Counted:
    """One request whose body is counted."""

    def __init__(self, request: Request, limit: int, receive: Receive, send: Send) -> None:
        self._request = request
        self._limit = limit
        self._receive = receive
        self._send = send
        self._got = 0
        self._answered = False
        self._refused = False

    async def run(self, app: ASGIApp) -> None:
        await app(self._request.scope, self._next, self._say)

    async def _next(self) -> Message:
        message = await self._receive()
        self._got += len(message.get("body", b""))
        if self._got <= self._limit:
            return message
        if not self._answered:
            self._answered = self._refused = True
            await problem(self._request, "body_too_large", limit=self._limit)(self._request.scope, self._receive, self._send)
        return {"type": "http.disconnect"}

    async def _say(self, message: Message) -> None:
        self._answered = True
        if not self._refused:
            await self._send(message)


class DatabaseDeadline:
    """Answers 503 at 1.8 s at the latest when PostgreSQL is the reason that nothing was answered yet (reliability D3)."""

    def __init__(self, app: ASGIApp, tasks: Tasks, hangs: Callable[[], bool]) -> None:
        self._app = app
        self._tasks = tasks
        self._hangs = hangs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request run beside a clock."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        begun = given_up = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if not given_up:
                begun = True
                await send(message)

        work = self._tasks.start(_guarded(self._app, scope, receive, sent), "request")
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=PATIENCE_SECONDS)
                if not work.done() and not begun and self._hangs():
                    given_up = True
                    work.cancel()
                    await problem(Request(scope), "database_unavailable")(scope, receive, send)
                    return
        except asyncio.CancelledError:
            work.cancel()
            raise
        failure = work.result()
        if failure is not None:
            raise failure


async def _guarded(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> Exception | None:
    """Run the request; its failure is a result, raised where the request belongs."""
    try:
        await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - raised again by who waits
        return error
    return None

"""Refusals as problem+json (RFC 9457): a stable ``code``, its ``parameters``, and ``detail`` in the client's language."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yitong.contact.bus import Refused
from yitong.kit.http import BadCursor, BadVersion, DeskLocked, choose_language
from yitong.kit.links import BadLink
from yitong.kit.once import AlreadyDone
from yitong.kit.records import Conflict, Missing, Stale
from yitong.kit.scope import Denied
from yitong.kit.serving import OutOfRange
from yitong.web.sentences import sentence

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_log = structlog.get_logger("yitong.web")
_OUTAGES: tuple[type[Exception], ...] = (
    OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, ConnectionError, TimeoutError,
)  # fmt: skip
_CODE_OF_STATUS = {
    400: "bad_request", 401: "not_signed_in", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 406: "not_acceptable",
    413: "body_too_large", 415: "unsupported_media", 416: "range_not_satisfiable", 429: "too_many_attempts", 503: "busy",
}  # fmt: skip


class _Blank(dict[str, Any]):
    """Parameters for a sentence: one that is missing leaves its place empty rather than breaking the answer."""

    def __missing__(self, key: str) -> str:
        return ""


def problem_body(code: str, parameters: Mapping[str, Any], language: str) -> tuple[int, bytes]:
    """Status and JSON of the refusal ``code``."""
    said = sentence(code)
    text = said.zh if language == "zh-CN" else said.en
    detail = text.format_map(_Blank(parameters, code=code))
    body = {
        "type": f"urn:yitong:problem:{code}",
        "title": code,
        "status": said.status,
        "code": code,
        "detail": detail,
        "parameters": dict(parameters),
    }
    return said.status, json.dumps(body, ensure_ascii=False, default=str).encode()


def problem(request: Request, code: str, headers: Mapping[str, str] | None = None, **parameters: Any) -> Response:
    """The answer that refuses ``request`` with ``code``."""
    language = choose_language(request.headers.get("accept-language", ""))
    status, body = problem_body(code, parameters, language)
    answer = Response(body, status, media_type=MEDIA_TYPE, headers=dict(headers or {}))
    answer.headers["Content-Language"] = language
    answer.headers["Cache-Control"] = "no-store"
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        answer.headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    if status == 416 and "size" in parameters:
        answer.headers["Content-Range"] = f"bytes */{parameters['size']}"
    if "retry_after" in parameters:
        answer.headers["Retry-After"] = str(parameters["retry_after"])
    return answer


def install(app: FastAPI) -> None:
    """Have every refusal and fault answered as a problem."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for outage in _OUTAGES:
        app.add_exception_handler(outage, _database)
    app.add_exception_handler(DBAPIError, _statement)
    for kind in _OURS:
        app.add_exception_handler(kind, _ours)


_OURS: dict[type[Exception], Callable[[Any], tuple[str, dict[str, Any]]]] = {
    Denied: lambda error: ("forbidden", {"right": error.right}),
    DeskLocked: lambda _: ("desk_locked", {}),
    Missing: lambda _: ("not_found", {}),
    BadLink: lambda error: (error.code, {}),
    OutOfRange: lambda error: ("range_not_satisfiable", {"size": error.size}),
    Stale: lambda error: ("stale_version", {"current": error.current}),
    AlreadyDone: lambda _: ("idempotency_answer_lost", {}),
    BadCursor: lambda _: ("cursor_invalid", {}),
    BadVersion: lambda error: ("if_match_unusable" if error.given else "if_match_missing", {}),
    Conflict: lambda error: _CONFLICTS[error.code](error.name),
}
_CONFLICTS: dict[str, Callable[[str], tuple[str, dict[str, Any]]]] = {
    "taken": lambda name: ("exists", {"value": name}),
    "in_use": lambda name: ("in_use", {"where": name}),
    "unknown_reference": lambda name: ("unknown_reference", {"field": name}),
    "invalid": lambda name: ("invalid", {"count": 1, "where": name, "fields": [{"where": name, "code": "invalid"}]}),
}


async def _ours(request: Request, error: Exception) -> Response:
    code, parameters = _OURS[type(error)](error)
    return problem(request, code, **parameters)


class Faults:
    """The innermost middleware: a fault of ours is answered as a problem, and the log has it under the same number."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let nothing of a fault be seen outside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:
            if begun:
                raise
            await _fault(Request(scope), error)(scope, receive, send)


def _fault(request: Request, error: Exception) -> Response:
    incident = secrets.token_hex(4)
    _log.error("request failed", incident=incident, method=request.method, path=request.url.path, exc_info=error)
    return problem(request, "internal", incident=incident)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem(request, error.code, **error.parameters)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [{"where": ".".join(str(part) for part in fault["loc"]), "code": fault["type"]} for fault in error.errors()[:50]]
    if any(fault["code"] == "json_invalid" for fault in faults):
        return problem(request, "invalid_json")
    return problem(request, "invalid", count=len(faults), where=", ".join(fault["where"] for fault in faults[:5]), fields=faults)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(request, _CODE_OF_STATUS.get(error.status_code, "bad_request"), headers=error.headers)


async def _database(request: Request, error: Exception) -> Response:
    return problem(request, "database_unavailable")


async def _statement(request: Request, error: Exception) -> Response:
    """A statement that PostgreSQL refused for what it was given (a NUL in a text, a number out of range) is the client's fault."""
    assert isinstance(error, DBAPIError)
    if error.connection_invalidated or "DataError" in type(error).__name__:
        return problem(request, "database_unavailable" if error.connection_invalidated else "bad_request")
    raise error

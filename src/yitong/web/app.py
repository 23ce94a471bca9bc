"""The HTTP application: routes of all domains, live documents, the front end, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import chain
from typing import Any

from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yitong.domains.acd.api import router as acd
from yitong.domains.assessment.api import routers as assessment
from yitong.domains.conference.api import router as conference
from yitong.domains.crm.api import router as crm
from yitong.domains.fax.api import routers as fax
from yitong.domains.mail.api import routers as mail
from yitong.domains.mailbox.api import router as mailbox
from yitong.domains.messaging.api import router as messaging
from yitong.domains.quality.api import routers as quality
from yitong.domains.recording.api import router as recording
from yitong.domains.reporting.api import router as reporting
from yitong.domains.security.api import router as security
from yitong.domains.security.api import source_of
from yitong.domains.security.service import Recognition
from yitong.domains.sites.api import flows, kinds, records
from yitong.kit.clock import Clock
from yitong.kit.http import Caller
from yitong.kit.nats import Nats
from yitong.kit.tasks import Tasks
from yitong.web import defence, fax_documents, health, phone, problems, prompts, published, static_files, users
from yitong.web.database import PatientDatabase
from yitong.web.health import Metrics
from yitong.web.idempotency import Idempotency
from yitong.web.live.door import Door
from yitong.web.middleware import BodyLimit, DatabaseDeadline, SafeHeaders
from yitong.web.segments import BySegments

VERSION = "1"
PREFIX = "/api/v1"
_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Why not (RFC 9457), in the client's language",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "code", "detail", "parameters"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "code": {"type": "string"},
                        "detail": {"type": "string"},
                        "parameters": {"type": "object"},
                    },
                }
            }
        },
    }
}


class Parts:
    """What the composition root gives: the parts that routes ask for by their class."""

    def __init__(self, *parts: Any, also: Mapping[type, Any] | None = None) -> None:
        self.by_class: dict[type, Any] = {type(part): part for part in parts} | dict(also or {})

    def __getitem__(self, kind: type[Any]) -> Any:
        return self.by_class[kind]


def create_app(parts: Parts, *, nats: Nats, clock: Clock, tasks: Tasks, tls: bool) -> FastAPI:
    """The application over ``parts``."""
    database: PatientDatabase = parts[PatientDatabase]
    app = FastAPI(
        openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None, redirect_slashes=False,
        middleware=[
            Middleware(SafeHeaders, tls=tls),
            Middleware(Counted, metrics=parts[Metrics], clock=clock),
            Middleware(BodyLimit),
            Middleware(Idempotency, nats=nats, clock=clock),
            Middleware(DatabaseDeadline, tasks=tasks, hangs=lambda: database.hangs),
            Middleware(problems.Faults),
        ],
    )  # fmt: skip
    app.state.parts = parts.by_class
    app.state.recognise = _recogniser(parts[Recognition])
    app.state.recognise_session = _of_session(parts[Recognition])
    problems.install(app)
    api, pages = _routes()
    app.router.routes.extend((BySegments(PREFIX, api), *pages))
    app.openapi = description  # type: ignore[method-assign]
    return app


@cache
def _routes() -> tuple[tuple[BaseRoute, ...], tuple[BaseRoute, ...]]:
    """The API's routes, and the others. They ask the application for its parts; making them takes a second, once a process."""
    api, pages, live = APIRouter(), APIRouter(), APIRouter()
    live.add_api_websocket_route("/live", _live)
    for router in (  # none within another: every level is searched again
        security, phone.router, published.router, acd, recording, *quality, crm, conference, *assessment, reporting, records.router,
        flows.router, users.router, defence.router,
        prompts.router, *fax, *mail, mailbox, messaging, fax_documents.router, live, *map(kinds.router_of, kinds.RESOURCES),
    ):  # fmt: skip
        api.include_router(router, prefix=PREFIX, responses=_PROBLEM)
    pages.include_router(health.router)
    pages.include_router(static_files.router)
    return tuple(api.routes), tuple(pages.routes)


async def _live(websocket: WebSocket) -> None:
    await websocket.app.state.parts[Door].enter(websocket)


def _recogniser(recognition: Recognition) -> Any:
    async def recognise(request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return await recognition.caller(token.strip() if scheme.lower() == "bearer" else "", source_of(request))

    return recognise


def _of_session(recognition: Recognition) -> Any:
    async def recognise(request: Request, tenant: str, session: str) -> Caller:
        return await recognition.of_session(tenant, session, source_of(request))

    return recognise


@cache
def description() -> dict[str, Any]:
    """The API's description (OpenAPI), which also says that everything but signing in wants a token."""
    schema = get_openapi(title="Yitong", version=VERSION, routes=[*chain.from_iterable(_routes())])
    schema.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if (method, path) not in OPEN:
                operation["security"] = [{"token": []}]
    return schema


OPEN = {
    ("get", "/api/v1/public"), ("post", "/api/v1/sessions"), ("post", "/api/v1/guest/phone"),
    ("get", "/api/v1/recordings/{id}/sound"), ("get", "/api/v1/voice_messages/{id}/sound"),
    ("get", "/api/v1/recordings/{id}/live"),
}  # fmt: skip
"""What asks for no token; the last three by link."""


class Counted:
    """Counts answers and their time."""

    def __init__(self, app: ASGIApp, metrics: Metrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock.monotonic()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.labels(scope["method"][:10], str(message["status"])).inc()
                self._metrics.seconds.observe(self._clock.monotonic() - began)
            await send(message)

        await self._app(scope, receive, sent)

"""Can calls be taken? From the heartbeats of all processes (``/healthz``), of this one (``/livez``), and as figures (``/metrics``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import JSONResponse, Response

from yitong.kit.clock import Clock
from yitong.kit.http import part
from yitong.kit.nats import Nats
from yitong.web.database import PatientDatabase

SILENT_SECONDS = 3.5
FORGOTTEN_SECONDS = 60.0
NEEDED = ("core", "switch")
DRAINING = " is draining"
router = APIRouter(include_in_schema=False)


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """A process' heartbeat."""

    process: str
    node: str
    pid: int = 0
    state: str = "ok"
    reason: str = ""
    figures: dict[str, float] = {}


class Health:
    """The last heartbeat of every process."""

    def __init__(self, nats: Nats, database: PatientDatabase, clock: Clock) -> None:
        self._nats = nats
        self._database = database
        self._clock = clock
        self._beats: dict[tuple[str, str, int], tuple[Beat, float]] = {}

    async def open(self) -> None:
        """Begin to listen."""
        await self._nats.subscribe("health.>", Beat, self._heard)

    async def _heard(self, _: str, beat: Beat) -> None:
        now = self._clock.monotonic()
        for key in [key for key, (_, at) in self._beats.items() if now - at > FORGOTTEN_SECONDS or key[:2] == (beat.process, beat.node)]:
            if self._replaced(key, beat, now):
                del self._beats[key]
        self._beats[beat.process, beat.node, beat.pid] = (beat, now)

    def _replaced(self, key: tuple[str, str, int], beat: Beat, now: float) -> bool:
        """A silent one of the same process, or one long gone."""
        silent = now - self._beats[key][1]
        return silent > FORGOTTEN_SECONDS or (key[:2] == (beat.process, beat.node) and silent > SILENT_SECONDS)

    def processes(self) -> list[dict[str, Any]]:
        """Every process with its state; a silent one is ``silent``."""
        now = self._clock.monotonic()
        return [
            {
                "process": beat.process, "node": beat.node, "pid": beat.pid, "reason": beat.reason, "figures": beat.figures,
                "state": beat.state if now - at <= SILENT_SECONDS else "silent", "heard_seconds_ago": round(now - at, 1),
            }
            for beat, at in sorted(self._beats.values(), key=lambda pair: (pair[0].process, pair[0].node, pair[0].pid))
        ]  # fmt: skip

    def report(self) -> tuple[int, dict[str, Any]]:
        """Status and body of ``/healthz``."""
        processes = self.processes()
        reasons = list(self._why_no_calls(processes))
        weak = [f"{one['process']}: {one['reason'] or one['state']}" for one in processes if one["state"] != "ok"]
        if self._database.away:
            weak.append("postgresql: away")
        state = "failed" if reasons else "degraded" if weak else "ok"
        if reasons and all(one.endswith(DRAINING) for one in reasons):
            state = "draining"
        body = {
            "state": state, "calls": not reasons, "reason": "; ".join(reasons or weak), "processes": processes,
            "postgresql": "away" if self._database.away else "ok", "nats": "ok" if self._nats.connected else "away",
        }  # fmt: skip
        return (503 if reasons else 200), body

    def _why_no_calls(self, processes: list[dict[str, Any]]) -> Iterable[str]:
        if not self._nats.connected:
            yield "nats is away"
        for name in NEEDED:
            states = [one for one in processes if one["process"] == name]
            if any(one["state"] == "draining" for one in states) and not any(one["state"] in ("ok", "degraded") for one in states):
                yield f"{name}{DRAINING}"
            elif not any(one["state"] in ("ok", "degraded") for one in states):
                said = next((one["reason"] for one in states if one["reason"]), "")
                yield f"{name} is {'failed' if any(one['state'] == 'failed' for one in states) else 'silent'}{f': {said}' if said else ''}"


class Figures(Collector):
    """What the processes told, for Prometheus."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        """One gauge for the states, one for all figures."""
        state = GaugeMetricFamily("yitong_process_up", "1 while the process tells that it works", labels=["process", "node"])
        figure = GaugeMetricFamily("yitong_figure", "What a process tells of itself", labels=["process", "node", "name"])
        for one in self._health.processes():
            state.add_metric([one["process"], one["node"]], 1.0 if one["state"] in ("ok", "degraded", "draining") else 0.0)
            for name, value in one["figures"].items():
                figure.add_metric([one["process"], one["node"], name], value)
        yield state
        yield figure


class Metrics:
    """This process' own figures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter("yitong_http_requests", "Answered requests", ["method", "status"], registry=registry)
        self.seconds = Histogram("yitong_http_seconds", "Time to answer", registry=registry)
        self.sockets = Gauge("yitong_live_sockets", "Live WebSockets open", registry=registry)


@router.get("/healthz")
async def healthz(health: Health = part(Health)) -> Response:
    """200 while calls can be taken, else 503 with the reason."""
    status, body = health.report()
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})


@router.get("/livez")
async def livez() -> Response:
    """This process lives."""
    return JSONResponse({"state": "ok"}, headers={"Cache-Control": "no-store"})


@router.get("/metrics")
async def metrics(own: Metrics = part(Metrics)) -> Response:
    """For Prometheus."""
    return Response(generate_latest(own.registry), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})

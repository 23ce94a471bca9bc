"""The administrator's security page: who is kept silent now and why, what was refused lately, alarms; a ban can be lifted.

The facts are those of the switches, asked each time; alarms are what ``/healthz`` knows. Addresses belong to the whole installation,
accounts to their tenant.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec
import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from yitong.contact.bus import Refused
from yitong.ct.security import AskSecurity, SecurityStanding, subject
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, iso, need, part
from yitong.kit.nats import OUTAGES, Nats
from yitong.web.health import Health

ASK_SECONDS = 1.0
_SUSPECTS = {"guessed": "accounts_guessed", "abroad_today": "accounts_over_toll"}
_AWAY: tuple[type[Exception], ...] = (*OUTAGES, msgspec.MsgspecError)
_TRUNK, _MEDIA = "trunk_up ", "media_alarm "
DISK_PERCENT = 80.0
"""A disk that is so full wants room soon."""
DISK_SILENT_SECONDS = 5.0
FILES_PERCENT, MEMORY_PERCENT = 80.0, 90.0
_MOST = {
    "disk_used_percent": ("disk_filling", DISK_PERCENT), "disk_silent_seconds": ("disk_stands", DISK_SILENT_SECONDS),
    "descriptors_percent": ("descriptors_filling", FILES_PERCENT),
    "overloaded": ("overloaded", 1.0), "journal_fails": ("journal_fails", 1.0),
}  # fmt: skip
"""Figure: the alarm that it raises, and from where on."""
_log = structlog.get_logger("yitong.web.defence")
router = APIRouter(prefix="/security", tags=["security"])


class Lift(BaseModel):
    """Whose ban is lifted: ``source`` of a ban that was shown."""

    model_config = ConfigDict(extra="forbid")
    source: str = Field(min_length=1, max_length=200)


class Overview(BaseModel):
    """What the page shows. Times are ISO 8601; lists newest first."""

    at: str | None
    switches: list[dict[str, Any]]
    bans: list[dict[str, Any]]
    refused: list[dict[str, Any]]
    counts: dict[str, int]
    suspects: list[dict[str, Any]]
    alarms: list[dict[str, Any]]


@router.get("")
async def overview(
    caller: Caller = need("audit.read"), health: Health = part(Health), nats: Nats = part(Nats), clock: SystemClock = part(SystemClock)
) -> Overview:
    """How the switches are defended now."""
    processes = health.processes()
    standings = await _ask(nats, _switches(processes), AskSecurity())
    told = {node: one for node, one in standings.items() if one is not None}
    bans = [_dated(ban, "since", "until") | {"node": node} for node, one in told.items() for ban in one.bans]
    lines = [line for one in told.values() for line in one.refused if line.tenant in ("", caller.tenant)]
    lines.sort(key=lambda line: -line.last)
    counts: dict[str, int] = {}
    for one in told.values():
        for kind, count in one.counts.items():
            counts[kind] = counts.get(kind, 0) + count
    suspects = [(node, who) for node, one in told.items() for who in one.suspects if who.tenant == caller.tenant]
    alarming = Counter((_SUSPECTS[who.reason], node) for node, who in suspects) + Counter(("sources_silenced", ban["node"]) for ban in bans)
    return Overview(
        at=iso(clock.now()),
        switches=[{"node": node, "answers": one is not None, "since": iso(one.since) if one else None} for node, one in standings.items()],
        bans=sorted(bans, key=lambda ban: ban["until"], reverse=True),
        refused=[_plain(line) for line in lines],
        counts=counts,
        suspects=[{"node": node, "account": who.account, "reason": who.reason} for node, who in suspects],
        alarms=[
            *(_alarm(code, "switch", node, count) for (code, node), count in sorted(alarming.items())),
            *_alarms(processes, caller.tenant),
            *_parts_away(health),
        ],
    )


@router.post("/bans/lift", status_code=204)
async def lift(
    given: Lift, caller: Caller = need("config.write"), health: Health = part(Health), nats: Nats = part(Nats),
    database: Database = part(Database), clock: SystemClock = part(SystemClock),
) -> None:  # fmt: skip
    """Read the messages of a source again. The entry in the audit log is there before, or it stays banned."""
    async with database.transaction() as connection:
        await audit(
            connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action="ban.lifted", kind="source", object=given.source,
            details={"source": caller.source},
        )  # fmt: skip
        asked = (await _ask(nats, _switches(health.processes()), AskSecurity(act="lift", source=given.source))).values()
        if not any(one is not None and one.lifted for one in asked):
            raise Refused("switch_unavailable" if asked and not any(asked) else "not_banned")
    _log.warning("ban lifted", source=given.source)


async def _ask(nats: Nats, nodes: list[str], ask: AskSecurity) -> dict[str, SecurityStanding | None]:
    """What each switch answers; None: nothing."""

    async def one(node: str) -> SecurityStanding | None:
        try:
            found: SecurityStanding = await nats.request(subject(node), ask, SecurityStanding, seconds=ASK_SECONDS)
        except _AWAY:
            return None
        return found

    return dict(zip(nodes, await asyncio.gather(*(one(node) for node in nodes)), strict=True))


def _switches(processes: list[dict[str, Any]]) -> list[str]:
    return sorted({one["node"] for one in processes if one["process"] == "switch"})


def _dated(value: Any, *times: str) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(value)
    return shown | {name: iso(shown[name]) for name in times}


def _plain(line: Any) -> dict[str, Any]:
    shown = _dated(line, "first", "last")
    del shown["tenant"]
    return shown


def _alarms(processes: list[dict[str, Any]], tenant: str) -> list[dict[str, Any]]:
    """What wants somebody's look now: processes that do not do well, trunks that are down or have no password."""
    found: list[dict[str, Any]] = []
    for one in processes:
        process, node, figures = one["process"], one["node"], one["figures"]
        if one["state"] not in ("ok", "draining"):
            found.append(_alarm(f"process_{one['state']}", process, node, 1, one["reason"]))
        if closed := int(figures.get("passwords_closed", 0)):
            found.append(_alarm("passwords_closed", process, node, closed))
        found += [_alarm(code, process, node, int(figures[name])) for name, (code, most) in _MOST.items() if figures.get(name, 0.0) >= most]
        found += [_alarm(name.removeprefix(_MEDIA), process, node, 1) for name, on in figures.items() if name.startswith(_MEDIA) and on]
        down = [name.rpartition("/")[2] for name, up in figures.items() if name.startswith(f"{_TRUNK}{tenant}/") and not up]
        if down:
            found.append(_alarm("trunks_down", process, node, len(down), ", ".join(sorted(down))))
    return [*found, *_memory(processes)]


def _memory(processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a node: most of its processes see the same memory."""
    worst: dict[str, tuple[float, str]] = {}
    for one in processes:
        used = (one["figures"].get("memory_percent", 0.0), one["process"])
        worst[one["node"]] = max(used, worst.get(one["node"], (0.0, "")))
    return [_alarm("memory_filling", process, node, int(used)) for node, (used, process) in worst.items() if used >= MEMORY_PERCENT]


def _alarm(code: str, process: str, node: str, count: int, reason: str = "") -> dict[str, Any]:
    return {"code": code, "process": process, "node": node, "reason": reason, "count": count}


def _parts_away(health: Health) -> list[dict[str, Any]]:
    body = health.report()[1]
    return [_alarm(f"{name}_away", name, "", 1) for name in ("postgresql", "nats") if body[name] != "ok"]

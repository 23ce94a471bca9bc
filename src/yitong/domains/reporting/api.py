"""What agents did over a period, for those who watch over them; the numbers are those of the ledger (docs/interfaces.md)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.contact.bus import Refused
from yitong.domains.reporting.rules import work
from yitong.domains.reporting.rules.work import FORMULAS, Open, Pause, Work, figures
from yitong.domains.reporting.store import work as store
from yitong.domains.reporting.store.work import Wanted
from yitong.kit import spreadsheet
from yitong.kit.audit import audit
from yitong.kit.clock import SystemClock
from yitong.kit.database import Database
from yitong.kit.http import Caller, choose_language, need, part

router = APIRouter(tags=["reports"])
LONGEST_DAYS = 92


class Worked(BaseModel):
    """Agents and what they did; ``total`` is made of all of them. ``formulas``: what each figure is made of."""

    items: list[dict[str, Any]]
    total: dict[str, Any]
    formulas: dict[str, str]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's work on one day, or (``day`` "") over the whole period."""

    person: dict[str, Any]
    day: str
    work: Work
    pauses: dict[str, Pause]


def _wanted(
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to")],
    team: UUID | None = None,
    agent: UUID | None = None,
    by: Literal["agent", "day"] = "agent",
) -> Wanted:
    """Days of the agents' sites, both included. Raises Refused (period_invalid)."""
    if not timedelta(0) <= last - first < timedelta(days=LONGEST_DAYS):
        raise Refused("period_invalid", days=LONGEST_DAYS)
    return Wanted(
        first=first.isoformat(), last=last.isoformat(), team=str(team or ""), agent=str(agent or ""), by_day=by == "day"
    )  # fmt: skip


@router.get("/agent_work")
async def agent_work(
    wanted: Wanted = Depends(_wanted), caller: Caller = need("board.see"), database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Worked:  # fmt: skip
    """What the agents of one's teams did in a period, each in sum or day by day; it is audited."""
    async with database.transaction() as connection:
        lines = await _lines(connection, caller, wanted, clock.now())
        names = await store.reasons(connection, caller.scope)
        await _note(connection, caller, clock, "agent_work.read", wanted, len(lines))
    return Worked(
        items=[_shown(line, names) for line in lines], total=figures(work.total(line.work for line in lines)), formulas=dict(FORMULAS)
    )


@router.get("/agent_work/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_agent_work(
    request: Request, wanted: Wanted = Depends(_wanted), caller: Caller = need("board.see"), database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Response:  # fmt: skip
    """The same as CSV in the reader's language, times in seconds; it is audited."""
    async with database.transaction() as connection:
        lines = await _lines(connection, caller, wanted, clock.now())
        names = await store.reasons(connection, caller.scope)
        await _note(connection, caller, clock, "agent_work.exported", wanted, len(lines))
    language = choose_language(request.headers.get("accept-language", ""))
    reasons = sorted({reason for line in lines for reason in line.pauses})
    head = [*(COLUMNS[name][language] for name in COLUMNS), *(_reason(names, reason, language) for reason in reasons)]
    file = spreadsheet.sheet(head, (_row(line, reasons, language) for line in lines))
    return Response(file, media_type=spreadsheet.TYPE, headers=spreadsheet.headers(f"agents-{wanted.first}-{wanted.last}"))


async def _lines(connection: AsyncConnection, caller: Caller, wanted: Wanted, now: int) -> list[Line]:
    """Everybody who may sign in, and who did something; the state that still lasts is counted until now."""
    people = await store.people(connection, caller.scope, wanted)
    ids = [person["id"] for person in people]
    sums = await store.sums(connection, caller.scope, ids, wanted)
    pauses = await store.pauses(connection, caller.scope, ids, wanted)
    found: list[Line] = []
    for person in people:
        open_: Open | None = person["open"]
        lasting = work.running(open_, now, person["zone"]) if open_ is not None else {}
        lasting = {day: one for day, one in lasting.items() if wanted.first <= day <= wanted.last}
        for day in _days(person, wanted, sums, lasting):
            first, last = (day, day) if day else (wanted.first, wanted.last)
            found.append(Line(
                person=person, day=day,
                work=work.total([sums.get((person["id"], day), Work()), *(one for on, one in lasting.items() if day in ("", on))]),
                pauses=work.pauses_with(pauses.get((person["id"], day), {}), open_, now, person["zone"], first, last),
            ))  # fmt: skip
    return found


def _days(person: dict[str, Any], wanted: Wanted, sums: dict[tuple[str, str], Work], lasting: dict[str, Work]) -> list[str]:
    """The lines of one agent: his days, or one for the whole period."""
    if wanted.by_day:
        return sorted({day for agent, day in sums if agent == person["id"]} | lasting.keys())
    return [""] if person["active"] or (person["id"], "") in sums else []


async def _note(connection: AsyncConnection, caller: Caller, clock: SystemClock, action: str, wanted: Wanted, count: int) -> None:
    await audit(
        connection, tenant=caller.tenant, at=clock.now(), actor=caller.user, action=action, kind="agent_work", object=wanted.agent,
        details={"source": caller.source, "from": wanted.first, "to": wanted.last, "count": count},
    )  # fmt: skip


def _shown(line: Line, names: dict[str, dict[str, str]]) -> dict[str, Any]:
    person = line.person
    return {
        "agent": {"id": person["id"], "extension": person["extension"], "name": person["name"]}, "team": person["team"],
        "day": line.day or None, **figures(line.work), "pauses": [
            {"reason": reason, "name": names.get(reason), "count": one.pauses, "seconds": round(one.not_ready_us / 1_000_000, 3)}
            for reason, one in sorted(line.pauses.items(), key=lambda pair: -pair[1].not_ready_us)
        ],
    }  # fmt: skip


COLUMNS: dict[str, dict[str, str]] = {
    "extension": {"en": "Extension", "zh-CN": "分机"}, "name": {"en": "Agent", "zh-CN": "座席"}, "team": {"en": "Team", "zh-CN": "班组"},
    "day": {"en": "Day", "zh-CN": "日期"}, "offered": {"en": "Offered", "zh-CN": "振铃"}, "answered": {"en": "Answered", "zh-CN": "接听"},
    "refused": {"en": "Refused", "zh-CN": "拒接"}, "missed": {"en": "Missed", "zh-CN": "未接"},
    "dialled": {"en": "Calls out", "zh-CN": "呼出"}, "reached": {"en": "Calls out answered", "zh-CN": "呼出接通"},
    "talk_seconds": {"en": "Talk (s)", "zh-CN": "通话（秒）"}, "hold_seconds": {"en": "Hold (s)", "zh-CN": "保持（秒）"},
    "wrap_up_seconds": {"en": "After call (s)", "zh-CN": "话后（秒）"}, "ring_seconds": {"en": "Ringing (s)", "zh-CN": "振铃时长（秒）"},
    "handling_seconds": {"en": "Mean handling time (s)", "zh-CN": "平均处理时长（秒）"},
    "login_seconds": {"en": "Logged in (s)", "zh-CN": "签入时长（秒）"}, "ready_seconds": {"en": "Ready (s)", "zh-CN": "就绪（秒）"},
    "not_ready_seconds": {"en": "Not ready (s)", "zh-CN": "未就绪（秒）"}, "occupancy": {"en": "Occupancy", "zh-CN": "占用率"},
    "workload": {"en": "Workload", "zh-CN": "工作负荷率"},
}  # fmt: skip
"""The columns of the file, before one for each reason of a pause."""
_REASONS = {
    "": {"en": "no reason", "zh-CN": "无原因"}, "unreachable": {"en": "no telephone", "zh-CN": "话机不在线"},
    "no_answer": {"en": "missed a call", "zh-CN": "来电未接"}, "connection_lost": {"en": "connection lost", "zh-CN": "通话中断"},
}  # fmt: skip
"""Those that nobody configured: the system's own."""


def _reason(names: dict[str, dict[str, str]], reason: str, language: str) -> str:
    before = {"en": "Not ready: {} (s)", "zh-CN": "未就绪：{}（秒）"}[language]
    return before.format(_named(names.get(reason) or _REASONS.get(reason), language) or reason)


def _named(name: dict[str, str] | None, language: str) -> str:
    return (name or {}).get(language) or next(iter((name or {}).values()), "")


def _row(line: Line, reasons: list[str], language: str) -> list[Any]:
    person = line.person
    own = {"extension": person["extension"], "name": _named(person["name"], language), "team": _named(person["team"], language)}
    cells = figures(line.work) | own | {"day": line.day}
    spent = [round(line.pauses[reason].not_ready_us / 1_000_000, 3) if reason in line.pauses else None for reason in reasons]
    return [*(_rounded(cells[name]) for name in COLUMNS), *spent]


def _rounded(cell: Any) -> Any:
    return round(cell, 4) if isinstance(cell, float) else cell

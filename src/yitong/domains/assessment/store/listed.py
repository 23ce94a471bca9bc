"""Assessments in lists and in means, by the day of the talk."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from yitong.domains.assessment.store.kept import COLUMNS, FROM, SEEN, UNREAD, who
from yitong.kit.clock import moment
from yitong.kit.scope import Scope


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; None and "" mean anything. ``since``, ``until``: when the talk began; scores are hundredths of a per cent."""

    since: datetime | None = None
    until: datetime | None = None
    agent: str = ""
    sheet: str = ""
    contact: str = ""
    recording: str = ""
    state: str = ""
    unread: bool = False
    score_from: int | None = None
    score_to: int | None = None


def _conditions(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    given: dict[str, tuple[str, Any]] = {
        "since": ("s.talked_at >= :since", wanted.since),
        "until": ("s.talked_at < :until", wanted.until),
        "about": ("s.agent_id = cast(:about as uuid)", wanted.agent),
        "sheet": ("s.sheet_id = cast(:sheet as uuid)", wanted.sheet),
        "contact": ("s.contact_id = cast(:contact as uuid)", wanted.contact),
        "recording": ("s.recording_id = cast(:recording as uuid)", wanted.recording),
        "state": ("s.state = :state", wanted.state),
        "unread": (UNREAD, wanted.unread or None),
        "score_from": ("s.score >= :score_from", wanted.score_from),
        "score_to": ("s.score <= :score_to", wanted.score_to),
    }
    used = {name: pair for name, pair in given.items() if pair[1] is not None and pair[1] != ""}
    return "".join(f" and {condition}" for condition, _ in used.values()), {name: value for name, (_, value) in used.items()}


async def assessments(
    connection: AsyncConnection, scope: Scope, agent: str, wanted: Wanted, *, before: tuple[int, str] | None, limit: int
) -> list[dict[str, Any]]:
    """Those that the caller (``agent``: himself as an agent) may see, newest talk first, after the place ``before``."""
    where, values = _conditions(wanted)
    if before is not None:
        where += " and (s.talked_at, s.id) < (:before_at, cast(:before_id as uuid))"
        values |= {"before_at": moment(before[0]), "before_id": before[1]}
    rows = await connection.execute(
        text(f"select {COLUMNS}, s.note {FROM} where {SEEN}{where} order by s.talked_at desc, s.id desc limit :limit"),
        who(scope, agent) | values | {"limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def unread(connection: AsyncConnection, scope: Scope, agent: str) -> int:
    """How many of those about the caller he has not read."""
    rows = await connection.execute(
        text(f"select count(*) from assessments s where s.tenant_id = :tenant and {UNREAD}"),
        {"tenant": scope.tenant, "agent": agent or None},
    )
    return int(rows.scalar_one())


async def sums(connection: AsyncConnection, scope: Scope, agent: str, wanted: Wanted) -> list[dict[str, Any]]:
    """By agent: how many assessments count, what their scores add up to, the lowest, the highest, how many passed or failed."""
    where, values = _conditions(wanted)
    rows = await connection.execute(
        text(f"""
            select s.agent_id, a.name as agent, a.extension, count(s.score) as count, coalesce(sum(s.score), 0)::bigint as total,
              min(s.score) as lowest, max(s.score) as highest, count(*) filter (where s.passed) as passed,
              count(*) filter (where not s.passed) as failed
            {FROM} where {SEEN} and s.state <> 'draft'{where}
            group by s.agent_id, a.name, a.extension order by a.extension, s.agent_id"""),
        who(scope, agent) | values,
    )
    return [dict(row) for row in rows.mappings()]

"""Contacts afterwards: list, journey, what was recorded. Looking at one is written into the audit log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from yitong.contact.bus import Refused
from yitong.domains.acd.messages import ContactTaken, DialAnswered, OfferAnswered
from yitong.domains.quality.api.looking import looked, shown
from yitong.domains.quality.api.steps import step_names
from yitong.domains.quality.messages import SpeechMeasured
from yitong.domains.quality.store import contacts as store
from yitong.domains.quality.store import recordings as kept
from yitong.domains.quality.store.contacts import Filter
from yitong.kit.clock import SystemClock, microseconds
from yitong.kit.database import Database
from yitong.kit.http import Caller, from_cursor, iso, need, part, to_cursor

router = APIRouter(tags=["contacts"])
_SECOND = 1_000_000
Seconds = Annotated[float, Query(ge=0, le=1_000_000)]


class Contacts(BaseModel):
    """Contacts, newest first."""

    items: list[dict[str, Any]]
    next: str | None = None


@router.get("/contacts")
async def list_contacts(
    since: Annotated[datetime | None, Query(alias="from")] = None,
    until: Annotated[datetime | None, Query(alias="to")] = None,
    queue: UUID | None = None,
    agent: UUID | None = None,
    number: Annotated[str, Query(max_length=20, pattern=r"^\+?[0-9]*$")] = "",
    answered: bool | None = None,
    talk_from: Seconds | None = None,
    talk_to: Seconds | None = None,
    survey: Annotated[int | None, Query(ge=0, le=100)] = None,
    wrap_up: UUID | None = None,
    tag: Annotated[str, Query(max_length=40, pattern=r"^[^\x00]*$")] = "",
    recorded: bool | None = None,
    cursor: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    caller: Caller = need(),
    database: Database = part(Database),
    clock: SystemClock = part(SystemClock),
) -> Contacts:
    """The contacts that one may see, newest first. Times without a zone are UTC. Numbers and names are shown: it is audited."""
    before = from_cursor(cursor, tuple[int, UUID]) if cursor else None
    wanted = Filter(
        since=_utc(since), until=_utc(until), queue=str(queue or ""), agent=str(agent or ""), number=number, answered=answered,
        talk_from=talk_from, talk_to=talk_to, survey=survey, wrap_up=str(wrap_up or ""), tag=tag.strip(), recorded=recorded,
    )  # fmt: skip
    place = (min(max(before[0], 0), 4_000_000_000 * _SECOND), str(before[1])) if before else None
    async with database.transaction() as connection:
        rows = await store.contacts(connection, caller.scope, caller.agent, wanted, before=place, limit=limit + 1)
        if rows:
            await looked(connection, caller, clock, "contact.listed", "contact", "", count=min(len(rows), limit))
    last = rows[limit - 1] if len(rows) > limit else None
    return Contacts(
        items=[_listed(row) for row in rows[:limit]], next=to_cursor(microseconds(last["arrived_at"]), last["id"]) if last else None
    )


@router.get("/contacts/{id}")
async def get_contact(
    id: UUID, caller: Caller = need(), database: Database = part(Database), clock: SystemClock = part(SystemClock)
) -> dict[str, Any]:
    """One contact: customer, segments, journey, survey, recordings, wrap-up."""
    contact = str(id)
    async with database.transaction() as connection:
        row = await store.contact(connection, caller.scope, caller.agent, contact)
        if row is None:
            raise Refused("not_found")
        scope = caller.scope
        parts = (
            await store.segments(connection, scope, contact),
            await store.events(connection, scope, contact),
            await store.surveys(connection, scope, contact),
            await kept.of_contact(connection, scope, contact) if caller.may("recordings.listen") else [],
            await kept.running(connection, scope, contact) if caller.may("recordings.listen") else [],
        )
        names = step_names(parts[1], await store.flows(connection, scope, contact))
        card = await store.customer_numbers(connection, scope, row["customer_id"]) if row["customer_id"] else None
        note = await store.personal(connection, scope, row["wrap_up_note_id"]) if row["wrap_up_note_id"] else ""
        await looked(connection, caller, clock, "contact.read", "contact", contact)
    shown_events = [_event(one, microseconds(row["arrived_at"]), names) for one in parts[1]]
    return _whole(row, parts, card, note) | {"events": shown_events}


def _utc(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


def _seconds(microseconds: int | None) -> float:
    return round((microseconds or 0) / _SECOND, 3)


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    customer = {"id": row["customer_id"], "name": row["customer_name"], "new": row["customer_new"]} if row["customer_id"] else None
    return {
        "id": row["id"], "channel": row["channel"], "direction": row["direction"], "started_at": iso(row["arrived_at"]),
        "ended_at": iso(row["ended_at"]), "outcome": row["outcome"], "cause": row["cause"], "calling": row["calling"] or "",
        "called": row["called"] or row["number"], "number": row["number"], "language": row["language"],
        "queue": row["queue"], "queue_id": row["queue_id"], "agent": row["agent"], "agent_id": row["agent_id"], "customer": customer,
        "answered": row["answered"], "waited_seconds": _seconds(row["wait_us"]), "ring_seconds": _seconds(row["ring_us"]),
        "talk_seconds": _seconds(row["talk_us"]), "hold_seconds": _seconds(row["hold_us"]),
        "wrap_up_seconds": _seconds(row["wrap_up_us"]), "survey": row["survey_answer"], "recording": row["recording"],
    }  # fmt: skip


def _whole(row: dict[str, Any], parts: tuple[list[dict[str, Any]], ...], card: dict[str, Any] | None, note: str) -> dict[str, Any]:
    segments, events, surveys, recordings, running = parts
    wrap_up = {"code": row["wrap_up_code"], "code_id": row["wrap_up_code_id"], "note": note} if row["wrap_up_code_id"] or note else None
    return _listed(row) | {
        "keys": row["keys"], "flow": row["flow_id"], "flow_version": row["flow_version"],
        "customer": (card | {"new": row["customer_new"]}) if card else None,
        "segments": _segments(segments, events),
        "survey_answers": [_timed(one) for one in surveys],
        "recordings": [shown(one) for one in recordings],
        "running": [_running(one) for one in running],
        "wrap_up": wrap_up,
        "quality": _quality(events),
    }  # fmt: skip


TAKEN = frozenset({OfferAnswered.TYPE, ContactTaken.TYPE, DialAnswered.TYPE})
"""What begins an agent's segment."""


def _running(row: dict[str, Any]) -> dict[str, Any]:
    """What is being recorded, and can be followed."""
    return {
        "id": row["id"], "segment_id": row["segment_id"], "agent_id": row["agent_id"], "began_at": iso(row["began_at"]),
        "demand": row["demand"], "links": f"/api/v1/recordings/{row['id']}/links",
    }  # fmt: skip


def _segments(segments: list[dict[str, Any]], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts, those with an agent with the assignment by which he took it ("" in the others)."""
    taken = {one["segment_id"]: one["payload"]["assignment"] for one in events if one["type"] in TAKEN}
    return [_timed(one) | {"assignment": taken.get(one["id"], "")} for one in segments]


def _quality(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Speech as it was measured, per side. Of several connections of a side (a second agent) the one that carried most packets."""
    found: dict[str, Any] = {}
    for payload in (one["payload"] for one in events if one["type"] == SpeechMeasured.TYPE):
        best = found.get(payload["side"])
        if best is None or payload["packets"] > best["packets"]:
            found[payload["side"]] = {name: payload[name] for name in ("mos", "lost", "packets", "jitter_ms")}
    return found or None


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    """Moments as ISO 8601, lengths as seconds."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_us"):
            shown[name.removesuffix("_us") + "_seconds"] = _seconds(value)
        else:
            shown[name] = iso(value) if isinstance(value, datetime) else value
    return shown


def _event(row: dict[str, Any], began: int, names: dict[str, Any]) -> dict[str, Any]:
    """A fact of the journey; ``names``: of steps, by the id of the fact."""
    at = microseconds(row["occurred_at"])
    return {
        "id": row["id"], "type": row["type"], "at": iso(at), "offset_ms": (at - began) // 1000, "sequence": row["sequence"],
        "segment": row["segment_id"], "queue": row["queue"], "agent": row["agent"], "cause": row["cause"] or "", "payload": row["payload"],
        "step_name": names.get(row["id"]),
    }  # fmt: skip

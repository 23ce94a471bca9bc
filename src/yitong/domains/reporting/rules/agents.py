"""The fold of agents: intervals of the five states, derived from duty and assignments as they were, and sums per day of the site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from yitong.contact.ledger import Event, Fact
from yitong.domains.acd.messages import (
    AgentDeviceChanged,
    AgentDutyChanged,
    AssignmentEnded,
    AssignmentHeld,
    AssignmentInterrupted,
    AssignmentResumed,
    AssignmentRetrieved,
    ContactOffered,
    ContactTaken,
    DialAnswered,
    DialBegan,
    DialEnded,
    DialWentOut,
    GuestInvited,
    GuestJoined,
    GuestLeft,
    InsideAnswered,
    InsideBegan,
    InsideEnded,
    InsideOffered,
    InsideWentOut,
    OfferAnswered,
    OfferEnded,
    WrapUpBegan,
    WrapUpEnded,
)
from yitong.domains.reporting.model import ACTIVITY, AGENT_DAYS, AGENT_FOLDS, AGENT_PAUSES, Row, Rows
from yitong.domains.reporting.rules.queues import OFFER_OUTCOMES
from yitong.kit.clock import microseconds, moment

Zones = Mapping[str, tzinfo]
"""The zone of each site; one that is not known counts in UTC."""

_ASSIGNMENT: dict[type[Any], str] = {
    ContactOffered: "offered", OfferAnswered: "active", AssignmentHeld: "held", AssignmentRetrieved: "active",
    AssignmentInterrupted: "active", AssignmentResumed: "active", WrapUpBegan: "wrapping_up",
    OfferEnded: "", AssignmentEnded: "", WrapUpEnded: "",
    GuestInvited: "offered", GuestJoined: "active", ContactTaken: "active", GuestLeft: "",
    DialBegan: "offered", DialWentOut: "active", DialAnswered: "active", DialEnded: "",
    InsideBegan: "offered", InsideWentOut: "active", InsideOffered: "offered", InsideAnswered: "active", InsideEnded: "",
}  # fmt: skip
"""What each fact makes of the assignment; "": it is over."""


def fold_agent(fact: Fact, event: Event, rows: Rows, zones: Zones) -> None:
    """Take a fact about an agent into his state; when his state changes, the interval ends and the next begins."""
    row = rows.get(AGENT_FOLDS, event.tenant, event.agent) or rows.make(
        AGENT_FOLDS, tenant_id=event.tenant, agent_id=event.agent, site_id=event.site,
        value={"duty": "logged_off", "reason": "", "assignments": {}, "devices": [], "open": None},
    )  # fmt: skip
    value = {**row["value"], "assignments": dict(row["value"]["assignments"])}
    if isinstance(fact, AgentDutyChanged):
        value |= {"duty": fact.duty, "reason": fact.reason}
    elif isinstance(fact, AgentDeviceChanged):
        others = [device for device in value["devices"] if device != fact.device]
        value["devices"] = sorted([*others, fact.device]) if fact.registered and fact.answering else others
    elif type(fact) in _ASSIGNMENT:
        _assign(fact, event, value["assignments"])
    _turn(event, row, value, rows, zones)
    _count(fact, event, rows, zones)


def _assign(fact: Any, event: Event, assignments: dict[str, Any]) -> None:
    state = _ASSIGNMENT[type(fact)]
    if state:
        assignments[fact.assignment] = {"state": state, "contact": event.contact, "queue": event.queue}
    else:
        assignments.pop(fact.assignment, None)


def state_of(value: Mapping[str, Any]) -> dict[str, str]:
    """One of the five states of ECMA-269, with the reason of not ready, and the contact it is about (busy, working after call).

    As the dispatcher has it: who rings is busy, and who is ready without a device that answers is not ready.
    """
    by_state = {"busy": ("offered", "active", "held"), "working_after_call": ("wrapping_up",)}
    for state, wanted in by_state.items():
        for assignment in value["assignments"].values():
            if assignment["state"] in wanted:
                return {"state": state, "reason": "", "contact": assignment["contact"], "queue": assignment["queue"]}
    if value["duty"] == "ready" and not value["devices"]:
        return {"state": "not_ready", "reason": "unreachable", "contact": "", "queue": ""}
    return {"state": value["duty"], "reason": value["reason"] if value["duty"] == "not_ready" else "", "contact": "", "queue": ""}


def _turn(event: Event, row: Row, value: dict[str, Any], rows: Rows, zones: Zones) -> None:
    """End the open interval and begin the next when the state differs. One without length is overwritten by its successor."""
    now, held = state_of(value), value["open"]
    if held is None or any(held[name] != now[name] for name in now):
        began, number = event.occurred_at, event.sequence
        if held is not None and held["began_at"] == began:
            number = held["number"]
        elif held is not None:
            _write(event, held, began, rows)
            _spend(event, held, began, rows, zones)
        value["open"] = {"began_at": began, "number": number, **now}
        _write(event, value["open"], 0, rows)
    rows.change(AGENT_FOLDS, row, value=value)


def _write(event: Event, interval: Mapping[str, Any], ended: int, rows: Rows) -> None:
    key = {"tenant_id": event.tenant, "agent_id": event.agent, "began_at": interval["began_at"], "number": interval["number"]}
    cells = {"state": interval["state"], "reason": interval["reason"], "contact_id": interval["contact"], "queue_id": interval["queue"]}
    rows.change(ACTIVITY, rows.make(ACTIVITY, **key), site_id=event.site, ended_at=ended, **cells)


def _spend(event: Event, interval: Mapping[str, Any], ended: int, rows: Rows, zones: Zones) -> None:
    if interval["state"] == "logged_off":
        return
    for place, (day, spent) in enumerate(days(interval["began_at"], ended, zones.get(event.site, UTC))):
        _add(event, rows, day, **{f"{interval['state']}_us": spent, "login_us": spent})
        if interval["state"] == "not_ready":
            key = {"tenant_id": event.tenant, "site_id": event.site, "agent_id": event.agent, "day": day, "reason": interval["reason"]}
            rows.add(AGENT_PAUSES, key, pauses=int(place == 0), not_ready_us=spent)  # a pause over midnight is one of the day before


def days(began: int, ended: int, zone: tzinfo) -> Iterator[tuple[str, int]]:
    """The days in ``zone`` that an interval touches (ISO), with its microseconds in each."""
    while began < ended:
        local = moment(began).astimezone(zone)
        midnight = datetime(local.year, local.month, local.day, tzinfo=zone) + timedelta(days=1)
        until = min(ended, max(began + 1, microseconds(midnight.astimezone(UTC))))
        yield local.date().isoformat(), until - began
        began = until


def _add(event: Event, rows: Rows, day: str, **deltas: int) -> None:
    rows.add(AGENT_DAYS, {"tenant_id": event.tenant, "site_id": event.site, "agent_id": event.agent, "day": day}, **deltas)


def _count(fact: Fact, event: Event, rows: Rows, zones: Zones) -> None:
    """Add what the fact alone says to the agent's day."""
    day = moment(event.occurred_at).astimezone(zones.get(event.site, UTC)).date().isoformat()
    match fact:
        case ContactOffered():
            _add(event, rows, day, offered=1)
        case OfferEnded():
            _add(event, rows, day, ring_us=fact.rang_us, **{OFFER_OUTCOMES.get(fact.cause, "withdrawn"): 1})
        case OfferAnswered():
            _add(event, rows, day, answered=1, ring_us=fact.rang_us)
        case ContactTaken():
            _add(event, rows, day, answered=1)
        case DialWentOut():
            _add(event, rows, day, dialled=1)
        case DialAnswered():
            _add(event, rows, day, reached=1)
        case AssignmentEnded():
            _add(event, rows, day, talk_us=fact.talk_us, hold_us=fact.hold_us)
        case WrapUpEnded():
            _add(event, rows, day, wrap_up_us=fact.wrap_up_us, wrapped_up=1)
        case _:
            pass

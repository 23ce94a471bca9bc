"""The fold of what desks and the board show of recordings: whether one runs, by rule or on demand, and until when nothing is recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from yitong.contact.ledger import Fact
from yitong.domains.acd.messages import OutsideEnded
from yitong.domains.quality.messages import RecordingAsked, RecordingEnded, RecordingLost
from yitong.domains.recording import messages as m
from yitong.domains.reporting.rules.seen import SeenAssignment, SeenDemand, SeenPause, SeenRecorded, ViewState


class View(Protocol):
    """What the fold needs of the whole view."""

    state: ViewState
    touched: set[tuple[str, str]]


def handlers(view: View) -> dict[type[Fact], Callable[[Any, int], None]]:
    """The handlers, bound to a view. A talk's end is told by ``forget``."""
    return {
        m.RecordingDecided: partial(_decided, view), m.DemandBegan: partial(_demanded, view), m.DemandEnded: partial(_demand_over, view),
        m.PauseBegan: partial(_paused, view), m.PauseEnded: partial(_pause_over, view),
        m.TakePaused: partial(_silent, view, True), m.TakeResumed: partial(_silent, view, False),
        RecordingAsked: partial(_asked, view), RecordingEnded: partial(_over, view), RecordingLost: partial(_over, view),
        OutsideEnded: lambda fact, at: forget(view, fact.segment),
    }  # fmt: skip


def forget(view: View, segment: str) -> None:
    """The talk is over."""
    view.state.recorded.pop(segment, None)
    _touch(view, segment)


def _touch(view: View, segment: str, contact: str = "") -> None:
    view.touched.update(
        ("assignment", one.id) for one in view.state.assignments.values() if one.segment == segment or (contact and one.contact == contact)
    )


def _decided(view: View, fact: m.RecordingDecided, at: int) -> None:
    view.state.recorded[fact.segment] = SeenRecorded(mode=fact.mode, by_rule=fact.recorded, pause_seconds=fact.pause_seconds)
    _touch(view, fact.segment)


def _demanded(view: View, fact: m.DemandBegan, at: int) -> None:
    talk = view.state.recorded.get(fact.segment)
    if talk is not None:
        talk.demand = SeenDemand(by_agent=fact.by_agent, since=at, until=fact.until)
        _touch(view, fact.segment)


def _demand_over(view: View, fact: m.DemandEnded, at: int) -> None:
    talk = view.state.recorded.get(fact.segment)
    if talk is not None:
        talk.demand = None
        _touch(view, fact.segment)


def _paused(view: View, fact: m.PauseBegan, at: int) -> None:
    view.state.pauses[fact.contact] = SeenPause(cause=fact.cause, since=at, until=fact.until)
    _touch(view, fact.segment, fact.contact)


def _pause_over(view: View, fact: m.PauseEnded, at: int) -> None:
    view.state.pauses.pop(fact.contact, None)
    _touch(view, fact.segment, fact.contact)


def _silent(view: View, on: bool, fact: m.TakePaused | m.TakeResumed, at: int) -> None:
    talk = view.state.recorded.get(fact.segment)
    if talk is not None and fact.recording in talk.takes:
        talk.takes[fact.recording] = on
        _touch(view, fact.segment)


def _asked(view: View, fact: RecordingAsked, at: int) -> None:
    talk = view.state.recorded.get(fact.segment)
    if talk is not None:
        talk.takes[fact.recording] = False
        _touch(view, fact.segment)


def _over(view: View, fact: RecordingEnded | RecordingLost, at: int) -> None:
    talk = view.state.recorded.get(fact.segment)
    if talk is not None and talk.takes.pop(fact.recording, None) is not None:
        _touch(view, fact.segment)


# --- drawing -----------------------------------------------------------------------------------------------------------------------


def on_desk(state: ViewState, held: SeenAssignment) -> dict[str, Any]:
    """``recording`` and ``recorded`` of a contact on a desk."""
    talk, pause = state.recorded.get(held.segment), state.pauses.get(held.contact)
    if talk is None:
        return {"recording": False, "recorded": None}
    demand = talk.demand
    return {
        "recording": bool(talk.takes), "recorded": {
            "mode": talk.mode, "pause_seconds": talk.pause_seconds,
            "pause": {"by": pause.cause, "since": pause.since, "until": pause.until, "on": all(talk.takes.values())} if pause else None,
            "demand": {"own": demand.by_agent == held.agent, "since": demand.since, "until": demand.until or None} if demand else None,
        },
    }  # fmt: skip


def on_board(state: ViewState, held: SeenAssignment | None, person: Callable[[str], dict[str, Any]]) -> dict[str, Any] | None:
    """What is recorded of an agent's talk; null without one."""
    talk = state.recorded.get(held.segment) if held is not None and not held.host else None
    if talk is None or held is None:
        return None
    demand, pause = talk.demand, state.pauses.get(held.contact)
    return {
        "rule": talk.by_rule, "mode": talk.mode, "paused": pause is not None, "pause_seconds": talk.pause_seconds,
        "pause": {"by": pause.cause, "until": pause.until} if pause is not None else None,
        "running": bool(talk.takes), "demand": {
            "by": person(demand.by_agent) if demand.by_agent else None, "since": demand.since, "until": demand.until or None,
        } if demand else None,
    }  # fmt: skip

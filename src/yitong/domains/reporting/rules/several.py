"""The fold of what desks show when several take part in one contact: guests, consultations, muting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import msgspec

from yitong.contact.ledger import Fact
from yitong.contact.messages import AnswererHeard
from yitong.ct.results import RESULTS
from yitong.domains.acd import messages as acd
from yitong.domains.reporting.rules.seen import SeenAgent, SeenAssignment, SeenConsultation, ViewState


class View(Protocol):
    """What the fold needs of the whole view."""

    state: ViewState
    touched: set[tuple[str, str]]

    def agent(self, key: str) -> SeenAgent: ...
    def drop(self, key: str) -> None: ...
    def begin_call(self, assignment: SeenAssignment, segment: str, at: int) -> None: ...
    def moving(self, state: str) -> Callable[[Any, int], None]: ...


def handlers(view: View) -> dict[type[Fact], Callable[[Any, int], None]]:
    """The handlers, bound to a view."""
    return {
        acd.GuestInvited: partial(_invited, view), acd.GuestJoined: view.moving("active"), acd.GuestLeft: partial(_left, view),
        acd.DialBegan: partial(_dials, view), acd.DialWentOut: view.moving("active"), acd.DialAnswered: partial(_reached, view),
        acd.DialEnded: partial(_not_reached, view), AnswererHeard: partial(_judged, view),
        acd.ContactTaken: partial(_taken, view), acd.ConsultationBegan: partial(_began, view),
        acd.ConsultationAnswered: partial(_became, view, "talking"), acd.ConferenceBegan: partial(_became, view, "conference"),
        acd.ConsultationTurned: partial(_turned, view), acd.ConsultationEnded: partial(_over, view),
        acd.HandoverBegan: partial(_handed, view),
        acd.DeskLocked: partial(_locked, view), acd.InsideBegan: partial(_inside, view), acd.InsideOffered: partial(_inside, view),
        acd.InsideWentOut: partial(_dialled, view), acd.InsideAnswered: partial(_talks, view), acd.InsideEnded: partial(_inside_over, view),
        acd.AgentOccupied: partial(_occupied, view), acd.AgentFreed: partial(_freed, view),
        acd.AssignmentMuted: partial(_muted, view), acd.SupervisionChanged: partial(_supervised, view),
    }  # fmt: skip


def _invited(view: View, fact: acd.GuestInvited, at: int) -> None:
    host = view.state.assignments.get(fact.host)
    guest = SeenAssignment(
        id=fact.assignment, agent=fact.agent, contact=fact.contact, queue=fact.queue, segment=fact.segment, channel="voice",
        state="offered", since=at, waited_us=0, ring_until=fact.ring_until, host=host.agent if host is not None else "",
        participation=fact.participation,
    )  # fmt: skip
    view.state.assignments[guest.id] = guest
    view.agent(fact.agent).assignments.append(guest.id)
    view.touched.add(("assignment", guest.id))


def _handed(view: View, fact: acd.HandoverBegan, at: int) -> None:
    guest = view.state.assignments.get(fact.guest)
    if guest is not None:
        guest.handed = True
        view.touched.add(("assignment", guest.id))


def _locked(view: View, fact: acd.DeskLocked, at: int) -> None:
    view.agent(fact.agent).locked = fact.on


def _supervised(view: View, fact: acd.SupervisionChanged, at: int) -> None:
    guest = view.state.assignments.get(fact.assignment)
    if guest is not None:
        guest.participation = fact.participation
        view.touched.add(("assignment", guest.id))


def _occupied(view: View, fact: acd.AgentOccupied, at: int) -> None:
    agent = view.agent(fact.agent)
    agent.seats = [*agent.seats, fact.connection]


def _freed(view: View, fact: acd.AgentFreed, at: int) -> None:
    agent = view.agent(fact.agent)
    agent.seats = [one for one in agent.seats if one != fact.connection]


def _inside(view: View, fact: acd.InsideBegan | acd.InsideOffered, at: int) -> None:
    calls = isinstance(fact, acd.InsideBegan)
    shown = SeenAssignment(
        id=fact.assignment, agent=fact.agent, contact="", queue="", segment="", channel="voice", state="offered", since=at, waited_us=0,
        ring_until=fact.ring_until, inside=fact.to_agent if isinstance(fact, acd.InsideBegan) else fact.from_agent, caller=calls,
    )  # fmt: skip
    view.state.assignments[shown.id] = shown
    view.agent(fact.agent).assignments.append(shown.id)
    view.touched.add(("assignment", shown.id))


def _dialled(view: View, fact: acd.InsideWentOut, at: int) -> None:
    held = view.state.assignments.get(fact.assignment)
    if held is not None:
        held.state, held.since = "active", at
        view.touched.add(("assignment", held.id))


def _talks(view: View, fact: acd.InsideAnswered, at: int) -> None:
    held = view.state.assignments.get(fact.assignment)
    if held is not None:
        held.state, held.since, held.answered_at = "active", at, at
        view.touched.add(("assignment", held.id))


def _inside_over(view: View, fact: acd.InsideEnded, at: int) -> None:
    held = view.state.assignments.get(fact.assignment)
    if held is not None and held.caller:
        missed = fact.cause not in ("left", "joined", "cancelled")
        view.agent(fact.agent).inside_over = (held.inside, fact.cause, at) if missed else None
    view.drop(fact.assignment)


def _left(view: View, fact: acd.GuestLeft, at: int) -> None:
    view.drop(fact.assignment)


def _not_reached(view: View, fact: acd.DialEnded, at: int) -> None:
    if fact.contact and fact.cause in RESULTS:
        view.agent(fact.agent).dial_over = {"cause": fact.cause, "at": at}
        view.touched.add(("agent", fact.agent))
    view.drop(fact.assignment)


def _judged(view: View, fact: AnswererHeard, at: int) -> None:
    contact = view.state.contacts.get(fact.contact)
    if contact is not None:
        contact.answered_by = fact.who
        for held in [one for one in view.state.assignments.values() if one.contact == fact.contact]:
            view.touched.add(("assignment", held.id))


def _dials(view: View, fact: acd.DialBegan, at: int) -> None:
    dialled = SeenAssignment(
        id=fact.assignment, agent=fact.agent, contact=fact.to_contact, queue="", segment="", channel="voice", state="offered", since=at,
        waited_us=0, ring_until=fact.ring_until, dialling=fact.address,
    )  # fmt: skip
    view.state.assignments[dialled.id] = dialled
    view.agent(fact.agent).dial_over = None
    view.touched.add(("agent", fact.agent))
    view.agent(fact.agent).assignments.append(dialled.id)
    view.touched.add(("assignment", dialled.id))


def _reached(view: View, fact: acd.DialAnswered, at: int) -> None:
    assignment = view.state.assignments.get(fact.assignment)
    if assignment is not None:
        assignment.dialling = ""
        view.begin_call(assignment, fact.segment, at)


def _taken(view: View, fact: acd.ContactTaken, at: int) -> None:
    assignment = view.state.assignments.get(fact.assignment)
    if assignment is not None:
        assignment.host = assignment.participation = ""
        view.begin_call(assignment, fact.segment, at)


def _began(view: View, fact: acd.ConsultationBegan, at: int) -> None:
    _show(view, fact.assignment, SeenConsultation(
        state="ringing", since=at, ring_until=fact.ring_until, agent=fact.to_agent, address=fact.address,
    ))  # fmt: skip


def _show(view: View, assignment: str, consultation: SeenConsultation | None) -> None:
    held = view.state.assignments.get(assignment)
    if held is not None:
        held.consultation = consultation
        view.touched.add(("assignment", held.id))


def _change(view: View, assignment: str, **changes: Any) -> None:
    held = view.state.assignments.get(assignment)
    if held is not None and held.consultation is not None:
        _show(view, assignment, msgspec.structs.replace(held.consultation, **changes))


def _became(view: View, state: str, fact: acd.ConsultationAnswered | acd.ConferenceBegan, at: int) -> None:
    _change(view, fact.assignment, state=state, since=at)
    if state == "conference":
        _change(view, fact.assignment, aside=False)


def _turned(view: View, fact: acd.ConsultationTurned, at: int) -> None:
    _change(view, fact.assignment, aside=fact.aside)


def _over(view: View, fact: acd.ConsultationEnded, at: int) -> None:
    held = view.state.assignments.get(fact.assignment)
    if held is not None and held.consultation is not None and acd.stays_over(fact.cause, held.consultation.state):
        _change(view, fact.assignment, state="over", since=at, cause=fact.cause)
    else:
        _show(view, fact.assignment, None)


def _muted(view: View, fact: acd.AssignmentMuted, at: int) -> None:
    held = view.state.assignments.get(fact.assignment)
    if held is not None:
        held.muted = fact.on
        view.touched.add(("assignment", held.id))

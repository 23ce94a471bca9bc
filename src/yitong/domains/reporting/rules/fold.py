"""Which fact goes into which fold. One place for live events and rebuild alike, so that the two cannot differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.contact import messages as contact
from yitong.contact.ledger import Event, Fact, fact_of
from yitong.domains.acd import messages as acd
from yitong.domains.reporting.model import Rows
from yitong.domains.reporting.rules import agents, contacts, faxes, messages_left, queues, recordings, texts
from yitong.domains.reporting.rules.agents import Zones
from yitong.domains.survey import messages as survey
from yitong.flow import messages as flow

FOLDS: dict[type[Fact], Callable[[Any, Event, Rows], None]] = {
    contact.ContactArrived: contacts.arrived,
    contact.ContactAnswered: contacts.answered,
    contact.SegmentBegan: contacts.segment_began,
    contact.SegmentEnded: contacts.segment_ended,
    contact.AttributeSet: contacts.attribute_set,
    contact.AnswererHeard: contacts.answerer_heard,
    contact.CustomerFound: contacts.customer_found,
    contact.ContactEnded: contacts.ended,
    flow.FlowStarted: contacts.flow_started,
    flow.StepEntered: contacts.step_entered,
    flow.StepLeft: contacts.step_left,
    acd.ContactQueued: queues.queued,
    acd.QueueRefused: queues.refused,
    acd.ContactLeftQueue: queues.left,
    acd.ContactOffered: queues.offered,
    acd.OfferEnded: queues.offer_ended,
    acd.OfferAnswered: queues.offer_answered,
    acd.DialAnswered: queues.dial_answered,
    acd.DialEnded: queues.dial_ended,
    acd.ContactTaken: queues.taken,
    acd.AssignmentHeld: lambda _, event, rows: queues.held(event, rows),
    acd.AssignmentEnded: queues.assignment_ended,
    acd.WrapUpDrafted: queues.wrap_up_drafted,
    acd.WrapUpEnded: queues.wrap_up_ended,
    survey.SurveyAsked: contacts.survey_asked,
    survey.SurveyAnswered: contacts.survey_answered,
    **recordings.FOLDS,
    **faxes.FOLDS,
    **messages_left.FOLDS,
    **texts.FOLDS,
}


def fold(event: Event, rows: Rows, zones: Zones) -> None:
    """Take one event into the projections. A type that this release does not know changes nothing."""
    fact = fact_of(event)
    if fact is None:
        return
    handler = FOLDS.get(type(fact))
    if handler is not None:
        handler(fact, event, rows)
    if event.agent and event.type.startswith("acd."):
        agents.fold_agent(fact, event, rows, zones)

"""The fold of a contact: its row in the list of contacts and its segments."""

from __future__ import annotations

from typing import Any

from yitong.contact.ledger import Event
from yitong.contact.messages import (
    AnswererHeard,
    AttributeSet,
    ContactAnswered,
    ContactArrived,
    ContactEnded,
    CustomerFound,
    SegmentBegan,
    SegmentEnded,
)
from yitong.domains.reporting.model import CONTACTS, SEGMENTS, SURVEYS, Row, Rows
from yitong.domains.survey.messages import SurveyAnswered, SurveyAsked
from yitong.flow.messages import FlowStarted, StepEntered, StepLeft

NOBODY = frozenset({"machine", "fax", "busy", "congestion", "unobtainable"})
"""Whoever else answered our call than a person; then that is the outcome."""


def contact_of(event: Event, rows: Rows) -> Row:
    """The contact's row; made from what is known when its beginning lies before this ledger's."""
    found = rows.get(CONTACTS, event.tenant, event.contact)
    if found is None:
        found = rows.make(
            CONTACTS, tenant_id=event.tenant, id=event.contact, site_id=event.site, arrived_at=event.occurred_at, outcome="in_flow"
        )
    rows.change(CONTACTS, found, sequence=event.sequence)
    return found


def arrived(fact: ContactArrived, event: Event, rows: Rows) -> None:
    rows.change(
        CONTACTS, contact_of(event, rows), channel=fact.channel, direction=fact.direction, call=fact.call, number=fact.number,
        trunk=fact.trunk, calling_id=fact.calling, called_id=fact.called, language=fact.language, flow_id=fact.flow,
    )  # fmt: skip


def answered(fact: ContactAnswered, event: Event, rows: Rows) -> None:
    rows.change(CONTACTS, contact_of(event, rows), connected_at=event.occurred_at)


def segment_began(fact: SegmentBegan, event: Event, rows: Rows) -> None:
    contact = contact_of(event, rows)
    rows.change(CONTACTS, contact, segments=contact["segments"] + 1)
    rows.make(
        SEGMENTS, tenant_id=event.tenant, id=fact.segment, site_id=event.site, contact_id=fact.contact, arrived_at=contact["arrived_at"],
        number=contact["segments"], kind=fact.kind, began_at=event.occurred_at, connection=fact.connection, queue_id=fact.queue,
        agent_id=fact.agent,
    )  # fmt: skip


def segment_ended(fact: SegmentEnded, event: Event, rows: Rows) -> None:
    contact_of(event, rows)
    segment = rows.get(SEGMENTS, event.tenant, fact.segment)
    if segment is not None:
        rows.change(SEGMENTS, segment, ended_at=event.occurred_at, cause=fact.cause)


def segment_of_agent(contact: str, agent: str, rows: Rows) -> Row | None:
    """The newest segment of the contact in which this agent serves it."""
    served = [row for row in rows.of_contact(SEGMENTS, contact) if row["kind"] == "agent" and row["agent_id"] in ("", agent)]
    return max(served, key=lambda row: row["number"], default=None)


def attribute_set(fact: AttributeSet, event: Event, rows: Rows) -> None:
    contact = contact_of(event, rows)
    value: Any = {"personal": fact.personal} if fact.personal else fact.value
    rows.change(CONTACTS, contact, attributes={**contact["attributes"], fact.name: value})


def customer_found(fact: CustomerFound, event: Event, rows: Rows) -> None:
    rows.change(CONTACTS, contact_of(event, rows), customer_id=fact.customer, customer_new=fact.new)


def flow_started(fact: FlowStarted, event: Event, rows: Rows) -> None:
    rows.change(CONTACTS, contact_of(event, rows), flow_id=fact.flow, flow_version=fact.flow_version)


def step_entered(fact: StepEntered, event: Event, rows: Rows) -> None:
    contact_of(event, rows)


def step_left(fact: StepLeft, event: Event, rows: Rows) -> None:
    contact = contact_of(event, rows)
    if fact.keys:
        rows.change(CONTACTS, contact, keys=[*contact["keys"], {"step": fact.step, "keys": fact.keys, "at": event.occurred_at}])


def survey_asked(fact: SurveyAsked, event: Event, rows: Rows) -> None:
    contact_of(event, rows)
    rows.change(SURVEYS, _survey(fact, event, rows), asked_at=event.occurred_at)


def survey_answered(fact: SurveyAnswered, event: Event, rows: Rows) -> None:
    rows.change(CONTACTS, contact_of(event, rows), survey_answer=fact.answer)
    rows.change(SURVEYS, _survey(fact, event, rows), answered_at=event.occurred_at, answer=fact.answer)


def _survey(fact: SurveyAsked | SurveyAnswered, event: Event, rows: Rows) -> Row:
    segment = fact.segment or fact.contact
    found = rows.get(SURVEYS, event.tenant, fact.contact, segment, fact.survey)
    return found or rows.make(
        SURVEYS, tenant_id=event.tenant, contact_id=fact.contact, segment_id=segment, survey=fact.survey, site_id=event.site,
        agent_id=fact.agent, queue_id=fact.queue,
    )  # fmt: skip


def answerer_heard(fact: AnswererHeard, event: Event, rows: Rows) -> None:
    """Who answered our call was nobody to talk to."""
    contact = contact_of(event, rows)
    if fact.who in NOBODY:
        rows.change(CONTACTS, contact, outcome=fact.who)


def ended(fact: ContactEnded, event: Event, rows: Rows) -> None:
    contact = contact_of(event, rows)
    outcome = "answered" if contact["answered_at"] and contact["outcome"] not in NOBODY else contact["outcome"]
    if outcome in ("waiting", "offered"):
        outcome = "lost"
    rows.change(CONTACTS, contact, ended_at=event.occurred_at, ended_by=fact.by, cause=fact.cause, outcome=outcome)

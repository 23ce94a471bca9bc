"""The fold of queues and offers: who waited how long, who was offered what, the base quantities per quarter of an hour."""

from __future__ import annotations

import msgspec

from yitong.contact.ledger import Event
from yitong.domains.acd.messages import (
    AssignmentEnded,
    ContactLeftQueue,
    ContactOffered,
    ContactQueued,
    ContactTaken,
    DialAnswered,
    DialEnded,
    OfferAnswered,
    OfferEnded,
    QueueRefused,
    WrapUpDrafted,
    WrapUpEnded,
)
from yitong.domains.reporting.model import CONTACTS, OFFERS, QUEUE_INTERVALS, SEGMENTS, Row, Rows
from yitong.domains.reporting.rules.contacts import contact_of, segment_of_agent
from yitong.kit.clock import SECOND

INTERVAL = 15 * 60 * SECOND
OFFER_OUTCOMES = {"refused": "refused", "no_answer": "missed", "unreachable": "failed"}
"""How an offer that was not answered is counted, by cause; any other cause: it was withdrawn, the agent had no part in it."""


def count(event: Event, rows: Rows, **deltas: int) -> None:
    """Add to the quarter of an hour in which the event happened (kpis section 1: the interval of the outcome); only what is a queue's."""
    if not event.queue:
        return
    began = event.occurred_at - event.occurred_at % INTERVAL
    rows.add(QUEUE_INTERVALS, {"tenant_id": event.tenant, "site_id": event.site, "queue_id": event.queue, "began_at": began}, **deltas)


def queued(fact: ContactQueued, event: Event, rows: Rows) -> None:
    contact = contact_of(event, rows)
    rows.change(
        CONTACTS, contact, queue_id=fact.queue, queued_at=contact["queued_at"] or event.occurred_at,
        outcome="waiting",
    )  # fmt: skip
    count(event, rows, offered=1, requested=0 if fact.again else 1)


def refused(fact: QueueRefused, event: Event, rows: Rows) -> None:
    rows.change(CONTACTS, contact_of(event, rows), queue_id=fact.queue, outcome="refused")
    count(event, rows, requested=1, **{"refused_full" if fact.cause == "full" else "refused_no_agent": 1})


def left(fact: ContactLeftQueue, event: Event, rows: Rows) -> None:
    """The outcome decides what is counted: see the definitions of ANS_T, AB_s and AB_T (a wait of exactly T is in time)."""
    contact = contact_of(event, rows)
    rows.change(CONTACTS, contact, wait_us=contact["wait_us"] + fact.waited_us, outcome=fact.outcome)
    within, short = int(fact.waited_us <= fact.answer_within_us), int(fact.waited_us <= fact.short_us)
    waited = fact.waited_us
    match fact.outcome:
        case "answered":
            count(event, rows, answered=1, answered_in_time=within, answered_wait_us=waited, longest_wait_us=waited)
        case "abandoned":
            count(
                event, rows, abandoned=1, abandoned_in_time=within, abandoned_short=short, abandoned_wait_us=waited, longest_wait_us=waited
            )
        case "timeout":
            count(event, rows, timed_out=1, other_wait_us=waited, longest_wait_us=waited)
        case "lost":
            count(event, rows, lost=1, other_wait_us=waited, longest_wait_us=waited)
        case _:
            count(event, rows, flowed_out=1, other_wait_us=waited, longest_wait_us=waited)


def offered(fact: ContactOffered, event: Event, rows: Rows) -> None:
    rows.change(CONTACTS, contact_of(event, rows), outcome="offered")
    rows.make(
        OFFERS, tenant_id=event.tenant, id=fact.assignment, site_id=event.site, contact_id=fact.contact, segment_id=fact.segment,
        agent_id=fact.agent, queue_id=fact.queue, offered_at=event.occurred_at, decision=msgspec.to_builtins(fact.decision),
    )  # fmt: skip


def offer_of(event: Event, assignment: str, rows: Rows) -> Row:
    """The assignment's row; made when its offer lies before this ledger's beginning."""
    found = rows.get(OFFERS, event.tenant, assignment)
    return found or rows.make(
        OFFERS, tenant_id=event.tenant, id=assignment, site_id=event.site, contact_id=event.contact, segment_id=event.segment,
        agent_id=event.agent, queue_id=event.queue, offered_at=event.occurred_at,
    )  # fmt: skip


def offer_ended(fact: OfferEnded, event: Event, rows: Rows) -> None:
    contact = contact_of(event, rows)
    outcome = OFFER_OUTCOMES.get(fact.cause, "withdrawn")
    rows.change(
        OFFERS, offer_of(event, fact.assignment, rows), ended_at=event.occurred_at, outcome=outcome, cause=fact.cause, rang_us=fact.rang_us
    )
    rows.change(CONTACTS, contact, ring_us=contact["ring_us"] + fact.rang_us)
    if contact["outcome"] == "offered":
        rows.change(CONTACTS, contact, outcome="waiting")
    count(event, rows, ring_us=fact.rang_us)


def offer_answered(fact: OfferAnswered, event: Event, rows: Rows) -> None:
    contact, at = contact_of(event, rows), event.occurred_at
    rows.change(OFFERS, offer_of(event, fact.assignment, rows), answered_at=at, outcome="answered", rang_us=fact.rang_us)
    rows.change(
        CONTACTS, contact, agent_id=fact.agent, answered_at=contact["answered_at"] or at, ring_us=contact["ring_us"] + fact.rang_us,
        outcome="talking",
    )  # fmt: skip
    segment = segment_of_agent(fact.contact, fact.agent, rows)
    if segment is not None and not segment["ended_at"]:
        rows.change(SEGMENTS, segment, agent_id=fact.agent, answered_at=at, ring_us=fact.rang_us)
    count(event, rows, ring_us=fact.rang_us)


def taken(fact: ContactTaken, event: Event, rows: Rows) -> None:
    """Another agent has the contact now (a transfer); no queue's offer is counted."""
    contact, at = contact_of(event, rows), event.occurred_at
    rows.change(CONTACTS, contact, agent_id=fact.agent, answered_at=contact["answered_at"] or at, outcome="talking")
    rows.change(OFFERS, offer_of(event, fact.assignment, rows), answered_at=at, outcome="answered")
    segment = segment_of_agent(fact.contact, fact.agent, rows)
    if segment is not None and not segment["ended_at"]:
        rows.change(SEGMENTS, segment, agent_id=fact.agent, answered_at=at)


def dial_answered(fact: DialAnswered, event: Event, rows: Rows) -> None:
    """Who was called answered."""
    contact, at = contact_of(event, rows), event.occurred_at
    rows.change(CONTACTS, contact, agent_id=fact.agent, answered_at=at, outcome="talking", ring_us=contact["ring_us"] + fact.rang_us)
    rows.change(OFFERS, offer_of(event, fact.assignment, rows), answered_at=at, outcome="answered", rang_us=fact.rang_us)
    segment = segment_of_agent(fact.contact, fact.agent, rows)
    if segment is not None and not segment["ended_at"]:
        rows.change(SEGMENTS, segment, agent_id=fact.agent, answered_at=at, ring_us=fact.rang_us)


def dial_ended(fact: DialEnded, event: Event, rows: Rows) -> None:
    """Nobody answered; before the number was rung there is no contact."""
    if event.contact:
        rows.change(CONTACTS, contact_of(event, rows), agent_id=fact.agent, outcome="not_reached")


def assignment_ended(fact: AssignmentEnded, event: Event, rows: Rows) -> None:
    contact = contact_of(event, rows)
    offer = offer_of(event, fact.assignment, rows)
    rows.change(OFFERS, offer, ended_at=event.occurred_at, cause=fact.cause, talk_us=fact.talk_us, hold_us=fact.hold_us)
    outcome = "answered" if contact["outcome"] == "talking" else contact["outcome"]
    rows.change(CONTACTS, contact, talk_us=contact["talk_us"] + fact.talk_us, hold_us=contact["hold_us"] + fact.hold_us, outcome=outcome)
    segment = segment_of_agent(fact.contact, fact.agent, rows)
    if segment is not None:
        rows.change(
            SEGMENTS, segment, talk_us=segment["talk_us"] + fact.talk_us, hold_us=segment["hold_us"] + fact.hold_us,
            agent_id=fact.agent, queue_id=segment["queue_id"] or fact.queue,
        )  # fmt: skip
    count(event, rows, talk_us=fact.talk_us, hold_us=fact.hold_us)


def held(event: Event, rows: Rows) -> None:
    segment = segment_of_agent(event.contact, event.agent, rows)
    if segment is not None:
        rows.change(SEGMENTS, segment, holds=segment["holds"] + 1)


def wrap_up_drafted(fact: WrapUpDrafted, event: Event, rows: Rows) -> None:
    rows.change(CONTACTS, contact_of(event, rows), wrap_up_code_id=fact.code, wrap_up_note_id=fact.note)


def wrap_up_ended(fact: WrapUpEnded, event: Event, rows: Rows) -> None:
    contact = contact_of(event, rows)
    rows.change(
        CONTACTS, contact, wrap_up_us=contact["wrap_up_us"] + fact.wrap_up_us,
        wrap_up_code_id=fact.code or contact["wrap_up_code_id"], wrap_up_note_id=fact.note or contact["wrap_up_note_id"],
    )  # fmt: skip
    rows.change(OFFERS, offer_of(event, fact.assignment, rows), wrap_up_us=fact.wrap_up_us)
    segment = segment_of_agent(fact.contact, fact.agent, rows)
    if segment is not None:
        rows.change(SEGMENTS, segment, wrap_up_us=segment["wrap_up_us"] + fact.wrap_up_us)
    count(event, rows, wrap_up_us=fact.wrap_up_us, wrapped_up=1)

"""The fold of recordings: asked for, closed with its length and holds, or lost; and which agents were in a conference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.contact.ledger import Event, Fact
from yitong.domains.conference.messages import MemberJoined, RecordingBegan
from yitong.domains.quality.messages import RecordingAsked, RecordingEnded, RecordingLost
from yitong.domains.reporting.model import CONFERENCE_AGENTS, RECORDINGS, Row, Rows
from yitong.domains.reporting.rules.contacts import contact_of


def recording_of(fact: RecordingAsked | RecordingEnded | RecordingLost, event: Event, rows: Rows) -> Row:
    """The recording's row; made when its beginning lies before this ledger's."""
    if fact.contact:
        contact_of(event, rows)
    found = rows.get(RECORDINGS, event.tenant, fact.recording)
    return found or rows.make(
        RECORDINGS, tenant_id=event.tenant, id=fact.recording, site_id=event.site, contact_id=fact.contact, segment_id=fact.segment,
        agent_id=fact.agent, queue_id=fact.queue, began_at=event.occurred_at, file=fact.file, complete=True,
    )  # fmt: skip


def asked(fact: RecordingAsked, event: Event, rows: Rows) -> None:
    row = recording_of(fact, event, rows)
    rows.change(RECORDINGS, row, demand_id=fact.demand, conference_id=fact.conference, room_id=fact.room)


def ended(fact: RecordingEnded, event: Event, rows: Rows) -> None:
    rows.change(
        RECORDINGS, recording_of(fact, event, rows), ended_at=event.occurred_at, file=fact.file, milliseconds=fact.milliseconds,
        bytes=fact.bytes, sha256=fact.sha256, holds=[list(hold) for hold in fact.holds], complete=fact.complete,
        pauses=[list(pause) for pause in fact.pauses],
    )  # fmt: skip


def lost(fact: RecordingLost, event: Event, rows: Rows) -> None:
    rows.change(RECORDINGS, recording_of(fact, event, rows), complete=False)


def was_there(fact: MemberJoined | RecordingBegan, event: Event, rows: Rows) -> None:
    """An agent is in a conference, or has it recorded from his desk."""
    if fact.agent:
        rows.make(CONFERENCE_AGENTS, tenant_id=event.tenant, conference_id=fact.conference, agent_id=fact.agent, site_id=event.site)


FOLDS: dict[type[Fact], Callable[[Any, Event, Rows], None]] = {
    RecordingAsked: asked, RecordingEnded: ended, RecordingLost: lost, MemberJoined: was_there, RecordingBegan: was_there,
}  # fmt: skip

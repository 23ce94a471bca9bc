"""The fold of messages in mailboxes: asked for, left or dropped, marked, removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.contact.ledger import Event, Fact
from yitong.domains.mailbox.messages import (
    MessageAsked,
    MessageDropped,
    MessageLeft,
    MessageMarked,
    MessageRemoved,
    MessageTaken,
    MessageUnsure,
)
from yitong.domains.reporting.model import MESSAGES, Row, Rows
from yitong.domains.reporting.rules.contacts import contact_of

Told = MessageAsked | MessageTaken | MessageLeft | MessageDropped | MessageUnsure | MessageMarked | MessageRemoved


def message_of(fact: Told, event: Event, rows: Rows) -> Row:
    """The message's row; made when its beginning lies before this ledger's."""
    contact_of(event, rows)
    found = rows.get(MESSAGES, event.tenant, fact.message)
    return found or rows.make(
        MESSAGES, tenant_id=event.tenant, id=fact.message, site_id=event.site, contact_id=fact.contact, mailbox_id=fact.mailbox,
        began_at=event.occurred_at,
    )  # fmt: skip


def asked(fact: MessageAsked, event: Event, rows: Rows) -> None:
    rows.change(MESSAGES, message_of(fact, event, rows), status="asked", file=fact.file)


def taken(fact: MessageTaken, event: Event, rows: Rows) -> None:
    rows.change(
        MESSAGES, message_of(fact, event, rows), status="taken", cause=fact.cause, milliseconds=fact.milliseconds, bytes=fact.bytes,
        sha256=fact.sha256,
    )  # fmt: skip


def left(fact: MessageLeft, event: Event, rows: Rows) -> None:
    rows.change(
        MESSAGES, message_of(fact, event, rows), status="new", left_at=event.occurred_at, cause=fact.cause, file=fact.file,
        milliseconds=fact.milliseconds, bytes=fact.bytes, sha256=fact.sha256,
    )  # fmt: skip


def marked(fact: MessageMarked, event: Event, rows: Rows) -> None:
    row = message_of(fact, event, rows)
    heard = {"heard_at": row["heard_at"] or event.occurred_at, "agent_id": row["agent_id"] or fact.agent} if fact.status == "heard" else {}
    if fact.status == "new":
        heard = {"heard_at": 0, "agent_id": ""}
    rows.change(MESSAGES, row, status=fact.status, ended_at=event.occurred_at if fact.status == "deleted" else 0, **heard)


def ended(status: str) -> Callable[[MessageDropped | MessageUnsure | MessageRemoved, Event, Rows], None]:
    """It is no message, is not sure to be one, or is gone."""

    def end(fact: MessageDropped | MessageUnsure | MessageRemoved, event: Event, rows: Rows) -> None:
        rows.change(MESSAGES, message_of(fact, event, rows), status=status, cause=fact.cause, ended_at=event.occurred_at)

    return end


FOLDS: dict[type[Fact], Callable[[Any, Event, Rows], None]] = {
    MessageAsked: asked, MessageTaken: taken, MessageLeft: left, MessageMarked: marked, MessageDropped: ended("dropped"),
    MessageUnsure: ended("unsure"), MessageRemoved: ended("removed"),
}  # fmt: skip

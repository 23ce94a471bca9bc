"""The fold of text messages that were asked for, which the outbox takes up, and of the notices of mailboxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.contact.ledger import Event, Fact
from yitong.domains.mailbox.messages import NoticeOver, NoticeSent, NoticeSet
from yitong.domains.messaging.messages import TextAsked, TextCancelled
from yitong.domains.reporting.model import NOTICES, TEXTS, Row, Rows


def _text(fact: TextAsked | TextCancelled, event: Event, rows: Rows) -> Row:
    found = rows.get(TEXTS, event.tenant, fact.text)
    return found or rows.make(
        TEXTS, tenant_id=event.tenant, id=fact.text, site_id=event.site, contact_id=fact.contact, asked_at=event.occurred_at
    )  # fmt: skip


def asked(fact: TextAsked, event: Event, rows: Rows) -> None:
    rows.change(
        TEXTS, _text(fact, event, rows), recipient_id=fact.recipient, body_id=fact.body, source=fact.source, mailbox_id=fact.mailbox,
        agent_id=fact.agent, expires_at=fact.expires_at,
    )  # fmt: skip


def cancelled(fact: TextCancelled, event: Event, rows: Rows) -> None:
    rows.change(TEXTS, _text(fact, event, rows), cancelled_at=event.occurred_at)


def _notice(fact: NoticeSet | NoticeSent | NoticeOver, event: Event, rows: Rows) -> Row:
    found = rows.get(NOTICES, event.tenant, fact.mailbox)
    return found or rows.make(NOTICES, tenant_id=event.tenant, mailbox_id=fact.mailbox, site_id=event.site)


def notice_set(fact: NoticeSet, event: Event, rows: Rows) -> None:
    rows.change(NOTICES, _notice(fact, event, rows), off=not fact.on)


def notice_sent(fact: NoticeSent, event: Event, rows: Rows) -> None:
    rows.change(NOTICES, _notice(fact, event, rows), times=fact.number, sent_at=event.occurred_at, cause="")


def notice_over(fact: NoticeOver, event: Event, rows: Rows) -> None:
    rows.change(NOTICES, _notice(fact, event, rows), cause=fact.cause)


FOLDS: dict[type[Fact], Callable[[Any, Event, Rows], None]] = {
    TextAsked: asked, TextCancelled: cancelled, NoticeSet: notice_set, NoticeSent: notice_sent, NoticeOver: notice_over,
}  # fmt: skip

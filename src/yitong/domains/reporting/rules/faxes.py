"""The fold of faxes: asked for, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yitong.contact.ledger import Event, Fact
from yitong.domains.fax.messages import FaxAsked, FaxEnded
from yitong.domains.reporting.model import CONTACTS, FAXES, Row, Rows
from yitong.domains.reporting.rules.contacts import contact_of


def fax_of(fact: FaxAsked | FaxEnded, event: Event, rows: Rows) -> Row:
    """The fax's row; made when its beginning lies before this ledger's."""
    contact_of(event, rows)
    found = rows.get(FAXES, event.tenant, fact.fax)
    return found or rows.make(
        FAXES, tenant_id=event.tenant, id=fact.fax, site_id=event.site, contact_id=fact.contact, began_at=event.occurred_at, sent=fact.sent,
        file=fact.file,
    )  # fmt: skip


def asked(fact: FaxAsked, event: Event, rows: Rows) -> None:
    rows.change(FAXES, fax_of(fact, event, rows), document=fact.document, recipient_id=fact.recipient)


def ended(fact: FaxEnded, event: Event, rows: Rows) -> None:
    rows.change(
        FAXES, fax_of(fact, event, rows), ended_at=event.occurred_at, outcome=fact.cause, pages=fact.pages, rate=fact.rate,
        error_correction=fact.error_correction, t38=fact.t38, station_id=fact.station,
    )  # fmt: skip
    contact = rows.get(CONTACTS, event.tenant, fact.contact)
    if contact is not None and contact["channel"] == "fax":
        rows.change(CONTACTS, contact, outcome="faxed" if fact.cause == "ok" else "not_faxed")


FOLDS: dict[type[Fact], Callable[[Any, Event, Rows], None]] = {FaxAsked: asked, FaxEnded: ended}

"""Takes the order for a text message: whom one may text, from whom it comes, and that it is told once. The worker sends it.

Nothing is kept here: an order is a fact, which the projection hands to the outbox. So it survives whatever dies, and is sent once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yitong.contact.bus import Bus, Refused, Unit
from yitong.contact.registry import Registry
from yitong.ct.events import Snapshot
from yitong.domains.messaging import rules
from yitong.domains.messaging.messages import CancelText, SendText, TextAsked, TextCancelled, TextCustomer
from yitong.domains.messaging.model.lines import Texting
from yitong.flow.wording import rendered
from yitong.kit.clock import SECOND


class TextOrders:
    """The part of a partition that takes orders. ``customer_of``: whom an agent has in an assignment; bound by the composition root."""

    name = "messaging"

    def __init__(self, bus: Bus, registry: Registry, *, tenant: str) -> None:
        self.texting = Texting()
        self.customer_of: Callable[[str, str], str] = lambda agent, assignment: ""
        self._registry = registry
        self._tenant = tenant
        bus.obeys(SendText, self.send)
        bus.obeys(CancelText, self._cancel)
        bus.obeys(TextCustomer, self._text_customer)

    def configure(self, kind: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Connections, templates, the number plan."""
        self.texting.configure(kind, key, value)

    def send(self, command: SendText, unit: Unit) -> str:
        """See ``SendText``."""
        body = rules.plain(command.body)
        self._check(command.recipient, body)
        text = unit.new_id()
        contact = self._registry.get(command.contact)
        unit.tell(TextAsked(
            contact=command.contact, segment=contact.segment if contact is not None else "", agent=command.agent, text=text,
            recipient=unit.keep(self._tenant, "address", command.recipient, command.contact),
            body=unit.keep(self._tenant, "text", body, command.contact), source=command.source, mailbox=command.mailbox,
            expires_at=unit.now + command.lasting_seconds * SECOND,
        ))  # fmt: skip
        return text

    def _check(self, recipient: str, body: str) -> None:
        if next(self.texting.lines, None) is None:
            raise Refused("no_text_line")
        if not recipient:
            raise Refused("text_no_number")
        if not self.texting.may_text(recipient):
            raise Refused("text_not_allowed")
        if not body:
            raise Refused("text_empty")

    def _cancel(self, command: CancelText, unit: Unit) -> None:
        unit.tell(TextCancelled(contact=command.contact, text=command.text))

    def _text_customer(self, command: TextCustomer, unit: Unit) -> dict[str, str]:
        his = self.customer_of(command.agent, command.assignment)
        if not his:
            raise Refused("not_found")
        contact = self._registry.get(his)
        if contact is None:
            raise Refused("wrong_state")
        template = self.texting.template(command.template)
        if template is None:
            raise Refused("unknown_template")
        language = command.language or contact.language
        body = rules.plain(rendered(rules.in_language(template.texts, language), contact.values()))
        self._check(contact.peer, body)
        if command.dry:
            return {"text": "", "body": body}
        order = SendText(
            actor=command.actor, recipient=contact.peer, body=body, source="desk", contact=contact.id, agent=command.agent
        )  # fmt: skip
        return {"text": self.send(order, unit), "body": body}

    # --- time and healing: nothing is kept ---------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        return None

    def timer(self, unit: Unit) -> None:
        """Orders have no time of their own here."""

    def reconcile(self, snapshot: Snapshot, unit: Unit, hear: Callable[[Any], None], fresh_us: int) -> int:
        return 0

    def dump(self) -> bytes:
        return b""

    def load(self, data: bytes, now: int) -> None:
        """There is nothing to remember."""

"""«call_back»: rings the number that left the message which «listen_mailbox» played, and leaves the two alone together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yitong.contact.bus import Unit
from yitong.ct.events import ConnectionCleared, CtEvent, Failed, ServiceFailed
from yitong.ct.model import StandingOrder
from yitong.ct.services import Route, Target
from yitong.domains.mailbox.service import Mailboxes
from yitong.flow.step import Place, Problem


class CallBackStep:
    """Comes after the outcome ``call_back`` of «listen_mailbox». ``done`` and ``failed`` usually lead back, where no PIN is asked again."""

    kind = "call_back"
    repeats = False
    schema: Mapping[str, Any] = {"properties": {"ring_seconds": {"type": "number", "minimum": 5, "maximum": 120}}}

    def __init__(self, mailboxes: Mailboxes) -> None:
        self._mailboxes = mailboxes

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done", "failed"})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done", "failed"})

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        return []

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        number = self._mailboxes.call_backs.pop(place.contact, "")
        if not number:
            return "failed"
        service = Route(
            id=unit.new_id(), tenant=place.tenant, connection=place.connection, contact=place.contact,
            targets=(Target(connection=unit.new_id(), number=number),), calling=str(place.values.get("contact", {}).get("number", "")),
            ring_seconds=parameters.get("ring_seconds", 30.0), order=StandingOrder(wait_seconds=5.0), tones=True,
        )  # fmt: skip
        place.wait_for(service.id)
        unit.ask(service)
        return None

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        if isinstance(event, Failed) or (isinstance(event, ServiceFailed) and event.service == place.waiting):
            return "failed"
        theirs = isinstance(event, ConnectionCleared) and event.connection != place.connection
        return "done" if theirs else None

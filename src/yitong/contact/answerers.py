"""Who answered the calls that we made, as the switch judged it: facts of the contact."""

from __future__ import annotations

from yitong.contact.bus import Bus, Unit
from yitong.contact.messages import AnswererHeard, GreetingHeard
from yitong.contact.registry import Registry
from yitong.ct.events import Classified, GreetingEnded


class Answerers:
    """Hears before the flow does: a condition after the step that asked finds ``contact.answered_by``."""

    def __init__(self, bus: Bus, registry: Registry) -> None:
        self._registry = registry
        bus.hears(Classified, self._classified)
        bus.hears(GreetingEnded, self._greeted)
        bus.applies(AnswererHeard, self._heard)

    def _classified(self, event: Classified, unit: Unit) -> None:
        contact = self._registry.of_customer(event.connection)
        if contact is not None:
            unit.tell(AnswererHeard(
                contact=contact.id, segment=contact.segment, connection=event.connection, cause=event.reason, who=event.who,
                measure=event.measure, milliseconds=event.milliseconds, confidence=event.confidence,
            ))  # fmt: skip

    def _greeted(self, event: GreetingEnded, unit: Unit) -> None:
        contact = self._registry.of_customer(event.connection)
        if contact is not None:
            unit.tell(GreetingHeard(
                contact=contact.id, segment=contact.segment, connection=event.connection, cause=event.reason, hertz=event.hertz,
                milliseconds=event.milliseconds,
            ))  # fmt: skip

    def _heard(self, fact: AnswererHeard, at: int) -> None:
        contact = self._registry.get(fact.contact)
        if contact is not None:
            contact.answered_by = fact.who

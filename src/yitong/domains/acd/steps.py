"""«queue»: the contact waits for an agent, and comes back to the flow when he has hung up or the wait ended otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yitong.contact.bus import Refused, Unit
from yitong.ct.events import CtEvent
from yitong.domains.acd.messages import EnqueueContact
from yitong.flow.step import Place, Problem

OUTCOMES = frozenset({"served", "timeout", "full", "no_agents"})


class QueueStep:
    """Wait in ``queue`` (its code); ``priority`` is added to the queue's own."""

    kind = "queue"
    repeats = False
    schema: Mapping[str, Any] = {
        "required": ["queue"],
        "properties": {
            "queue": {"type": "string", "minLength": 1, "maxLength": 80},
            "priority": {"type": "integer", "minimum": -100, "maximum": 100},
        },
    }

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return OUTCOMES

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"served", "timeout"})

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        known = parameters["queue"] in knowledge.queues
        return [] if known else [Problem(step=step, code="flow.unknown_queue", parameters={"queue": parameters["queue"]})]

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        """Wait; a queue that does not exist any more counts as one without agents."""
        try:
            refusal = unit.obey(EnqueueContact(contact=place.contact, queue=parameters["queue"], priority=parameters.get("priority", 0)))
        except Refused:
            return "no_agents"
        return refusal or None

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        """Nothing the switch tells ends the step; the dispatcher does."""
        return None

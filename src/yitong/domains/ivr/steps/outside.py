"""Steps about telephones outside: ringing one for the caller, and judging who answered a call of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yitong.contact.bus import Unit
from yitong.ct.events import Classified, ConnectionCleared, CtEvent, Failed, GreetingEnded, ServiceFailed
from yitong.ct.model import StandingOrder
from yitong.ct.results import RESULTS, UNREACHABLE, result_of
from yitong.ct.services import Classify, Route, Target
from yitong.flow.asking import SECONDS
from yitong.flow.step import Place, Problem
from yitong.media.answerer import FAX, MACHINE, PERSON, SILENCE, UNKNOWN, Rules
from yitong.media.network_tones import BUSY, CONGESTION, UNOBTAINABLE

ANSWERERS: Final = {BUSY: BUSY, CONGESTION: BUSY, UNOBTAINABLE: BUSY} | {who: who for who in (PERSON, MACHINE, FAX, SILENCE, UNKNOWN)}
"""What the switch tells → the outcome: tones of the network are one, nobody is there."""
BEEP_SECONDS = 30.0


class TransferStep:
    """«transfer»: ring an inside telephone, or a fixed outside ``number``, for the caller and leave them alone together.

    ``results``: in place of «failed» it says why nobody was reached: busy, no_answer, refused, no_such_number, congestion, unreachable.
    """

    kind = "transfer"
    repeats = False
    schema: Mapping[str, Any] = {
        "oneOf": [{"required": ["extension"]}, {"required": ["number"]}],
        "properties": {
            "extension": {"type": "string", "pattern": "^[0-9]{2,10}$"},
            "number": {"type": "string", "pattern": "^\\+?[0-9]{3,20}$"},
            "ring_seconds": SECONDS,
            "results": {"type": "boolean"},
        },
    }

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done", *(RESULTS if parameters.get("results") else ("failed",))})

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"done"})

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        known = "number" in parameters or parameters["extension"] in knowledge.extensions
        return [] if known else [Problem(step=step, code="flow.unknown_extension", parameters={"extension": parameters["extension"]})]

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        device = f"{place.tenant}/phone/{parameters['extension']}" if "extension" in parameters else ""
        target = Target(connection=unit.new_id(), device=device, number=parameters.get("number", ""))
        service = Route(
            id=unit.new_id(), tenant=place.tenant, connection=place.connection, targets=(target,), contact=place.contact,
            calling=str(place.values.get("contact", {}).get("calling", "")),
            ring_seconds=parameters.get("ring_seconds", 25.0), order=StandingOrder(wait_seconds=5.0), tones=bool(target.number),
        )  # fmt: skip
        place.wait_for(service.id)
        unit.ask(service)
        return None

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        says_why = parameters.get("results")
        if isinstance(event, Failed):
            return result_of(event.cause) if says_why else "failed"
        if isinstance(event, ServiceFailed) and event.service == place.waiting:
            return UNREACHABLE if says_why else "failed"
        theirs = isinstance(event, ConnectionCleared) and event.connection != place.connection
        return "done" if theirs else None


class ClassifyStep:
    """«classify»: who answered the call that we made: person, machine, fax, busy (a tone of the network), silence, unknown.

    ``wait_for_beep``: «machine» comes when its greeting is over, at most ``beep_seconds`` later, so that a message can be played.
    """

    kind = "classify"
    repeats = True
    schema: Mapping[str, Any] = {
        "properties": {
            "seconds": {"type": "number", "minimum": 2, "maximum": 10},
            "greeting_seconds": {"type": "number", "minimum": 0.8, "maximum": 5},
            "wait_for_beep": {"type": "boolean"},
            "beep_seconds": {"type": "number", "minimum": 2, "maximum": 60},
        },
    }

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(ANSWERERS.values())

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return self.outcomes(parameters)

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        return []

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        """Entered again after core died, a machine that was recognised is one still."""
        usual = Rules()
        rules = Rules(
            limit=_milliseconds(parameters.get("seconds"), usual.limit),
            greeting=_milliseconds(parameters.get("greeting_seconds"), usual.greeting),
        )
        beep = float(parameters.get("beep_seconds", BEEP_SECONDS)) if parameters.get("wait_for_beep") else 0.0
        known = bool(beep) and place.values.get("contact", {}).get("answered_by") == MACHINE
        service = Classify(
            id=unit.new_id(), tenant=place.tenant, connection=place.connection, rules=rules, beep_seconds=beep, machine=known
        )
        place.wait_for(service.id)
        unit.ask(service)
        return None

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        if not isinstance(event, Classified | GreetingEnded | ServiceFailed) or event.service != place.waiting:
            return None
        if isinstance(event, ServiceFailed):
            return UNKNOWN
        if isinstance(event, GreetingEnded):
            return MACHINE
        who = ANSWERERS.get(event.who, UNKNOWN)
        return None if who == MACHINE and parameters.get("wait_for_beep") else who


def _milliseconds(seconds: float | None, usual: int) -> int:
    return usual if seconds is None else round(seconds * 1_000)

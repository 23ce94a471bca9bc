"""«conference»: the contact goes to a room, and comes back to the flow when it is over for him."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yitong.contact.bus import Refused, Unit
from yitong.ct.events import CtEvent
from yitong.domains.conference.messages import EnterRoom
from yitong.flow.asking import check_pieces
from yitong.flow.step import Place, Problem

OUTCOMES = frozenset({"done", "removed", "wrong", "full", "locked"})
PROMPTS = (
    "enter_number", "enter_pin", "wrong", "too_often", "full", "locked", "first", "before", "after", "listener", "listener_may_ask",
    "speaker", "wait_host", "asked", "ask_withdrawn", "ask_refused", "muted", "heard", "all_muted", "all_heard", "is_locked",
    "is_unlocked", "invited", "end_again", "too_many_speakers",
)  # fmt: skip
"""What a conference says, ``conference.…``; a tenant's own recordings of the same codes take the place of ours."""


class ConferenceStep:
    """Go to ``room`` (its code), or to the one whose number the caller enters. Outcomes: done (he left, or it is over), removed (by a
    host), wrong (number or PIN, three times), full, locked.
    """

    kind = "conference"
    repeats = False
    schema: Mapping[str, Any] = {"properties": {"room": {"type": "string", "maxLength": 63}}}

    def outcomes(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return OUTCOMES

    def chosen(self, parameters: Mapping[str, Any]) -> frozenset[str]:
        return OUTCOMES

    def check(self, step: str, parameters: Mapping[str, Any], knowledge: Any) -> list[Problem]:
        problems = check_pieces(step, [f"conference.{name}" for name in PROMPTS], knowledge)
        room = parameters.get("room", "")
        known = not room or room in knowledge.rooms
        return problems if known else [*problems, Problem(step=step, code="flow.unknown_room", parameters={"room": room})]

    def enter(self, place: Place, parameters: Mapping[str, Any], unit: Unit) -> str | None:
        try:
            refusal = unit.obey(EnterRoom(contact=place.contact, room=parameters.get("room", "")))
        except Refused:
            return "wrong"
        return refusal or None

    def hear(self, place: Place, parameters: Mapping[str, Any], event: CtEvent, unit: Unit) -> str | None:
        """Nothing the switch tells ends the step; the conference does."""
        return None

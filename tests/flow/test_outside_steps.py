"""«transfer» that says why nobody was reached, and «classify»: who answered (A22 A23)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.flow.flowing import World

from yitong.ct.events import Classified, Failed, GreetingEnded, ServiceFailed
from yitong.ct.model import Cause
from yitong.ct.results import RESULTS
from yitong.ct.services import Classify, Route
from yitong.flow.messages import StepLeft

END = {"kind": "hang_up"}
WHO = ("person", "machine", "fax", "busy", "silence", "unknown")


def world(step: dict[str, Any], *outcomes: str) -> World:
    steps = {"a": {**step, "next": dict.fromkeys(outcomes, "end")}, "end": END}
    return World({"schema_version": 1, "name": {"en": "x"}, "start": "a", "steps": steps})


def outcome(told: World) -> str:
    return "".join(fact.outcome for fact in told.told(StepLeft))


@pytest.mark.parametrize(("cause", "result"), [
    (Cause.BUSY, "busy"), (Cause.NO_ANSWER, "no_answer"), (Cause.REFUSED, "refused"), (Cause.NO_SUCH_NUMBER, "no_such_number"),
    (Cause.OVERLOADED, "congestion"), (Cause.UNREACHABLE, "unreachable"), (Cause.FAILED, "unreachable"),
])  # fmt: skip
def test_a_transfer_says_why_nobody_was_reached(cause: Cause, result: str) -> None:
    failed = Failed(call="call1", connection="leg1", device="", cause=cause)
    told = world({"kind": "transfer", "number": "13911112222", "results": True}, "done", *RESULTS)
    assert isinstance(told.last, Route)
    assert told.last.tones
    told.tell(failed)
    assert outcome(told) == result
    plain = world({"kind": "transfer", "number": "13911112222"}, "done", "failed")
    plain.tell(failed)
    assert outcome(plain) == "failed", "who does not ask has one way for all"


@pytest.mark.parametrize(("who", "result"), [
    ("person", "person"), ("machine", "machine"), ("fax", "fax"), ("silence", "silence"), ("unknown", "unknown"), ("busy", "busy"),
    ("congestion", "busy"), ("unobtainable", "busy"), ("something later", "unknown"),
])  # fmt: skip
def test_who_answered_chooses_the_way(who: str, result: str) -> None:
    told = world({"kind": "classify", "seconds": 3.5, "greeting_seconds": 2}, *WHO)
    order = told.last
    assert isinstance(order, Classify)
    assert (order.rules.limit, order.rules.greeting, order.beep_seconds) == (3_500, 2_000, 0.0)
    told.tell(Classified(call="call1", connection="leg1", service="another", who="person", reason="pause"))
    assert outcome(told) == ""
    told.tell(Classified(call="call1", connection="leg1", service=order.id, who=who, reason="x"))
    assert outcome(told) == result


def test_a_machine_is_waited_for_until_its_greeting_is_over() -> None:
    told = world({"kind": "classify", "wait_for_beep": True, "beep_seconds": 12}, *WHO)
    order = told.last
    assert (order.beep_seconds, order.machine) == (12.0, False)
    told.tell(Classified(call="call1", connection="leg1", service=order.id, who="machine", reason="greeting"))
    assert outcome(told) == ""
    told.tell(GreetingEnded(call="call1", connection="leg1", service=order.id, reason="beep", hertz=1_000))
    assert outcome(told) == "machine"


def test_what_cannot_be_judged_is_unknown() -> None:
    told = world({"kind": "classify"}, *WHO)
    told.tell(ServiceFailed(service=told.last.id, kind="Classify", connection="leg1", reason="wrong_state"))
    assert outcome(told) == "unknown"

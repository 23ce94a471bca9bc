"""What the desk calls the place of a contact beside which an agent waits: never by the id that the flow's document gives it."""

from __future__ import annotations

from typing import Any

import pytest

from yitong.domains.reporting.rules.flows import drawn_detour
from yitong.domains.reporting.rules.seen import SeenDetour

DOCUMENT: dict[str, Any] = {
    "data": {"card": {"en": "Card"}},
    "entries": {"digits": {"name": {"en": "Identity"}}, "helper": {"name": {"en": "Somebody else"}}},
    "steps": {
        "digits": {"kind": "collect", "name": "secret_word"},
        "code": {"kind": "collect", "name": "card"},
        "helper": {"kind": "queue", "queue": "service"},
        "back": {"kind": "return"},
    },
}
FLOWS = {"f1": {"name": {"en": "Check"}, "document": DOCUMENT}}


def at(step: str, *, entered: str = "digits", flow: str = "f1") -> dict[str, Any]:
    shown = drawn_detour(SeenDetour(flow=flow, step=entered, state="there", since=1, at=(step, "collect")), FLOWS)
    assert shown is not None
    return shown


@pytest.mark.parametrize(
    ("step", "name"),
    [("code", {"en": "Card"}), ("helper", {"en": "Somebody else"}), ("digits", None), ("back", None), ("gone", None), ("", None)],
)
def test_a_step_is_called_by_what_it_collects_or_as_a_way_in_but_not_again_as_the_one_taken(step: str, name: Any) -> None:
    assert at(step)["step_name"] == name
    assert at(step)["entry"] == {"en": "Identity"}


def test_a_way_in_that_the_flow_no_longer_has_is_called_like_the_flow() -> None:
    assert at("code", entered="gone")["entry"] == {"en": "Check"}


def test_what_is_made_on_the_spot_is_called_by_what_it_does() -> None:
    shown = at("play", entered="play", flow="prompt:thanks")
    assert (shown["flow"], shown["step_name"]) == ("prompt:thanks", None)

"""The demo is only data: another flow, queue and survey, published over the API, serve a real telephone on another number."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.system.hearing import Ear, heard_at, prompt, sound
from tests.system.phones import Phone
from tests.system.stack import PASSWORD, Api, eventually
from tests.system.test_hotline import steps

pytestmark = [pytest.mark.baresip, pytest.mark.timeout(300)]
NAME = {"zh-CN": "销售", "en": "Sales"}
NUMBER, CALLER = "96901", "13700137000"
DOCUMENT: dict[str, Any] = {
    "schema_version": 1, "name": NAME, "start": "menu",
    "steps": {
        "menu": {"kind": "menu", "prompts": ["menu"], "keys": ["5"], "next": {"5": "amount", "timeout": "end", "wrong": "end"}},
        "amount": {"kind": "collect", "prompts": ["digit.1"], "name": "amount", "maximum": 2, "first_seconds": 30,
                   "next": {"done": "grade", "timeout": "end", "wrong": "end"}},
        "grade": {"kind": "set", "values": {"grade": "int(vars.amount) > 10 ? 'large' : 'small'"}, "next": {"done": "which"}},
        "which": {"kind": "condition", "when": [{"if": "vars.grade == 'large'", "then": "large"}],
                  "next": {"large": "thanks", "else": "end"}},
        "thanks": {"kind": "play", "prompts": ["thanks"], "next": {"done": "person"}},
        "person": {"kind": "queue", "queue": "sales", "next": {"served": "ask", "timeout": "end", "full": "end", "no_agents": "end"}},
        "ask": {"kind": "survey", "survey": "recommend", "prompts": ["survey"], "answers": {"8": 10, "9": 0},
                "next": {"answered": "end", "none": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


def configure(admin: Api) -> None:
    """What an administrator does: a queue without requirements, a flow, its publication, a number."""
    site = admin("GET", "/me")["site"]["id"]
    admin("POST", "/config/queues", expect=201, json={"code": "sales", "name": NAME, "site": site, "requirement": []})
    flow = admin("POST", "/config/flows", expect=201, json={"code": "sales", "name": NAME, "document": DOCUMENT})["id"]
    admin("POST", f"/config/flows/{flow}/publish")
    admin("POST", "/config/numbers", expect=201, json={"number": NUMBER, "name": NAME, "flow": flow, "site": site})


def answered(caller: Phone) -> bool:
    """Whether the number is known to the switch already: dial until it answers."""
    caller.dial(NUMBER)
    return caller.has("CALL_ESTABLISHED", 3.0)


@pytest.mark.req("H25", "H35", "H49")
def test_a_second_flow_serves_another_number(api: Callable[[str], Api], phone: Callable[..., Phone]) -> None:
    configure(api("admin"))
    desk, agent, caller = api("1004"), phone("1004", password=PASSWORD, tone=1000), phone(CALLER, tone=440)
    agent.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    eventually(lambda: answered(caller), 20.0, "the new number does not answer")
    time.sleep(0.5)
    caller.press("5")
    eventually(lambda: "amount" in steps(api("admin"), CALLER), 10.0, "the caller is not asked for an amount")
    caller.press("12")
    agent.wait("CALL_INCOMING", 15.0)
    agent.accept()
    agent.wait("CALL_ESTABLISHED")
    time.sleep(1.0)
    agent.hang_up()
    eventually(lambda: "ask" in steps(api("admin"), CALLER), 10.0, "the caller is not asked")
    caller.press("8")
    caller.wait("CALL_CLOSED", 20.0)
    desk("PUT", "/me/state", expect=204, json={"state": "not_ready"})

    def closed() -> dict[str, Any] | None:
        items = api("1100")("GET", "/contacts", params={"number": CALLER, "limit": 5})["items"]
        return next((item for item in items if item["answered"] and item["ended_at"]), None)

    contact = eventually(closed, 10.0, "no closed contact")
    assert (contact["number"], contact["queue"], contact["survey"]) == (NUMBER, NAME, 10)
    assert steps(api("admin"), CALLER) == ["menu", "amount", "grade", "which", "thanks", "person", "ask", "end"]
    caller.close()
    assert len(heard_at(Ear(sound(caller.heard)), prompt("thanks"))) == 1, "what the flow plays is not heard"

"""A real customer whom an agent lets into a flow: card number and PIN typed apart, the agent's page reloaded, core killed, and for good.

Then the other way round: a caller in a flow asks for help by a key, and goes on at the step where he was (H69).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.system.browsers import Chromium
from tests.system.desks import wrap_up
from tests.system.phones import Phone
from tests.system.stack import PASSWORD, Api, Stack, eventually
from tests.system.test_hotline import steps
from tests.system.test_several_at_a_desk import all_hear, everybody_on_a_break, page_hears, phone_hears, talk

pytestmark = [pytest.mark.browser, pytest.mark.baresip, pytest.mark.timeout(300)]
CUSTOMER, OTHER, NUMBER = "13910010077", "13910010078", "96977"
CARD, PIN = "6222021", "4719"
NAME = {"zh-CN": "卡业务", "en": "Card service"}
ASK = dict.fromkeys(("timeout", "wrong"), "gave_up")
DOCUMENT: dict[str, Any] = {
    "schema_version": 1, "name": NAME, "start": "card",
    "data": {"amount": {"zh-CN": "金额", "en": "Amount"}, "card": {"zh-CN": "卡号", "en": "Card"}, "pin": {"zh-CN": "密码", "en": "PIN"}},
    "entries": {"card": {
        "name": {"zh-CN": "输入卡号和密码", "en": "Card number and PIN"}, "beside": True, "takes": ["amount"], "returns": ["card", "pin"],
    }},
    "help": {"key": "*", "step": "helper"},
    "steps": {
        "card": {"kind": "collect", "prompts": ["digit.1"], "name": "card", "maximum": 7, "first_seconds": 20,
                 "next": {**ASK, "done": "pin"}},
        "pin": {"kind": "collect", "prompts": ["digit.2"], "name": "pin", "maximum": 4, "secret": True, "first_seconds": 20,
                "between_seconds": 1, "next": {**ASK, "done": "back"}},
        "back": {"kind": "return", "next": {"nowhere": "end"}},
        "gave_up": {"kind": "return", "result": "failed", "next": {"nowhere": "end"}},
        "helper": {"kind": "queue", "queue": "service", "next": dict.fromkeys(("served", "timeout", "full", "no_agents"), "again")},
        "again": {"kind": "return", "next": {"nowhere": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


def configure(admin: Api) -> None:
    if any(one["code"] == "card" for one in admin("GET", "/config/flows")["items"]):
        return
    site = admin("GET", "/me")["site"]["id"]
    flow = admin("POST", "/config/flows", expect=201, json={"code": "card", "name": NAME, "document": DOCUMENT})["id"]
    admin("POST", f"/config/flows/{flow}/publish")
    admin("POST", "/config/numbers", expect=201, json={"number": NUMBER, "name": NAME, "flow": flow, "site": site})


def let_in(desk: Page, *, wait: bool) -> None:
    """By the keyboard alone: find it, give the amount along, Enter (or Shift and Enter: for good)."""
    desk.keyboard.press("t")
    desk.locator("[data-pick=flow]").first.wait_for()
    desk.keyboard.type("卡号")
    expect(desk.locator("[aria-selected=true]")).to_have_attribute("data-pick", "flow")
    desk.keyboard.press("Enter")
    desk.locator("[data-test=flow-form] input").wait_for()
    desk.keyboard.type("120")
    desk.keyboard.press("Enter" if wait else "Shift+Enter")


def answers(person: Api) -> bool:
    """Core obeys again; the step in which the customer was has begun anew."""
    try:
        person("GET", "/me/entries")
    except AssertionError:
        return False
    return True


def type_all(caller: Phone, desk: Page) -> None:
    """What the customer types; the agent's page shows how far he is."""
    expect(desk.locator("[data-test=beside-at]")).to_contain_text("卡号")
    caller.press(CARD)
    expect(desk.locator("[data-test=beside-at]")).to_contain_text("密码")
    expect(desk.locator("[data-name=card]")).to_have_text(CARD)
    caller.press(PIN)


@pytest.mark.req("H53", "H67")
def test_the_customer_types_apart_and_comes_back_with_it(
    stack: Stack, chromium: Chromium, api: Callable[[str], Api], phone: Callable[..., Phone]
) -> None:
    configure(api("admin"))
    everybody_on_a_break(api)
    caller = phone(CUSTOMER, tone=440)
    with chromium.page(700) as desk:

        def together() -> None:
            all_hear(customer=(lambda: phone_hears(caller), ["first"]), agent=(lambda: page_hears(desk), ["customer"]))

        talk(desk, stack, "1001", caller)
        together()
        let_in(desk, wait=True)
        expect(desk.locator("[data-test=beside]")).to_have_attribute("data-state", "there")
        all_hear(agent=(lambda: page_hears(desk), []))
        type_all(caller, desk)
        expect(desk.locator("[data-test=came]")).to_contain_text("输入卡号和密码")
        together()
        assert [desk.locator(f"[data-name={name}]").inner_text() for name in ("amount", "card")] == ["120", CARD]
        assert PIN not in desk.content(), "a secret is shown nowhere"

        let_in(desk, wait=True)
        expect(desk.locator("[data-test=beside-at]")).to_contain_text("卡号")
        desk.reload()
        expect(desk.locator("[data-test=beside]")).to_have_attribute("data-lost", "true")
        stack.kill("core")
        eventually(lambda: answers(api("1001")), 20.0, "core is away")
        type_all(caller, desk)
        expect(desk.locator("[data-test=came]")).to_be_visible()
        together()

        let_in(desk, wait=True)
        expect(desk.locator("[data-test=beside]")).to_have_attribute("data-state", "there")
        desk.keyboard.press("q")
        expect(desk.locator("[data-test=came]")).to_contain_text("取回")
        together()

        let_in(desk, wait=False)
        wrap_up(desk, "业务咨询", "")
        eventually(lambda: phone_hears(caller) != {"first"}, 10.0)
        caller.press(CARD)
        time.sleep(1.5)
        caller.press(PIN)
        eventually(lambda: "survey" in steps(api("admin"), CUSTOMER), 10.0, "the customer is not asked")
        caller.press("1")
        caller.wait("CALL_CLOSED", 20.0)
    contact = newest(api("1100"), CUSTOMER)
    assert contact["survey"] == 1, "after the flow he goes on where a talk ends"
    told = repr(contact["events"])
    assert not re.search(rf"(?<![0-9a-f.-]){PIN}(?![0-9a-f-])", told), "and not as a part of an id"
    assert CARD not in told


def newest(supervisor: Api, number: str) -> dict[str, Any]:
    """The customer's last contact, closed."""

    def closed() -> dict[str, Any] | None:
        items = supervisor("GET", "/contacts", params={"number": number, "limit": 1})["items"]
        return items[0] if items and items[0]["ended_at"] else None

    found = eventually(closed, 15.0, "no closed contact")
    return {**found, **dict(supervisor("GET", f"/contacts/{found['id']}")), "survey": found["survey"]}


@pytest.mark.req("H69", "H40")
def test_a_caller_asks_for_help_and_goes_on_where_he_was(api: Callable[[str], Api], phone: Callable[..., Phone]) -> None:
    configure(api("admin"))
    everybody_on_a_break(api)
    desk, agent, caller = api("1004"), phone("1004", password=PASSWORD, tone=1000), phone(OTHER, tone=440)
    agent.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})

    def answered() -> bool:
        caller.dial(NUMBER)
        return caller.has("CALL_ESTABLISHED", 3.0)

    eventually(answered, 20.0, "the number does not answer")
    time.sleep(0.5)
    caller.press(CARD)
    time.sleep(1.5)
    caller.press("*")
    agent.wait("CALL_INCOMING", 15.0)
    agent.accept()
    all_hear(customer=(lambda: phone_hears(caller), ["second"]))
    agent.hang_up()
    eventually(lambda: phone_hears(caller) != {"second"}, 10.0)
    time.sleep(1.0)
    caller.press(PIN)
    caller.wait("CALL_CLOSED", 20.0)
    desk("PUT", "/me/state", expect=204, json={"state": "not_ready"})
    contact = newest(api("1100"), OTHER)
    steps = [one["payload"]["step"] for one in contact["events"] if one["type"] == "flow.step_entered"]
    assert steps == ["card", "pin", "helper", "again", "pin", "back", "end"]

"""What people do at a desk in a browser and at a telephone, for the tests of the pages."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from playwright.sync_api import Page
from tests.system.phones import Phone
from tests.system.stack import PASSWORD, Api, Stack, eventually


def sign_in(page: Page, stack: Stack, agent: str) -> None:
    """Open the desk; the microphone is allowed already, so the telephone starts by itself."""
    page.goto(f"{stack.base}/")
    page.locator("input[type=text], input[name=username]").first.fill(agent)
    page.locator("input[type=password]").first.fill(PASSWORD)
    page.keyboard.press("Enter")


def on_break(api: Callable[[str], Api], agent: str, *, seconds: float = 15.0) -> None:
    """Whatever an earlier test left: this agent takes no calls now, and has none, nor anything to write up."""
    desk, admin = api(agent), api("admin")
    desk("PUT", "/me/state", expect=204, json={"state": "not_ready"})
    eventually(lambda: _has_written(desk, admin, agent), seconds, f"{agent} is still busy")


def _has_written(desk: Api, admin: Api, agent: str) -> bool:
    """Whether the agent has no work after a call; what he has is ended, and asked for again."""
    (now,) = [one for one in admin("GET", "/agents")["items"] if one["extension"] == agent]
    if now["state"] != "working_after_call" or not now["contact"]:
        return bool(now["state"] != "busy")
    with contextlib.suppress(AssertionError):  # not written yet, or ended meanwhile
        events = admin("GET", f"/contacts/{now['contact']}")["events"]
        for assignment in {event["payload"]["assignment"] for event in events if event["type"] == "acd.wrap_up_began"}:
            desk("PUT", f"/me/assignments/{assignment}/wrap_up", expect=204, json={"next_state": "not_ready"})
    return False


def be_ready(page: Page, stack: Stack, agent: str) -> None:
    """Sign in and take calls."""
    on_break(stack.person, agent)
    sign_in(page, stack, agent)
    page.locator("[data-test=ready]").click()


def call_for_a_person(guest: Page, stack: Stack, tenant: str = "") -> None:
    """Call the hotline from the customer's page and press 0 in the greeting (type-ahead)."""
    guest.goto(f"{stack.base}/call/{tenant}")
    guest.locator("[data-test=call]").first.click()
    guest.locator("[data-test=mute]:not([disabled])").wait_for()
    guest.locator('[data-key="0"]').click()


def dial_for_a_person(caller: Phone) -> None:
    """Call the hotline and press 0 in the greeting."""
    caller.dial("96900")
    caller.wait("CALL_ESTABLISHED")
    time.sleep(1.0)
    caller.press("0")


def wrap_up(desk: Page, code: str, note: str) -> None:
    """Choose a code, write a note, take a break."""
    desk.locator("#wrap-up-note").wait_for()
    desk.locator("label.code").filter(has_text=code).click()
    desk.locator("#wrap-up-note").fill(note)
    desk.locator("input[name=next][value=not_ready]").check()
    desk.locator("[data-test=finish]").click()
    desk.locator("#wrap-up-note").wait_for(state="detached")

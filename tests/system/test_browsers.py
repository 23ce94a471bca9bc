"""Browsers and nothing else: the customer's page and the agents' desks, the whole way, both directions heard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.system.browsers import chromium, hears, players
from tests.system.phones import loudness
from tests.system.stack import PASSWORD, Api, Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def sign_in(page: Page, stack: Stack, agent: str) -> None:
    """Open the desk; the microphone is allowed already, so the telephone starts by itself."""
    page.goto(f"{stack.base}/")
    page.locator("input[type=text], input[name=username]").first.fill(agent)
    page.locator("input[type=password]").first.fill(PASSWORD)
    page.keyboard.press("Enter")


def be_ready(page: Page, stack: Stack, agent: str) -> None:
    """Sign in and take calls."""
    sign_in(page, stack, agent)
    page.locator("[data-test=ready]").click()


def call_for_a_person(guest: Page, stack: Stack) -> None:
    """Call the hotline from the customer's page and press 0 in the greeting (type-ahead)."""
    guest.goto(f"{stack.base}/call")
    guest.locator("[data-test=call]").first.click()
    guest.locator("[data-test=mute]:not([disabled])").wait_for(timeout=15_000)
    guest.locator('[data-key="0"]').click()


@pytest.mark.req("G3", "G17", "H62", "H63", "H65", "H99", "O20")
@pytest.mark.case("N3")
def test_two_tabs_and_nothing_else(stack: Stack, api: Callable[[str], Api], tmp_path: Path) -> None:
    supervisor = api("1100")
    with players() as player, chromium(player, tmp_path / "agent", 1000) as desk, chromium(player, tmp_path / "guest", 440) as guest:
        be_ready(desk, stack, "1002")
        call_for_a_person(guest, stack)
        answer = desk.locator("[data-test=answer]:not([disabled])")
        answer.wait_for(timeout=20_000)
        assert desk.locator("[data-test=caller]").is_visible()
        answer.click()
        eventually(lambda: hears(guest, 1000), 10.0, "the customer does not hear the agent")
        eventually(lambda: hears(desk, 440), 10.0, "the agent does not hear the customer")
        desk.locator("[data-test=hold]").click()
        eventually(lambda: not hears(guest, 1000), 5.0, "the customer still hears the agent in a hold")
        desk.locator("[data-test=hold]").click()
        eventually(lambda: hears(guest, 1000), 5.0, "the customer does not hear the agent after the hold")
        desk.reload()
        eventually(lambda: hears(desk, 440), 8.0, "the reloaded desk does not hear the customer")
        eventually(lambda: hears(guest, 1000), 5.0, "the customer does not hear the reloaded desk")
        desk.locator("[data-test=hang-up]").click()
        guest.wait_for_timeout(1_500)
        guest.locator('[data-key="1"]').click()
        desk.locator("[data-test=finish]").click()
        guest.locator("[data-test=call]").first.wait_for(timeout=20_000)

    contact = supervisor("GET", "/contacts", params={"limit": 1})["items"][0]["id"]
    detail = eventually(lambda: _complete(supervisor, contact), 5.0, "no recording or no survey")
    assert detail["survey"] == 1
    assert "acd.assignment_resumed" in [event["type"] for event in detail["events"]]
    first = min(detail["recordings"], key=lambda recording: str(recording["began_at"]))
    file = tmp_path / "recording.wav"
    file.write_bytes(supervisor("GET", f"/recordings/{first['id']}"))
    assert loudness(file, 440, channel=0) > 0.7
    assert loudness(file, 1000, channel=1) > 0.7
    assert len(first["holds"]) >= 1


@pytest.mark.req("H64")
@pytest.mark.case("N4")
def test_a_refused_caller_goes_to_the_next_desk_and_a_newer_desk_takes_over(stack: Stack, tmp_path: Path) -> None:
    with players() as player, chromium(player, tmp_path / "one", 700) as one, chromium(player, tmp_path / "guest", 440) as guest:
        browser = one.context.browser
        assert browser is not None
        two = browser.new_context(locale="en", permissions=["microphone"]).new_page()
        be_ready(one, stack, "1003")
        be_ready(two, stack, "1004")
        call_for_a_person(guest, stack)
        ringing = one.locator("[data-test=refuse]"), two.locator("[data-test=refuse]")
        eventually(lambda: any(button.is_visible() for button in ringing), 20.0, "no desk rings")
        first, second = (one, two) if ringing[0].is_visible() else (two, one)
        first.locator("[data-test=refuse]").click()
        second.locator("[data-test=answer]:not([disabled])").click(timeout=15_000)
        eventually(lambda: hears(guest, 700), 10.0, "the customer does not hear the second agent")
        third = browser.new_context(locale="en", permissions=["microphone"]).new_page()
        sign_in(third, stack, "1003" if second is one else "1004")
        eventually(lambda: third.locator("[data-test=hang-up]").is_visible(), 15.0, "the newer desk does not show the call")
        second.locator(".desk[inert]").wait_for(timeout=10_000)
        third.locator("[data-test=hang-up]").click()
        guest.locator("[data-test=hang-up]").click()


def _complete(supervisor: Api, contact: str) -> dict[str, Any] | None:
    detail = supervisor("GET", f"/contacts/{contact}")
    ended = detail["recordings"] and all(recording["ended_at"] for recording in detail["recordings"])
    return dict(detail) if ended and detail["survey"] else None

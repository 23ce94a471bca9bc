"""A supervisor with nothing but the board in a browser: listens by a click, is heard by a click, takes over by a click."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from playwright.sync_api import Page, expect
from tests.switches.wire import Wire
from tests.system.browsers import Chromium, hears
from tests.system.phones import Phone, loudness
from tests.system.stack import PASSWORD, Api, Stack, eventually
from tests.system.test_hotline import finish, journey, steps

from yitong.sip.guard import MAXIMUM_TRIES

pytestmark = [pytest.mark.browser, pytest.mark.baresip, pytest.mark.timeout(300)]
CALLER = "13800138088"
CUSTOMER, AGENT, SUPERVISOR = 440, 1000, 700
GUESSED = "1098"


async def guess_passwords(stack: Stack, admin: Api) -> None:
    """Somebody guesses at a telephone's password until he is kept silent."""
    wire = Wire(("127.0.0.1", stack.sip_port))
    for number in range(10 * MAXIMUM_TRIES):
        with suppress(AssertionError):  # an answer that is late counts for the switch all the same
            await wire.authorized("REGISTER", "", GUESSED, f"wrong {number}", user=GUESSED, to=f"sip:{GUESSED}@127.0.0.1")
        if number + 1 >= MAXIMUM_TRIES and any(ban["source"].endswith(f"/{GUESSED}") for ban in admin("GET", "/security")["bans"]):
            break
    wire.close()


def lift_the_ban(page: Page, stack: Stack) -> None:
    """The administrator sees him on the security page, and lifts the ban by the keyboard."""
    assert page.context.browser is not None
    other = page.context.browser.new_context(locale="en").new_page()
    other.on("dialog", lambda dialog: dialog.accept())
    other.goto(f"{stack.base}/security")
    other.locator("input[type=text], input[name=username]").first.fill("admin")
    other.locator("input[type=password]").first.fill(PASSWORD)
    other.keyboard.press("Enter")
    ban = other.locator(f'[data-ban$="/{GUESSED}"]')
    expect(ban).to_contain_text("Wrong passwords", timeout=60_000)
    ban.get_by_role("button").focus()
    other.keyboard.press("Enter")
    expect(ban).to_have_count(0, timeout=60_000)
    expect(other.locator("[data-alarm=sources_silenced]")).to_have_count(0, timeout=60_000)
    other.context.close()


@pytest.mark.req("O24", "H12", "H82")
def test_a_supervisor_at_the_board(stack: Stack, chromium: Chromium, phone: Callable[..., Phone], api: Callable[[str], Api]) -> None:
    desk, admin = api("1001"), api("admin")
    agent, caller = phone("1001", password=PASSWORD, tone=AGENT), phone(CALLER, tone=CUSTOMER)
    agent.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    with ThreadPoolExecutor(1) as thread:  # not where a browser has its loop
        thread.submit(asyncio.run, guess_passwords(stack, admin)).result()
    with chromium.page(SUPERVISOR) as page:
        lift_the_ban(page, stack)
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(f"{stack.base}/")
        page.locator("input[type=text], input[name=username]").first.fill("1100")
        page.locator("input[type=password]").first.fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/board")
        caller.dial("96900")
        caller.wait("CALL_ESTABLISHED")
        eventually(lambda: "menu" in steps(admin, CALLER), 10.0, "the caller is not in the menu")
        caller.press("0")
        agent.wait("CALL_INCOMING", 15.0)
        agent.accept()
        agent.wait("CALL_ESTABLISHED")

        card = page.locator("li.busy")
        card.locator("[data-test=acts]").click()
        card.locator("[data-test=silent]").click()
        page.locator("[data-test=supervision][data-state=active][data-way=silent]").wait_for(timeout=15_000)
        for tone in (CUSTOMER, AGENT):
            eventually(lambda tone=tone: hears(page, tone), 10.0, f"the supervisor does not hear {tone}")  # type: ignore[misc]
        page.locator("[data-test=way-active]").click()
        page.locator("[data-test=supervision][data-way=active]").wait_for()
        page.wait_for_timeout(3_000)
        page.locator("[data-test=intercept]").click()
        agent.wait("CALL_CLOSED")
        page.locator("[data-test=supervision]").wait_for(state="detached")
        page.goto(f"{stack.base}/desk")
        page.locator("[data-test=hang-up]").click(timeout=15_000)
        eventually(lambda: "survey" in steps(admin, CALLER), 10.0, "the customer does not go on in the flow")
        caller.hang_up()
        finish(desk, journey(admin, CALLER), "not_ready")
    for one in (agent, caller):
        one.close()
    assert loudness(caller.heard, SUPERVISOR) > 0.05, "the customer never heard the supervisor"

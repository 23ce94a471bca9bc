"""A break behind a lock in a browser: the cover, a reload, wrong and right passwords, a supervisor who unlocks (H59, H60)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.system.browsers import Chromium
from tests.system.desks import be_ready
from tests.system.stack import PASSWORD, Api, Stack
from tests.system.test_several_at_a_desk import everybody_on_a_break

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def lock(page: Page, password: str) -> None:
    page.keyboard.press("l")
    page.locator("[data-test=lock-form]").wait_for()
    page.locator("[data-test=lock-reason]").select_option(index=1)
    page.locator("[data-test=lock-password]").fill(password)
    page.keyboard.press("Enter")
    page.locator("[data-test=locked]").wait_for()


@pytest.mark.req("H58", "H59", "H60", "H61")
def test_nothing_is_shown_behind_the_lock_until_it_is_opened(stack: Stack, chromium: Chromium, api: Callable[[str], Api]) -> None:
    everybody_on_a_break(api)
    supervisor = api("1100")
    with chromium.page(700) as page:
        be_ready(page, stack, "1002")
        page.locator(".state.ready").wait_for()
        lock(page, "for now")
        page.reload()
        page.locator("[data-test=locked]").wait_for()
        expect(page.locator("nav")).to_have_count(0)
        page.locator("[data-test=unlock-password]").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("密码不正确")
        agent = next(one for one in supervisor("GET", "/agents")["items"] if one["extension"] == "1002")
        assert (agent["state"], agent["locked"]) == ("not_ready", True)
        page.locator("[data-test=unlock-password]").fill("for now")
        page.keyboard.press("Enter")
        page.locator("[data-test=state]").wait_for()
        page.locator(".state.not_ready").wait_for()
        page.keyboard.press("r")
        page.locator(".state.ready").wait_for()
        lock(page, "")
        supervisor("POST", f"/agents/{agent['id']}/unlock", expect=204)
        page.locator(".state.not_ready").wait_for()
        lock(page, "")
        page.locator("[data-test=unlock-password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.locator(".state.not_ready").wait_for()
        next_person(page, supervisor)


def next_person(page: Page, supervisor: Api) -> None:
    """He goes off duty and leaves; the next one logs in at the same desk, with his own number and password alone."""
    page.locator("[data-test=state]").click()
    page.get_by_role("menuitem", name="未签入").click()
    page.locator(".state.logged_off").wait_for()
    page.get_by_role("button", name="退出", exact=True).click()
    page.locator("input[type=password]").wait_for()
    for number, password in (("1003", "wrong"), ("1003", PASSWORD)):
        page.locator("input[type=text], input[name=username]").first.fill(number)
        page.locator("input[type=password]").first.fill(password)
        page.keyboard.press("Enter")
        if password == "wrong":
            expect(page.locator("p.trouble:not(.none)")).to_be_visible()
    page.locator("[data-test=ready]").click()
    page.locator(".state.ready").wait_for()
    expect(page.locator(".who")).to_contain_text("1003")
    states = {one["extension"]: one["state"] for one in supervisor("GET", "/agents")["items"]}
    assert (states["1002"], states["1003"]) == ("logged_off", "ready")
    page.locator("[data-test=state]").click()
    page.get_by_role("menuitem", name="未签入").click()
    page.locator(".state.logged_off").wait_for()

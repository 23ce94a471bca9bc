"""An agent dials a number on the desk in a browser; a telephone behind a line to the outside answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page
from tests.system.browsers import Chromium, hears
from tests.system.hearing import Ear, heard_at, prompt, sound
from tests.system.phones import Phone, loudness
from tests.system.stack import PASSWORD, Api, Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.baresip, pytest.mark.timeout(300)]
NUMBER = "13911113333"
AGENT, CALLED = 1000, 440


def let_call(admin: Api, port: int) -> None:
    """A line that ends at the telephone, and an agent who may call mobile numbers."""
    site = admin("GET", "/me")["site"]["id"]
    name = {"zh-CN": "外线", "en": "Outside"}
    admin("POST", "/config/trunks", expect=201, json={"code": "page", "name": name, "site": site, "host": "127.0.0.1", "port": port})
    user = next(one for one in admin("GET", "/config/users")["items"] if one["extension"] == "1002")
    names = ("username", "name", "language", "roles", "extension", "team", "site", "skills")
    change = {name: user[name] for name in names} | {"may_call": ["mobile"]}
    admin("PUT", f"/config/users/{user['id']}", json=change, headers={"If-Match": f'"{user["version"]}"'})


def rings(page: Page, called: Phone) -> bool:
    """The line and the page's telephone are known to the switch a moment after they are set up: call again while they are not."""
    if called.has("CALL_INCOMING", 2.0):
        return True
    number = page.locator("[data-test=dial-number]")
    if number.count():
        number.fill(NUMBER)
        number.press("Enter")
    return False


def send_by_itself(page: Page, called: Phone) -> None:
    """Another call: a prompt is sent as soon as it answers, then the agent talks with whom he called."""
    page.locator("[data-test=dial-number]").fill(NUMBER)
    page.locator("[data-test=dial-then] option").nth(1).wait_for(state="attached")
    page.locator("[data-test=dial-then]").select_option("prompt:goodbye")
    page.locator("[data-test=dial]").click()
    called.wait("CALL_INCOMING", 20.0)
    called.accept()
    page.locator("[data-test=came]").wait_for()
    eventually(lambda: hears(page, CALLED), 10.0, "the agent is not back with the called one")
    page.keyboard.press("e")
    called.wait("CALL_CLOSED")
    page.locator("#wrap-up-note").wait_for()
    page.keyboard.press("Control+Enter")
    page.locator("[data-test=dial-number]").wait_for()


@pytest.mark.req("O21", "H71")
def test_an_agent_dials_on_the_desk(
    stack: Stack, chromium: Chromium, phone: Callable[..., Phone], api: Callable[[str], Api], tmp_path: Path
) -> None:
    desk = api("1002")
    called = phone(NUMBER, tone=CALLED)
    port = re.search(r"sip_listen 127.0.0.1:(\d+)", (tmp_path / f"0-{NUMBER}" / "config").read_text())
    assert port
    let_call(api("admin"), int(port[1]))
    with chromium.page(AGENT) as page:
        page.goto(f"{stack.base}/")
        page.locator("input[type=text], input[name=username]").first.fill("1002")
        page.locator("input[type=password]").first.fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/desk")
        eventually(lambda: page.locator("[data-test=dial-number]").count(), 15.0, "the agent may not call")
        page.keyboard.press("d")
        page.keyboard.type("139 1111 3333")
        page.locator("[data-test=dial]:not([disabled])").wait_for()
        page.keyboard.press("Enter")
        eventually(lambda: rings(page, called), 30.0, "the called one is not rung")
        called.wait("CALL_INCOMING")
        called.accept()
        called.wait("CALL_ESTABLISHED")
        eventually(lambda: hears(page, CALLED), 10.0, "the agent does not hear the called one")
        page.wait_for_timeout(2_000)
        page.keyboard.press("e")
        called.wait("CALL_CLOSED")
        assert loudness(called.heard, AGENT) > 0.3
        page.locator("#wrap-up-note").wait_for()
        page.keyboard.press("Control+Enter")
        page.locator("[data-test=dial-number]").wait_for()
        send_by_itself(page, called)
    called.close()
    assert heard_at(Ear(sound(called.heard)), prompt("goodbye")), "the prompt was not heard"
    newest = desk("GET", "/contacts", params={"limit": 1})["items"][0]
    assert (newest["direction"], newest["called"], newest["answered"]) == ("out", NUMBER, True)

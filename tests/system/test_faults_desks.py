"""``kill -9`` of web under two open desks, one of them in a call: they say so, come back by themselves, and nothing is cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.system.browsers import Chromium, hears
from tests.system.desks import be_ready, call_for_a_person
from tests.system.faults import figure
from tests.system.stack import Api, Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BOUND_SECONDS = 5.0
WATCH = """
(name) => {
  const seen = window[name] = { lost: 0, back: 0, moved: [] };
  const places = () => [...document.querySelectorAll('header, main, main button, main h2')].filter((one) => !one.closest('[aria-live]'))
    .map((one) => [one, one.getBoundingClientRect().top]);
  const before = new Map(places());
  const look = () => {
    if (!seen.lost && document.querySelector('[data-test=lost], [data-test=stale]')) seen.lost = Date.now();
    if (!seen.back && document.querySelector('[data-test=back]')) seen.back = Date.now();
    if (document.querySelector('[data-test=lost], [data-test=back]'))
      for (const [one, top] of places())
        if (before.has(one) && Math.abs(before.get(one) - top) > 1) seen.moved.push(one.outerHTML.slice(0, 80));
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}
"""


def state(supervisor: Api, *agents: str) -> dict[str, tuple[str, str]]:
    """State and contact of agents, as the server says; one that has just begun may have no database for a moment."""

    def asked() -> list[dict[str, Any]] | None:
        try:
            return list(supervisor("GET", "/agents")["items"])
        except AssertionError:
            return None

    items = eventually(asked, 10.0, "no list of agents") or []
    return {one["extension"]: (one["state"], one["contact"]) for one in items if one["extension"] in agents}


def back_after(page: Page, killed: float) -> float:
    """Seconds from the kill until the page said that it is connected again; it must have said that it was not, and moved nothing."""
    seen: dict[str, Any] = eventually(
        lambda: (told := page.evaluate("window.__seen")) and told["back"] and told, 30.0, "the desk is not back"
    )
    assert seen["lost"], "the page never said that it was disconnected"
    assert seen["lost"] <= seen["back"]
    assert seen["moved"] == []
    return float(seen["back"]) / 1000 - killed


@pytest.mark.case("K5")
def test_two_desks_come_back_by_themselves_and_the_talk_goes_on(stack: Stack, chromium: Chromium, api: Callable[[str], Api]) -> None:
    supervisor = api("1100")
    with chromium.page(1000) as desk, chromium.page(700, language="en") as idle, chromium.page(440) as guest:
        be_ready(desk, stack, "1002")
        call_for_a_person(guest, stack)
        desk.locator("[data-test=answer]:not([disabled])").click()
        eventually(lambda: hears(guest, 1000) and hears(desk, 440), 15.0, "they do not hear each other")
        be_ready(idle, stack, "1001")
        before = eventually(lambda: (now := state(supervisor, "1001", "1002"))["1001"][0] == "ready" and now, 10.0, "1001 is not ready")
        eventually(lambda: stack.pids("ready"), 60.0, "no spare process")
        for page in (desk, idle):
            page.evaluate(WATCH, "__seen")

        killed = time.time()
        stack.kill("web")
        seconds = [back_after(page, killed) for page in (desk, idle)]
        figure("K5", f"two real desk pages connected again {seconds[0]:.1f} s (in a call) and {seconds[1]:.1f} s (idle) after the kill")
        assert max(seconds) <= BOUND_SECONDS
        assert hears(guest, 1000), "the customer does not hear the agent any more"
        assert hears(desk, 440), "the agent does not hear the customer any more"
        assert state(supervisor, "1001", "1002") == before, "an agent's state changed without a cause"
        assert desk.locator("[data-test=hang-up]").is_enabled()

        idle.evaluate("window.__old = true")
        stack.kill("web")
        idle.reload(wait_until="commit", timeout=60_000)
        idle.locator("[data-test=state]").wait_for(timeout=60_000)
        assert not idle.evaluate("window.__old"), "it was not loaded anew"
        eventually(lambda: state(supervisor, "1001", "1002") == before, 10.0, "the reloaded desk shows another state")

        desk.locator("[data-test=hang-up]").click()
        desk.locator("[data-test=finish]").click()


@pytest.mark.case("K5")
def test_a_page_loaded_while_web_stays_away_says_so_and_returns(stack: Stack, chromium: Chromium) -> None:
    with chromium.page(1000, language="en") as desk:
        be_ready(desk, stack, "1003")
        desk.route(
            "**/api/v1/me", lambda route: route.fulfill(status=503, json={"code": "web_unavailable", "detail": "It is being started."})
        )
        desk.reload()
        waits = desk.locator("[data-test=waits]")
        waits.wait_for()
        assert "It is being started." in waits.inner_text()
        assert "comes back by itself" in waits.inner_text()
        desk.unroute("**/api/v1/me")
        desk.locator("[data-test=state]").wait_for()
        assert not waits.is_visible()

"""Recording on demand with real telephones and the board in a browser: its five ends (H87); a pause for card data leaves nothing (M10)."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.figures import figure
from tests.system.browsers import Chromium
from tests.system.phones import Phone, loudness
from tests.system.stack import PASSWORD, Api, Stack, eventually
from tests.system.test_hotline import finish, journey, steps

pytestmark = [pytest.mark.browser, pytest.mark.baresip, pytest.mark.timeout(300)]
FIRST, SECOND = "13800138071", "13800138072"
CUSTOMER, AGENT, SUPERVISOR = 440, 1000, 700


def talk(caller: Phone, agent: Phone, admin: Api, number: str) -> None:
    """The caller asks for an agent and gets one."""
    caller.dial("96900")
    caller.wait("CALL_ESTABLISHED")
    eventually(lambda: "menu" in steps(admin, number), 10.0, "the caller is not in the menu")
    caller.press("0")
    agent.wait("CALL_INCOMING", 15.0)
    agent.accept()
    agent.wait("CALL_ESTABLISHED")


def ends(admin: Api, number: str) -> list[str]:
    """How recordings on demand of the newest contact ended."""
    return [one["cause"] for one in journey(admin, number) if one["type"] == "recording.demand_ended"]


def choose(page: Page, act: str) -> None:
    """An act from the menu of the agent who talks."""
    page.locator("li.busy [data-test=acts]").click()
    page.locator(f"li.busy [data-test={act}]").click()


def samples(file: Path) -> Any:
    with wave.open(str(file), "rb") as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)


@pytest.mark.req("O41", "H85", "H87")
@pytest.mark.case("M10")
def test_what_a_supervisor_records_ends_in_five_ways(
    stack: Stack, chromium: Chromium, phone: Callable[..., Phone], api: Callable[[str], Api], tmp_path: Path
) -> None:
    desk, boss, admin = api("1001"), api("1100"), api("admin")
    agent, first, second = phone("1001", password=PASSWORD, tone=AGENT), phone(FIRST, tone=CUSTOMER), phone(SECOND, tone=CUSTOMER)
    agent.wait_registered()
    desk("PUT", "/me/state", expect=204, json={"state": "ready"})
    whom = desk("GET", "/me")["agent"]
    with chromium.page(SUPERVISOR) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(f"{stack.base}/")
        page.locator("input[type=text], input[name=username]").first.fill("1100")
        page.locator("input[type=password]").first.fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/board")
        talk(first, agent, admin, FIRST)

        choose(page, "record-0")
        page.locator("[data-test=board-demand]").wait_for()
        page.locator("li.busy [data-test=acts]").click()
        pause(desk, boss, admin, page, whom)
        page.locator("li.busy [data-test=record-end]").click()
        page.locator("[data-test=board-demand]").wait_for(state="detached")
        eventually(lambda: ends(admin, FIRST) == ["key"], 5.0, "the key did not end it")

        boss("POST", f"/agents/{whom}/recording/start", expect=204, json={"seconds": 3})
        boss("POST", f"/agents/{whom}/recording/start", expect=409, json={})
        eventually(lambda: ends(admin, FIRST) == ["key", "timer"], 10.0, "the timer did not end it")

        choose(page, "silent")
        page.locator("[data-test=supervision][data-state=active]").wait_for()
        page.keyboard.press("o")
        page.locator("[data-test=record][aria-pressed=true]").wait_for()
        page.wait_for_timeout(1_000)
        page.locator("[data-test=intercept]").click()
        agent.wait("CALL_CLOSED")
        eventually(lambda: ends(admin, FIRST)[2:] == ["intercept"], 5.0, "the intercept did not end it")

        page.locator('a[href="/desk"]').first.click()
        page.locator("[data-test=record-demand]").click()
        page.locator("[data-test=record-demand][aria-pressed=true]").wait_for()
        page.wait_for_timeout(1_000)
        page.locator("[data-test=hang-up]").click()
        eventually(lambda: ends(admin, FIRST)[3:] == ["call_over"], 5.0, "the end of the talk did not end it")
        first.hang_up()
        finish(desk, journey(admin, FIRST), "ready")

        talk(second, agent, admin, SECOND)
        page.goto(f"{stack.base}/board")
        choose(page, "record-5")
        page.locator("[data-test=board-demand]").wait_for()
        choose(page, "release")
        agent.wait("CALL_CLOSED")
        eventually(lambda: ends(admin, SECOND) == ["release"], 5.0, "the forced release did not end it")
        second.hang_up()
        finish(desk, journey(admin, SECOND), "not_ready")
    for one in (agent, first, second):
        one.close()
    check_files(boss, admin, tmp_path)
    check_audit(admin)


def pause(desk: Api, boss: Api, admin: Api, page: Page, whom: str) -> None:
    """The agent pauses for card data, the board shows it, he ends it before its time."""
    mine = eventually(lambda: [one for one in journey(admin, FIRST) if one["type"] == "acd.contact_offered"], 5.0, "no offer")
    assignment = mine[-1]["payload"]["assignment"]
    desk("POST", f"/me/assignments/{assignment}/recording/pause", expect=204, json={"seconds": 30})
    desk("POST", f"/me/assignments/{assignment}/recording/pause", expect=409, json={})
    page.locator("[data-test=board-paused]").wait_for()
    page.wait_for_timeout(1_200)
    desk("POST", f"/me/assignments/{assignment}/recording/resume", expect=204)
    page.locator("[data-test=board-paused]").wait_for(state="detached")
    boss("POST", f"/agents/{whom}/recording/resume", expect=409)
    page.wait_for_timeout(1_000)


def recordings(boss: Api, admin: Api, number: str) -> list[dict[str, Any]]:
    contact = admin("GET", "/contacts", params={"number": number, "limit": 1})["items"][0]["id"]
    return list(boss("GET", f"/contacts/{contact}")["recordings"])


def check_files(boss: Api, admin: Api, folder: Path) -> None:
    """Six files of the first call: two talks by rule, four on demand. Both voices are in each, neither in a pause."""
    eventually(lambda: len(recordings(boss, admin, FIRST)) == 6 and all(one["ended_at"] for one in recordings(boss, admin, FIRST)), 10.0)
    made = recordings(boss, admin, FIRST)
    assert sum(1 for one in made if one["demand"]) == 4
    assert len({one["demand"] for one in made}) == 5
    silent = 0
    for one in made:
        assert one["complete"]
        file = folder / f"{one['id']}.wav"
        file.write_bytes(boss("GET", f"/recordings/{one['id']}"))
        assert loudness(file, CUSTOMER, channel=0) > 0.3
        assert max(loudness(file, tone, channel=1) for tone in (AGENT, SUPERVISOR)) > 0.05
        heard = samples(file)
        for begin, end in one["pauses"]:
            assert not heard[begin * 8 : end * 8].any(), "something was recorded in a pause"
            silent += end - begin
    assert sorted(len(one["pauses"]) for one in made) == [0, 0, 0, 0, 1, 1], "the rule's and the one on demand pause together"
    assert silent > 1_500
    figure("M10", f"{silent // 2} ms of pause asked for at a desk: 0 samples in two files of real telephones, each pause marked there")


def audited(admin: Api) -> Iterator[dict[str, Any]]:
    """The whole audit log: every look at a contact is in it too."""
    cursor: dict[str, str] = {}
    while True:
        page = admin("GET", "/config/audit", params={"limit": 200, **cursor})
        yield from page["items"]
        if not page["next"]:
            return
        cursor = {"cursor": page["next"]}


def check_audit(admin: Api) -> None:
    said = [(one["action"], one["details"].get("cause", "")) for one in audited(admin)]
    assert said.count(("recording.demanded", "")) == 5
    found = {cause for action, cause in said if action == "recording.demand_ended"}
    assert found == {"key", "timer", "intercept", "call_over", "release"}
    assert ("recording.paused", "agent") in said
    assert ("recording.resumed", "agent") in said

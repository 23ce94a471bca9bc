"""A conference in the whole product: real telephones that measure by tones who hears whom, and a host's page in a browser.

Three people dial in with number and PIN. A listener asks to speak by a key, the host's page grants it, mutes, records; core is killed in
the middle and nobody's talk ends; the page ends it for all.
"""

from __future__ import annotations

import time
import wave
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page
from tests.system.browsers import Chromium
from tests.system.desks import on_break, sign_in
from tests.system.phones import Phone, loudness
from tests.system.stack import Api, Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.baresip, pytest.mark.timeout(300)]
NUMBER, ROOM, HOST_PIN, MEMBER_PIN = "96988", "8001", "246810", "1357"
TONES = {"host": 440, "first": 700, "second": 1000}
CALLERS = {"host": "13800138201", "first": "13800138202", "second": "13800138203"}
SECONDS = 2.5
HEARD = {
    "host speaks": {"host": set(), "first": {"host"}, "second": {"host"}},
    "granted": {"host": {"first"}, "first": {"host"}, "second": {"host", "first"}},
    "core killed": {"host": {"first"}, "first": {"host"}, "second": {"host", "first"}},
    "all muted": {"host": set(), "first": {"host"}, "second": {"host"}},
}  # fmt: skip


class Scene:
    """The telephones with the moment from which each hears, and the phases."""

    def __init__(self, phone: Callable[..., Phone]) -> None:
        self.phones = {name: phone(CALLERS[name], tone=tone) for name, tone in TONES.items()}
        self.began: dict[str, float] = {}
        self.phases: dict[str, float] = {}

    def dial(self, pins: dict[str, str]) -> None:
        """All at once; room and PIN before they are asked for."""
        for one in self.phones.values():
            one.dial(NUMBER)
        for name, one in self.phones.items():
            one.wait("CALL_ESTABLISHED", 15.0)
            self.began[name] = time.monotonic()
        for keys in zip_longest(*(f"{ROOM}#{pins[name]}#" for name in self.phones), fillvalue=""):
            for one, key in zip(self.phones.values(), keys, strict=True):
                if key:
                    one.command("sndcode", key)
            time.sleep(0.3)

    def phase(self, name: str) -> None:
        self.phases[name] = time.monotonic()
        time.sleep(SECONDS)

    def heard(self, name: str, phase: str) -> set[str]:
        """Whom a telephone heard in a phase; its edges are left out."""
        at = self.phases[phase] - self.began[name]
        file = self.phones[name].heard
        strengths = {who: loudness(file, tone, begin=at + 0.8, end=at + SECONDS - 0.4) for who, tone in TONES.items()}
        return {who for who, strength in strengths.items() if strength > 0.1}


def there(boss: Api) -> dict[str, dict[str, Any]]:
    """Who is in the room, by number."""
    room = next(one for one in boss("GET", "/conferences")["items"] if one["number"] == ROOM)
    return {one["number"]: one for one in room["members"] if one["state"] == "in"}


def shows(page: Page, state: str, number: str) -> None:
    """The page's own list says that the one with the number is so."""
    page.locator(f"[data-test=member-{state}]").filter(has_text=number[-4:]).wait_for()


@pytest.mark.req("H77", "H78", "H79", "H80", "H81")
def test_a_conference_of_telephones_led_from_a_page(
    stack: Stack, chromium: Chromium, phone: Callable[..., Phone], api: Callable[[str], Api]
) -> None:
    boss, admin, scene = api("1100"), api("admin"), Scene(phone)
    on_break(api, "1100")
    with chromium.page(1300) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        sign_in(page, stack, "1100")
        page.wait_for_url("**/board")
        page.goto(f"{stack.base}/conferences")
        page.locator("[data-test=room-morning]").click()
        scene.dial({"host": HOST_PIN, "first": MEMBER_PIN, "second": MEMBER_PIN})
        eventually(lambda: set(there(boss)) == set(CALLERS.values()), 30.0, "not everybody is in")
        assert {number: one["host"] for number, one in there(boss).items()} == {CALLERS[name]: name == "host" for name in CALLERS}
        shows(page, "talking", CALLERS["host"])
        shows(page, "listener", CALLERS["second"])
        scene.phase("host speaks")

        scene.phones["first"].press("1")
        shows(page, "asking", CALLERS["first"])
        page.locator("[data-test=member-asking] [data-test=grant]").click()
        shows(page, "talking", CALLERS["first"])
        page.locator("[data-test=record]").click()
        page.locator("[data-test=recording]").wait_for()
        time.sleep(2.5)  # what the switch says to the new speaker
        scene.phase("granted")

        before = {number: one["id"] for number, one in there(boss).items()}
        stack.kill("core")
        scene.phase("core killed")
        eventually(lambda: back(boss, before), 30.0, "the conference is another one after core came back")
        shows(page, "talking", CALLERS["first"])
        page.locator("[data-test=mute-all]").click()
        shows(page, "muted", CALLERS["first"])
        scene.phase("all muted")
        page.locator("[data-test=end]").click()
        for one in scene.phones.values():
            one.wait("CALL_CLOSED", 20.0)
        page.locator(".room .empty").wait_for()
        assert page.locator("[data-test=dial-in]").text_content() == NUMBER
        page.locator("[data-test=recording-0]").click(timeout=45_000)  # the host had it recorded and may hear it
        page.locator(".player canvas").wait_for()
    for one in scene.phones.values():
        one.close()
    assert {phase: {name: scene.heard(name, phase) for name in who} for phase, who in HEARD.items()} == HEARD
    recorded(stack, admin)
    acts = [one["action"] for one in admin("GET", "/config/audit")["items"]]
    for act in ("conference.granted", "conference.recorded", "conference.muted", "conference.ended"):
        assert acts.count(act) == 1, act


def back(boss: Api, before: dict[str, str]) -> bool:
    """Core answers again and knows the same members."""
    try:
        return {number: one["id"] for number, one in there(boss).items()} == before
    except (AssertionError, httpx.HTTPError):
        return False


def recorded(stack: Stack, admin: Api) -> None:
    """The mix is a recording of one of the contacts."""
    contacts = [one for one in admin("GET", "/contacts?limit=50")["items"] if one["calling"] in CALLERS.values()]
    assert len(contacts) == len(CALLERS)
    found: list[dict[str, Any]] = eventually(
        lambda: [one for contact in contacts for one in admin("GET", f"/contacts/{contact['id']}")["recordings"] if one["milliseconds"]],
        20.0, "no recording of the conference",
    )  # fmt: skip
    assert found[0]["milliseconds"] > 6_000
    sound = stack.home.parent / "conference.wav"
    sound.write_bytes(admin("GET", found[0]["url"].removeprefix("/api/v1")))
    with wave.open(str(sound)) as file:
        assert file.getnframes() / file.getframerate() > 6.0
    assert {name for name, tone in TONES.items() if loudness(sound, tone, begin=3.0, end=6.0) > 0.1} == {"host", "first"}

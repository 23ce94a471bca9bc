"""Browsers and nothing else: the customer's page and the agents' desks, the whole way, both directions heard."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.system.browsers import Chromium, hears
from tests.system.desks import be_ready, call_for_a_person, dial_for_a_person, sign_in, wrap_up
from tests.system.phones import Phone, loudness
from tests.system.stack import PASSWORD, Api, Stack, eventually
from tests.system.test_hotline import steps

KNOWN, KNOWN_SHOWN = "13910010002", "139 1001 0002"
UNKNOWN, UNKNOWN_SHOWN = "13717175253", "137 1717 5253"
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.req("G3", "G17", "H62", "H63", "H65", "H99", "O20", "T2")
@pytest.mark.case("N3")
def test_two_tabs_and_nothing_else(stack: Stack, chromium: Chromium, api: Callable[[str], Api], tmp_path: Path) -> None:
    supervisor = api("1100")
    with chromium.page(1000) as desk, chromium.page(440) as guest:
        be_ready(desk, stack, "1002")
        guest.goto(f"{stack.base}/call/nobody")
        expect(guest.locator(".last")).to_have_text("现在没有可以从网页呼叫的号码。")
        call_for_a_person(guest, stack, "demo")
        answer = desk.locator("[data-test=answer]:not([disabled])")
        answer.wait_for()
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
        contact = supervisor("GET", "/contacts", params={"limit": 1})["items"][0]["id"]
        eventually(lambda: _asked(supervisor, contact), 10.0, "no survey begins")
        guest.locator('[data-key="1"]').click()
        desk.locator("[data-test=finish]").click()
        guest.locator("[data-test=call]").first.wait_for()

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
def test_a_refused_caller_goes_to_the_next_desk_and_a_newer_desk_takes_over(stack: Stack, chromium: Chromium) -> None:
    with (
        chromium.page(700) as one, chromium.page(700, language="en") as two, chromium.page(700, language="en") as third,
        chromium.page(440) as guest,
    ):  # fmt: skip
        be_ready(one, stack, "1003")
        be_ready(two, stack, "1004")
        call_for_a_person(guest, stack)
        ringing = one.locator("[data-test=refuse]"), two.locator("[data-test=refuse]")
        eventually(lambda: any(button.is_visible() for button in ringing), 20.0, "no desk rings")
        first, second = (one, two) if ringing[0].is_visible() else (two, one)
        first.locator("[data-test=refuse]").click()
        second.locator("[data-test=answer]:not([disabled])").click()
        eventually(lambda: hears(guest, 700), 10.0, "the customer does not hear the second agent")
        sign_in(third, stack, "1003" if second is one else "1004")
        eventually(lambda: third.locator("[data-test=hang-up]").is_visible(), 15.0, "the newer desk does not show the call")
        second.locator(".desk[inert]").wait_for()
        third.locator("[data-test=hang-up]").click()
        guest.locator("[data-test=hang-up]").click()


@pytest.mark.baresip
@pytest.mark.req("A10", "A11", "A12", "A15", "G27", "H26")
def test_who_calls_by_telephone_stands_on_the_desk_before_the_answer(
    stack: Stack, chromium: Chromium, api: Callable[[str], Api], phone: Callable[..., Phone]
) -> None:
    """A customer of the demo calls: found by number, waits, is served and written down in the page, and is heard again in the list."""
    api("1002")("PUT", "/me/state", expect=204, json={"state": "not_ready"})
    caller = phone(KNOWN, tone=440)
    with chromium.page(1000) as desk:
        sign_in(desk, stack, "1002")
        desk.locator("[data-test=phone] .dot.ready").wait_for()
        dial_for_a_person(caller)
        expect(desk.locator(".queues li")).to_contain_text("0002")
        time.sleep(1.5)  # so that the time waited is not nothing
        desk.locator("[data-test=ready]").click()
        desk.locator("[data-test=answer]:not([disabled])").wait_for()
        expect(desk.locator("[data-test=caller]")).to_have_text(KNOWN_SHOWN)
        expect(desk.locator(".card dl")).to_contain_text("96900 · 客户服务")
        expect(desk.locator("[data-test=line]")).to_have_text("演示中继")
        expect(desk.locator(".card .choice .tag")).to_have_text("0")
        assert desk.locator(".card dl dd").last.inner_text() != "0:00"
        for field, value in {"name": "王秀英", "class": "VIP", "region": "北京"}.items():
            expect(desk.locator(f"#customer-{field}")).to_have_value(value)
        expect(desk.locator("#customer-note")).to_have_value("老客户,习惯先问积分。")

        desk.locator("[data-test=answer]").click()
        eventually(lambda: hears(desk, 440), 10.0, "the agent does not hear the caller")
        desk.locator("#customer-note").fill("老客户,已改地址。")
        desk.locator("[data-test=save-customer]").click()
        expect(desk.get_by_text("已保存")).to_be_visible()
        desk.locator("[data-test=hold]").click()
        desk.locator(".card.held").wait_for()
        desk.locator("[data-test=hold]").click()
        desk.locator(".card.active").wait_for()
        time.sleep(2.0)
        desk.locator("[data-test=hang-up]").click()
        wrap_up(desk, "投诉", "账单有误,已登记。")
        eventually(lambda: "survey" in steps(api("admin"), KNOWN), 10.0, "the caller is not asked")
        caller.press("2")
        caller.wait("CALL_CLOSED", 20.0)
        row = desk.locator(".calls tbody tr").first
        expect(row).to_contain_text("王秀英")
        expect(row).to_contain_text("满意")
        expect(desk.locator(".right dd").first).not_to_have_text("0")
        row.get_by_role("link").click()
        look_at_the_call(desk)
        look_at_the_board(desk, stack)
    customers = api("1100")("GET", "/customers", params={"number": KNOWN})["items"]
    assert [(one["numbers"][0], one["note"]) for one in customers] == [(f"+86{KNOWN}", "老客户,已改地址。")]


@pytest.mark.baresip
@pytest.mark.req("G27")
def test_a_new_caller_gets_a_card_and_the_agent_answers_at_his_desk_phone(
    stack: Stack, chromium: Chromium, api: Callable[[str], Api], phone: Callable[..., Phone], tmp_path: Path
) -> None:
    api("1003")("PUT", "/me/state", expect=204, json={"state": "not_ready"})
    caller, apparatus = phone(UNKNOWN, tone=440), phone("1003", password=PASSWORD, tone=700)
    apparatus.wait_registered()
    with chromium.page(1000) as desk:
        be_ready(desk, stack, "1003")
        dial_for_a_person(caller)
        assert UNKNOWN in apparatus.wait("CALL_INCOMING", 20.0)["peeruri"]
        expect(desk.locator("[data-test=caller]")).to_have_text(UNKNOWN_SHOWN)
        expect(desk.locator(".card .tag.ringing").filter(has_text="新客户")).to_be_visible()
        expect(desk.locator("#customer-region")).to_have_value(re.compile("广东"))
        apparatus.accept()
        apparatus.wait("CALL_ESTABLISHED")
        desk.locator(".card.active").wait_for()
        desk.locator("#customer-name").fill("何新")
        desk.locator("[data-test=save-customer]").click()
        expect(desk.get_by_text("已保存")).to_be_visible()
        time.sleep(1.0)
        apparatus.hang_up()
        wrap_up(desk, "业务咨询", "")
        caller.hang_up()
        desk.locator("[data-test=ready]").click()
        dial_for_a_person(caller)
        expect(desk.locator("#customer-name")).to_have_value("何新")
        assert desk.locator(".card .tag.ringing").filter(has_text="新客户").count() == 0
        caller.hang_up()
        desk.locator(".card.none").wait_for()
    api("1003")("PUT", "/me/state", expect=204, json={"state": "not_ready"})
    supervisor = api("1100")
    contact = supervisor("GET", "/contacts", params={"number": UNKNOWN, "answered": True})["items"][0]["id"]
    recording = supervisor("GET", f"/contacts/{contact}")["recordings"][0]
    file = tmp_path / "recording.wav"
    file.write_bytes(supervisor("GET", f"/recordings/{recording['id']}"))
    assert (loudness(file, 440, channel=0) > 0.8, loudness(file, 700, channel=1) > 0.8) == (True, True)


def look_at_the_call(page: Page) -> None:
    """The call in the list: what was written down and answered; both tracks are drawn and played."""
    detail = page.locator(".detail")
    for text in ("王秀英", "投诉", "账单有误,已登记。", "满意"):
        expect(detail).to_contain_text(text)
    player = detail.locator(".player").first
    eventually(lambda: all(player.locator("canvas").evaluate(_DRAWN)), 5.0, "the two tracks are not drawn")
    player.locator("[data-test=play]").click()
    eventually(lambda: player.locator("audio").evaluate("audio => !audio.paused && audio.currentTime > 0.3"), 5.0, "nothing plays")


def look_at_the_board(page: Page, stack: Stack) -> None:
    """The supervisor's board counts the call, and shows the agent in his break."""
    board = page.context.new_page()
    sign_in(board, stack, "1100")
    board.locator("nav").wait_for()
    board.goto(f"{stack.base}/board")
    tile = board.locator(".tile").filter(has_text="接听").locator("dd").first
    expect(tile).not_to_have_text("0")
    expect(board.locator(".agents li").filter(has_text="1002")).to_contain_text("未就绪")
    board.close()


_DRAWN = """canvas => [[0.05, 0.42], [0.58, 0.95]].map(([top, bottom]) => {
  const { width, height } = canvas, first = Math.round(height * top)
  const { data } = canvas.getContext('2d').getImageData(0, first, width, Math.round(height * bottom) - first)
  let dark = 0
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && data[i] < 200) dark += 1
  return dark > width
})"""
"""Whether the upper and the lower track of a waveform have colour."""


def _asked(supervisor: Api, contact: str) -> bool:
    return any(one["kind"] == "survey" for one in supervisor("GET", f"/contacts/{contact}")["segments"])


def _complete(supervisor: Api, contact: str) -> dict[str, Any] | None:
    detail = supervisor("GET", f"/contacts/{contact}")
    ended = detail["recordings"] and all(recording["ended_at"] for recording in detail["recordings"])
    return dict(detail) if ended and detail["survey"] else None

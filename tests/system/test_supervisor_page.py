"""A supervisor with nothing but the board in a browser: listens by a click, is heard by a click, takes over by a click."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect
from tests.switches.wire import Wire
from tests.system.browsers import Chromium, hears
from tests.system.phones import Phone, loudest
from tests.system.stack import PASSWORD, Api, Stack, eventually
from tests.system.test_hotline import finish, journey, newest, steps

from yitong.kit.database import libpq_url
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


def in_the_ledger(stack: Stack, extension: str) -> dict[str, int]:
    """What an agent did today, counted from the facts themselves, with no projection between."""
    with psycopg.connect(libpq_url(stack.setting("YITONG_DATABASE_URL"))) as connection:
        row = connection.execute(
            """
            select count(*) filter (where l.type in ('acd.offer_answered', 'acd.contact_taken')),
              coalesce(sum((l.payload ->> 'talk_us')::bigint) filter (where l.type = 'acd.assignment_ended'), 0),
              coalesce(sum((l.payload ->> 'wrap_up_us')::bigint) filter (where l.type = 'acd.wrap_up_ended'), 0)
            from ledger l join agents a on (a.tenant_id, a.id) = (l.tenant_id, l.agent_id)
            join sites s on (s.tenant_id, s.id) = (a.tenant_id, a.site_id)
            where a.extension = %s and (l.occurred_at at time zone s.zone)::date = (now() at time zone s.zone)::date""",
            (extension,),
        ).fetchone()
    assert row is not None
    return dict(zip(("answered", "talk_us", "wrap_up_us"), map(int, row), strict=True))


def sees_the_agents_work(page: Page, stack: Stack, extension: str) -> None:
    """The page of agents' work shows what the ledger has, and so does the file."""
    page.goto(f"{stack.base}/work")
    row = page.locator(f"tr[data-work='{extension}']")

    def same() -> bool:
        page.locator("form.filters button[type=submit]").click()
        expect(page.locator("section.list")).to_have_attribute("aria-busy", "false", timeout=60_000)
        told = in_the_ledger(stack, extension)
        seconds = {
            name: float(row.locator(f"[data-figure={name}]").get_attribute("data-seconds") or 0)
            for name in ("talk_seconds", "wrap_up_seconds")
        }
        return bool(told["talk_us"]) and (int(row.locator("[data-figure=answered]").inner_text()), seconds) == (
            told["answered"], {"talk_seconds": round(told["talk_us"] / 1e6, 3), "wrap_up_seconds": round(told["wrap_up_us"] / 1e6, 3)},
        )  # fmt: skip

    expect(row).to_be_visible(timeout=60_000)
    eventually(same, 15.0, "the page does not show what the ledger has")
    with page.expect_download() as given:
        page.locator("[data-test=export]").click()
    assert f"{extension}," in given.value.path().read_text("utf-8-sig")


def assesses(page: Page, stack: Stack, contact: str, desk: Api, supervisor: Api) -> None:
    """The recording of the talk is assessed beside its player; the agent answers, the supervisor settles."""
    page.goto(f"{stack.base}/calls/{contact}")
    card = page.locator("article.card").first
    card.locator("[data-test=assess]").click(timeout=60_000)
    form = card.locator("[data-test=assessment][data-state=draft]")
    expect(form.locator("[data-criterion]").first).to_be_visible(timeout=60_000)
    for criterion in form.locator("[data-criterion]").all():
        criterion.locator("[data-mark]:not([data-mark=skip])").last.click()
    form.locator("[data-test=comment-text]").fill("good")
    form.locator("[data-test=comment-here]").click()
    expect(form.locator("[data-test=score]")).to_have_text("100%", timeout=60_000)
    form.locator("[data-test=publish]").click()
    expect(card.locator("[data-test=assessment][data-state=published]")).to_be_visible(timeout=60_000)

    def own() -> Any:
        return next(one for one in desk("GET", "/assessments")["items"] if one["contact"] == contact)

    seen = own()
    assert seen["percent"] == 100.0
    desk("POST", f"/assessments/{seen['id']}/answer", json={"text": "thanks"}, headers={"If-Match": f'"{seen["version"]}"'})
    page.reload()
    card.locator("[data-test=open-assessment]").click(timeout=60_000)
    card.locator("[data-test=settle-text]").fill("noted")
    card.locator("[data-test=settle]").click()
    expect(card.locator("[data-test=assessment][data-state=settled]")).to_be_visible(timeout=60_000)
    assert own()["state"] == "settled"
    assert supervisor("GET", "/assessments/means", params={"agent": seen["agent"]["id"]})["items"][0]["count"] >= 1


@pytest.mark.req("O24", "H12", "H82", "H90", "H91", "O45")
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
        expect(card.locator("[data-test=with]")).to_contain_text(CALLER[-4:], timeout=60_000)
        card.locator("[data-test=acts]").click()
        card.locator("[data-test=silent]").click()
        page.locator("[data-test=supervision][data-state=active][data-way=silent]").wait_for()
        for tone in (CUSTOMER, AGENT):
            eventually(lambda tone=tone: hears(page, tone), 10.0, f"the supervisor does not hear {tone}")  # type: ignore[misc]
        page.locator("[data-test=way-active]").click()
        page.locator("[data-test=supervision][data-way=active]").wait_for()
        page.wait_for_timeout(3_000)
        page.locator("[data-test=intercept]").click()
        agent.wait("CALL_CLOSED")
        page.locator("[data-test=supervision]").wait_for(state="detached")
        page.goto(f"{stack.base}/desk")
        page.locator("[data-test=hang-up]").click()
        eventually(lambda: "survey" in steps(admin, CALLER), 10.0, "the customer does not go on in the flow")
        caller.hang_up()
        finish(desk, journey(admin, CALLER), "not_ready")
        supervisor = api("1100")
        contact = newest(supervisor, CALLER)["id"]
        eventually(lambda: supervisor("GET", f"/contacts/{contact}")["recordings"], 10.0, "no recording")
        assesses(page, stack, contact, desk, supervisor)
        sees_the_agents_work(page, stack, "1001")
    for one in (agent, caller):
        one.close()
    assert loudest(caller.heard, SUPERVISOR) > 0.2, "the customer never heard the supervisor"

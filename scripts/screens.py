"""Pictures of every page of a running system, in both languages, into docs/screens/ (`make screens`).

    python scripts/screens.py [STORY ...]     (a name of STORIES; without one: all)

The pages show the truth of that moment: a call is made from the customer's page, so that the desk is seen ringing, talking and wrapping
up; more are made by telephones (baresip), so that a customer's card is seen, and a queue that is waited in. Settings: see
``screen_tools``; `YITONG_DEMO_PASSWORD`. The stories of what the switch does besides calls stand in ``screens_switch``, those of what is
read afterwards in ``screens_office``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as PageError
from screen_tools import (
    ADMINISTRATOR,
    AGENT,
    LANGUAGES,
    OUT,
    SIP_PORT,
    SIZES,
    SUPERVISOR,
    URL,
    browser_of,
    keep,
    on_a_break,
    page_of,
    sign_in,
    take,
)
from screens_office import the_assessments, the_mails, the_security, the_texts, the_work
from screens_switch import the_conference, the_faxes, the_flow, the_locked_desk, the_mailbox, the_recording
from tests.system.phones import Phone

MOST_BYTES = 5_000_000


def the_call(browser: Browser, password: str) -> None:
    """From the customer's button to the wrap-up, both sides in pages."""
    with page_of(browser) as desk, page_of(browser) as customer:
        desk.goto(f"{URL}/login")
        take(desk, "login")
        desk.fill("#username", AGENT)
        desk.fill("#password", "wrong")
        desk.click("button[type=submit]")
        desk.wait_for_selector(".trouble:not(.none)")
        take(desk, "login-error")
        on_a_break(desk, AGENT, password)
        take(desk, "desk-not-ready")
        desk.click("[data-test=ready]")
        customer.goto(f"{URL}/call")
        customer.wait_for_selector("[data-test=call]")
        take(customer, "call")
        customer.click("[data-test=call]")
        customer.wait_for_selector(".incall.talking")
        customer.wait_for_timeout(1500)
        customer.click("[data-key='0']")
        desk.wait_for_selector("[data-test=answer]:enabled")
        take(desk, "desk-ringing")
        desk.click("[data-test=answer]")
        desk.wait_for_selector("[data-test=mute]:enabled")
        take(customer, "call-talking")
        take(desk, "desk-talking")
        desk.click("[data-test=hold]")
        desk.wait_for_selector(".card.held")
        take(desk, "desk-held")
        desk.click("[data-test=hold]")
        desk.wait_for_selector(".card.active")
        desk.click("[data-test=hang-up]")
        desk.wait_for_selector("#wrap-up-note")
        desk.fill("#wrap-up-note", "客户询问账单，已说明。")
        if desk.locator("input[name=code]").count():
            desk.locator("input[name=code]").first.check()
        take(desk, "desk-wrap-up")
        customer.wait_for_timeout(1000)
        customer.click("[data-key='1']")
        desk.click("[data-test=finish]")
        desk.wait_for_selector(".card.none")
        customer.wait_for_selector("[data-test=call]")
        desk.wait_for_timeout(1500)
        take(desk, "desk-ready")


def the_telephone(browser: Browser, password: str) -> None:
    """Four customers of the demo call by telephone: the first rings at the desk with her card, the others wait; another desk takes over."""
    with ExitStack() as room:
        folder = Path(room.enter_context(tempfile.TemporaryDirectory()))
        desk, board, newer = (room.enter_context(page_of(browser)) for _ in range(3))
        on_a_break(desk, AGENT, password)
        for number in ("13910010002", "13910010001", "13510010006", "15810010007"):
            caller = room.enter_context(closing(Phone(folder / number, number, SIP_PORT)))
            caller.dial("96900")
            caller.wait("CALL_ESTABLISHED")
            desk.wait_for_timeout(1500)
            caller.press("0")
        desk.wait_for_selector(".queues li >> nth=3")
        desk.click("[data-test=ready]")
        desk.wait_for_selector("[data-test=answer]:enabled")
        take(desk, "desk-ringing-phone")
        desk.click("[data-test=answer]")
        sign_in(board, SUPERVISOR, password)
        board.goto(f"{URL}/board")
        board.wait_for_selector(".tile.ringing")
        take(board, "board-busy")
        sign_in(newer, AGENT, password)
        desk.wait_for_selector(".desk[inert]")
        take(desk, "desk-taken-over")
        newer.keyboard.press("b")
        newer.click("[data-test=hang-up]")
        newer.click("[data-test=finish]")


def the_colleagues(browser: Browser, password: str) -> None:
    """A customer of the demo calls; the agent looks for a colleague, asks him, brings all three together and leaves them to it."""
    with ExitStack() as room:
        folder = Path(room.enter_context(tempfile.TemporaryDirectory()))
        desk, helper, third = (room.enter_context(page_of(browser)) for _ in range(3))
        for page, agent in ((third, "1003"), (helper, "1002"), (desk, AGENT)):
            on_a_break(page, agent, password)
            page.click("[data-test=ready]")
            page.wait_for_selector(".state.ready")
            page.keyboard.press("b")
            page.wait_for_selector(".state.not_ready")
        caller = room.enter_context(closing(Phone(folder / "caller", "13910010002", SIP_PORT)))
        caller.dial("96900")
        caller.wait("CALL_ESTABLISHED")
        desk.wait_for_timeout(1500)
        caller.press("0")
        desk.wait_for_selector(".queues li")
        desk.click("[data-test=ready]")
        desk.click("[data-test=answer]:enabled")
        desk.wait_for_selector("[data-test=pick-open]:enabled")
        desk.keyboard.press("t")
        desk.wait_for_selector("[data-pick='1002']")
        take(desk, "desk-picker")
        desk.fill("[data-test=pick]", "1003")
        desk.keyboard.press("Enter")
        third.click("[data-test=refuse]:enabled")
        desk.wait_for_selector("[data-state=over]")
        take(desk, "desk-consulting-refused")
        desk.keyboard.press("q")
        desk.wait_for_selector("[data-test=pick-open]:enabled")
        desk.keyboard.press("t")
        desk.fill("[data-test=pick]", "1002")
        desk.wait_for_selector("[data-pick='1002']")
        desk.keyboard.press("Enter")
        helper.wait_for_selector("[data-test=answer]:enabled")
        take(helper, "desk-guest-ringing")
        helper.click("[data-test=answer]")
        desk.wait_for_selector("[data-state=talking]")
        take(desk, "desk-consulting")
        desk.keyboard.press("j")
        desk.wait_for_selector("[data-state=conference]")
        take(desk, "desk-conference")
        desk.keyboard.press("t")
        desk.wait_for_selector("#wrap-up-note")
        helper.click("[data-test=hang-up]")
        for page in (desk, helper):
            page.check("input[name=next][value=not_ready]")
            page.click("[data-test=finish]")
            page.wait_for_selector(".card.none")


def the_supervisor(browser: Browser, password: str) -> None:
    """Board, wallboard, list and one call."""
    with page_of(browser) as page:
        sign_in(page, SUPERVISOR, password)
        page.goto(f"{URL}/board")
        page.wait_for_selector(".tiles")
        take(page, "board")
        page.goto(f"{URL}/board?wall=1")
        page.wait_for_selector(".wall .tiles")
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)
            keep(page.screenshot(), OUT / f"wallboard-{LANGUAGES[0]}-{width}.png")
        page.goto(f"{URL}/calls")
        page.wait_for_selector("tbody tr")
        take(page, "calls")
        page.fill("#number", "00000000")
        page.click("button[type=submit]")
        page.wait_for_selector(".list .empty b")
        take(page, "calls-none")
        page.click(".filters .plain")
        page.wait_for_selector("tbody tr")
        page.locator("tbody tr:has(.tag.ready) .link").first.click()
        page.wait_for_selector(".journey")
        page.wait_for_timeout(700)
        take(page, "calls-detail")


def the_settings(browser: Browser, password: str) -> None:
    """Lists, a dialog, the history, the flow editor with its check."""
    with page_of(browser) as page:
        sign_in(page, ADMINISTRATOR, password)
        for kind in ("queues", "users", "prompts"):
            page.goto(f"{URL}/settings/{kind}")
            page.wait_for_selector("tbody tr")
            take(page, f"settings-{kind}")
        page.goto(f"{URL}/settings/queues")
        page.locator("tbody .link").first.click()
        page.wait_for_selector("#item")
        take(page, "settings-queue")
        page.goto(f"{URL}/settings/flows")
        page.locator("tbody .link").first.click()
        page.wait_for_selector("textarea")
        page.click("[data-test=check]")
        page.wait_for_selector("aside [role=status], aside .problem")
        take(page, "settings-flow")


STORIES = (
    the_call, the_recording, the_telephone, the_colleagues, the_flow, the_conference, the_mailbox, the_faxes, the_supervisor, the_settings,
    the_locked_desk, the_texts, the_assessments, the_work, the_mails, the_security,
)  # fmt: skip


def main() -> int:
    """Take them all; returns the exit code."""
    password = os.environ.get("YITONG_DEMO_PASSWORD", "")
    if not password:
        print("screens: set YITONG_DEMO_PASSWORD (and YITONG_URL for a system elsewhere)", file=sys.stderr)
        return 2
    stories = {story.__name__: story for story in STORIES}
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = browser_of(playwright)
        try:
            for name in sys.argv[1:] or stories:
                stories[name](browser, password)
        except PageError as error:
            print(f"screens: {error}", file=sys.stderr)
            return 1
        finally:
            browser.close()
    size = sum(path.stat().st_size for path in OUT.glob("*.png"))
    print(f"screens: {len(list(OUT.glob('*.png')))} pictures, {size / 1e6:.1f} MB, in {OUT}")
    return 0 if size <= MOST_BYTES else 1


if __name__ == "__main__":
    raise SystemExit(main())

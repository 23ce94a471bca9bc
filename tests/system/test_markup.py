"""W6: what people write into names and notes is shown as it was written, on desks and in lists, and never becomes a part of the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.system.browsers import Chromium
from tests.system.desks import be_ready, dial_for_a_person, sign_in, wrap_up
from tests.system.phones import Phone
from tests.system.stack import Api, Stack

pytestmark = [pytest.mark.browser, pytest.mark.baresip, pytest.mark.timeout(300)]
CALLER = "13717186868"
MARK = '<img src=x class="injected" onerror="injected=1"><script class="injected">injected=1</script>'


def clean(page: Page) -> bool:
    """Nothing of what was written has become an element, or ran."""
    return not page.locator(".injected").count() and not page.evaluate("'injected' in window")


@pytest.mark.case("W6")
def test_markup_in_names_and_notes_is_only_text(
    stack: Stack, chromium: Chromium, api: Callable[[str], Api], phone: Callable[..., Phone]
) -> None:
    name, note, group = f"名{MARK}", f"注{MARK}", f"区{MARK}"
    admin = api("admin")
    admin("POST", "/customers", expect=201, json={"name": name, "numbers": [CALLER], "note": note, "class": group, "region": group})
    reason = admin("POST", "/config/reasons", expect=201, json={"code": "markup", "name": {"zh-CN": name, "en": name}})
    api("1002")("PUT", "/me/state", expect=204, json={"state": "not_ready"})
    caller = phone(CALLER, tone=440)
    with chromium.page(1000) as desk:
        be_ready(desk, stack, "1002")
        dial_for_a_person(caller)
        expect(desk.locator(".card .who")).to_have_text(name)
        expect(desk.locator("#customer-note")).to_have_value(note)
        assert clean(desk)
        desk.locator("[data-test=answer]:not([disabled])").click()
        desk.locator("[data-test=hang-up]").click()
        wrap_up(desk, "业务咨询", note)
        caller.hang_up()
        expect(desk.locator(".calls tbody tr").first).to_contain_text(name)
        desk.locator("[data-test=state]").click()
        desk.get_by_role("menuitem", name="名").click()
        expect(desk.locator("[data-test=state]")).to_contain_text(name)
        assert clean(desk)
        desk.locator(".calls tbody tr").first.get_by_role("link").click()
        expect(desk.locator(".detail")).to_contain_text(note)
        expect(desk.locator(".list tbody tr").first).to_contain_text(name)
        assert clean(desk)
        board = desk.context.new_page()
        sign_in(board, stack, "1100")
        board.locator("nav").wait_for()
        board.goto(f"{stack.base}/board")
        expect(board.locator(".agents li").filter(has_text="1002")).to_contain_text(name)
        assert clean(board)
        desk.get_by_role("button", name="Close").or_(desk.locator(".el-drawer__close-btn")).first.click()
    api("1002")("PUT", "/me/state", expect=204, json={"state": "not_ready"})
    admin("DELETE", f"/config/reasons/{reason['id']}", expect=204, headers={"If-Match": '"1"'})

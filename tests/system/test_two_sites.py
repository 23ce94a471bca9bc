"""Two installations with a link between them: an agent of one asks a colleague of the other and gives him the customer (T49, T50)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.system.browsers import Chromium
from tests.system.desks import be_ready, on_break, wrap_up
from tests.system.phones import Phone
from tests.system.stack import Api, Stack, eventually
from tests.system.test_hotline import steps
from tests.system.test_several_at_a_desk import TONES, all_hear, consult, everybody_on_a_break, page_hears, phone_hears, talk

pytestmark = [pytest.mark.soak, pytest.mark.browser, pytest.mark.baresip, pytest.mark.timeout(400)]
"""A second installation is too much for every run of the tests: `make soak` has it."""
CUSTOMER, SHOWN, THERE = "13910010077", "139 1001 0077", "81002"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Another installation, with a database, a switch and a core of its own."""
    running = Stack(tmp_path_factory.mktemp("other") / "home", YITONG_RTP_PORTS="57000-58999")
    try:
        running.start()
        yield running
    finally:
        running.stop()


def link(here: Stack, there: Stack, code: str, name: str) -> None:
    """What each side's administrator writes down: the other's people as 8 and their extension."""
    admin = here.person("admin")
    site = admin("GET", "/me")["site"]["id"]
    admin("POST", "/config/trunks", expect=201, json={
        "code": code, "name": {"zh-CN": name, "en": code}, "site": site, "host": "127.0.0.1", "port": there.sip_port, "transport": "tcp",
        "username": "link", "password": "one-word-for-both", "link": True,
        "distant": [{"number": THERE, "name": "李强（上海）"}, {"number": "8XXXX"}], "rewrite_called": [{"pattern": "8XXXX", "strip": 1}],
    })  # fmt: skip
    eventually(lambda: is_up(here, f"/trunk/{code}"), 20.0, "the link is not up")


def is_up(stack: Stack, trunk: str) -> bool:
    """As the metrics say."""
    told = httpx.get(f"{stack.base}/metrics", timeout=5.0, trust_env=False).text
    return any(trunk in line and line.endswith((" 1", " 1.0")) for line in told.splitlines())


def closed(person: Api) -> dict[str, Any] | None:
    """The customer's newest contact, when it is over and recorded."""
    items = person("GET", "/contacts", params={"number": CUSTOMER, "limit": 1})["items"]
    if not items or not items[0]["ended_at"]:
        return None
    detail = person("GET", f"/contacts/{items[0]['id']}")
    return detail | {"id": items[0]["id"]} if detail["recordings"] else None


@pytest.mark.req("T49", "T50")
def test_a_customer_goes_on_at_the_other_site(
    stack: Stack, other: Stack, chromium: Chromium, api: Callable[[str], Api], phone: Callable[..., Phone]
) -> None:
    everybody_on_a_break(api)
    link(stack, other, "shanghai", "上海")
    link(other, stack, "beijing", "北京")
    caller = phone(CUSTOMER, tone=TONES["customer"])
    with chromium.page(TONES["first"]) as first, chromium.page(TONES["second"]) as second:
        be_ready(second, other, "1002")
        second.locator(".state.ready").wait_for(timeout=20_000)
        on_break(other.person, "1002")
        second.locator(".state.not_ready").wait_for()
        on_break(stack.person, "1001")
        talk(first, stack, "1001", caller)
        refused_there(first, second)
        all_hear(customer=(lambda: phone_hears(caller), ["first"]))
        consult(first, THERE)
        expect(second.locator("[data-test=caller]")).to_have_text(SHOWN, timeout=15_000)
        expect(second.locator("[data-test=brought]")).to_contain_text("1001")
        second.locator("[data-test=answer]:not([disabled])").click(timeout=15_000)
        all_hear(
            first=(lambda: page_hears(first), ["second"]), second=(lambda: page_hears(second), ["first"]),
            customer=(lambda: phone_hears(caller), ["something"]),
        )  # fmt: skip
        first.locator("[data-test=hand-over]").click()
        wrap_up(first, "业务咨询", "转到上海")
        all_hear(customer=(lambda: phone_hears(caller), ["second"]), second=(lambda: page_hears(second), ["customer"]))
        second.locator("[data-test=hang-up]").click()
        wrap_up(second, "业务咨询", "")
        eventually(lambda: "survey" in steps(api("admin"), CUSTOMER), 10.0, "the customer does not go on at the first site")
        caller.hang_up()
    there = eventually(lambda: closed(other.person("1100")), 20.0, "the talk is not in the other site's ledger")
    here = eventually(lambda: closed(api("1100")), 20.0, "the contact is not over")
    arrived = next(one["payload"] for one in there["events"] if one["type"] == "contact.arrived")
    assert (arrived["origin"], arrived["trunk"]) == (here["id"], "beijing")
    assert [one["kind"] for one in there["segments"]] == ["transfer", "agent"]
    assert len(there["recordings"]) == 1, "recorded there, by the rules there"
    assert "outside" in [one["kind"] for one in here["segments"]]


def refused_there(first: Page, second: Page) -> None:
    """Given away without asking, refused there: the customer is back with whom he had."""
    first.keyboard.press("t")
    first.locator(f"[data-pick='{THERE}']").wait_for()
    first.keyboard.type(THERE)
    expect(first.locator("[aria-selected=true]")).to_have_attribute("data-pick", THERE)
    first.keyboard.press("Shift+Enter")
    second.locator("[data-test=refuse]").click(timeout=20_000)
    first.locator("[data-test=answer]:not([disabled])").click(timeout=20_000)
    first.locator("[data-test=pick-open]:not([disabled])").wait_for(timeout=10_000)

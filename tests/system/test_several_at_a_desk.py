"""Several at one contact, by people at desks: consulted, gone over to, brought together, handed over; each hears exactly whom he should.

Everybody says a tone of his own. A page is asked what it hears now; of a telephone the end of the file is read into which it writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Page, expect
from tests.system.browsers import Chromium
from tests.system.desks import be_ready, dial_for_a_person, on_break, sign_in, wrap_up
from tests.system.phones import Phone
from tests.system.stack import PASSWORD, Api, Stack, eventually
from tests.system.test_hotline import steps

pytestmark = [pytest.mark.browser, pytest.mark.baresip, pytest.mark.timeout(300)]
CUSTOMER, SHOWN = "13910010002", "139 1001 0002"
TONES = {"customer": 440, "first": 700, "second": 1000}
RATE = 8_000

_LEVELS = """tones => {
  const ear = window.__ears[window.__ears.length - 1]
  if (!ear) return []
  const bins = new Float32Array(ear.analyser.frequencyBinCount)
  ear.analyser.getFloatFrequencyData(bins)
  return tones.map(tone => {
    const at = Math.round(tone * ear.analyser.fftSize / ear.context.sampleRate)
    return Math.max(...bins.slice(at - 2, at + 3))
  })
}"""
"""The level (dBFS) at each of the frequencies."""


def page_hears(page: Page) -> set[str]:
    levels: list[float | None] = page.evaluate(_LEVELS, list(TONES.values()))
    return {who for who, level in zip(TONES, levels, strict=False) if level is not None and level > -55}


def lately(phone: Phone) -> npt.NDArray[np.float64]:
    """The last second that a telephone heard; its file is not closed yet, so the header does not tell the length."""
    data = phone.heard.read_bytes()[44:]
    return np.frombuffer(data[: len(data) // 2 * 2][-2 * RATE :], "<i2").astype(float)


def phone_hears(phone: Phone) -> set[str]:
    """Whose tones; ``something`` for any other sound."""
    samples = lately(phone)
    if len(samples) < RATE or samples.std() < 30:
        return set()
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    shares = {who: power[np.abs(frequencies - tone) <= 15].sum() / power.sum() for who, tone in TONES.items()}
    return {who for who, share in shares.items() if share > 0.2} or {"something"}


def all_hear(**wanted: tuple[Callable[[], set[str]], Iterable[str]]) -> None:
    """Wait until each hears exactly those."""
    for who, (ears, whom) in wanted.items():
        names = set(whom)
        try:
            eventually(lambda ears=ears, names=names: ears() == names, 10.0)  # type: ignore[misc]
        except AssertionError:
            raise AssertionError(f"{who} hears {ears()}, not {names}") from None


def signed_on(page: Page, stack: Stack, agent: str) -> None:
    """At his desk, in a break: nobody's calls, but he can be asked."""
    be_ready(page, stack, agent)
    page.locator(".state.ready").wait_for()
    page.keyboard.press("b")
    page.locator(".state.not_ready").wait_for()


def talk(desk: Page, stack: Stack, agent: str, caller: Phone) -> None:
    """The customer calls for a person, and this agent answers in his page."""
    sign_in(desk, stack, agent)
    desk.locator("[data-test=phone] .dot.ready").wait_for()
    dial_for_a_person(caller)
    desk.locator("[data-test=ready]").click()
    desk.locator("[data-test=answer]:not([disabled])").click()
    desk.locator("[data-test=pick-open]:not([disabled])").wait_for()


def consult(desk: Page, whom: str) -> None:
    """By the keyboard alone."""
    desk.keyboard.press("t")
    desk.locator(f"[data-pick='{whom}']").wait_for()
    desk.keyboard.type(whom)
    expect(desk.locator("[aria-selected=true]")).to_have_attribute("data-pick", whom)
    desk.keyboard.press("Enter")


def everybody_on_a_break(api: Callable[[str], Api]) -> None:
    for agent in ("1001", "1002", "1003", "1004"):
        on_break(api, agent)


@pytest.mark.req("O23", "G28", "H23", "H70")
def test_consulted_gone_over_to_brought_together_and_handed_over(
    stack: Stack, chromium: Chromium, api: Callable[[str], Api], phone: Callable[..., Phone]
) -> None:
    everybody_on_a_break(api)
    caller = phone(CUSTOMER, tone=TONES["customer"])
    with (
        chromium.page(TONES["first"]) as first,
        chromium.page(TONES["second"], language="en") as second,
    ):  # fmt: skip

        def hear(customer: Iterable[str], agent: Iterable[str], helper: Iterable[str]) -> None:
            all_hear(
                customer=(lambda: phone_hears(caller), customer),
                first=(lambda: page_hears(first), agent),
                second=(lambda: page_hears(second), helper),
            )

        signed_on(second, stack, "1002")
        talk(first, stack, "1001", caller)
        hear(["first"], ["customer"], [])
        first.locator("#customer-note").fill("咨询前写下的备注")
        first.locator("[data-test=save-customer]").click()
        expect(first.get_by_text("已保存")).to_be_visible()

        consult(first, "1002")
        expect(first.locator("[data-test=customer-side]")).to_contain_text("听音乐")
        expect(first.locator("[data-test=other-side]")).to_have_text("振铃中")
        expect(second.locator("[data-test=host]")).to_contain_text("Wang Fang")
        expect(second.locator("[data-test=caller]")).to_have_text(SHOWN)
        expect(second.locator("#customer-note")).to_have_value("咨询前写下的备注")
        second.locator("[data-test=answer]:not([disabled])").click()
        expect(first.locator("[data-test=other-side]")).to_have_text("与您通话")
        hear(["something"], ["second"], ["first"])

        first.keyboard.press("s")
        expect(first.locator("[data-test=customer-side]")).to_have_text("与您通话")
        hear(["first"], ["customer"], [])
        first.keyboard.press("s")
        hear(["something"], ["second"], ["first"])

        first.keyboard.press("j")
        expect(first.locator("h2").first).to_have_text("三方通话")
        hear(["first", "second"], ["customer", "second"], ["customer", "first"])

        first.keyboard.press("t")
        wrap_up(first, "业务咨询", "转给李强")
        expect(second.locator("[data-test=host]")).to_have_count(0)
        expect(second.locator("h2").first).to_have_text("In a call")
        all_hear(customer=(lambda: phone_hears(caller), ["second"]), second=(lambda: page_hears(second), ["customer"]))
        second.locator("[data-test=hang-up]").click()
        wrap_up(second, "Complaint", "")
        eventually(lambda: "survey" in steps(api("admin"), CUSTOMER), 10.0, "the customer is not asked")
        caller.press("1")
        caller.wait("CALL_CLOSED", 20.0)
    supervisor = api("1100")
    contact = supervisor("GET", "/contacts", params={"number": CUSTOMER, "limit": 1})["items"][0]["id"]
    detail = supervisor("GET", f"/contacts/{contact}")
    assert [one["kind"] for one in detail["segments"]] == ["ivr", "queue", "agent", "agent", "survey"]
    assert len(detail["recordings"]) == 2


@pytest.mark.req("O23", "H68")
def test_refused_then_muted_then_given_away_at_once(
    stack: Stack, chromium: Chromium, api: Callable[[str], Api], phone: Callable[..., Phone]
) -> None:
    """At a desk phone: the page mutes, types and transfers for it as for its own."""
    everybody_on_a_break(api)
    caller = phone(CUSTOMER, tone=TONES["customer"])
    own = phone("1003", password=PASSWORD, tone=TONES["first"])
    other = phone("1004", password=PASSWORD, tone=TONES["second"])
    for one in (own, other):
        one.wait_registered()
    with chromium.page(300) as desk:
        be_ready(desk, stack, "1003")
        dial_for_a_person(caller)
        own.wait("CALL_INCOMING", 20.0)
        own.accept()
        desk.locator("[data-test=pick-open]:not([disabled])").wait_for()
        all_hear(customer=(lambda: phone_hears(caller), ["first"]))

        consult(desk, "1004")
        other.wait("CALL_INCOMING", 20.0)
        all_hear(customer=(lambda: phone_hears(caller), ["something"]))
        other.hang_up()
        expect(desk.locator("[data-test=other-side]")).to_have_text("拒接")
        expect(desk.locator(".told")).to_contain_text("请回到客户")
        desk.keyboard.press("q")
        all_hear(customer=(lambda: phone_hears(caller), ["first"]))

        desk.keyboard.press("m")
        expect(desk.locator("[data-test=mute]")).to_have_attribute("aria-pressed", "true")
        all_hear(customer=(lambda: phone_hears(caller), []), agent=(lambda: phone_hears(own), ["customer"]))
        desk.keyboard.press("m")
        all_hear(customer=(lambda: phone_hears(caller), ["first"]))
        desk.keyboard.press("k")
        desk.keyboard.press("5")
        assert caller.wait("CALL_DTMF_START")["param"] == "5"

        desk.keyboard.press("t")
        desk.keyboard.type("1004")
        expect(desk.locator("[aria-selected=true]")).to_have_attribute("data-pick", "1004")
        desk.keyboard.press("Shift+Enter")
        other.wait("CALL_INCOMING", 20.0)
        desk.locator("#wrap-up-note").wait_for()
        other.accept()
        all_hear(customer=(lambda: phone_hears(caller), ["second"]), colleague=(lambda: phone_hears(other), ["customer"]))
        wrap_up(desk, "业务咨询", "")
        caller.hang_up()
        other.wait("CALL_CLOSED", 10.0)
    everybody_on_a_break(api)

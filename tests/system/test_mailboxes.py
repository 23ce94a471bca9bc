"""A caller leaves a message, the owner's telephone lights its lamp, his desk shows and plays it, a telephone listens by number and PIN."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Page, expect
from tests.smsc import SmscBeside
from tests.system.browsers import Chromium
from tests.system.desks import sign_in
from tests.system.phones import Phone
from tests.system.stack import PASSWORD, Api, Stack, eventually

pytestmark = [pytest.mark.browser, pytest.mark.baresip, pytest.mark.timeout(300)]
LEAVE, LISTEN, NUMBER, PIN, OWNER = "96921", "96922", "8801", "135790", "1003"
CALLER, TONE = "13910020003", 660
PAGER, PAGER_PASSWORD = "13910029999", "hush-8ch"
NAME = {"zh-CN": "服务信箱", "en": "Service mailbox"}
END = {"kind": "hang_up"}


def flow(steps: dict[str, Any]) -> dict[str, Any]:
    return {"schema_version": 1, "name": NAME, "start": "first", "steps": {**steps, "end": END}}


@pytest.fixture(scope="module")
def centre() -> Iterator[SmscBeside]:
    """A message centre of an operator."""
    made = SmscBeside()
    yield made
    made.close()


@pytest.fixture(scope="module")
def admin(stack: Stack, centre: SmscBeside) -> Api:
    """An administrator who has set up a mailbox of an agent with a pager, and the numbers to fill it and to listen to it."""
    api = stack.person("admin")
    api("POST", "/config/text_lines", expect=201, json={
        "code": "operator", "name": NAME, "host": "127.0.0.1", "port": centre.centre.port, "system_id": "yitong", "source": "10690",
        "password": PAGER_PASSWORD,
    })  # fmt: skip
    site = api("GET", "/me")["site"]["id"]
    owner = next(one["agent"] for one in api("GET", "/config/users?limit=200")["items"] if one["username"] == OWNER)
    api("POST", "/config/mailboxes", expect=201, json={
        "code": "service", "name": NAME, "site": site, "number": NUMBER, "pin": PIN, "owners": [owner], "numbers": [LEAVE],
        "notify_number": PAGER,
    })  # fmt: skip
    ways = dict.fromkeys(("done", "nothing", "full", "failed"), "end")
    leave = flow({"first": {"kind": "leave_message", "prompts": [{"silence_ms": 100}], "next": ways}})
    inside = dict.fromkeys(("done", "refused", "timeout", "failed"), "end")
    listen = flow({"first": {"kind": "listen_mailbox", "notices": True, "next": inside}})
    for code, document, number in (("leave-here", leave, LEAVE), ("listen-here", listen, LISTEN)):
        made = api("POST", "/config/flows", expect=201, json={"code": code, "name": NAME, "document": document})["id"]
        api("POST", f"/config/flows/{made}/publish")
        api("POST", "/config/numbers", expect=201, json={"number": number, "name": NAME, "flow": made, "site": site})
    return api


def dialled(phone: Phone, number: str) -> None:
    """The call stands; a new number may not be known at once."""
    for _ in range(20):
        phone.dial(number)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            phone._read(0.1)
            kinds = [event["type"] for event in phone.events]
            if "CALL_ESTABLISHED" in kinds:
                phone.wait("CALL_ESTABLISHED")
                return
            if "CALL_CLOSED" in kinds:
                phone.wait("CALL_CLOSED")
                break
        time.sleep(0.3)
    raise AssertionError(f"{number} does not answer")


def frequency(samples: npt.NDArray[np.float64]) -> float:
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / 8000)[int(power.argmax())])


def lamp(phone: Phone, shows: str) -> None:
    """The telephone is told ``new/heard``."""

    def told() -> bool:
        phone._read(0.1)
        return any(event["type"] == "MWI_NOTIFY" and f"Voice-Message: {shows} " in event.get("param", "") for event in phone.events)

    eventually(told, 15, f"lamp {shows}; events {phone.events[-4:]}")
    phone.events.clear()


def with_lamp(phone: Callable[..., Phone]) -> Phone:
    """The owner's telephone, which shows that nothing waits.

    The switch may hear of the new mailbox a moment later than the telephone asks; and this baresip sometimes asks without end and never
    listens to the answer: another one is started then.
    """
    for _ in range(12):
        made = phone(OWNER, password=PASSWORD, mwi=True)
        made.wait_registered()
        made.has("MWI_NOTIFY", 1.5)
        if "Voice-Message: 0/0" in (made._folder / "log").read_text():
            return made
        made.close()
    raise AssertionError("no lamp")


def files(stack: Stack) -> set[Path]:
    return set((stack.home / "recordings" / "messages").rglob("*.wav"))


def spoken(stack: Stack, milliseconds: int, before: set[Path]) -> None:
    """So much of a message that is not among ``before`` is on disk."""
    eventually(lambda: any(file.stat().st_size > 44 + 16 * milliseconds for file in files(stack) - before), 30, "somebody speaks")


def chooses(phone: Phone, key: str) -> bool:
    """Whether the call is over; the key is pressed as often as it takes, for one before the question does not count."""
    phone.press(key)
    return phone.has("CALL_CLOSED", 1.0)


def kept(admin: Api, status: str = "") -> list[dict[str, Any]]:
    return list(admin("GET", f"/voice_messages?status={status}")["items"])


def paged(admin: Api, centre: SmscBeside, count: int) -> str:
    """The pager got so many notices in all; the last one says this, and the outbox shows that it was delivered."""
    eventually(lambda: len(centre.centre.taken) == count, 60, "the notice comes")
    last = centre.centre.taken[-1]
    assert last.recipient == PAGER
    assert centre.receipt(last.id, "DELIVRD") == 0
    eventually(lambda: admin("GET", "/texts?source=mailbox")["items"][0]["state"] == "delivered", 60, "its receipt is known")
    return last.text


@pytest.mark.req("G13", "G52", "H45", "H46", "H47")
def test_a_message_is_left_shown_played_and_listened_to(
    stack: Stack, chromium: Chromium, admin: Api, centre: SmscBeside, phone: Callable[..., Phone], tmp_path: Path
) -> None:
    owner = with_lamp(phone)
    caller = phone(CALLER, tone=TONE)
    with chromium.page(1000) as page:
        sign_in(page, stack, OWNER)
        page.locator("nav a[href='/mailboxes']").click()
        expect(page.locator(".empty b")).to_be_visible()

        there = files(stack)
        dialled(caller, LEAVE)
        spoken(stack, 1_500, there)
        caller.press("#")
        eventually(lambda: chooses(caller, "1"), 30, "he keeps it")
        lamp(owner, "1/0")
        badge = page.locator("[data-test=new-messages]")
        expect(badge).to_have_text("1")
        row = page.locator("[data-message]").first
        expect(row).to_be_visible()
        (message,) = kept(admin, "new")
        assert (message["calling"], message["status"], message["cause"]) == (CALLER, "new", "kept")
        assert 1_500 < message["milliseconds"] < 10_000
        assert paged(admin, centre, 1) == f"“{NAME['zh-CN']}”有 1 条新留言。请拨打 {NUMBER} 收听。"

        row.click()
        page.locator("[data-test=play]").click()
        expect(badge).to_have_count(0)
        lamp(owner, "0/1")
        sound = tmp_path / "message.wav"
        sound.write_bytes(admin("GET", f"/voice_messages/{message['id']}/audio"))
        with wave.open(str(sound)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        assert abs(frequency(samples[4000:12000]) - TONE) < 10

        page.locator("[data-test=mark-new]").click()
        expect(badge).to_have_text("1")
        lamp(owner, "1/0")
        listener = phone("13910020004", tone=1000)
        dialled(listener, LISTEN)
        listener.press(f"{NUMBER}#")
        time.sleep(0.3)
        listener.press(f"{PIN}#")
        eventually(lambda: hears(listener, TONE), 30, "the telephone plays the message")
        listener.press("6")
        eventually(lambda: "off" if page.locator("[data-test=notice]").get_attribute("aria-pressed") == "false" else reloaded(page), 60)
        listener.press("3")
        listener.press("0")
        lamp(owner, "0/0")
        expect(badge).to_have_count(0)
        assert [one["id"] for one in eventually(lambda: kept(admin, "deleted"))] == [message["id"]]
        contact = admin("GET", f"/contacts/{message['contact']}")
        assert "mailbox" in [one["kind"] for one in contact["segments"]]
        page.locator("[data-test=notice]").click()
        expect(page.locator("[data-test=notice]")).to_have_attribute("aria-pressed", "true")
        log = stack.log.read_text(errors="replace")
        assert not any(secret in log for secret in (PIN, PAGER, PAGER_PASSWORD))


def reloaded(page: Page) -> str:
    """The list of mailboxes as it is now."""
    page.reload()
    page.locator("[data-test=notice]").wait_for()
    return ""


def hears(phone: Phone, tone: int) -> bool:
    """In the last half second."""
    data = phone.heard.read_bytes()[44:]
    samples = np.frombuffer(data[: len(data) // 2 * 2][-8000:], "<i2").astype(float)
    return len(samples) == 4000 and samples.std() > 300 and abs(frequency(samples) - tone) < 15


@pytest.mark.req("G13")
def test_a_killed_core_neither_loses_nor_doubles_what_is_said(stack: Stack, admin: Api, phone: Callable[..., Phone]) -> None:
    before = {one["id"] for one in kept(admin)}
    caller = phone("13910020005", tone=TONE)
    there = files(stack)
    dialled(caller, LEAVE)
    spoken(stack, 1_500, there)
    stack.kill("core")
    spoken(stack, 2_500, there)
    caller.hang_up()
    eventually(stack.healthy, 60)
    (message,) = eventually(lambda: [one for one in kept(admin) if one["id"] not in before], 60, "the message is there")
    assert message["milliseconds"] > 2_400
    time.sleep(1.0)
    assert len([one for one in kept(admin) if one["id"] not in before]) == 1

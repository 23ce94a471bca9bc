"""Pictures of conferences, mailboxes, faxes, flows beside the agent, recording control and the locked desk, each with something in it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page
from screen_tools import AGENT, SIP_PORT, SIZES, SUPERVISOR, URL, on_a_break, page_of, sign_in, take
from tests.switches.fax_machine import FaxMachine
from tests.system.phones import Phone

from yitong.media import fax_page
from yitong.media.fax import FaxOrder

SMALL = SIZES[:1]
CONFERENCE, FAX, LEAVE = "96988", "96933", "96955"
LETTER = "订货单\n\n天然气灶具 JZT-08    12 台\n波纹管 1.5 米        24 根\n\n请于周五前送到上海市徐汇区漕溪路 100 号。\n\n一号店  刘建国"
NOTICE = "停气通知\n\n本周六 9:00 至 15:00 检修管道，届时停气。\n恢复供气前请关好阀门。\n\n服务热线 96900"


def dialled(phone: Phone, number: str) -> Phone:
    phone.dial(number)
    phone.wait("CALL_ESTABLISHED")
    return phone


@contextmanager
def talk(browser: Browser, password: str, number: str = "13910010002") -> Iterator[tuple[Page, Phone]]:
    """An agent's desk in a talk with a customer who called by telephone; wrapped up in the end."""
    with ExitStack() as room:
        folder = Path(room.enter_context(tempfile.TemporaryDirectory()))
        desk = room.enter_context(page_of(browser))
        on_a_break(desk, AGENT, password)
        caller = room.enter_context(closing(Phone(folder, number, SIP_PORT)))
        dialled(caller, "96900")
        desk.wait_for_timeout(1500)
        caller.press("0")
        desk.wait_for_selector(".queues li")
        desk.click("[data-test=ready]")
        desk.click("[data-test=answer]:enabled")
        desk.wait_for_selector("[data-test=mute]:enabled")
        yield desk, caller
        desk.click("[data-test=hang-up]")
        desk.check("input[name=next][value=not_ready]")
        desk.click("[data-test=finish]")
        desk.wait_for_selector(".card.none")


def the_recording(browser: Browser, password: str) -> None:
    """Card data is told: nothing is recorded."""
    with talk(browser, password) as (desk, _):
        desk.click("[data-test=record-pause]")
        desk.wait_for_selector("[data-test=pause-banner]")
        desk.wait_for_timeout(1500)
        take(desk, "desk-recording-paused", SMALL)
        desk.click("[data-test=record-pause]")


def the_flow(browser: Browser, password: str) -> None:
    """The customer types apart who he is, and comes back."""
    with talk(browser, password) as (desk, caller):
        desk.keyboard.press("t")
        desk.wait_for_selector("[data-pick=flow]")
        take(desk, "desk-flow-picker", SMALL)
        desk.locator("[data-test=pick]").fill("核验")
        desk.wait_for_selector("[data-pick=flow][aria-selected=true]")
        desk.keyboard.press("Enter")
        desk.wait_for_selector("[data-test=flow-form]")
        desk.click("[data-test=flow-wait]")
        desk.wait_for_selector("[data-test=beside-at]")
        desk.wait_for_timeout(3000)
        caller.press("4417")
        desk.wait_for_selector("[data-test=beside-at]:has-text('服务密码')")
        take(desk, "desk-flow-waits", SMALL)
        caller.press("135790")
        desk.wait_for_selector("[data-test=came]")
        take(desk, "desk-flow-came-back", SMALL)


def the_conference(browser: Browser, password: str) -> None:
    """A host and two callers; one asks to speak, what is said is recorded."""
    with ExitStack() as room:
        folder = Path(room.enter_context(tempfile.TemporaryDirectory()))
        page = room.enter_context(page_of(browser))
        page.on("dialog", lambda dialog: dialog.accept())
        sign_in(page, SUPERVISOR, password)
        page.goto(f"{URL}/conferences")
        page.click("[data-test=room-morning]")
        page.wait_for_timeout(500)
        take(page, "conferences-empty", SMALL)
        numbers = ("13710010004", "13910010002", "13610010005")
        callers = [room.enter_context(closing(Phone(folder / number, number, SIP_PORT))) for number in numbers]
        for one, pin in zip(callers, ("246810", "1357", "1357"), strict=True):
            dialled(one, CONFERENCE)
            one.press(f"8001#{pin}#")
        page.wait_for_selector("tbody tr >> nth=2")
        page.wait_for_selector("[data-test=member-listener] >> nth=1", timeout=60_000)
        callers[1].press("1")
        page.wait_for_selector("[data-test=member-asking]")
        page.click("[data-test=record]")
        page.wait_for_selector("[data-test=recording]")
        page.wait_for_timeout(2500)
        take(page, "conferences", SMALL)
        page.click("[data-test=end]")
        page.wait_for_selector("[data-test=end]", state="detached")
        page.click("[data-test=recording-0]")
        page.wait_for_selector(".player canvas")
        page.wait_for_timeout(1000)
        take(page, "conferences-recording", SMALL)


def the_mailbox(browser: Browser, password: str) -> None:
    """Two callers leave messages; one is opened."""
    with ExitStack() as room:
        folder = Path(room.enter_context(tempfile.TemporaryDirectory()))
        page = room.enter_context(page_of(browser))
        sign_in(page, SUPERVISOR, password)
        for number in ("13910010002", "13510010006"):
            caller = dialled(room.enter_context(closing(Phone(folder / number, number, SIP_PORT))), LEAVE)
            page.wait_for_timeout(14_000)  # the greeting, then some words
            caller.hang_up()
        page.goto(f"{URL}/mailboxes")
        page.wait_for_selector("[data-message] >> nth=1")
        page.locator("[data-message]").first.click()
        page.wait_for_selector(".player canvas")
        page.wait_for_timeout(1000)
        take(page, "mailboxes", SMALL)


def the_faxes(browser: Browser, password: str) -> None:
    """A machine sends a letter; it is looked at; a notice is about to be sent."""
    with tempfile.TemporaryDirectory() as folder, page_of(browser) as page:
        with ThreadPoolExecutor(1) as beside:
            beside.submit(asyncio.run, faxed(Path(folder) / "letter.tif", "02155510001")).result()
        sign_in(page, SUPERVISOR, password)
        page.goto(f"{URL}/faxes")
        page.wait_for_selector("tbody tr")
        take(page, "faxes", SMALL)
        page.locator("tbody tr").first.click()
        page.wait_for_selector(".sheet img")
        page.wait_for_timeout(700)
        take(page, "faxes-one", SMALL)
        page.goto(f"{URL}/faxes/sendings")
        page.click(".filters .primary")
        page.click(".sources button >> nth=1")
        page.fill("#fax-name", "停气通知")
        page.fill("#fax-text", NOTICE)
        page.fill("#fax-numbers", "02155510001,一号店\n02155510002,二号店\n没有号码\n02155510001")
        page.click("[data-test=fax-preview]")
        page.wait_for_selector(".what .sheet img")
        page.click("[data-test=fax-check]")
        page.wait_for_selector(".bad li")
        take(page, "faxes-send", SMALL)


async def faxed(file: Path, user: str) -> None:
    """A fax machine calls and sends a page."""
    fax_page.save(fax_page.from_text(LETTER, "一号店"), file)
    machine = FaxMachine(user, ("127.0.0.1", SIP_PORT), FaxOrder(sends=True, file=str(file), station=user))
    await machine.open()
    try:
        machine.call(FAX)
        for _ in range(1_200):
            if machine.modem.result and machine.released:
                break
            await asyncio.sleep(0.1)
    finally:
        machine.close()


def the_locked_desk(browser: Browser, password: str) -> None:
    """A break behind a lock."""
    with page_of(browser) as desk:
        on_a_break(desk, AGENT, password)
        desk.keyboard.press("?")
        desk.wait_for_selector("[role=dialog] dl")
        take(desk, "desk-keys", SMALL)
        desk.keyboard.press("Escape")
        desk.wait_for_selector("[role=dialog] dl", state="hidden")
        desk.keyboard.press("l")
        desk.wait_for_selector("[data-test=lock-form]")
        desk.locator("[data-test=lock-reason]").select_option(index=2)
        take(desk, "desk-lock", SMALL)
        desk.click("[data-test=lock]")
        desk.wait_for_selector("[data-test=unlock]")
        desk.wait_for_timeout(500)
        take(desk, "desk-locked", SMALL)
        desk.fill("[data-test=unlock-password]", password)
        desk.click("[data-test=unlock]")
        desk.wait_for_selector(".card.none")

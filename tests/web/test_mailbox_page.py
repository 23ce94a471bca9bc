"""The messages page in a real browser, over the real core and worker: the badge, playing, marking, deleting, taking back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect
from tests.chromium import chromium
from tests.web.centre import Centre
from tests.web.world import HOTLINE, NAME, PASSWORD, World, write_wav

from yitong.sim.callers import Customer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
STEP = {"kind": "leave_message", "prompts": [{"silence_ms": 100}], "too_short_prompts": [], "review": False}
LEAVE: dict[str, Any] = {
    "schema_version": 1, "name": NAME, "start": "leave",
    "steps": {"leave": {**STEP, "mailbox": "service", "next": dict.fromkeys(("done", "nothing", "full", "failed"), "end")},
              "end": {"kind": "hang_up"}},
}  # fmt: skip


async def message(world: World, centre: Centre) -> None:
    """Somebody calls and leaves one, whose sound is a tone."""
    admin = await world.headers("admin")
    path = f"/config/flows/{world.mine.ids['flow']}"
    given = {"code": "hotline", "name": NAME, "document": LEAVE}
    version = (await world.ask("GET", path, admin)).headers["etag"]
    assert (await world.ask("PUT", path, admin, json=given, headers={"If-Match": version})).status_code == 200
    answer = await world.ask("POST", f"{path}/publish", admin)
    assert answer.status_code == 200, answer.text
    await world.configured()
    Customer(centre.switch(), tenant=world.mine.id, called=HOTLINE, calling="13900000077")


async def signed_in(page: Page, world: World) -> None:
    await page.goto(f"http://127.0.0.1:{world.port}/login")
    await page.locator("input[type=text], input[name=username]").first.fill("1001")
    await page.locator("input[type=password]").first.fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.locator("nav a[href='/mailboxes']").click()


async def test_the_messages_page(world: World, centre: Centre) -> None:
    async with world.database.transaction() as connection:
        await connection.exec_driver_sql("delete from mailbox_messages")
    await centre.start_worker()
    async with async_playwright() as player:
        browser = await player.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        page = await (await browser.new_context(locale="en", viewport={"width": 1440, "height": 900})).new_page()
        page.set_default_timeout(40_000)
        expect.set_options(timeout=40_000)
        await signed_in(page, world)
        await expect(page.locator(".empty b")).to_have_text("No messages")
        await message(world, centre)
        badge, row = page.locator("[data-test=new-messages]"), page.locator("[data-message]")
        await expect(badge).to_have_text("1")
        await expect(row).to_have_count(1)
        shown = (await world.ask("GET", "/voice_messages", await world.headers("1001"))).json()["items"][0]
        day = shown["left_at"][:10].replace("-", "/")
        write_wav(world.settings.home / "recordings" / "messages" / world.mine.id / day / f"{shown['id']}.wav", 2.0, 1)

        await row.click()
        await page.locator("[data-test=play]").click()
        await expect(badge).to_have_count(0)  # who plays it has heard it
        await page.locator("[data-test=mark-new]").click()
        await expect(badge).to_have_text("1")
        await row.focus()
        await page.keyboard.press("Delete")
        await expect(row).to_have_count(0)
        await expect(badge).to_have_count(0)
        await page.locator("[data-test=undo]").click()
        await expect(row).to_have_count(1)
        await expect(badge).to_have_text("1")
        await browser.close()

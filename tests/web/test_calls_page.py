"""The calls page in a real browser: recordings are found, heard, written to, held, deleted, brought back and taken away."""

from __future__ import annotations

import asyncio
import io
import re
from pathlib import Path

import pytest
import soundfile
from playwright.async_api import Page, async_playwright, expect
from tests.chromium import chromium
from tests.web.fax_page_walk import looks_at_a_pdf
from tests.web.test_recordings import keep, speech, sql
from tests.web.world import PASSWORD, World

from yitong.app.jobs.recordings import vault_of
from yitong.kit.clock import SystemClock

FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", "--disable-background-networking"]


HEARING = """
window.loudest = window.seconds = 0
const start = AudioBufferSourceNode.prototype.start
AudioBufferSourceNode.prototype.start = function (at) {
  window.seconds += this.buffer.duration
  for (const sample of this.buffer.getChannelData(0)) window.loudest = Math.max(window.loudest, Math.abs(sample))
  return start.call(this, at)
}
"""
"""Notes what a page plays as it comes."""


async def follows(world: World, page: Page, folder: Path) -> None:
    """A recording is heard while it is made; at its end the page can be asked again."""
    mine = world.mine
    await world.contact(mine, "now", "1001", minutes_ago=60)
    id, file = mine.ids["recording now"], f"{mine.id}/2026/{mine.ids['recording now']}.wav"
    await sql(world, "delete from recording_files where id = :id", id=id)
    await sql(world, "update recordings set ended_at = null, file = :file where id = :id", file=file, id=id)
    await sql(world, "update contacts set ended_at = null where id = :id", id=mine.contacts["now"])
    vault = vault_of(world.settings, SystemClock())
    vault.path(file).parent.mkdir(parents=True)
    made = vault.grow(file, "pcm2", 16_000)
    assert made is not None
    made.append(speech(3.0).tobytes())
    await page.goto(f"http://127.0.0.1:{world.port}/calls/{mine.contacts['now']}")
    await page.click("[data-test=follow-begin]")
    await expect(page.locator("[data-test=followed]")).to_have_text(re.compile("0:0[23]"))  # with no more than three seconds there
    await expect(page.locator("[data-test=follow-stop]")).to_be_visible()
    await page.screenshot(path=folder / "followed.png")
    made.append(speech(1.0).tobytes())
    made.finish()
    made.close()
    await expect(page.locator("[data-test=follow]")).to_be_visible()
    loud, seconds = await page.evaluate("[window.loudest, window.seconds]")
    assert loud > 0.1, "what was played is silent"
    assert seconds == 4.0
    await sql(world, "delete from recordings where id = :id", id=id)
    await sql(world, "delete from contacts where id = :id", id=mine.contacts["now"])


@pytest.mark.browser
@pytest.mark.timeout(240)
@pytest.mark.req("H86", "O42", "O44")
async def test_a_supervisor_looks_after_a_recording(world: World, tmp_path: Path) -> None:
    """Chromium, the web process, PostgreSQL and the worker's jobs."""
    mine = world.mine
    for name, age in (("other", 9), ("red", 1)):
        await world.contact(mine, name, "1001", minutes_ago=age)
    id = mine.ids["recording red"]
    soundfile.write(world.settings.home / "recordings" / f"{id}.wav", speech(12.0), 8000, subtype="PCM_16")
    await keep(world)
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = await browser.new_page(locale="zh-CN", viewport={"width": 1440, "height": 900})
        await page.add_init_script(HEARING)
        page.set_default_timeout(40_000)
        expect.set_options(timeout=40_000)
        await page.goto(f"http://127.0.0.1:{world.port}/login")
        await page.fill("#username", "1100")
        await page.fill("#password", PASSWORD)
        await page.click("button[type=submit]")
        await page.wait_for_url("**/board*")
        await follows(world, page, tmp_path)
        await page.goto(f"http://127.0.0.1:{world.port}/calls/{mine.contacts['red']}")
        parts: list[int] = []
        page.on("response", lambda answer: parts.append(answer.status) if "/sound?link=" in answer.url else None)
        await page.click("[data-test=play]")
        async with asyncio.timeout(40):
            while await page.evaluate("document.querySelector('audio').currentTime") < 0.3:
                await asyncio.sleep(0.05)
        async with page.expect_response(lambda answer: answer.url.endswith("/links")) as another:
            await page.evaluate("document.querySelector('audio').onerror()")  # as when its link died
        assert (await another.value).status == 201
        async with asyncio.timeout(40):
            while await page.evaluate("document.querySelector('audio').currentTime") < 0.6:
                await asyncio.sleep(0.05)
        await page.click("[data-test=play]")
        await page.press("canvas", "End")
        assert await page.evaluate("document.querySelector('audio').currentTime") > 10
        assert set(parts) == {206}  # by parts and by link, not as a whole
        await page.press("canvas", "Home")
        await page.press("canvas", "ArrowRight")
        await page.click("[data-test=edit-recording]")
        await page.fill("[data-test=recording-title]", "退费投诉")
        await page.fill("[data-test=recording-tags]", "投诉，退费")
        await page.fill("[data-test=recording-note]", "客户要求退还上月费用。")
        await page.fill(".marking input", "提到退费")
        await page.screenshot(path=tmp_path / "editing.png")
        await page.press(".marking input", "Enter")
        await page.click("[data-test=save-recording]")
        await expect(page.locator("article.card h3")).to_have_text("退费投诉")
        await expect(page.locator("article.card .marks")).to_contain_text("0:05 提到退费")
        for width, height in ((1440, 900), (1920, 1080)):
            await page.set_viewport_size({"width": width, "height": height})
            await page.screenshot(path=tmp_path / f"noted-{width}.png")
        async with page.expect_download() as download:
            await page.click("[data-test=download-wav]")
        taken = await (await download.value).path()
        assert soundfile.info(io.BytesIO(taken.read_bytes())).frames == 12 * 8000
        assert b"user 1100" in taken.read_bytes()[:400]
        await page.click("[data-test=hold-recording]")
        await page.fill("input.why", "与客户有争议")
        await page.click("[data-test=confirm-reason]")
        await expect(page.locator("[data-test=delete-recording]")).to_be_disabled()
        await page.click("[data-test=hold-recording]")
        await page.fill("input.why", "争议已解决")
        await page.press("input.why", "Enter")
        await page.click("[data-test=delete-recording]:enabled")
        await page.fill("input.why", "客户要求删除")
        await page.screenshot(path=tmp_path / "deleting.png")
        await page.click("[data-test=confirm-reason]")
        await expect(page.locator(".gone")).to_contain_text("客户要求删除")
        assert (await world.ask("GET", f"/recordings/{id}", await world.headers("1100"))).status_code == 410
        await page.screenshot(path=tmp_path / "deleted.png")
        await page.click("[data-test=restore-recording]")
        await expect(page.locator("[data-test=play]")).to_be_visible()
        await page.goto(f"http://127.0.0.1:{world.port}/calls")
        await expect(page.locator(".list tbody tr")).to_have_count(2)
        await page.click("[data-test=more-facts]")
        await page.click("[data-test=tag]")
        await page.click(".el-select-dropdown__item:has-text('退费')")
        await expect(page.locator(".list tbody tr")).to_have_count(1)
        for width, height in ((1440, 900), (1920, 1080)):
            await page.set_viewport_size({"width": width, "height": height})
            await page.screenshot(path=tmp_path / f"found-{width}.png")
        await sql(
            world, "insert into recording_faults (file, code, tenant_id, recording_id, found_at)"
            " values ('there.wav.sealed', 'missing', :tenant, :id, now())", tenant=mine.id, id=id,
        )  # fmt: skip
        await page.reload()
        await page.click("[data-test=faults] button")
        await expect(page.locator("[data-test=faults]")).to_contain_text("请从备份中按此名称恢复")
        await page.screenshot(path=tmp_path / "faults.png")
        await page.click("[data-test=more-facts]")
        await page.fill("#shortest", "30")
        await page.press("#shortest", "Enter")
        await expect(page.locator(".list tbody tr")).to_have_count(0)
        await looks_at_a_pdf(page, f"http://127.0.0.1:{world.port}")
        await browser.close()

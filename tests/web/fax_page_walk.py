"""What a person does on the page Faxes with a PDF: it is looked at before it is sent, or refused with a sentence that says what to do."""

from __future__ import annotations

from playwright.async_api import Page, expect
from tests.media.test_pdf_pages import LOCKED, pdf


async def looks_at_a_pdf(page: Page, base: str) -> None:
    await page.goto(f"{base}/faxes/sendings")
    await page.click(".filters .primary")
    await page.set_input_files("#fax-file", {"name": "价目表.pdf", "mimeType": "application/pdf", "buffer": pdf(2)})
    await page.click("[data-test=fax-preview]")
    await expect(page.locator(".what .turner")).to_contain_text("共 2 页")
    await expect(page.locator(".what .sheet img")).to_be_visible()
    await page.set_input_files("#fax-file", {"name": "合同.pdf", "mimeType": "application/pdf", "buffer": LOCKED})
    await page.click("[data-test=fax-preview]")
    await expect(page.locator("[role=dialog] [role=alert]")).to_contain_text("不加密的 PDF")

"""What the pictures of the pages are taken with: browsers of several people, and a page kept in both languages.

Settings: ``YITONG_URL`` (default: this machine, ``YITONG_HTTP_PORT``), ``YITONG_SIP_PORT``, ``YITONG_CHROMIUM``, ``YITONG_SCREENS`` (the
folder).
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, Playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the telephones and fax machines of the tests

OUT = Path(os.environ.get("YITONG_SCREENS") or ROOT / "docs" / "screens")
URL = os.environ.get("YITONG_URL") or f"http://localhost:{os.environ.get('YITONG_HTTP_PORT') or 8000}"
SIP_PORT = int(os.environ.get("YITONG_SIP_PORT") or 5060)
SIZES = ((1440, 900), (1920, 1080))
LANGUAGES = ("zh-CN", "en")
AGENT, SUPERVISOR, ADMINISTRATOR = "1001", "1100", "admin"
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection",
]  # fmt: skip


def browser_of(playwright: Playwright) -> Browser:
    """Debian's Chromium, or the one that ``YITONG_CHROMIUM`` names."""
    browser = os.environ.get("YITONG_CHROMIUM") or shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
    return playwright.chromium.launch(executable_path=browser, args=_FLAGS)


@contextmanager
def page_of(browser: Browser) -> Iterator[Page]:
    """A browser of its own, as another person would have."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["microphone"], locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(30_000)
    try:
        yield page
    finally:
        context.close()


def sign_in(page: Page, username: str, password: str) -> None:
    """Through the page, as everybody does."""
    page.goto(f"{URL}/login")
    page.fill("#username", username)
    page.fill("#password", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda address: not address.split("?")[0].endswith("/login"))


def take(page: Page, name: str, sizes: Sequence[tuple[int, int]] = SIZES) -> None:
    """The page as it stands, in both languages and in ``sizes``, without loading it anew."""
    for language in LANGUAGES:
        page.locator(f"[role=group] button[lang='{language}']").evaluate("button => button.click()")
        for width, height in sizes:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)
            keep(page.screenshot(), OUT / f"{name}-{language}-{width}.png")
    page.locator(f"[role=group] button[lang='{LANGUAGES[0]}']").evaluate("button => button.click()")
    page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})


def keep(png: bytes, path: Path) -> None:
    """Write ``png`` with a palette: these pages have few colours."""
    Image.open(io.BytesIO(png)).convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def on_a_break(desk: Page, agent: str, password: str) -> None:
    """The desk of an agent who does not take calls yet."""
    sign_in(desk, agent, password)
    desk.wait_for_selector("[data-test=phone] .dot.ready")
    if desk.locator("[data-test=ready]").count() == 0:
        desk.keyboard.press("b")
    desk.wait_for_selector("[data-test=ready]")

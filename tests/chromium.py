"""Debian's Chromium without a screen: its headless shell, at half the cost of the whole browser, which serves where there is none."""

from __future__ import annotations

import shutil

NAMES = ("chromium-headless-shell", "chromium")


def chromium() -> str:
    """The browser's command."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"no Chromium: apt-get install {NAMES[0]}"
    return found

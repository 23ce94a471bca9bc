"""Our T.30 talks with another maker's: Debian's efax, at a Class 1 modem whose line leads to our terminal. Pages both ways."""

from __future__ import annotations

import subprocess
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.media.class1_modem import Class1Modem, efax, pace
from tests.media.test_fax import document

from yitong.media import fax_page
from yitong.media.fax import FaxOrder, FaxResult, FaxTerminal

pytestmark = [pytest.mark.fax, pytest.mark.efax]
_SILENCE = np.zeros(160, dtype=np.int16)
_DELAY = 10
"""Frames on the line, as in a network; the program needs a moment between its commands."""
_HEADER = 20
"""Blank lines that efax puts above a page for its header."""


def talk(modem: Class1Modem, program: subprocess.Popen[bytes], ours: FaxTerminal, seconds: float = 90.0) -> FaxResult:
    """A call in real time, until the program has ended."""
    there, back = deque([_SILENCE] * _DELAY), deque([_SILENCE] * _DELAY)
    begun, turn = time.monotonic(), 0
    try:
        while program.poll() is None and time.monotonic() - begun < seconds:
            there.append(modem.turn(back.popleft()))
            ours.hear(there.popleft())
            back.append(ours.speak())
            turn += 1
            pace(begun, turn)
        return ours.close()
    finally:
        if program.poll() is None:
            program.kill()
        program.wait()
        modem.close()


def to_us(folder: Path) -> None:
    """efax sends, we receive."""
    (sent,) = document(folder / "page.tif", 1)
    sent.save(folder / "page.pbm")
    subprocess.run(["efix", "-i", "pbm", "-o", "tiffg3", "-n", "page.g3", "page.pbm"], cwd=folder, check=True, capture_output=True)
    modem = Class1Modem()
    program = efax(modem, folder, "-h", "", "-t", "123", "page.g3")
    came = talk(modem, program, FaxTerminal(FaxOrder(sends=False, file=str(folder / "came.tif"), station="8008")))
    assert program.returncode == 0, (folder / "efax.log").read_text()
    assert (came.reason, came.pages, came.station) == ("ok", 1, "0217777")
    with Image.open(folder / "came.tif") as picture:
        page = picture.convert("1").crop((0, _HEADER, fax_page.WIDTH, _HEADER + fax_page.HEIGHT))
    assert page.tobytes() == sent.tobytes()


def from_us(folder: Path) -> None:
    """We send, efax receives."""
    (page,) = document(folder / "page.tif", 1, seed=2)
    modem = Class1Modem()
    program = efax(modem, folder, "-r", "came")
    sent = talk(modem, program, FaxTerminal(FaxOrder(sends=True, file=str(folder / "page.tif"), station="8008")))
    assert program.returncode == 0, (folder / "efax.log").read_text()
    assert (sent.reason, sent.pages, sent.station) == ("ok", 1, "0217777")
    assert "8008" in (folder / "efax.log").read_text("latin-1")
    with Image.open(folder / "came.001") as picture:
        assert picture.convert("1").tobytes() == page.tobytes()


def test_pages_go_both_ways(tmp_path: Path) -> None:
    folders = [tmp_path / "to us", tmp_path / "from us"]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(way, folder) for way, folder in zip((to_us, from_us), folders, strict=True)]
    for call in calls:
        call.result()

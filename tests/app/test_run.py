"""``yitong run`` as an operator sees it: the page, the second start, the ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.ports import free_port

Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Run]:
    """``start(**settings)`` runs the product on this test's home."""
    started: list[subprocess.Popen[str]] = []
    ports = {name: str(free_port()) for name in ("YITONG_HTTP_PORT", "YITONG_SIP_PORT", "YITONG_SIP_WS_PORT")}

    def run(**settings: str) -> subprocess.Popen[str]:
        environment = {**os.environ, **ports, "YITONG_HOME": str(tmp_path / "home"), "YITONG_RTP_PORTS": "40000-40999", **settings}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # modules stay compiled, as at an operator's
        with (tmp_path / "stderr").open("a") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "yitong.app.cli", "run"], env=environment, text=True, cwd=tmp_path,
                stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def page(process: subprocess.Popen[str]) -> str:
    """The start page, from its first rule to its second."""
    lines: list[str] = []
    assert process.stdout is not None
    while sum(line.startswith("──") for line in lines) < 2:
        line = process.stdout.readline()
        assert line, "it ended before its page"
        lines.append(line)
    return "".join(lines)


def descendants(pid: int) -> list[int]:
    found = [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]
    return found + [deeper for one in found for deeper in descendants(one)]


def left(pids: list[int], seconds: float) -> list[str]:
    """Which of ``pids`` still live after ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(Path(f"/proc/{pid}/exe").exists() for pid in pids):
        time.sleep(0.1)
    return [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids if Path(f"/proc/{pid}/exe").exists()]


@pytest.mark.timeout(300)
def test_the_page_the_second_start_and_both_ends(start: Run) -> None:
    first = start()
    shown = page(first)
    password = re.search(r"Password +(\S{10,})\n", shown)
    assert password is not None, shown
    assert "96900" in shown
    assert "1001 to 1004" in shown
    everything = descendants(first.pid)
    first.kill()
    first.wait()
    assert left(everything, 25) == []

    second = start()
    shown = page(second)
    assert password[1] not in shown
    assert "as printed at the first start" in shown
    everything = descendants(second.pid)
    other = start(YITONG_HTTP_PORT=str(free_port()))
    assert other.wait(30) == 2  # one home, one supervisor
    second.send_signal(signal.SIGINT)
    assert second.wait(60) == 0
    assert left(everything, 1) == []

    third = start()
    page(third)
    everything = descendants(third.pid)
    third.send_signal(signal.SIGINT)
    time.sleep(0.2)
    third.send_signal(signal.SIGINT)  # in a hurry
    third.wait(20)
    assert left(everything, 5) == []


def test_a_taken_port_is_said_in_one_sentence(start: Run, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(YITONG_HTTP_PORT=str(taken.getsockname()[1]))
        assert process.wait(30) == 2
    assert re.fullmatch(r"yitong: Port \d+ is in use .*: set YITONG_HTTP_PORT to a free one\.\n", (tmp_path / "stderr").read_text())

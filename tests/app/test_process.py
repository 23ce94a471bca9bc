"""The frame of our processes, as real processes."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from yitong.app.process import Heartbeat
from yitong.kit.nats import Nats

BODY = """
import asyncio, sys
from yitong.app import process
from yitong.kit.settings import load

async def deaf():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

async def body(settings):
    frame = process.current()
    kept = asyncio.ensure_future(deaf()) if sys.argv[1] == "deaf" else None
    frame.health(lambda: process.Health(state="degraded", reason="half", figures={"calls": 3.0}))
    frame.health(lambda: process.Health(figures={"rows": 4.0}))
    frame.ready()
    try:
        if sys.argv[1] == "fails":
            raise OSError("no such thing")
        await asyncio.Event().wait()
    finally:
        print("tidy", flush=True)
        if sys.argv[1] == "stubborn":
            await asyncio.sleep(60)

import os
sys.exit(process.main("core", body, load(os.environ)))
"""


def start(kind: str, folder: Path, nats_url: str = "") -> tuple[subprocess.Popen[str], socket.socket]:
    ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ready.bind(str(folder / "n"))
    ready.settimeout(20)
    environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "n"), "YITONG_NATS_URL": nats_url, "YITONG_NODE": "box.local"}
    process = subprocess.Popen(
        [sys.executable, "-c", BODY, kind], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert ready.recv(100).decode() == f"READY=1\nMAINPID={process.pid}"
    return process, ready


def test_a_signal_ends_it_in_order(tmp_path: Path) -> None:
    process, ready = start("waits", tmp_path)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=10)
    assert (process.returncode, said) == (0, "tidy\n")
    ready.close()


def test_a_task_that_swallows_its_cancellation_keeps_nobody(tmp_path: Path) -> None:
    process, ready = start("deaf", tmp_path)
    process.send_signal(signal.SIGTERM)
    said, log = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "tidy\n")
    assert "tasks do not end" in log
    assert "deaf" in log
    ready.close()


def test_a_body_that_fails_ends_the_process_and_the_log_says_why(tmp_path: Path) -> None:
    process, ready = start("fails", tmp_path)
    _, log = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "no such thing" in log
    ready.close()


def test_one_that_does_not_tidy_up_is_ended(tmp_path: Path) -> None:
    process, ready = start("stubborn", tmp_path)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode is not None
    ready.close()


def test_without_a_descriptor_it_still_says_that_it_lives(tmp_path: Path) -> None:
    process, ready = start("waits", tmp_path)
    there = {int(name) for name in os.listdir(f"/proc/{process.pid}/fd")}
    lowest = next(number for number in range(1 << 20) if number not in there)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (lowest, lowest))
    for _ in range(2):
        assert ready.recv(100).decode() == f"WATCHDOG=1\nMAINPID={process.pid}"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0
    ready.close()


async def test_the_heart_beats(tmp_path: Path, nats: Nats, nats_url: str, until: Callable[..., Awaitable[None]]) -> None:
    beats: list[tuple[str, Heartbeat]] = []

    async def hear(subject: str, beat: Heartbeat) -> None:
        beats.append((subject, beat))

    await nats.subscribe("health.core.box-local", Heartbeat, hear)
    process, ready = start("waits", tmp_path, nats_url)
    await until(lambda: len(beats) >= 2, 15)
    subject, beat = beats[-1]
    assert (subject, beat.process, beat.pid, beat.node) == ("health.core.box-local", "core", process.pid, "box.local")
    assert (beat.state, beat.reason) == ("degraded", "half")
    assert {"calls": 3.0, "rows": 4.0}.items() <= beat.figures.items()
    assert {"descriptors", "descriptors_percent", "memory_percent", "tasks"} <= beat.figures.keys()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    ready.close()

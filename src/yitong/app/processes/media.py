"""The media process: one worker, its loop in a thread of its own, so that heartbeats and signals never meet the audio."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from yitong.app.process import Health, current
from yitong.ct.switches.soft.media_settings import MediaSettings
from yitong.ct.switches.soft.media_worker import MediaWorker
from yitong.kit.clock import Clock, SystemClock
from yitong.kit.ids import RandomIds
from yitong.kit.keyring import Keyring
from yitong.kit.settings import Settings

_SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread of ours must let the audio's thread on (Python's default is 5 ms, half a step)."""
_NICE = -11
_DISK_SECONDS = 2.0


def be_prompt() -> None:
    """Let no thread of this process keep the interpreter from the audio: each lets go of it soon, and none that holds it waits long for a
    processor on a busy machine (where we may say so). Call it before there are others: they inherit it."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)


def media_settings(settings: Settings) -> MediaSettings:
    """The worker's part of the settings. A public address is what browsers are offered first."""
    return MediaSettings(
        home=settings.home,
        socket=settings.media_socket(settings.worker),
        bind=settings.bind,
        ports=settings.media_ports(settings.worker),
        addresses=(settings.public_address,) if settings.public_address else (),
        keyring=Keyring(settings.keys_folder, SystemClock(), RandomIds()),
    )


async def run(settings: Settings) -> None:
    """Serve until cancelled."""
    frame = current()
    be_prompt()
    worker = MediaWorker(media_settings(settings), frame.clock)
    disk = Disk(settings.home, frame.clock)
    frame.tasks.keep(disk.watch, "disk")
    frame.limited(lambda short: setattr(worker, "refusing", short))
    frame.health(lambda: _health(worker, disk))
    frame.operated(busy=lambda: worker.load().ports)
    running = asyncio.get_running_loop().run_in_executor(None, worker.run)
    frame.ready()
    try:
        await asyncio.shield(running)
    finally:
        worker.stop()
        await running


def disk_used_percent(folder: Path) -> float:
    """Of the disk that recordings go to; 100 when it does not answer."""
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return 100.0
    return round(100.0 * disk.used / max(1, disk.used + disk.free), 1)


class Disk:
    """How full the disk of recordings is, asked by a thread of its own: one that stands keeps nobody from his work, and shows as silent."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._told_at = clock.monotonic()
        self._used = 0.0

    async def watch(self) -> None:
        """For ever."""
        while True:
            self._used = await asyncio.to_thread(disk_used_percent, self._folder)
            self._told_at = self._clock.monotonic()
            await self._clock.sleep(_DISK_SECONDS)

    def figures(self) -> dict[str, float]:
        """For the heartbeat."""
        return {"disk_used_percent": self._used, "disk_silent_seconds": round(self._clock.monotonic() - self._told_at, 1)}


def _health(worker: MediaWorker, disk: Disk) -> Health:
    state = worker.load()
    why = worker.refusing or ("overloaded" if state.ports >= state.capacity else "")
    figures = {"ports": state.ports, "capacity": state.capacity, "late_ticks": state.late_ticks, "tick_ms_p99": state.tick_ms_p99,
               "latest_ms": state.latest_ms} | disk.figures()  # fmt: skip
    return Health(state="degraded" if why else "ok", reason=why, figures=figures)

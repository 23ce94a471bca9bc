"""Runs children in order and keeps them running: restarts with growing pauses, an alarm when one keeps failing, an end in reverse order.

It knows nothing of what the children are; ``app/run.py`` says that.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from yitong.app.child import Child, Spec
from yitong.app.reserve import Bench
from yitong.app.watchdog import LOOK_SECONDS, Watchdog
from yitong.kit import logs
from yitong.kit.clock import Clock, SystemClock
from yitong.kit.tasks import Tasks

_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)
_WINDOW_SECONDS = 60.0
_log = logs.get("yitong.supervisor")


class StartFailed(Exception):
    """A child ended or did not serve in time at the first start."""


class Stopped(Exception):
    """A signal asked to stop while something was being started."""


class Kept:
    """One child over all its lives. ``state``: starting, running, restarting, alarm, stopped."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.child: Child | None = None
        self.state = "starting"
        self.restarts = 0
        self.renewing = False
        self.served = asyncio.Event()
        self._recent: deque[float] = deque()

    @property
    def calm(self) -> bool:
        """It did not have to be started again more than three times within the last minute."""
        return len(self._recent) <= 3

    def pause(self, now: float) -> float:
        """How long to wait before the next start: at most 5 starts within a minute, then the state is alarm and one a minute."""
        while self._recent and now - self._recent[0] > _WINDOW_SECONDS:
            self._recent.popleft()
        if len(self._recent) >= len(_PAUSES):
            self.state = "alarm"
            return _WINDOW_SECONDS
        self.state = "restarting"
        pause = _PAUSES[len(self._recent)]
        self._recent.append(now)
        return pause


class Supervisor:
    """``start`` one after the other, then ``run`` until the signals; ``stop`` ends all in reverse order."""

    def __init__(self, runtime: Path, *, log_folder: Path | None = None, show: bool = False, clock: Clock | None = None) -> None:
        """``runtime`` is a private folder with a short path (the readiness socket). ``show``: the children's output goes where ours goes,
        except that of talkative ones; else each has a file in ``log_folder``.
        """
        self._clock = clock or SystemClock()
        self._tasks = Tasks(self._clock)
        self._log_folder = log_folder
        self._show = show
        self._kept: list[Kept] = []
        self._bench: Bench | None = None
        self._dog: Watchdog | None = None
        self._stopping = False
        self._signals = 0
        self._asked = asyncio.Event()
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notify_path = runtime / "notify"
        self._notify_path.unlink(missing_ok=True)
        self._notify.bind(str(self._notify_path))
        asyncio.get_running_loop().add_reader(self._notify, self._heard)

    def listen_to_signals(self) -> None:
        """The first SIGINT, SIGTERM or SIGHUP stops in order, the second at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled)

    def states(self) -> dict[str, tuple[str, int, int]]:
        """Per child: state, process id (0: none), restarts so far."""
        return {one.spec.name: (one.state, one.child.pid if one.child and one.child.alive else 0, one.restarts) for one in self._kept}

    def stand_by(self, environment: Mapping[str, str]) -> None:
        """Keep a spare process that takes the place of the next of ours that dies. Call it when all have been started."""
        handed = {number for one in self._kept for number in one.spec.handed}
        bench = self._bench = Bench(environment, tuple(handed), None if self._show else self._log_folder, self._clock)
        self._tasks.keep(lambda: bench.keep(self._settled), "spare")

    async def start(self, spec: Spec) -> Kept:
        """Start a child and keep it; does not wait until it serves."""
        kept = Kept(spec)
        self._kept.append(kept)
        await self._launch(kept)
        self._tasks.start(self._keep(kept), f"keep {spec.name}")
        return kept

    async def serving(self, kept: Iterable[Kept], seconds: float) -> None:
        """Wait until all of ``kept`` serve. Raises StartFailed, naming the one that does not; Stopped at a signal."""
        end = self._clock.monotonic() + seconds
        for one in kept:
            while not one.served.is_set():
                if self._asked.is_set():
                    raise Stopped
                if one.state == "alarm" or self._clock.monotonic() > end:
                    raise StartFailed(f"{one.spec.name} does not start")
                if one.spec.there is not None and await one.spec.there():
                    self._served(one)
                await self._clock.sleep(0.05)

    def renew(self, name: str) -> None:
        """Have a child end in peace and start anew, from what is on the disk now."""
        for one in self._kept:
            if one.spec.name == name and one.child is not None and one.child.alive and not one.renewing:
                one.renewing, one.state = True, "restarting"
                self._tasks.start(one.child.end(), f"renew {name}")

    @property
    def spare(self) -> bool:
        """A spare process stands by."""
        return self._bench is not None and self._bench.there

    def drop_spare(self) -> None:
        """The spare has imported what was on the disk then; another one takes its place."""
        if self._bench is not None:
            self._bench.dismiss()

    def watch_over(self, seconds: float = LOOK_SECONDS) -> None:
        """Notice children of ours that hang. Call it when all have been started."""
        dog = self._dog = Watchdog(self._beating, self._strike, self._clock)
        self._tasks.keep(lambda: dog.watch(seconds), "watchdog")

    def _beating(self) -> dict[str, int]:
        """Those with a heartbeat; engines have none that we could hear."""
        ours = (one for one in self._kept if one.spec.there is None and one.state == "running" and not one.renewing)
        return {one.spec.name: one.child.pid for one in ours if one.child is not None and one.child.alive}

    def _strike(self, name: str) -> None:
        for one in self._kept:
            if one.spec.name == name and one.child is not None:
                one.child.send_group(signal.SIGKILL)

    def leave(self) -> None:
        """End everything in order, as a signal would."""
        self._asked.set()

    async def run(self) -> None:
        """Until a signal asks to stop."""
        await self._asked.wait()

    async def stop(self) -> None:
        """End all in reverse order; a second signal meanwhile ends them at once."""
        self._stopping = True
        if self._bench is not None:
            self._bench.dismiss()
        for one in reversed(self._kept):
            if one.child is not None and one.child.alive:
                await one.child.end()
            if one.child is not None:
                one.child.send_group(signal.SIGKILL)
            one.state = "stopped"
        await self._tasks.close()
        if self._bench is not None:
            await self._bench.close()
        asyncio.get_running_loop().remove_reader(self._notify)
        self._notify.close()
        self._notify_path.unlink(missing_ok=True)

    async def _launch(self, kept: Kept) -> None:
        kept.served.clear()
        environment = {**os.environ, **kept.spec.environment, "NOTIFY_SOCKET": str(self._notify_path)}
        spec = Spec(**{**vars(kept.spec), "environment": environment})
        # Whatever may be wrong with spares, who keeps failing does not depend on one.
        relief = self._bench.send_in(spec) if self._bench is not None and kept.calm else None
        kept.child = relief or await Child.start(spec, None if self._show and not spec.talkative else self._log_folder)
        if self._stopping:
            kept.child.send_group(signal.SIGKILL)

    async def _keep(self, kept: Kept) -> None:
        """Start it again whenever it ends."""
        while kept.child is not None:
            code = await kept.child.wait()
            if self._ends():
                return
            await self._pause(kept, code)
            if self._ends():
                return
            kept.child.send_group(signal.SIGKILL)
            kept.restarts += 1
            await self._launch(kept)
            if kept.spec.there is not None:
                self._tasks.start(self._until_there(kept, kept.child), f"there {kept.spec.name}")

    async def _pause(self, kept: Kept, code: int) -> None:
        """After its end, before its next start: none when that was wanted."""
        if kept.renewing:
            kept.renewing = False
            _log.info("child is renewed", child=kept.spec.name)
            return
        pause = kept.pause(self._clock.monotonic())
        _log.error("child ended", child=kept.spec.name, code=code, state=kept.state, again_in_seconds=pause)
        await self._clock.sleep(pause)

    def _settled(self) -> bool:
        return not self._ends() and all(one.state == "running" for one in self._kept)

    def _ends(self) -> bool:
        return self._stopping or self._asked.is_set()

    async def _until_there(self, kept: Kept, child: Child) -> None:
        assert kept.spec.there is not None
        while child.alive and not await kept.spec.there():
            await self._clock.sleep(0.2)
        if child.alive:
            self._served(kept)

    def _served(self, kept: Kept) -> None:
        kept.served.set()
        kept.state = "running"

    def _heard(self) -> None:
        """READY=1 or WATCHDOG=1 from a child, known by the process id in it."""
        try:
            lines = self._notify.recv(1024).decode("ascii", "replace").splitlines()
        except BlockingIOError:
            return
        pid = next((line.partition("=")[2] for line in lines if line.startswith("MAINPID=")), "")
        if "WATCHDOG=1" in lines and pid.isdigit() and self._dog is not None:
            self._dog.told(int(pid))
        if "READY=1" in lines:
            for one in self._kept:
                if one.child is not None and str(one.child.pid) == pid:
                    self._served(one)

    def _signalled(self) -> None:
        self._signals += 1
        self._asked.set()
        if self._signals > 1:
            if self._bench is not None:
                self._bench.dismiss()
            for one in reversed(self._kept):
                if one.child is not None and one.child.alive:
                    one.child.send_group(one.spec.at_once)

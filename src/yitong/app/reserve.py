"""The supervisor's end of a spare process: keeps one ready and sends it in where one of ours died.

Most of a restart is Python reading and running modules: two seconds of CPU for web, far more wall time when a machine has little to
spare, and desks may wait no longer than five (reliability K5). The spare (``app/spare.py``) has done that before it is needed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from yitong.app.child import Child, Spec
from yitong.kit import logs
from yitong.kit.clock import Clock

SETTLE_SECONDS = 3.0
"""How long everybody must have been serving before a spare may take CPU: a start has none to give away."""
_LONGEST_PAUSE = 60.0
_ROOM = "-" * 24
"""An argument that leaves room in the process list for the name that the spare gets later."""
_COMMAND = (sys.executable, "-m", "yitong.app.cli")
_log = logs.get("yitong.supervisor")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a spare is to become. ``log``: the file its output goes to; empty: where it goes already. ``unwanted``: open files it closes."""

    command: tuple[str, ...]
    environment: dict[str, str]
    nice: int
    log: str
    unwanted: tuple[int, ...]


class Bench:
    """The supervisor's end: keeps one spare ready and sends it in. ``handed``: the open files of everything it may have to become."""

    def __init__(self, environment: Mapping[str, str], handed: tuple[int, ...], log_folder: Path | None, clock: Clock) -> None:
        self._environment = environment
        self._handed = handed
        self._log_folder = log_folder
        self._clock = clock
        self._child: Child | None = None
        self._dismissed: Child | None = None
        self._order = -1

    async def keep(self, settled: Callable[[], bool]) -> None:
        """Start a spare whenever there is none and everybody has been serving for a while (``settled``), for ever."""
        pause = SETTLE_SECONDS
        while True:
            since = self._clock.monotonic()
            while self._clock.monotonic() - since < pause:
                await self._clock.sleep(0.5)
                if not settled():
                    since = self._clock.monotonic()
            if self._child is None:
                pause = SETTLE_SECONDS
                await self._start()
            elif not self._child.alive:
                self._forget()
                pause = min(pause * 2, _LONGEST_PAUSE)
                _log.warning("the spare process ended by itself", again_in_seconds=pause)

    def send_in(self, spec: Spec) -> Child | None:
        """The spare, which is ``spec``'s process from now on; None when there is none or it cannot be that."""
        child = self._child
        if child is None or not child.alive or spec.command[:3] != _COMMAND:
            return None
        log = "" if self._log_folder is None or spec.talkative else str(self._log_folder / f"{spec.name}.log")
        order = Order(
            command=spec.command, environment=dict(spec.environment), nice=spec.nice, log=log,
            unwanted=tuple(set(self._handed) - set(spec.handed)),
        )  # fmt: skip
        try:
            os.write(self._order, msgspec.json.encode(order) + b"\n")
        except OSError:
            return None
        finally:
            self._forget()
        child.spec = spec
        return child

    @property
    def there(self) -> bool:
        """A spare stands by."""
        return self._child is not None and self._child.alive

    def dismiss(self) -> None:
        """No spare is needed any more: it has nothing to lose and is killed."""
        if self._child is not None:
            self._child.send_group(signal.SIGKILL)
            self._dismissed = self._child
        self._forget()

    async def close(self) -> None:
        """Dismiss it and wait until it is gone. Nobody may be keeping one any more."""
        self.dismiss()
        if self._dismissed is not None:
            await self._dismissed.wait()

    async def _start(self) -> None:
        heard, self._order = os.pipe()
        command = (sys.executable, "-m", "yitong.app.spare", str(heard), _ROOM)
        spec = Spec(name="spare", command=command, environment={**os.environ, **self._environment}, handed=(heard, *self._handed))
        try:
            self._child = await Child.start(spec, self._log_folder)
        finally:
            os.close(heard)

    def _forget(self) -> None:
        self._child = None
        if self._order >= 0:
            os.close(self._order)
        self._order = -1

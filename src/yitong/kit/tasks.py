"""The one supervised way to start something that runs beside: no task is lost, no exception unheard.

``start`` runs a coroutine once. ``keep`` runs one that must never end and starts it again with growing pauses. A *vital* task that
fails ends the whole process (``failed`` is set; the process frame stops), because half a process is worse than a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

from yitong.kit.clock import Clock, SystemClock

_T = TypeVar("_T")

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_CALM_SECONDS = 30.0

_log = structlog.get_logger("yitong.tasks")


class Tasks:
    """A group of tasks that ends together."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._running: set[asyncio.Task[Any]] = set()
        self._closing = False
        self.failed: asyncio.Event = asyncio.Event()
        self.failure: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, _T], name: str, *, vital: bool = False) -> asyncio.Task[_T]:
        """Run ``work`` once beside everything else; its exception is logged, and ends the process when it is ``vital``."""
        if self._closing:
            work.close()
            raise RuntimeError(f"{name} was started while its group closes")
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(lambda done: self._ended(done, vital))
        return task

    def keep(self, make: Callable[[], Coroutine[Any, Any, None]], name: str) -> asyncio.Task[None]:
        """Run ``make()`` for ever: when it ends or fails it is started again after 0.1 s, growing to 5 s."""
        return self.start(self._again(make, name), name)

    async def close(self, seconds: float = 5.0) -> None:
        """Cancel everything and wait for it, at most ``seconds``. A task that will not end is named in the log.

        After half the time it is cancelled again: where an engine died at the same moment, its error may have taken the place of the
        first cancellation, and what waits for the engine's return went on.
        """
        self._closing = True
        current = asyncio.current_task()
        waiting = {task for task in self._running if task is not current}
        for _ in range(2):
            for task in waiting:
                task.cancel()
            if waiting:
                _, waiting = await asyncio.wait(waiting, timeout=seconds / 2)
        for task in waiting:
            _log.error("task does not end", task=task.get_name())

    def names(self) -> list[str]:
        """What runs now."""
        return sorted(task.get_name() for task in self._running)

    async def _again(self, make: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        pause = _FIRST_PAUSE
        while True:
            began = self._clock.monotonic()
            try:
                await make()
            except Exception as error:  # noqa: BLE001 - whatever it was, it is said and the work goes on
                _log.exception("task failed, is started again", task=name, error=repr(error))
            pause = _FIRST_PAUSE if self._clock.monotonic() - began > _CALM_SECONDS else min(pause * 2, _LONGEST_PAUSE)
            await self._clock.sleep(pause)

    def _ended(self, task: asyncio.Task[Any], vital: bool) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            _log.error("task failed", task=task.get_name(), vital=vital, exc_info=error)
            if vital and self.failure is None:
                self.failure = error
                self.failed.set()

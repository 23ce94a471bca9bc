"""The frame that every process of ours runs in: logging, event loop, signals, readiness, heartbeat, figures.

A process's body is ``async def run(settings: Settings) -> None`` in ``app/processes``. It builds its parts, calls ``current().ready()``,
and waits; at SIGTERM or SIGINT it is cancelled and tidies up in ``finally``, for which it has some seconds.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import msgspec
import uvloop
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from yitong.app import operate
from yitong.app.operate import Order, Standing
from yitong.kit import limits, logs
from yitong.kit.clock import Clock, SystemClock
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.settings import Settings
from yitong.kit.tasks import Tasks

Body = Callable[[Settings], Awaitable[None]]

_STOP_SECONDS = 8.0
_LEAVE_SECONDS = 2.0
_TURN_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_COLLECT = (20_000, 5, 200)
"""Objects that make the cycle collector look: the parts make next to no cycles, and values come and go by thousands a second. A look at
the middle generation is kept below 100,000 objects, some milliseconds: calls wait for it."""
_log = logs.get("yitong.process")
_current: ContextVar[Frame] = ContextVar("yitong.frame")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a process stands: ok, degraded (works, with less), draining (takes nothing new) or failed; figures for /healthz and /metrics."""

    state: str = "ok"
    reason: str = ""
    figures: dict[str, float] = {}


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """What ``health.{process}.{node}`` carries every second, and at once when the state changes."""

    process: str
    node: str
    pid: int
    state: str
    reason: str
    figures: dict[str, float]


class Frame:
    """What surrounds a body. ``tasks`` ends with the process; ``metrics`` is its Prometheus registry."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self.settings = settings
        self.clock = clock
        self.tasks = Tasks(clock)
        self.metrics = CollectorRegistry()
        ProcessCollector(registry=self.metrics)
        PlatformCollector(registry=self.metrics)
        self.draining = False
        self.limits = limits.look()
        self.voice = _Voice()
        self._heeding: list[Callable[[str], None]] = []
        self._sources: list[Callable[[], Health]] = []
        self._ready = False
        self._drain: Callable[[bool], None] | None = None
        self._busy: Callable[[], int] | None = None

    def operated(self, *, drain: Callable[[bool], None] | None = None, busy: Callable[[], int] | None = None) -> None:
        """An operator may ask: ``drain(True)`` lets nothing new in, ``drain(False)`` takes it back; ``busy`` counts what still runs."""
        self._drain, self._busy = drain, busy

    def limited(self, tell: Callable[[str], None]) -> None:
        """``tell`` hears every second what the process is short of (``Limits.short_of``), "" of nothing."""
        self._heeding.append(tell)

    async def look(self) -> None:
        """See every second how near the limits are, for ever."""
        while True:
            self.limits = limits.look()
            for tell in self._heeding:
                tell(self.limits.short_of)
            await self.clock.sleep(_LOOK_SECONDS)

    async def _ordered(self, _: str, order: Order) -> Standing:
        if order.act in ("drain", "go_on") and self._drain is not None:
            if self.draining != (order.act == "drain"):
                _log.warning("operator", order=order.act)
            self.draining = order.act == "drain"
            self._drain(self.draining)
        elif order.act == "leave":
            _log.warning("operator", order="leave")
            os.kill(os.getpid(), signal.SIGTERM)
        return Standing(draining=self.draining, busy=self._busy() if self._busy is not None else 0)

    def ready(self) -> None:
        """Say to whoever started us (the supervisor, systemd) that we serve."""
        if not self._ready:
            self._ready = True
            gc.collect()
            gc.freeze()  # what the start made lives as long as the process: the collector need not walk over it again and again
            gc.set_threshold(*_COLLECT)
            self.voice.say("READY=1")
            _log.info("ready")

    def health(self, source: Callable[[], Health]) -> None:
        """Ask ``source`` for every heartbeat; the worst state counts, figures are put together."""
        self._sources.append(source)

    def heartbeat(self) -> Heartbeat:
        """How the process stands now."""
        told = [source() for source in self._sources]
        order = ("ok", "degraded", "draining", "failed")
        told += [Health(state="draining", reason="draining")] if self.draining else []
        worst = max(told, key=lambda one: order.index(one.state), default=Health())
        state = worst.state if self._ready else max(worst.state, "degraded", key=order.index)
        return Heartbeat(
            process=self.name, node=self.settings.node, pid=os.getpid(), state=state,
            reason=worst.reason or ("" if self._ready else "starting"),
            figures={name: value for one in told for name, value in one.figures.items()} | self._own_figures(),
        )  # fmt: skip

    def _own_figures(self) -> dict[str, float]:
        return {**self.limits.figures(), "tasks": float(len(asyncio.all_tasks()))}

    async def turn(self) -> None:
        """Tell whoever started us every second that our loop turns, for ever: one that spins says nothing (``app/watchdog.py``)."""
        while True:
            if self._ready:
                self.voice.say("WATCHDOG=1")
            await self.clock.sleep(_TURN_SECONDS)

    async def beat(self) -> None:
        """Tell the heartbeat every second, and within a quarter of one when the state is another, for ever; NATS may be away."""
        nats = await Nats.connect(self.settings.nats_url, f"{self.name} health")
        subject = f"health.{self.name}.{self.settings.node.replace('.', '-')}"
        try:
            await nats.answer(operate.subject(self.name, self.settings.node), Order, self._ordered)
            while True:
                told = self.heartbeat()
                if nats.connected:
                    try:
                        await nats.publish(subject, told)
                    except OUTAGES as error:
                        _log.info("heartbeat not sent", error=repr(error))
                for _ in range(4):
                    await self.clock.sleep(0.25)
                    now = self.heartbeat()
                    if (now.state, now.reason) != (told.state, told.reason):
                        break
        finally:
            await nats.close()


def current() -> Frame:
    """The frame of the running process. Raises LookupError outside one (tests make their own with ``framed``)."""
    return _current.get()


def main(name: str, body: Body, settings: Settings) -> int:
    """Run ``body`` until a signal or its failure; returns the exit code."""
    logs.configure(name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(framed(name, body, settings))
        runner.get_loop().call_later(_LEAVE_SECONDS, _leave, runner.get_loop(), name, code)
    return code


async def framed(name: str, body: Body, settings: Settings, *, clock: Clock | None = None) -> int:
    """``main`` inside a running loop: 0 after a signal, 1 when the body ended or failed by itself."""
    frame = Frame(name, settings, clock or SystemClock())
    _current.set(frame)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    frame.tasks.keep(frame.turn, "watchdog")
    frame.tasks.keep(frame.look, "limits")
    if settings.nats_url:
        frame.tasks.keep(frame.beat, "heartbeat")
    running = frame.tasks.start(_body(body, settings), name, vital=True)
    stopping = frame.tasks.start(_any(stop, frame.tasks.failed), "signals")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    asked = stop.is_set()
    watchdog = loop.call_later(_STOP_SECONDS, _give_up, name)
    if not running.done():
        running.cancel()
        await asyncio.wait({running}, timeout=_STOP_SECONDS - 2)
    await frame.tasks.close(2.0)
    frame.voice.close()
    watchdog.cancel()
    return 0 if asked else 1


async def _body(body: Body, settings: Settings) -> None:
    await body(settings)


async def _any(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]  # noqa: TID251 - cancelled three lines below
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _leave(loop: asyncio.AbstractEventLoop, name: str, code: int) -> None:
    """A task that swallows its cancellation does not keep the process: it is named, and everything was closed before."""
    _log.error("tasks do not end", process=name, tasks=[repr(task)[:300] for task in asyncio.all_tasks(loop)])
    os._exit(code)


def _give_up(name: str) -> None:
    _log.error("does not end in time, is ended", process=name)
    os._exit(1)


class _Voice:
    """Datagrams to $NOTIFY_SOCKET, as systemd's Type=notify has it; nobody who is asleep there may hold us up. Open from the start: a
    process without a descriptor left must be able to say that it lives, or it is killed with all that it carries.
    """

    def __init__(self) -> None:
        self._path = os.environ.get("NOTIFY_SOCKET", "")
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._out = socket.socket(socket.AF_UNIX, kind) if self._path else None

    def say(self, text: str) -> None:
        if self._out is None:
            return
        path = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        try:
            self._out.sendto(f"{text}\nMAINPID={os.getpid()}".encode(), path)
        except OSError as error:
            _log.log(30 if text.startswith("READY") else 10, "nobody hears how we are", said=text, error=str(error))

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None

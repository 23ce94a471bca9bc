"""What one web process knows of the live documents that somebody watches: feeds, snapshots, whether core is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from nats.aio.subscription import Subscription

from yitong.kit.clock import Clock
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.tasks import Tasks
from yitong.web.live.feed import Document, Feed, Update

SILENT_SECONDS = 3.0
SNAPSHOT_SECONDS = 3.0
_TICK = 0.25
_AWAY: tuple[type[Exception], ...] = (*OUTAGES, msgspec.MsgspecError)
_log = structlog.get_logger("yitong.live")


class Subject(msgspec.Struct, frozen=True):
    """A live document's name: ``topic`` is ``board`` or ``desk.{agent}``."""

    tenant: str
    site: str
    topic: str

    @property
    def updates(self) -> str:
        """Where its changes are told."""
        return f"live.{self.tenant}.{self.site}.{self.topic}"

    @property
    def question(self) -> str:
        """Where its snapshot is asked."""
        return f"core.live.{self.tenant}.{self.site}"


class Watched:
    """A feed with those who watch it."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.watchers: dict[int, Callable[[], None]] = {}
        self.subscription: Subscription | None = None
        self.asked: asyncio.Task[Document] | None = None


class Hub:
    """Feeds by subject; subscribed while they are watched."""

    def __init__(self, nats: Nats, clock: Clock, tasks: Tasks) -> None:
        self._nats = nats
        self._clock = clock
        self._tasks = tasks
        self._watched: dict[Subject, Watched] = {}
        self._heard_core = clock.monotonic()
        self._subscriptions: list[Subscription] = []
        self.stale = False

    async def open(self) -> None:
        """Begin to listen for core."""
        self._subscriptions.append(await self._nats.subscribe("health.core.*", dict[str, Any], self._core_lives))
        self._nats.on_change(self._connection_changed)
        self._tasks.keep(self._watch_core, "live documents: watch core")

    async def watch(self, subject: Subject, watcher: int, wake: Callable[[], None]) -> Feed:
        """Have ``wake`` called whenever the feed of ``subject`` moved or its staleness changed."""
        watched = self._watched.get(subject)
        if watched is None:
            watched = self._watched[subject] = Watched()
        watched.watchers[watcher] = wake
        if watched.subscription is None:
            watched.subscription = await self._nats.subscribe(subject.updates, Update, self._hearer(subject))
        return watched.feed

    async def leave(self, subject: Subject, watcher: int) -> None:
        """No longer watched by ``watcher``."""
        watched = self._watched.get(subject)
        if watched is None:
            return
        watched.watchers.pop(watcher, None)
        if watched.watchers:
            return
        del self._watched[subject]
        if watched.subscription is not None and self._nats.connection.is_connected:
            await watched.subscription.unsubscribe()

    async def snapshot(self, subject: Subject) -> Document:
        """The document now; those who ask at once share one question. Raises TimeoutError while core is away."""
        watched = self._watched.get(subject) or Watched()
        if watched.asked is None or watched.asked.done():
            watched.asked = self._tasks.start(self._ask(subject, watched), f"snapshot of {subject.topic}")
            watched.asked.add_done_callback(_heard_failure)
        return await asyncio.shield(watched.asked)

    def watchers(self) -> int:
        """How many watch something here."""
        return sum(len(watched.watchers) for watched in self._watched.values())

    async def _ask(self, subject: Subject, watched: Watched) -> Document:
        try:
            document: Document = await self._nats.request(subject.question, {"topic": subject.topic}, Document, seconds=SNAPSHOT_SECONDS)
        except _AWAY as error:
            raise TimeoutError(f"no snapshot of {subject.topic}") from error
        watched.feed.begin(document.place)
        return document

    def _hearer(self, subject: Subject) -> Callable[[str, Update], Awaitable[None]]:
        async def heard(_: str, update: Update) -> None:
            watched = self._watched.get(subject)
            if watched is not None and watched.feed.hear(update):
                _wake(watched)

        return heard

    async def _core_lives(self, _: str, health: dict[str, Any]) -> None:
        if health.get("state") != "failed":
            self._heard_core = self._clock.monotonic()

    def _connection_changed(self, connected: bool) -> None:
        if connected:
            self._doubt()

    async def _watch_core(self) -> None:
        while True:
            await self._clock.sleep(_TICK)
            stale = self._clock.monotonic() - self._heard_core > SILENT_SECONDS or not self._nats.connected
            if stale == self.stale:
                continue
            self.stale = stale
            _log.warning("core is silent, live documents stand still" if stale else "core is heard again")
            self._doubt()

    def _doubt(self) -> None:
        for watched in self._watched.values():
            watched.feed.doubt()
            _wake(watched)


def _wake(watched: Watched) -> None:
    for wake in list(watched.watchers.values()):
        wake()


def _heard_failure(task: asyncio.Task[Document]) -> None:
    """The askers hear of it; nobody may have waited to the end."""
    if not task.cancelled():
        task.exception()

"""Hosts one partition's engine over NATS: lease, restart, inputs, live documents, the watch over the switch.

How decisions leave, and in what order, is in ``leaving``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Union

import msgspec
from nats.aio.msg import Msg

from yitong.app.inquiries import Inquiries
from yitong.app.leaving import Decided, Leaving, asked
from yitong.app.partition import Partition
from yitong.contact.client import Answer
from yitong.contact.engine import NOTHING, Outcome
from yitong.contact.ledger import Batch, Personal
from yitong.contact.messages import Card, Command, Question
from yitong.ct.events import AnyEvent, ServiceFailed, Snapshot, TalkChanged
from yitong.kit import logs
from yitong.kit.clock import SECOND, Clock, OnwardClock
from yitong.kit.ids import RandomIds
from yitong.kit.lease import Lease, LeaseLost
from yitong.kit.nats import OUTAGES, Nats, decode, encode
from yitong.kit.publisher import Publisher
from yitong.kit.stream import read
from yitong.kit.tasks import Tasks

RECONCILE_SECONDS = 10.0
SNAPSHOT_SECONDS = 10.0
SNAPSHOT_FACTS = 10_000
LIVE_SECONDS = 0.05
FRESH_US = 5 * SECOND
HURRIED_US = 2 * SECOND
MEET_SECONDS = 10.0
NEVER = 1 << 62
_log = logs.get("yitong.core")


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot in the KV ``core``: the engine's state, and how far the streams were when everything in it was acknowledged.

    ``at``: when it was taken; nothing in it is later.
    """

    state: bytes
    ledger: int
    personal: int
    at: int = 0


class Host:
    """One partition. ``await open()`` returns when it serves; it ends by raising in a vital task (LeaseLost, Conflict)."""

    def __init__(
        self, tenant: str, site: str, *, nats: Nats, clock: Clock, tasks: Tasks, ledger: Publisher, personal: Publisher, node: str,
        config: dict[tuple[str, str], dict[str, Any]],
    ) -> None:  # fmt: skip
        self.tenant, self.site = tenant, site
        self.corrections = 0
        self.ready = False
        self.partition = Partition(tenant, site, RandomIds(), producer=f"core/{node}")
        self.engine = self.partition.engine
        self._place = f"{tenant}.{site}"
        self._nats, self._clock, self._tasks = nats, OnwardClock(clock), tasks
        self._inquiries = Inquiries(
            tenant, nats=nats, tasks=tasks, know=self._know, answered=self._answered, ids_of=self.partition.ids_of
        )  # fmt: skip
        self._leaving = Leaving(tenant, site, ledger=ledger, personal=personal, release=self._release)
        self._node, self._config = node, config
        self._timer_changed = asyncio.Event()
        self._live_changed = asyncio.Event()
        self._behind = asyncio.Event()
        self._met = asyncio.Event()
        self._waking_at = 0
        self._facts = 0
        self._life = RandomIds().new(clock.now())
        self._commands: Any = msgspec.msgpack.Decoder(Union[tuple(self.partition.bus.commands())])  # noqa: UP007

    # --- begin ---------------------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take the lease, take up what was, listen, catch up with the switch."""
        lease = Lease(await self._nats.bucket("leases"), self._place, owner=self._node, life=self._life, clock=self._clock)
        self.engine.epoch = await lease.acquire()
        self._lease = lease
        self._tasks.start(lease.keep(), f"lease {self._place}", vital=True)
        await self._restore()
        await self._nats.hear(f"ct.event.{self._place}", list[AnyEvent], self._heard)
        await self._nats.connection.subscribe(f"core.command.{self._place}", cb=self._commanded)
        await self._nats.answer(f"core.live.{self._place}", dict[str, str], self._asked_live)
        self._nats.on_change(lambda connected: self._fall_behind() if connected else None)
        self._tasks.start(self._leaving.run(), f"decisions {self._place}", vital=True)
        self._tasks.keep(self._catch_up_always, f"switch {self._place}")
        self._tasks.start(self._time(), f"deadlines {self._place}", vital=True)
        self._tasks.keep(self._reconcile_always, f"reconciler {self._place}")
        self._tasks.keep(self._save_always, f"snapshots {self._place}")
        self._tasks.keep(self._tell_live, f"live {self._place}")
        self._behind.set()
        self.ready = True
        _log.info("partition serves", tenant=self.tenant, site=self.site, epoch=self.engine.epoch, sequence=self.engine.sequence)

    async def _restore(self) -> None:
        for (kind, key), value in self._config.items():
            self.configure(kind, key, value)
        newest, leaving = self._lease.former_at, self._leaving
        held = await (await self._nats.bucket("core")).get(self._place)
        if held is not None and held.value:
            try:
                saved: Saved = decode(held.value, Saved)
                self._not_before(saved.at)
                newest = max(newest, saved.at)
                self.engine.restore(saved.state, self._clock.now())
                leaving.ledger_at, leaving.personal_at = saved.ledger, saved.personal
            except msgspec.MsgspecError as error:
                _log.error("snapshot cannot be read, the whole ledger is", place=self._place, error=str(error))
        async for stored in read(self._nats, "PERSONAL", f"personal.{self.tenant}", after=leaving.personal_at):
            self.engine.replay_personals(decode(stored.data, list[Personal]))
            leaving.personal_at = stored.sequence
        async for stored in read(self._nats, "LEDGER", f"ledger.{self._place}", after=leaving.ledger_at):
            batch: Batch = decode(stored.data, Batch)
            newest = max(newest, batch.events[-1].occurred_at)
            self._replay(batch)
            leaving.ledger_at = stored.sequence
            self._facts += len(batch.events)  # a long way read is a reason for a snapshot as good as a long way gone
        self._not_before(newest)
        self.engine.alive_at = newest
        self.engine.replayed()

    def _replay(self, batch: Batch) -> None:
        """Facts of a former life. One that cannot be must not keep the site from serving: the switch tells what is really there."""
        try:
            self.engine.replay(batch)
        except Exception:  # noqa: BLE001 - the rest of the ledger counts
            _log.exception("facts not understood", place=self._place, first=batch.events[0].sequence)
            self.engine.sequence = max(self.engine.sequence, batch.events[-1].sequence)

    def _not_before(self, at: int) -> None:
        """Go on after ``at``, where the former life was, whatever happened to the wall clock since (F4)."""
        if moved := self._clock.not_before(at):
            _log.warning("the wall clock was set back, time goes on from the ledger's", place=self._place, seconds=moved / SECOND)

    @property
    def failure(self) -> BaseException | None:
        """Why it ended."""
        return self._tasks.failure

    # --- inputs --------------------------------------------------------------------------------------------------------------------

    def configure(self, kind: str, key: str, value: dict[str, Any] | None) -> None:
        """Published configuration changed."""
        try:
            self.engine.configure(kind, key, value)
        except (msgspec.MsgspecError, ValueError, KeyError) as error:
            _log.error("configuration not understood, the former stays", kind=kind, key=key, error=repr(error))
            return
        self._live_changed.set()
        if self.ready:
            self._commit(self.engine.timer(self._clock.now()))

    def _heard(self, _: str, events: list[AnyEvent]) -> None:
        for event in events:
            if isinstance(event, ServiceFailed) and event.reason == "old_epoch":
                self._tasks.start(self._lease.renew(), f"lease {self._place} looked at")
            self._hear(event)
        if self.engine.behind:
            self._behind.set()

    def _hear(self, event: AnyEvent) -> None:
        with logs.naming(lambda: self.partition.ids_of(event)):
            self._commit(self.engine.hear(event, self._clock.now()))
        if isinstance(event, TalkChanged):
            self._live_changed.set()  # shown, and no fact

    def _fall_behind(self) -> None:
        """NATS was away: what the switch told meanwhile was not heard."""
        self.engine.behind = True
        self._behind.set()

    async def _commanded(self, message: Msg) -> None:
        try:
            command = self._commands.decode(message.data)
        except msgspec.MsgspecError as error:
            _log.warning("command not understood", error=str(error))
            await message.respond(encode(Answer(refused="bad_request", parameters={"error": str(error)})))
            return
        with logs.naming(lambda: self.partition.ids_of(command)):
            self._obey(command, message)

    def _obey(self, command: Command, message: Msg) -> None:
        outcome = self.engine.obey(command, self._clock.now())
        refused = outcome.refused
        answer = Answer(ok=outcome.reply) if refused is None else Answer(refused=refused.code, parameters=refused.parameters)
        if outcome.fault is not None:
            answer = Answer(refused="fault")
        self._commit(outcome, lambda: message.respond(encode(answer)))

    async def _asked_live(self, _: str, asked: dict[str, str]) -> dict[str, Any]:
        await self._publish_live()
        seq, data = self.partition.document(asked.get("topic", ""), once=bool(asked.get("once")))
        return {"epoch": self.engine.epoch, "seq": seq, "data": data}

    # --- outputs -------------------------------------------------------------------------------------------------------------------

    def _commit(self, outcome: Outcome, answer: Callable[[], Awaitable[None]] | None = None) -> None:
        """Publish what became true; the rest follows when it is acknowledged."""
        if outcome.fault is not None:
            _log.error("a decision failed", place=self._place, exc_info=outcome.fault)
        deadline = self.engine.next_deadline()
        if deadline is not None and deadline < self._waking_at:
            self._timer_changed.set()
        if outcome is NOTHING and answer is None:
            return
        if outcome.batch is not None:
            self._facts += len(outcome.batch.events)
        self._leaving.take(Decided(outcome=outcome, answer=answer))
        self._live_changed.set()

    async def _release(self, decided: list[Decided]) -> None:
        services = asked(decided)
        if services:
            await self._nats.publish(f"ct.service.{self._place}", services)
        for one in decided:
            if one.answer is not None:
                await one.answer()
            for question in one.outcome.questions:
                self._inquiries.ask(question)

    def _know(self, contact: str, card: Card | None) -> None:
        self._commit(self.engine.know(contact, card, self._clock.now()))

    def _answered(self, question: Question, answer: str) -> None:
        self._commit(self.engine.answered(question, answer, self._clock.now()))

    async def _tell_live(self) -> None:
        while True:
            await self._live_changed.wait()
            self._live_changed.clear()
            try:
                await self._publish_live()
            except OUTAGES as error:
                _log.info("live documents not told", error=repr(error))
            await self._clock.sleep(LIVE_SECONDS)

    async def _publish_live(self) -> None:
        for update in self.partition.told():
            told = {"epoch": self.engine.epoch, "seq": update.seq, "changes": update.changes}
            await self._nats.publish(f"live.{self._place}.{update.topic}", told)

    # --- the switch ----------------------------------------------------------------------------------------------------------------

    async def _monitor(self, epoch: int, sequence: int) -> list[AnyEvent] | Snapshot:
        """Monitor Start: the events since then, or a Snapshot. Raises TimeoutError."""
        asked = {"epoch": epoch, "sequence": sequence}
        answer: list[AnyEvent] | Snapshot = await self._nats.request(
            f"ct.monitor.{self._place}", asked, list[AnyEvent] | Snapshot, seconds=5.0
        )  # fmt: skip
        return answer

    async def _catch_up_always(self) -> None:
        """Whenever we are behind: the missing events, or the whole picture. The first time always the picture."""
        fresh_us = 0
        while True:
            await self._behind.wait()
            try:
                await self._catch_up(fresh_us)
                fresh_us = HURRIED_US
            except OUTAGES as error:
                _log.warning("the switch is silent", place=self._place, error=repr(error))
                await self._clock.sleep(0.5)

    async def _catch_up(self, fresh_us: int) -> None:
        seen = self.engine.seen
        told = await self._monitor(seen.epoch, seen.sequence)
        missed: list[AnyEvent] = told if isinstance(told, list) else []
        if not fresh_us and isinstance(told, list):
            told = await self._monitor(0, 0)
        if isinstance(told, Snapshot):
            self._heal(told, fresh_us, missed)
        else:
            self.engine.behind = False
            for event in told:
                self._hear(event)
        if not self.engine.behind:
            self._behind.clear()

    def _heal(self, snapshot: Snapshot, fresh_us: int, missed: list[AnyEvent]) -> None:
        for ended in self.engine.lapse(snapshot, now := self._clock.now(), missed=missed):
            self._commit(ended)
        outcome = self.engine.reconcile(snapshot, now, fresh_us=fresh_us, missed=missed)
        if outcome.corrections:
            self.corrections += outcome.corrections
            _log.warning("differed from the switch", place=self._place, corrections=outcome.corrections)
        self._commit(outcome)
        self._met.set()

    async def _reconcile_always(self) -> None:
        """Compare with the switch every ten seconds; a difference is healed, and counted as a mistake."""
        while True:
            await self._clock.sleep(RECONCILE_SECONDS)
            for _ in range(3):
                snapshot = await self._monitor(0, 0)
                if isinstance(snapshot, Snapshot) and self.engine.comparable(snapshot):
                    self._heal(snapshot, FRESH_US, [])
                    break
                await self._clock.sleep(1.0)
                if isinstance(snapshot, Snapshot) and self._misses(snapshot):
                    self._fall_behind()
                    break

    def _misses(self, snapshot: Snapshot) -> bool:
        """The switch told more than we heard, a second ago already."""
        seen = self.engine.seen
        return snapshot.epoch != seen.epoch or snapshot.sequence > seen.sequence

    # --- time ----------------------------------------------------------------------------------------------------------------------

    async def _time(self) -> None:
        """Wake the engine when something is due; not before it has met the switch again (or waited long for it)."""
        try:
            async with asyncio.timeout(MEET_SECONDS):
                await self._met.wait()
        except TimeoutError:
            _log.warning("the switch is not there", place=self._place)
        while True:
            self._timer_changed.clear()
            deadline = self.engine.next_deadline()
            now = self._clock.now()
            if deadline is not None and deadline <= now:
                self._commit(self.engine.timer(now))
                await asyncio.sleep(0)  # noqa: TID251 - lets others in between two deadlines
                continue
            self._waking_at = NEVER if deadline is None else deadline
            seconds = None if deadline is None else (deadline - now) / SECOND
            try:
                async with asyncio.timeout(seconds):  # not wait_for, which may swallow the end of the task
                    await self._timer_changed.wait()
            except TimeoutError:
                pass
            self._waking_at = 0

    # --- snapshots -----------------------------------------------------------------------------------------------------------------

    async def _save_always(self) -> None:
        since = 0.0
        while True:
            await self._clock.sleep(1.0)
            since += 1.0
            if self._facts and (since >= SNAPSHOT_SECONDS or self._facts >= SNAPSHOT_FACTS):
                since, self._facts = 0.0, 0
                self.save()

    def save(self) -> None:
        """Write a snapshot as soon as everything in it is true."""
        state, at, leaving = self.engine.state(), self._clock.now(), self._leaving

        async def write() -> None:
            saved = Saved(state=state, ledger=leaving.ledger_at, personal=leaving.personal_at, at=at)
            await (await self._nats.bucket("core")).put(self._place, encode(saved))

        leaving.afterwards(write)

    def hurry(self) -> None:
        """Let everything leave that was decided."""
        self._leaving.hurry()

    async def close(self) -> None:
        """Give the partition up in peace."""
        await self._lease.release()


__all__ = ["Host", "LeaseLost"]

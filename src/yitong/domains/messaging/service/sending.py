"""Keeps the connections to message centres up and works the outbox off, in the worker.

Any number of workers may run: each connection is held by one (a row with a term), each message is claimed by one. A message is
*submitting*, committed, before its first octet leaves. Whoever dies then leaves it so, and it becomes *uncertain*: it may have been taken,
so a person decides whether it is sent again. What was never written, or was refused for now, waits for its next try by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from yitong.domains.messaging import rules
from yitong.domains.messaging.model.texts import Answer, Bound, Channel, Due, Line, NotBound, Receipt
from yitong.domains.messaging.store import lines, work
from yitong.domains.messaging.store.lines import LineRow
from yitong.kit.clock import SECOND, Clock
from yitong.kit.database import OUTAGES, Database
from yitong.kit.sealed_text import Sealer
from yitong.kit.sealing import Damaged, KeyMissing
from yitong.kit.tasks import Tasks

SEALED_PASSWORD = "text_line.password"
LOOK_SECONDS = 2.0
IDLE_SECONDS = 0.5
TERM_US = 15 * SECOND
SETTLED_US = 120 * SECOND
"""A message that was handed over so long ago is not answered any more."""
DAY_US = 86_400 * SECOND
TIDY_SECONDS = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_log = structlog.get_logger("yitong.texts")


class Carrier:
    """One connection: bound as long as it is held, handing over what is due."""

    def __init__(self, line: Line, channel: Channel, database: Database, clock: Clock, life: str, tasks: Tasks) -> None:
        self.line = line
        self._channel = channel
        self._database = database
        self._clock = clock
        self._life = life
        self._tasks = tasks
        self._session: Bound | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._slow_until = 0.0
        self.held_until = 0
        """While the clock stands before this, nobody else has the connection."""

    async def run(self) -> None:
        """Bind, work, and bind again when it ended; the pauses grow."""
        pause = _FIRST_PAUSE
        try:
            while True:
                try:
                    self._session = await self._channel.bind(self.line, self._hear)
                except NotBound as error:
                    await self._stands("unbound", f"{error.reason} {error.detail}".strip())
                    _log.warning("a message centre is not bound", line=self.line.code, reason=error.reason, detail=error.detail)
                else:
                    pause = _FIRST_PAUSE
                    await self._stands("bound", "")
                    _log.info("a message centre is bound", line=self.line.code)
                    await self._work(self._session)
                    await self._stands("unbound", self._session.over)
                    _log.warning("a message centre is gone", line=self.line.code, reason=self._session.over)
                await self._clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            if self._session is not None:
                await self._session.close()

    async def _work(self, session: Bound) -> None:
        """Hand over what is due until the connection ends."""
        while not session.over:
            busy = False
            try:
                busy = await self._once(session)
            except OUTAGES as error:
                _log.info("text messages wait", error=str(error)[:200])
            if not busy:
                await self._clock.sleep(IDLE_SECONDS)

    async def _once(self, session: Bound) -> bool:
        now = self._clock.now()
        free = self.line.window - len(self._under_way)
        if free <= 0 or now >= self.held_until or self._clock.monotonic() < self._slow_until:
            return False
        async with self._database.transaction() as connection:
            if await lines.better_one_bound(connection, self.line.tenant, self.line.id, now):
                return False
            due = await work.claim(connection, self.line.tenant, self.line.id, self._life, now, min(free, self.line.per_second))
        for one in due:
            task = self._tasks.start(self._send(session, one), "text message")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            await self._clock.sleep(1.0 / self.line.per_second)
        return bool(due)

    async def _send(self, session: Bound, due: Due) -> None:
        parts = self._channel.parts(due.body, self.line, due.recipient, due.reference, due.lasting_seconds)
        answers: dict[int, Answer] = {}
        for place, part in enumerate(parts, 1):
            if place not in due.accepted:
                answers[place] = await session.submit(part)
                if answers[place].outcome != "accepted":
                    break  # the rest follows, or does not, with the next try
        verdict = rules.after(list(answers.values()), due.tries)
        if any(answer.outcome == "throttled" for answer in answers.values()):
            self._slow_until = self._clock.monotonic() + verdict.pause / SECOND
        await self._settle(due, answers, verdict, len(parts))

    async def _settle(self, due: Due, answers: dict[int, Answer], verdict: rules.Verdict, parts: int) -> None:
        """Write what came of it, for as long as the database is away: until then nobody sends it again."""
        while True:
            try:
                async with self._database.transaction() as connection:
                    await work.settle(connection, due, self.line.id, answers, verdict, self._clock.now(), parts)
            except OUTAGES:
                await self._clock.sleep(IDLE_SECONDS)
            else:
                return

    async def _hear(self, receipt: Receipt) -> None:
        async with self._database.transaction() as connection:
            await work.keep_receipt(connection, self.line.tenant, self.line.id, receipt, self._clock.now())

    async def _stands(self, state: str, reason: str) -> None:
        try:
            async with self._database.transaction() as connection:
                await lines.stands(connection, self.line.tenant, self.line.id, self._life, state, reason, self._clock.now())
        except OUTAGES as error:
            _log.info("a connection's state is not written", error=str(error)[:200])

    async def stop(self) -> None:
        """Say good-bye; what was handed over and is not answered is uncertain."""
        if self._session is not None:
            await self._session.close()


class Texts:
    """The job: ``life`` names this process. ``figures``: messages by state, connections that are up and down."""

    def __init__(
        self, database: Database, clock: Clock, channel: Channel, sealer: Sealer, tasks: Tasks, life: str, *, days: int = 90,
        settled_us: int = SETTLED_US,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:  # fmt: skip
        self._database = database
        self._clock = clock
        self._channel = channel
        self._sealer = sealer
        self._tasks = tasks
        self._life = life
        self._days = days
        self._settled = settled_us
        self._look = look_seconds
        self._carriers: dict[tuple[str, str], tuple[Carrier, Callable[[], object]]] = {}
        self.figures: dict[str, int] = {}
        self.faults: set[str] = set()

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                try:
                    await self.once()
                except OUTAGES as error:
                    _log.info("text messages wait", error=str(error)[:200])
                await self._clock.sleep(self._look)
        finally:
            await self._let_all_go()

    async def once(self) -> None:
        """Take up what was asked for, sweep, and hold the connections that are ours."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            while await work.take_up(connection, now):
                pass
            await work.sweep(connection, now, now - self._settled)
            rows = await lines.lines(connection)
            states, up = await work.counts(connection), await lines.counts(connection, now)
        self.figures = {f"texts_{state}": count for state, count in states.items()} | {f"text_lines_{word}": n for word, n in up.items()}
        wanted = {(row.tenant, row.id): row for row in rows}
        for key in [key for key, (carrier, _) in self._carriers.items() if not _same(carrier.line, wanted.get(key))]:
            await self._let_go(key)
        for key, row in wanted.items():
            await self._hold(key, row)

    async def tidy(self) -> None:
        """For ever: messages whose time is over go, with their numbers and texts."""
        while True:
            try:
                now = self._clock.now()
                gone = 1 if self._days else 0
                while gone:
                    async with self._database.transaction() as connection:
                        gone = await work.forget(connection, now - self._days * DAY_US, now)
            except OUTAGES as error:
                _log.info("old text messages wait", error=str(error)[:200])
            await self._clock.sleep(TIDY_SECONDS)

    async def _hold(self, key: tuple[str, str], row: LineRow) -> None:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            ours = await lines.hold(connection, *key, self._life, now, now + TERM_US)
        if not ours:
            await self._let_go(key)
            return
        if key not in self._carriers:
            line = await self._line(row)
            if line is None:
                return
            carrier = Carrier(line, self._channel, self._database, self._clock, self._life, self._tasks)
            self._carriers[key] = carrier, self._tasks.keep(carrier.run, "message centre").cancel
        self._carriers[key][0].held_until = now + TERM_US - 2 * SECOND

    async def _line(self, row: LineRow) -> Line | None:
        """The connection with its password opened; without the key it cannot be used, and says so."""
        try:
            password = await asyncio.to_thread(self._sealer.open, row.tenant, SEALED_PASSWORD, row.sealed)
        except (KeyMissing, Damaged, OSError) as error:
            _log.error("a message centre's password cannot be opened", line=row.code, error=type(error).__name__)
            async with self._database.transaction() as connection:
                await lines.stands(connection, row.tenant, row.id, self._life, "unbound", "key_missing", self._clock.now())
            return None
        given = msgspec.structs.asdict(row)
        given.pop("sealed")
        return Line(password=password, **given)

    async def _let_go(self, key: tuple[str, str]) -> None:
        held = self._carriers.pop(key, None)
        if held is not None:
            await held[0].stop()
            held[1]()
            async with self._database.transaction() as connection:
                await lines.release(connection, *key, self._life, self._clock.now())

    async def _let_all_go(self) -> None:
        for key in list(self._carriers):
            try:
                await self._let_go(key)
            except OUTAGES:
                continue


def _same(line: Line, row: LineRow | None) -> bool:
    return row is not None and row.version == line.version

"""A whole centre on a virtual clock: the simulated switch, one partition's engine, a ledger, and a core that can die at any moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from yitong.app.partition import Partition
from yitong.contact.bus import Refused
from yitong.contact.engine import Outcome
from yitong.contact.ledger import Batch, Event, Fact, Personal, fact_of
from yitong.contact.messages import Card, Command, NumberOf, WhoIs
from yitong.ct.events import AnyEvent, Snapshot
from yitong.ct.model import DeviceKind, Prompt
from yitong.domains.acd.messages import SetAgentState
from yitong.kit.clock import SECOND
from yitong.kit.ids import CountedIds
from yitong.sim.callers import Customer, Press, UntilAsked
from yitong.sim.faults import Fates, perfect
from yitong.sim.switch import Behaviour, SimDevice, SimSwitch
from yitong.sim.timeline import Happening, Timeline

TENANT, SITE, HOTLINE, QUEUE = "t1", "s1", "96900", "q1"
FLOW = json.loads((Path(__file__).parents[2] / "packs/demo/flows/hotline.json").read_text())
CODES = (
    "welcome", "menu", "wrong_key", "no_key", "information", "goodbye", "survey", "thanks", "all_busy", "closed", "music",
    "queue.next", "queue.before", "queue.after", "queue.wait_before", "queue.wait_minutes", "queue.wait_soon",
    *(f"number.{number}" for number in range(11)), "number.shi",
)  # fmt: skip
QUEUE_VALUE: dict[str, Any] = {
    "id": QUEUE, "code": "service", "name": {"en": "Service"}, "site": SITE, "requirement": [{"skill": "service", "level": 1}],
    "members": [], "strategy": "longest_idle", "objective": {"answer_within_seconds": 20, "percent": 80, "short_seconds": 5},
    "music": "music", "announce": {"position": True, "wait": True, "first_seconds": 10, "every_seconds": 30}, "ring_seconds": 20,
    "wrap_up_seconds": 5, "maximum_wait_seconds": 600, "maximum_waiting": 0, "priority": 0, "wrap_up_codes": [],
}  # fmt: skip


class World:
    """``faults`` for events to core, ``service_faults`` for services to the switch."""

    def __init__(self, *, faults: Fates = perfect, service_faults: Fates = perfect, seed_ids: int = 0) -> None:
        self.timeline = Timeline()
        self.ids = CountedIds(seed_ids)
        self.switch = SimSwitch(
            self.timeline, ids=self.ids, tenant=TENANT, site=SITE, faults=faults, service_faults=service_faults, length=lambda prompt: 3.0
        )
        self.ledger: list[bytes] = []
        self.personals: list[Personal] = []
        self.outcomes: list[Outcome] = []
        self.cards: dict[str, Card] = {}
        self.config: dict[tuple[str, str], dict[str, Any]] = {}
        self.arrivals: list[str] = []
        self.corrections = 0
        self.shared: set[str] = set()
        """Calls in which somebody was consulted: two of our devices may be connected."""
        self.dialled: set[str] = set()
        """Connections of telephones that dialled by themselves, beside whatever call they had; ``own``: the assignments that came of it."""
        self.own: set[str] = set()
        self.epoch = 0
        self.died_at = 0
        self.saved: tuple[bytes, int, int] | None = None
        self.after_each: Callable[[World], None] | None = None
        self._tick: Happening | None = None
        self._alive = 0
        self.partition: Partition | None = None
        self._configure_all()
        self.start()

    # --- configuration -------------------------------------------------------------------------------------------------------------

    def _configure_all(self) -> None:
        self.put("tenant", TENANT, {"id": TENANT, "language": "zh-CN", "zone": "Asia/Shanghai"})
        for code in CODES:
            self.put("prompt", code, {"id": code, "code": code, "language": "zh-CN", "file": f"zh/{code}.wav"})
        self.put("queue", QUEUE, QUEUE_VALUE)
        self.put("reason", "r1", {"id": "r1", "code": "lunch", "name": {"en": "Lunch"}})
        self.put("flow", "f1", {"id": "f1", "code": "hotline", "published_version": 1, "document": FLOW})
        self.put("number", "n1", {"id": "n1", "number": HOTLINE, "trunk": "", "calling": "", "flow": "f1", "site": SITE})

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        self.config[kind, key] = value
        if self.partition is not None:
            self.engine.configure(kind, key, value)

    def agent(
        self, number: str, *, usual: Behaviour | None = None, ready: bool = True, kind: DeviceKind = DeviceKind.PHONE, **more: Any
    ) -> SimDevice:
        """An agent with a device that is registered, on duty unless said otherwise."""
        config = {"id": f"a{number}", "extension": number, "name": number, "site": SITE, "skills": {"service": 5}}
        self.put("agent", f"a{number}", config | more)
        device = self.switch.register(TENANT, number, kind=kind, usual=usual or Behaviour(answer_after=2.0, hang_up_after=30.0))
        self.timeline.run(0.01)
        if ready:
            self.obey(SetAgentState(agent=f"a{number}", state="ready"))
        return device

    def caller(self, calling: str = "13800000001", *, steps: Any = (UntilAsked(), Press("0")), patience: float | None = None) -> Customer:
        """Somebody calls the hotline and presses 0."""
        customer = Customer(self.switch, tenant=TENANT, called=HOTLINE, calling=calling, steps=steps, patience_seconds=patience)
        self.arrivals.append(customer.connection)
        return customer

    # --- the host ------------------------------------------------------------------------------------------------------------------

    @property
    def engine(self) -> Any:
        assert self.partition is not None
        return self.partition.engine

    def start(self) -> None:
        """A core begins: from its snapshot and the ledger's tail, then from the switch's picture."""
        self.epoch += 1
        self._alive += 1
        life = self._alive
        self.partition = Partition(TENANT, SITE, self.ids)
        self.engine.epoch = self.epoch
        for (kind, key), value in self.config.items():
            self.engine.configure(kind, key, value)
        batches, personals = 0, 0
        if self.saved is not None:
            data, batches, personals = self.saved
            self.engine.restore(data, self.timeline.now)
        self.engine.replay_personals(self.personals[personals:])
        for raw in self.ledger[batches:]:
            self.engine.replay(msgspec.msgpack.decode(raw, type=Batch))
        self.engine.replayed()
        self.engine.alive_at = self.died_at
        self.switch.monitor(lambda event: self._hear(event, life))
        missed = self.switch.since(self.engine.seen.epoch, self.engine.seen.sequence)
        late = missed if isinstance(missed, list) else []
        self._heal(self.switch.snapshot_now(TENANT), late)
        self.timeline.after(10.0, lambda: self._reconcile(life))

    def kill(self) -> None:
        """kill -9: what was not in the ledger is gone."""
        self.switch.silence()
        self.died_at = self.timeline.now
        self._alive += 1
        self.partition = None
        if self._tick is not None:
            self._tick.cancel()

    def restart(self, seconds: float = 0.0) -> None:
        """Die, be away for ``seconds``, come back."""
        self.kill()
        self.timeline.run(seconds)
        self.start()

    def save(self) -> None:
        """The snapshot that core makes every ten seconds."""
        self.saved = (self.engine.state(), len(self.ledger), len(self.personals))

    def obey(self, command: Command) -> Any:
        outcome = self.engine.obey(command, self.timeline.now)
        self._commit(outcome)
        if outcome.refused is not None:
            raise outcome.refused
        return outcome.reply

    def try_obey(self, command: Command) -> bool:
        """``obey``; false when it was refused."""
        try:
            self.obey(command)
        except Refused:
            return False
        return True

    def _hear(self, event: AnyEvent, life: int) -> None:
        if life != self._alive or self.partition is None:
            return
        self._commit(self.engine.hear(event, self.timeline.now))
        if self.engine.behind:
            self._catch_up()

    def _catch_up(self) -> None:
        seen = self.engine.seen
        told = self.switch.since(seen.epoch, seen.sequence)
        self.engine.behind = False
        if isinstance(told, Snapshot):
            self._heal(told, [], fresh_us=2 * SECOND)
            return
        for event in told:
            self._commit(self.engine.hear(event, self.timeline.now))

    def _heal(self, snapshot: Snapshot, missed: list[AnyEvent], fresh_us: int = 0) -> None:
        for ended in self.engine.lapse(snapshot, self.timeline.now, missed=missed):
            self._commit(ended, settled=False)
        self._commit(self.engine.reconcile(snapshot, self.timeline.now, fresh_us=fresh_us, missed=missed))

    def _reconcile(self, life: int) -> None:
        if life != self._alive or self.partition is None:
            return
        self.timeline.after(10.0, lambda: self._reconcile(life))
        snapshot = self.switch.snapshot_now(TENANT)
        if not self.engine.comparable(snapshot):
            self._catch_up()
            return
        outcome = self.engine.reconcile(snapshot, self.timeline.now, fresh_us=5 * SECOND)
        self.corrections += outcome.corrections
        self._commit(outcome)

    def _commit(self, outcome: Outcome, *, settled: bool = True) -> None:
        """``settled`` false: ``reconcile`` follows, which matches whoever waits."""
        if outcome.fault is not None:
            raise outcome.fault
        self.outcomes.append(outcome)
        self.personals += outcome.personals
        if outcome.batch is not None:
            self.ledger.append(msgspec.msgpack.encode(outcome.batch))
        for service in outcome.services:
            self.switch.ask(service)
        for question in outcome.questions:
            if isinstance(question, WhoIs):
                self.timeline.after(0.05, partial(self._answer, question))
            elif isinstance(question, NumberOf):
                self.timeline.after(0.05, partial(self._answer_number, question))
        self._arm()
        if self.after_each is not None and settled:
            self.after_each(self)

    def _answer(self, question: WhoIs) -> None:
        if self.partition is not None:
            self._commit(self.engine.know(question.contact, self.cards.get(question.number), self.timeline.now))

    def _answer_number(self, question: NumberOf) -> None:
        number = next((one.value for one in self.personals if one.id == question.personal), "")
        if self.partition is not None:
            self._commit(self.engine.answered(question, number, self.timeline.now))

    def _arm(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
        deadline, life = self.engine.next_deadline(), self._alive
        if deadline is not None:
            self._tick = self.timeline.at(deadline, lambda: self._timer(life))

    def _timer(self, life: int) -> None:
        if life == self._alive and self.partition is not None:
            self._commit(self.engine.timer(self.timeline.now))

    # --- reading -------------------------------------------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        return [event for raw in self.ledger for event in msgspec.msgpack.decode(raw, type=Batch).events]

    def facts(self, *kinds: type[Fact], contact: str = "") -> list[Any]:
        found = [fact_of(event) for event in self.events() if contact in ("", event.contact)]
        return [fact for fact in found if fact is not None and (not kinds or isinstance(fact, kinds))]

    def journey(self, contact: str) -> list[str]:
        """The journey in words: type, and what decides it."""
        return [_word(fact) for fact in self.facts(contact=contact)]

    def contacts(self) -> list[str]:
        return [event.contact for event in self.events() if event.type == "contact.arrived"]

    def run(self, seconds: float) -> None:
        self.timeline.run(seconds)


def _word(fact: Fact) -> str:
    kind = type(fact).__name__
    detail = getattr(fact, "kind", "") or getattr(fact, "outcome", "") or getattr(fact, "duty", "") or fact.cause
    return f"{kind}({detail})" if detail else kind


def wav(prompt: Prompt) -> str:
    return prompt.file

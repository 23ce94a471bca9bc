"""Two free agents, one caller, ten thousand races: one offer at a time, one answer, never a double assignment."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from tests.figures import figure

from yitong.app.partition import Partition
from yitong.contact.engine import Outcome
from yitong.contact.ledger import Fact, fact_of
from yitong.ct.events import ConnectionCleared, Delivered, DeviceChanged, Established, Failed
from yitong.ct.model import Cause, Device, DeviceKind
from yitong.ct.services import Clear
from yitong.domains.acd import messages as m
from yitong.kit.ids import CountedIds

WAYS = dict.fromkeys(("served", "timeout", "full", "no_agents"), "end")
FLOW = {
    "schema_version": 1, "name": {"en": "queue"}, "start": "wait",
    "steps": {"wait": {"kind": "queue", "queue": "q", "next": WAYS}, "end": {"kind": "hang_up"}},
}  # fmt: skip


class Arena:
    """One engine, hit by hand."""

    def __init__(self) -> None:
        self.engine = Partition("t", "s", CountedIds()).engine
        self.now = 1_790_000_000_000_000
        self.facts: list[Fact] = []
        self.cleared: set[str] = set()
        self.engine.configure("queue", "q", {"id": "q", "code": "q", "misses_allowed": 0, "rest_seconds": 0.001, "wrap_up_seconds": 0.001})
        self.engine.configure("flow", "f", {"id": "f", "published_version": 1, "document": FLOW})
        self.engine.configure("number", "n", {"id": "n", "number": "1", "flow": "f"})
        for name in ("x", "y"):
            self.engine.configure("agent", name, {"id": name, "extension": name})
            device = Device(device=f"t/phone/{name}", account=name, tenant="t", kind=DeviceKind.PHONE, registered=True, answering=True)
            self.hear(DeviceChanged(device=device))
            self.take(self.engine.obey(m.SetAgentState(agent=name, state="ready"), self.now))

    def take(self, outcome: Outcome) -> list[Fact]:
        if outcome.fault is not None:
            raise outcome.fault
        self.cleared |= {service.connection for service in outcome.services if isinstance(service, Clear)}
        told = [fact for event in (outcome.batch.events if outcome.batch else ()) if (fact := fact_of(event)) is not None]
        self.facts += told
        return told

    def hear(self, event: object) -> list[Fact]:
        self.now += 1
        return self.take(self.engine.hear(event, self.now))  # type: ignore[arg-type]

    def call(self, number: int) -> str:
        connection = f"c{number}"
        self.hear(Delivered(call=f"k{number}", connection=connection, device="trunk", kind=DeviceKind.TRUNK, incoming=True, called="1"))
        self.hear(Established(call=f"k{number}", connection=connection, device="trunk"))
        return connection

    def pass_time(self) -> None:
        self.now += 61_000_000
        self.take(self.engine.timer(self.now))


@pytest.mark.case("L5")
def test_ten_thousand_races() -> None:
    arena, rolls = Arena(), random.Random(5)
    for number in range(10_000):
        arena.facts.clear()
        connection = arena.call(number)
        offers = [fact for fact in arena.facts if isinstance(fact, m.ContactOffered)]
        assert len(offers) == 1
        target = offers[0].targets[0].connection
        race = [
            Established(call=f"k{number}", connection=target, device="d"),
            rolls.choice((
                ConnectionCleared(call=f"k{number}", connection=connection, device="t", cause=Cause.NORMAL, by_device=True),
                Failed(call=f"k{number}", connection=target, device="d", cause=Cause.REFUSED),
                Established(call=f"k{number}", connection=target, device="d"),
            )),
        ]  # fmt: skip
        rolls.shuffle(race)
        for event in race:
            arena.hear(event)
        _settle(arena, number, connection)
        answered = Counter(fact.contact for fact in arena.facts if isinstance(fact, m.OfferAnswered))
        assert all(count == 1 for count in answered.values())
        begun = [fact for fact in arena.facts if isinstance(fact, m.ContactOffered)]
        ended = [fact for fact in arena.facts if isinstance(fact, m.OfferEnded | m.OfferAnswered)]
        assert len(begun) == len(ended)
        if not answered:
            assert target in arena.cleared or any(isinstance(event, Failed) for event in race)
    figure("L5", "10,000 races: nobody answered twice, no offer left open")


def _settle(arena: Arena, number: int, connection: str) -> None:
    """Everybody hangs up; the agents are free again."""
    arena.hear(ConnectionCleared(call=f"k{number}", connection=connection, device="t", cause=Cause.NORMAL, by_device=True))
    arena.pass_time()
    assert len(arena.engine.registry) == 0
    assert not any(agent.assignments for agent in arena.engine.parts[1].model.agents.values())  # type: ignore[attr-defined]

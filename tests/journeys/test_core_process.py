"""The core process on a real NATS server: a call, a death, a restart, live documents. The switch is simulated behind real subjects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from tests.journeys.world import CODES, FLOW, HOTLINE, QUEUE_VALUE

from yitong.app.host import Host, LeaseLost
from yitong.contact.bus import Refused
from yitong.contact.client import Core as Client
from yitong.contact.ledger import Batch, Event, payload_of
from yitong.contact.messages import Card
from yitong.ct.services import Clear
from yitong.domains.acd.messages import ContactLeftQueue, HangUp, OfferEnded, SetAgentState
from yitong.domains.reporting.rules.changes import patched
from yitong.kit import logs
from yitong.kit.clock import SECOND, Clock, SystemClock
from yitong.kit.ids import RandomIds
from yitong.kit.nats import Nats, decode
from yitong.kit.outbox import Outbox
from yitong.kit.publisher import Publisher
from yitong.kit.stream import read
from yitong.kit.tasks import Tasks
from yitong.sim.callers import Customer, Press, UntilAsked, UntilHears
from yitong.sim.served import ServedSwitch
from yitong.sim.switch import Behaviour

WHOLE_WAY = (UntilAsked(), Press("0"), UntilHears("survey"), Press("1"))
Until = Callable[..., Awaitable[None]]


class Centre:
    """Everything around one partition on NATS."""

    def __init__(self, nats: Nats, url: str, tenant: str, folder: Path) -> None:
        self.nats, self.url, self.tenant, self.site, self.folder = nats, url, tenant, "s1", folder
        self.served = ServedSwitch(nats, [(tenant, self.site)])
        self.switch = self.served.switches[tenant, self.site]
        self.client = Client(nats)
        self.config: dict[tuple[str, str], dict[str, Any]] = {
            ("tenant", tenant): {"id": tenant, "language": "zh-CN", "zone": "Asia/Shanghai"},
            ("site", "s1"): {"id": "s1", "zone": "Asia/Shanghai"},
            ("queue", "q1"): QUEUE_VALUE,
            ("flow", "f1"): {"id": "f1", "published_version": 1, "document": FLOW},
            ("number", "n1"): {"id": "n1", "number": HOTLINE, "flow": "f1", "site": "s1"},
            **{("prompt", code): {"id": code, "code": code, "language": "zh-CN", "file": f"{code}.wav"} for code in CODES},
        }  # fmt: skip
        for number in ("1001", "1002"):
            agent = {"id": f"a{number}", "extension": number, "name": number, "site": "s1", "skills": {"service": 1}}
            self.config["agent", f"a{number}"] = agent

    @asynccontextmanager
    async def core(self, node: str = "n1", clock: Clock | None = None) -> AsyncIterator[Host]:
        """A core that dies at the end of the block without a word."""
        nats, tasks = await Nats.connect(self.url, "core"), Tasks()
        boxes = [Outbox(self.folder / f"{node}-{stream}") for stream in ("LEDGER", "PERSONAL")]
        publishers = [Publisher(nats, stream, tasks, outbox=box) for stream, box in zip(("LEDGER", "PERSONAL"), boxes, strict=True)]
        for publisher in publishers:
            await publisher.start()
            await publisher.drained()
        host = Host(
            self.tenant, self.site, nats=nats, clock=clock or SystemClock(), tasks=tasks, ledger=publishers[0], personal=publishers[1],
            node=node, config=self.config,
        )  # fmt: skip
        await host.open()
        try:
            yield host
        finally:
            await tasks.close()
            await nats.close()
            for box in boxes:
                box.close()

    async def events(self) -> AsyncIterator[Event]:
        """The ledger."""
        async for stored in read(self.nats, "LEDGER", f"ledger.{self.tenant}.{self.site}"):
            batch: Batch = decode(stored.data, Batch)
            for event in batch.events:
                yield event

    async def types(self) -> list[str]:
        """The types in the ledger."""
        return [event.type async for event in self.events()]

    async def document(self, topic: str) -> dict[str, Any]:
        """A live document as core has it."""
        subject = f"core.live.{self.tenant}.{self.site}"
        asked: dict[str, Any] = await self.nats.request(subject, {"topic": topic}, dict[str, Any], seconds=20)
        return asked


@pytest.fixture
async def centre(nats: Nats, nats_url: str, tenant: str, tmp_path: Path) -> AsyncIterator[Centre]:
    tasks = Tasks()
    made = Centre(nats, nats_url, tenant, tmp_path)
    tasks.start(made.served.run(), "switch")
    yield made
    await tasks.close()


async def test_a_call_survives_the_death_of_core(centre: Centre, until: Until) -> None:
    switch = centre.switch
    switch.register(centre.tenant, "1001", usual=Behaviour(answer_after=0.2))
    customer: list[Customer] = []
    async with centre.core() as host:
        await until(lambda: not host.engine.behind)
        assert await centre.client.obey(centre.tenant, "s1", SetAgentState(agent="a1001", state="ready")) == "ready"
        with pytest.raises(Refused):
            await centre.client.obey(centre.tenant, "s1", HangUp(agent="a1001", assignment="none"))
        customer.append(Customer(switch, tenant=centre.tenant, called=HOTLINE, calling="139", steps=WHOLE_WAY))
        await until(lambda: any(one.state == "active" for one in host.partition.acd.model.assignments()))
        host.save()
        waiting = Customer(switch, tenant=centre.tenant, called=HOTLINE, calling="138", steps=(UntilAsked(), Press("0")))
        await until(lambda: len(host.partition.acd.model.queued) == 1)
    assert not customer[0].ended
    async with centre.core() as host:
        await until(lambda: not host.engine.behind)
        assert host.engine.epoch > 1
        (active,) = host.partition.acd.model.assignments()
        assert (active.state, len(host.partition.acd.model.queued)) == ("active", 1)
        waiting.hang_up()
        await until(lambda: not host.partition.acd.model.queued)
        await centre.client.obey(centre.tenant, "s1", HangUp(agent="a1001", assignment=active.id))
        await until(lambda: active.state == "wrapping_up")
        await until(lambda: customer[0].ended, 20)
        await until(lambda: len(host.engine.registry) == 0)
        host.hurry()
        await host._leaving._ledger.drained()
    types = await centre.types()
    assert types.count("contact.ended") == 2
    assert types.count("contact.arrived") == 2


class SetBack(SystemClock):
    """The clock of a process that was started after the wall clock had been set back by an hour."""

    def now(self) -> int:
        return super().now() - 3_600 * SECOND

    def wall(self) -> int:
        return super().wall() - 3_600 * SECOND


@pytest.mark.case("F4")
@pytest.mark.parametrize("saved", [True, False])
async def test_a_wall_clock_set_back_before_a_restart_delays_nothing(centre: Centre, until: Until, saved: bool) -> None:
    """A caller may wait six seconds; core dies after two and comes back an hour earlier."""
    centre.config["queue", "q1"] = {**QUEUE_VALUE, "maximum_wait_seconds": 6}
    async with centre.core() as host:
        await until(lambda: not host.engine.behind)
        Customer(centre.switch, tenant=centre.tenant, called=HOTLINE, calling="138", steps=(UntilAsked(), Press("0")))
        await until(lambda: len(host.partition.acd.model.queued) == 1)
        if saved:
            host.save()
        await until(lambda: host._leaving.empty)
        await SystemClock().sleep(0.5)
    async with centre.core(clock=SetBack()) as host:
        await until(lambda: not host.engine.behind)
        await until(lambda: not host.partition.acd.model.queued, 20)
        await until(lambda: host._leaving.empty)
    events = [event async for event in centre.events()]
    left = next(event for event in events if event.type == ContactLeftQueue.TYPE)
    assert left.payload["outcome"] == "timeout"
    assert 6 * SECOND <= left.payload["waited_us"] < 600 * SECOND
    moments = [event.occurred_at for event in events]
    assert moments == sorted(moments), "the ledger's times never go back"


async def test_a_fact_that_cannot_be_keeps_nobody_from_serving(centre: Centre, nats: Nats, until: Until) -> None:
    async with centre.core() as host:
        await until(lambda: not host.engine.behind)
        Customer(centre.switch, tenant=centre.tenant, called=HOTLINE, calling="138", steps=(UntilAsked(), Press("0")))
        await until(lambda: len(host.partition.acd.model.queued) == 1)
        await until(lambda: host._leaving.empty)
        last = host.engine.sequence
    ended = OfferEnded(contact=RandomIds().new(1), assignment="of nobody", cause="refused", rang_us=0)
    wrong = Event(
        id=RandomIds().new(1), type=ended.TYPE, version=ended.VERSION, tenant=centre.tenant, site="s1", producer="a fault", epoch=1,
        sequence=last + 1, occurred_at=SystemClock().now(), contact=ended.contact, payload=payload_of(ended),
    )  # fmt: skip
    await nats.publish(f"ledger.{centre.tenant}.s1", Batch(tenant=centre.tenant, site="s1", events=(wrong,)))
    await nats.flush()
    with capture_logs() as lines:
        async with centre.core() as host:
            await until(lambda: not host.engine.behind)
            assert len(host.partition.acd.model.queued) == 1
            assert host.engine.sequence > last
    assert [line["first"] for line in lines if line["event"] == "facts not understood"] == [last + 1]


async def test_a_log_line_of_a_call_carries_its_contact_and_its_call(centre: Centre, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    async with centre.core() as host:
        await until(lambda: not host.engine.behind)
        Customer(centre.switch, tenant=centre.tenant, called=HOTLINE, calling="138", steps=(UntilAsked(), Press("0")))
        await until(lambda: len(host.partition.acd.model.queued) == 1)
        (contact,) = host.engine.registry

        def fails(*_: object) -> None:
            raise ValueError("a fault of ours")

        with capture_logs(processors=[structlog.contextvars.merge_contextvars, logs.named]) as lines:
            monkeypatch.setattr(host.engine.bus, "hear", fails)
            centre.switch.ask(Clear(id="s", tenant=centre.tenant, connection=contact.connection))
            await until(lambda: any(line["event"] == "a decision failed" for line in lines))
        failed = next(line for line in lines if line["event"] == "a decision failed")
    assert (failed["contact"], failed["call"]) == (contact.id, contact.call)


async def test_a_live_document_is_a_snapshot_and_its_changes(centre: Centre, nats: Nats, until: Until) -> None:
    switch = centre.switch
    heard: list[dict[str, Any]] = []

    async def hear(_: str, update: dict[str, Any]) -> None:
        heard.append(update)

    async def cards(_: str, asked: list[dict[str, str]]) -> list[Card]:
        return [Card(id="c1", name="王", number=one["number"]) for one in asked]

    await nats.answer(f"ask.crm.{centre.tenant}", list[dict[str, str]], cards)
    await nats.subscribe(f"live.{centre.tenant}.s1.desk.a1001", dict[str, Any], hear)
    switch.register(centre.tenant, "1001", usual=Behaviour(answer_after=0.2))
    async with centre.core() as host:
        await until(lambda: not host.engine.behind)
        document = await centre.document("desk.a1001")
        await centre.client.obey(centre.tenant, "s1", SetAgentState(agent="a1001", state="ready"))
        Customer(switch, tenant=centre.tenant, called=HOTLINE, calling="13912345678", steps=(UntilAsked(), Press("0")))
        await until(lambda: any(one.state == "active" for one in host.partition.acd.model.assignments()))
        await until(lambda: bool(heard) and "calls" in str(heard[-1]))
        await until(lambda: host.partition.live.flush() == [] and not host._live_changed.is_set())
        fresh = await centre.document("desk.a1001")
        await until(lambda: heard[-1]["seq"] == fresh["seq"])
    begins, *changes = heard
    assert (begins["seq"], begins["changes"]) == (0, []), "a new owner says that the document begins anew"
    data = document["data"]
    for number, update in enumerate(changes, document["seq"] + 1):
        assert update["seq"] == number
        data = patched(data, update["changes"])
    assert data == fresh["data"]
    (assignment,) = data["assignments"].values()
    assert (assignment["customer"]["name"], assignment["calling"]) == ("王", "13912345678")


async def test_whoever_lost_the_lease_ends_himself(centre: Centre, until: Until) -> None:
    async with centre.core() as first, centre.core() as second:
        assert second.engine.epoch > first.engine.epoch
        await until(lambda: isinstance(first.failure, LeaseLost), 5)
        assert second.failure is None

"""A small world whose facts go into the ledger: one tenant, one site, and events in the right envelopes."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from yitong.contact.ledger import Batch, Event, Fact, payload_of
from yitong.domains.sites.store import kinds
from yitong.kit.clock import SECOND, SystemClock
from yitong.kit.database import Database
from yitong.kit.ids import RandomIds
from yitong.kit.records import Change, change


class Teller:
    """Makes events of one site, one second apart, numbered from 1."""

    def __init__(self, tenant: str, site: str, start: int) -> None:
        self.tenant = tenant
        self.site = site
        self.now = start
        self.ids = RandomIds()
        self.sequence = 0

    def id(self) -> str:
        return self.ids.new(self.now)

    def tell(self, *facts: Fact, after: float = 1.0) -> Batch:
        """One batch with ``facts``, ``after`` seconds later than the last."""
        self.now += round(after * SECOND)
        events = []
        for fact in facts:
            self.sequence += 1
            envelope = {name: getattr(fact, name) for name in ("contact", "segment", "connection", "agent", "queue", "cause")}
            events.append(Event(
                id=self.id(), type=fact.TYPE, version=fact.VERSION, tenant=self.tenant, site=self.site, producer="test", epoch=1,
                sequence=self.sequence, occurred_at=self.now, payload=payload_of(fact), **envelope,
            ))  # fmt: skip
        return Batch(tenant=self.tenant, site=self.site, events=tuple(events))


def message_of(batch: Batch) -> bytes:
    return msgspec.msgpack.encode(batch)


async def make_tenant(database: Database, *, zone: str = "Asia/Shanghai", country: str = "CN") -> tuple[str, str]:
    """A tenant with one site; returns their ids."""
    clock, ids = SystemClock(), RandomIds()
    now = clock.now()
    tenant, site = ids.new(now), ids.new(now)
    code = f"t{secrets.token_hex(5)}"
    value = {"code": code, "name": {"zh-CN": code}, "zone": zone, "language": "zh-CN", "currency": "CNY", "country": country}
    async with database.transaction() as connection:
        await change(connection, kinds.TENANT, Change(tenant=tenant, id=tenant, version=0, value=value, actor="", at=now))
        place = {"code": "one", "name": {"zh-CN": "一"}, "zone": zone, "address": ""}
        await change(connection, kinds.SITE, Change(tenant=tenant, id=site, version=0, value=place, actor="", at=now))
    return tenant, site


def story(t: Teller) -> list[Batch]:
    """One contact as it is told: menu, queue, refused by one agent, served by another, held, wrapped up, asked; and one that gave up."""
    from yitong.contact import messages as c
    from yitong.domains.acd import messages as a
    from yitong.domains.quality import messages as q
    from yitong.domains.survey import messages as s
    from yitong.flow import messages as f

    contact, other, queue, flow, ann, bob = (t.id() for _ in range(6))
    ivr, waiting, talking, asked = (t.id() for _ in range(4))
    first, second, recording = t.id(), t.id(), t.id()
    why = a.Explanation(strategy="longest_idle", order=[0.0, 1.0], candidates=[a.CandidateScore(agent=ann, score=[3.0])])
    on: dict[str, Any] = {"contact": contact, "queue": queue}
    offer: dict[str, Any] = {**on, "segment": waiting, "agent": ann, "assignment": first}
    talk: dict[str, Any] = {**on, "segment": talking, "agent": bob, "assignment": second}
    arrived: dict[str, Any] = {"channel": "voice", "direction": "in", "number": "96900", "calling": t.id(), "called": t.id(), "flow": flow}
    until = t.now + 3600 * SECOND
    rings: dict[str, Any] = {"ring_until": until, "lease_until": until, "decision": why}
    there: dict[str, Any] = {"registered": True, "answering": True}
    objective: dict[str, Any] = {"answer_within_us": 20 * SECOND, "short_us": 5 * SECOND}
    return [
        t.tell(a.AgentDutyChanged(agent=ann, duty="ready"), a.AgentDeviceChanged(agent=ann, device="d/1", kind="phone", **there)),
        t.tell(a.AgentDeviceChanged(agent=bob, device="d/2", kind="page", **there), a.AgentDutyChanged(agent=bob, duty="ready")),
        t.tell(c.ContactArrived(contact=contact, connection="k1", call="call-1", **arrived)),
        t.tell(
            c.ContactAnswered(contact=contact), c.SegmentBegan(contact=contact, segment=ivr, kind="ivr"),
            f.FlowStarted(contact=contact, flow=flow, flow_version=1),
        ),
        t.tell(f.StepEntered(contact=contact, segment=ivr, step="menu", kind="menu", visit=1)),
        t.tell(f.StepLeft(contact=contact, segment=ivr, step="menu", outcome="0", keys="0"), after=3.5),
        t.tell(c.CustomerFound(contact=contact, customer=t.id(), new=True), after=0.01),
        t.tell(
            c.SegmentEnded(contact=contact, segment=ivr, kind="ivr"),
            c.SegmentBegan(contact=contact, segment=waiting, kind="queue", queue=queue),
            a.ContactQueued(**on, segment=waiting, virtual_arrival=t.now, wait_from=t.now, priority=0, due_at=t.now + 20 * SECOND),
        ),
        t.tell(a.ContactOffered(**offer, targets=[a.OfferTarget(connection="k2", device="d/1")], **rings)),
        t.tell(a.OfferEnded(**offer, cause="refused", rang_us=2 * SECOND), after=2),
        t.tell(a.ContactOffered(**{**offer, "agent": bob, "assignment": second}, targets=[], **rings)),
        t.tell(
            a.ContactLeftQueue(**on, segment=waiting, outcome="answered", waited_us=7 * SECOND, **objective),
            c.SegmentEnded(contact=contact, segment=waiting, kind="queue", cause="answered"),
            c.SegmentBegan(contact=contact, segment=talking, kind="agent", agent=bob, queue=queue),
            a.OfferAnswered(**talk, device="d/2", waited_us=7 * SECOND, rang_us=3 * SECOND), after=3,
        ),
        t.tell(q.RecordingAsked(**on, segment=talking, agent=bob, recording=recording, file="a.wav", left="k1", right="k3"), after=0.1),
        t.tell(a.AssignmentHeld(**talk), after=10),
        t.tell(a.AssignmentRetrieved(**talk, held_us=5 * SECOND), after=5),
        t.tell(
            a.AssignmentEnded(**talk, cause="agent_left", talk_us=25 * SECOND, hold_us=5 * SECOND), a.WrapUpBegan(**talk, until=until),
            c.SegmentEnded(contact=contact, segment=talking, kind="agent", cause="agent_left"),
            c.SegmentBegan(contact=contact, segment=asked, kind="survey"), after=15,
        ),
        t.tell(q.RecordingEnded(
            **on, segment=talking, agent=bob, recording=recording, file="a.wav", milliseconds=30_000, bytes=960_044, sha256="ab",
            holds=((10_000, 15_000),),
        ), after=0.2),
        t.tell(s.SurveyAsked(**on, segment=talking, agent=bob, survey="satisfaction"), after=0.1),
        t.tell(s.SurveyAnswered(**on, segment=talking, agent=bob, survey="satisfaction", answer=1), after=4),
        t.tell(c.SegmentEnded(contact=contact, segment=asked, kind="survey"), c.ContactEnded(contact=contact, by="customer")),
        t.tell(a.WrapUpEnded(**talk, cause="agent", code=t.id(), note=t.id(), wrap_up_us=12 * SECOND), after=6),
        t.tell(c.ContactArrived(contact=other, connection="k9", call="call-2", **arrived)),
        t.tell(
            c.SegmentBegan(contact=other, segment=t.id(), kind="queue", queue=queue),
            a.ContactQueued(contact=other, queue=queue, virtual_arrival=t.now, wait_from=t.now, priority=0, due_at=t.now),
        ),
        t.tell(
            a.ContactLeftQueue(contact=other, queue=queue, outcome="abandoned", waited_us=4 * SECOND, **objective),
            c.ContactEnded(contact=other, by="customer"), after=4,
        ),
        t.tell(a.AgentDutyChanged(agent=ann, duty="not_ready", reason="meal")),
        t.tell(a.AgentDutyChanged(agent=bob, duty="logged_off"), after=60),
    ]  # fmt: skip

"""Calls of people on the lists, through a whole core: never answered, told something, or last in the queue (O48)."""

from __future__ import annotations

import json

from tests.journeys.world import FLOW, World

from yitong.contact.messages import CallRejected, ContactArrived, ContactEnded, ContactScreened
from yitong.domains.acd.messages import ContactOffered, SetAgentState
from yitong.sim.callers import Customer
from yitong.sim.switch import Behaviour

NUISANCE = "13812345678"


def rule(world: World, **fields: object) -> None:
    world.put("caller_rule", "r1", {"id": "r1", "code": "black", "patterns": ["138."], "version": 1, "tenant": "t1", **fields})


def heard(caller: Customer) -> set[str]:
    return {seen.what for seen in caller.seen}


def test_a_blacklisted_call_is_refused_unanswered_and_only_the_rule_is_in_the_ledger() -> None:
    world = World()
    rule(world, action="reject")
    caller = world.caller(NUISANCE)
    world.timeline.run(5.0)
    assert caller.ended
    assert "accepted" not in heard(caller)
    (fact,) = world.facts(CallRejected)
    assert (fact.rule, fact.number, fact.trunk) == ("r1", "96900", "demo")
    assert not world.facts(ContactArrived)
    assert NUISANCE.encode() not in b"".join(world.ledger)
    other = world.caller("13900000000")
    world.timeline.run(5.0)
    assert "accepted" in heard(other)


def test_a_caller_may_hear_another_flow() -> None:
    world = World()
    world.put("flow", "f2", {"id": "f2", "code": "sorry", "published_version": 1, "document": _sorry()})
    rule(world, action="prompt", flow="f2")
    caller = world.caller(NUISANCE)
    world.timeline.run(20.0)
    assert "accepted" in heard(caller)
    assert caller.ended
    (fact,) = world.facts(ContactScreened)
    assert (fact.rule, fact.action) == ("r1", "prompt")
    (arrived,) = world.facts(ContactArrived)
    assert arrived.flow == "f2"
    assert world.facts(ContactEnded)


def _sorry() -> dict[str, object]:
    steps = {"sorry": {"kind": "play", "prompts": ["closed"], "next": {"done": "over"}}, "over": {"kind": "hang_up"}}
    document: dict[str, object] = json.loads(json.dumps({**FLOW, "start": "sorry", "steps": steps}))
    return document


def test_low_priority_waits_behind_who_came_later() -> None:
    world = World()
    rule(world, action="low_priority")
    agent = world.agent("1001", usual=Behaviour(answer_after=1.0, hang_up_after=5.0), ready=False)
    first = world.caller(NUISANCE)
    world.timeline.run(10.0)
    second = world.caller("13900000000")
    world.timeline.run(10.0)
    world.obey(SetAgentState(agent="a1001", state="ready"))
    world.timeline.run(3.0)
    assert agent.rung
    arrived = {fact.connection: fact.contact for fact in world.facts(ContactArrived)}
    offered = [fact.contact for fact in world.facts(ContactOffered)]
    assert offered[0] == arrived[second.connection]
    assert arrived[first.connection] not in offered[:1]

"""One call all the way through, as ``docs/life-of-a-call.md`` tells it."""

from __future__ import annotations

from tests.journeys.world import World

from yitong.contact.messages import Card
from yitong.sim.callers import Press, UntilAlone, UntilAsked, UntilTalks


def test_inbound_call_the_whole_way() -> None:
    world = World()
    world.agent("1001")
    world.cards["13800000001"] = Card(id="c1", name="王")
    customer = world.caller(steps=(UntilAsked(), Press("0"), UntilTalks(), UntilAlone(), UntilAsked(), Press("1")))
    world.run(120)
    (contact,) = world.contacts()
    assert customer.ended
    assert world.journey(contact) == []

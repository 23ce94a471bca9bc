"""The agent answers in the moment in which the caller hangs up, or just after it (L2): one end, nothing is left, the agent is free."""

from __future__ import annotations

import pytest
from tests.journeys.histories import check_now
from tests.journeys.world import World

from yitong.contact.messages import ContactEnded
from yitong.domains.acd import messages as m
from yitong.sim.callers import Press, UntilAsked
from yitong.sim.faults import seeded
from yitong.sim.switch import IGNORES


@pytest.mark.case("L2")
@pytest.mark.parametrize("late_seconds", [0.0, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("seed", range(5))
def test_an_answer_that_comes_after_the_caller_hung_up(late_seconds: float, seed: int) -> None:
    world = World(faults=seeded(seed, lose=0.0, double=0.2, delay=0.5, late_seconds=0.1))
    world.agent("1001", usual=IGNORES)
    caller = world.caller("11", steps=(UntilAsked(), Press("0")))
    world.run(15)
    (assignment,) = world.partition.acd.model.assignments()  # type: ignore[union-attr]
    assert assignment.state == "offered"
    (rings,) = assignment.targets
    caller.hang_up()
    world.timeline.after(late_seconds, lambda: world.switch.pick_up(rings))
    world.run(2.0)
    check_now(world)
    assert not world.switch.snapshot_now().connections, "a connection is left"
    assert not list(world.partition.acd.model.assignments()) or _wraps_up(world)  # type: ignore[union-attr]
    assert len(world.facts(ContactEnded)) == 1
    assert len(world.facts(m.OfferEnded)) + len(world.facts(m.OfferAnswered)) == 1


def _wraps_up(world: World) -> bool:
    """The answer came first: a talk of no length, whose work after the call is the agent's."""
    return [one.state for one in world.partition.acd.model.assignments()] == ["wrapping_up"]  # type: ignore[union-attr]

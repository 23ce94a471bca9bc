"""Numbers are called and get a fax: once an attempt, whoever dies meanwhile."""

from __future__ import annotations

import pytest
from tests.journeys.histories import check_end
from tests.journeys.world import TENANT, World

from yitong.contact.messages import ContactArrived, ContactEnded
from yitong.ct.model import Cause, DeviceKind, FaxOutcome
from yitong.domains.fax.messages import FaxAsked, FaxEnded, SendFaxTo
from yitong.sim.switch import BUSY, IGNORES, Behaviour, SimDevice

NUMBER = "02155501234"


def trunk(world: World, usual: Behaviour | None = None) -> SimDevice:
    made = world.switch.register(TENANT, "operator", kind=DeviceKind.TRUNK, usual=usual or Behaviour(answer_after=3.0))
    world.run(0.1)
    return made


def order(attempt: str = "attempt-1", recipient: str = "recipient-1") -> SendFaxTo:
    return SendFaxTo(attempt=attempt, recipient=recipient, number=NUMBER, file="t1/sent/page.tif", station="02196900")


def test_the_number_is_called_and_gets_the_fax() -> None:
    world = World()
    line = trunk(world)
    assert world.obey(order()) == "begun"
    world.run(60)
    (asked,), (ended,) = world.facts(FaxAsked), world.facts(FaxEnded)
    assert (asked.fax, asked.recipient, asked.sent, asked.shown) == ("attempt-1", "recipient-1", True, "02196900")
    assert (ended.fax, ended.cause, ended.pages) == ("attempt-1", "ok", 1)
    ((_, invitation),) = line.rung
    assert (invitation.called, invitation.calling) == (NUMBER, "02196900")
    (arrived,) = world.facts(ContactArrived)
    assert (arrived.channel, arrived.direction, arrived.number) == ("fax", "out", "02196900")
    assert all(NUMBER.encode() not in raw for raw in world.ledger)
    check_end(world, 0)


@pytest.mark.parametrize(
    ("usual", "cause"), [(BUSY, Cause.BUSY), (IGNORES, Cause.NO_ANSWER), (Behaviour(ring_after=None), Cause.NO_ANSWER)]
)
def test_a_number_that_is_not_reached(usual: Behaviour, cause: Cause) -> None:
    world = World()
    trunk(world, usual)
    world.obey(order())
    world.run(120)
    assert [(ended.cause, ended.pages) for ended in world.facts(FaxEnded)] == [(cause, 0)]
    assert len(world.facts(ContactEnded)) == 1
    check_end(world, 0)


def test_without_a_line_out_it_is_told_at_once() -> None:
    world = World()
    world.obey(order())
    world.run(5)
    assert [ended.cause for ended in world.facts(FaxEnded)] == ["unreachable"]
    check_end(world, 0)


def test_a_fax_that_fails_is_told_and_the_call_ends() -> None:
    world = World()
    trunk(world)
    world.switch.audio.fax_outcome = lambda order: FaxOutcome(reason="no_fax")
    world.obey(order())
    world.run(60)
    assert [ended.cause for ended in world.facts(FaxEnded)] == ["no_fax"]
    check_end(world, 0)


def test_the_same_attempt_asked_for_again_calls_nobody() -> None:
    world = World()
    line = trunk(world)
    world.obey(order())
    assert world.obey(order()) == "running"
    world.run(60)
    assert world.obey(order()) == "ended"
    world.save()
    world.restart(1.0)
    assert world.obey(order()) == "ended"
    world.run(60)
    assert len(line.rung) == len(world.facts(FaxEnded)) == 1


@pytest.mark.parametrize("after", [0.0, 0.05, 2.0, 3.01, 8.0, 22.9, 23.1, 24.0])
@pytest.mark.parametrize("away", [0.5, 30.0])
@pytest.mark.parametrize("saved", [True, False])
def test_core_dies_at_any_moment(after: float, away: float, saved: bool) -> None:
    """The attempt comes to one end, and the number is called once; what has gone through is told so."""
    world = World()
    line = trunk(world)
    world.obey(order())
    world.run(after)
    if saved:
        world.save()
    world.restart(away)
    world.run(120)
    assert world.obey(order()) == "ended"
    (ended,) = world.facts(FaxEnded)
    assert ended.cause in (("ok",) if saved and after > 3.0 else ("ok", "interrupted"))
    assert len(line.rung) == 1
    check_end(world, 0)

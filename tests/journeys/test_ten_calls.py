"""Ten calls, two agents: order, announcements, refusal, abandonment, a closed page; and what the day's figures say of it."""

from __future__ import annotations

from tests.journeys.histories import check_end
from tests.journeys.test_random_histories import check_board
from tests.journeys.world import QUEUE, TENANT, World

from yitong.ct.model import DeviceKind
from yitong.domains.acd import messages as m
from yitong.sim.callers import Press, UntilAsked, UntilHears
from yitong.sim.switch import REFUSES, Behaviour


def test_ten_calls_and_two_agents() -> None:
    world = World()
    phone = world.agent("1001", usual=Behaviour(answer_after=2.0, hang_up_after=25.0))
    page = world.agent("1002", kind=DeviceKind.PAGE, usual=Behaviour(answer_after=3.0, hang_up_after=20.0))
    phone.will(REFUSES)
    customers = []
    for number in range(10):
        patience = {3: 14.0, 7: 30.0}.get(number)
        steps = (UntilAsked(), Press("0"), UntilHears("survey"), Press(str(number % 3 + 1)))
        customers.append(world.caller(f"1380000000{number}", steps=steps, patience=patience))
        world.run(2)
    world.run(20)
    ringing = [one for one in world.partition.acd.model.assignments() if one.state == "offered"]  # type: ignore[union-attr]
    for one in ringing[:1]:
        if one.agent == "a1002":
            world.switch.unregister(page.device.device)
            world.run(1)
            world.switch.register(TENANT, "1002", kind=DeviceKind.PAGE, usual=Behaviour(answer_after=3.0, hang_up_after=20.0))
    world.run(400)
    assert all(customer.ended for customer in customers)
    served = [fact.contact for fact in world.facts(m.OfferAnswered)]
    contacts = world.contacts()
    assert served == [contact for contact in contacts if contact in served], "served in the order of arrival"
    assert len(served) == 8
    assert {fact.cause for fact in world.facts(m.OfferEnded)} >= {"refused"}
    announced = world.facts(m.PositionAnnounced)
    assert announced
    assert all(fact.position >= 1 for fact in announced)
    first = [fact for fact in announced if fact.contact == contacts[9]]
    assert [fact.position for fact in first] == sorted((fact.position for fact in first), reverse=True)
    assert all(customer.talked_to for customer in customers if customer not in (customers[3], customers[7]))
    heard = {seen.detail for customer in customers for seen in customer.seen if seen.what == "hears"}
    assert any("queue.next" in files for files in heard)
    assert any("queue.before" in files and "number." in files for files in heard)
    check_end(world, 10)
    check_board(world)
    assert world.corrections == 0
    live = world.partition.live  # type: ignore[union-attr]
    row = live.document("board")[1]["queues"][QUEUE]
    assert (row["offered"], row["answered"], row["abandoned"], row["waiting"]) == (10, 8, 2, 0)

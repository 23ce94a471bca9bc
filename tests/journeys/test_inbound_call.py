"""One call all the way through, as ``docs/life-of-a-call.md`` tells it, and its variations."""

from __future__ import annotations

import pytest
from tests.journeys.histories import check_end
from tests.journeys.world import FLOW, HOTLINE, QUEUE, SITE, TENANT, World

from yitong.contact.bus import Refused
from yitong.contact.messages import Card, ContactArrived, ContactEnded, CustomerFound
from yitong.ct.model import Cause, DeviceKind
from yitong.domains.acd import messages as m
from yitong.domains.quality.messages import RecordingAsked, RecordingEnded
from yitong.domains.survey.messages import SurveyAnswered
from yitong.kit.clock import SECOND
from yitong.sim.callers import Customer, Press, UntilAsked, UntilHears
from yitong.sim.switch import DEAD, IGNORES, REFUSES, Behaviour

WHOLE_WAY = (UntilAsked(), Press("0"), UntilHears("survey"), Press("1"))

JOURNEY = [
    "ContactArrived", "ContactAnswered", "SegmentBegan(ivr)", "FlowStarted", "StepEntered(play)", "CustomerFound", "StepLeft(done)",
    "StepEntered(hours)", "StepLeft(open)", "StepEntered(menu)", "StepLeft(0)",
    "StepEntered(queue)", "SegmentEnded(ivr)", "SegmentBegan(queue)", "ContactQueued", "ContactOffered",
    "ContactLeftQueue(answered)", "SegmentEnded(queue)", "SegmentBegan(agent)", "OfferAnswered", "RecordingDecided(all)", "RecordingAsked",
    "AssignmentEnded(agent_left)", "WrapUpBegan", "SegmentEnded(agent)", "StepLeft(served)",
    "StepEntered(survey)", "SegmentBegan(survey)", "SurveyAsked", "SpeechMeasured", "RecordingEnded", "SurveyAnswered",
    "StepLeft(answered)", "StepEntered(play)", "StepLeft(done)", "StepEntered(play)", "WrapUpEnded(time_limit)", "StepLeft(done)",
    "StepEntered(hang_up)", "FlowEnded(finished)", "ContactReleasing(finished)", "SegmentEnded(survey)", "ContactEnded(normal)",
    "SpeechMeasured",
]  # fmt: skip


def test_the_whole_way() -> None:
    world = World()
    world.agent("1001")
    world.cards["13800000001"] = Card(id="c1", name="王")
    customer = world.caller(steps=WHOLE_WAY)
    world.run(120)
    (contact,) = world.contacts()
    assert world.journey(contact) == JOURNEY
    assert [seen.detail for seen in customer.seen if seen.what == "hears"] == [
        "zh/welcome.wav", "zh/menu.wav", "zh/music.wav", "zh/music.wav", "zh/survey.wav", "zh/thanks.wav", "zh/goodbye.wav",
    ]  # fmt: skip
    check_end(world, 1)
    assert world.corrections == 0


def test_the_flow_begins_with_the_answer_in_one_message() -> None:
    """Nobody waits for the switch to say that it has answered."""
    asked: list[tuple[int, str]] = []

    def note(service: object) -> tuple[float, ...]:
        asked.append((world.timeline.now, type(service).__name__))
        return (0.0,)

    world = World(service_faults=note)
    world.caller(steps=WHOLE_WAY)
    world.run(1)
    (first, *_) = asked
    assert [name for at, name in asked if at == first[0]] == ["Answer", "Play"]


def test_an_answer_that_never_reached_the_switch_is_asked_for_again_with_what_the_flow_wants() -> None:
    world = World(service_faults=lambda service: () if world.timeline.now < began + 8 * SECOND else (0.0,))
    began = world.timeline.now
    world.agent("1001")
    world.run(4)
    customer = world.caller(steps=WHOLE_WAY)
    world.run(4)
    assert not customer.seen
    world.run(4)
    assert [seen.what for seen in customer.seen] == ["accepted", "hears"]
    world.run(120)
    (contact,) = world.contacts()
    assert "OfferAnswered" in world.journey(contact)
    check_end(world, 1)


def test_a_caller_who_gives_up_as_he_is_answered_is_over_at_once() -> None:
    world = World(service_faults=lambda service: (0.05,))
    customer = world.caller(steps=())
    world.run(0.02)
    customer.hang_up()
    world.run(5)
    (contact,) = world.contacts()
    (ended,) = world.facts(ContactEnded)
    assert (ended.contact, ended.by, ended.cause) == (contact, "customer", Cause.CANCELLED)
    check_end(world, 1)


def test_an_agent_who_hangs_up_as_he_answers_leaves_the_caller_in_the_flow() -> None:
    """His connection is gone before the recording of both begins; the caller's is not."""
    world = World()
    world.agent("1001", usual=Behaviour(answer_after=2.0, hang_up_after=0.0))
    world.caller(steps=WHOLE_WAY)
    world.run(120)
    (contact,) = world.contacts()
    assert "RecordingLost" in " ".join(world.journey(contact))
    (answer,) = world.facts(SurveyAnswered)
    assert answer.answer == 1
    check_end(world, 1)


def test_what_the_facts_of_a_call_say() -> None:
    world = World()
    device = world.agent("1001", usual=Behaviour(answer_after=2.0, hang_up_after=10.0))
    world.cards["13800000001"] = Card(id="c1", name="王")
    world.caller(steps=WHOLE_WAY)
    world.run(60)
    (arrived,) = world.facts(ContactArrived)
    assert (arrived.number, arrived.flow, arrived.trunk, arrived.direction) == (HOTLINE, "f1", "demo", "in")
    assert world.facts(CustomerFound)[0].customer == "c1"
    (offered,) = world.facts(m.ContactOffered)
    assert [candidate.agent for candidate in offered.decision.candidates] == ["a1001"]
    assert device.rung[0][1].calling == "13800000001"
    (answered,) = world.facts(m.OfferAnswered)
    assert (answered.agent, answered.queue, answered.waited_us, answered.rang_us) == ("a1001", QUEUE, 2 * SECOND, 2 * SECOND)
    (ended,) = world.facts(m.AssignmentEnded)
    assert (ended.talk_us, ended.hold_us, ended.cause) == (10 * SECOND, 0, "agent_left")
    (asked,), (closed,) = world.facts(RecordingAsked), world.facts(RecordingEnded)
    assert asked.file == f"{TENANT}/2026/09/21/{asked.recording}.wav"
    assert (asked.left, asked.right) == (arrived.connection, answered.connection)
    assert (closed.recording, closed.milliseconds, closed.complete, closed.segment) == (asked.recording, 10_000, True, answered.segment)
    (survey,) = world.facts(SurveyAnswered)
    assert (survey.answer, survey.agent, survey.queue, survey.segment) == (1, "a1001", QUEUE, answered.segment)


def test_no_personal_value_stands_in_the_ledger() -> None:
    world = World()
    world.agent("1001", usual=Behaviour(answer_after=2.0))
    world.cards["13912345678"] = Card(id="c1", name="王小明", note="秘密")
    world.caller("13912345678", steps=(UntilAsked(), Press("0")))
    world.run(20)
    (assignment,) = world.partition.acd.model.assignments()  # type: ignore[union-attr]
    world.obey(m.WrapUp(agent="a1001", assignment=assignment.id, note="打错了", draft=True))
    written = b"".join(world.ledger)
    for secret in ("13912345678", "王小明", "秘密", "打错了"):
        assert secret.encode() not in written
    assert {record.value for record in world.personals} >= {"13912345678", "打错了"}


def test_a_number_without_a_flow_is_refused_and_no_contact() -> None:
    world = World()
    customer = Customer(world.switch, tenant=TENANT, called="4711", calling="138")
    world.run(5)
    assert customer.ended
    assert customer.seen[-1].detail == Cause.NO_SUCH_NUMBER.value
    assert world.contacts() == []


def test_the_most_exact_binding_is_taken() -> None:
    world = World()
    for key, more in (("n2", {"calling": "139"}), ("n3", {"trunk": "demo", "calling": "1391"}), ("n4", {"trunk": "other"})):
        world.put("flow", key, {"id": key, "published_version": 1, "document": FLOW})
        world.put("number", key, {"id": key, "number": HOTLINE, "flow": key, "site": SITE, "trunk": "", "calling": "", **more})
    for calling in ("138", "1380", "1399", "1391"):
        world.caller(calling, steps=())
        world.run(1)
    assert [fact.flow for fact in world.facts(ContactArrived)] == ["f1", "f1", "n2", "n3"]


def test_calls_between_accounts_are_no_contacts() -> None:
    world = World()
    world.agent("1001")
    world.agent("1002", usual=Behaviour(answer_after=1.0))
    world.switch.call_from(f"{TENANT}/phone/1001", "1002")
    world.run(30)
    assert world.contacts() == []
    assert world.corrections == 0


def test_an_agent_can_hold_retrieve_and_hang_up() -> None:
    world = World()
    world.agent("1001", usual=Behaviour(answer_after=1.0))
    customer = world.caller(steps=WHOLE_WAY)
    world.run(10)
    (held,) = world.partition.acd.model.assignments()  # type: ignore[union-attr]
    with pytest.raises(Refused, match="wrong_state"):
        world.obey(m.RetrieveContact(agent="a1001", assignment=held.id))
    world.obey(m.HoldContact(agent="a1001", assignment=held.id))
    world.run(4)
    assert held.state == "held"
    world.obey(m.RetrieveContact(agent="a1001", assignment=held.id))
    world.run(3)
    with pytest.raises(Refused, match="not_found"):
        world.obey(m.HangUp(agent="a1002", assignment=held.id))
    world.obey(m.HangUp(agent="a1001", assignment=held.id))
    world.run(1)
    assert not customer.ended
    (ended,) = world.facts(m.AssignmentEnded)
    assert (ended.hold_us, ended.cause) == (4 * SECOND, "agent_left")
    assert world.facts(m.AssignmentRetrieved)[0].held_us == 4 * SECOND
    world.run(60)
    assert world.facts(RecordingEnded)[0].holds == ((3760, 7760),) or len(world.facts(RecordingEnded)[0].holds) == 1
    check_end(world, 1)


def test_a_break_asked_for_in_a_call_begins_after_it_and_nobody_becomes_ready_by_himself() -> None:
    world = World()
    world.agent("1001", usual=Behaviour(answer_after=1.0, hang_up_after=10.0))
    world.caller(steps=WHOLE_WAY)
    world.run(8)
    assert world.obey(m.SetAgentState(agent="a1001", state="not_ready", reason="lunch")) == "busy"
    with pytest.raises(Refused, match="wrong_state"):
        world.obey(m.SetAgentState(agent="a1001", state="logged_off"))
    second = world.caller("137", patience=100.0)
    world.run(60)
    agent = world.partition.acd.model.agents["a1001"]  # type: ignore[union-attr]
    assert (agent.state, agent.reason) == ("not_ready", "lunch")
    assert not second.ended
    world.obey(m.SetAgentState(agent="a1001", state="ready"))
    assert agent.state == "busy"


def test_a_customer_who_holds_while_he_waits_has_his_turn() -> None:
    """Another call came for him: he is offered once, and not again and again."""
    world = World()
    customer = world.caller()
    world.run(20)
    world.switch.hold(customer.connection)
    world.agent("1001")
    world.run(10)
    assert len(world.facts(m.ContactOffered)) == len(world.facts(m.OfferAnswered)) == 1
    world.switch.retrieve(customer.connection)
    world.run(1)
    assert customer.talked_to
    world.run(120)
    check_end(world, 1)


def test_refused_then_the_next_agent_and_the_place_is_kept() -> None:
    world = World()
    world.agent("1001", usual=REFUSES)
    world.run(1)
    world.agent("1002", usual=Behaviour(answer_after=2.0, hang_up_after=5.0))
    world.caller(steps=WHOLE_WAY)
    world.run(60)
    assert [fact.agent for fact in world.facts(m.ContactOffered)] == ["a1001", "a1002"]
    (queued,), (left,) = world.facts(m.ContactQueued), world.facts(m.ContactLeftQueue)
    assert left.waited_us == 3 * SECOND
    assert queued.again is False
    assert world.partition.acd.model.agents["a1001"].duty == "ready"  # type: ignore[union-attr]
    check_end(world, 1)


def test_no_answer_sends_the_agent_on_a_break_with_its_cause() -> None:
    world = World()
    world.agent("1001", usual=IGNORES)
    world.run(1)
    world.agent("1002", usual=Behaviour(answer_after=2.0, hang_up_after=5.0))
    world.caller(steps=WHOLE_WAY)
    world.run(80)
    assert [(fact.agent, fact.cause) for fact in world.facts(m.OfferEnded)] == [("a1001", "no_answer")]
    agent = world.partition.acd.model.agents["a1001"]  # type: ignore[union-attr]
    assert (agent.duty, agent.reason) == ("not_ready", "no_answer")
    assert world.facts(m.ContactLeftQueue)[0].waited_us == 22 * SECOND
    check_end(world, 1)


def test_a_device_that_never_rings_is_no_answer_too() -> None:
    world = World()
    world.agent("1001", usual=DEAD)
    world.caller(steps=WHOLE_WAY, patience=40.0)
    world.run(90)
    assert world.facts(m.OfferEnded)[0].cause in ("no_answer", "unreachable")
    check_end(world, 1)


def test_abandoned_while_ringing_stops_the_agent_at_once() -> None:
    world = World()
    device = world.agent("1001", usual=IGNORES)
    customer = world.caller()
    world.run(8)
    assert (len(device.rung), device.released) == (1, {})
    at = world.timeline.now
    customer.hang_up()
    world.run(0.2)
    assert device.released == {device.rung[0][0]: Cause.CANCELLED}
    assert world.timeline.now - at <= SECOND // 5
    assert [fact.cause for fact in world.facts(m.OfferEnded)] == ["abandoned"]
    assert [fact.outcome for fact in world.facts(m.ContactLeftQueue)] == ["abandoned"]
    assert world.partition.acd.model.agents["a1001"].state == "ready"  # type: ignore[union-attr]
    check_end(world, 1)


def test_a_page_closed_while_ringing_gives_the_contact_to_the_next() -> None:
    world = World()
    page = world.agent("1001", kind=DeviceKind.PAGE, usual=IGNORES)
    world.run(1)
    world.agent("1002", usual=Behaviour(answer_after=2.0, hang_up_after=5.0))
    world.caller(steps=WHOLE_WAY)
    world.run(6)
    world.switch.unregister(page.device.device)
    world.run(1)
    assert [(fact.agent, fact.cause) for fact in world.facts(m.OfferEnded)] == [("a1001", "unreachable")]
    assert [fact.agent for fact in world.facts(m.ContactOffered)] == ["a1001", "a1002"]
    world.run(60)
    check_end(world, 1)


def test_all_devices_ring_and_the_first_to_answer_has_it() -> None:
    world = World()
    phone = world.agent("1001", usual=IGNORES)
    world.switch.register(TENANT, "1001", kind=DeviceKind.PAGE, usual=Behaviour(answer_after=3.0, hang_up_after=5.0))
    world.run(1)
    world.caller(steps=WHOLE_WAY)
    world.run(60)
    (offered,) = world.facts(m.ContactOffered)
    assert {target.device for target in offered.targets} == {f"{TENANT}/phone/1001", f"{TENANT}/page/1001"}
    assert world.facts(m.OfferAnswered)[0].device == f"{TENANT}/page/1001"
    assert phone.released == {phone.rung[0][0]: Cause.ANSWERED_ELSEWHERE}
    check_end(world, 1)


@pytest.mark.case("N3")
def test_a_reloaded_page_gets_its_call_back() -> None:
    world = World()
    page = world.agent("1001", kind=DeviceKind.PAGE, usual=Behaviour(answer_after=1.0))
    customer = world.caller(steps=WHOLE_WAY)
    world.run(10)
    (held,) = world.partition.acd.model.assignments()  # type: ignore[union-attr]
    world.switch.unregister(page.device.device)
    world.switch.lose(held.connection, Cause.SIGNALLING_LOST)
    world.run(2)
    assert (held.state, customer.ended, customer.seen[-1].detail) == ("interrupted", False, "zh/music.wav")
    world.switch.register(TENANT, "1001", kind=DeviceKind.PAGE, usual=Behaviour(answer_after=0.2))
    world.run(3)
    assert held.state == "active"
    assert page.rung[-1][1].resume is True
    world.obey(m.HangUp(agent="a1001", assignment=held.id))
    world.run(60)
    assert [fact.complete for fact in world.facts(RecordingEnded)] == [True, True]
    check_end(world, 1)


@pytest.mark.case("N3")
def test_an_agent_who_does_not_come_back_leaves_the_contact_at_the_front() -> None:
    world = World()
    page = world.agent("1001", kind=DeviceKind.PAGE, usual=Behaviour(answer_after=1.0))
    customer = world.caller("138", steps=WHOLE_WAY)
    world.run(10)
    other = world.caller("139")
    world.run(10)
    (held,) = world.partition.acd.model.assignments()  # type: ignore[union-attr]
    world.switch.unregister(page.device.device)
    world.switch.lose(held.connection, Cause.SIGNALLING_LOST)
    world.run(31)
    assert [fact.cause for fact in world.facts(m.AssignmentEnded)] == ["agent_lost"]
    agent = world.partition.acd.model.agents["a1001"]  # type: ignore[union-attr]
    assert (agent.duty, agent.reason) == ("not_ready", "connection_lost")
    assert not customer.ended
    world.agent("1002", usual=Behaviour(answer_after=1.0, hang_up_after=5.0))
    world.run(5)
    last = world.facts(m.OfferAnswered)[-1]
    assert (last.agent, last.contact) == ("a1002", world.contacts()[0])
    world.run(20)
    assert world.facts(m.OfferAnswered)[-1].contact == world.contacts()[1]
    assert other.talked_to


def test_queue_full_nobody_there_and_waited_too_long() -> None:
    world = World()
    queue = world.config["queue", QUEUE]
    world.put("queue", QUEUE, {**queue, "maximum_waiting": 1, "maximum_wait_seconds": 15})
    world.caller("1")
    world.run(5)
    world.caller("2")
    world.run(30)
    assert [fact.cause for fact in world.facts(m.QueueRefused)] == ["full"]
    assert [fact.outcome for fact in world.facts(m.ContactLeftQueue)] == ["timeout"]
    world.put("queue", QUEUE, {**queue, "refuse_when_empty": True})
    world.caller("3")
    world.run(30)
    assert [fact.cause for fact in world.facts(m.QueueRefused)] == ["full", "no_agents"]
    check_end(world, 3)


def test_a_flow_that_is_withdrawn_releases_who_comes() -> None:
    world = World()
    world.put("flow", "f1", {"id": "f1", "published_version": 0})
    customer = world.caller()
    world.run(5)
    assert customer.ended
    assert [fact.by for fact in world.facts(ContactEnded)] == ["system"]


def test_hang_up_in_every_state() -> None:
    """After each quarter of a second of the way the caller hangs up; nothing may be left."""
    for quarter in range(0, 180, 3):
        world = World()
        world.agent("1001", usual=Behaviour(answer_after=2.0, hang_up_after=15.0))
        customer = world.caller(steps=WHOLE_WAY)
        world.run(quarter / 4)
        customer.hang_up()
        world.run(20)
        check_end(world, 1)

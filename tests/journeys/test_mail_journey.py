"""A mail from its arrival to its end, beside calls, and whatever dies in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.journeys.world import QUEUE, TENANT, World

from yitong.contact.bus import Refused
from yitong.contact.messages import Card, ContactEnded
from yitong.domains.acd import messages as m
from yitong.domains.mail.messages import AnswerMail, MailAnswered, TakeMail
from yitong.sim.switch import Behaviour

CALM = Behaviour(answer_after=2.0)


def take(world: World, mail: str = "m1", *, thread: tuple[str, ...] = (), sender: str = "wang@example.com") -> str:
    return str(world.obey(TakeMail(
        mail=mail, queue=QUEUE, sender=sender, address="service@example.com", account="acc", received_at=world.timeline.now, thread=thread,
    )))  # fmt: skip


def held(world: World, agent: str = "a1001") -> list[str]:
    """What stands on the desk: medium and state."""
    assert world.partition is not None
    known = world.partition.acd.model.agents.get(agent)
    return sorted(f"{one.channel} {one.state}" for one in known.assignments.values()) if known is not None else []


def assignment(world: World, contact: str = "m1", agent: str = "a1001") -> str:
    assert world.partition is not None
    return next(one.id for one in world.partition.acd.model.agents[agent].assignments.values() if one.contact == contact)


def finish(world: World, contact: str = "m1", agent: str = "a1001") -> None:
    key = assignment(world, contact, agent)
    world.obey(m.HangUp(agent=agent, assignment=key))
    world.obey(m.WrapUp(agent=agent, assignment=key))


def test_a_mail_waits_is_opened_answered_and_wrapped_up() -> None:
    world = World()
    world.cards["wang@example.com"] = Card(id="c1", name="Wang")
    world.agent("1001", usual=CALM)
    assert take(world) == "m1"
    world.run(1)
    assert held(world) == ["mail offered"]
    assert not world.switch.snapshot_now(TENANT).connections, "nothing rings for a mail"
    key = assignment(world)
    world.obey(m.OpenContact(agent="a1001", assignment=key))
    world.obey(m.OpenContact(agent="a1001", assignment=key))
    world.run(300)
    assert held(world) == ["mail active"], "a mail that is being answered stays, whatever the switch shows"
    contact = world.obey(AnswerMail(agent="a1001", assignment=key, answer="r1"))
    world.obey(AnswerMail(agent="a1001", assignment=key, answer="r1"))
    assert contact == "m1"
    finish(world)
    world.run(60)
    told = world.journey("m1")
    assert told == [
        "ContactArrived", "MailTaken", "ContactAnswered", "SegmentBegan(queue)", "ContactQueued", "ContactOffered", "CustomerFound",
        "ContactLeftQueue(answered)", "SegmentEnded(queue)", "SegmentBegan(agent)", "OfferAnswered", "MailAnswered",
        "AssignmentEnded(agent_left)", "WrapUpBegan", "SegmentEnded(agent)", "ContactEnded(served)", "WrapUpEnded(agent)",
    ]  # fmt: skip
    answered = world.facts(MailAnswered)[0]
    assert (answered.first, answered.queue, answered.within_us) == (True, QUEUE, 20_000_000)
    assert all("example.com" not in str(event) or "service@" in str(event) for event in world.events()), "no address of his in the ledger"
    assert not held(world)


def test_a_call_comes_before_mails_and_mails_stay_on_the_desk() -> None:
    world = World()
    world.agent("1001", usual=CALM)
    for name in ("m1", "m2", "m3", "m4"):
        take(world, name)
        world.run(1)
    assert held(world) == ["mail offered"] * 3, "as many as he may have"
    for name in ("m1", "m2"):
        world.obey(m.OpenContact(agent="a1001", assignment=assignment(world, name)))
    caller = world.caller()
    world.run(12)
    assert held(world) == ["mail active", "mail active", "voice active"], "the mail that was only offered makes room"
    caller.hang_up()
    world.run(1)
    assert held(world) == ["mail active", "mail active", "voice wrapping_up"], "and nothing is offered before the call is wrapped up"
    world.run(6)
    assert held(world) == ["mail active", "mail active", "mail offered"]
    with pytest.raises(Refused, match="wrong_state"):
        world.obey(m.Consult(agent="a1001", assignment=assignment(world), number="1002"))


def test_what_is_given_back_goes_to_another_and_home_goes_nobody_with_it() -> None:
    world = World()
    world.agent("1001", usual=CALM)
    take(world)
    world.run(1)
    world.obey(m.OpenContact(agent="a1001", assignment=assignment(world)))
    first = world.facts(m.ContactQueued)[0]
    world.obey(m.ReturnContact(agent="a1001", assignment=assignment(world)))
    world.run(30)
    assert held(world) == [], "not to him who gave it back"
    assert world.facts(m.ContactQueued)[1].due_at == first.due_at, "and it should be answered when it should have been"
    world.agent("1002", usual=CALM)
    world.run(1)
    world.obey(m.OpenContact(agent="a1002", assignment=assignment(world, agent="a1002")))
    world.obey(m.SetAgentState(agent="a1002", state="logged_off"))
    assert held(world, "a1002") == []
    world.run(700)
    assert held(world) == ["mail offered"] or "no_answer" in str(world.journey("m1"))


def test_a_further_mail_of_the_conversation_joins_the_contact_that_is_not_over() -> None:
    world = World()
    world.agent("1001", usual=CALM)
    take(world)
    assert take(world, "m2", thread=("m1",)) == "m1"
    world.run(1)
    world.obey(m.OpenContact(agent="a1001", assignment=assignment(world)))
    finish(world)
    assert take(world, "m3", thread=("m1",)) == "m3", "one that is over is not raised again"
    assert len(world.contacts()) == 2
    with pytest.raises(Refused, match="unknown_queue"):
        world.obey(TakeMail(mail="m9", queue="gone", sender="a@b.c", address="s@b.c", account="acc", received_at=0))


STEPS: tuple[Callable[[World], object], ...] = (
    lambda world: take(world),
    lambda world: world.run(1),
    lambda world: world.obey(m.OpenContact(agent="a1001", assignment=assignment(world))),
    lambda world: world.obey(AnswerMail(agent="a1001", assignment=assignment(world), answer="r1")),
    lambda world: world.obey(m.HangUp(agent="a1001", assignment=assignment(world))),
    lambda world: world.obey(m.WrapUp(agent="a1001", assignment=assignment(world))),
)


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("dies_after", range(len(STEPS)))
def test_core_dies_after_any_step_and_the_mail_is_neither_lost_nor_given_twice(dies_after: int, saved: bool) -> None:
    world = World()
    world.agent("1001", usual=CALM)
    for number, step in enumerate(STEPS):
        step(world)
        if number == dies_after:
            if saved:
                world.save()
            world.restart(3.0)
            assert take(world) == "m1", "whoever fetched it asks again, for he did not hear the answer"
    world.run(30)
    assert world.contacts() == ["m1"]
    assert len(world.facts(ContactEnded)) == 1
    assert len(world.facts(m.OfferAnswered)) == 1
    assert len(world.facts(MailAnswered)) == 1
    assert held(world) == []
    assert take(world) == "m1"
    assert world.contacts() == ["m1"]

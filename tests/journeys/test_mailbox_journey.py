"""Messages left in a mailbox and listened to by telephone, through core and the simulated switch, with cores that die in between."""

from __future__ import annotations

from typing import Any

import pytest
from tests.journeys.histories import check_end
from tests.journeys.world import HOTLINE, SITE, TENANT, World

from yitong.contact.messages import SegmentBegan
from yitong.ct.model import DeviceKind
from yitong.domains.mailbox import rules
from yitong.domains.mailbox.messages import (
    MailboxOpened,
    MarkMessage,
    MessageAsked,
    MessageDropped,
    MessageLeft,
    MessageMarked,
    MessageRemoved,
    MessageTaken,
    MessageUnsure,
    PinRefused,
    SettleMessage,
)
from yitong.domains.mailbox.model import boxes
from yitong.domains.mailbox.model.kept import Kept
from yitong.flow.checker import Knowledge, check
from yitong.flow.definition import document_of
from yitong.flow.messages import StepLeft
from yitong.kit import pins
from yitong.kit.clock import SECOND
from yitong.sim.callers import Customer, Press, UntilAsked, UntilHears, Wait
from yitong.sim.switch import Behaviour

LISTENING = "96901"
DAY = 86_400
SAID = (
    "greeting", "review", "too_short", "number", "pin", "wrong", "you_have", "new", "none", "message", "options", "deleted", "kept",
    "no_more", "call", "cannot_call",
)  # fmt: skip
LEAVE: dict[str, Any] = {
    "schema_version": 1, "name": {"en": "Leave"}, "start": "leave",
    "steps": {
        "leave": {"kind": "leave_message", "mailbox": "service",
                  "next": {"done": "thanks", "nothing": "end", "full": "end", "failed": "end"}},
        "thanks": {"kind": "play", "prompts": ["thanks"], "next": {"done": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip
LISTEN: dict[str, Any] = {
    "schema_version": 1, "name": {"en": "Listen"}, "start": "listen",
    "steps": {
        "listen": {"kind": "listen_mailbox", "next": {"done": "end", "refused": "end", "timeout": "end", "failed": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip
BOX: dict[str, Any] = {
    "id": "m1", "code": "service", "name": {"en": "Service"}, "site": SITE, "number": "8001", "owners": ["a1001"], "queue": "",
    "numbers": [HOTLINE], "greeting": "", "longest_seconds": 60, "shortest_seconds": 1, "silence_seconds": 4,
    "pin": pins.seal("2468", b"0123456789abcdef"), "email": "", "keep_days": 30,
}  # fmt: skip
FILE = "recording:"


@pytest.fixture
def world() -> World:
    return mailbox_world()


def mailbox_world() -> World:
    """A centre with a mailbox, a number to leave messages and one to listen."""
    made = World()
    made.switch.audio.message_seconds = 5.0
    made.agent("1001", ready=False)
    for code in SAID:
        made.put(
            "prompt", f"mailbox.{code}", {"id": code, "code": f"mailbox.{code}", "language": "zh-CN", "file": f"zh/mailbox.{code}.wav"}
        )
    made.put("mailbox", "m1", BOX)
    made.put("flow", "f2", {"id": "f2", "code": "leave", "published_version": 1, "document": LEAVE})
    made.put("flow", "f3", {"id": "f3", "code": "listen", "published_version": 1, "document": LISTEN})
    made.put("number", "n1", {"id": "n1", "number": HOTLINE, "trunk": "", "calling": "", "flow": "f2", "site": SITE})
    made.put("number", "n2", {"id": "n2", "number": LISTENING, "trunk": "", "calling": "", "flow": "f3", "site": SITE})
    return made


def leaves(world: World, *keys: str, calling: str = "13800000001", wait: float = 60.0) -> Customer:
    """Somebody who speaks and then presses ``keys``, each when he is asked; nothing: he says nothing more."""
    steps: list[Any] = []
    for key in keys:
        steps += [UntilAsked(), Press(key)]
    customer = world.caller(calling, steps=tuple(steps))
    world.run(wait)
    return customer


def listens(world: World, *keys: str, number: str = "8001", pin: str = "2468", wait: float = 90.0) -> Customer:
    steps: list[Any] = [UntilHears("mailbox.number"), Press(f"{number}#"), UntilHears("mailbox.pin"), Press(f"{pin}#")]
    for key in keys:
        steps += [UntilHears(FILE), Wait(1.0), Press(key)]
    customer = Customer(world.switch, tenant=TENANT, called=LISTENING, calling="13900000009", steps=tuple(steps))
    world.run(wait)
    return customer


def heard(customer: Customer) -> list[str]:
    return [seen.detail for seen in customer.seen if seen.what == "hears"]


def held(world: World) -> list[str]:
    assert world.partition is not None
    return [one.status for one in world.partition.mailboxes.held("m1").values()]


def lamp(world: World) -> tuple[int, int]:
    world.run(0.1)
    one = world.switch.lamps["1001"]
    return one.new, one.heard


def test_a_message_is_left_and_kept(world: World) -> None:
    customer = leaves(world, "1")
    (asked,), (taken,), (left,) = world.facts(MessageAsked), world.facts(MessageTaken), world.facts(MessageLeft)
    assert asked.file == left.file == f"messages/t1/2026/09/21/{asked.message}.wav"
    assert (taken.cause, taken.milliseconds, left.cause, left.mailbox) == ("silence", 9_000, "kept", "m1")
    assert [left.outcome for left in world.facts(StepLeft)] == ["done", "done"]
    assert "mailbox.greeting" in heard(customer)[0]
    assert [one.kind for one in world.facts(SegmentBegan)] == ["ivr", "mailbox", "ivr"]
    assert left.segment == world.facts(SegmentBegan)[1].segment
    assert held(world) == ["new"]
    assert lamp(world) == (1, 0)
    assert all(b"13800000001" not in raw for raw in world.ledger)
    check_end(world, 1)


def test_it_is_heard_said_again_and_kept(world: World) -> None:
    customer = leaves(world, "2", "3", "1", wait=90.0)
    first, second = world.facts(MessageAsked)
    (dropped,), (left,) = world.facts(MessageDropped), world.facts(MessageLeft)
    assert (dropped.message, dropped.cause) == (first.message, "again")
    assert left.message == second.message
    assert any(detail.startswith(f"{FILE}{first.file}") for detail in heard(customer))
    assert held(world) == ["new"]
    check_end(world, 1)


@pytest.mark.parametrize("seconds", [9.0, 18.0])
def test_who_hangs_up_has_left_it(world: World, seconds: float) -> None:
    """While he speaks, or when he is asked what is to become of it."""
    customer = world.caller(steps=())
    world.run(seconds)
    customer.hang_up()
    world.run(5)
    (left,) = world.facts(MessageLeft)
    assert left.cause == "hung_up"
    assert 2_000 < left.milliseconds <= 9_000
    assert held(world) == ["new"]
    check_end(world, 1)


def test_who_does_not_choose_has_left_it(world: World) -> None:
    leaves(world, wait=90.0)
    assert [left.cause for left in world.facts(MessageLeft)] == ["no_answer"]
    check_end(world, 1)


def test_silence_is_no_message(world: World) -> None:
    world.switch.audio.message_seconds = 0.5
    leaves(world)
    assert [one.cause for one in world.facts(MessageDropped)] == ["too_short", "too_short"]
    assert world.facts(MessageLeft) == []
    assert [left.outcome for left in world.facts(StepLeft)] == ["nothing"]
    assert held(world) == []
    check_end(world, 1)


def test_a_message_has_a_longest_length(world: World) -> None:
    world.switch.audio.message_seconds = 500.0
    leaves(world, "1", wait=120.0)
    (taken,) = world.facts(MessageTaken)
    assert (taken.cause, taken.milliseconds) == ("limit", 60_000)
    check_end(world, 1)


def test_the_mailbox_of_the_number_called_and_none(world: World) -> None:
    document = {**LEAVE, "steps": {**LEAVE["steps"], "leave": {**LEAVE["steps"]["leave"], "review": False}}}
    del document["steps"]["leave"]["mailbox"]
    world.put("flow", "f2", {"id": "f2", "code": "leave", "published_version": 2, "document": document})
    leaves(world)
    assert [left.mailbox for left in world.facts(MessageLeft)] == ["m1"]
    world.put("mailbox", "m1", {**BOX, "numbers": []})
    leaves(world)
    assert world.facts(StepLeft)[-1].outcome == "failed"
    check_end(world, 2)


def test_it_is_listened_to_by_telephone(world: World) -> None:
    leaves(world, "1")
    leaves(world, "1", calling="13800000002")
    first, second = world.facts(MessageLeft)
    customer = listens(world, "2", "3")
    (opened,) = world.facts(MailboxOpened)
    assert (opened.new, opened.heard) == (2, 0)
    played = [detail for detail in heard(customer) if FILE in detail]
    assert first.file in played[0]
    assert "zh/number.2.wav" in played[0]  # two new ones
    assert second.file in played[1]
    assert "mailbox.no_more" in heard(customer)[-1]
    assert [(one.message, one.status, one.cause) for one in world.facts(MessageMarked)] == [
        (first.message, "heard", "telephone"), (second.message, "deleted", "telephone"),
    ]  # fmt: skip
    assert held(world) == ["heard", "deleted"]
    assert lamp(world) == (0, 1)
    assert all(b"2468" not in raw for raw in world.ledger)
    assert all("2468" not in one.value for one in world.personals)
    check_end(world, 3)


def test_kept_as_new_and_heard_again(world: World) -> None:
    leaves(world, "1")
    customer = listens(world, "1", "4", wait=120.0)
    assert len([detail for detail in heard(customer) if FILE in detail]) == 2
    assert held(world) == ["new"]
    assert lamp(world) == (1, 0)
    check_end(world, 2)


def calls_back(world: World, *may_call: str) -> tuple[Customer, list[str]]:
    """An owner listens and presses 5; which outside numbers were rung."""
    steps = {
        "listen": {**LISTEN["steps"]["listen"], "call_back": True, "next": {**LISTEN["steps"]["listen"]["next"], "call_back": "ring"}},
        "ring": {"kind": "call_back", "next": {"done": "listen", "failed": "listen"}},
        "end": {"kind": "hang_up"},
    }
    world.put("flow", "f3", {"id": "f3", "code": "listen", "published_version": 2, "document": {**LISTEN, "steps": steps}})
    world.put("agent", "a1001", {**world.config["agent", "a1001"], "may_call": list(may_call)})
    line = world.switch.register(TENANT, "gateway", kind=DeviceKind.TRUNK, usual=Behaviour(answer_after=2.0, hang_up_after=5.0))
    leaves(world, "1")
    customer = listens(world, "5", "0", wait=120.0)
    return customer, [invitation.called for _, invitation in line.rung]


def test_whoever_left_it_is_called_back(world: World) -> None:
    """And then the mailbox goes on, without asking for the PIN again."""
    customer, rung = calls_back(world, "mobile")
    assert rung == ["13800000001"]
    assert [one.outcome for one in world.facts(StepLeft)][-3:] == ["call_back", "done", "done"]
    assert len(world.facts(MailboxOpened)) == 1
    assert sum("mailbox.pin" in detail for detail in heard(customer)) == 1
    assert held(world) == ["heard"]
    assert all(b"13800000001" not in raw for raw in world.ledger)
    check_end(world, 2)


def test_nobody_is_called_whom_no_owner_may_call(world: World) -> None:
    customer, rung = calls_back(world, "local")
    assert rung == []
    assert any("mailbox.cannot_call" in detail for detail in heard(customer))
    check_end(world, 2)


def test_an_empty_mailbox_says_so(world: World) -> None:
    customer = listens(world)
    assert "mailbox.none" in heard(customer)[-1]
    assert world.facts(StepLeft)[-1].outcome == "done"


@pytest.mark.parametrize(("number", "pin"), [("8001", "1111"), ("9999", "2468")])
def test_a_wrong_pin_and_a_wrong_number_sound_alike(world: World, number: str, pin: str) -> None:
    customer = guesses(world, number, pin)
    assert len(world.facts(PinRefused)) == 3
    assert world.facts(StepLeft)[-1].outcome == "refused"
    assert sum("mailbox.wrong" in detail for detail in heard(customer)) == 2
    check_end(world, 1)


def guesses(world: World, number: str, pin: str) -> Customer:
    """Three wrong tries in one call."""
    wrong: list[Any] = []
    for _ in range(3):
        wrong += [UntilHears("mailbox.number"), Press(f"{number}#"), UntilHears("mailbox.pin"), Press(f"{pin}#")]
    customer = Customer(world.switch, tenant=TENANT, called=LISTENING, calling="13900000009", steps=tuple(wrong))
    world.run(40)
    return customer


def test_a_mailbox_that_is_guessed_at_is_shut_for_a_while(world: World) -> None:
    """The right PIN is refused like a wrong one meanwhile, also by a core that comes back."""
    leaves(world, "1")
    guesses(world, "8001", "0000")
    shut = [one.shut_until for one in world.facts(PinRefused)]
    assert (shut[0], shut[1]) == (0, 0)
    assert shut[2] > 0
    guesses(world, "8001", "0001")
    assert world.facts(PinRefused)[-1].shut_until >= world.timeline.now
    world.restart()
    tried = len(world.facts(PinRefused))
    listens(world, "0", wait=8.0)
    assert len(world.facts(PinRefused)) == tried + 1
    assert world.facts(MailboxOpened) == []
    world.run(300)
    listens(world, "0")
    assert len(world.facts(MailboxOpened)) == 1


@pytest.mark.parametrize("away", [0.2, 3.0, 30.0])
@pytest.mark.parametrize("moment", [2.0, 9.0, 13.0, 17.0])
def test_core_dies_in_mid_message(world: World, moment: float, away: float) -> None:
    """In the greeting, while he speaks, in the silence after, and when he is asked: it is there once."""
    customer = world.caller(steps=(UntilAsked(), Wait(40.0), Press("1")))
    world.run(moment)
    world.restart(away)
    world.run(120)
    assert len(world.facts(MessageLeft)) == 1
    assert len({one.message for one in world.facts(MessageTaken)}) == 1
    assert held(world) == ["new"]
    assert customer.ended
    check_end(world, 1)


@pytest.mark.parametrize("saved", [True, False])
def test_core_dies_and_he_hangs_up_meanwhile(world: World, saved: bool) -> None:
    customer = world.caller(steps=())
    world.run(9)
    if saved:
        world.save()
    world.kill()
    world.run(1)
    customer.hang_up()
    world.run(5)
    world.start()
    world.run(60)
    if not saved:  # the first life of all, of which there is no snapshot: nobody asks the switch what it told
        (unsure,) = world.facts(MessageUnsure)
        world.obey(SettleMessage(message=unsure.message, milliseconds=1_000))
    (left,) = world.facts(MessageLeft)
    assert (left.cause, held(world)) == ("hung_up" if saved else "found", ["new"])
    check_end(world, 1)


def test_a_message_of_which_nobody_knows_is_looked_for(world: World) -> None:
    """The switch died with everything that it would have told."""
    world.caller(steps=())
    world.run(9)
    world.kill()
    world.switch.power_cut()
    world.start()
    world.run(60)
    (unsure,) = world.facts(MessageUnsure)
    assert unsure.cause == "silent"
    assert world.facts(MessageLeft) == []
    assert world.obey(SettleMessage(message=unsure.message, milliseconds=2_500, bytes=40_044)) is True
    assert world.obey(SettleMessage(message=unsure.message, milliseconds=2_500)) is False
    (left,) = world.facts(MessageLeft)
    assert (left.cause, left.milliseconds) == ("found", 2_500)
    check_end(world, 1)


def test_what_is_done_at_a_desk(world: World) -> None:
    leaves(world, "1")
    (left,) = world.facts(MessageLeft)

    def mark(status: Any) -> str:
        return str(world.obey(MarkMessage(mailbox="m1", message=left.message, status=status, agent="a1001")))

    assert [mark("heard"), mark("heard"), mark("deleted"), mark("heard")] == ["new", "heard", "heard", "deleted"]
    assert [(one.status, one.agent) for one in world.facts(MessageMarked)] == [("heard", "a1001"), ("deleted", "a1001"), ("heard", "a1001")]
    assert lamp(world) == (0, 1)
    assert not world.try_obey(MarkMessage(mailbox="m1", message="nobody", status="heard"))


def test_messages_do_not_stay_for_ever(world: World) -> None:
    leaves(world, "1")
    leaves(world, "1")
    first, second = world.facts(MessageLeft)
    world.obey(MarkMessage(mailbox="m1", message=first.message, status="deleted"))
    world.run(3_600)
    world.save()
    world.restart()
    world.run(DAY - 7_200)
    assert world.facts(MessageRemoved) == []
    world.put("mailbox", "m1", {**BOX, "keep_days": 1})
    world.run(7_200)
    assert {(one.message, one.cause) for one in world.facts(MessageRemoved)} == {(first.message, "deleted"), (second.message, "expired")}
    assert held(world) == []
    assert lamp(world) == (0, 0)


def test_a_deleted_message_can_be_taken_back_for_some_days() -> None:
    box = boxes.Mailbox(id="m1", code="m", keep_days=30)
    one = Kept(message="x", mailbox="m1", contact="c", file="f", milliseconds=1, at=0, status="deleted", marked_at=5 * DAY * SECOND)
    assert rules.gone_at(one, box) == (5 + rules.DELETED_DAYS) * DAY * SECOND
    one.status = "heard"
    assert rules.gone_at(one, box) == 30 * DAY * SECOND
    assert rules.gone_at(one, None) == boxes.KEEP_DAYS * DAY * SECOND
    assert rules.shut_until(30, 0) == 3600 * SECOND


def test_lamps_are_lit_again_by_a_switch_that_forgot_them(world: World) -> None:
    leaves(world, "1")
    world.switch.lamps = {}
    world.restart()
    world.run(1)
    assert lamp(world) == (1, 0)
    world.put("mailbox", "m1", {**BOX, "owners": []})
    leaves(world, "1")
    assert world.switch.lamps == {}


def test_the_checker_knows_mailboxes_and_prompts(world: World) -> None:
    kinds = world.partition.runner.kinds  # type: ignore[union-attr]
    prompts = {code: frozenset({"zh-CN"}) for code in ("thanks", *(f"mailbox.{said}" for said in SAID))}
    known = Knowledge(prompts=prompts, mailboxes=frozenset({"service"}))
    assert check(document_of(LEAVE), kinds, known) == []
    assert check(document_of(LISTEN), kinds, known) == []
    assert [one.code for one in check(document_of(LEAVE), kinds, Knowledge(prompts=prompts))] == ["flow.unknown_mailbox"]
    missing = check(document_of(LISTEN), kinds, Knowledge())
    assert {one.code for one in missing} == {"flow.no_prompt"}

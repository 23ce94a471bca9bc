"""Text messages that flows and mailboxes ask for, through core and the simulated switch, with cores that die in between."""

from __future__ import annotations

from typing import Any

import pytest
from tests.journeys.histories import check_end
from tests.journeys.test_mailbox_journey import BOX, LISTEN, heard, leaves, listens, mailbox_world
from tests.journeys.world import HOTLINE, SITE, World

from yitong.app.partition import step_kinds
from yitong.contact.bus import Refused
from yitong.contact.ledger import Personal
from yitong.domains.mailbox.messages import MessageLeft, NoticeOver, NoticePut, NoticeSent, NoticeSet, SetNotice
from yitong.domains.messaging.messages import TextAsked, TextCancelled, TextCustomer
from yitong.flow.checker import Knowledge, check
from yitong.flow.definition import document_of
from yitong.flow.messages import StepLeft
from yitong.flow.prompts import Library
from yitong.kit.clock import SECOND
from yitong.sim.callers import Press, UntilAsked

PAGER = "13900009999"
NOTIFIED = {**BOX, "notify_number": PAGER, "notify_minutes": 10, "notify_times": 3}
LINE = {"id": "l1", "code": "main", "enabled": True, "classes": ["mobile"]}
HOURS = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "08:00", "to": "20:00"}]


@pytest.fixture
def world() -> World:
    made = mailbox_world()
    for code in ("notice", "notice_on", "notice_off"):
        prompt = {"id": code, "code": f"mailbox.{code}", "language": "zh-CN", "file": f"zh/mailbox.{code}.wav"}
        made.put("prompt", f"mailbox.{code}", prompt)
    made.put("text_line", "l1", LINE)
    made.put("mailbox", "m1", NOTIFIED)
    steps = {**LISTEN["steps"], "listen": {**LISTEN["steps"]["listen"], "notices": True}}
    made.put("flow", "f3", {"id": "f3", "code": "listen", "published_version": 2, "document": {**LISTEN, "steps": steps}})
    return made


def said(world: World, text: TextAsked) -> tuple[str, str]:
    """The number and the text of an order."""
    by_id: dict[str, Personal] = {one.id: one for one in world.personals}
    return by_id[text.recipient].value, by_id[text.body].value


def test_a_new_message_is_told_again_and_again_until_it_is_heard(world: World) -> None:
    leaves(world, "1")
    (text,) = world.facts(TextAsked)
    assert said(world, text) == (PAGER, "“Service”有 1 条新留言。请拨打 8001 收听。")
    assert (text.source, text.mailbox) == ("mailbox", "m1")
    world.restart(30)
    world.run(11 * 60)
    assert [one.number for one in world.facts(NoticeSent)] == [1, 2]
    listens(world, "0")
    assert [one.cause for one in world.facts(NoticeOver)] == ["heard"]
    assert [one.text for one in world.facts(TextCancelled)] == [world.facts(TextAsked)[-1].text]
    world.run(60 * 60)
    assert len(world.facts(TextAsked)) == 2
    assert all(PAGER.encode() not in raw for raw in world.ledger)
    check_end(world, 2)


@pytest.mark.parametrize("saved", [True, False])
def test_so_many_times_and_no_more_whatever_dies(world: World, saved: bool) -> None:
    leaves(world, "1")
    for _ in range(6):
        if saved:
            world.save()
        world.restart(1.0)
        world.run(7 * 60)
    assert [one.number for one in world.facts(NoticeSent)] == [1, 2, 3]
    assert len({one.text for one in world.facts(TextAsked)}) == 3
    leaves(world, "1")
    assert world.facts(NoticeSent)[-1].number == 1


def test_not_outside_its_hours(world: World) -> None:
    world.put("site", SITE, {"id": SITE, "zone": "Asia/Shanghai"})
    begins = {**HOURS[0], "from": "04:00", "to": "05:00"}
    world.put("mailbox", "m1", {**NOTIFIED, "notify_hours": [begins]})
    leaves(world, "1")
    (put,) = world.facts(NoticePut)
    assert world.facts(TextAsked) == []
    world.run((put.next_at - world.timeline.now) / SECOND - 5)
    assert world.facts(TextAsked) == []
    world.run(10)
    assert len(world.facts(TextAsked)) == 1


def test_they_are_cancelled_and_set_by_telephone_and_at_the_desk(world: World) -> None:
    world.put("mailbox", "m1", {**NOTIFIED, "notify_minutes": 0})
    caller = listens(world)
    assert "mailbox.notice" in heard(caller)[-1]
    leaves(world, "1")
    assert len(world.facts(TextAsked)) == 1
    caller = listens(world, "6", "0")
    assert any("mailbox.notice_off" in detail for detail in heard(caller))
    assert [(one.on, one.cause) for one in world.facts(NoticeSet)] == [(False, "telephone")]
    world.restart()
    leaves(world, "1")
    assert len(world.facts(TextAsked)) == 1
    world.obey(SetNotice(mailbox="m1", on=True, agent="a1001"))
    world.run(1)
    assert world.facts(NoticeSet)[-1].agent == "a1001"
    assert len(world.facts(TextAsked)) == 2  # what waits is told at once
    with pytest.raises(Refused, match="not_found"):
        world.obey(SetNotice(mailbox="none", on=True))
    world.put("mailbox", "m1", {**NOTIFIED, "notify_number": ""})
    with pytest.raises(Refused, match="no_notice"):
        world.obey(SetNotice(mailbox="m1", on=True))


def test_without_a_connection_it_says_why(world: World) -> None:
    world.put("text_line", "l1", {**LINE, "enabled": False})
    leaves(world, "1")
    assert [one.cause for one in world.facts(NoticeOver)] == ["no_text_line"]
    assert world.facts(MessageLeft)
    assert world.facts(TextAsked) == []


FLOW: dict[str, Any] = {
    "schema_version": 1, "name": {"en": "Page"}, "start": "number",
    "steps": {
        "number": {"kind": "collect", "name": "pager", "prompts": ["menu"], "minimum": 11, "maximum": 11, "next": {
            "done": "page", "timeout": "page", "wrong": "page"}},
        "page": {"kind": "send_text", "to": "vars.pager", "text": {"zh-CN": "{contact.calling}请您回电", "en": "Call {contact.calling}"},
                 "next": {"done": "own", "failed": "own"}},
        "own": {"kind": "send_text", "text": {"zh-CN": "已为您呼叫{vars.none}"}, "next": {"done": "end", "failed": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


def paged(world: World, number: str, calling: str = "13800000001") -> list[TextAsked]:
    world.put("flow", "f9", {"id": "f9", "code": "page", "published_version": 1, "document": FLOW})
    world.put("number", "n1", {"id": "n1", "number": HOTLINE, "trunk": "", "calling": "", "flow": "f9", "site": SITE})
    world.caller(calling, steps=(UntilAsked(), Press(number)))
    world.run(30)
    return list(world.facts(TextAsked))


def test_a_flow_pages_somebody(world: World) -> None:
    texts = paged(world, PAGER)
    assert [said(world, one) for one in texts] == [(PAGER, "13800000001请您回电"), ("13800000001", "已为您呼叫")]
    assert [(one.source, bool(one.contact)) for one in texts] == [("flow", True)] * 2
    assert all(PAGER.encode() not in raw and "回电".encode() not in raw for raw in world.ledger)
    check_end(world, 1)


def test_a_flow_texts_nobody_whom_no_connection_takes(world: World) -> None:
    assert paged(world, "02155551234"[:11], calling="anonymous") == []
    assert [one.outcome for one in world.facts(StepLeft)][-2:] == ["failed", "failed"]


def test_a_flow_that_cannot_send_is_not_published() -> None:
    kinds = step_kinds(Library())
    document = document_of({**FLOW, "steps": {**FLOW["steps"], "own": {**FLOW["steps"]["own"], "text": {"en": "{1 +}"}}}})
    problems = [one.code for one in check(document, kinds, Knowledge(prompts={"menu": frozenset({"zh-CN"})}))]
    assert sorted(set(problems)) == ["flow.bad_expression", "flow.no_text_line"]


def test_an_agent_texts_the_customer_of_his_talk_and_nobody_elses() -> None:
    world = World()
    world.put("text_line", "l1", LINE)
    template = {"id": "x1", "code": "received", "name": {"en": "Received"}, "texts": {"zh-CN": "您的来电{contact.calling}已受理。"}}
    world.put("text_template", "x1", template)
    world.agent("1001")
    world.agent("1002", ready=False)
    world.caller()
    world.run(15)
    assert world.partition is not None
    (assignment,) = world.partition.acd.model.assignments()
    looked = world.obey(TextCustomer(agent="a1001", assignment=assignment.id, template="received", dry=True))
    assert looked == {"text": "", "body": "您的来电13800000001已受理。"}
    assert world.facts(TextAsked) == []
    answer = world.obey(TextCustomer(agent="a1001", assignment=assignment.id, template="x1", language="en"))
    (text,) = world.facts(TextAsked)
    assert (text.text, text.source, text.agent, text.contact) == (answer["text"], "desk", "a1001", assignment.contact)
    assert said(world, text) == ("13800000001", looked["body"])
    for agent, id, named, refused in (
        ("a1002", assignment.id, "x1", "not_found"), ("a1001", "none", "x1", "not_found"), ("a1001", assignment.id, "x", "unknown"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=refused):
            world.obey(TextCustomer(agent=agent, assignment=id, template=named))
    world.put("text_line", "l1", {**LINE, "classes": ["local"]})
    with pytest.raises(Refused, match="text_not_allowed"):
        world.obey(TextCustomer(agent="a1001", assignment=assignment.id, template="x1"))

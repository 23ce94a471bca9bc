"""Conferences through core and the simulated switch: number and PIN, roles, keys, hosts at desks, calling out, and a core that dies."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest
from tests.journeys.histories import check_end, check_journeys
from tests.journeys.world import HOTLINE, SITE, TENANT, World

from yitong.app.partition import step_kinds
from yitong.contact.bus import Refused
from yitong.contact.messages import Card
from yitong.ct.model import DeviceKind, Participation, Prompt
from yitong.ct.switching.ports import Invitation
from yitong.domains.acd.messages import ContactOffered
from yitong.domains.conference import messages as m
from yitong.domains.conference.model import Conference, Member
from yitong.domains.conference.rules import GUESSES, MOST_SPEAKERS
from yitong.domains.conference.steps import PROMPTS
from yitong.domains.quality.messages import RecordingAsked, RecordingEnded
from yitong.flow.checker import Knowledge, check
from yitong.flow.definition import document_of
from yitong.flow.messages import StepLeft
from yitong.flow.prompts import Library
from yitong.kit import pins
from yitong.sim.callers import Customer, Press, UntilAsked, UntilHears
from yitong.sim.faults import seeded
from yitong.sim.switch import BUSY, IGNORES, Behaviour, SimLine

HOST, MEMBER, NUMBER = "246810", "1357", "8001"
FLOW: dict[str, Any] = {
    "schema_version": 1, "name": {"en": "Conferences"}, "start": "room",
    "steps": {
        "room": {"kind": "conference", "next": dict.fromkeys(("done", "removed", "wrong", "full", "locked"), "goodbye")},
        "goodbye": {"kind": "play", "prompts": ["goodbye"], "next": {"done": "end"}},
        "end": {"kind": "hang_up"},
    },
}  # fmt: skip


@cache
def sealed(pin: str) -> str:
    return pins.seal(pin, pin.encode().ljust(16))


def room(**fields: Any) -> dict[str, Any]:
    return {
        "id": "r1", "code": "board", "name": {"en": "Board"}, "number": NUMBER, "site": SITE, "host_pin": sealed(HOST),
        "member_pin": sealed(MEMBER), "size": 20, "enters": "speaker", "may_ask": True, "wait_for_host": True, "entry_tone": True,
        "recorded": False, "music": "music", "maximum_minutes": 60, **fields,
    }  # fmt: skip


def a_world(**fields: Any) -> World:
    made = World()
    for name in PROMPTS:
        code = f"conference.{name}"
        made.put("prompt", code, {"id": code, "code": code, "language": "zh-CN", "file": f"zh/{code}.wav"})
    made.put("conference_room", "r1", room(**fields))
    made.put("flow", "f3", {"id": "f3", "code": "conferences", "published_version": 1, "document": FLOW})
    made.put("number", "n1", {"id": "n1", "number": HOTLINE, "trunk": "", "calling": "", "flow": "f3", "site": SITE})
    return made


def caller(world: World, pin: str, *, number: str = NUMBER, calling: str = "13800000001", then: tuple[Any, ...] = ()) -> Customer:
    steps = (UntilHears("enter_number"), Press(number + "#"), UntilHears("enter_pin"), Press(pin + "#"), *then)
    return world.caller(calling, steps=steps)


class Patient(Customer):
    """Answers every question as often as it is asked, and presses a key when he has been in for a while."""

    def __init__(self, world: World, pin: str, calling: str) -> None:
        self._pin = pin
        super().__init__(world.switch, tenant=TENANT, called=HOTLINE, calling=calling)
        world.arrivals.append(self.connection)

    def hears(self, prompts: tuple[Prompt, ...], collecting: bool) -> None:
        super().hears(prompts, collecting)
        said = prompts[-1].file if prompts else ""
        if collecting and "enter_" in said:
            keys = f"{NUMBER}#" if "enter_number" in said else f"{self._pin}#"
            self.switch.timeline.after(3.5, lambda: self._answer(said, keys))

    def _answer(self, said: str, keys: str) -> None:
        for key in keys if self._playing[-1:] == (said,) else "":
            self._key(key)


def conference(world: World) -> Conference:
    assert world.partition is not None
    (one,) = world.partition.conferences.model.conferences.values()
    return one


def member(world: World, customer: Customer) -> Member:
    assert world.partition is not None
    found = world.partition.conferences.model.of_connection(customer.connection)
    assert found is not None
    return found[1]


def heard(world: World, customer: Customer) -> set[str]:
    """Whose connections he hears."""
    return world.switch.audio.ports[customer.connection].hears


def played(customer: Customer) -> str:
    return " ".join(seen.detail for seen in customer.seen if seen.what == "hears")


def test_members_wait_for_the_host_and_then_hear_each_other() -> None:
    world = a_world()
    first, second = caller(world, MEMBER), caller(world, MEMBER, calling="13800000002")
    world.run(30)
    assert "conference.wait_host" in played(first)
    assert "music" in played(first)
    assert heard(world, first) == set()
    host = caller(world, HOST, calling="13800000003")
    world.run(30)
    assert "conference.before.wav zh/number.2.wav zh/conference.after" in played(host).replace("  ", " ")
    assert heard(world, first) == {second.connection, host.connection}
    assert heard(world, host) == {first.connection, second.connection}
    assert [one.host for one in conference(world).members.values()] == [False, False, True]
    for one in (first, second, host):
        one.hang_up()
    world.run(10)
    (ended,) = world.facts(m.ConferenceEnded)
    assert ended.cause == "last_left"
    check_end(world, 3)


def test_a_wrong_pin_three_times_is_told_and_ends_it() -> None:
    world = a_world()
    customer = world.caller(steps=(UntilHears("enter_number"), Press(NUMBER + "#"), *([UntilAsked(), Press("9999#")] * 3)))
    world.run(60)
    assert played(customer).count("conference.wrong") == 2
    assert "conference.too_often" in played(customer)
    assert [left.outcome for left in world.facts(StepLeft)] == ["wrong", "done"]
    assert not world.facts(m.ConferenceBegan)
    assert b"9999" not in b"".join(world.ledger), "no PIN in the ledger"
    check_end(world, 1)


def test_a_room_that_is_guessed_at_closes_for_an_hour() -> None:
    """Ten callers with three wrong PINs each: the eleventh is not even asked, whatever his PIN; hosts at desks still call people in."""
    world = a_world()
    for number in range(GUESSES):
        steps = (UntilHears("enter_number"), Press(NUMBER + "#"), *([UntilAsked(), Press("9999#")] * 3))
        world.caller(f"1370000{number:04}", steps=steps)
    world.run(60)
    world.restart(1.0)
    honest = caller(world, HOST, calling="13800000002")
    world.run(30)
    assert "conference.locked" in played(honest)
    assert "enter_pin" not in played(honest)
    world.run(3_600)
    late = caller(world, HOST, calling="13800000003")
    world.run(30)
    assert member(world, late).host


def test_a_number_that_is_no_room_counts_as_wrong() -> None:
    world = a_world()
    customer = world.caller(steps=(UntilHears("enter_number"), Press("7777#"), UntilHears("enter_number"), Press(NUMBER + "#"),
                                   UntilHears("enter_pin"), Press(HOST + "#")))  # fmt: skip
    world.run(30)
    assert member(world, customer).host


def test_nine_speakers_are_one_listener_too_many() -> None:
    """The ninth begins as a listener, asks, is refused with a clear reason, and gets a place when one is free (H77 to H80)."""
    world = a_world()
    host = caller(world, HOST)
    world.run(25)
    others = [caller(world, MEMBER, calling=f"1380000{number:04}") for number in range(MOST_SPEAKERS)]
    world.run(30)
    last = min(others, key=lambda one: member(world, one).speaking)
    assert sum(one.speaking for one in conference(world).members.values()) == MOST_SPEAKERS
    assert not member(world, last).speaking
    assert len(heard(world, last)) == MOST_SPEAKERS
    assert all(last.connection not in heard(world, one) for one in (host, *others))
    world.switch.press(last.connection, "1")
    world.run(4)
    assert "conference.asked" in played(last)
    with pytest.raises(Refused) as refusal:
        world.obey(m.Grant(conference=conference(world).id, member=member(world, last).id))
    assert (refusal.value.code, refusal.value.parameters) == ("too_many_speakers", {"most": MOST_SPEAKERS})
    world.switch.press(host.connection, "2")
    world.run(4)
    assert "conference.too_many_speakers" in played(host)
    world.switch.press(next(one for one in others if one is not last).connection, "1")
    world.run(4)
    world.switch.press(host.connection, "2")
    world.run(4)
    assert member(world, last).speaking
    assert "conference.speaker" in played(last)
    assert last.connection in heard(world, host)


def test_the_host_grants_and_refuses_in_the_order_of_asking() -> None:
    world = a_world(enters="listener")
    host = caller(world, HOST)
    first, second = caller(world, MEMBER, calling="13800000002"), caller(world, MEMBER, calling="13800000003")
    world.run(30)
    for one in (second, first):
        world.switch.press(one.connection, "1")
        world.run(2)
    world.switch.press(host.connection, "2")
    world.run(2)
    assert (member(world, second).speaking, member(world, first).speaking) == (True, False)
    world.switch.press(host.connection, "3")
    world.run(2)
    assert not member(world, first).asked_at
    assert "conference.ask_refused" in played(first)
    assert [fact.cause for fact in world.facts(m.AskEnded)] == ["granted", "refused"]


def test_keys_mute_lock_and_end() -> None:
    world = a_world(wait_for_host=False)
    host, guest = caller(world, HOST), caller(world, MEMBER, calling="13800000002")
    world.run(30)
    world.switch.press(host.connection, "5")
    world.run(4)
    assert heard(world, host) == set()
    assert heard(world, guest) == {host.connection}, "hosts are heard"
    world.switch.press(host.connection, "5")
    world.switch.press(guest.connection, "6")
    world.run(4)
    assert heard(world, host) == set()
    assert member(world, guest).muted
    world.switch.press(host.connection, "4")
    world.run(4)
    late = caller(world, MEMBER, calling="13800000003")
    world.run(20)
    assert "conference.locked" in played(late)
    world.switch.press(host.connection, "9")
    world.run(1)
    assert not conference(world).ended, "once is a slip"
    world.switch.press(host.connection, "9")
    world.run(10)
    assert [fact.cause for fact in world.facts(m.ConferenceEnded)] == ["host"]
    assert "goodbye" in played(guest), "the flow goes on"
    check_end(world, 3)


def test_a_desk_mutes_removes_records_and_ends() -> None:
    world = a_world(wait_for_host=False)
    world.cards["13800000002"] = Card(id="c1", name="Li Lei", number="13800000002")
    first, second = caller(world, MEMBER), caller(world, MEMBER, calling="13800000002")
    world.run(30)
    one = conference(world)
    world.obey(m.MuteMember(conference=one.id, member=member(world, first).id, on=True, agent="a1"))
    world.obey(m.RecordConference(conference=one.id, on=True, agent="a1"))
    world.run(5)
    assert heard(world, second) == set()
    assert one.recording
    world.obey(m.RecordConference(conference=one.id, on=False, agent="a1"))
    world.run(2)
    assert not one.recording
    (asked,), (ended,) = world.facts(RecordingAsked), world.facts(RecordingEnded)
    assert (asked.recording, asked.contact) == (ended.recording, ended.contact)
    assert ended.milliseconds >= 4_000
    world.obey(m.RemoveMember(conference=one.id, member=member(world, second).id, agent="a1"))
    world.run(10)
    assert [left.outcome for left in world.facts(StepLeft)] == ["removed", "done"]
    world.obey(m.EndConference(conference=one.id, agent="a1"))
    world.run(10)
    check_end(world, 2)


def test_the_live_document_tells_who_is_there() -> None:
    """H81: number and name; a snapshot plus changes is a fresh snapshot."""
    world = a_world(enters="listener", wait_for_host=False)
    assert world.partition is not None
    live = world.partition.conferences.live
    _, document = live.document()
    world.cards["13800000002"] = Card(id="c1", name="Li Lei", number="13800000002")
    customer = caller(world, MEMBER, calling="13800000002")
    world.run(20)
    world.switch.press(customer.connection, "1")
    world.run(2)
    held = {"rooms": dict(document["rooms"])}
    for update in live.flush():
        for change in update.changes:
            apply(held, change)
    assert held["rooms"] == live.document()[1]["rooms"]
    (shown,) = held["rooms"]["r1"]["members"].values()
    assert (shown["number"], shown["name"], shown["speaking"], shown["state"]) == ("13800000002", "Li Lei", False, "in")
    assert shown["asked_at"]
    world.obey(m.Grant(conference=conference(world).id, member=shown["id"]))
    world.run(2)
    world.switch.speak(customer.connection, True)
    world.run(1)
    live.flush()
    (shown,) = live.document()[1]["rooms"]["r1"]["members"].values()
    assert (shown["speaking"], shown["heard"], shown["talking"], shown["asked_at"]) == (True, True, True, None)
    world.restart(1.0)
    assert world.partition is not None
    (shown,) = world.partition.conferences.live.document()[1]["rooms"]["r1"]["members"].values()
    assert shown["talking"], "also for a core that was not there when he began"


def apply(document: Any, change: list[Any]) -> None:
    *path, last = change[1]
    for key in path:
        document = document[key]
    if change[0] == "set":
        document[last] = change[2]
    else:
        del document[last]


def test_a_host_calls_somebody_in() -> None:
    """By the classes that the asking agent may call; whoever answers says by key that he comes, so no machine does."""
    world = a_world()
    world.agent("1001", may_call=["mobile"])
    world.switch.register(TENANT, "out", kind=DeviceKind.TRUNK, usual=Behaviour(answer_after=2.0))
    world.run(1)
    for number, code in (("02150001234", "number_not_allowed"), ("", "bad_number")):
        with pytest.raises(Refused) as refusal:
            world.obey(m.CallIn(room="r1", agent="a1001", number=number))
        assert refusal.value.code == code
    host = world.obey(m.CallIn(room="r1", agent="a1001", to_agent="a1001", host=True))
    called = world.obey(m.CallIn(room="r1", agent="a1001", number="13900001111"))
    world.run(12)
    one = conference(world)
    assert one.members[host].state == "in", "the agent's own telephone needs no confirmation"
    assert one.members[called].state == "confirming"
    world.switch.press(one.members[called].connection, "1")
    world.run(12)
    assert {other.state for other in one.members.values()} == {"in"}
    assert world.switch.audio.ports[one.members[host].connection].hears == {one.members[called].connection}
    world.obey(m.EndConference(conference=one.id, agent="a1001"))
    world.run(10)
    check_end(world, 0)
    check_journeys(world.events())


def goes_on(world: World, old: str) -> str:
    """INVITE with Replaces: the agent 1001 takes what is at his telephone to his page; its connection."""
    switch = world.switch
    page = switch.register(TENANT, "1001", kind=DeviceKind.PAGE, usual=IGNORES).device
    switch.lines["taken"] = SimLine(device=switch.devices[page.device])

    def take(now: int) -> None:
        switch.function.replaced(
            old, connection="taken", device=page.device, kind=DeviceKind.PAGE, invitation=Invitation(calling="1001"), now=now
        )

    switch._do(take)
    world.run(5)
    return "taken"


@pytest.mark.parametrize("until", [0.5, 20.0], ids=["ringing", "in"])
def test_a_host_goes_on_at_another_telephone(until: float) -> None:
    """He stays what he was: host, muted, recorded; nobody is told that he left."""
    world = a_world()
    world.agent("1001", usual=Behaviour(answer_after=2.0))
    world.run(1)
    host = world.obey(m.CallIn(room="r1", agent="a1001", to_agent="a1001", host=True))
    guest = caller(world, MEMBER)
    world.run(until)
    one = conference(world)
    taken = goes_on(world, one.members[host].connection)
    world.run(20)
    assert (one.members[host].state, one.members[host].connection) == ("in", taken)
    assert world.switch.audio.ports[taken].hears == {guest.connection}
    assert heard(world, guest) == {taken}
    world.obey(m.MuteMember(conference=one.id, member=host, agent="a1001", on=True))
    world.run(1)
    assert heard(world, guest) == set()
    world.switch.hang_up(taken)
    world.run(2)
    assert [fact.cause for fact in world.facts(m.MemberLeft) if fact.member == host] == ["left"]
    world.obey(m.EndConference(conference=one.id, agent="a1001"))
    world.run(10)
    check_end(world, 1)
    check_journeys(world.events())


@pytest.mark.parametrize("dies", [False, True], ids=["core lives", "core dies"])
def test_whoever_is_in_a_conference_is_offered_no_call(dies: bool) -> None:
    """His telephone is occupied, whoever called whom; afterwards he takes the next one who waits."""
    world = a_world()
    queue = {"queue": {"kind": "queue", "queue": "service", "next": dict.fromkeys(("served", "timeout", "full", "no_agents"), "end")}}
    flow = {**FLOW, "start": "queue", "steps": {**queue, "end": FLOW["steps"]["end"]}}
    world.put("flow", "f4", {"id": "f4", "code": "service", "published_version": 1, "document": flow})
    world.put("number", "n2", {"id": "n2", "number": "96901", "trunk": "", "calling": "", "flow": "f4", "site": SITE})
    world.agent("1001", usual=Behaviour(answer_after=1.0))
    world.obey(m.CallIn(room="r1", agent="a1001", to_agent="a1001", host=True))
    world.run(8)
    if dies:
        world.restart(0.5)
    assert world.partition is not None
    assert world.partition.acd.model.agents["a1001"].state == "busy"
    customer = Customer(world.switch, tenant=TENANT, called="96901", calling="13900000002", steps=())
    world.arrivals.append(customer.connection)
    world.run(12)
    assert not customer.talked_to
    assert not world.facts(ContactOffered)
    world.obey(m.EndConference(conference=conference(world).id, agent="a1001"))
    world.run(12)
    assert customer.talked_to
    customer.hang_up()
    world.run(20)
    check_end(world, 1)
    check_journeys(world.events())


@pytest.mark.parametrize("usual", [BUSY, Behaviour(answer_after=1.0)])
def test_whoever_does_not_come_is_no_member(usual: Behaviour) -> None:
    world = a_world()
    world.agent("1001", may_call=["mobile"])
    world.switch.register(TENANT, "out", kind=DeviceKind.TRUNK, usual=usual)
    world.run(1)
    world.obey(m.CallIn(room="r1", agent="a1001", number="13900001111"))
    world.run(60)
    (left,) = world.facts(m.MemberLeft)
    assert left.cause == ("busy" if usual is BUSY else "refused")
    check_end(world, 0)


def test_it_ends_when_its_time_is_over() -> None:
    world = a_world(maximum_minutes=2)
    customer = caller(world, HOST)
    world.run(60)
    assert member(world, customer).state == "in"
    world.run(90)
    assert [fact.cause for fact in world.facts(m.ConferenceEnded)] == ["limit"]
    check_end(world, 1)


def test_two_hundred_leave_in_batches() -> None:
    """The end of a large conference is many decisions, not one batch without bounds."""
    world = a_world(size=300, enters="listener", wait_for_host=False)
    crowd = [caller(world, MEMBER, calling=f"139{number:08}") for number in range(200)]
    world.run(40)
    assert len(conference(world).members) == 200
    before = len(world.ledger)
    world.obey(m.EndConference(conference=conference(world).id))
    world.run(15)
    assert max(len(raw) for raw in world.ledger[before:]) < 120_000
    assert all(one.ended for one in crowd)
    check_end(world, 200)


@pytest.mark.parametrize("seed", range(8))
def test_a_killed_core_neither_ends_nor_doubles_a_conference(seed: int) -> None:
    """Killed at any moment, back within seconds: the members hear each other on, and it is one conference."""
    chance = random.Random(seed)
    world = a_world()
    world.switch.faults = seeded(seed, lose=0.03, double=0.05, delay=0.1, late_seconds=0.4)
    people = [Patient(world, HOST if not number else MEMBER, f"1380000{number:04}") for number in range(5)]
    world.run(0.5)  # a call that is never answered is no caller
    world.switch.service_faults = seeded(seed + 1, lose=0.03, double=0.05)
    for _ in range(8):
        world.run(chance.uniform(0.1, 9.0))
        world.switch.press(chance.choice(people).connection, chance.choice("168"))
        if chance.random() < 0.3:
            world.save()
        world.restart(chance.uniform(0.0, 2.5))
    world.run(90)
    assert len(world.facts(m.ConferenceBegan)) == 1
    one = conference(world)
    assert {name.state for name in one.members.values()} == {"in"}
    there = {connection.connection: connection for connection in world.switch.snapshot_now(TENANT).connections}
    for known in one.members.values():
        heard_as = Participation.ACTIVE if one.is_heard(known) else Participation.SILENT
        assert (there[known.connection].hall, there[known.connection].participation) == (one.id, heard_as)
    world.switch.faults = world.switch.service_faults = lambda message: (0.0,)
    for customer in people:
        customer.hang_up()
    world.run(60)
    check_end(world, len(people))
    assert [fact.cause for fact in world.facts(m.ConferenceEnded)] == ["last_left"]


def test_the_step_is_checked() -> None:
    kinds = step_kinds(Library())
    raw = {**FLOW, "steps": {**FLOW["steps"], "room": {**FLOW["steps"]["room"], "room": "nowhere"}}}
    prompts = {f"conference.{name}": frozenset({"zh-CN"}) for name in PROMPTS} | {"goodbye": frozenset({"zh-CN"})}
    found = check(document_of(raw), kinds, Knowledge(prompts=prompts))
    assert [problem.code for problem in found] == ["flow.unknown_room"]
    assert check(document_of(FLOW), kinds, Knowledge(prompts=prompts, rooms=frozenset({"board"}))) == []
    assert {problem.code for problem in check(document_of(FLOW), kinds, Knowledge())} == {"flow.no_prompt"}

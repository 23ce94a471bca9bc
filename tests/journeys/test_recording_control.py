"""What is recorded and what is not: rules, pauses, on demand with its five ends; core may die at every step, and before its word is out."""

from __future__ import annotations

import hashlib

import pytest
from tests.journeys.test_supervising import Watch
from tests.journeys.world import QUEUE, QUEUE_VALUE

from yitong.contact.bus import Refused
from yitong.contact.messages import Command
from yitong.domains.acd import messages as acd
from yitong.domains.quality.messages import RecordingAsked, RecordingEnded
from yitong.domains.recording import messages as m
from yitong.sim.audio import Take

LIVES = ("core lives", "core dies after every step", "core dies before its word is out")


class Recorded(Watch):
    """1001 talks with a customer, 1100 supervises. ``life``: when core dies; the last: its services never reach the switch."""

    def __init__(self, life: str = LIVES[0], *, rule: dict[str, object] | None = None) -> None:
        self._mute = life == LIVES[2]
        self._rule_now = rule
        super().__init__(die=life == LIVES[1])

    def run(self, seconds: float) -> None:
        if self._rule_now is not None:
            self.world.put("queue", QUEUE, QUEUE_VALUE | {"recording": self._rule_now})
            self._rule_now = None
        super().run(seconds)

    def order(self, command: Command, seconds: float = 2.0) -> object:
        """A command; core may die when it is in the ledger and nobody else knows of it."""
        if not self._mute:
            answer: object = self.world.obey(command)
        else:
            switch, before = self.world.switch, self.world.switch.service_faults
            switch.service_faults = lambda service: ()
            answer = self.world.obey(command)
            switch.service_faults = before
            self.world.restart(0.5)
        self.run(seconds)
        return answer

    def pause(self, seconds: int = 60) -> None:
        self.order(m.PauseTalk(actor="u1001", agent="a1001", assignment=self.mine().id, seconds=seconds))

    def resume(self) -> None:
        self.order(m.ResumeTalk(actor="u1001", agent="a1001", assignment=self.mine().id))

    def demand(self, seconds: int = 0) -> None:
        self.order(m.RecordTalk(actor="u1100", agent="a1001", by_agent="a1100", seconds=seconds))

    def takes(self) -> list[Take]:
        """What the switch records now."""
        return list(self.world.switch.audio.takes.values())

    def silent(self) -> list[bool]:
        return [take.pause_began is not None for take in self.takes()]

    def ends(self) -> list[tuple[str, str]]:
        """How recordings on demand ended, and by whom."""
        return [(fact.cause, fact.user) for fact in self.world.facts(m.DemandEnded)]

    def shown(self, agent: str = "a1001") -> dict[str, object]:
        """The contact on a desk."""
        assert self.world.partition is not None
        self.world.partition.live.flush()
        (one,) = self.world.partition.live.document(f"desk.{agent}")[1]["assignments"].values()
        found: dict[str, object] = one
        return found

    def end(self, *queues: str) -> None:
        """Everybody goes; nothing records any more, and every pause and demand that began has ended."""
        super().end(*queues)
        assert self.takes() == []
        for began, ended in ((m.PauseBegan, m.PauseEnded), (m.DemandBegan, m.DemandEnded)):
            assert len(self.world.facts(began)) == len(self.world.facts(ended))
        model = self.world.partition.recorder.model  # type: ignore[union-attr]
        left = [model.talks, model.pauses, model.unwanted, model.ending, model.silent]
        assert not any(left), left


ALIVE = pytest.mark.parametrize("life", LIVES)


@ALIVE
def test_nothing_is_recorded_in_a_pause(life: str) -> None:
    told = Recorded(life)
    told.pause()
    assert told.silent() == [True]
    told.world.switch.audio.press(told.customer.connection, "4")
    told.world.restart(1.0)
    told.run(1)
    assert told.silent() == [True]
    told.resume()
    assert told.silent() == [False]
    told.say(acd.HangUp)
    told.end()
    (ended,) = [fact for fact in told.world.facts(RecordingEnded) if fact.complete]
    ((begin, until),) = ended.pauses
    assert until - begin >= 2000
    assert [(fact.cause, fact.user) for fact in told.world.facts(m.PauseEnded)] == [("agent", "u1001")]
    assert told.world.switch.audio.ports == {}
    assert not any("4" in str(event.payload.get("keys", "")) for event in told.world.events())


@ALIVE
def test_a_forgotten_pause_ends_by_itself(life: str) -> None:
    told = Recorded(life)
    told.pause(20)
    told.run(25)
    assert told.silent() == [False]
    assert [fact.cause for fact in told.world.facts(m.PauseEnded)] == ["time"]
    told.end()


def test_a_pause_ends_by_itself_while_core_is_away() -> None:
    told = Recorded()
    told.pause(10)
    told.world.restart(15.0)
    told.run(2)
    assert told.silent() == [False]
    assert [fact.cause for fact in told.world.facts(m.PauseEnded)] == ["time"]
    told.end()


@ALIVE
def test_a_pause_holds_over_a_lost_page_and_a_recording_on_demand(life: str) -> None:
    """What begins to be recorded in a pause begins after it."""
    told = Recorded(life)
    told.pause()
    told.demand()
    assert told.silent() == [True]
    told.world.switch.unregister("t1/phone/1001")
    told.world.switch.lose(told.mine().connection)
    told.world.run(2)
    told.world.switch.register("t1", "1001", usual=told.first.usual)
    told.run(10)
    assert told.mine().state == "active"
    assert told.takes() == []
    told.resume()
    assert told.silent() == [False, False]
    told.end()


@ALIVE
def test_a_pause_ends_with_the_talk(life: str) -> None:
    told = Recorded(life)
    told.pause()
    told.say(acd.HangUp)
    assert [fact.cause for fact in told.world.facts(m.PauseEnded)] == ["talk_over"]
    told.end()


@ALIVE
@pytest.mark.parametrize("way", ["key", "intercept", "release", "call_over", "timer"])
def test_the_five_ends_of_a_recording_on_demand(life: str, way: str) -> None:
    """H87. The rule records nothing here, so what runs is the supervisor's."""
    told = Recorded(life, rule={"mode": "on_demand"})
    assert told.takes() == []
    told.supervise()
    told.demand(8 if way == "timer" else 0)
    assert len(told.takes()) == 1
    if way == "key":
        told.order(m.EndRecordTalk(actor="u1100", agent="a1001"))
    elif way == "intercept":
        told.order(acd.Intercept(agent="a1100", assignment=told.mine("a1100").id))
    elif way == "release":
        told.order(acd.ForceRelease(agent="a1001"))
    elif way == "call_over":
        told.say(acd.HangUp)
    told.run(10)
    assert told.ends() == [(way, "u1100" if way == "key" else "")]
    assert told.takes() == []
    told.end()
    assert len(told.world.facts(RecordingAsked)) == 1


@ALIVE
def test_a_recording_on_demand_leaves_the_rules_alone(life: str) -> None:
    told = Recorded(life)
    told.demand()
    assert len(told.takes()) == 2
    told.order(m.EndRecordTalk(actor="u1100", agent="a1001"))
    assert len(told.takes()) == 1
    told.say(acd.HangUp)
    told.end()
    asked = told.world.facts(RecordingAsked)
    assert [bool(fact.demand) for fact in asked] == [False, True]
    lengths = {fact.recording: fact.milliseconds for fact in told.world.facts(RecordingEnded)}
    assert lengths[asked[0].recording] > lengths[asked[1].recording] > 0


@ALIVE
def test_a_recording_on_demand_goes_on_when_the_page_is_back(life: str) -> None:
    told = Recorded(life, rule={"mode": "on_demand"})
    told.demand()
    told.world.switch.lose(told.mine().connection)
    told.run(10)
    assert told.mine().state == "active"
    assert len(told.takes()) == 1
    told.say(acd.HangUp)
    told.end()
    asked = told.world.facts(RecordingAsked)
    assert len(asked) == 2
    assert len({fact.demand for fact in asked}) == 1


def test_an_agent_ends_only_what_he_began() -> None:
    told = Recorded(rule={"mode": "on_demand"})
    told.demand()
    with pytest.raises(Refused, match="recorded_on_demand"):
        told.world.obey(m.EndRecordTalk(agent="a1001", assignment=told.mine().id))
    with pytest.raises(Refused, match="recorded_on_demand"):
        told.demand()
    told.order(m.EndRecordTalk(agent="a1001"))
    told.order(m.RecordTalk(agent="a1001", assignment=told.mine().id, by_agent="a1001"))
    told.order(m.EndRecordTalk(agent="a1001", assignment=told.mine().id))
    assert told.takes() == []
    told.end()


def test_what_must_not_be_recorded_is_not() -> None:
    told = Recorded(rule={"mode": "none"})
    for refused, command in (
        ("recording_forbidden", m.RecordTalk(agent="a1001")), ("not_recorded", m.PauseTalk(agent="a1001")),
        ("wrong_state", m.ResumeTalk(agent="a1001")), ("wrong_state", m.EndRecordTalk(agent="a1001")),
        ("wrong_state", m.RecordTalk(agent="a1002")), ("not_found", m.PauseTalk(agent="a1001", assignment="x")),
    ):  # fmt: skip
        with pytest.raises(Refused, match=refused):
            told.world.obey(command)
    told.end()
    assert told.world.facts(RecordingAsked) == []
    (decided,) = told.world.facts(m.RecordingDecided)
    assert (decided.mode, decided.recorded, decided.of, decided.cause) == ("none", False, "queue", "none")


@pytest.mark.parametrize("percent", [0, 40, 100])
def test_percent_is_drawn_from_the_contact(percent: int) -> None:
    """The same contact is recorded or not whoever asks again: after a lost page, a restart, a transfer."""
    told = Recorded(LIVES[1], rule={"mode": "percent", "percent": percent})
    told.world.switch.lose(told.mine().connection)
    told.run(10)
    (contact,) = told.world.contacts()
    drawn = int.from_bytes(hashlib.sha256(f"recording/{contact}".encode()).digest()[:8], "big") % 10_000
    recorded = drawn < percent * 100
    assert len(told.takes()) == recorded
    (decided,) = told.world.facts(m.RecordingDecided)
    assert (decided.recorded, decided.drawn, decided.cause) == (recorded, drawn, "drawn" if recorded else "not_drawn")
    told.end()


def test_a_rule_of_a_class_of_outside_numbers() -> None:
    told = Recorded()
    told.say(acd.HangUp)
    told.run(10)
    told.world.put("tenant", "t1", {"id": "t1", "country": "CN"})
    told.world.put("number_class", "n1", {"code": "national", "recording": {"mode": "none"}})
    told.world.obey(acd.CallOut(agent="a1001", number="02150001234"))
    told.run(5)
    assert told.takes() == []
    decided = told.world.facts(m.RecordingDecided)[-1]
    assert (decided.of, decided.recorded) == ("national", False)
    told.world.obey(acd.HangUp(agent="a1001", assignment=told.mine().id))
    told.run(5)
    told.world.obey(acd.WrapUp(agent="a1001", assignment=told.mine().id))
    told.run(5)

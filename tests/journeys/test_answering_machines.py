"""An agent calls out with a prompt that an answering machine shall have after its beep (A23); core may die at each step."""

from __future__ import annotations

from typing import Any

import pytest
from tests.journeys.histories import check_end
from tests.journeys.test_calling_out import BOTH, NUMBER, Dialled

from yitong.contact.bus import Refused
from yitong.contact.messages import AnswererHeard, ContactEnded, GreetingHeard
from yitong.domains.acd import messages as m
from yitong.flow.messages import StepLeft
from yitong.sim import voices
from yitong.sim.voices import Voice


class Message(Dialled):
    """1001 calls out; whoever answers has a voice."""

    def __init__(self, voice: Voice, *, die: bool) -> None:
        super().__init__(die=die)
        self.world.switch.audio.voice = voice
        self.key: str = self.world.obey(m.CallOut(agent="a1001", number=NUMBER, prompt="information", after_beep=True))

    def steps(self) -> list[str]:
        return [fact.step for fact in self.world.facts(StepLeft)]

    def shown(self) -> dict[str, Any]:
        assert self.world.partition is not None
        self.world.partition.live.flush()
        return dict(self.world.partition.live.document("desk.a1001")[1]["assignments"][self.key])


@BOTH
def test_a_machine_gets_the_prompt_after_its_beep(die: bool) -> None:
    told = Message(voices.MACHINE, die=die)
    told.run(5.5)  # telephone, number, and a long greeting
    assert told.shown()["answered_by"] == "machine"
    assert not told.steps(), "the greeting is not over"
    told.run(20)
    assert told.steps() == ["send", "leave"]
    assert [(fact.who, fact.cause) for fact in told.world.facts(AnswererHeard)] == [("machine", "greeting")]
    if not die:
        assert [fact.cause for fact in told.world.facts(GreetingHeard)] == ["beep"]
    (ended,) = told.world.facts(ContactEnded)
    assert ended.by == "system"
    assert told.shown()["state"] == "wrapping_up", "the agent has talked with nobody and sees why"
    told.world.obey(m.WrapUp(agent="a1001", assignment=told.key))
    check_end(told.world, 0)


@BOTH
@pytest.mark.parametrize("voice", [voices.PERSON, voices.NOBODY], ids=["a person", "whoever says nothing"])
def test_others_get_it_at_once_and_then_the_agent(die: bool, voice: Voice) -> None:
    told = Message(voice, die=die)
    told.run(15)
    assert told.steps()[:2] == ["send", "say"]
    shown = told.shown()
    assert (shown["state"], shown["detour"]["state"], shown["detour"]["result"]) == ("active", "over", "done")
    told.world.obey(m.HangUp(agent="a1001", assignment=told.key))
    told.end()


@pytest.mark.parametrize(("voice", "who"), [(voices.FAX, "fax"), (voices.BUSY, "busy")])
def test_where_nobody_is_the_call_ends(voice: Voice, who: str) -> None:
    told = Message(voice, die=False)
    told.run(12)
    assert [fact.who for fact in told.world.facts(AnswererHeard)] == [who]
    assert told.steps() == ["send"]
    assert told.world.facts(ContactEnded)
    told.end()


def test_without_a_prompt_there_is_nothing_to_leave() -> None:
    told = Dialled()
    for prompt in ("", "nothing"):
        with pytest.raises(Refused, match="unknown_prompt"):
            told.world.obey(m.CallOut(agent="a1001", number=NUMBER, prompt=prompt, after_beep=True))

"""An agent calls an outside number: his own telephone, the number, the talk; every way it can end; core may die at each step (H71 O21)."""

from __future__ import annotations

import pytest
from tests.journeys.histories import check_end
from tests.journeys.test_random_histories import check_board
from tests.journeys.world import TENANT, World

from yitong.contact.bus import Refused
from yitong.contact.messages import Card, ContactArrived, CustomerFound
from yitong.ct.model import Cause, DeviceKind
from yitong.ct.switching.ports import Invitation
from yitong.domains.acd import messages as m
from yitong.domains.acd.model.agent import Assignment
from yitong.domains.quality.messages import RecordingEnded
from yitong.sim import voices
from yitong.sim.switch import BUSY, FULL, IGNORES, REFUSES, Behaviour, SimLine

NUMBER = "13800000099"
ANSWERS = Behaviour(answer_after=1.0)
EMPTY = Behaviour(ring_after=None, refuse_after=0.0, refuse_with=Cause.NO_SUCH_NUMBER)
BOTH = pytest.mark.parametrize("die", [False, True], ids=["core lives", "core dies after every step"])


class Dialled:
    """1001 may call mobile numbers; a gateway carries them."""

    def __init__(self, *, die: bool = False, own: Behaviour = ANSWERS, far: Behaviour = ANSWERS) -> None:
        self.world, self._die = World(), die
        self.phone = self.world.agent("1001", usual=own, may_call=["mobile"])
        self.gateway = self.world.switch.register(TENANT, "gateway", kind=DeviceKind.TRUNK, usual=far)
        self.world.cards[NUMBER] = Card(id="c9", name="王")
        self.world.run(1)

    def run(self, seconds: float) -> None:
        self.world.run(seconds)
        if self._die:
            self.world.restart(0.3)
            self.world.run(0.3)

    def dial(self, number: str = NUMBER, seconds: float = 5.0) -> str:
        assignment: str = self.world.obey(m.CallOut(agent="a1001", number=number))
        self.run(seconds)
        return assignment

    def mine(self) -> Assignment | None:
        assert self.world.partition is not None
        return next(iter(self.world.partition.acd.model.assignments()), None)

    def end(self) -> None:
        self.run(90)
        for one in list(self.world.partition.acd.model.assignments()):  # type: ignore[union-attr]
            self.world.try_obey(m.WrapUp(agent="a1001", assignment=one.id))
        self.run(5)
        check_end(self.world, 0)
        if self.world.events():
            check_board(self.world)


@BOTH
def test_he_answers_at_his_other_telephone(die: bool) -> None:
    """INVITE with Replaces for the one that rings: it rings no more, and the number is called from there."""
    told = Dialled(die=die, own=IGNORES)
    told.dial(seconds=2.0)
    switch, ringing = told.world.switch, told.phone.rung[0][0]
    page = switch.register(TENANT, "1001", kind=DeviceKind.PAGE, usual=IGNORES).device
    switch.lines["taken"] = SimLine(device=switch.devices[page.device])
    switch._do(lambda now: switch.function.replaced(
        ringing, connection="taken", device=page.device, kind=DeviceKind.PAGE, invitation=Invitation(calling="1001"), now=now
    ))  # fmt: skip
    told.run(5)
    talk = told.mine()
    assert talk is not None
    assert (talk.state, talk.dial, talk.connection, talk.device) == ("active", None, "taken", page.device)
    assert told.gateway.rung[0][1].called == NUMBER
    assert told.phone.released[ringing] is Cause.ANSWERED_ELSEWHERE
    switch.hang_up("taken")
    told.end()


@BOTH
def test_the_number_answers_and_both_talk(die: bool) -> None:
    told = Dialled(die=die)
    key = told.dial("138 0000-0099")
    talk = told.mine()
    assert talk is not None
    assert (talk.id, talk.state, talk.dial) == (key, "active", None)
    (arrived,) = told.world.facts(ContactArrived)
    assert (arrived.direction, arrived.flow) == ("out", "")
    assert told.world.facts(CustomerFound)[0].customer == "c9"
    assert NUMBER not in repr(told.world.events()), "a number is a personal value: none in the ledger"
    invitation = told.phone.rung[0][1]
    assert invitation.auto_answer
    assert told.gateway.rung[0][1].called == NUMBER
    told.world.obey(m.HangUp(agent="a1001", assignment=key))
    told.run(5)
    assert [fact.kind for fact in told.world.facts() if type(fact).__name__ == "SegmentBegan"] == ["dial", "agent"]
    assert len(told.world.facts(RecordingEnded)) == 1
    after = told.mine()
    assert after is not None
    assert after.state == "wrapping_up"
    told.end()


@BOTH
@pytest.mark.parametrize(
    ("far", "cause"),
    [(REFUSES, "refused"), (BUSY, "busy"), (IGNORES, "no_answer"), (FULL, "congestion"), (EMPTY, "no_such_number")],
    ids=["refuses", "busy", "silent", "lines full", "no such number"],
)
def test_the_number_is_not_reached(die: bool, far: Behaviour, cause: str) -> None:
    told = Dialled(die=die, far=far)
    told.dial(seconds=1.5)
    told.run(90)
    (ended,) = told.world.facts(m.DialEnded)
    assert ended.cause == cause or (die and ended.cause == "unreachable")
    assert told.mine() is None
    assert told.world.partition is not None
    assert told.world.partition.acd.model.agents["a1001"].state == "ready", "he may take calls again"
    told.end()


@BOTH
def test_a_busy_tone_before_the_answer_is_busy(die: bool) -> None:
    """Operators say it in the audio, too, and let it ring on."""
    told = Dialled(die=die, far=IGNORES)
    told.world.switch.audio.voice = voices.BUSY
    told.dial(seconds=1.5)
    told.world.switch.speak_early(told.gateway.rung[-1][0])
    told.run(5)
    (ended,) = told.world.facts(m.DialEnded)
    assert ended.cause == "busy"
    assert told.gateway.released, "the number rings no more"
    assert told.world.partition is not None
    told.world.partition.live.flush()
    assert told.world.partition.live.document("desk.a1001")[1]["agent"]["dial_over"]["cause"] == "busy"
    told.end()


@BOTH
def test_the_agents_own_telephone_does_not_answer(die: bool) -> None:
    told = Dialled(die=die, own=IGNORES)
    told.dial(seconds=1.0)
    told.run(40)
    assert not told.world.facts(ContactArrived), "the number was never rung: there is no contact"
    assert told.world.facts(m.DialEnded)[0].contact == ""
    assert not told.gateway.rung
    told.end()


@BOTH
def test_the_agent_hangs_up_while_it_rings(die: bool) -> None:
    told = Dialled(die=die, far=IGNORES)
    key = told.dial(seconds=3.0)
    told.world.obey(m.HangUp(agent="a1001", assignment=key))
    told.run(3)
    assert told.mine() is None
    assert told.gateway.released, "the number rings no more"
    told.end()


@BOTH
def test_the_called_one_hangs_up(die: bool) -> None:
    told = Dialled(die=die, far=Behaviour(answer_after=1.0, hang_up_after=8.0))
    told.dial(seconds=20.0)
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["customer_left"]
    told.end()


def test_an_emergency_is_called_by_who_still_writes_up() -> None:
    told = Dialled(far=Behaviour(answer_after=1.0, hang_up_after=5.0))
    told.dial(seconds=15.0)
    written = told.mine()
    assert written is not None
    assert written.state == "wrapping_up"
    with pytest.raises(Refused, match="wrong_state"):
        told.dial()
    told.dial("110")
    assert told.gateway.rung[-1][1].called == "110"
    told.end()


def test_what_may_not_be_called_is_refused() -> None:
    told = Dialled()
    for number, code in (("0755123456", "number_not_allowed"), ("mum", "bad_number")):
        with pytest.raises(Refused, match=code):
            told.dial(number)
    told.dial("110")
    with pytest.raises(Refused, match="wrong_state"):
        told.dial()
    assert told.world.facts(m.DialBegan), "emergency numbers are never blocked"

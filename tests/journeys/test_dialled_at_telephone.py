"""What an agent dials at his telephone is what he dials at his desk: a contact, or a call between agents; core may die at any step."""

from __future__ import annotations

import pytest
from tests.journeys.histories import check_end
from tests.journeys.test_calling_out import NUMBER, Dialled
from tests.journeys.test_inside_calls import Story as Inside
from tests.journeys.world import TENANT

from yitong.contact.messages import ContactArrived, ContactEnded
from yitong.ct.model import Cause, DeviceKind
from yitong.domains.acd import messages as m
from yitong.domains.quality.messages import RecordingEnded
from yitong.sim.switch import BUSY, IGNORES, REFUSES, Behaviour

BOTH = pytest.mark.parametrize("die", [False, True], ids=["core lives", "core dies after every step"])
PHONE = f"{TENANT}/phone/1001"


def dial(told: Dialled | Inside, number: str = NUMBER, seconds: float = 4.0) -> str:
    """At the telephone of 1001; its connection."""
    connection = told.world.switch.call_from(PHONE, number)
    told.run(seconds)
    return connection


@BOTH
@pytest.mark.parametrize("end", ["agent", "desk", "customer"])
def test_an_outside_number_is_a_contact_like_one_from_the_desk(die: bool, end: str) -> None:
    told = Dialled(die=die)
    own = dial(told)
    talk = told.mine()
    assert talk is not None
    assert (talk.state, talk.dial, talk.connection, talk.device) == ("active", None, own, PHONE)
    assert told.world.partition is not None
    assert told.world.partition.acd.model.agents["a1001"].state == "busy"
    (arrived,) = told.world.facts(ContactArrived)
    assert arrived.direction == "out"
    assert NUMBER not in repr(told.world.events())
    ((_, invitation),) = told.gateway.rung
    assert (invitation.called, invitation.calling, invitation.contact) == (NUMBER, "1001", arrived.contact)
    told.world.obey(m.HoldContact(agent="a1001", assignment=talk.id))
    told.run(2)
    told.world.obey(m.RetrieveContact(agent="a1001", assignment=talk.id))
    told.run(2)
    if end == "desk":
        told.world.obey(m.HangUp(agent="a1001", assignment=talk.id))
    else:
        told.world.switch.hang_up(own if end == "agent" else told.gateway.rung[0][0])
    told.run(5)
    assert [fact.kind for fact in told.world.facts() if type(fact).__name__ == "SegmentBegan"] == ["dial", "agent"]
    assert [fact.cause for fact in told.world.facts(m.AssignmentEnded)] == ["customer_left" if end == "customer" else "agent_left"]
    assert len(told.world.facts(RecordingEnded)) == 1
    told.end()


@BOTH
@pytest.mark.parametrize("how", ["consulted", "at once", "to a flow by the telephone"])
def test_whom_he_dialled_is_given_to_somebody_else(die: bool, how: str) -> None:
    told = Dialled(die=die)
    told.world.agent("1002", usual=Behaviour(answer_after=1.0))
    own = dial(told)
    talk = told.mine()
    assert talk is not None
    contact = talk.contact
    if how == "to a flow by the telephone":
        assert told.world.switch.ask_transfer(own, "96900")
    else:
        if how == "consulted":
            told.world.obey(m.Consult(agent="a1001", assignment=talk.id, to_agent="a1002"))
            told.run(3)
        whom = {} if how == "consulted" else {"to_agent": "a1002"}
        told.world.obey(m.Transfer(agent="a1001", assignment=talk.id, **whom))
    told.run(4)
    kinds = [fact.kind for fact in told.world.facts(contact=contact) if type(fact).__name__ == "SegmentBegan"]
    assert kinds[-1] == ("ivr" if how == "to a flow by the telephone" else "agent")
    assert told.world.switch.function.table.connections.get(own) is None
    held = told.world.partition.acd.model.of_contact(contact)  # type: ignore[union-attr]
    assert (held.agent if held is not None else "") == ("" if how == "to a flow by the telephone" else "a1002")
    told.world.switch.hang_up(told.gateway.rung[0][0])
    told.run(15)
    for one in list(told.world.partition.acd.model.assignments()):  # type: ignore[union-attr]
        told.world.try_obey(m.WrapUp(agent=one.agent, assignment=one.id))
    told.run(2)
    check_end(told.world, 0)


@BOTH
@pytest.mark.parametrize(("far", "cause"), [(REFUSES, "refused"), (BUSY, "busy"), (IGNORES, "no_answer")])
def test_the_number_is_not_reached(die: bool, far: Behaviour, cause: str) -> None:
    told = Dialled(die=die, far=far)
    own = dial(told, seconds=0.5)
    told.run(90)
    (ended,) = told.world.facts(m.DialEnded)
    assert ended.cause == cause or (die and ended.cause == "unreachable")
    assert told.mine() is None
    assert told.phone.released[own] in (Cause.BUSY, Cause.REFUSED, Cause.NO_ANSWER), "the telephone is told why"
    told.end()


@BOTH
def test_the_telephone_hangs_up_while_it_rings(die: bool) -> None:
    told = Dialled(die=die, far=IGNORES)
    own = dial(told, seconds=1.5)
    told.world.switch.hang_up(own)
    told.run(3)
    assert told.mine() is None
    assert told.gateway.released, "the number rings no more"
    told.end()


def test_what_may_not_be_called_is_refused_and_told_apart() -> None:
    told = Dialled()
    for number, cause in (("0755123456", Cause.NOT_ALLOWED), ("mum", Cause.NO_SUCH_NUMBER), ("1001", Cause.NO_SUCH_NUMBER)):
        assert told.phone.released[dial(told, number, 0.5)] is cause
    assert not told.world.contacts()
    told.run(0.5)
    told.end()


def test_whoever_is_offered_a_contact_answers_it_first_unless_it_is_an_emergency() -> None:
    told = Dialled(own=IGNORES)
    customer = told.world.caller()
    told.run(8)
    assert told.mine() is not None
    assert told.phone.released[dial(told, seconds=0.5)] is Cause.BUSY
    emergency = dial(told, "110", 2.0)
    assert told.world.switch.function.table.connections[emergency].in_call
    told.world.switch.hang_up(emergency)
    customer.hang_up()
    told.run(30)
    for one in list(told.world.partition.acd.model.assignments()):  # type: ignore[union-attr]
        told.world.try_obey(m.WrapUp(agent="a1001", assignment=one.id))
    told.run(2)
    check_end(told.world, 1)


@pytest.mark.parametrize("far", [Behaviour(answer_after=1.0), Behaviour(answer_after=8.0)], ids=["it talks", "it rings"])
def test_the_switch_goes_on_without_core_and_core_takes_it_up(far: Behaviour) -> None:
    """A telephone needs no core to call; what it called meanwhile becomes a contact when core is back."""
    told = Dialled(far=far)
    told.world.kill()
    own = dial(told, seconds=5.0)
    assert told.gateway.rung, "core was silent: the switch went on by itself"
    told.world.start()
    told.run(8)
    talk = told.mine()
    assert talk is not None
    assert (talk.state, talk.dial, talk.connection) == ("active", None, own)
    assert [len(told.world.facts(kind)) for kind in (ContactArrived, m.DialAnswered)] == [1, 1]
    told.world.switch.hang_up(own)
    told.run(5)
    assert len(told.world.facts(RecordingEnded)) == 1
    assert [fact.cause for fact in told.world.facts(ContactEnded)] != []
    told.end()


@BOTH
def test_an_emergency_call_waits_for_nobody_and_is_a_contact_all_the_same(die: bool) -> None:
    told = Dialled(die=die)
    if die:
        told.world.kill()
    own = told.world.switch.call_from(PHONE, "110")
    assert told.gateway.rung, "the operator is rung in the same moment"
    told.world.run(1)
    if die:
        told.world.start()
    told.run(4)
    talk = told.mine()
    assert talk is not None
    assert (talk.state, talk.dial, talk.connection) == ("active", None, own)
    assert len(told.gateway.rung) == 1
    told.world.switch.hang_up(own)
    told.run(5)
    told.end()


def test_core_that_comes_back_in_time_says_who_rings() -> None:
    told = Dialled()
    told.world.kill()
    own = dial(told, seconds=1.0)
    assert not told.gateway.rung
    told.world.start()
    told.run(4)
    assert [len(told.world.facts(kind)) for kind in (ContactArrived, m.DialAnswered)] == [1, 1]
    told.world.switch.hang_up(own)
    told.end()


# --- inside -----------------------------------------------------------------------------------------------------------------------------


@BOTH
def test_a_colleague_is_called_as_from_the_desk(die: bool) -> None:
    told = Inside(die)
    own = dial(told, "1002", 1.5)
    assert (told.desk("a1001"), told.desk("a1002")) == ([("active", "1002", True)], [("offered", "1001", False)])
    told.run(4)
    assert told.desk("a1002") == [("active", "1001", False)]
    assert told.states() == ("busy", "busy")
    assert told.hear()
    told.world.switch.hang_up(own)
    told.run(2)
    told.over("left", "left")


@pytest.mark.parametrize(("behaviour", "cause", "seconds"), [(REFUSES, "refused", 4), (BUSY, "refused", 4), (IGNORES, "no_answer", 45)])
def test_a_colleague_who_does_not_answer(behaviour: Behaviour, cause: str, seconds: float) -> None:
    told = Inside(False, behaviour)
    dial(told, "1002", seconds)
    told.over(cause, cause)


def test_a_busy_colleague_is_not_rung_and_one_off_duty_is() -> None:
    told = Inside(False)
    third = told.world.agent("1003", usual=Behaviour(answer_after=1.0), ready=False)
    talk = told.world.switch.call_from(f"{TENANT}/phone/1003", "1002")
    told.run(6)
    own = dial(told, "1002", 0.5)
    assert told.world.switch.devices[PHONE].released[own] is Cause.BUSY
    told.world.switch.hang_up(talk)
    told.run(1)
    own = dial(told, "1003", 3)
    assert [connection for connection, _ in third.rung], "his telephone rings, on duty or not"
    told.world.switch.hang_up(own)
    told.run(2)
    assert told.states() == ("ready", "ready")


def test_a_telephone_without_an_agent_is_called_by_the_switch_alone() -> None:
    told = Inside(False)
    told.world.switch.register(TENANT, "1900", usual=Behaviour(answer_after=1.0))
    own = dial(told, "1900", 3)
    assert told.states()[0] == "busy", "nobody offers him anything while he talks"
    assert told.hear()
    told.world.switch.hang_up(own)
    told.run(2)
    assert told.states()[0] == "ready"


# --- occupied ---------------------------------------------------------------------------------------------------------------------------


@BOTH
def test_a_telephone_that_calls_a_number_of_ours_is_occupied(die: bool) -> None:
    """The agent listens to the hotline himself: no call is offered to him meanwhile."""
    told = Dialled(die=die)
    switch = told.world.switch
    own = switch.arrive(TENANT, "96900", "1001", device=PHONE, kind=DeviceKind.PHONE)
    told.world.arrivals.append(own)
    told.run(3)
    assert told.world.partition is not None
    assert told.world.partition.acd.model.agents["a1001"].state == "busy"
    customer = told.world.caller()
    told.run(10)
    assert not customer.talked_to
    switch.hang_up(own)
    told.run(5)
    assert customer.talked_to
    customer.hang_up()
    told.run(10)
    check_end(told.world, 2)

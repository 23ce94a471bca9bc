"""Consultation, alternate, conference, transfer, and supervisors in a call: who hears whom, against every switch (H12 H13 H70 H83 H84)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.switches.ears import Ears
from tests.switches.rigs import MUSIC, Far, Phone, Rig, SimRig
from tests.switches.situations import make, new_id, talking, target

from yitong.ct import services
from yitong.ct.events import (
    CallCleared,
    Collected,
    Conferenced,
    ConnectionCleared,
    Delivered,
    Established,
    Failed,
    Moved,
    ParticipationChanged,
    Retrieved,
    ServiceFailed,
    Transferred,
)
from yitong.ct.model import Cause, Participation, StandingOrder


@dataclass
class Three:
    """A customer with an agent, and somebody else's telephone."""

    rig: Rig
    ears: Ears
    far: Far
    agent: str
    phone: Phone
    other: Phone
    connection: str

    async def say(self, kind: type[services.Service], **fields: object) -> services.Service:
        """Ask for a service about the agent's connection."""
        service: services.Service = make(kind, connection=self.agent, **fields)
        self.rig.ask(service)  # type: ignore[arg-type]
        return service


async def three(rig: Rig, name: str = "expert") -> Three:
    other = await rig.phone("1002")
    made = await talking(rig)
    assert made.far is not None
    assert made.phone is not None
    ears = Ears(rig, customer=made.far, agent=made.phone)
    await ears.hear(customer="agent", agent="customer")
    return Three(rig, ears, made.far, made.agent, made.phone, other, new_id())


async def consulting(rig: Rig) -> Three:
    """The agent talks with an expert, the customer hears music."""
    made = await three(rig)
    service = await made.say(services.Consult, target=target(made.other, made.connection), music=MUSIC)
    await rig.until(Moved, connection=made.agent, service=service.id, room=made.connection)
    await rig.until(Delivered, connection=made.connection)
    await made.ears.hear(customer="music", agent="")
    await made.ears.ringback("agent")
    await made.other.pick_up()
    await rig.until(Established, connection=made.connection)
    made.ears.add("expert", made.other)
    await made.ears.hear(customer="music", agent="expert", expert="agent")
    return made


async def joined(rig: Rig, participation: Participation) -> Three:
    """A supervisor attends to the agent."""
    made = await three(rig)
    await made.say(services.Join, target=target(made.other, made.connection), participation=participation, attend=True)
    await made.other.pick_up()
    await rig.until(Established, connection=made.connection)
    made.ears.add("supervisor", made.other)
    return made


async def test_consulting_while_the_customer_is_on_hold(rig: Rig) -> None:
    """His music goes on; back with him, he is not on hold any more."""
    made = await three(rig)
    await made.say(services.Hold, music=MUSIC)
    await made.ears.hear(customer="music", agent="")
    await made.say(services.Consult, target=target(made.other, made.connection), music=MUSIC)
    await rig.until(Retrieved, connection=made.agent)
    await rig.until(Delivered, connection=made.connection)
    await made.other.pick_up()
    await rig.until(Established, connection=made.connection)
    made.ears.add("expert", made.other)
    await made.ears.hear(customer="music", agent="expert", expert="agent")
    await made.say(services.Reconnect)
    await made.ears.hear(customer="agent", agent="customer")


@pytest.mark.parametrize("held", [False, True])
async def test_whoever_steps_aside_hears_neither_the_customer_nor_his_keys(rig: Rig, held: bool) -> None:
    """A collection goes on undisturbed; whoever hangs up leaves the customer at it, whoever comes back is with him at once."""
    made = await three(rig)
    if held:
        await made.say(services.Hold, music=MUSIC)
    service = await made.say(services.StepAside)
    await rig.until(Moved, connection=made.agent, service=service.id, room=made.agent)
    await made.ears.hear(customer="", agent="")
    asked = make(services.Collect, connection=made.far.connection, maximum=3, first_seconds=20.0, between_seconds=20.0)
    rig.ask(asked)
    await made.far.press("1")
    refused = await made.say(services.StepAside)
    assert (await rig.until(ServiceFailed, service=refused.id)).reason == "wrong_state"
    await made.far.press("23")
    assert (await rig.until(Collected, service=asked.id)).digits == "123"
    await made.ears.hear(customer="", agent="")
    await made.say(services.Reconnect)
    await rig.until(Moved, connection=made.agent, room="")
    await made.ears.hear(customer="agent", agent="customer")


async def test_whoever_hangs_up_aside_leaves_the_customer_at_his_keys(rig: Rig) -> None:
    made = await three(rig)
    await made.say(services.StepAside)
    rig.ask(make(services.SetStandingOrder, connection=made.far.connection, order=StandingOrder(wait_seconds=20.0, music=MUSIC)))
    asked = make(services.Collect, connection=made.far.connection, maximum=2, first_seconds=20.0, between_seconds=20.0)
    rig.ask(asked)
    await rig.settle(0.2)
    await made.phone.hang_up()
    await rig.until(ConnectionCleared, connection=made.agent)
    await made.far.press("45")
    assert (await rig.until(Collected, service=asked.id)).digits == "45"
    assert {one.connection for one in rig.snapshot().connections} == {made.far.connection}


async def test_alternate_goes_to_and_fro(rig: Rig) -> None:
    made = await consulting(rig)
    await made.say(services.Alternate)
    await rig.until(Moved, connection=made.agent, room="")
    await made.ears.hear(customer="agent", agent="customer", expert="music")
    await made.say(services.Alternate)
    await made.ears.hear(customer="music", agent="expert", expert="agent")
    assert next(one.room for one in rig.snapshot().connections if one.connection == made.agent) == made.connection


async def test_conference_of_three(rig: Rig) -> None:
    made = await consulting(rig)
    await made.say(services.Conference)
    await rig.until(Conferenced, connection=made.agent, consulted=made.connection)
    await made.ears.hear(customer="agent expert", agent="customer expert", expert="customer agent")
    await made.phone.hang_up()
    await made.ears.hear(customer="expert", expert="customer")
    assert not [event for event in rig.events if isinstance(event, Transferred)], "a conference is no consultation any more"


async def test_consult_and_transfer(rig: Rig) -> None:
    made = await consulting(rig)
    await made.say(services.Transfer)
    await rig.until(Transferred, connection=made.agent, to_connection=made.connection)
    event = await rig.until(ConnectionCleared, connection=made.agent)
    assert event.cause is Cause.TRANSFERRED
    await made.ears.hear(customer="expert", expert="customer")
    await made.far.hang_up()
    await rig.until(CallCleared)


async def test_hanging_up_in_a_consultation_transfers(rig: Rig) -> None:
    made = await consulting(rig)
    await made.phone.hang_up()
    await rig.until(Transferred, connection=made.agent, to_connection=made.connection)
    await rig.until(ConnectionCleared, connection=made.agent)
    told = [event for event in rig.events if isinstance(event, Transferred | ConnectionCleared)]
    assert [type(event) for event in told] == [Transferred, ConnectionCleared], "core knows of the transfer before the agent leaves"
    await made.ears.hear(customer="expert", expert="customer")


async def test_a_device_that_is_lost_in_a_consultation_transfers_nobody(rig: Rig) -> None:
    made = await consulting(rig)
    rig.ask(make(services.SetStandingOrder, connection=made.far.connection, order=StandingOrder(wait_seconds=20.0)))
    await rig.settle(0.05)
    if isinstance(rig, SimRig):
        rig.switch.lose(made.agent, Cause.SIGNALLING_LOST)
    else:
        rig.switch.lines.lose(rig.switch.lines.all[made.agent], Cause.SIGNALLING_LOST)  # type: ignore[attr-defined]
    await rig.until(ConnectionCleared, connection=made.connection)
    assert not [event for event in rig.events if isinstance(event, Transferred)]
    assert {one.connection for one in rig.snapshot().connections} == {made.far.connection}, "the customer waits for core"


async def test_transfer_while_it_rings(rig: Rig) -> None:
    made = await three(rig)
    await made.say(services.Consult, target=target(made.other, made.connection), music=MUSIC)
    await rig.until(Delivered, connection=made.connection)
    await made.say(services.Transfer)
    await rig.until(ConnectionCleared, connection=made.agent)
    await rig.settle(0.3)
    assert made.other.is_ringing()
    await made.other.pick_up()
    await rig.until(Established, connection=made.connection)
    made.ears.add("expert", made.other)
    await made.ears.hear(customer="expert", expert="customer")


async def test_reconnect_releases_whoever_was_consulted(rig: Rig) -> None:
    made = await consulting(rig)
    await made.say(services.Reconnect)
    await rig.until(ConnectionCleared, connection=made.connection)
    await made.ears.hear(customer="agent", agent="customer")


@pytest.mark.parametrize("end", ["refuses", "hangs up"])
async def test_the_agent_returns_by_himself_from_a_consultation_that_ended(rig: Rig, end: str) -> None:
    """Nobody is let back to the customer unawares, who might hear what is said about him."""
    made = await consulting(rig) if end == "hangs up" else await three(rig)
    if end == "hangs up":
        await made.other.hang_up()
        await rig.until(ConnectionCleared, connection=made.connection)
    else:
        made.other.is_busy()
        await made.say(services.Consult, target=target(made.other, made.connection), music=MUSIC)
        assert (await rig.until(Failed, connection=made.connection)).cause is Cause.BUSY
    await made.ears.hear(customer="music", agent="")
    await made.say(services.Reconnect)
    await made.ears.hear(customer="agent", agent="customer")


async def test_the_customer_leaves_during_a_consultation(rig: Rig) -> None:
    made = await consulting(rig)
    await made.far.hang_up()
    await rig.until(ConnectionCleared, connection=made.far.connection)
    await made.ears.hear(agent="expert", expert="agent")
    await made.phone.hang_up()
    await rig.until(CallCleared)


async def test_a_target_that_cannot_be_rung_changes_nothing(rig: Rig) -> None:
    made = await three(rig)
    nobody = services.Target(connection=made.connection, device="t1/phone/1999")
    await made.say(services.Consult, target=nobody)
    assert (await rig.until(Failed, connection=made.connection)).cause is Cause.UNREACHABLE
    await made.ears.hear(customer="agent", agent="customer")
    service = await made.say(services.Alternate)
    assert (await rig.until(ServiceFailed, service=service.id)).reason == "no_consultation"


async def test_a_second_consultation_is_refused(rig: Rig) -> None:
    made = await consulting(rig)
    service = await made.say(services.Consult, target=target(made.other))
    assert (await rig.until(ServiceFailed, service=service.id)).reason == "wrong_state"


HEARD = {
    Participation.SILENT: {"customer": "agent", "agent": "customer", "supervisor": "customer agent"},
    Participation.WHISPER: {"customer": "agent", "agent": "customer supervisor", "supervisor": "customer agent"},
    Participation.ACTIVE: {"customer": "agent supervisor", "agent": "customer supervisor", "supervisor": "customer agent"},
}


@pytest.mark.parametrize("participation", Participation)
async def test_a_supervisor_in_every_mode(rig: Rig, participation: Participation) -> None:
    made = await joined(rig, participation)
    await made.ears.hear(**HEARD[participation])


async def test_modes_change_and_nobody_has_a_gap(rig: Rig) -> None:
    made = await joined(rig, Participation.SILENT)
    for participation in (Participation.WHISPER, Participation.ACTIVE, Participation.SILENT):
        rig.ask(make(services.Participate, connection=made.connection, participation=participation))
        await rig.until(ParticipationChanged, connection=made.connection, participation=participation)
        await made.ears.hear(**HEARD[participation])


async def test_a_supervisor_goes_where_the_agent_goes(rig: Rig) -> None:
    made = await joined(rig, Participation.SILENT)
    expert, connection = await rig.phone("1003"), new_id()
    await made.say(services.Consult, target=target(expert, connection), music=MUSIC)
    await expert.pick_up()
    await rig.until(Established, connection=connection)
    made.ears.add("expert", expert)
    await made.ears.hear(customer="music", agent="expert", expert="agent", supervisor="agent expert")


async def test_attendance_ends_with_the_agent(rig: Rig) -> None:
    made = await joined(rig, Participation.SILENT)
    await made.phone.hang_up()
    await rig.until(ConnectionCleared, connection=made.connection)
    await rig.until(CallCleared)


async def test_a_supervisor_leaves_and_nobody_notices(rig: Rig) -> None:
    made = await joined(rig, Participation.ACTIVE)
    await made.other.hang_up()
    await rig.until(ConnectionCleared, connection=made.connection)
    await made.ears.hear(customer="agent", agent="customer")


async def test_intercept_takes_the_customer(rig: Rig) -> None:
    made = await joined(rig, Participation.SILENT)
    rig.ask(make(services.Participate, connection=made.connection, participation=Participation.ACTIVE, attend=False))
    await made.say(services.Clear)
    await rig.until(ConnectionCleared, connection=made.agent)
    await made.ears.hear(customer="supervisor", supervisor="customer")
    await made.far.hang_up()
    await rig.until(CallCleared)


async def test_a_muted_party_hears_and_is_not_heard(rig: Rig) -> None:
    made = await three(rig)
    await made.say(services.Participate, participation=Participation.SILENT)
    await made.ears.hear(customer="", agent="customer")
    await made.say(services.Participate, participation=Participation.ACTIVE)
    await made.ears.hear(customer="agent", agent="customer")

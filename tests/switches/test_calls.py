"""What calls do, against every switch: routing, ends, standing orders, audio, events."""

from __future__ import annotations

import msgspec
import pytest
from tests.switches.rigs import CALLING, LONG, MUSIC, PROMPT, TENANT, Rig
from tests.switches.situations import answered_caller, make, new_id, routed, talking, target

from yitong.ct import services
from yitong.ct.events import (
    CallCleared,
    Collected,
    ConnectionCleared,
    Delivered,
    DeviceChanged,
    DigitPressed,
    Diverted,
    Established,
    Failed,
    Held,
    Originated,
    Played,
    QualityReported,
    RecordingEnded,
    RecordingStarted,
    Retrieved,
    ServiceFailed,
    Transferred,
)  # fmt: skip
from yitong.ct.model import Cause, Prompt, StandingOrder


def cleared(rig: Rig, connection: str) -> list[ConnectionCleared]:
    return [event for event in rig.events if isinstance(event, ConnectionCleared) and event.connection == connection]


async def test_new_call_is_told_once(rig: Rig) -> None:
    far = await rig.incoming("13912345678")
    told = [event for event in rig.events if isinstance(event, Delivered)]
    assert len(told) == 1
    assert (told[0].calling, told[0].called, told[0].incoming) == ("13912345678", "96900", True)
    assert told[0].call == far.call


async def test_core_silent_for_a_new_call_ends_it(rig: Rig) -> None:
    far = await rig.incoming()
    event = await rig.until(ConnectionCleared, connection=far.connection)
    assert event.cause is Cause.OVERLOADED
    await rig.true(far.is_released)


async def test_ring_tells_the_caller(rig: Rig) -> None:
    far = await rig.incoming()
    rig.ask(make(services.Ring, connection=far.connection))
    await rig.true(far.hears_ringing)
    await rig.settle(1.7)
    assert not cleared(rig, far.connection)


async def test_rejected_caller_is_released(rig: Rig) -> None:
    far = await rig.incoming()
    rig.ask(make(services.Clear, connection=far.connection, cause=Cause.BUSY))
    assert (await rig.until(ConnectionCleared, connection=far.connection)).cause is Cause.BUSY
    await rig.true(far.is_released)
    await rig.until(CallCleared, call=far.call)


async def test_caller_gives_up_while_waiting_for_core(rig: Rig) -> None:
    far = await rig.incoming()
    await far.hang_up()
    event = await rig.until(ConnectionCleared, connection=far.connection)
    assert event.by_device
    assert event.cause is Cause.CANCELLED
    await rig.until(CallCleared, call=far.call)


async def test_caller_hangs_up_after_answer(rig: Rig) -> None:
    far = await answered_caller(rig)
    await far.hang_up()
    event = await rig.until(ConnectionCleared, connection=far.connection)
    assert event.by_device
    assert event.cause is Cause.NORMAL
    await rig.until(CallCleared, call=far.call)
    await rig.until(QualityReported, connection=far.connection)


async def test_routed_caller_talks_with_agent(rig: Rig) -> None:
    phone = await rig.phone("1001")
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, phone, calling=CALLING)
    told = await rig.until(Delivered, connection=agent)
    assert (told.incoming, told.calling, told.device) == (False, CALLING, phone.device)
    assert phone.calling_shown() == CALLING
    await phone.pick_up()
    await rig.until(Established, connection=agent)
    states = {one.connection: one.state.value for one in rig.snapshot().connections}
    assert states == {far.connection: "connected", agent: "connected"}


async def test_route_of_an_unanswered_caller_answers_it(rig: Rig) -> None:
    phone = await rig.phone("1001")
    far = await rig.incoming()
    (agent,) = await routed(rig, far, phone)
    await rig.true(far.hears_ringing)
    assert not far.is_answered()
    await phone.pick_up()
    await rig.until(Established, connection=agent)
    await rig.until(Established, connection=far.connection)
    await rig.true(far.is_answered)


async def test_fork_first_answer_wins(rig: Rig) -> None:
    phones = [await rig.phone("1001"), await rig.phone("1002"), await rig.phone("1003")]
    far = await answered_caller(rig)
    names = await routed(rig, far, *phones)
    for name in names:
        await rig.until(Delivered, connection=name)
    await phones[1].pick_up()
    await rig.until(Established, connection=names[1])
    for index in (0, 2):
        event = await rig.until(ConnectionCleared, connection=names[index])
        assert event.cause is Cause.ANSWERED_ELSEWHERE
        assert not event.by_device
    await rig.true(lambda: not phones[0].is_ringing() and not phones[2].is_ringing())


async def test_busy_device_fails_and_the_caller_stays(rig: Rig) -> None:
    phone = await rig.phone("1001")
    phone.is_busy()
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, phone)
    event = await rig.until(Failed, connection=agent)
    assert event.cause is Cause.BUSY
    assert [one.connection for one in rig.snapshot().connections] == [far.connection]


async def test_refusing_device_fails(rig: Rig) -> None:
    phone = await rig.phone("1001")
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, phone)
    await rig.until(Delivered, connection=agent)
    await phone.refuse()
    assert (await rig.until(Failed, connection=agent)).sip_status == 486


async def test_ringing_time_ends(rig: Rig) -> None:
    phone = await rig.phone("1001")
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, phone, ring_seconds=0.6)
    assert (await rig.until(Failed, connection=agent)).cause is Cause.NO_ANSWER
    await rig.true(lambda: not phone.is_ringing())
    assert not cleared(rig, far.connection)


async def test_unknown_device_is_unreachable(rig: Rig) -> None:
    far = await answered_caller(rig)
    gone = services.Target(connection=new_id(), device=f"{TENANT}/phone/7777")
    rig.ask(make(services.Route, connection=far.connection, targets=(gone,)))
    assert (await rig.until(Failed, connection=gone.connection)).cause is Cause.UNREACHABLE


async def test_another_tenants_device_is_unreachable(rig: Rig) -> None:
    far = await answered_caller(rig)
    gone = services.Target(connection=new_id(), device="t2/phone/1001")
    rig.ask(make(services.Route, connection=far.connection, targets=(gone,)))
    assert (await rig.until(Failed, connection=gone.connection)).cause is Cause.UNREACHABLE


async def test_caller_gives_up_while_the_agent_rings(rig: Rig) -> None:
    phone = await rig.phone("1001")
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, phone)
    await rig.until(Delivered, connection=agent)
    await far.hang_up()
    event = await rig.until(ConnectionCleared, connection=agent)
    assert event.cause is Cause.CANCELLED
    await rig.true(lambda: not phone.is_ringing())
    await rig.until(CallCleared, call=far.call)


async def test_unanswered_caller_whose_targets_fail_is_not_stuck(rig: Rig) -> None:
    phone = await rig.phone("1001")
    phone.is_busy()
    far = await rig.incoming()
    (agent,) = await routed(rig, far, phone)
    await rig.until(Failed, connection=agent)
    await rig.until(ConnectionCleared, connection=far.connection)
    await rig.true(far.is_released)


async def test_agent_hangs_up_releases_the_caller(rig: Rig) -> None:
    made = await talking(rig)
    assert made.phone is not None
    assert made.far is not None
    await made.phone.hang_up()
    assert (await rig.until(ConnectionCleared, connection=made.agent)).by_device
    event = await rig.until(ConnectionCleared, connection=made.far.connection)
    assert (event.cause, event.by_device) == (Cause.STANDING_ORDER, False)
    await rig.true(made.far.is_released)


async def test_caller_hangs_up_releases_the_agent(rig: Rig) -> None:
    made = await talking(rig)
    assert made.far is not None
    await made.far.hang_up()
    await rig.until(ConnectionCleared, connection=made.far.connection)
    assert (await rig.until(ConnectionCleared, connection=made.agent)).cause is Cause.STANDING_ORDER
    await rig.until(CallCleared, call=made.call)


async def test_standing_order_waits_for_core_with_music(rig: Rig) -> None:
    made = await talking(rig, order=StandingOrder(wait_seconds=1.0, music=MUSIC))
    assert made.phone is not None
    assert made.far is not None
    await made.phone.hang_up()
    await rig.until(ConnectionCleared, connection=made.agent)
    await rig.settle(0.3)
    assert not cleared(rig, made.far.connection)
    assert (await rig.until(ConnectionCleared, connection=made.far.connection)).cause is Cause.STANDING_ORDER


async def test_core_that_speaks_ends_the_standing_order(rig: Rig) -> None:
    made = await talking(rig, order=StandingOrder(wait_seconds=0.6, music=MUSIC))
    assert made.phone is not None
    assert made.far is not None
    await made.phone.hang_up()
    await rig.until(ConnectionCleared, connection=made.agent)
    ask = make(services.Collect, connection=made.far.connection, prompts=(PROMPT,), first_seconds=1.5)
    rig.ask(ask)
    await rig.settle(1.0)
    assert not cleared(rig, made.far.connection)
    await made.far.press("2")
    assert (await rig.until(Collected, service=ask.id)).digits == "2"


async def test_set_standing_order_counts(rig: Rig) -> None:
    made = await talking(rig, order=StandingOrder(wait_seconds=30.0))
    assert made.phone is not None
    assert made.far is not None
    rig.ask(make(services.SetStandingOrder, connection=made.far.connection, order=StandingOrder()))
    await rig.settle(0.1)
    await made.phone.hang_up()
    await rig.until(ConnectionCleared, connection=made.far.connection)


async def test_hold_and_retrieve_by_the_phone(rig: Rig) -> None:
    made = await talking(rig)
    assert made.phone is not None
    await made.phone.hold()
    assert (await rig.until(Held, connection=made.agent)).service == ""
    await made.phone.retrieve()
    assert (await rig.until(Retrieved, connection=made.agent)).service == ""


async def test_deflect_moves_the_ringing(rig: Rig) -> None:
    first, second = await rig.phone("1001"), await rig.phone("1002")
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, first)
    await rig.until(Delivered, connection=agent)
    to = target(second)
    rig.ask(make(services.Deflect, connection=agent, target=to))
    await rig.until(ConnectionCleared, connection=agent)
    await rig.until(Delivered, connection=to.connection)
    await rig.until(Diverted, connection=agent, to_connection=to.connection)
    await rig.true(lambda: not first.is_ringing())
    await second.pick_up()
    await rig.until(Established, connection=to.connection)


async def test_deflect_to_nowhere_leaves_the_first_ringing(rig: Rig) -> None:
    first = await rig.phone("1001")
    far = await answered_caller(rig)
    (agent,) = await routed(rig, far, first)
    await rig.until(Delivered, connection=agent)
    service = make(services.Deflect, connection=agent, target=services.Target(connection=new_id(), device=f"{TENANT}/phone/7777"))
    rig.ask(service)
    assert (await rig.until(ServiceFailed, service=service.id)).reason == "no_such_device"
    assert first.is_ringing()


async def test_single_step_transfer(rig: Rig) -> None:
    second = await rig.phone("1002")
    made = await talking(rig)
    assert made.far is not None
    to = target(second)
    rig.ask(make(services.SingleStepTransfer, connection=made.agent, target=to))
    await rig.until(Delivered, connection=to.connection)
    await second.pick_up()
    await rig.until(Transferred, connection=made.agent, to_connection=to.connection)
    assert (await rig.until(ConnectionCleared, connection=made.agent)).cause is Cause.TRANSFERRED
    await rig.settle()
    assert {one.connection for one in rig.snapshot().connections} == {made.far.connection, to.connection}


async def test_failed_transfer_changes_nothing(rig: Rig) -> None:
    second = await rig.phone("1002")
    second.is_busy()
    made = await talking(rig)
    assert made.far is not None
    to = target(second)
    rig.ask(make(services.SingleStepTransfer, connection=made.agent, target=to))
    await rig.until(Failed, connection=to.connection)
    await rig.settle()
    assert {one.connection for one in rig.snapshot().connections} == {made.far.connection, made.agent}


async def test_make_goes_on_to_the_called_device(rig: Rig) -> None:
    first, second = await rig.phone("1001"), await rig.phone("1002")
    call, own = new_id(), new_id()
    rig.ask(make(services.Make, call=call, connection=own, device=first.device, called="1002"))
    await rig.until(Delivered, connection=own)
    await first.pick_up()
    await rig.until(Established, connection=own)
    other = await rig.until(Originated, device=second.device)
    assert other.call == call
    await second.pick_up()
    await rig.until(Established, connection=other.connection)
    assert {one.state.value for one in rig.snapshot().connections} == {"connected"}


async def test_make_to_an_unknown_number_fails(rig: Rig) -> None:
    first = await rig.phone("1001")
    own = new_id()
    rig.ask(make(services.Make, call=new_id(), connection=own, device=first.device, called="7777"))
    await rig.until(Delivered, connection=own)
    await first.pick_up()
    await rig.until(Failed, cause=Cause.NO_SUCH_NUMBER)
    await rig.until(ConnectionCleared, connection=own)


async def test_our_devices_call_each_other_without_core(rig: Rig) -> None:
    first, second = await rig.phone("1001"), await rig.phone("1002")
    await first.call("1002")
    other = await rig.until(Delivered, device=second.device)
    assert not other.incoming
    assert other.calling == "1001"
    await second.pick_up()
    await rig.until(Established, device=second.device)
    own = await rig.until(Established, device=first.device)
    await second.hang_up()
    await rig.until(ConnectionCleared, connection=own.connection)
    await rig.until(CallCleared, call=own.call)


async def test_prompt_is_played_to_its_end(rig: Rig) -> None:
    far = await answered_caller(rig)
    service = make(services.Play, connection=far.connection, prompts=(PROMPT,))
    rig.ask(service)
    assert (await rig.until(Played, service=service.id)).completed


async def test_what_is_asked_while_the_caller_is_being_answered_is_done_after_it(rig: Rig) -> None:
    far, phone = await rig.incoming(), await rig.phone("1001")
    answer = make(services.Answer, connection=far.connection)
    play = make(services.Play, connection=far.connection, prompts=(PROMPT,))
    route = make(services.Route, connection=far.connection, targets=(target(phone),))
    for service in (answer, play, route):
        rig.ask(service)
    assert (await rig.until(Played, service=play.id)).completed
    await rig.until(Originated, connection=route.targets[0].connection)
    order = [type(event) for event in rig.events if isinstance(event, Established | Originated | Played)]
    assert order[:2] == [Established, Originated]
    assert not [event for event in rig.events if isinstance(event, ServiceFailed)]


async def test_second_prompt_replaces_the_first(rig: Rig) -> None:
    far = await answered_caller(rig)
    first, second = (make(services.Play, connection=far.connection, prompts=(one,)) for one in (LONG, PROMPT))
    rig.ask(first)
    rig.ask(second)
    assert not (await rig.until(Played, service=first.id)).completed
    assert (await rig.until(Played, service=second.id)).completed


async def test_what_is_said_to_who_holds_waits_for_him(rig: Rig) -> None:
    phone = await rig.phone("1001")
    (agent,) = await routed(rig, await answered_caller(rig), phone)
    await phone.pick_up()
    await rig.until(Established, connection=agent)
    service = make(services.Play, connection=agent, prompts=(Prompt(file=MUSIC),))
    rig.ask(service)
    await rig.settle(0.2)
    await phone.hold()
    await rig.until(Held, connection=agent)
    await rig.settle(2.5)
    assert not [event for event in rig.events if isinstance(event, Played)]
    await phone.retrieve()
    await rig.until(Retrieved, connection=agent)
    assert (await rig.until(Played, service=service.id)).completed


async def test_stop_ends_music(rig: Rig) -> None:
    far = await answered_caller(rig)
    service = make(services.Play, connection=far.connection, prompts=(PROMPT,), loop=True)
    rig.ask(service)
    await rig.settle(0.8)
    rig.ask(make(services.Stop, connection=far.connection))
    assert not (await rig.until(Played, service=service.id)).completed


async def test_music_ends_when_two_talk(rig: Rig) -> None:
    phone = await rig.phone("1001")
    far = await answered_caller(rig)
    service = make(services.Play, connection=far.connection, prompts=(PROMPT,), loop=True)
    rig.ask(service)
    (agent,) = await routed(rig, far, phone)
    await phone.pick_up()
    await rig.until(Established, connection=agent)
    assert not (await rig.until(Played, service=service.id)).completed


@pytest.mark.parametrize(
    ("keys", "fields", "digits", "reason"),
    [
        ("1", {}, "1", "digits"),
        ("12", {"maximum": 2}, "12", "digits"),
        ("12#", {"maximum": 9, "terminators": "#"}, "12", "terminator"),
        ("12", {"maximum": 9, "between_seconds": 0.5}, "12", "digits"),
        ("", {"first_seconds": 0.3}, "", "timeout"),
    ],
)
async def test_collect(rig: Rig, keys: str, fields: dict[str, object], digits: str, reason: str) -> None:
    far = await answered_caller(rig)
    service = make(services.Collect, connection=far.connection, prompts=(PROMPT,), **fields)
    rig.ask(service)
    await rig.settle(0.1)
    await far.press(keys)
    event = await rig.until(Collected, service=service.id)
    assert (event.digits, event.reason) == (digits, reason)


async def test_keys_typed_ahead_count(rig: Rig) -> None:
    far = await answered_caller(rig)
    await far.press("7")
    await rig.until(DigitPressed, connection=far.connection, digit="7")
    service = make(services.Collect, connection=far.connection, prompts=(LONG,))
    rig.ask(service)
    assert (await rig.until(Collected, service=service.id)).digits == "7"


async def test_discard_forgets_keys_typed_ahead(rig: Rig) -> None:
    far = await answered_caller(rig)
    await far.press("7")
    await rig.until(DigitPressed, connection=far.connection, digit="7")
    service = make(services.Collect, connection=far.connection, prompts=(PROMPT,), discard=True, first_seconds=0.3)
    rig.ask(service)
    assert (await rig.until(Collected, service=service.id)).reason == "timeout"


async def test_stop_ends_collecting(rig: Rig) -> None:
    far = await answered_caller(rig)
    service = make(services.Collect, connection=far.connection, prompts=(LONG,))
    rig.ask(service)
    await rig.settle(0.1)
    rig.ask(make(services.Stop, connection=far.connection))
    assert (await rig.until(Collected, service=service.id)).reason == "stopped"


async def test_digits_reach_the_device(rig: Rig) -> None:
    made = await talking(rig)
    assert made.phone is not None
    rig.ask(make(services.SendDigits, connection=made.agent, digits="42#"))
    phone = made.phone
    await rig.true(lambda: phone.digits_heard() == "42#")


async def test_recording_with_a_hold(rig: Rig) -> None:
    made = await talking(rig)
    assert made.far is not None
    name = new_id()
    rig.ask(make(services.StartRecording, recording=name, call=made.call, left=made.far.connection, right=made.agent, file=f"{name}.wav"))
    await rig.until(RecordingStarted, recording=name)
    await rig.settle(0.3)
    rig.ask(make(services.Hold, connection=made.agent, music=MUSIC))
    await rig.settle(0.3)
    rig.ask(make(services.Retrieve, connection=made.agent))
    await rig.settle(0.3)
    rig.ask(make(services.StopRecording, recording=name))
    event = await rig.until(RecordingEnded, recording=name)
    assert event.complete
    assert event.milliseconds >= 700
    assert len(event.holds) == 1
    start, end = event.holds[0]
    assert 150 <= start < end <= event.milliseconds


async def test_recording_ends_with_its_connection(rig: Rig) -> None:
    made = await talking(rig)
    assert made.far is not None
    name = new_id()
    rig.ask(make(services.StartRecording, recording=name, call=made.call, left=made.far.connection, right=made.agent, file=f"{name}.wav"))
    await rig.until(RecordingStarted, recording=name)
    await rig.settle(0.2)
    await made.far.hang_up()
    event = await rig.until(RecordingEnded, recording=name)
    assert event.complete
    assert event.call == made.call


async def test_recording_of_strangers_is_refused(rig: Rig) -> None:
    made = await talking(rig)
    other = await answered_caller(rig)
    service = make(services.StartRecording, recording=new_id(), call=made.call, left=other.connection, right=made.agent, file="x.wav")
    rig.ask(service)
    assert (await rig.until(ServiceFailed, service=service.id)).reason == "not_in_call"


async def test_same_service_twice_is_done_once(rig: Rig) -> None:
    far = await answered_caller(rig)
    service = make(services.Play, connection=far.connection, prompts=(PROMPT,))
    rig.ask(service)
    rig.ask(service)
    await rig.until(Played, service=service.id)
    await rig.settle(0.5)
    assert len([event for event in rig.events if isinstance(event, Played)]) == 1


async def test_old_epoch_is_refused(rig: Rig) -> None:
    far = await answered_caller(rig)
    rig.ask(msgspec.structs.replace(make(services.Stop, connection=far.connection), epoch=7))
    old = msgspec.structs.replace(make(services.Clear, connection=far.connection), epoch=6)
    rig.ask(old)
    assert (await rig.until(ServiceFailed, service=old.id)).reason == "old_epoch"
    assert not cleared(rig, far.connection)


async def test_another_tenant_does_not_reach_the_connection(rig: Rig) -> None:
    far = await answered_caller(rig)
    service = msgspec.structs.replace(make(services.Clear, connection=far.connection), tenant="t2")
    rig.ask(service)
    assert (await rig.until(ServiceFailed, service=service.id)).reason == "no_such_connection"


async def test_events_are_numbered_without_gaps_and_can_be_asked_for_again(rig: Rig) -> None:
    made = await talking(rig)
    assert made.far is not None
    await made.far.hang_up()
    await rig.until(CallCleared, call=made.call)
    await rig.settle(0.5)
    numbers = [event.sequence for event in rig.events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    middle = rig.events[len(rig.events) // 2]
    again = rig.since(middle.epoch, middle.sequence)
    assert again is not None
    assert again == [event for event in rig.events if event.sequence > middle.sequence]
    assert rig.since(middle.epoch + 1, 0) is None


async def test_snapshot_agrees_with_events(rig: Rig) -> None:
    made = await talking(rig)
    assert made.far is not None
    snapshot = rig.snapshot()
    assert snapshot.sequence == rig.events[-1].sequence
    assert {one.call for one in snapshot.connections} == {made.call}
    assert {one.device for one in snapshot.devices} == {event.device.device for event in rig.events if isinstance(event, DeviceChanged)}
    await made.far.hang_up()
    await rig.until(CallCleared, call=made.call)
    assert rig.snapshot().connections == ()

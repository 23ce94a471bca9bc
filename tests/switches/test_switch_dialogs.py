"""The soft switch where messages cross, get lost, or never come."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs
from tests.figures import figure
from tests.switches.rigs import CALLED, CALLING, MUSIC, TENANT
from tests.switches.situations import answered_caller, make, routed, talking
from tests.switches.soft_rig import Media, SoftRig, home_of

from yitong.ct import services
from yitong.ct.events import CallCleared, ConnectionCleared, Delivered, DeviceChanged, Established, Failed, Held
from yitong.ct.model import Cause
from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft import registrations
from yitong.kit import logs
from yitong.sip.negotiation import Local, make_offer
from yitong.sip.states import Timings


@pytest.fixture
async def quick(media: Media, tmp_path: Path) -> AsyncIterator[SoftRig]:
    """The soft switch with timers twenty times as fast (64*T1 is 1.6 s)."""
    made = await SoftRig(home_of(tmp_path), media, timings=Timings(t1=0.025, t2=0.2, t4=0.25)).start()
    yield made
    await made.close()


async def test_others_are_told_who_answered(soft: SoftRig) -> None:
    one, other = await soft.phone("1001"), await soft.phone("1002")
    far = await answered_caller(soft)
    _, second = await routed(soft, far, one, other)
    await soft.until(Delivered, connection=second)
    await one.pick_up()
    await soft.true(lambda: bool(other.agent.cancels))
    reason = other.agent.cancels[0].get("Reason")
    assert reason is not None
    assert "cause=200" in reason


async def test_log_lines_of_a_call_carry_its_ids_and_those_after_it_do_not(soft: SoftRig, monkeypatch: pytest.MonkeyPatch) -> None:
    far = await answered_caller(soft)

    def fails(*_: object) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(soft.switch.function, "gone", fails)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars, logs.named]) as lines:
        await far.hang_up()
        await soft.true(lambda: bool(lines))
        soft.switch.later(lambda: fails())
    of_call, after = lines
    assert (of_call["event"], of_call["connection"], of_call["call"]) == ("a step of the switch failed", far.connection, far.call)
    assert not {"connection", "call"} & after.keys()


@pytest.mark.case("X3")
async def test_cancel_crosses_the_answer(soft: SoftRig) -> None:
    phone = await soft.phone("1001")
    far = await answered_caller(soft)
    (connection,) = await routed(soft, far, phone)
    await soft.true(lambda: phone.agent.ringing is not None)
    phone.agent.pick_up()  # the 200 is on its way; the switch has not read it yet
    soft.switch.function.ask(make(services.Clear, connection=connection, cause=Cause.CANCELLED), soft.switch.clock.now(), "s1")
    soft.switch.later(lambda: None)
    await soft.true(lambda: phone.agent.released)
    assert any(one.method == "BYE" for one in phone.agent.requests)
    told = [event for event in soft.events if isinstance(event, ConnectionCleared) and event.connection == connection]
    assert [event.cause for event in told] == [Cause.CANCELLED]
    assert not [event for event in soft.events if isinstance(event, Established) and event.connection == connection]
    figure("X3", "CANCEL crossed the 200: acknowledged, BYE, told once as cancelled, never as established")


@pytest.mark.case("X4")
async def test_lost_ack_frees_the_call(quick: SoftRig) -> None:
    caller = await quick.agent(CALLING)
    caller.endpoint.ack = lambda *given, **more: None  # type: ignore[method-assign]
    caller.call(CALLED)
    told = await quick.until(Delivered, incoming=True)
    quick.ask(make(services.Answer, connection=told.connection))
    event = await quick.until(ConnectionCleared, connection=told.connection)
    assert event.cause is Cause.SIGNALLING_LOST
    await quick.until(CallCleared, call=told.call)
    figure("X4", "no ACK came: the 200 repeated, the call cleared after 64 T1 with signalling_lost")


async def test_silent_device_fails_and_stops_answering(quick: SoftRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrations, "PING_SECONDS", 0.3)
    monkeypatch.setattr(registrations, "ANSWER_SECONDS", 0.3)
    phone = await quick.phone("1001")
    phone.agent.close()
    told = await quick.until(DeviceChanged)
    assert told.device.answering
    await quick.true(
        lambda: any(isinstance(event, DeviceChanged) and event.device.registered and not event.device.answering for event in quick.events)
    )
    far = await answered_caller(quick)
    (connection,) = await routed(quick, far, phone)
    assert (await quick.until(Failed, connection=connection)).cause is Cause.UNREACHABLE


async def test_lost_media_ends_the_connection(soft: SoftRig) -> None:
    made = await talking(soft)
    soft.switch.media_event(m.MediaLost(port=made.agent, seconds=10.0, reason="silence"))
    await soft.settle(0.1)
    assert len(soft.snapshot().connections) == 2
    soft.switch.media_event(m.MediaLost(port=made.agent, seconds=30.0, reason="silence"))
    assert (await soft.until(ConnectionCleared, connection=made.agent)).cause is Cause.MEDIA_LOST
    phone = made.phone
    assert phone is not None
    await soft.true(lambda: soft.agents[0].released)


async def test_held_phone_may_be_silent(soft: SoftRig) -> None:
    made = await talking(soft)
    assert made.phone is not None
    await made.phone.hold()
    await soft.until(Held, connection=made.agent)
    soft.switch.media_event(m.MediaLost(port=made.agent, seconds=30.0, reason="silence"))
    await soft.settle(0.2)
    assert len(soft.snapshot().connections) == 2


@pytest.mark.case("X6")
async def test_two_offers_at_once(soft: SoftRig) -> None:
    """A second re-INVITE while the first is open is refused for a moment; the state stays one."""
    made = await talking(soft)
    phone = soft.agents[0]
    await soft.true(lambda: phone.acks > 0)
    assert phone.dialog is not None
    line = soft.switch.lines.all[made.agent]
    assert line.dialog is not None
    line.dialog.invite_out = True
    body = make_offer(Local(address="127.0.0.1", rtp_port=phone.rtp.port, version=9, receive=False)).encode()
    statuses = phone.responses
    phone.endpoint.request_in_dialog(phone.dialog, "INVITE", time.monotonic(), body=body, content_type="application/sdp")
    phone.pump()
    await soft.true(lambda: 491 in statuses)
    line.dialog.invite_out = False
    phone.reinvite(hold=True)
    await soft.until(Held, connection=made.agent)
    figure("X6", "491 to the second offer, the hold tried again afterwards came through")


@pytest.mark.case("K3")
async def test_lost_media_worker_ends_its_calls(soft: SoftRig) -> None:
    made = await talking(soft)
    worker = soft.switch.workers.all[0]
    soft.switch.worker_down(worker)
    assert (await soft.until(ConnectionCleared, connection=made.agent)).cause is Cause.MEDIA_LOST
    await soft.until(CallCleared, call=made.call)
    assert not soft.switch.sound.rows


async def test_held_caller_hears_music(soft: SoftRig) -> None:
    made = await talking(soft)
    caller = soft.agents[1]
    await soft.true(lambda: len(caller.rtp.heard) > 10)
    soft.ask(make(services.Hold, connection=made.agent, music=MUSIC))
    await soft.until(Held, connection=made.agent)
    await soft.true(lambda: len(set(b"".join(caller.rtp.heard[-5:]))) > 1)
    soft.ask(make(services.Retrieve, connection=made.agent))
    await soft.true(lambda: set(b"".join(caller.rtp.heard[-5:])) <= {0xD5, 0x55})


async def test_registration_ends(soft: SoftRig) -> None:
    phone = await soft.phone("1001")
    phone.agent.register(seconds=0)
    await soft.true(lambda: not any(one.registered for one in soft.snapshot().devices))
    assert soft.switch.function.devices[f"{TENANT}/phone/1001"].registered is False

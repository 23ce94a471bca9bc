"""The wall clock of the machine jumps while people talk (F4): nothing times out, no moment runs backwards."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from tests.switches.rigs import TENANT
from tests.switches.situations import make, talking
from tests.switches.soft_rig import SoftRig

from yitong.ct import services
from yitong.ct.events import ConnectionCleared, Held, RecordingEnded, RecordingStarted, Retrieved
from yitong.kit.clock import SECOND

HOUR = 3600


@pytest.mark.case("F4")
@pytest.mark.parametrize("step", [HOUR, -HOUR])
async def test_a_wall_clock_that_jumps_in_a_talk_moves_no_timer_and_no_moment(
    soft: SoftRig, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    made = await talking(soft)
    assert made.far is not None
    recording = {"recording": "r1", "call": made.call, "left": made.far.connection, "right": made.agent, "file": "r1.wav"}
    soft.ask(make(services.StartRecording, **recording))
    await soft.until(RecordingStarted)
    before, began = soft.switch.clock.now(), time.monotonic()
    honest: Callable[[], int] = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: honest() + step * 1_000_000_000)
    wall = time.time
    monkeypatch.setattr("time.time", lambda: wall() + step)

    soft.ask(make(services.Hold, connection=made.agent))
    await soft.until(Held, connection=made.agent)
    soft.ask(make(services.Retrieve, connection=made.agent))
    await soft.until(Retrieved, connection=made.agent)
    await soft.settle(1.0)  # longer than a step of every timer that runs now
    assert len(soft.snapshot().connections) == 2, "a timer fired early"
    assert any(device.registered and device.answering for device in soft.snapshot().devices), "a registration ran out"
    soft.ask(make(services.Clear, connection=made.far.connection))
    await soft.until(ConnectionCleared, connection=made.far.connection)
    ended = await soft.until(RecordingEnded)

    passed = round((time.monotonic() - began) * 1000)
    assert 0 < ended.milliseconds <= passed + 1_000, "a recording is as long as the sound in it"
    moments = [event.at for event in soft.events if event.at]
    assert moments == sorted(moments)
    assert moments[-1] - before < (passed + 1_000) * 1_000 < HOUR * SECOND
    assert all(event.tenant == TENANT for event in soft.events if event.at)

"""Recordings that pause, and messages that callers leave, against every switch."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from tests.figures import figure
from tests.switches.rigs import Rig
from tests.switches.situations import Situation, answered_caller, make, new_id, talking
from tests.switches.soft_rig import Media, SoftFar, SoftPhone, SoftRig

from yitong.ct import services
from yitong.ct.events import (
    Collected,
    DigitPressed,
    MessageRecorded,
    RecordingEnded,
    RecordingPaused,
    RecordingResumed,
    RecordingStarted,
    ServiceFailed,
)
from yitong.ct.model import Prompt
from yitong.media import g711


async def recorded(rig: Rig) -> tuple[Situation, str]:
    """A talk that is recorded."""
    made = await talking(rig)
    assert made.far is not None
    speak(made.far, True)
    speak(made.phone, True)
    name = new_id()
    rig.ask(make(services.StartRecording, recording=name, call=made.call, left=made.far.connection, right=made.agent, file=f"{name}.wav"))
    await rig.until(RecordingStarted, recording=name)
    return made, name


def samples_of(rig: Rig, name: str, channels: int) -> np.ndarray | None:
    """The samples [n, channels] of a recording's file; None on a switch that makes none."""
    if not isinstance(rig, SoftRig):
        return None
    data = (rig.media_home / "recordings" / name).read_bytes()
    assert struct.unpack_from("<IHHII", data, 16)[:4] == (16, 1, channels, 8000)
    return np.frombuffer(data[44:], dtype="<i2").reshape(-1, channels)


def speak(party: object, loud: bool) -> None:
    """Let a real telephone say a tone, or nothing."""
    if isinstance(party, SoftFar | SoftPhone):
        samples = (6000 * loud * np.sin(2 * np.pi * 400 * np.arange(160) / 8000)).astype(np.int16)
        party.agent.rtp.frame = g711.encode(samples[None], np.array([g711.law_index(8)], dtype=np.uint8)).tobytes()


@pytest.mark.case("M10")
async def test_nothing_that_is_said_in_a_pause_is_in_the_file(rig: Rig) -> None:
    _, name = await recorded(rig)
    await rig.settle(0.5)
    rig.ask(make(services.PauseRecording, recording=name))
    await rig.until(RecordingPaused, recording=name)
    await rig.settle(0.6)
    rig.ask(make(services.PauseRecording, recording=name))
    assert (await rig.until(ServiceFailed)).reason == "already_paused"
    rig.ask(going_on := make(services.ResumeRecording, recording=name))
    await rig.until(RecordingResumed, recording=name, service=going_on.id)
    await rig.settle(0.5)
    rig.ask(make(services.StopRecording, recording=name))
    event = await rig.until(RecordingEnded, recording=name)
    assert event.complete
    ((begin, end),) = event.pauses
    assert begin >= 300
    assert end - begin >= 400
    assert end <= event.milliseconds
    samples = samples_of(rig, event.file, 2)
    if samples is not None:
        assert not samples[begin * 8 : end * 8].any()
        assert samples[: begin * 8].any()
        assert samples[end * 8 + 1600 :].any()
        figure("M10", f"{end - begin} ms of pause in a recording: 0 samples of either side in the file, the pause marked")


@pytest.mark.case("M10")
async def test_keys_of_a_pause_are_kept_nowhere(rig: Rig) -> None:
    """They are not told, and do not count for what is asked after it; the picture of the switch shows the pause."""
    made, name = await recorded(rig)
    assert made.far is not None
    rig.ask(make(services.PauseRecording, recording=name))
    await rig.until(RecordingPaused, recording=name)
    assert [(one.recording, one.paused) for one in rig.snapshot().recordings] == [(name, True)]
    await made.far.press("7")
    await rig.settle(1.5)
    rig.ask(make(services.ResumeRecording, recording=name))
    await rig.until(RecordingResumed, recording=name)
    assert [one.paused for one in rig.snapshot().recordings] == [False]
    await rig.settle(0.4)  # a key that comes within 0.2 s may be one of the pause
    await made.far.press("8")
    assert (await rig.until(DigitPressed)).digit == "8"
    rig.ask(asked := make(services.Collect, connection=made.far.connection, maximum=1))
    assert (await rig.until(Collected, service=asked.id)).digits == "8"


@pytest.mark.case("M10")
async def test_a_key_of_a_pause_is_kept_nowhere_when_it_is_read_after_its_end(soft: SoftRig, media: Media) -> None:
    made, name = await recorded(soft)
    assert made.far is not None
    soft.ask(make(services.PauseRecording, recording=name))
    await soft.until(RecordingPaused, recording=name)
    with media.starved():
        await made.far.press("7")
        soft.ask(make(services.ResumeRecording, recording=name))
        await soft.settle(0.1)
    await soft.until(RecordingResumed, recording=name)
    await soft.settle(0.5)
    await made.far.press("8")
    assert (await soft.until(DigitPressed)).digit == "8"


@pytest.mark.case("M10")
async def test_a_forgotten_pause_ends_by_itself(rig: Rig) -> None:
    _, name = await recorded(rig)
    rig.ask(make(services.PauseRecording, recording=name, seconds=0.4))
    event = await rig.until(RecordingResumed, recording=name)
    assert event.service == ""
    rig.ask(make(services.ResumeRecording, recording=name))
    assert (await rig.until(ServiceFailed)).reason == "not_paused"
    rig.ask(make(services.StopRecording, recording=name))
    assert len((await rig.until(RecordingEnded, recording=name)).pauses) == 1


@pytest.mark.parametrize("way", ["silence", "limit", "key", "stopped", "hung_up"])
async def test_a_message_ends(rig: Rig, way: str) -> None:
    far = await answered_caller(rig)
    seconds = {"silence": {"silence_seconds": 0.4}, "limit": {"maximum_seconds": 0.6}}.get(way, {})
    order = make(services.RecordMessage, connection=far.connection, file=f"messages/{new_id()}.wav", **seconds)
    speak(far, way != "silence")
    rig.ask(order)
    await rig.settle(0.3)
    if way == "key":
        await far.press("#")
    elif way == "stopped":
        rig.ask(make(services.Stop, connection=far.connection))
    elif way == "hung_up":
        await far.hang_up()
    event = await rig.until(MessageRecorded, service=order.id)
    assert (event.reason, event.file) == (way, order.file)
    assert event.milliseconds >= 200
    samples = samples_of(rig, event.file, 1)
    if samples is not None:
        assert abs(len(samples) / 8 - event.milliseconds) <= 20
        # What was said just before may still be on its way when the message begins; the last 0.3 s are those that ended it.
        assert (abs(samples[-2400:] if way == "silence" else samples) > 100).any() == (way != "silence")


async def test_a_key_before_the_beep_leaves_no_message(rig: Rig) -> None:
    far = await answered_caller(rig)
    order = make(services.RecordMessage, connection=far.connection, file=f"{new_id()}.wav", prompts=(Prompt(silence_ms=5000),))
    rig.ask(order)
    await rig.settle(0.2)
    await far.press("#")
    event = await rig.until(MessageRecorded, service=order.id)
    assert (event.reason, event.milliseconds, event.bytes) == ("key", 0, 0)

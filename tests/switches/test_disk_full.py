"""A disk on which no recording can be written: calls go on, the alarm is raised, the next recording is made when there is room again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.switches.ears import Ears
from tests.switches.situations import make, new_id, talking
from tests.switches.soft_rig import SoftFar, SoftPhone, SoftRig

from yitong.app.processes.media import disk_used_percent
from yitong.app.processes.switch import ALARM_SECONDS, media_alarms
from yitong.ct import services
from yitong.ct.events import RecordingEnded
from yitong.kit.clock import SECOND


@pytest.mark.case("F1")
async def test_a_talk_goes_on_without_its_recording_and_the_next_one_is_made(soft: SoftRig) -> None:
    made = await talking(soft)
    assert isinstance(made.far, SoftFar)
    assert isinstance(made.phone, SoftPhone)
    folder = soft.media_home / "recordings" / new_id()
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("what stands in the way")
    complete = []
    for turn in range(2):
        name = new_id()
        order = make(
            services.StartRecording, recording=name, call=made.call, left=made.far.connection, right=made.agent,
            file=f"{folder.name}/{name}.wav",
        )  # fmt: skip
        soft.ask(order)
        if turn:
            await soft.settle(0.3)
            soft.ask(make(services.StopRecording, recording=name))
        complete.append((await soft.until(RecordingEnded, recording=name)).complete)
        if not turn:
            await soft.true(lambda: media_alarms(soft.switch) == {"media_alarm disk_full": 1.0}, "the alarm is raised")
            await Ears(soft, customer=made.far, agent=made.phone).hear(customer="agent", agent="customer")
            folder.unlink()
    assert complete == [False, True]
    soft.switch.sound.alarms["disk_full"] -= ALARM_SECONDS * SECOND
    assert media_alarms(soft.switch) == {"media_alarm disk_full": 0.0}


def test_how_full_the_disk_is(tmp_path: Path) -> None:
    disk = shutil.disk_usage(tmp_path)
    assert disk_used_percent(tmp_path) == pytest.approx(100 * disk.used / (disk.used + disk.free), abs=5)
    assert disk_used_percent(tmp_path / "nowhere") == 100.0

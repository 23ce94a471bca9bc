"""The real media process at its limits: a disk that is full, read-only or slow, no descriptors left; and killed while it records."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.figures import figure
from tests.switches.ears import Ears
from tests.switches.media.media_peer import Bench, Phone, SwitchEnd
from tests.switches.media_process import MediaProcess, Weak, media_process, on_weak_disk
from tests.switches.rigs import CALLED
from tests.switches.situations import Situation, make, new_id, routed, talking
from tests.switches.soft_rig import SoftFar, SoftPhone, SoftRig, home_of

from yitong.app.processes.switch import media_alarms
from yitong.ct import services
from yitong.ct.events import Delivered, Established, RecordingEnded, RecordingStarted
from yitong.ct.switches.soft import media_messages as m
from yitong.kit.clock import SystemClock
from yitong.kit.ids import RandomIds
from yitong.kit.kept import KeptFolder
from yitong.kit.keyring import Keyring
from yitong.media import wav

pytestmark = pytest.mark.phone
ALONE_SECONDS = 0.5
"""Nothing that a write of a second holds up can be so short."""


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weak]:
    """One process for what it must bear and live."""
    with on_weak_disk(tmp_path_factory.mktemp("weak"), 128 << 10) as made:
        yield made


@asynccontextmanager
async def rig_over(media: Any, tmp_path: Path) -> AsyncIterator[SoftRig]:
    rig = await SoftRig(home_of(tmp_path), media).start()
    try:
        yield rig
    finally:
        await rig.close()


def recording(made: Situation, file: str) -> Any:
    assert isinstance(made.far, SoftFar)
    return make(
        services.StartRecording, recording=new_id(), call=made.call, left=made.far.connection, right=made.agent, file=file
    )  # fmt: skip


def ears(rig: SoftRig, made: Situation) -> Ears:
    assert isinstance(made.far, SoftFar)
    assert isinstance(made.phone, SoftPhone)
    return Ears(rig, customer=made.far, agent=made.phone)


@pytest.mark.case("F3")
def test_a_disk_that_takes_a_second_for_each_write_costs_no_audio(weak: Weak) -> None:
    bench = Bench(None, SwitchEnd(weak.process.socket), None)  # type: ignore[arg-type]
    phones = [Phone(400), Phone(700)]
    for name, phone in zip("ab", phones, strict=True):
        bench.connect(name, phone)
    bench.bridge("a", "b")
    for phone in phones:
        phone.start()
    before, weak.writes.seconds = weak.writes.count, 1.0
    for number in range(2):
        bench.switch.do(m.MediaRecord, recording=f"r{number}", left="a", right="b", file=f"{new_id()}/{new_id()}.wav")
    longest = _longest_silence(phones, 6.0)
    for number in range(2):
        bench.switch.do(m.StopRecord, recording=f"r{number}")
    longest = max(longest, _longest_silence(phones, 1.0))
    writes, weak.writes.seconds = weak.writes.count - before, 0.0
    closed = []
    for name in "ab":
        bench.switch.do(m.ClosePort, port=name)
        closed.append(bench.switch.wait(m.PortClosed, port=name))
    for phone in phones:
        phone.stop()
    bench.switch.close()
    for path in weak.process.inside(weak.process.home / "recordings").rglob("*.wav"):
        path.unlink()
    heard = [len({packet.sequence for packet in phone.packets}) for phone in phones]
    lost = sum(one.lost for one in closed) + sum(max(0, one.sent - count) for one, count in zip(closed, heard, strict=True))
    total, late = sum(one.packets + one.sent for one in closed), sum(one.late for one in closed)
    figure("F3", f"{writes} writes of 1 s each beside a talk with two recordings: {lost} of {total} packets lost, {late} late, "
                 f"the longest pause at an ear {1000 * longest:.0f} ms")  # fmt: skip
    assert writes >= 3
    assert lost <= 0.005 * total
    assert longest < ALONE_SECONDS


def _longest_silence(phones: list[Phone], seconds: float) -> float:
    """The longest time in which one of the phones got nothing."""
    end, longest = time.monotonic() + seconds, 0.0
    seen = [(len(phone.packets), time.monotonic()) for phone in phones]
    while (now := time.monotonic()) < end:
        for number, phone in enumerate(phones):
            count, since = seen[number]
            if len(phone.packets) > count:
                seen[number] = (len(phone.packets), now)
            elif count:
                longest = max(longest, now - since)
        time.sleep(0.005)
    return longest


@pytest.mark.case("F1", "F3")
async def test_a_full_and_a_read_only_disk_end_recordings_and_nothing_else(weak: Weak, tmp_path: Path) -> None:
    async with rig_over(weak.process, tmp_path) as rig:
        made = await talking(rig)
        file = f"{new_id()}/{new_id()}.wav"
        rig.ask(order := recording(made, file))
        ended = await rig.until(RecordingEnded, recording=order.recording)
        assert not ended.complete
        assert ended.milliseconds > 500
        await rig.true(lambda: media_alarms(rig.switch) == {"media_alarm disk_full": 1.0}, "the alarm is raised")
        await ears(rig, made).hear(customer="agent", agent="customer")
        rig.ask(order := recording(made, f"ro/{new_id()}.wav"))
        assert not (await rig.until(RecordingEnded, recording=order.recording)).complete
        weak.process.inside(weak.process.home / "recordings" / file).unlink()
        rig.ask(order := recording(made, f"{new_id()}/{new_id()}.wav"))
        await rig.until(RecordingStarted, recording=order.recording)
        await rig.settle(0.3)
        rig.ask(make(services.StopRecording, recording=order.recording))
        assert (await rig.until(RecordingEnded, recording=order.recording)).complete
        await ears(rig, made).hear(customer="agent", agent="customer")
    seconds = ended.milliseconds / 1000
    figure("F1", f"{weak.disk}: the recording ended as incomplete after {seconds:.1f} s with an alarm, the talk went on both ways, "
                 "the next one after room was made is whole; on a read-only one none was made")  # fmt: skip


@pytest.mark.case("F5")
async def test_without_descriptors_new_calls_hear_503_and_the_talk_goes_on(weak: Weak, tmp_path: Path) -> None:
    async with rig_over(weak.process, tmp_path) as rig:
        made = await talking(rig)
        before = _leave_no_descriptor(weak.process.pid)
        await rig.true(lambda: not rig.switch.sound.has_room(), "the process says that it has no room")
        seen = len(rig.events)
        at_once = await _refused(rig, "13922222222")
        assert not any(isinstance(event, Delivered) for event in rig.events[seen:]), "nobody need be asked"
        await ears(rig, made).hear(customer="agent", agent="customer")
        resource.prlimit(weak.process.pid, resource.RLIMIT_NOFILE, before)
        await rig.true(rig.switch.sound.has_room, "there is room again")
        again = await rig.incoming("13933333333")
        rig.ask(make(services.Answer, connection=again.connection))
        await rig.until(Established, connection=again.connection)
        await ears(rig, made).hear(customer="agent", agent="customer")
    figure("F5", f"the media process without a descriptor: 503 ({at_once}) before core was asked, the talk went on both ways; "
                 "with descriptors again the next call was answered")  # fmt: skip


def _leave_no_descriptor(pid: int) -> tuple[int, int]:
    """Nothing more can be opened there; the limit that was."""
    there = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    lowest = next(number for number in range(1 << 20) if number not in there)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, before[1]))
    return before


async def _refused(rig: SoftRig, calling: str) -> str:
    """A call that hears 503, at once or when core answers it."""
    caller = await rig.agent(calling)
    seen = len(rig.events)
    caller.call(CALLED)
    asked = "at once"

    def told() -> bool:
        nonlocal asked
        for event in rig.events[seen:]:
            if isinstance(event, Delivered) and event.incoming and asked == "at once":
                rig.ask(make(services.Answer, connection=event.connection))
                asked = "when core answered"
        return 503 in caller.responses

    await rig.true(told, "503")
    return asked


@pytest.mark.case("K8")
async def test_a_recording_whose_process_is_killed_can_be_heard_and_the_next_is_made(tmp_path: Path) -> None:
    with media_process(tmp_path) as media:
        async with rig_over(media, tmp_path) as rig:
            made = await talking(rig)
            file = f"{new_id()}/{new_id()}.wav"
            rig.ask(order := recording(made, file))
            await rig.until(RecordingStarted, recording=order.recording)
            began = time.monotonic()
            await asyncio.sleep(4.0)
            lasted = time.monotonic() - began
            media.kill()
            ended = await rig.until(RecordingEnded, recording=order.recording)
            assert not ended.complete
            seconds = _seconds_of(media, file)
            media.start()
            await rig.true(rig.switch.sound.has_room, "another process")
            again = await _talks_again(rig, made)
            rig.ask(order := recording(again, f"{new_id()}/{new_id()}.wav"))
            await rig.until(RecordingStarted, recording=order.recording)
            await rig.settle(0.3)
            rig.ask(make(services.StopRecording, recording=order.recording))
            assert (await rig.until(RecordingEnded, recording=order.recording)).complete
    figure("K8", f"of a recording of {lasted:.1f} s whose media process was killed {seconds:.1f} s can be heard, it is marked incomplete; "
                 "the next call was recorded whole")  # fmt: skip
    assert seconds >= lasted - 2.0


def _seconds_of(media: MediaProcess, file: str) -> float:
    """How much can be heard of a file that was never closed."""
    kept = KeptFolder(media.home / "recordings", Keyring(media.home / "keys", SystemClock(), RandomIds()))
    content, form = kept.open(file, unfinished=True)
    with wav.whole(content, form) as sound:
        return (len(sound.read()) - wav.HEADER) / (2 * 2 * 8_000)


async def _talks_again(rig: SoftRig, made: Situation) -> Situation:
    """Another caller with the same phone, when it has heard of the end."""
    assert isinstance(made.phone, SoftPhone)
    phone = made.phone
    await rig.true(lambda: phone.agent.released, "the first talk is over")
    far = await rig.incoming("13944444444")
    rig.ask(make(services.Answer, connection=far.connection))
    await rig.until(Established, connection=far.connection)
    (agent,) = await routed(rig, far, phone)
    await phone.pick_up()
    await rig.until(Established, connection=agent)
    return Situation(rig, agent, far, phone, agent, call=far.call)

"""Halls: conferences whose members keep their own calls. Who hears whom, against every switch, and over two media workers (H77 H78)."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.switches.ears import TONES, Ears
from tests.switches.rigs import Far, Rig, SimRig
from tests.switches.situations import answered_caller, make, new_id, talking
from tests.switches.soft_rig import Media, SoftPhone, SoftRig, home_of, running_media
from tests.switches.test_phone_transfers import names, takes_over

from yitong.ct import services
from yitong.ct.events import (
    Collected,
    ConnectionCleared,
    DigitPressed,
    Established,
    HallEntered,
    HallLeft,
    Held,
    ParticipationChanged,
    RecordingEnded,
    RecordingStarted,
    ServiceFailed,
    TalkChanged,
    Transferred,
)
from yitong.ct.model import ConnectionState, Participation
from yitong.kit.tasks import Tasks


async def enter(rig: Rig, hall: str, far: Far, participation: Participation = Participation.ACTIVE) -> None:
    service = make(services.EnterHall, connection=far.connection, hall=hall, participation=participation)
    rig.ask(service)
    await rig.until(HallEntered, connection=far.connection, service=service.id, hall=hall, participation=participation)


async def three_in(rig: Rig, hall: str) -> tuple[Ears, list[Far]]:
    """Two speakers and a listener, each with a call of his own."""
    fars = [await answered_caller(rig) for _ in range(3)]
    ears = Ears(rig, customer=fars[0], agent=fars[1], expert=fars[2])
    for far in fars[:2]:
        await enter(rig, hall, far)
    await enter(rig, hall, fars[2], Participation.SILENT)
    await ears.hear(customer="agent", agent="customer", expert="customer agent")
    return ears, fars


async def test_a_listener_becomes_a_speaker_and_back(rig: Rig) -> None:
    ears, fars = await three_in(rig, new_id())
    for participation, heard in ((Participation.ACTIVE, " expert"), (Participation.SILENT, "")):
        rig.ask(make(services.Participate, connection=fars[2].connection, participation=participation))
        await rig.until(ParticipationChanged, connection=fars[2].connection, participation=participation)
        await ears.hear(customer=f"agent{heard}", agent=f"customer{heard}", expert="customer agent")


async def test_whoever_leaves_is_alone_and_his_call_goes_on(rig: Rig) -> None:
    """And what he pressed there is no answer to what he is asked afterwards."""
    hall = new_id()
    ears, fars = await three_in(rig, hall)
    await fars[0].press("8")
    await rig.until(DigitPressed, connection=fars[0].connection, digit="8")
    rig.ask(make(services.LeaveHall, connection=fars[0].connection))
    await rig.until(HallLeft, connection=fars[0].connection, hall=hall)
    asked = make(services.Collect, connection=fars[0].connection, first_seconds=0.2)
    rig.ask(asked)
    assert (await rig.until(Collected, service=asked.id)).digits == ""
    await ears.hear(customer="", agent="", expert="agent")
    assert {one.connection: one.hall for one in rig.snapshot().connections} == {
        fars[0].connection: "", fars[1].connection: hall, fars[2].connection: hall,
    }  # fmt: skip
    await fars[1].hang_up()
    await rig.until(ConnectionCleared, connection=fars[1].connection)
    await ears.hear(expert="")


async def test_whoever_goes_on_at_another_telephone_is_still_there(soft: SoftRig) -> None:
    """INVITE with Replaces: he is heard as before, and the recording of a hall that he is alone in goes on."""
    hall, recording = new_id(), new_id()
    agent = await soft.phone("1001")
    asked = make(services.Make, connection=new_id(), call=new_id(), device=agent.device)
    soft.ask(asked)
    await agent.pick_up()
    await soft.until(Established, connection=asked.connection)
    soft.ask(make(services.EnterHall, connection=asked.connection, hall=hall))
    await soft.until(HallEntered, connection=asked.connection)
    soft.ask(make(services.RecordHall, recording=recording, hall=hall, file=f"{recording}.wav"))
    await soft.until(RecordingStarted, recording=recording)
    taker = await takes_over(soft, "1001", names(agent.agent))
    taken = (await soft.until(Transferred, connection=asked.connection)).to_connection
    await soft.until(ConnectionCleared, connection=asked.connection)
    other = await answered_caller(soft)
    await enter(soft, hall, other)
    ears = Ears(soft, customer=other, second=SoftPhone(soft, taker, "1001"))
    await ears.hear(customer="second", second="customer")
    assert {one.connection: (one.hall, one.recording) for one in soft.snapshot().connections} == {
        taken: (hall, recording), other.connection: (hall, recording),
    }  # fmt: skip


async def test_two_halls_do_not_hear_each_other(rig: Rig) -> None:
    ears, fars = await three_in(rig, new_id())
    await enter(rig, new_id(), fars[1])
    await ears.hear(customer="", agent="", expert="customer")


async def test_a_phone_that_holds_is_out_of_it_and_nobody_hears_music(rig: Rig) -> None:
    made = await talking(rig)
    assert made.far is not None
    assert made.phone is not None
    other, hall = await answered_caller(rig), new_id()
    ears = Ears(rig, customer=made.far, agent=made.phone, expert=other)
    rig.ask(make(services.EnterHall, connection=made.agent, hall=hall))
    await enter(rig, hall, other)
    await ears.hear(customer="agent", agent="customer expert", expert="agent")
    await made.phone.hold()
    await rig.until(Held, connection=made.agent)
    await ears.hear(expert="")
    await made.phone.retrieve()
    await ears.hear(agent="customer expert", expert="agent")
    await made.far.hang_up()
    await rig.until(ConnectionCleared, connection=made.far.connection)


async def test_the_mix_is_recorded_until_the_last_one_leaves(rig: Rig, tmp_path: Path) -> None:
    hall, recording = new_id(), new_id()
    ears, fars = await three_in(rig, hall)
    file = f"t1/{recording}.wav"
    rig.ask(make(services.RecordHall, recording=recording, hall=hall, file=file))
    await rig.until(RecordingStarted, recording=recording)
    assert {one.recording for one in rig.snapshot().connections} == {recording}
    await rig.settle(1.0)
    rig.ask(make(services.Participate, connection=fars[2].connection, participation=Participation.ACTIVE))
    await ears.hear(customer="agent expert")
    await rig.settle(0.6)
    for far in fars:
        await far.hang_up()
    ended = await rig.until(RecordingEnded, recording=recording)
    assert ended.complete
    assert ended.milliseconds >= 1_500
    if isinstance(rig, SoftRig):
        assert tones_in(rig.media_home / "recordings" / file) == {"customer", "agent", "expert"}
    refused = make(services.RecordHall, recording=new_id(), hall=hall, file=file)
    rig.ask(refused)
    assert (await rig.until(ServiceFailed, service=refused.id)).reason == "no_such_hall"


def tones_in(path: Path) -> set[str]:
    """Whose tones the left track has at its end."""
    with wave.open(str(path)) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)[:, 0]
    last = frames[-4800:-800].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(last * np.hanning(len(last)))) / len(last)
    hertz = np.fft.rfftfreq(len(last), 1 / 8000)
    return {name for name, tone in TONES.items() if float(spectrum[np.abs(hertz - tone) < 15].max()) > 60}


async def test_who_speaks_is_told(rig: Rig) -> None:
    hall, far = new_id(), await answered_caller(rig)
    await enter(rig, hall, far)
    if isinstance(rig, SimRig):
        rig.switch.speak(far.connection, True)
        rig.switch.speak(far.connection, False)
    else:
        Ears(rig, customer=far)
        assert (await rig.until(TalkChanged, connection=far.connection, on=True)).hall == hall
        far.agent.rtp.frame = b"\xd5" * 160  # type: ignore[attr-defined]
    assert (await rig.until(TalkChanged, connection=far.connection, on=False)).hall == hall


async def test_an_outside_number_is_called_and_comes_in(rig: Rig) -> None:
    gateway, connection, hall = await rig.gateway("out"), new_id(), new_id()
    rig.ask(make(services.Make, call=new_id(), connection=connection, number="13900001111", calling="8001"))
    await gateway.pick_up()
    await rig.until(Established, connection=connection)
    far = await answered_caller(rig)
    ears = Ears(rig, customer=far, expert=gateway)
    await enter(rig, hall, far)
    rig.ask(make(services.EnterHall, connection=connection, hall=hall))
    await ears.hear(customer="expert", expert="customer")
    assert next(one.state for one in rig.snapshot().connections if one.connection == connection) is ConnectionState.CONNECTED


async def reborn(rig: SoftRig) -> None:
    """The switch is killed and comes back at the same port; calls are its journal's, audio went on in the media workers."""
    port = rig.switch.transports.ports["udp"]
    await rig.switch.close()
    await rig.tasks.close()
    rig.tasks = Tasks()
    rig.options = replace(rig.options, sip_port=port)
    await rig.start()
    await rig.true(lambda: not rig.switch.memory.unsure)


async def test_a_hall_spans_two_media_workers_and_outlives_the_switch(media: Media, tmp_path: Path) -> None:
    """Callers are spread over the workers; relays carry the speakers of each side to the other, and the recording goes on."""
    with running_media(tmp_path / "other") as second:
        rig = SoftRig(home_of(tmp_path), media)
        rig.options = replace(rig.options, media_sockets=(media.socket, second.socket))
        await rig.start()
        await rig.true(lambda: all(worker.up for worker in rig.switch.workers.all))
        hall, recording = new_id(), new_id()
        ears, fars = await three_in(rig, hall)
        where = {rig.switch.sound.rows[far.connection].worker.index for far in fars}
        assert where == {0, 1}, "the callers are on both workers"
        file = f"t1/{recording}.wav"
        rig.ask(make(services.RecordHall, recording=recording, hall=hall, file=file))
        await rig.until(RecordingStarted, recording=recording)
        await reborn(rig)
        await ears.hear(customer="agent", agent="customer", expert="customer agent")
        rig.ask(make(services.Participate, connection=fars[2].connection, participation=Participation.ACTIVE))
        await ears.hear(customer="agent expert", agent="customer expert", expert="customer agent")
        await rig.settle(0.7)
        for far in fars:
            await far.hang_up()
        ended = await rig.until(RecordingEnded, recording=recording)
        assert ended.complete
        found = [path for path in (media.home / "recordings" / file, second.home / "recordings" / file) if path.exists()]
        assert tones_in(found[0]) == {"customer", "agent", "expert"}
        await rig.true(lambda: not rig.switch.sound.rows)
        await rig.close()

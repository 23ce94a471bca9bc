"""Faxes through the switch: fax machines call it over real SIP and RTP sockets, and what is received is what was sent, point by point."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from tests.figures import figure
from tests.switches.fax_machine import FaxMachine, page, same
from tests.switches.rigs import CALLED, LONG, Rig, SimRig, matching
from tests.switches.situations import answered_caller, make, routed
from tests.switches.soft_rig import Media, SoftFar, SoftRig

from yitong.ct import services
from yitong.ct.events import ConnectionCleared, Delivered, Established, FaxEnded, FaxToneHeard, ServiceFailed
from yitong.ct.model import FaxOutcome
from yitong.media import fax_library
from yitong.media.fax import FaxOrder

LINE_SECONDS = 75.0
LOSS = 0.01


async def eventually(condition: Callable[[], object], seconds: float = LINE_SECONDS) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.02)


class Calls:
    """Fax machines that call a switch."""

    def __init__(self, soft: SoftRig, media: Media, folder: Path) -> None:
        self.soft, self.folder, self.ours = soft, folder, media.home / "faxes"
        self._numbers = count(1)

    async def machine(self, name: str, sends: bool, **fields: object) -> FaxMachine:
        file = str(self.folder / f"{name}.tif")
        number = f"0216{next(self._numbers):04d}"
        order = FaxOrder(sends=sends, file=file, station="0212")
        made = FaxMachine(number, self.soft.server, order, **fields)  # type: ignore[arg-type]
        await made.open()
        self.soft.agents.append(made)
        return made

    async def call(self, machine: FaxMachine) -> SoftFar:
        """The machine calls, the switch answers."""
        machine.call(CALLED)
        await self.soft.true(lambda: matching(self.soft.events, Delivered, {"calling": machine.user}) is not None)
        told = matching(self.soft.events, Delivered, {"calling": machine.user})
        assert told is not None
        self.soft.ask(make(services.Answer, connection=told.connection))
        await self.soft.until(Established, connection=told.connection)
        await eventually(lambda: machine.dialog)
        return SoftFar(self.soft, machine, told.connection, told.call)

    async def receive(self, name: str, **fields: object) -> FaxEnded:
        """The machine sends, the switch receives."""
        sent = await asyncio.to_thread(page, self.folder / f"{name}.tif", len(name))
        machine = await self.machine(name, True, **fields)
        far = await self.call(machine)
        self.soft.ask(make(services.ReceiveFax, connection=far.connection, file=f"in/{name}.tif", station="8008"))
        ended = await self.ended(far)
        assert same(self.ours / f"in/{name}.tif", sent)
        await eventually(lambda: machine.modem.result is not None)
        assert machine.modem.result is not None
        assert (machine.modem.result.reason, machine.modem.result.station) == ("ok", "8008")
        if ended.t38:
            await eventually(lambda: machine.changes == ["image", "audio"])
        return ended

    async def send(self, name: str, offers: bool, **fields: object) -> FaxEnded:
        """The switch sends, the machine receives; ``offers``: it asks for T.38."""
        sent = await asyncio.to_thread(page, self.ours / f"out/{name}.tif", len(name))
        machine = await self.machine(name, False, **fields)
        far = await self.call(machine)
        self.soft.ask(make(services.SendFax, connection=far.connection, file=f"out/{name}.tif", station="8008"))
        if offers:
            await asyncio.sleep(1.0)
            machine.offer_t38()
        ended = await self.ended(far)
        await eventually(lambda: machine.modem.result is not None)
        assert same(self.folder / f"{name}.tif", sent)
        return ended

    async def ended(self, far: SoftFar) -> FaxEnded:
        await eventually(lambda: matching(self.soft.events, FaxEnded, {"connection": far.connection}))
        told = matching(self.soft.events, FaxEnded, {"connection": far.connection})
        assert told is not None
        return told


@pytest.fixture
def calls(soft: SoftRig, media: Media, tmp_path: Path) -> Calls:
    return Calls(soft, media, tmp_path)


@pytest.mark.fax
@pytest.mark.phone
@pytest.mark.req("G2", "H31")
async def test_pages_go_both_ways_over_audio_and_t38(calls: Calls) -> None:
    begun = time.monotonic()
    got = await asyncio.gather(
        calls.receive("plain", t38=False), calls.receive("lossyin", loss=LOSS),
        calls.send("audio", offers=False), calls.send("lossyout", offers=True, loss=LOSS),
    )  # fmt: skip
    assert [one.reason for one in got] == ["ok"] * 4
    assert [one.t38 for one in got] == [False, True, False, True]
    assert [one.sent for one in got] == [False, False, True, True]
    assert all((one.pages, one.station, one.rate, one.error_correction) == (1, "0212", 14_400, True) for one in got)
    figure("fax", f"four pages at once, both ways, G.711 and T.38 with 1 % loss: 0 wrong points, {time.monotonic() - begun:.0f} s")


@pytest.mark.fax
@pytest.mark.phone
async def test_a_machine_faxes_to_another_one_through_the_mixing(calls: Calls) -> None:
    """A jitter buffer made for speech lies between; where this machine is late it may cut the signal, and people dial again."""
    sent = await asyncio.to_thread(page, calls.folder / "from.tif")
    for attempt in range(3):
        if await passed_through(calls, f"100{attempt}") and same(calls.folder / "to.tif", sent):
            return
    raise AssertionError("no page arrived in three calls")


async def passed_through(calls: Calls, extension: str) -> bool:
    """One call from a fax machine to another one, a desk phone's line; whether both are content."""
    soft = calls.soft
    phone = await soft.phone(extension)
    receiver, sender = await calls.machine("to", False), await calls.machine("from", True)
    phone.agent.rtp.close()
    phone.agent.rtp, phone.agent._local = receiver.rtp, receiver._local
    far = await calls.call(sender)
    (agent,) = await routed(soft, far, phone)
    await phone.pick_up()
    await soft.until(Established, connection=agent)
    await eventually(lambda: sender.modem.result is not None and receiver.modem.result is not None, 120.0)
    sender.hang_up()
    return all(one.modem.result is not None and one.modem.result.reason == "ok" for one in (sender, receiver))


@pytest.mark.fax
@pytest.mark.phone
async def test_whoever_hangs_up_in_a_fax_is_told_with_what_arrived(calls: Calls) -> None:
    page(calls.folder / "gone.tif")
    machine = await calls.machine("gone", True, t38=False)
    far = await calls.call(machine)
    calls.soft.ask(make(services.ReceiveFax, connection=far.connection, file="in/gone.tif"))
    await eventually(lambda: "refused" in machine.changes)
    machine.hang_up()
    ended = await calls.ended(far)
    assert (ended.reason, ended.pages) == ("call_dropped", 0)
    assert matching(calls.soft.events, ConnectionCleared, {"connection": far.connection}) is not None


@pytest.mark.fax
@pytest.mark.phone
async def test_one_fax_at_a_time_and_t38_only_for_one(calls: Calls) -> None:
    page(calls.ours / "out/once.tif")
    machine = await calls.machine("once", False)
    far = await calls.call(machine)
    machine.offer_t38()
    await eventually(lambda: 488 in machine.responses)
    first = make(services.SendFax, connection=far.connection, file="out/once.tif")
    second = make(services.ReceiveFax, connection=far.connection, file="in/once.tif")
    calls.soft.ask(first)
    calls.soft.ask(second)
    assert (await calls.soft.until(ServiceFailed, service=second.id)).reason == "fax_running"
    calls.soft.ask(make(services.Stop, connection=far.connection))
    assert (await calls.ended(far)).reason == "call_dropped"


@pytest.mark.fax
@pytest.mark.phone
async def test_a_fax_outlives_its_switch(calls: Calls) -> None:
    soft = calls.soft
    sent = page(calls.folder / "outlive.tif")
    machine = await calls.machine("outlive", True)
    far = await calls.call(machine)
    soft.ask(make(services.ReceiveFax, connection=far.connection, file="in/outlive.tif"))
    await eventually(lambda: machine.changes == ["image"])
    port = soft.server[1]
    await soft.switch.close()
    await soft.settle()
    soft.options = replace(soft.options, sip_port=port)
    await soft.start()
    ended = await calls.ended(far)
    assert (ended.reason, ended.pages, ended.t38) == ("ok", 1, True)
    assert same(calls.ours / "in/outlive.tif", sent)
    await eventually(lambda: machine.changes == ["image", "audio"])


@pytest.mark.fax
@pytest.mark.phone
async def test_a_fax_whose_modem_died_is_interrupted(calls: Calls) -> None:
    soft = calls.soft
    page(calls.folder / "lost.tif")
    machine = await calls.machine("lost", True, t38=False)
    far = await calls.call(machine)
    soft.ask(make(services.ReceiveFax, connection=far.connection, file="in/lost.tif"))
    await eventually(lambda: machine.changes == ["refused"])
    soft.switch.worker_down(soft.switch.workers.all[0])
    assert (await calls.ended(far)).reason == "interrupted"
    await eventually(lambda: machine.released)


async def test_without_the_library_a_fax_is_refused_with_its_code(soft: SoftRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fax_library, "_loaded", lambda: None)
    far = await answered_caller(soft)
    for kind in (services.SendFax, services.ReceiveFax):
        service = make(kind, connection=far.connection, file="any.tif")
        soft.ask(service)
        assert (await soft.until(ServiceFailed, service=service.id)).reason == "fax_unavailable"
    assert not soft.snapshot().connections[0].faxing


@pytest.mark.fax
@pytest.mark.phone
async def test_a_fax_machine_is_recognised_while_it_hears_the_greeting(calls: Calls, tmp_path: Path) -> None:
    page(tmp_path / "caller.tif")
    machine = await calls.machine("caller", True)
    far = await calls.call(machine)
    calls.soft.ask(make(services.Play, connection=far.connection, prompts=(LONG,), loop=True))
    told = await calls.soft.until(FaxToneHeard, connection=far.connection)
    assert told.tone == "cng"


async def test_faxes_of_a_simulated_switch(rig: Rig) -> None:
    if not isinstance(rig, SimRig):
        return
    far = await answered_caller(rig)
    rig.switch.fax_tone(far.connection, "cng")
    assert (await rig.until(FaxToneHeard, connection=far.connection)).tone == "cng"
    rig.switch.audio.fax_outcome = lambda order: FaxOutcome(reason="cannot_train")
    service = make(services.SendFax, connection=far.connection, file="a.tif")
    rig.ask(service)
    assert (await rig.until(FaxEnded, service=service.id)).reason == "cannot_train"
    again = make(services.ReceiveFax, connection=far.connection, file="b.tif")
    rig.ask(again)
    await rig.settle()
    assert rig.snapshot().connections[0].faxing == again.id
    await far.hang_up()
    assert (await rig.until(FaxEnded, service=again.id)).reason == "call_dropped"

"""What telephones show of their mailboxes, told by a service (Set Message Waiting Indicator), on every switch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.switches.rigs import TENANT, Rig
from tests.switches.situations import make
from tests.switches.soft_rig import SoftRig, account
from tests.switches.test_messages_waiting import lamp, text
from tests.system.phones import Phone

from yitong.ct import services
from yitong.ct.events import ServiceFailed
from yitong.ct.model import MessageWaiting
from yitong.ct.switches.soft.waiting import MessagesWaiting
from yitong.sim.switch import SimSwitch
from yitong.sip.summary import Waiting


def shown(rig: Rig, extension: str) -> tuple[int, int] | None:
    """New and heard ones as the switch has them."""
    if isinstance(rig, SoftRig):
        one = rig.switch.waiting.mailboxes(TENANT, extension)
        return (one.new, one.old) if one is not None else None
    switch = rig.switch  # type: ignore[attr-defined]
    assert isinstance(switch, SimSwitch)
    told = switch.lamps.get(extension)
    return (told.new, told.heard) if told is not None else None


def say(rig: Rig, *lamps: tuple[str, int, int], whole: bool = False, site: str = "") -> None:
    told = tuple(MessageWaiting(extension=extension, new=new, heard=heard) for extension, new, heard in lamps)
    rig.ask(make(services.SetMessageWaiting, site=site, lamps=told, whole=whole))


async def test_the_switch_shows_what_it_is_told(rig: Rig) -> None:
    say(rig, ("1001", 2, 1), ("1002", 0, 0), whole=True)
    await rig.settle(0.05)
    assert (shown(rig, "1001"), shown(rig, "1002"), shown(rig, "1003")) == ((2, 1), (0, 0), None)
    say(rig, ("1001", 0, 3))
    await rig.settle(0.05)
    assert (shown(rig, "1001"), shown(rig, "1002")) == ((0, 3), (0, 0))
    say(rig, ("1002", 1, 0), whole=True)
    await rig.settle(0.05)
    assert (shown(rig, "1001"), shown(rig, "1002")) == (None, (1, 0))
    assert not [event for event in rig.events if isinstance(event, ServiceFailed)]


async def test_a_telephone_is_notified_and_sites_are_added_up(soft: SoftRig) -> None:
    say(soft, ("1001", 1, 0), whole=True, site="s1")
    one = await lamp(soft)
    one.subscribe()
    await soft.true(lambda: len(one.told()) == 1)
    assert one.last()[1] == text("1001", "1/0 (0/0)", "yes")
    say(soft, ("1001", 2, 2), whole=True, site="s2")
    await soft.true(lambda: len(one.told()) == 2)
    assert one.last()[1] == text("1001", "3/2 (0/0)", "yes")
    say(soft, ("1001", 1, 0), site="s1")  # nothing new
    say(soft, whole=True, site="s2")
    await soft.true(lambda: len(one.told()) == 3)
    assert one.last()[1] == text("1001", "1/0 (0/0)", "yes")
    say(soft, whole=True, site="s1")
    await soft.true(lambda: len(one.told()) == 4)
    assert one.last()[0] == "terminated;reason=noresource"


async def test_a_switch_that_comes_back_knows_its_lamps(soft: SoftRig) -> None:
    say(soft, ("1001", 1, 4), ("1002", 1, 0), whole=True, site="s1")
    await soft.settle(0.05)
    say(soft, ("1001", 1, 4), whole=True, site="s1")
    await soft.settle(0.05)
    switch = soft.switch
    again = MessagesWaiting(switch.endpoint, switch.gate, switch.clock, lambda flow: "", switch.memory.journal)
    assert again.mailboxes(TENANT, "1001") == Waiting(new=1, old=4)
    assert again.mailboxes(TENANT, "1002") is None


@pytest.mark.baresip
async def test_the_lamp_of_a_real_telephone(soft: SoftRig, tmp_path: Path) -> None:
    soft.switch.configure(f"{TENANT}.account.a1001", account("1001"))
    say(soft, ("1001", 2, 1), whole=True)
    await soft.settle(0.05)
    phone = await with_lamp(soft, tmp_path, "2/1")
    try:
        say(soft, ("1001", 0, 3))
        log = phone._folder / "log"
        await soft.true(lambda: "Messages-Waiting: no" in log.read_text() and "Voice-Message: 0/3 (0/0)" in log.read_text())
    finally:
        await asyncio.to_thread(phone.close)


async def with_lamp(soft: SoftRig, folder: Path, shows: str) -> Phone:
    """A baresip that has heard what waits; some ask without end and never listen to the answer: another one is started then."""
    for number in range(8):
        home = folder / f"{number}"
        phone = await asyncio.to_thread(lambda home=home: Phone(home, "1001", soft.server[1], password="secret", mwi=True))  # type: ignore[misc]
        for _ in range(20):
            if f"Voice-Message: {shows} " in (home / "log").read_text():
                return phone
            await asyncio.sleep(0.05)
        await asyncio.to_thread(phone.close)
    raise AssertionError("no lamp")

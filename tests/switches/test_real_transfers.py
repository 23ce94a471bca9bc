"""A real telephone that transfers by its own key: baresip (its version of Debian 12 can do so without asking only)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.switches.rigs import CALLED, TENANT
from tests.switches.situations import make, new_id
from tests.switches.soft_rig import SoftRig, account
from tests.switches.test_real_phones import close
from tests.system.phones import Phone, loudness

from yitong.ct import services
from yitong.ct.events import AnyEvent, Delivered, DeviceChanged, Established, Transferred

pytestmark = pytest.mark.baresip


class Router:
    """Answers every caller and rings 1001."""

    def __init__(self, rig: SoftRig) -> None:
        self._rig = rig
        rig.switch.monitor(self.hear)

    def hear(self, event: AnyEvent) -> None:
        match event:
            case Delivered(incoming=True):
                self._rig.ask(make(services.Answer, connection=event.connection))
            case Established() if "/trunk/" in event.device:
                target = services.Target(connection=new_id(), device=f"{TENANT}/phone/1001")
                self._rig.ask(make(services.Route, connection=event.connection, targets=(target,)))


async def test_a_real_telephone_transfers(soft: SoftRig, tmp_path: Path) -> None:
    in_thread, port = asyncio.to_thread, soft.server[1]
    for number in ("1001", "1002"):
        soft.switch.configure(f"{TENANT}.account.a{number}", account(number))
    Router(soft)
    agent = await in_thread(Phone, tmp_path / "agent", "1001", port, password="secret", tone=1000)
    other = await in_thread(Phone, tmp_path / "other", "1002", port, password="secret", tone=1500)
    caller = await in_thread(Phone, tmp_path / "caller", "13800138000", port, tone=440)
    try:
        await soft.true(lambda: len([one for one in soft.events if isinstance(one, DeviceChanged) and one.device.registered]) >= 2)
        caller.dial(CALLED)
        await in_thread(agent.wait, "CALL_INCOMING")
        agent.accept()
        await in_thread(agent.wait, "CALL_ESTABLISHED")
        target = f"sip:1002@127.0.0.1:{port}"
        agent.command("transfer", target)
        await in_thread(other.wait, "CALL_INCOMING")
        other.accept()
        await in_thread(other.wait, "CALL_ESTABLISHED")
        await soft.until(Transferred)
        await in_thread(agent.wait, "CALL_CLOSED")
        await soft.true(lambda: len(soft.snapshot().connections) == 2)
        await asyncio.sleep(2.0)
    finally:
        for one in (agent, other, caller):
            await in_thread(close, one)
    assert loudness(caller.heard, 1500) > 0.05
    assert loudness(other.heard, 440) > 0.1

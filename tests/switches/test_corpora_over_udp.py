"""Every message of RFC 4475 and RFC 5118, and a walk of damaged ones, against the whole switch over a real socket (cases P1, P3)."""

from __future__ import annotations

import importlib.util
import random
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.figures import figure
from tests.switches.soft_rig import SoftRig
from tests.switches.wire import Wire
from tests.wire import test_rfc4475, test_rfc5118

from yitong.sip.core import Flow
from yitong.sip.message import Response

FORMS = [*test_rfc4475.FORMS, *test_rfc5118.FORMS]
ACCESS = {401, 403, 404, 405, 407}
"""Refusals for who asks, before what is asked is looked at."""


def soak() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "soak_sip.py"
    spec = importlib.util.spec_from_file_location("soak_sip_for_switch", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Answers:
    """What the switch sends."""

    def __init__(self, soft: SoftRig) -> None:
        self.finals: list[int] = []
        self._send = soft.switch.transports.send
        soft.switch.transports.send = self._sent  # type: ignore[method-assign]

    def _sent(self, data: bytes, flow: Flow) -> bool:
        if data.startswith(b"SIP/2.0 ") and data[8:9] != b"1" and b" OPTIONS\r\n" not in data.partition(b"\r\n\r\n")[0]:
            self.finals.append(int(data[8:11]))
        return self._send(data, flow)


async def answered(wire: Wire) -> float:
    """Seconds until an OPTIONS is answered with 200."""
    begun = time.monotonic()
    answer: Response | None = await wire.ask("OPTIONS", "sip:127.0.0.1")
    assert answer is not None
    assert answer.status == 200
    return time.monotonic() - begun


@pytest.mark.case("P1")
async def test_every_form_over_udp(soft: SoftRig) -> None:
    soft.switch.configure("t1.trunk.demo", None)  # nobody is admitted by address
    wire, asker, told, slowest = Wire(soft.server), Wire(soft.server), Answers(soft), 0.0
    with capture_logs() as lines:
        for name, data, allowed in FORMS:
            told.finals.clear()
            wire.send(data)
            slowest = max(slowest, await answered(asker))
            outcome: Any = told.finals[0] if told.finals else "silence"
            method = data.partition(b" ")[0]
            options = method == b"OPTIONS" and not told.finals  # its 200 is not told apart from that of the question
            assert outcome in allowed | ACCESS or options, f"{name}: {outcome} instead of {allowed}"
    assert not [line for line in lines if line["event"] == "a step of the switch failed"]
    wire.close()
    asker.close()
    figure("P1", f"all {len(FORMS)} forms over UDP against the whole switch: each as its RFC allows, OPTIONS answered after each")
    assert slowest < 1.0


@pytest.mark.case("P3")
async def test_damaged_messages_over_udp(soft: SoftRig) -> None:
    """A trunk and a stranger send 2,000 damaged messages; nothing fails inside, and no call is left in the end."""
    module, rng = soak(), random.Random(4475)
    wire, asker = Wire(soft.server), Wire(soft.server)
    with capture_logs() as lines:
        for number in range(2000):
            data = module.mutate(module.fresh(rng.choice(module.SEEDS), number).replace(b"192.0.2.1", b"127.0.0.1"), rng)
            wire.send(data[:60_000])
            if number % 100 == 99:
                await answered(asker)
    assert [line for line in lines if line["event"] == "a step of the switch failed"] == []
    await soft.true(lambda: not soft.snapshot().connections)
    wire.close()
    asker.close()

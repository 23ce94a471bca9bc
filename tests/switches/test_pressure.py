"""When new calls are refused: the switch late, or core too slow; not while core is away."""

from __future__ import annotations

import asyncio

import pytest
from bench.light_phones import LightCallers
from tests.figures import figure
from tests.switches.rigs import CALLED
from tests.switches.situations import make
from tests.switches.soft_rig import SoftRig

from yitong.ct import services
from yitong.ct.events import Delivered
from yitong.ct.model import DeviceKind
from yitong.ct.switches.soft import pressure as p
from yitong.ct.switches.soft.line import Line
from yitong.ct.switches.soft.own_address import OwnAddress
from yitong.ct.switches.soft.page_grace import GRACE_SECONDS, Grace
from yitong.ct.switches.soft.pressure import Pressure
from yitong.kit.clock import ManualClock
from yitong.sip.core import Flow


def test_a_quiet_switch_takes_every_call() -> None:
    one, alive = Pressure(), set[str]()
    for number in range(100):
        now = number / 10
        assert not one.refuses(alive, now)
        alive.add(name := f"c{number}")
        one.waits(name, now)
        one.heard(name, now + 0.01)
    assert one.refused == 0


def test_a_switch_that_is_late_for_some_time_takes_none_until_it_is_punctual_again() -> None:
    one = Pressure()
    for _ in range(p.BEATS - 1):
        one.was_late(1.0)
    assert not one.refuses(set(), 1.0), "one hiccup is no overload"
    one.was_late(p.LATE_SECONDS + 0.01)
    assert one.refuses(set(), 1.0)
    one.was_late(0.0)
    assert not one.refuses(set(), 1.1)
    assert one.refused == 1


def test_calls_that_wait_for_a_core_that_works_keep_others_out_until_it_has_caught_up() -> None:
    one, alive = Pressure(), {"a", "b"}
    one.waits("a", 1.0)
    one.waits("b", 1.01)
    one.heard("x", 1.4)
    assert not one.refuses(alive, 1.0 + p.WAITED_SECONDS - 0.01)
    assert one.refuses(alive, 1.0 + p.WAITED_SECONDS + 0.02)
    one.heard("a", 1.55)
    assert one.refuses(alive, 1.55), "the next one waits as long"
    one.heard("b", 1.56)
    assert not one.refuses(alive, 1.57)


def test_a_core_that_is_away_is_waited_for() -> None:
    one, alive = Pressure(), {"a"}
    one.waits("a", 1.0)
    one.heard("x", 1.1)
    assert not one.refuses(alive, 1.0 + p.WAITED_SECONDS + 0.1)
    assert not one.refuses(alive, 8.0)
    for number in range(p.MOST_WAITING):
        one.waits(f"more {number}", 3.0)
    assert one.refuses(alive, 3.0), "but not by any number"


def test_a_caller_who_gave_up_keeps_nobody_out() -> None:
    one = Pressure()
    one.waits("a", 1.0)
    one.heard("x", 1.9)
    assert not one.refuses(set(), 2.0)


async def test_of_a_call_that_is_refused_because_the_switch_is_late_nothing_is_kept(soft: SoftRig) -> None:
    caller = await soft.agent("13900000000")
    before = soft.switch.endpoint.transactions
    for _ in range(p.BEATS):
        soft.switch.answering.pressure.was_late(10 * p.LATE_SECONDS)
    caller.call(CALLED)
    await soft.true(lambda: 503 in caller.responses)
    assert soft.switch.endpoint.transactions == before
    assert not soft.switch.lines.all


def test_our_address_is_asked_of_the_system_once_for_a_while() -> None:
    clock = ManualClock()
    near = Flow("udp", "udp", "127.0.0.1", 5060)
    assert OwnAddress("192.0.2.7", clock)(near) == "192.0.2.7", "told by the settings"
    found = OwnAddress("0.0.0.0", clock)
    assert found(None) == "0.0.0.0"
    assert found(near) == "127.0.0.1"
    found._known["127.0.0.1"] = (clock.monotonic() + 1.0, "127.0.0.9")
    assert found(near) == "127.0.0.9"
    clock.advance(1.0)
    assert found(near) == "127.0.0.1"


def test_a_page_may_come_back_within_its_grace() -> None:
    lines = {
        name: Line(connection=name, call="k", device=f"t/page/{name}", kind=DeviceKind.PAGE, incoming=True) for name in ("a", "b", "c")
    }
    grace = Grace(lines)
    assert grace.next_deadline() is None
    for number, line in enumerate(lines.values()):
        grace.begin(line, 10.0 + number)
    assert grace.next_deadline() == 10.0 + GRACE_SECONDS
    lines["a"].lost_at = 0.0  # it came back
    del lines["c"]  # it was hung up
    assert grace.next_deadline() == 11.0 + GRACE_SECONDS
    assert grace.over(11.0 + GRACE_SECONDS - 0.1) == []
    assert grace.over(11.0 + GRACE_SECONDS) == [lines["b"]]
    assert grace.next_deadline() is None


@pytest.mark.case("F7")
async def test_calls_beyond_the_pace_of_core_hear_503_and_the_others_are_decided_in_turn(soft: SoftRig) -> None:
    """Over real sockets, with a core that decides fifteen calls a second and is offered three times as many."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    callers = LightCallers(transport, soft.server)
    deciding = soft.tasks.start(_decide(soft, 1 / 15), "a slow core")
    calls = []
    for number in range(90):
        calls.append(callers.call(f"139{number:08}", CALLED))
        await asyncio.sleep(1 / 45)
    await soft.true(lambda: all(call.state == "over" for call in calls), "every call is answered")
    refused = sorted(1000 * (call.ended - call.began) for call in calls if call.status == 503)
    decided = sorted(1000 * (call.ended - call.began) for call in calls if call.status != 503)
    await soft.settle(0.3)
    later = callers.call("13988888888", CALLED)
    await soft.true(lambda: later.state == "over")
    deciding.cancel()
    transport.close()
    assert refused
    assert decided
    assert later.status != 503
    assert soft.switch.answering.pressure.refused == len(refused)
    assert not soft.switch.lines.all
    soon, late = (f"{values[len(values) // 2]:.0f} / {values[-1]:.0f} ms" for values in (refused, decided))
    figure("F7", f"over real sockets, a core that decides 15 calls a second and is offered 45: {len(refused)} of {len(calls)} heard 503 "
                 f"after {soon}, the others were decided after {late} (p50 / longest); a minute of twice the rate: simulated")  # fmt: skip


async def _decide(soft: SoftRig, seconds: float) -> None:
    """One call after the other: it is not taken."""
    seen = 0
    while True:
        for event in soft.events[seen:]:
            seen += 1
            if isinstance(event, Delivered) and event.incoming:
                await asyncio.sleep(seconds)
                soft.ask(make(services.Clear, connection=event.connection))
        await asyncio.sleep(0.001)

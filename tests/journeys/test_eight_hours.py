"""Eight hours of calls on the virtual clock: what core and the switching function hold afterwards is what they held after six."""

from __future__ import annotations

import gc
import types
from collections import Counter
from typing import Any

import pytest
from tests.figures import figure
from tests.journeys.world import World

from yitong.sim.callers import Press, UntilAsked, UntilHears
from yitong.sim.switch import REFUSES, Behaviour

EVERY_SECONDS = 120.0
WARM_HOURS, HOURS = 6, 8
"""After so many hours each agent's list of his own calls is full."""
_NOT_HELD = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType, types.MethodType, property)


@pytest.mark.case("F6")
def test_eight_hours_leave_nothing_behind() -> None:
    world = World()
    for number, talk in (("1001", 25.0), ("1002", 40.0)):
        world.agent(number, usual=Behaviour(answer_after=2.0, hang_up_after=talk))
    held: list[Counter[str]] = []
    calls = 0
    for hour in range(1, HOURS + 1):
        for turn in range(int(3600 / EVERY_SECONDS)):
            _call(world, calls)
            calls += 1
            world.run(EVERY_SECONDS - 1 + turn % 3)
        world.run(300)
        if hour in (WARM_HOURS, HOURS):
            _taken_up(world)
            held.append(_held(world.partition, [world]) + _held(world.switch.function, _apart(world)))
        _forget(world)
    warm, late = (sum(one.values()) for one in held)
    grown = {name: held[1][name] - count for name, count in held[0].items() if held[1][name] > 1.05 * count + 20}
    figure("F6", f"simulated: {calls} calls in {HOURS} hours, {warm} values held after {WARM_HOURS} hours, {late} after {HOURS}")
    assert late <= 1.05 * warm, grown


def _call(world: World, number: int) -> None:
    """Most are served and answer the survey; some lose patience, are refused once, or hang up in the menu."""
    steps: tuple[Any, ...] = (UntilAsked(), Press("0"), UntilHears("survey"), Press(str(number % 3 + 1)))
    if number % 11 == 3:
        world.switch.devices["t1/phone/1001"].will(REFUSES)
    world.caller(f"139{number:08}", steps=() if number % 7 == 5 else steps, patience=6.0 if number % 5 == 4 else None)


def _forget(world: World) -> None:
    """What the test itself keeps."""
    world.outcomes.clear()
    world.arrivals.clear()
    del world.ledger[:], world.personals[:]


def _taken_up(world: World) -> None:
    """What the processes around take up in each turn: what a page shows anew, what the journal writes."""
    assert world.partition is not None
    world.partition.live.view.touched.clear()
    world.switch.function.table.changed.clear()


def _apart(world: World) -> list[Any]:
    """What has a bound of its own that eight hours do not reach (``log.KEPT``, ``IDS_KEPT``), and what is the simulation's own."""
    function = world.switch.function
    return [world, world.timeline, world.switch, function.log, function._done, *function.devices.values()]


def _held(root: Any, apart: list[Any]) -> Counter[str]:
    """How many values of each kind can be reached from there, but not through what stands ``apart``."""
    seen: dict[int, Any] = {}
    waiting, out = [root], {id(one) for one in apart}
    while waiting:
        one = waiting.pop()
        if id(one) in seen or id(one) in out or isinstance(one, _NOT_HELD):
            continue
        seen[id(one)] = one
        waiting += gc.get_referents(one)
    return Counter(type(one).__name__ for one in seen.values())

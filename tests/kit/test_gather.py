"""Letting things leave together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from yitong.kit.gather import Gathering

Until = Callable[..., Awaitable[None]]


async def test_what_is_urgent_takes_the_rest_along_and_two_departures_are_apart(until: Until) -> None:
    left: list[tuple[float, int]] = []
    waiting: list[int] = []
    loop = asyncio.get_running_loop()

    def leave() -> None:
        left.append((loop.time(), len(waiting)))
        waiting.clear()

    gathering = Gathering(leave, rate=20.0, burst=1)

    def take(number: int, seconds: float) -> None:
        waiting.append(number)
        gathering.within(seconds)

    take(1, 60.0)
    take(2, 60.0)
    assert not left
    take(3, 0.0)
    await until(lambda: len(left) == 1)
    take(4, 0.0)
    take(5, 60.0)
    await until(lambda: len(left) == 2)
    take(6, 60.0)
    gathering.now()
    assert [count for _, count in left] == [3, 2, 1]
    assert left[1][0] - left[0][0] >= 0.049
    take(7, 0.001)
    await until(lambda: len(left) == 4)

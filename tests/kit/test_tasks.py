"""Groups of tasks end when they are closed."""

from __future__ import annotations

import asyncio

from yitong.kit.clock import SystemClock
from yitong.kit.tasks import Tasks


async def test_a_cancellation_that_an_outage_took_the_place_of_is_made_again() -> None:
    tasks, clock, swallowed = Tasks(), SystemClock(), 0

    async def waits() -> None:
        nonlocal swallowed
        while True:
            try:
                await clock.sleep(60.0)
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed += 1

    kept = tasks.start(waits(), "waits")
    await clock.sleep(0.01)
    await tasks.close(0.4)
    assert kept.cancelled()
    assert swallowed == 1

"""A desk whose network is gone without a word (reliability N6)."""

from __future__ import annotations

import pytest
from tests.web.centre import Centre, until
from tests.web.page import Page
from tests.web.world import World


@pytest.mark.case("N6")
async def test_a_half_open_desk_is_noticed(world: World, centre: Centre) -> None:
    """It reads nothing and answers no ping; its live connection ends, and the next desk finds nothing of it."""
    config = world.server.config
    assert config.ws_ping_interval is not None
    assert config.ws_ping_timeout is not None
    assert config.ws_ping_interval + config.ws_ping_timeout <= 20
    config.ws_ping_interval, config.ws_ping_timeout = 0.2, 0.5
    page = await Page.open(world, await world.token("1001"), {"desk": None})
    await page.hear("snapshot")
    assert world.web.door.count() == 1
    page.socket.transport.pause_reading()
    await until(lambda: world.web.door.count() == 0)
    page.socket.transport.abort()

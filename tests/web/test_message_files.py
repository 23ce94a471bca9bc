"""Files of messages: of one whose end nobody told, the file says what there is; those of messages that are gone are deleted."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.web.centre import Centre, until
from tests.web.test_mailbox_page import message
from tests.web.world import World, write_wav

from yitong.contact.client import Core
from yitong.domains.mailbox import service
from yitong.domains.mailbox.service.keeping import Keeping
from yitong.domains.mailbox.store.files import MessagesFolder
from yitong.kit.clock import SystemClock

pytestmark = pytest.mark.timeout(240)


async def rows(world: World) -> list[dict[str, Any]]:
    async with world.database.transaction() as connection:
        found = await connection.execute(text("select status, cause, file, milliseconds from mailbox_messages order by began_at"))
        return [dict(row) for row in found.mappings()]


async def status_is(world: World, *wanted: str) -> list[dict[str, Any]]:
    for _ in range(400):
        found = await rows(world)
        if tuple(row["status"] for row in found) == wanted:
            return found
        await world.web.clock.sleep(0.05)
    raise AssertionError(await rows(world))


def written(world: World, file: str) -> Path:
    """Two seconds of sound, some time ago."""
    path = world.settings.home / "recordings" / file
    write_wav(path, 2.0, 1)
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


async def test_what_a_file_holds_and_when_it_goes(world: World, centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CLOSE_LEASE_US", 500_000)
    async with world.database.transaction() as connection:
        await connection.execute(text("delete from mailbox_messages"))
    await centre.start_worker()
    keeping = Keeping(world.database, SystemClock(), Core(world.nats), MessagesFolder(world.settings.home / "recordings"))
    mailboxes = centre.host().partition.mailboxes

    await message(world, centre)
    await until(lambda: bool(mailboxes.state.drafts) and any(port.message for port in centre.switch().audio.ports.values()))
    centre.switch().power_cut()  # what was said is on the disk; nobody will ever tell
    (row,) = await status_is(world, "unsure")
    written(world, row["file"])
    await keeping.once()
    (row,) = await status_is(world, "new")
    assert (row["cause"], row["milliseconds"]) == ("found", 2_000)

    centre.switch().audio.message_seconds = 0.2
    await message(world, centre)
    kept, dropped, again = await status_is(world, "new", "dropped", "dropped")
    paths = [written(world, one["file"]) for one in (kept, dropped, again)]
    await keeping.once()
    await keeping.once()
    assert [path.exists() for path in paths] == [True, False, False]

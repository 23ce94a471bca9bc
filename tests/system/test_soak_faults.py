"""The long ones (``make soak``): kills at random for half an hour, and core dying beside a ledger of a million contacts."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from scripts.fill_ledger import fill
from tests.system.faults import Room, figure
from tests.system.load import Load
from tests.system.stack import Stack
from tests.system.storm import storm
from tests.system.test_faults_core import full_room

pytestmark = [pytest.mark.soak, pytest.mark.phone]
SECONDS = float(os.environ.get("YITONG_SOAK_SECONDS", "1800"))
CONTACTS = int(os.environ.get("YITONG_SOAK_CONTACTS", "1000000"))


@pytest.mark.case("K12", "K11")
@pytest.mark.timeout(7200)
async def test_half_an_hour_of_kills(room: Room, load: Load) -> None:
    often = int(SECONDS // 60) + 1
    allowed = {"core": often, "switch": often, "worker": often, "web": often, "nats-server": often}
    figure("K12", await storm(room, load, 71, SECONDS, allowed, (8.0, 20.0)))


@pytest.mark.case("K4", "K11")
@pytest.mark.timeout(7200)
async def test_core_dies_beside_a_million_contacts(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home")
    try:
        await asyncio.to_thread(stack.start)
        began = time.monotonic()
        urls = (stack.setting("YITONG_DATABASE_URL"), stack.setting("YITONG_NATS_URL"))
        # "years" comes after the demo's site in the list, of which the room takes the first
        events = await fill(urls[0], CONTACTS, "years", 365, project=True, stream=urls[1])
        print(f"{CONTACTS} contacts, {events} events written and folded in {time.monotonic() - began:.0f} s")
        room = Room(stack)
        load = await Load(stack.base, stack.sip_port).open()
        await room.prepare(load)
        await room.died("core")  # somebody else wrote for that site: core reads it once, and keeps a snapshot
        began = time.monotonic()
        await room.well(3600)
        print(f"core without a snapshot of that site is well after {time.monotonic() - began:.0f} s")
        await asyncio.sleep(15.0)
        await full_room(room, load, 5.0)
        figure("K4", f"the same with {CONTACTS} closed contacts in the ledger")
        await load.close()  # the projections have years to fold still; nobody asks them
    finally:
        await asyncio.to_thread(stack.stop)

"""Live documents: snapshot, changes, resume, one desk per agent, the end of sessions (reliability W4, N4, N6, K5)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.web.world import FakeCore, World, decoded
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class Page:
    """A desk page's live connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @classmethod
    async def open(cls, world: World, token: str, topics: dict[str, Any], **more: Any) -> Page:
        url = f"ws://127.0.0.1:{world.port}/api/v1/live"
        page = cls(await connect(url, subprotocols=["yitong.live.v1"], **more))  # type: ignore[list-item]
        await page.say({"type": "hello", "token": token, "topics": topics})
        return page

    async def say(self, message: Any) -> None:
        import msgspec

        await self.socket.send(msgspec.json.encode(message).decode())

    async def hear(self, kind: str, seconds: float = 6.0) -> dict[str, Any]:
        """The next message of a type; others are passed over."""
        async with asyncio.timeout(seconds):
            while True:
                message: dict[str, Any] = decoded(await self.socket.recv())
                if message["type"] == kind:
                    return message

    async def close(self) -> None:
        await self.socket.close()


async def test_a_page_gets_a_snapshot_and_then_every_change_in_order(world: World, core: FakeCore) -> None:
    token, agent = await world.token("1001"), world.mine.people["1001"].agent
    core.data[f"desk.{agent}"] = {"agent": {"id": agent}}
    page = await Page.open(world, token, {"desk": None})
    first = await page.hear("snapshot")
    assert first == {"type": "snapshot", "topic": "desk", "epoch": 1, "seq": 0, "data": {"agent": {"id": agent}}}
    for number in range(1, 4):
        await core.tell(f"desk.{agent}", ("set", ["today"], number))
    changes = [await page.hear("change") for _ in range(3)]
    assert [change["seq"] for change in changes] == [1, 2, 3]
    assert changes[2]["changes"] == [["set", ["today"], 3]]
    assert page.socket.subprotocol == "yitong.live.v1"
    await page.close()


async def test_a_page_resumes_with_what_it_missed_or_gets_a_snapshot(world: World, core: FakeCore) -> None:
    token = await world.token("1100")
    watcher = await Page.open(world, token, {"board": None})
    await watcher.hear("snapshot")
    for number in range(3):
        await core.tell("board", ("set", ["day"], number))
        await watcher.hear("change")
    again = await Page.open(world, token, {"board": {"epoch": 1, "seq": 1}})
    assert (await again.hear("change"))["seq"] == 2
    assert (await again.hear("change"))["seq"] == 3
    other_epoch = await Page.open(world, token, {"board": {"epoch": 7, "seq": 1}})
    assert (await other_epoch.hear("snapshot"))["seq"] == 3
    for page in (watcher, again, other_epoch):
        await page.close()


async def test_a_lost_change_is_noticed_and_healed_by_a_snapshot(world: World, core: FakeCore) -> None:
    page = await Page.open(world, await world.token("1100"), {"board": None})
    await page.hear("snapshot")
    await core.tell("board", ("set", ["day"], 1))
    assert (await page.hear("change"))["seq"] == 1
    await core.tell("board", ("set", ["day"], 4), skip=2)
    healed = await page.hear("snapshot")
    assert healed["seq"] == 4
    assert healed["data"]["day"] == 4
    await page.close()


async def test_a_new_owner_gives_a_new_snapshot(world: World, core: FakeCore) -> None:
    page = await Page.open(world, await world.token("1100"), {"board": None})
    await page.hear("snapshot")
    core.epoch, core.seq["board"] = 2, 0
    await core.tell("board", ("set", ["day"], 9))
    snapshot = await page.hear("snapshot")
    assert (snapshot["epoch"], snapshot["data"]["day"]) == (2, 9)
    await page.close()


@pytest.mark.case("N4")
async def test_the_newest_desk_of_an_agent_is_the_only_one(world: World, core: FakeCore) -> None:
    agent = world.mine.people["1001"].agent
    first = await Page.open(world, await world.token("1001"), {"desk": None})
    await first.hear("snapshot")
    second = await Page.open(world, await world.token("1001"), {"desk": None})
    await second.hear("snapshot")
    await first.hear("taken_over")
    await core.tell(f"desk.{agent}", ("set", ["x"], 1))
    await second.hear("change")
    with pytest.raises(TimeoutError):
        await first.hear("change", 0.3)
    await first.say({"type": "hello", "token": await world.token("1001"), "topics": {"desk": None}})
    await second.hear("taken_over")
    await first.hear("snapshot")
    await first.close()
    await second.close()


@pytest.mark.case("W4")
@pytest.mark.parametrize("how", ["sign_out", "password", "disabling"])
async def test_a_live_connection_ends_with_its_session_within_five_seconds(world: World, core: FakeCore, how: str) -> None:
    who = await world.headers("1001")
    page = await Page.open(world, who["Authorization"].removeprefix("Bearer "), {"desk": None})
    await page.hear("snapshot")
    if how == "sign_out":
        await world.ask("DELETE", "/sessions/current", who)
    elif how == "password":
        answer = await world.ask("POST", "/sessions/current/password", who, json={"old": "correct horse", "new": "another horse"})
        assert answer.status_code == 204, answer.text
    else:
        async with world.database.transaction() as connection:
            from sqlalchemy import text

            await connection.execute(text("update users set active = false where username = '1001'"))
    await page.hear("ended", 5.0)
    with pytest.raises(ConnectionClosed):
        await page.socket.recv()
    assert (await world.ask("GET", "/me", who)).status_code == 401


@pytest.mark.case("W1")
async def test_nobody_watches_what_is_not_his(world: World, core: FakeCore) -> None:
    agent = await Page.open(world, await world.token("1001"), {"board": None, "desk.other": None, "nonsense": None})
    refused = [await agent.hear("refused") for _ in range(3)]
    assert {one["topic"]: one["code"] for one in refused} == {"board": "forbidden", "desk.other": "not_found", "nonsense": "not_found"}
    admin = await Page.open(world, await world.token("admin"), {"desk": None})
    assert (await admin.hear("refused"))["code"] == "no_agent"
    assert core.asked == []
    await agent.close()
    await admin.close()


async def test_a_stranger_and_a_page_of_another_site_do_not_get_in(world: World) -> None:
    stranger = await Page.open(world, "made up", {"board": None})
    assert (await stranger.hear("ended"))["reason"] == "not_signed_in"
    with pytest.raises(Exception, match="403"):
        await Page.open(world, "x", {}, origin="https://evil.example")


async def test_pings_are_answered_and_nonsense_ends_the_connection(world: World, core: FakeCore) -> None:
    page = await Page.open(world, await world.token("1001"), {})
    await page.say({"type": "ping"})
    assert (await page.hear("pong"))["now"] > 1_700_000_000_000_000
    await page.say({"type": "dance"})
    with pytest.raises(ConnectionClosed):
        await page.hear("never")


async def test_pages_are_told_that_core_is_away_and_get_a_snapshot_when_it_is_back(world: World, core: FakeCore, nats: Any) -> None:
    page = await Page.open(world, await world.token("1100"), {"board": None})
    await page.hear("snapshot")
    await core.close()
    assert (await page.hear("stale", 8.0))["stale"] is True
    await core.open()
    assert (await page.hear("stale", 8.0))["stale"] is False
    await page.hear("snapshot")
    await page.close()


async def test_a_page_that_does_not_read_costs_no_memory_and_gets_a_snapshot_later(world: World, core: FakeCore) -> None:
    page = await Page.open(world, await world.token("1100"), {"board": None}, max_queue=1)
    await page.hear("snapshot")
    for number in range(2_500):
        await core.tell("board", ("set", ["text"], f"{number}" + "x" * 4_000))
    await core.nats.flush()
    async with asyncio.timeout(20):
        while True:
            message = decoded(await page.socket.recv())
            if message["seq"] == 2_500:
                break
    await page.close()

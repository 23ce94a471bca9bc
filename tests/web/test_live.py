"""Live documents of the real core: snapshot, changes, resume, one desk per agent, the end of sessions (reliability W4, N4, N6, K5)."""

from __future__ import annotations

import socket
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from tests.web.centre import Centre
from tests.web.page import Page
from tests.web.world import World
from websockets.exceptions import ConnectionClosed

from yitong.contact.client import Core as Client
from yitong.domains.acd.messages import WrapUp
from yitong.web.live import door, hub
from yitong.web.live import socket as live_socket
from yitong.web.live.feed import Feed


async def become(world: World, who: dict[str, str], state: str, reason: str = "") -> None:
    answer = await world.ask("PUT", "/me/state", who, json={"state": state, "reason": reason})
    assert answer.status_code == 204, answer.text


def duty(document: Any) -> tuple[str, Any]:
    """What a desk says of its agent."""
    said = document["agent"]["duty"]
    return said["state"], said["reason"]


async def test_a_page_gets_a_snapshot_and_then_every_change_in_order(world: World, centre: Centre) -> None:
    who, agent = await world.headers("1001"), world.mine.people["1001"].agent
    page = await Page.open(world, who["Authorization"], {"desk": None})
    first = await page.hear("snapshot")
    assert (first["topic"], first["epoch"]) == ("desk", centre.host().engine.epoch)
    assert first["data"]["agent"]["id"] == agent
    heard: list[dict[str, Any]] = []
    for reason in ("coffee", "training", "lunch"):
        await become(world, who, "not_ready", reason)
        heard += await page.shows("desk", lambda desk, reason=reason: duty(desk) == ("not_ready", reason))  # type: ignore[misc]
    heard = [one for one in heard if one["type"] != "stale"]  # a notice that core was silent for a moment may be among them
    assert [change["seq"] for change in heard] == list(range(first["seq"] + 1, first["seq"] + 1 + len(heard)))
    assert {change["type"] for change in heard} == {"change"}
    _, assignment = await centre.talking("1001")
    await page.shows("desk", lambda desk: [one["state"] for one in desk["assignments"].values()] == ["active"])
    assert page.documents["desk"]["assignments"].keys() == {assignment}
    await page.equals_core(centre, "desk", f"desk.{agent}")
    assert page.socket.subprotocol == "yitong.live.v1"
    await page.close()


async def test_a_page_resumes_with_what_it_missed_or_gets_a_snapshot(world: World, centre: Centre) -> None:
    agent, key, token = await world.headers("1001"), world.mine.people["1001"].agent, await world.token("1100")
    watcher = await Page.open(world, token, {"board": None})
    first = await watcher.hear("snapshot")
    heard: list[dict[str, Any]] = []
    for reason in ("coffee", "training", "coffee"):
        await become(world, agent, "not_ready", reason)
        heard += await watcher.shows("board", lambda board, reason=reason: reason in str(board["agents"][key]["reason"]))  # type: ignore[misc]
    assert [change["seq"] for change in heard] == list(range(first["seq"] + 1, heard[-1]["seq"] + 1))
    held, place = first["data"], {"epoch": first["epoch"], "seq": first["seq"]}
    again = await Page.open(world, token, {"board": place}, held={"board": held})
    assert [(await again.hear("change"))["seq"] for _ in heard] == [change["seq"] for change in heard]
    await again.equals_core(centre, "board")
    other_epoch = await Page.open(world, token, {"board": {"epoch": place["epoch"] + 7, "seq": 1}})
    assert (await other_epoch.hear("snapshot"))["seq"] == heard[-1]["seq"]
    for page in (watcher, again, other_epoch):
        await page.close()


@pytest.mark.case("K5")
async def test_a_new_owner_gives_a_new_snapshot(world: World, centre: Centre) -> None:
    """However soon it is there: nobody need notice that core was away."""
    who, agent = await centre.ready("1001"), world.mine.people["1001"].agent
    board, desk = (
        await Page.open(world, await world.token("1100"), {"board": None}),
        await Page.open(world, who["Authorization"], {"desk": None}),
    )
    for page in (board, desk):
        await page.hear("snapshot")
    before = centre.host().engine.epoch
    await centre.stop("core")
    await centre.start_core()
    for page in (board, desk):
        assert (await page.hear("snapshot"))["epoch"] == centre.host().engine.epoch > before
    await become(world, who, "not_ready", "lunch")
    await desk.shows("desk", lambda document: duty(document) == ("not_ready", "lunch"))
    await desk.equals_core(centre, "desk", f"desk.{agent}")
    await board.equals_core(centre, "board")
    for page in (board, desk):
        await page.close()


@pytest.mark.case("N4")
async def test_the_newest_desk_of_an_agent_is_the_only_one(world: World, centre: Centre) -> None:
    who = await world.headers("1001")
    first = await Page.open(world, await world.token("1001"), {"desk": None})
    await first.hear("snapshot")
    second = await Page.open(world, await world.token("1001"), {"desk": None})
    await second.hear("snapshot")
    await first.hear("taken_over")
    await become(world, who, "not_ready", "lunch")
    await second.hear("change")
    with pytest.raises(TimeoutError):
        await first.hear("change", 0.3)
    await first.say({"type": "hello", "token": await world.token("1001"), "topics": {"desk": None}})
    await second.hear("taken_over")
    assert duty((await first.hear("snapshot"))["data"]) == ("not_ready", "lunch")
    await first.close()
    await second.close()


@pytest.mark.case("W4")
@pytest.mark.parametrize("how", ["sign_out", "password", "disabling"])
async def test_a_live_connection_ends_with_its_session_within_five_seconds(world: World, centre: Centre, how: str) -> None:
    who = await world.headers("1001")
    page = await Page.open(world, who["Authorization"], {"desk": None})
    await page.hear("snapshot")
    if how == "sign_out":
        await world.ask("DELETE", "/sessions/current", who)
    elif how == "password":
        answer = await world.ask("POST", "/sessions/current/password", who, json={"old": "correct horse", "new": "another horse"})
        assert answer.status_code == 204, answer.text
    else:
        async with world.database.transaction() as connection:
            await connection.execute(text("update users set active = false where username = '1001'"))
    await page.hear("ended", 5.0)
    with pytest.raises(ConnectionClosed):
        await page.socket.recv()
    assert (await world.ask("GET", "/me", who)).status_code == 401


@pytest.mark.case("W1")
async def test_nobody_watches_what_is_not_his(world: World, centre: Centre) -> None:
    await centre.talking("1001", "other")
    foreign = world.other.people["1001"].agent
    topics = {"board": None, "desk.other": None, f"desk.{foreign}": None, "nonsense": None}
    agent = await Page.open(world, await world.token("1001"), topics)
    refused = [await agent.hear("refused") for _ in topics]
    assert {one["topic"]: one["code"] for one in refused} == {topic: "forbidden" if topic == "board" else "not_found" for topic in topics}
    admin = await Page.open(world, await world.token("admin"), {"desk": None})
    assert (await admin.hear("refused"))["code"] == "no_agent"
    for page in (agent, admin):
        await page.say({"type": "ping"})
        await page.hear("pong")
        assert page.documents == {}
        await page.close()


@pytest.mark.case("W1")
async def test_boards_and_desks_show_nothing_of_another_tenant(world: World, centre: Centre) -> None:
    """While the other tenant's agents talk and its callers wait, before and after the pages were opened."""
    await centre.talking("1001", "other")
    board = await Page.open(world, await world.token("1100"), {"board": None})
    desk = await Page.open(world, await world.token("1001"), {"desk": None})
    said = [await board.hear("snapshot"), await desk.hear("snapshot")]
    theirs = await Page.open(world, await world.token("1100", "other"), {"board": None})
    await theirs.hear("snapshot")
    await centre.offered("1002", "other")
    await centre.call("other")
    await theirs.shows("board", lambda document: sum(queue["waiting"] for queue in document["queues"].values()) == 2)
    await become(world, await world.headers("1002"), "not_ready", "coffee")
    said += await board.shows("board", lambda document: "coffee" in str(document["agents"]))
    told = str(said)
    contacts = [str(contact) for contact in centre.host("other").partition.registry]
    assert len(contacts) == 3
    for secret in (world.other.ids["queue"], *(person.agent for person in world.other.people.values() if person.agent), *contacts):
        assert secret not in told
    assert [queue["waiting"] for queue in board.documents["board"]["queues"].values()] == [0]
    for page in (board, desk, theirs):
        await page.close()


async def test_a_stranger_and_a_page_of_another_site_do_not_get_in(world: World) -> None:
    stranger = await Page.open(world, "made up", {"board": None})
    assert (await stranger.hear("ended"))["reason"] == "not_signed_in"
    with pytest.raises(Exception, match="403"):
        await Page.open(world, "x", {}, origin="https://evil.example")


async def test_pings_are_answered_and_nonsense_ends_the_connection(world: World) -> None:
    page = await Page.open(world, await world.token("1001"), {})
    await page.say({"type": "ping"})
    assert (await page.hear("pong"))["now"] > 1_700_000_000_000_000
    await page.say({"type": "dance"})
    with pytest.raises(ConnectionClosed):
        await page.hear("never")


@pytest.mark.case("K5")
async def test_pages_are_told_that_core_is_away_and_get_a_snapshot_when_it_is_back(world: World, centre: Centre) -> None:
    page = await Page.open(world, await world.token("1100"), {"board": None})
    await page.hear("snapshot")
    await centre.stop("core")
    assert (await page.hear("stale", 8.0))["stale"] is True
    await centre.start_core()
    assert (await page.hear("stale", 8.0))["stale"] is False
    await page.hear("snapshot")
    await page.equals_core(centre, "board")
    await page.close()


async def test_a_page_that_does_not_read_costs_no_memory_and_gets_a_snapshot_later(
    world: World, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent types long notes while his page reads nothing: more changes than are kept, more bytes than the way there holds."""
    kept = 200
    monkeypatch.setattr(hub, "Feed", partial(Feed, kept))
    # Neither side gives up on the other however long the notes take: the answers to pings wait behind what is not read.
    monkeypatch.setattr(door, "SILENCE_SECONDS", 300.0)
    monkeypatch.setattr(live_socket, "SEND_SECONDS", 300.0)
    world.server.config.ws_ping_timeout = 300.0
    who, assignment = await centre.talking("1001")
    agent, client = world.mine.people["1001"].agent, Client(world.nats)
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect(("127.0.0.1", world.port))
    small.setblocking(False)
    page = await Page.open(world, who["Authorization"], {"desk": None}, sock=small, max_queue=1, ping_interval=None)
    first = await page.hear("snapshot")
    for number in range(kept + 200):
        note = f"{number} " + "x" * 4_000
        await client.obey(world.mine.id, world.mine.site, WrapUp(agent=agent, assignment=assignment, note=note, draft=True))
        await client.document(world.mine.id, world.mine.site, f"desk.{agent}")
    heard = await page.shows("desk", lambda desk: note in str(desk["assignments"]))
    assert [one["type"] for one in heard].count("snapshot") == 1
    assert len(heard) < page.places["desk"][1] - first["seq"] - kept // 2
    await page.equals_core(centre, "desk", f"desk.{agent}")
    await page.close()

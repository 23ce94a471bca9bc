"""Conference rooms as configuration, and conferences at the desk: rights, sealed PINs, acts, audit log, live document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from tests.web.centre import Centre
from tests.web.page import Page
from tests.web.world import NAME, World

from yitong.sim.switch import Behaviour

ROOM = {"code": "club", "name": NAME, "number": "8003", "host_pin": "246810", "member_pin": "1357", "wait_for_host": False}


async def test_a_pin_is_written_and_never_read(world: World) -> None:
    """Not in an answer, a history, an audit entry or a table; null leaves it as it is, empty takes the members' away."""
    who = await world.headers("admin")
    made = await world.ask("POST", "/config/conference_rooms", who, json=ROOM | {"site": world.mine.site})
    assert made.status_code == 201, made.text
    path = f"/config/conference_rooms/{made.json()['id']}"
    changed = await world.ask("PUT", path, who, headers={"If-Match": '"1"'}, json=ROOM | {"site": world.mine.site, "member_pin": "97531"})
    assert changed.status_code == 200
    same = {name: value for name, value in ROOM.items() if not name.endswith("_pin")} | {"site": world.mine.site, "size": 30}
    assert (await world.ask("PUT", path, who, headers={"If-Match": '"2"'}, json=same)).status_code == 200
    for seen in (made, changed, await world.ask("GET", path, who), await world.ask("GET", f"{path}/history", who),
                 await world.ask("GET", "/config/audit", who)):  # fmt: skip
        assert not any(pin in seen.text for pin in ("246810", '1357"', "97531", "pbkdf2")), seen.text
    async with world.database.transaction() as connection:
        rows = await connection.execute(text("select host_pin, member_pin from conference_rooms where code = 'club'"))
        ((host, member),) = list(rows)
    assert host.startswith("pbkdf2-sha256$")
    assert member.startswith("pbkdf2-sha256$")
    assert host != member


async def test_what_is_no_room_is_refused_in_words(world: World) -> None:
    who = await world.headers("admin")
    for wrong in ({"host_pin": "1357"}, {"host_pin": "135700", "member_pin": "135700"}, {"size": 1}, {"number": "x"}, {"enters": "host"}):
        answer = await world.ask("POST", "/config/conference_rooms", who, json=ROOM | {"site": world.mine.site} | wrong)
        assert answer.status_code == 422, wrong
        assert "135700" not in answer.text
    taken = await world.ask("POST", "/config/conference_rooms", who, json=ROOM | {"site": world.mine.site, "number": "8001"})
    assert taken.status_code == 409


async def test_a_desk_hosts_a_conference(world: World, centre: Centre) -> None:
    """An agent calls himself in, then a colleague; what he does is in the audit log, and the live document shows it."""
    who, room = await centre.ready("1001"), world.mine.ids["conference_room"]
    await centre.ready("1002")
    for number in ("1001", "1002"):
        centre.switch().devices[f"{world.mine.id}/phone/{number}"].usual = Behaviour(answer_after=0.1)
    page = await Page.open(world, who["Authorization"], {"conferences": None})
    called: dict[str, Any] = {}
    for number, host in (("1001", True), ("1002", False)):
        body = {"agent": world.mine.people[number].agent, "host": host}
        answer = await world.ask("POST", f"/conference_rooms/{room}/calls", who, json=body)
        assert answer.status_code == 201, answer.text
        called[number] = answer.json()["member"]

    async def shows(condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        await page.shows("conferences", lambda document: condition(document["rooms"][room]))
        shown: dict[str, Any] = page.documents["conferences"]["rooms"][room]
        return shown

    shown = await shows(lambda seen: [one["state"] for one in seen["members"].values()] == ["in", "in"])
    conference = shown["conference"]
    colleague: dict[str, Any] = {"member": called["1002"]}
    for verb, path, given, condition in (
        ("PUT", "mute", {"on": True}, lambda seen: seen["muted_all"]),
        ("PUT", "lock", {"on": True}, lambda seen: seen["locked"]),
        ("PUT", "mute", colleague | {"on": True}, lambda seen: seen["members"][called["1002"]]["muted"]),
        ("PUT", "speaking", colleague | {"on": False}, lambda seen: not seen["members"][called["1002"]]["speaking"]),
        ("PUT", "recording", {"on": True}, lambda seen: seen["recording"]),
        ("POST", "remove", colleague, lambda seen: called["1002"] not in seen["members"]),
    ):
        answer = await world.ask(verb, f"/conferences/{conference}/{path}", who, json=given)
        assert answer.status_code == 204, answer.text
        await shows(condition)
    answer = await world.ask("POST", f"/conferences/{conference}/grant", who, json={"member": called["1001"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    (listed,) = (await world.ask("GET", "/conferences", who)).json()["items"]
    assert [one["number"] for one in listed["members"]] == ["1001"]
    assert (await world.ask("POST", f"/conferences/{conference}/end", who)).status_code == 204
    await shows(lambda seen: seen["conference"] is None)
    entries = (await world.ask("GET", "/config/audit", await world.headers("admin"), params={"limit": 50})).json()["items"]
    await heard_by_who_was_there(world, centre, conference)
    told = [entry["action"].removeprefix("conference.") for entry in entries if entry["action"].startswith("conference.")]
    assert told == ["ended", "listed", "granted", "removed", "recorded", "speaking", "muted", "locked", "muted", "called", "called"]
    await page.close()


async def heard_by_who_was_there(world: World, centre: Centre, conference: str) -> None:
    """Its recording belongs to it, for nobody called: agents who were there and their supervisor find it with its room, nobody else."""
    await centre.start_worker()
    path = f"/conference_rooms/{world.mine.ids['conference_room']}/recordings"
    who, found = await world.headers("1001"), list[dict[str, Any]]()
    async with asyncio.timeout(30):
        while not found:
            await asyncio.sleep(0.1)
            found = (await world.ask("GET", path, who)).json()["items"]
    assert [(one["conference"], one["contact"], one["complete"]) for one in found] == [(conference, None, True)]
    recording = f"/recordings/{found[0]['id']}"
    for person in ("1001", "1002", "1200", "admin", "1100 other"):
        them, hears = await world.headers(*person.split()), person != "1100 other"
        answer = await world.ask("GET", path, them)
        assert len(answer.json()["items"]) == 1 if hears else answer.status_code == 404, person
        answer = await world.ask("GET", recording, them)
        assert answer.json()["code"] == ("recording_missing" if hears else "not_found"), answer.text  # the simulated switch writes no file
    async with world.database.transaction() as connection:
        await connection.execute(text("delete from conference_agents where agent_id <> :id"), {"id": world.mine.people["1001"].agent})
    them = await world.headers("1002")
    assert ((await world.ask("GET", path, them)).json()["items"], (await world.ask("GET", recording, them)).status_code) == ([], 404)
    async with world.database.transaction() as connection:
        rows = await connection.execute(text("select count(*) from audit where action = 'conference.recordings_listed'"))
        assert rows.scalar() == 5


async def test_who_may_not_host_sees_nothing(world: World, centre: Centre) -> None:
    for who in ("admin", "nobody"):
        answer = await world.ask("GET", "/conferences", await world.headers(who))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")

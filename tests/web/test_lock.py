"""A desk behind a lock: nothing is shown or done until a password, or a supervisor, unlocks it (H59, H60)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from tests.web.centre import Centre, until
from tests.web.world import PASSWORD, World


async def status(world: World, who: dict[str, str], method: str, path: str, **body: Any) -> tuple[int, str]:
    answer = await world.ask(method, path, who, **({"json": body} if body else {}))
    return answer.status_code, answer.json().get("code", "") if answer.content and answer.status_code >= 400 else ""


LOCKED = (423, "desk_locked")


@pytest.mark.parametrize("password", ["", "for now"])
async def test_a_locked_desk_shows_and_does_nothing_until_it_is_unlocked(world: World, centre: Centre, password: str) -> None:
    who = await centre.ready("1001")
    agent = centre.agent("1001")
    assert await status(world, who, "POST", "/me/lock", reason="nothing") == (422, "unknown_reason")
    assert await status(world, who, "POST", "/me/lock", password=password) == (204, "")
    assert (agent.duty, agent.locked) == ("not_ready", True)
    assert (await world.ask("GET", "/me", who)).json()["locked"] is True
    for method, path in (("GET", "/contacts"), ("GET", "/queues"), ("GET", "/me/colleagues"), ("POST", "/me/phone")):
        assert await status(world, who, method, path) == LOCKED, path
    assert await status(world, who, "PUT", "/me/state", state="ready") == LOCKED
    assert await status(world, who, "POST", "/me/unlock", password="wrong") == (403, "wrong_unlock")
    other = await world.headers("1001")
    assert (await world.ask("GET", "/me", other)).json()["locked"] is False, "another session of his was opened with the password"
    assert await status(world, who, "POST", "/me/unlock", password=password or PASSWORD) == (204, "")
    assert (agent.duty, agent.locked) == ("not_ready", False)
    assert await status(world, who, "PUT", "/me/state", state="ready") == (204, "")
    told = [one.payload for one in await centre.facts("acd.desk_locked")]
    assert told == [{"on": True, "by": "agent"}, {"on": False, "by": "agent"}]


async def test_wrong_passwords_slow_the_next_try_as_at_the_door(world: World, centre: Centre) -> None:
    who = await centre.ready("1001")
    assert await status(world, who, "POST", "/me/lock", reason="") == (204, "")
    told = [await status(world, who, "POST", "/me/unlock", password=f"wrong{number}") for number in range(7)]
    assert told[:5] == [(403, "wrong_unlock")] * 5
    assert told[-1] == (429, "too_many_attempts")
    assert await status(world, who, "POST", "/me/unlock", password=PASSWORD) == (429, "too_many_attempts")


async def test_a_supervisor_unlocks_and_cannot_make_a_locked_desk_ready(world: World, centre: Centre) -> None:
    who, supervisor = await centre.ready("1001"), await world.headers("1100")
    agent = centre.agent("1001")
    assert await status(world, who, "POST", "/me/lock", reason="") == (204, "")
    assert await status(world, supervisor, "PUT", f"/agents/{agent.id}/state", state="ready") == (409, "wrong_state")
    board = (await world.ask("GET", "/agents", supervisor)).json()["items"]
    assert next(one["locked"] for one in board if one["extension"] == "1001") is True
    foreign = world.other.people["1001"].agent
    assert (await status(world, supervisor, "POST", f"/agents/{foreign}/unlock"))[0] == 404
    assert await status(world, supervisor, "POST", f"/agents/{agent.id}/unlock") == (204, "")
    assert (await world.ask("GET", "/me", who)).json()["locked"] is False
    assert not agent.locked
    async with world.database.transaction() as connection:
        rows = await connection.execute(text("select action from audit where action like 'desk.%' order by number"))
        assert [row[0] for row in rows] == ["desk.locked", "desk.unlocked"]


async def test_nobody_locks_his_desk_with_a_contact(world: World, centre: Centre) -> None:
    who, talk = await centre.talking("1001")
    assert await status(world, who, "POST", "/me/lock", reason="") == (409, "wrong_state")
    assert await status(world, who, "POST", f"/me/assignments/{talk}/hang_up") == (204, "")
    await until(lambda: centre.assignments("1001")[0].state == "wrapping_up")
    assert await status(world, who, "POST", "/me/lock", reason="") == (409, "wrong_state")

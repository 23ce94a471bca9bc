"""Whom an agent may ask or give a contact to: the colleagues of the site as they stand."""

from __future__ import annotations

from typing import Any

from tests.web.centre import Centre, until
from tests.web.world import World

SHOWN = {"id", "extension", "name", "team", "state", "since", "reachable"}


async def test_an_agent_sees_how_his_colleagues_stand_and_nothing_of_their_work(world: World, centre: Centre) -> None:
    who, other = await world.headers("1001"), await centre.ready("1002")

    async def seen() -> tuple[str, bool]:
        items: list[dict[str, Any]] = (await world.ask("GET", "/me/colleagues", who)).json()["items"]
        assert all(set(one) == SHOWN for one in items)
        assert world.mine.people["1001"].agent not in {one["id"] for one in items}
        return next((one["state"], one["reachable"]) for one in items if one["extension"] == "1002")

    assert await seen() == ("ready", True)
    await centre.call()
    await until(lambda: centre.assignments("1002"))
    assert await seen() == ("busy", True)
    await centre.answer("1002")
    (talk,) = centre.assignments("1002")
    assert (await world.ask("POST", f"/me/assignments/{talk.id}/hang_up", other)).status_code == 204
    await until(lambda: talk.state == "wrapping_up")
    assert await seen() == ("working_after_call", True)
    assert (await world.ask("PUT", "/me/state", other, json={"state": "logged_off"})).status_code == 204
    assert await seen() == ("logged_off", True)


async def test_who_takes_no_calls_has_no_colleagues(world: World, centre: Centre) -> None:
    answer = await world.ask("GET", "/me/colleagues", await world.headers("nobody"))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")

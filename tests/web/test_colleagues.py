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


async def test_people_of_another_site_are_among_them_by_their_number(world: World, centre: Centre) -> None:
    """As the links there name them; nobody here knows how they stand."""
    admin, who = await world.headers("admin"), await world.headers("1001")
    body = {
        "code": "north", "name": {"en": "North"}, "site": world.mine.site, "host": "north.example", "transport": "tls", "username": "link",
        "password": "secret-0815", "link": True, "distant": [{"number": "2001", "name": "Wang Fang"}, {"number": "20XX"}],
    }  # fmt: skip
    made = await world.ask("POST", "/config/trunks", admin, json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["link"], made.json()["distant"][1]) == (True, {"number": "20XX", "name": ""})
    items = (await world.ask("GET", "/me/colleagues", who)).json()["items"]
    (there,) = [one for one in items if one["state"] == "distant"]
    assert set(there) == SHOWN
    assert (there["extension"], there["name"], there["team"], there["reachable"]) == ("2001", "Wang Fang", {"en": "North"}, True)

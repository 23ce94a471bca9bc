"""Lists of configuration page by page: whole, in order, and steady while they change."""

from __future__ import annotations

import uuid
from typing import Any

from tests.web.world import NAME, World

from yitong.kit.http import to_cursor


async def walked(world: World, who: dict[str, str], path: str, limit: int) -> list[dict[str, Any]]:
    """A whole list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await world.ask("GET", path, who, params={"limit": limit, "cursor": cursor})).json()
        assert len(page["items"]) == limit or (page["next"] is None and len(page["items"]) < limit)
        items += page["items"]
        cursor = page["next"]
    return items


async def test_every_list_of_configuration_comes_in_pages(world: World) -> None:
    who, schema = await world.headers("admin"), (await world.client.get("/api/v1/openapi.json")).json()
    for number in range(5):
        made = await world.ask("POST", "/config/skills", who, json={"code": f"s{number}", "name": NAME})
        assert made.status_code == 201
    lists = [path.removeprefix("/api/v1") for path, methods in schema["paths"].items() if path.count("/") == 4 and "post" in methods]
    lists = [path for path in lists if path.startswith("/config/")]
    assert len(lists) == 22
    for path in lists:
        whole = (await world.ask("GET", path, who, params={"limit": 200})).json()
        assert whole["items"], path
        assert whole["next"] is None, path
        for limit in (1, 2, len(whole["items"])):
            assert await walked(world, who, path, limit) == whole["items"], path
    codes = [skill["code"] for skill in await walked(world, who, "/config/skills", 2)]
    assert codes == sorted(codes) == ["gas", "s0", "s1", "s2", "s3", "s4"]


async def test_a_list_that_changes_meanwhile_repeats_and_skips_nothing(world: World) -> None:
    who = await world.headers("admin")
    made = {code: await world.ask("POST", "/config/reasons", who, json={"code": code, "name": NAME}) for code in ("a", "b", "d", "e")}
    first = (await world.ask("GET", "/config/reasons", who, params={"limit": 2})).json()
    assert [one["code"] for one in first["items"]] == ["a", "b"]
    gone = f"/config/reasons/{made['b'].json()['id']}"
    assert (await world.ask("DELETE", gone, who, headers={"If-Match": '"1"'})).status_code == 204
    for code in ("aa", "c"):
        await world.ask("POST", "/config/reasons", who, json={"code": code, "name": NAME})
    rest = (await world.ask("GET", "/config/reasons", who, params={"cursor": first["next"]})).json()
    assert [one["code"] for one in rest["items"]] == ["c", "coffee", "d", "e", "lunch", "training"]


async def test_a_history_comes_in_pages_with_the_same_values(world: World) -> None:
    who = await world.headers("admin")
    thing = (await world.ask("POST", "/config/skills", who, json={"code": "v1", "name": NAME})).json()
    url = f"/config/skills/{thing['id']}"
    for version in range(1, 6):
        body = {"code": f"v{version + 1}", "name": NAME}
        assert (await world.ask("PUT", url, who, json=body, headers={"If-Match": f'"{version}"'})).status_code == 200
    for gone in (False, True):
        if gone:
            assert (await world.ask("DELETE", url, who, headers={"If-Match": '"6"'})).status_code == 204
        whole = (await world.ask("GET", f"{url}/history", who)).json()
        codes = [one["value"] and one["value"]["code"] for one in whole["items"]]
        assert codes == [*([None] if gone else []), "v6", "v5", "v4", "v3", "v2", "v1"]
        for limit in (1, 2, 3, 6, 7):
            assert await walked(world, who, f"{url}/history", limit) == whole["items"]


WRONG = ("x", "W10", to_cursor("a", "b"), to_cursor("a\x00", str(uuid.UUID(int=1))), to_cursor(2**40), to_cursor(-1), "%00", "x" * 200)


async def test_a_cursor_that_is_none_of_ours_is_refused(world: World) -> None:
    who = await world.headers("admin")
    history = f"/config/skills/{world.mine.ids['skill']}/history"
    for cursor in WRONG:
        for path in ("/config/skills", "/config/users", "/config/prompts", "/config/numbers", history):
            answer = await world.ask("GET", path, who, params={"cursor": cursor})
            assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid"), (cursor, path, answer.text)

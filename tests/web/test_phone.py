"""Telephones in pages: credentials for the desk and for guests."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib

import pytest
from nats.js.errors import KeyNotFoundError, NoKeysError
from tests.web.centre import Centre
from tests.web.world import World, decoded


async def credential(world: World, key: str) -> dict[str, object] | None:
    entry = await (await world.nats.bucket("credentials")).get(key)
    return None if entry is None or not entry.value else decoded(entry.value)


@pytest.mark.case("W4")
async def test_an_agents_page_gets_a_credential_that_ends_with_the_session(world: World) -> None:
    who = await world.headers("1001")
    unread = await world.ask("POST", "/me/phone", who)
    assert (unread.status_code, unread.json()["code"]) == (503, "bus_unavailable")
    await world.configured()
    phone = (await world.ask("POST", "/me/phone", who)).json()
    assert phone["url"] == "ws://127.0.0.1:8089"
    assert phone["uri"] == f"sip:{phone['username']}@mine.invalid"
    bucket = await world.nats.js.key_value("credentials")
    keys = [key for key in await bucket.keys() if key.startswith(f"{world.mine.id}.page.")]
    told = {key: await credential(world, key) for key in keys}
    key, mine = next((key, value) for key, value in told.items() if value and value["username"] == phone["username"])
    assert mine["kind"] == "page"
    assert mine["agent"] == world.mine.people["1001"].agent
    assert mine["device"] == f"{world.mine.id}/page/1001"
    assert mine["ha1_md5"] == hashlib.md5(f"{phone['username']}:{phone['realm']}:{phone['password']}".encode()).hexdigest()
    assert phone["password"] not in str(mine)
    newer = (await world.ask("POST", "/me/phone", who)).json()
    assert (await credential(world, key) or {})["username"] == newer["username"] != phone["username"]
    await world.ask("DELETE", "/sessions/current", who)
    assert await credential(world, key) is None


@pytest.mark.case("W4")
async def test_a_disabled_agent_has_no_telephone_any_more(world: World, centre: Centre) -> None:
    """Neither his page nor his desk phone: both secrets are gone from what the switch knows, which drops their bindings."""
    await centre.start_worker()
    admin, agent, person = await world.headers("admin"), await world.headers("1001"), world.mine.people["1001"]
    url = f"/config/users/{person.id}"
    user = (await world.ask("GET", url, admin)).json()
    body = {name: user[name] for name in ("username", "name", "language", "roles", "extension", "team", "site", "skills")}
    made = await world.ask("PUT", url, admin, json=body, headers={"If-Match": f'"{user["version"]}"'})
    assert made.json()["sip_secret"], "his desk phone's, told once"
    assert (await world.ask("POST", "/me/phone", agent)).status_code == 201
    assert await secrets_of(world, "config", "account", person.agent, 1) == 1
    assert await secrets_of(world, "credentials", "page", person.agent, 1) == 1
    gone = await world.ask("PUT", url, admin, json=body | {"disabled": True}, headers={"If-Match": f'"{made.json()["version"]}"'})
    assert gone.status_code == 200, gone.text
    assert await secrets_of(world, "credentials", "page", person.agent, 0) == 0
    assert await secrets_of(world, "config", "account", person.agent, 0) == 0


async def secrets_of(world: World, bucket: str, kind: str, agent: str, wanted: int) -> int:
    """How many documents of a kind name this agent; waits up to half a minute until it is ``wanted``."""
    held = await world.nats.js.key_value(bucket)
    end = asyncio.get_running_loop().time() + 30
    while True:
        documents: list[dict[str, object]] = []
        with contextlib.suppress(NoKeysError, KeyNotFoundError):
            for key in await held.keys():
                if key.startswith(f"{world.mine.id}.{kind}."):
                    documents.append(decoded((await held.get(key)).value or b"{}"))
        count = sum(1 for one in documents if one.get("agent") == agent)
        if count == wanted or asyncio.get_running_loop().time() > end:
            return count
        await asyncio.sleep(0.05)


async def test_a_guest_calls_only_published_numbers_and_not_too_often(world: World) -> None:
    refused = await world.ask("POST", "/guest/phone", json={"number": "96900"})
    assert (refused.status_code, refused.json()["code"]) == (404, "number_not_offered")
    admin = await world.headers("admin")
    assert (await world.ask("POST", f"/config/flows/{world.mine.ids['flow']}/publish", admin)).status_code == 200
    await world.configured()
    phone = (await world.ask("POST", "/guest/phone", json={"number": "96900"})).json()
    assert phone["number"] == "96900"
    told = await credential(world, f"{world.mine.id}.page.{phone['username']}") or {}
    assert (told["kind"], told["number"], told["agent"]) == ("guest", "96900", "")
    assert phone["uri"] == f"sip:{phone['username']}@mine.invalid"
    for _ in range(100):  # a slow machine gives back what was taken meanwhile
        refused = await world.ask("POST", "/guest/phone", json={"number": "96900"})
        if refused.status_code == 429:
            break
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


async def test_two_tenants_offer_the_same_number(world: World) -> None:
    for name, made in (("mine", world.mine), ("other", world.other)):
        admin = await world.headers("admin", name)
        assert (await world.ask("POST", f"/config/flows/{made.ids['flow']}/publish", admin)).status_code == 200
    await world.configured()
    for name, made in (("other", world.other), ("mine", world.mine), ("", world.mine)):
        phone = (await world.ask("POST", "/guest/phone", json={"number": "96900", "tenant": name})).json()
        assert phone["uri"].endswith(f"@{name or 'mine'}.invalid")
        assert (await credential(world, f"{made.id}.page.{phone['username']}") or {})["kind"] == "guest"
        shown = (await world.ask("GET", "/public", params={"tenant": name})).json()["numbers"]
        assert [one["number"] for one in shown] == ["96900"]
    assert (await world.ask("GET", "/public", params={"tenant": "nobody"})).json()["numbers"] == []
    refused = await world.ask("POST", "/guest/phone", json={"number": "96900", "tenant": "nobody"})
    assert (refused.status_code, refused.json()["code"]) == (404, "number_not_offered")


async def test_who_takes_no_calls_gets_no_telephone(world: World) -> None:
    assert (await world.ask("POST", "/me/phone", await world.headers("admin"))).status_code == 403
    assert (await world.ask("POST", "/me/phone", await world.headers("1100"))).json()["code"] == "no_agent"

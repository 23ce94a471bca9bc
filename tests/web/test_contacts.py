"""Contacts and recordings: who sees which, the list, the sound (reliability W1, Q2)."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from tests.web.world import NAME, World

from yitong.domains.quality.store import contacts as store


@pytest.mark.case("W1")
async def test_an_agent_sees_his_contacts_a_supervisor_his_teams_an_administrator_all(world: World) -> None:
    mine = world.mine
    for name, agent in (("red", "1001"), ("blue", "1002"), ("gone", "")):
        await world.contact(mine, name, agent)
    await world.contact(mine, "menu only", "", queue=False)
    await world.contact(world.other, "foreign", "1001")
    seen = {
        "1001": {"red"}, "1002": {"blue"}, "1100": {"red", "gone"}, "1200": {"blue", "gone"}, "admin": {"red", "blue", "gone", "menu only"},
        "nobody": set(),
    }  # fmt: skip
    names = {id: name for name, id in mine.contacts.items()}
    for username, expected in seen.items():
        who = await world.headers(username)
        items = (await world.ask("GET", "/contacts", who)).json()["items"]
        assert {names[item["id"]] for item in items} == expected, username
        for id in [*mine.contacts.values(), *world.other.contacts.values()]:
            answer = await world.ask("GET", f"/contacts/{id}", who)
            assert answer.status_code == (200 if names.get(id) in expected else 404), (username, names.get(id))
        for name in ("red", "blue"):
            answer = await world.ask("GET", f"/recordings/{mine.ids[f'recording {name}']}", who)
            allowed = 403 if username == "nobody" else 200 if name in expected else 404
            assert answer.status_code == allowed, (username, name)
        foreign = world.other.ids["recording foreign"]
        assert (await world.ask("GET", f"/recordings/{foreign}/peaks", who)).status_code in (403, 404)


async def test_the_list_is_newest_first_and_goes_on_at_the_cursor(world: World) -> None:
    for number in range(5):
        await world.contact(world.mine, f"c{number}", "1001", minutes_ago=10 - number)
    who = await world.headers("1001")
    first = (await world.ask("GET", "/contacts?limit=2", who)).json()
    second = (await world.ask("GET", f"/contacts?limit=2&cursor={first['next']}", who)).json()
    third = (await world.ask("GET", f"/contacts?limit=2&cursor={second['next']}", who)).json()
    ids = [item["id"] for page in (first, second, third) for item in page["items"]]
    assert ids == [world.mine.contacts[f"c{number}"] for number in (4, 3, 2, 1, 0)]
    assert third["next"] is None
    item = first["items"][0]
    assert item["started_at"].endswith("Z")
    assert (item["waited_seconds"], item["talk_seconds"], item["answered"]) == (5.0, 20.0, True)
    assert item["customer"]["name"] == "王小明"
    assert item["calling"].startswith("+86139")


@pytest.mark.parametrize("few", [1_000, 1])
async def test_a_number_is_found_however_many_have_it(world: World, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare number is looked up, a frequent one is met on the way: the same contacts either way, and nobody sees more than else."""
    monkeypatch.setattr(store, "_FEW", few)
    mine = world.mine
    for name, agent, age in (("one", "1001", 1), ("two", "1002", 2), ("three", "", 3)):
        await world.contact(mine, name, agent, minutes_ago=age)
    names = {id: name for name, id in mine.contacts.items()}
    called = (await world.ask("GET", "/contacts", await world.headers("admin"))).json()["items"][0]["calling"]
    for username in ("admin", "1100", "1001", "1002"):
        who = await world.headers(username)
        everything = [names[item["id"]] for item in (await world.ask("GET", "/contacts", who)).json()["items"]]
        for number in ("86139", "%2B86139", "0139", "139"):
            answer = await world.ask("GET", f"/contacts?number={number}", who)
            assert [names[item["id"]] for item in answer.json()["items"]] == everything, (username, number)
        exact = (await world.ask("GET", f"/contacts?number={called[1:]}", who)).json()["items"]
        assert [names[item["id"]] for item in exact] == [name for name in everything if name == "one"], username
        assert (await world.ask("GET", "/contacts?number=87", who)).json()["items"] == []
        assert len((await world.ask("GET", "/contacts?number=%2B", who)).json()["items"]) == len(everything)


async def test_filters_choose(world: World) -> None:
    mine = world.mine
    await world.contact(mine, "taken", "1001", minutes_ago=90)
    await world.contact(mine, "lost", "", minutes_ago=1)
    who = await world.headers("admin")

    async def found(query: str) -> list[str]:
        answer = await world.ask("GET", f"/contacts?{query}", who)
        assert answer.status_code == 200, answer.text
        names = {id: name for name, id in mine.contacts.items()}
        return [names[item["id"]] for item in answer.json()["items"]]

    assert await found("answered=true") == ["taken"]
    assert await found("answered=false") == ["lost"]
    assert await found(f"agent={mine.people['1001'].agent}") == ["taken"]
    assert await found(f"queue={mine.ids['queue']}") == ["lost", "taken"]
    assert await found(f"queue={world.other.ids['queue']}") == []
    assert await found("number=86139") == ["lost", "taken"]
    assert await found("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z") == []
    for wrong in ("cursor=xyz", "cursor=WzFd", "limit=0", "queue=x", "number=abc"):
        answer = await world.ask("GET", f"/contacts?{wrong}", who)
        assert answer.status_code == 422, wrong


async def test_one_contact_tells_its_whole_journey_and_looking_is_audited(world: World) -> None:
    id = await world.contact(world.mine, "red", "1001")
    who = await world.headers("1001")
    contact = (await world.ask("GET", f"/contacts/{id}", who)).json()
    assert [segment["kind"] for segment in contact["segments"]] == ["agent"]
    assert contact["events"][0]["type"] == "contact.arrived"
    assert contact["events"][0]["offset_ms"] == 0
    recording = contact["recordings"][0]
    assert recording["url"] == f"/api/v1/recordings/{recording['id']}"
    assert recording["holds"] == [[200, 300]]
    await world.ask("GET", f"/recordings/{recording['id']}", who)
    assert len((await world.ask("GET", "/contacts", who)).json()["items"]) == 1
    async with world.database.transaction() as connection:
        rows = await connection.execute(text("select action, object_id from audit where action in ('contact.read', 'recording.heard')"))
        assert {(row.action, row.object_id) for row in rows} == {("contact.read", id), ("recording.heard", recording["id"])}
        listed = (await connection.execute(text("select actor::text, details from audit where action = 'contact.listed'"))).one()
        assert (listed.actor, listed.details["count"]) == (world.mine.people["1001"].id, 1)


_TOLD = """
insert into ledger (id, type, version, tenant_id, site_id, producer, epoch, sequence, occurred_at, contact_id, payload) values (
  gen_random_uuid(), :type, 1, :tenant, :site, 'test', 1, :sequence, now(), :contact, cast(:payload as jsonb))
"""


async def test_a_contact_tells_how_well_each_side_was_heard(world: World) -> None:
    id = await world.contact(world.mine, "red", "1001")
    who = await world.headers("1001")
    assert (await world.ask("GET", f"/contacts/{id}", who)).json()["quality"] is None
    for sequence, (side, packets, mos) in enumerate((("customer", 3000, 4.2), ("agent", 200, 3.1), ("agent", 2600, 4.4)), 2):
        measured = {"side": side, "packets": packets, "lost": 3, "late": 1, "jitter_ms": 2.5, "mos": mos}
        values = {"tenant": world.mine.id, "site": world.mine.site, "sequence": sequence, "contact": id, "payload": json.dumps(measured)}
        async with world.database.transaction() as connection:
            await connection.execute(text(_TOLD), {**values, "type": "quality.speech_measured"})
    quality = (await world.ask("GET", f"/contacts/{id}", who)).json()["quality"]
    assert quality == {
        "customer": {"mos": 4.2, "lost": 3, "packets": 3000, "jitter_ms": 2.5},
        "agent": {"mos": 4.4, "lost": 3, "packets": 2600, "jitter_ms": 2.5},
    }


async def test_a_recording_is_a_stereo_wav_and_parts_of_it_can_be_asked(world: World) -> None:
    await world.contact(world.mine, "red", "1001")
    who, path = await world.headers("1001"), f"/recordings/{world.mine.ids['recording red']}"
    whole = await world.ask("GET", path, who)
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.content[:4] == b"RIFF"
    assert len(whole.content) == 44 + 8000 * 4
    for asked, expected in (("bytes=0-43", (0, 43)), ("bytes=32000-", (32000, 32043)), ("bytes=-4", (32040, 32043))):
        part = await world.ask("GET", path, who, headers={"Range": asked})
        assert part.status_code == 206
        assert part.content == whole.content[expected[0] : expected[1] + 1]
        assert part.headers["content-range"] == f"bytes {expected[0]}-{expected[1]}/32044"
    beyond = await world.ask("GET", path, who, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416
    assert beyond.json()["code"] == "range_not_satisfiable"
    peaks = (await world.ask("GET", f"{path}/peaks?points=100", who)).json()
    assert len(peaks["left"]) == len(peaks["right"]) == 100
    assert 0.45 < max(peaks["left"]) < 0.5
    assert 0.22 < max(peaks["right"]) < 0.26


@pytest.mark.case("W1")
async def test_who_belongs_to_one_site_sees_nothing_of_another(world: World) -> None:
    mine = world.mine
    branch = await world.seed.put(mine.id, "site", {"code": "branch", "name": NAME, "zone": "Europe/Berlin", "address": ""})
    await world.contact(mine, "here", "1001")
    there = await world.contact(replace(mine, site=branch), "there", "1001")
    boss = {"username": "boss", "name": NAME, "language": "en", "active": True, "site": mine.site}
    id = await world.seed.put(mine.id, "user", boss | {"roles": [mine.ids["role administrator"]]})
    async with world.database.transaction() as connection:
        await connection.execute(
            text("insert into user_passwords (tenant_id, user_id, hash) select tenant_id, cast(:id as uuid), hash from user_passwords"
                 " where user_id = cast(:admin as uuid)"), {"id": id, "admin": mine.people["admin"].id},
        )  # fmt: skip
    for username, expected in (("admin", {"here", "there"}), ("boss", {"here"})):
        who = await world.headers(username)
        items = (await world.ask("GET", "/contacts", who)).json()["items"]
        assert {name for name, id in mine.contacts.items() if id in {item["id"] for item in items}} == expected
        assert (await world.ask("GET", f"/contacts/{there}", who)).status_code == (200 if "there" in expected else 404)
        sound = await world.ask("GET", f"/recordings/{mine.ids['recording there']}", who)
        assert sound.status_code == (200 if "there" in expected else 404)


_VERSION = """
insert into flow_versions (tenant_id, flow_id, number, document, published_at) values (:t, :f, :n, cast(:d as jsonb), now())
"""
_OUTER: dict[str, Any] = {
    "data": {"account": {"zh-CN": "户号"}}, "entries": {"pay": {"name": {"zh-CN": "缴费"}}},
    "steps": {"ask": {"kind": "collect", "name": "account"}, "pay": {"kind": "menu"}, "bye": {"kind": "hang_up"}},
}  # fmt: skip
_INNER: dict[str, Any] = {"data": {"pin": {"zh-CN": "密码"}}, "steps": {"ask": {"kind": "collect", "name": "pin"}}}


async def test_steps_of_a_journey_are_called_as_in_the_version_of_the_flow_through_which_it_went(world: World) -> None:
    id = await world.contact(world.mine, "red", "1001")
    outer, inner = str(uuid.uuid4()), str(uuid.uuid4())
    versions = [(outer, 1, {"steps": {}}), (outer, 2, _OUTER), (inner, 1, _INNER)]
    story = [
        ("flow.started", {"flow": outer, "flow_version": 2}),
        ("flow.step_entered", {"step": "ask", "kind": "collect", "visit": 1}),
        ("flow.side_began", {"flow": inner, "flow_version": 1, "beside": True}),
        ("flow.step_entered", {"step": "ask", "kind": "collect", "visit": 1}),
        ("flow.side_ended", {"flow": inner, "result": ""}),
        ("flow.step_entered", {"step": "pay", "kind": "menu", "visit": 1}),
        ("flow.step_left", {"step": "bye", "outcome": "done"}),
    ]
    async with world.database.transaction() as connection:
        for flow, number, document in versions:
            if number == 1:
                await connection.execute(
                    text("insert into flows (id, tenant_id, code, name, draft) values (:id, :tenant, :code, '{}', '{}')"),
                    {"id": flow, "tenant": world.mine.id, "code": f"f-{flow[:8]}"},
                )
            await connection.execute(
                text(_VERSION),
                {"t": world.mine.id, "f": flow, "n": number, "d": json.dumps(document)},
            )
        for sequence, (kind, payload) in enumerate(story, 2):
            values = {"tenant": world.mine.id, "site": world.mine.site, "sequence": sequence, "contact": id, "payload": json.dumps(payload)}
            await connection.execute(text(_TOLD), {**values, "type": kind})
    events = (await world.ask("GET", f"/contacts/{id}", await world.headers("1001"))).json()["events"]
    called = [one["step_name"] for one in events if "step" in one["payload"]]
    assert called == [{"zh-CN": "户号"}, {"zh-CN": "密码"}, {"zh-CN": "缴费"}, None]

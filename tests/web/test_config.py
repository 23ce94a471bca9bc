"""Configuration over HTTP: versions, history, references, flows, users, prompts, audit."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import pytest
import soundfile
from sqlalchemy import text
from tests.web.test_rights import bodies
from tests.web.world import FLOW, NAME, World

KINDS = ("sites", "teams", "skills", "queues", "flows", "numbers", "trunks", "reasons", "wrap_up_codes", "number_classes", "caller_rules")
MADE_FOR_IT = ("id", "version", "published_version")


async def test_a_thing_is_made_read_changed_and_removed_with_its_history(world: World) -> None:
    who = await world.headers("admin")
    for kind in KINDS:
        await _lives(world, who, kind)


async def _lives(world: World, who: dict[str, str], kind: str) -> None:
    body = bodies(world.mine, world.mine)[f"/config/{kind}"]
    made = await world.ask("POST", f"/config/{kind}", who, json=body, headers={"X-Reason": "%E6%96%B0"})
    assert made.status_code == 201, made.text
    thing = made.json()
    url = f"/config/{kind}/{thing['id']}"
    assert made.headers["location"] == f"/api/v1{url}"
    read = await world.ask("GET", url, who)
    assert read.headers["etag"] == made.headers["etag"] == '"1"'
    assert body.items() <= {**read.json()}.items()
    listed = (await world.ask("GET", f"/config/{kind}", who)).json()
    assert thing["id"] in {item["id"] for item in listed["items"]}

    assert (await world.ask("PUT", url, who, json=body)).status_code == 428
    wrong = await world.ask("PUT", url, who, json=body, headers={"If-Match": "W/x"})
    assert (wrong.status_code, wrong.json()["code"]) == (412, "if_match_unusable")
    whole = {name: value for name, value in read.json().items() if name not in MADE_FOR_IT}  # what is read can be put
    changed = await world.ask("PUT", url, who, json=whole, headers={"If-Match": '"1"'})
    assert changed.headers.get("etag") == '"2"', changed.text
    stale = await world.ask("PUT", url, who, json=body, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"], stale.json()["parameters"]) == (409, "stale_version", {"current": 2})
    assert (await world.ask("DELETE", url, who, headers={"If-Match": '"1"'})).status_code == 409
    assert (await world.ask("DELETE", url, who, headers={"If-Match": '"2"'})).status_code == 204
    assert (await world.ask("GET", url, who)).status_code == 404
    history = (await world.ask("GET", f"{url}/history", who)).json()["items"]
    assert [(item["version"], item["deleted"]) for item in history] == [(3, True), (2, False), (1, False)]
    assert history[2]["reason"] == "新"
    assert history[2]["actor"] == world.mine.people["admin"].id
    assert history[2]["value"]["id"] == thing["id"]


async def test_what_is_used_is_not_removed_and_what_exists_is_not_made_again(world: World) -> None:
    who = await world.headers("admin")
    used = await world.ask("DELETE", f"/config/flows/{world.mine.ids['flow']}", who, headers={"If-Match": '"1"'})
    assert (used.status_code, used.json()["code"]) == (409, "in_use")
    again = await world.ask("POST", "/config/skills", who, json={"code": "gas", "name": NAME})
    assert (again.status_code, again.json()["code"], again.json()["parameters"]["value"]) == (409, "exists", "gas")


async def test_a_flow_is_published_only_when_nothing_is_wrong(world: World) -> None:
    who, flow = await world.headers("admin"), f"/config/flows/{world.mine.ids['flow']}"
    looping: dict[str, Any] = {**FLOW, "start": "a", "steps": {"a": {"kind": "condition", "nonsense": 1}}}
    read = (await world.ask("GET", flow, who)).json()
    body = {"code": read["code"], "name": read["name"], "document": looping}
    assert (await world.ask("PUT", flow, who, json=body, headers={"If-Match": '"1"'})).status_code == 200
    refused = await world.ask("POST", f"{flow}/publish", who)
    assert (refused.status_code, refused.json()["code"]) == (422, "flow_has_problems")
    assert {problem["step"] for problem in refused.json()["parameters"]["problems"]} == {"a"}
    assert (await world.ask("POST", f"{flow}/check", who)).json()["items"]
    await world.ask("PUT", flow, who, json=body | {"document": FLOW}, headers={"If-Match": '"2"'})
    assert (await world.ask("POST", f"{flow}/check", who)).json()["items"] == []
    for number in (1, 2):
        published = await world.ask("POST", f"{flow}/publish", who)
        assert published.status_code == 200, published.text
        assert published.json()["published_version"] == number
    assert (await world.ask("GET", "/config/flows/schema", who)).json()["title"]
    async with world.database.transaction() as connection:
        assert await connection.scalar(text("select count(*) from flow_versions")) == 2
    await world.configured()
    public = (await world.ask("GET", "/public")).json()
    assert public["numbers"] == [{"number": "96900", "name": NAME, "language": "zh-CN"}]


async def test_a_user_with_an_extension_is_an_agent_with_a_secret_shown_once(world: World) -> None:
    who, body = await world.headers("admin"), bodies(world.mine, world.mine)["/config/users"]
    made = await world.ask("POST", "/config/users", who, json=body)
    assert made.status_code == 201, made.text
    user, url = made.json(), f"/config/users/{made.json()['id']}"
    assert len(user["sip_secret"]) >= 16
    shown = (await world.ask("GET", url, who)).json()
    assert "sip_secret" not in shown
    assert "password" not in shown
    assert (shown["extension"], shown["roles"], shown["skills"]) == ("1999", ["agent"], {world.mine.ids["skill"]: 3})
    everything = (await world.ask("GET", "/config/users", who)).text + (await world.ask("GET", f"{url}/history", who)).text
    assert "ha1" not in everything
    assert "argon2" not in everything
    await world.token("new", password="long enough")
    changed = await world.ask(
        "PUT", url, who, json={key: value for key, value in body.items() if key != "password"} | {"skills": {}, "srtp": "required"},
        headers={"If-Match": '"1"'},
    )  # fmt: skip
    assert changed.status_code == 200, changed.text
    assert "sip_secret" not in changed.json()
    assert (changed.json()["skills"], changed.json()["srtp"]) == ({}, "required")
    await world.configured()
    bucket = await world.nats.js.key_value("config")
    accounts = [(await bucket.get(key)).value or b"" for key in await bucket.keys() if f"{world.mine.id}.account." in key]
    assert [b'"required"' in account for account in accounts if b'"1999"' in account] == [True]


@pytest.mark.case("W4")
async def test_disabling_a_user_ends_his_sessions_at_once(world: World) -> None:
    who, agent = await world.headers("admin"), await world.headers("1002")
    assert (await world.ask("GET", "/me", agent)).status_code == 200
    url = f"/config/users/{world.mine.people['1002'].id}"
    user = (await world.ask("GET", url, who)).json()
    body = {name: user[name] for name in ("username", "name", "language", "roles", "extension", "team", "site", "skills")}
    answer = await world.ask("PUT", url, who, json=body | {"disabled": True}, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert (await world.ask("GET", "/me", agent)).json()["code"] == "session_ended"
    refused = await world.ask("POST", "/sessions", json={"username": "1002", "password": "correct horse"})
    assert refused.json()["code"] == "wrong_credentials"


def sound(rate: int = 44_100, channels: int = 2, form: str = "WAV", seconds: float = 0.5) -> bytes:
    tone = np.sin(np.arange(round(rate * seconds)) * 2 * np.pi * 440 / rate) * 0.5
    out = io.BytesIO()
    soundfile.write(out, np.stack([tone] * channels, axis=1), rate, format=form)
    return out.getvalue()


@pytest.mark.case("U5", "U4")
async def test_a_prompt_is_converted_by_what_it_holds(world: World) -> None:
    who = await world.headers("admin")
    for code, data in (("a", sound()), ("b", sound(96_000, 8)), ("c", sound(form="FLAC")), ("d", sound(8000, 1))):
        answer = await world.ask(
            "POST", "/config/prompts", who, files={"file": ("../../x.exe", data, "text/html")}, data={"code": code, "language": "en"}
        )
        assert answer.status_code == 201, answer.text
        assert abs(answer.json()["milliseconds"] - 500) <= 1
        assert answer.json()["file"].startswith(world.mine.id)
        audio = await world.ask("GET", f"/config/prompts/{answer.json()['id']}/audio", who)
        with wave.open(io.BytesIO(audio.content)) as read:
            assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (8000, 1, 2)


@pytest.mark.case("U5")
async def test_what_is_no_prompt_is_refused(world: World) -> None:
    who, lying = await world.headers("admin"), bytearray(sound(8000, 1))
    lying[40:44] = b"\xff\xff\xff\x7f"
    for data in (b"", b"<html></html>", b"MZ" + b"\0" * 500, sound(8000, 1)[:44], b"RIFF" + b"\xff" * 200):
        answer = await world.ask(
            "POST", "/config/prompts", who, files={"file": ("x.wav", data, "audio/wav")}, data={"code": "x", "language": "en"}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "prompt_refused"), data[:20]
    answer = await world.ask(
        "POST", "/config/prompts", who, files={"file": ("x.wav", bytes(lying), "audio/wav")}, data={"code": "x", "language": "en"}
    )
    assert answer.status_code in (201, 422)
    assert answer.status_code == 422 or answer.json()["milliseconds"] <= 500


async def test_the_audit_log_names_what_was_done_and_its_chain_holds(world: World) -> None:
    who = await world.headers("admin")
    await world.ask("POST", "/config/skills", who, json={"code": "new", "name": NAME})
    page = (await world.ask("GET", "/config/audit?limit=2", who)).json()
    assert [item["action"] for item in page["items"]] == ["skill.made", "session.began"]
    assert page["items"][0]["actor_name"] == NAME
    older = (await world.ask("GET", f"/config/audit?limit=2&cursor={page['next']}", who)).json()
    assert older["items"][0]["number"] == page["items"][1]["number"] - 1
    assert (await world.ask("GET", "/config/audit/verify", who)).json() == {"intact": True, "first_bad": None, "code": None}


async def test_customers_are_found_however_the_number_is_written(world: World) -> None:
    who = await world.headers("1001")
    made = await world.ask("POST", "/customers", who, json={"name": "王小明", "numbers": ["138 0013 8000"], "class": "VIP"})
    assert made.status_code == 201, made.text
    assert made.json()["numbers"] == ["+8613800138000"]
    for written in ("13800138000", "+86 138-0013-8000", "008613800138000"):
        found = (await world.ask("GET", "/customers", who, params={"number": written})).json()["items"]
        assert [card["name"] for card in found] == ["王小明"], written
    assert (await world.ask("GET", "/customers", who, params={"q": "小明"})).json()["items"]
    url = f"/customers/{made.json()['id']}"
    changed = await world.ask("PATCH", url, who, json={"note": "calls back"}, headers={"If-Match": '"1"'})
    assert (changed.json()["note"], changed.json()["class"]) == ("calls back", "VIP")
    assert (await world.ask("PATCH", url, who, json={"note": "x"}, headers={"If-Match": '"1"'})).status_code == 409
    taken = await world.ask("POST", "/customers", who, json={"name": "other", "numbers": ["13800138000"]})
    assert (taken.status_code, taken.json()["code"], taken.json()["parameters"]["value"]) == (409, "exists", "+8613800138000")
    assert (await world.ask("POST", "/customers", who, json={"numbers": ["12"]})).status_code == 422


async def test_everybody_may_choose_a_reason_for_not_being_ready(world: World) -> None:
    listed = (await world.ask("GET", "/reasons", await world.headers("1001"))).json()
    assert [set(item) for item in listed["items"]] == [{"id", "code", "name"}] * len(listed["items"])
    assert world.mine.ids["reason"] in {item["id"] for item in listed["items"]}

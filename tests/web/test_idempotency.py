"""Idempotency-Key on POST: once done, the same answer (reliability L1)."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from tests.web.world import NAME, FakeCore, World


@pytest.mark.case("L1")
async def test_the_same_key_and_request_is_done_once_and_answered_the_same(world: World) -> None:
    who = await world.headers("admin") | {"Idempotency-Key": "k1"}
    first = await world.ask("POST", "/config/skills", who, json={"code": "once", "name": NAME})
    again = await world.ask("POST", "/config/skills", who, json={"code": "once", "name": NAME})
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    async with world.database.transaction() as connection:
        assert await connection.scalar(text("select count(*) from skills where code = 'once'")) == 1


@pytest.mark.case("L1")
async def test_another_request_under_the_same_key_is_refused(world: World) -> None:
    who = await world.headers("admin") | {"Idempotency-Key": "k2"}
    await world.ask("POST", "/config/skills", who, json={"code": "one", "name": NAME})
    other = await world.ask("POST", "/config/skills", who, json={"code": "two", "name": NAME})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    somebody = await world.headers("admin", "other") | {"Idempotency-Key": "k2"}
    assert (await world.ask("POST", "/config/skills", somebody, json={"code": "two", "name": NAME})).status_code == 201


@pytest.mark.case("L1", "L2")
async def test_a_double_click_makes_one_command(world: World, core: FakeCore) -> None:
    who = await world.headers("1001") | {"Idempotency-Key": "click"}
    path = "/me/assignments/01a2016a-75a0-743f-8edc-47297f468ef9/hang_up"
    answers = await asyncio.gather(*(world.ask("POST", path, who) for _ in range(5)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 204
    assert set(codes) <= {204, 409}
    assert len(core.commands) == 1
    assert core.commands[0]["type"] == "HangUp"
    assert (await world.ask("POST", path, who)).status_code == 204
    assert len(core.commands) == 1


async def test_a_failed_request_may_be_tried_again_with_its_key(world: World, core: FakeCore) -> None:
    who = await world.headers("1001") | {"Idempotency-Key": "later"}
    path = "/me/assignments/01a2016a-75a0-743f-8edc-47297f468ef9/hold"
    core.answer = {"refused": "wrong_state", "parameters": {"state": "offered"}}
    refused = await world.ask("POST", path, who)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    core.answer = {"ok": None}
    assert (await world.ask("POST", path, who)).status_code == 204


async def test_a_token_is_given_again_to_the_same_request_and_not_kept_readable(world: World) -> None:
    body = {"username": "1001", "password": "correct horse"}
    first = await world.ask("POST", "/sessions", {"Idempotency-Key": "in"}, json=body)
    again = await world.ask("POST", "/sessions", {"Idempotency-Key": "in"}, json=body)
    assert again.json() == first.json()
    bucket = await world.nats.js.key_value("idempotency")
    for key in await bucket.keys():
        assert first.json()["token"].encode() not in ((await bucket.get(key)).value or b"")


async def test_a_bad_key_is_refused(world: World) -> None:
    answer = await world.ask("POST", "/sessions", {"Idempotency-Key": "x" * 201}, json={})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")

"""Idempotency-Key on POST: once done, the same answer (reliability L1)."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from tests.web.centre import Centre, until
from tests.web.world import NAME, World


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
async def test_a_double_click_makes_one_command(world: World, centre: Centre) -> None:
    """Refusing twice would refuse the next offer too, or be told that there is nothing to refuse."""
    who, assignment = await centre.offered("1001")
    (contact,) = centre.queued()
    click, path = who | {"Idempotency-Key": "click"}, f"/me/assignments/{assignment}/refuse"
    answers = await asyncio.gather(*(world.ask("POST", path, click) for _ in range(5)))
    assert 204 in {answer.status_code for answer in answers}
    for answer in answers:
        assert answer.status_code == 204 or answer.json()["code"] == "idempotency_in_progress", answer.text
    assert centre.assignments("1001") == []
    assert centre.queued() == [contact]
    again = await world.ask("POST", path, click)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (204, "true")
    other = await world.ask("POST", path, who | {"Idempotency-Key": "another-click"})
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
    (ended,) = await centre.facts("acd.offer_ended")
    assert (ended.contact, ended.cause) == (contact, "refused")


@pytest.mark.case("L1", "L2")
async def test_a_double_hang_up_ends_one_talk(world: World, centre: Centre) -> None:
    """The agent is ready again at once and gets the next contact: the second click must not end that one."""
    who, assignment = await centre.talking("1001")
    click, path = who | {"Idempotency-Key": "click"}, f"/me/assignments/{assignment}/hang_up"
    answers = await asyncio.gather(*(world.ask("POST", path, click) for _ in range(5)))
    assert 204 in {answer.status_code for answer in answers}
    await until(lambda: [one.state for one in centre.assignments("1001")] == ["wrapping_up"])
    assert (await world.ask("PUT", f"/me/assignments/{assignment}/wrap_up", who, json={"next_state": "ready"})).status_code == 204
    await centre.call()
    await until(lambda: [one.state for one in centre.assignments("1001")] == ["offered"])
    await centre.answer("1001")
    assert (await world.ask("POST", path, click)).status_code == 204
    assert [one.state for one in centre.assignments("1001")] == ["active"]
    (active,) = centre.assignments("1001")
    assert active.connection in centre.switch().lines
    assert [event.payload["assignment"] for event in await centre.facts("acd.assignment_ended")] == [assignment]


async def test_a_failed_request_may_be_tried_again_with_its_key(world: World, centre: Centre) -> None:
    who, assignment = await centre.offered("1001")
    key, path = who | {"Idempotency-Key": "later"}, f"/me/assignments/{assignment}/hold"
    refused = await world.ask("POST", path, key)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    await centre.answer("1001")
    assert (await world.ask("POST", path, key)).status_code == 204
    await until(lambda: [one.state for one in centre.assignments("1001")] == ["held"])


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

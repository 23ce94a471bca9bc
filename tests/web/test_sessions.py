"""Signing in and out over HTTP (reliability W3, W4)."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import text
from tests.web.world import PASSWORD, World


async def test_a_user_signs_in_and_sees_who_he_is(world: World) -> None:
    answer = await world.ask("POST", "/sessions", json={"username": "1001", "password": PASSWORD})
    assert answer.status_code == 201
    begun = answer.json()
    who = {"Authorization": f"Bearer {begun['token']}"}
    me = (await world.ask("GET", "/me", who)).json()
    assert me == begun["user"]
    assert me["extension"] == "1001"
    assert me["team"]["code"] == "red"
    assert me["site"]["zone"] == "Asia/Shanghai"
    assert me["tenant"]["code"] == "mine"
    assert "calls.take" in me["rights"]


async def test_no_token_or_a_made_up_one_is_refused(world: World) -> None:
    for who in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
        answer = await world.ask("GET", "/me", who)
        assert answer.status_code == 401
        assert answer.json()["code"] == "not_signed_in"


@pytest.mark.case("W4")
async def test_a_session_ends_when_one_signs_out(world: World) -> None:
    who = await world.headers("1001")
    assert (await world.ask("DELETE", "/sessions/current", who)).status_code == 204
    answer = await world.ask("GET", "/me", who)
    assert answer.status_code == 401
    assert answer.json()["code"] == "session_ended"


@pytest.mark.case("W4")
async def test_every_sign_in_is_a_new_token_and_none_is_stored(world: World) -> None:
    first, second = await world.token("1001"), await world.token("1001")
    assert first != second
    assert len(first) >= 43
    async with world.database.transaction() as connection:
        rows = await connection.execute(text("select s::text from sessions s"))
        assert not any(first in row[0] or second in row[0] for row in rows)


@pytest.mark.case("W4")
async def test_a_session_ends_idle_after_half_an_hour_and_in_any_case_after_twelve(world: World) -> None:
    for column in ("idle_until", "expires_at"):
        who = await world.headers("1001")
        async with world.database.transaction() as connection:
            await connection.execute(text(f"update sessions set {column} = now() - interval '1 second' where ended_at is null"))
        world.web.recognition.forget_tenant(world.mine.id)
        assert (await world.ask("GET", "/me", who)).json()["code"] == "session_ended"
    async with world.database.transaction() as connection:
        lengths = (await connection.execute(text("select expires_at - created_at, idle_until - used_at from sessions limit 1"))).one()
        assert [round(length.total_seconds()) for length in lengths] != [0, 0]


@pytest.mark.case("W4")
async def test_a_new_password_ends_every_session_of_the_user(world: World) -> None:
    one, two, other = [await world.headers(name) for name in ("1001", "1001", "1002")]
    weak = await world.ask("POST", "/sessions/current/password", one, json={"old": PASSWORD, "new": "1001"})
    assert (weak.status_code, weak.json()["code"]) == (422, "weak_password")
    wrong = await world.ask("POST", "/sessions/current/password", one, json={"old": "no", "new": "quite another"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    answer = await world.ask("POST", "/sessions/current/password", one, json={"old": PASSWORD, "new": "quite another"})
    assert answer.status_code == 204
    assert [(await world.ask("GET", "/me", who)).status_code for who in (one, two, other)] == [401, 401, 200]
    assert (await world.ask("POST", "/sessions", json={"username": "1001", "password": PASSWORD})).status_code == 401
    await world.token("1001", password="quite another")


@pytest.mark.case("W3")
async def test_wrong_passwords_are_slowed_after_five_and_say_nothing_of_who_exists(world: World) -> None:
    async def attempt(username: str, password: str = "wrong") -> httpx.Response:
        return await world.ask("POST", "/sessions", json={"username": username, "password": password})

    known, unknown = [await attempt("1001") for _ in range(6)], [await attempt("9999") for _ in range(6)]
    for answers in (known, unknown):
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert answers[0].json()["code"] == "wrong_credentials"
        assert int(answers[5].headers["retry-after"]) >= 1
    assert known[0].json() == unknown[0].json()
    assert sorted(known[0].headers) == sorted(unknown[0].headers)
    await asyncio.sleep(1.2)
    assert (await attempt("1001", PASSWORD)).status_code == 201
    async with world.database.transaction() as connection:
        actions = await connection.execute(text("select action, count(*) from audit where action like 'session.%' group by 1 order by 1"))
        assert dict(tuple(row) for row in actions) == {"session.began": 1, "session.refused": 5}


@pytest.mark.case("W3")
async def test_an_unknown_name_takes_as_much_work_as_a_known_one(world: World) -> None:
    """Both verify one hash; what is counted is the hashing, not the clock."""
    passwords, asked = world.web.passwords, list[str]()
    verify = passwords._verify

    def counted(stored: str, password: str) -> bool:
        asked.append(stored)
        return verify(stored, password)

    passwords._verify = counted  # type: ignore[method-assign]
    for username in ("1001", "9999", "nobody"):
        await world.ask("POST", "/sessions", json={"username": username, "password": "wrong"})
    assert len(asked) == 3
    assert all(stored.startswith("$argon2id$") for stored in asked)


async def test_the_second_tenant_signs_in_by_its_code(world: World) -> None:
    mine, other = await world.headers("1001"), await world.headers("1001", "other")
    assert (await world.ask("GET", "/me", mine)).json()["tenant"]["code"] == "mine"
    assert (await world.ask("GET", "/me", other)).json()["tenant"]["code"] == "other"


async def test_one_sets_ones_own_language_and_nothing_else(world: World) -> None:
    who = await world.headers("1001")
    assert (await world.ask("PATCH", "/me", who, json={"language": "en"})).json()["language"] == "en"
    assert (await world.ask("GET", "/me", who)).json()["language"] == "en"
    for body in ({"language": "fr"}, {"language": "en", "roles": ["administrator"]}, {"tenant_id": "x"}):
        assert (await world.ask("PATCH", "/me", who, json=body)).status_code == 422

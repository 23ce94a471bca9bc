"""Signing in and out over HTTP (reliability W3, W4)."""

from __future__ import annotations

import pytest
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

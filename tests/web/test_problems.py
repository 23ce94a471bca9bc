"""Refusals: a stable code, and a sentence in the client's language that says what to do next."""

from __future__ import annotations

import re
import string
import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.web.centre import Centre
from tests.web.world import World

import yitong
from yitong.domains.sites.api.flow_texts import TEXTS
from yitong.kit.http import choose_language
from yitong.web.problems import problem_body
from yitong.web.sentences import SENTENCES


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_every_code_has_a_sentence_in_both_languages_with_the_same_parameters(code: str) -> None:
    said = SENTENCES[code]
    used = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (said.zh, said.en)]
    assert used[0] == used[1]
    assert 400 <= said.status < 600
    assert re.search(r"[\u4e00-\u9fff]", said.zh)
    assert said.zh.endswith("。")
    assert said.en.endswith(".")


def test_a_code_that_only_core_knows_still_gets_a_sentence() -> None:
    status, body = problem_body("brand_new", {"x": 1}, "en")
    assert status == 409
    assert b"brand_new" in body


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "zh-CN"), ("en", "en"), ("en-GB,en;q=0.9", "en"), ("zh-TW", "zh-CN"), ("fr, en;q=0.5", "en"), ("de", "zh-CN"),
        ("en;q=0.1, zh;q=0.9", "zh-CN"), ("en;q=x", "zh-CN"), (";;;,,,", "zh-CN"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_the_client_likes_best(header: str, expected: str) -> None:
    assert choose_language(header) == expected


async def test_a_refusal_is_a_problem_in_the_clients_language(world: World) -> None:
    chinese = await world.ask("GET", "/me")
    english = await world.ask("GET", "/me", headers={"Accept-Language": "en"})
    assert chinese.headers["content-type"] == english.headers["content-type"] == "application/problem+json"
    assert chinese.json()["code"] == english.json()["code"] == "not_signed_in"
    assert chinese.json()["detail"] == "尚未登录。请先登录再继续。"
    assert english.json()["detail"] == "You are not signed in. Sign in and try again."
    assert chinese.headers["content-language"] == "zh-CN"
    assert english.headers["www-authenticate"] == "Bearer"


async def test_bad_requests_are_named(world: World) -> None:
    who = await world.headers("admin")
    cases: tuple[tuple[str, str, dict[str, Any], int, str], ...] = (
        ("POST", "/sessions", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "invalid_json"),
        ("POST", "/sessions", {"json": {"username": 1}}, 422, "invalid"),
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("DELETE", "/queues", {}, 405, "method_not_allowed"),
        ("GET", "/contacts/xyz", {}, 422, "invalid"),
        ("POST", "/sessions", {"content": b"x" * 2_000_000}, 413, "body_too_large"),
        ("GET", "/customers", {"params": {"q": "a\0b"}}, 422, "invalid"),
    )
    for method, path, more, status, code in cases:
        answer = await world.ask(method, path, who, **more)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (method, path, answer.text)
    assert "GET" in (await world.ask("DELETE", "/queues", who)).headers["allow"]


async def test_core_refusing_is_said_with_its_code(world: World, centre: Centre) -> None:
    who, assignment = await centre.offered("1001")
    path = f"/me/assignments/{assignment}"
    cases: tuple[tuple[str, str, dict[str, Any], int, str], ...] = (
        ("POST", f"{path}/hold", {}, 409, "wrong_state"),
        ("POST", f"{path}/retrieve", {}, 409, "wrong_state"),
        ("PUT", f"{path}/wrap_up", {"json": {"note": "n"}}, 409, "wrong_state"),
        ("POST", f"/me/assignments/{uuid.uuid4()}/refuse", {}, 404, "not_found"),
        ("PUT", "/me/state", {"json": {"state": "not_ready", "reason": "my own words"}}, 422, "unknown_reason"),
    )
    for method, asked, more, status, code in cases:
        refused = await world.ask(method, asked, who, **more)
        assert (refused.status_code, refused.json()["code"]) == (status, code), (asked, refused.text)
        assert refused.json()["parameters"] == ({"state": "offered"} if code == "wrong_state" else {})
        assert refused.json()["detail"].endswith(".")
    assert [one.state for one in centre.assignments("1001")] == ["offered"]
    assert centre.agent("1001").duty == "ready"
    await centre.answer("1001")
    for body, code in (({"code": "nice man", "draft": True}, "unknown_code"), ({"draft": True, "reason": "x"}, "unknown_reason")):
        refused = await world.ask("PUT", f"{path}/wrap_up", who, json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    for code in ("", "done", world.mine.ids["wrap_up_code"]):
        assert (await world.ask("PUT", f"{path}/wrap_up", who, json={"code": code, "draft": True})).status_code == 204
    nobody = await world.ask("PUT", "/me/state", await world.headers("admin"), json={"state": "ready"})
    assert (nobody.status_code, nobody.json()["code"]) == (403, "forbidden")


async def test_core_away_is_said_and_what_was_asked_meanwhile_is_not_done_later(world: World, centre: Centre) -> None:
    who = await centre.ready("1001")
    board = await world.headers("1100")
    await centre.stop("core")
    away = await world.ask("PUT", "/me/state", who, json={"state": "logged_off"})
    assert (away.status_code, away.json()["code"]) == (503, "core_unavailable")
    assert away.headers["retry-after"]
    assert away.json()["detail"] == SENTENCES["core_unavailable"].en
    for path in ("/queues", "/agents"):
        assert (await world.ask("GET", path, board)).json()["code"] == "core_unavailable"
    await centre.start_core()
    assert centre.agent("1001").duty == "ready"
    assert (await world.ask("PUT", "/me/state", who, json={"state": "not_ready", "reason": "lunch"})).status_code == 204
    assert (centre.agent("1001").duty, centre.agent("1001").reason) == ("not_ready", "lunch")


def test_every_code_of_the_flow_checker_has_a_sentence_in_both_languages() -> None:
    source = Path(yitong.__file__).parent
    files = [*source.glob("flow/*.py"), *source.glob("domains/*/steps.py"), *source.glob("domains/ivr/*.py")]
    codes = {code for file in files for code in re.findall(r'code="(flow\.[a-z_]+)"', file.read_text("utf-8"))}
    assert codes
    assert codes <= TEXTS.keys()
    for code, (chinese, english) in TEXTS.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (chinese, english)]
        assert names[0] == names[1], code

"""What surrounds the API: health, figures, headers, the front end's files, the API description."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.web.centre import Centre
from tests.web.world import World

from yitong.web import static_files
from yitong.web.static_files import StaticFolder

LARGE = "const x = 1\n" * 1_000


async def test_health_tells_whether_calls_can_be_taken(world: World, centre: Centre) -> None:
    async with asyncio.timeout(60):
        while (answer := await world.client.get("/healthz")).json()["state"] != "ok":
            await asyncio.sleep(0.1)
    body = answer.json()
    assert answer.status_code == 200
    assert {one["process"] for one in body["processes"]} >= {"core", "switch"}
    assert (body["state"], body["postgresql"], body["nats"]) == ("ok", "ok", "ok")
    for _ in range(3):
        await centre.call()
    async with asyncio.timeout(60):
        while 'yitong_figure{name="contacts",node="test",process="core"} 3.0' not in (figures := (await world.client.get("/metrics")).text):
            await asyncio.sleep(0.2)
    assert "yitong_http_requests_total" in figures
    await centre.stop("core")
    async with asyncio.timeout(60):
        while (answer := await world.client.get("/healthz")).status_code != 503:
            await asyncio.sleep(0.2)
    assert "core is silent" in answer.json()["reason"]
    assert (await world.client.get("/livez")).json() == {"state": "ok"}


@pytest.mark.case("W6", "W7")
async def test_every_answer_carries_the_headers_that_keep_browsers_safe(world: World) -> None:
    for path in ("/healthz", "/api/v1/me", "/api/v1/nowhere", "/"):
        headers = (await world.client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self';" in policy
        assert "style-src 'self';" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
    assert (await world.client.get("/api/v1/me")).headers["cache-control"] == "no-store"


@pytest.mark.case("W11")
async def test_the_description_is_there_and_no_page_of_somebody_elses(world: World) -> None:
    schema = (await world.client.get("/api/v1/openapi.json")).json()
    assert schema["openapi"].startswith("3.")
    assert "/api/v1/contacts/{id}" in schema["paths"]
    for path in ("/docs", "/redoc", "/api/v1/docs"):
        answer = await world.client.get(path)
        assert "swagger" not in answer.text.lower()
        assert "cdn" not in answer.text.lower()


async def test_the_front_end_routes_itself_and_nothing_else_is_given_out(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<page>")
    (tmp_path / "assets/a.js").write_text("js")
    (tmp_path / "assets/large.js").write_text(LARGE)
    (tmp_path.parent / "secret.txt").write_text("secret")
    app = FastAPI(docs_url=None, openapi_url=None)
    app.state.parts = {StaticFolder: StaticFolder(tmp_path)}
    app.include_router(static_files.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
        for path in ("/", "/call", "/desk", "/calls/123"):
            page = await client.get(path)
            assert (page.text, page.headers["cache-control"]) == ("<page>", "no-store")
        script = await client.get("/assets/a.js")
        assert "immutable" in script.headers["cache-control"]
        assert (await client.get("/assets/gone.js")).status_code == 404
        large = await client.get("/assets/large.js")
        assert (large.headers["content-encoding"], large.headers["vary"], large.text) == ("gzip", "Accept-Encoding", LARGE)
        assert int(large.headers["content-length"]) < len(LARGE) / 10
        assert large.headers["content-type"].startswith("text/javascript")
        (tmp_path / "index.html").write_text("<another build>")
        (tmp_path / "assets/large.js").unlink()
        assert (await client.get("/desk")).text == "<page>", "a build under a running server changes nothing"
        assert (await client.get("/assets/large.js")).text == LARGE
        for refused in ("identity", "br, gzip;q=0"):
            plain = await client.get("/assets/large.js", headers={"Accept-Encoding": refused})
            assert ("content-encoding" in plain.headers, plain.text) == (False, LARGE)
        for path in ("/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt"):
            assert "secret" not in (await client.get(path)).text

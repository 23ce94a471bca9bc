"""The HTTP port while no web process serves: the socket waits, and the doorman says that all comes back by itself."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from tests.ports import free_port

from yitong.app.processes import web
from yitong.app.run import DOOR, listen
from yitong.kit.clock import SystemClock
from yitong.kit.settings import Settings, SettingsError
from yitong.kit.tasks import Tasks
from yitong.web.doorman import Doorman, answer


@pytest.fixture
def door() -> Iterator[tuple[Settings, socket.socket]]:
    settings = Settings(http_port=free_port())
    with listen(settings) as listening:
        yield settings, listening


async def get(settings: Settings, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        return await client.get(f"http://127.0.0.1:{settings.http_port}{path}", headers=headers)


@pytest.mark.case("K5")
async def test_who_comes_while_web_restarts_waits_and_is_served(
    door: tuple[Settings, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, listening = door
    early = asyncio.ensure_future(get(settings, "/"))
    await asyncio.sleep(0.3)
    assert not early.done()
    monkeypatch.setenv(DOOR, str(listening.dup().detach()))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        writer.close()

    async with await asyncio.start_server(serve, sock=web.listen(settings, settings.http_port)):
        assert (await early).text == "hi"


async def test_the_port_of_somebody_else_is_said_by_name(door: tuple[Settings, socket.socket]) -> None:
    with pytest.raises(SettingsError, match=f"Port {door[0].http_port} .* YITONG_HTTP_PORT"):
        listen(door[0])


async def test_the_doorman_answers_only_while_web_stays_away(door: tuple[Settings, socket.socket]) -> None:
    settings, listening = door
    away = True
    tasks = Tasks()
    tasks.start(Doorman(listening, lambda: away, SystemClock(), patience_seconds=0.3).watch(), "doorman")
    page = await get(settings, "/desk", Accept="text/html,*/*")
    assert page.status_code == 503
    assert 'http-equiv="refresh"' in page.text
    assert "自动恢复" in page.text
    assert "comes back by itself" in page.text
    told = await get(settings, "/api/v1/me", Accept="text/html", **{"Accept-Language": "en-GB"})
    assert told.headers["content-type"] == "application/problem+json"
    assert told.headers["retry-after"] == "2"
    assert told.json()["code"] == "web_unavailable"
    assert told.json()["detail"].startswith("The application is being started.")
    assert (await get(settings, "/healthz")).json()["state"] == "failed"
    away = False
    await asyncio.sleep(0.5)
    late = asyncio.ensure_future(get(settings, "/desk"))
    await asyncio.sleep(0.5)
    assert not late.done(), "he still answers"
    late.cancel()
    await tasks.close()


@pytest.mark.parametrize("head", ["", "x", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n: empty\r\n\r\n", "\0 \xff \r\n\r\n"])
def test_whatever_is_asked_there_is_one_whole_answer(head: str) -> None:
    head_sent, _, body = answer(head).partition(b"\r\n\r\n")
    assert head_sent.startswith(b"HTTP/1.1 503 ")
    assert f"Content-Length: {len(body)}".encode() in head_sent
    assert json.loads(body)["code"] == "web_unavailable"

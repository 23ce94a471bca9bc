"""PostgreSQL away: 503 within two seconds, nobody signs in, those who are in go on (reliability D3, D4)."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from tests.web.centre import Centre
from tests.web.conftest import Seeded
from tests.web.page import Page
from tests.web.world import NAME, PASSWORD, World, settings_for

from yitong.kit.nats import Nats
from yitong.kit.settings import Settings


class Gate:
    """A way to PostgreSQL that can be shut (connections refused) or jammed (nothing answers)."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.jammed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.path = ""

    async def open(self, path: str) -> None:
        self.path = path
        self._server = await asyncio.start_unix_server(self._accept, path)

    async def shut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        os.unlink(self.path)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up, down = await asyncio.open_unix_connection(self.target)
        self._open |= {writer, down}
        for source, sink in ((reader, down), (up, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                while self.jammed.is_set():
                    await asyncio.sleep(0.05)
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.transport.abort()
            self._open.discard(sink)


@pytest.fixture
async def gated(
    settings: Settings, seeded: Seeded, seeded_url: str, nats_url: str, nats: Nats, tmp_path: Any
) -> AsyncIterator[tuple[World, Gate]]:
    """A web process that reaches PostgreSQL through a gate."""
    place = psycopg.conninfo.conninfo_to_dict(seeded_url)
    folder = tmp_path / "g"
    folder.mkdir()
    port = place.get("port") or "5432"
    gate = Gate(f"{place['host']}/.s.PGSQL.{port}")
    await gate.open(f"{folder}/.s.PGSQL.{port}")
    url = seeded_url
    for old, new in ((str(place["host"]), str(folder)), (quote(str(place["host"]), safe=""), quote(str(folder), safe=""))):
        url = url.replace(old, new)
    assert url != seeded_url
    mine, other = copy.deepcopy(seeded.tenants)
    made = World(settings_for(settings, url, nats_url), nats, mine, other, patience_seconds=1.7)
    await made.open()
    yield made, gate
    await made.close()
    gate.jammed.clear()
    if os.path.exists(gate.path):
        await gate.shut()


@pytest.mark.case("D1")
async def test_customers_call_and_agents_take_their_telephone(gated: tuple[World, Gate]) -> None:
    world, gate = gated
    admin, agent = await world.headers("admin"), await world.headers("1001")
    assert (await world.ask("GET", "/public")).json()["numbers"] == []
    assert (await world.ask("POST", f"/config/flows/{world.mine.ids['flow']}/publish", admin)).status_code == 200
    await world.configured()
    before = (await world.ask("POST", "/me/phone", agent)).json()
    await gate.shut()
    async with asyncio.timeout(60):
        while (await world.ask("GET", "/contacts", agent)).status_code != 503:
            await asyncio.sleep(0.1)
    shown = await world.ask("GET", "/public")
    assert shown.json()["numbers"] == [{"number": "96900", "name": NAME, "language": "zh-CN"}]
    phone = await world.ask("POST", "/guest/phone", json={"number": "96900"})
    assert (phone.status_code, phone.json()["uri"].split("@")[1]) == (201, "mine.invalid")
    told = await (await world.nats.bucket("credentials")).get(f"{world.mine.id}.page.{phone.json()['username']}")
    assert told is not None
    other = await world.ask("POST", "/guest/phone", json={"number": "12345"})
    assert (other.status_code, other.json()["code"]) == (404, "number_not_offered")
    mine = await world.ask("POST", "/me/phone", agent)
    assert (mine.status_code, mine.json()["realm"], mine.json()["uri"].split("@")[1]) == (201, before["realm"], "mine.invalid")


@pytest.mark.case("D3", "D4")
@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_a_plain_message_within_two_seconds_and_live_pages_go_on(gated: tuple[World, Gate], how: str) -> None:
    world, gate = gated
    centre = Centre(world)
    await centre.open()
    agent, assignment = await centre.talking("1001")
    page = await Page.open(world, agent["Authorization"], {"desk": None})
    await page.hear("snapshot")
    if how == "refused":
        await gate.shut()
    else:
        gate.jammed.set()
    for method, path, body in (("POST", "/sessions", {"username": "1001", "password": PASSWORD}), ("GET", "/contacts", None)):
        began = asyncio.get_running_loop().time()
        answer = await world.ask(method, path, agent, json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable"), answer.text
        assert asyncio.get_running_loop().time() - began < 2.5
        assert "Traceback" not in answer.text
    unknown = await world.ask("GET", "/contacts", {"Authorization": "Bearer unknown"})
    assert unknown.status_code == 503
    await centre.call()
    await page.shows("desk", lambda desk: [queue["waiting"] for queue in desk["queues"].values()] == [1])
    hang_up = await world.ask("POST", f"/me/assignments/{assignment}/hang_up", agent | {"Idempotency-Key": "x"})
    assert hang_up.status_code == 204
    await page.shows("desk", lambda desk: [one["state"] for one in desk["assignments"].values()] == ["wrapping_up"])
    done = await world.ask("PUT", f"/me/assignments/{assignment}/wrap_up", agent, json={"note": "n", "next_state": "ready"})
    assert done.status_code == 204
    await page.shows("desk", lambda desk: [one["state"] for one in desk["assignments"].values()] == ["offered"])
    await page.equals_core(centre, "desk", f"desk.{world.mine.people['1001'].agent}")
    if how == "refused":
        await gate.open(gate.path)
    else:
        gate.jammed.clear()
    async with asyncio.timeout(60):
        while (await world.ask("GET", "/contacts", agent)).status_code != 200:
            await asyncio.sleep(0.2)
    await page.close()
    await centre.close()

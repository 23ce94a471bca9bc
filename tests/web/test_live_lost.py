"""Live documents when messages between core and the web process are lost on the way (reliability K5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import pytest
from tests.web.centre import Centre, until
from tests.web.page import Page
from tests.web.test_live import become
from tests.web.world import World

from yitong.kit.nats import Nats


class Line:
    """The web process' way to NATS. It loses messages of some subjects when told so, and can be cut."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._target = (place.hostname or "127.0.0.1", place.port or 4222)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loses: bytes = b""
        self.lost = 0
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Every connection breaks and none comes up until ``open``."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    def lose(self, prefix: str) -> None:
        """From now on lose the messages whose subject begins so; empty: none any more."""
        self._loses, self.lost = prefix.encode(), 0

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up, down = await asyncio.open_connection(*self._target)
        self._open |= {writer, down}
        for work in (self._pass_on(reader, down), self._read(up, writer)):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
        except OSError:
            pass
        finally:
            sink.transport.abort()
            self._open.discard(sink)

    async def _read(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """NATS' own protocol: ``MSG subject sid [reply] bytes`` and ``HMSG ... bytes`` are followed by so many bytes and a line's end."""
        try:
            while line := await source.readline():
                words = line.split()
                follows = words[:1] in ([b"MSG"], [b"HMSG"])
                body = await source.readexactly(int(words[-1]) + 2) if follows else b""
                if follows and self._loses and words[1].startswith(self._loses):
                    self.lost += 1
                    continue
                sink.write(line + body)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            sink.transport.abort()
            self._open.discard(sink)


@pytest.fixture
async def line(nats_url: str) -> AsyncIterator[Line]:
    made = Line(nats_url)
    await made.open()
    yield made
    await made.cut()


@pytest.fixture
async def nats(nats_url: str, line: Line) -> AsyncIterator[Nats]:
    """The web process' connection goes through the line; core and switch have their own."""
    place = urlsplit(nats_url)
    credentials = place.netloc.rpartition("@")[0]
    through = place._replace(netloc=f"{credentials}@127.0.0.1:{line.port}" if credentials else f"127.0.0.1:{line.port}")
    connection = await Nats.connect(urlunsplit(through), "web", patience_seconds=10)
    yield connection
    await connection.close()


async def test_a_lost_change_is_noticed_and_healed_by_a_snapshot(world: World, centre: Centre, line: Line) -> None:
    who, agent = await world.headers("1001"), f"desk.{world.mine.people['1001'].agent}"
    page = await Page.open(world, who["Authorization"], {"desk": None})
    first = await page.hear("snapshot")
    await become(world, who, "not_ready", "coffee")
    assert (await page.hear("change"))["seq"] == first["seq"] + 1
    line.lose("live.")
    await become(world, who, "not_ready", "training")
    await until(lambda: line.lost)
    line.lose("")
    assert page.documents["desk"]["agent"]["duty"]["reason"] == "coffee"
    await become(world, who, "ready")
    healed = await page.hear("snapshot")
    assert healed["seq"] > first["seq"] + 2
    assert healed["data"]["agent"]["duty"]["state"] == "ready"
    await page.equals_core(centre, "desk", agent)
    await become(world, who, "not_ready", "coffee")
    await page.hear("change")
    await page.equals_core(centre, "desk", agent)
    await page.close()


@pytest.mark.case("K5")
async def test_what_happened_while_nats_was_away_is_seen_when_it_is_back(world: World, centre: Centre, line: Line) -> None:
    page = await Page.open(world, await world.token("1100"), {"board": None})
    await page.hear("snapshot")
    await line.cut()
    assert (await page.hear("stale"))["stale"] is True
    centre.switch().register(world.mine.id, "1001")
    await centre.call()
    await line.open()
    assert (await page.hear("stale"))["stale"] is False
    seen = await page.hear("snapshot")
    assert [queue["waiting"] for queue in seen["data"]["queues"].values()] == [1]
    await page.equals_core(centre, "board")
    await page.close()

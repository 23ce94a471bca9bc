"""A page's live connection: what it was told, and the documents as they stand in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from tests.web.centre import Centre
from tests.web.world import World, decoded
from websockets.asyncio.client import ClientConnection, connect

from yitong.domains.reporting.rules.changes import patched

PATIENCE = 3.0
"""How much longer than on a machine of its own a page waits: other tests run beside it."""


class Page:
    """It keeps a document as the front end does: a snapshot, then change upon change, none missing."""

    def __init__(self, socket: ClientConnection, held: dict[str, Any] | None = None) -> None:
        self.socket = socket
        self.documents: dict[str, Any] = held or {}
        self.places: dict[str, tuple[int, int]] = {}

    @classmethod
    async def open(cls, world: World, token: str, topics: dict[str, Any], *, held: dict[str, Any] | None = None, **more: Any) -> Page:
        url = f"ws://127.0.0.1:{world.port}/api/v1/live"
        page = cls(await connect(url, subprotocols=["yitong.live.v1"], **more), held)  # type: ignore[list-item]
        page.places = {topic: (place["epoch"], place["seq"]) for topic, place in topics.items() if place}
        await page.say({"type": "hello", "token": token.removeprefix("Bearer "), "topics": topics})
        return page

    async def say(self, message: Any) -> None:
        await self.socket.send(msgspec.json.encode(message).decode())

    async def next(self) -> dict[str, Any]:
        """The next message, taken into the documents. Fails when a change does not follow the one before."""
        message: dict[str, Any] = decoded(await self.socket.recv())
        topic = message.get("topic", "")
        if message["type"] == "snapshot":
            self.documents[topic] = message["data"]
        elif message["type"] == "change":
            assert (message["epoch"], message["seq"] - 1) == self.places[topic], "a change without the one before it"
            self.documents[topic] = patched(self.documents[topic], message["changes"])
        if message["type"] in ("snapshot", "change"):
            self.places[topic] = (message["epoch"], message["seq"])
        return message

    async def hear(self, kind: str, seconds: float = 10.0) -> dict[str, Any]:
        """The next message of a type; others are passed over."""
        async with asyncio.timeout(PATIENCE * seconds):
            while (message := await self.next())["type"] != kind:
                pass
            return message

    async def shows(self, topic: str, condition: Callable[[Any], object], seconds: float = 20.0) -> list[dict[str, Any]]:
        """Wait until the page's document is so; what was heard meanwhile."""
        heard: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE * seconds):
            while topic not in self.documents or not condition(self.documents[topic]):
                heard.append(await self.next())
        return heard

    async def equals_core(self, centre: Centre, topic: str, name: str = "", tenant: str = "mine", seconds: float = 20.0) -> None:
        """Wait until the page shows exactly what core has under ``name``."""
        host = centre.host(tenant)
        async with asyncio.timeout(PATIENCE * seconds):
            while True:
                sequence, document = host.partition.live.document(name or topic)
                if self.places.get(topic) == (host.engine.epoch, sequence) and not host.partition.live.view.touched:
                    break
                await self.next()
        assert self.documents[topic] == msgspec.json.decode(msgspec.json.encode(document))

    async def close(self) -> None:
        await self.socket.close()

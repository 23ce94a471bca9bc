"""One live WebSocket: hello, snapshots, changes, until the session or the connection ends."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from yitong.contact.bus import Refused
from yitong.kit.clock import Clock
from yitong.kit.http import Caller
from yitong.web.live.feed import Feed, Place
from yitong.web.live.hub import Hub, Subject

PROTOCOL = "yitong.live.v1"
SILENCE_SECONDS = 15.0
HELLO_SECONDS = 10.0
SEND_SECONDS = 15.0
RETRY_SECONDS = 1.0
LONGEST_MESSAGE = 64 * 1024
WAITING_ANSWERS = 50
CLOSE_BAD_MESSAGE = 4400
CLOSE_ENDED = 4401
CLOSE_SLOW = 4408


class Hello(msgspec.Struct, frozen=True, tag_field="type", tag="hello"):
    """What a page begins with: its token, and per topic how far it is."""

    token: str
    topics: dict[str, Place | None] = {}


class Ping(msgspec.Struct, frozen=True, tag_field="type", tag="ping"):
    """A page is there."""


class Topic:
    """A topic that a page watches."""

    def __init__(self, subject: Subject, feed: Feed, place: Place | None) -> None:
        self.subject = subject
        self.feed = feed
        self.place = place
        self.told_stale = False


_decoder = msgspec.json.Decoder(Hello | Ping)
_encoder = msgspec.json.Encoder()


class LiveSocket:
    """The page's end of a live WebSocket; ``number`` is unique in this process."""

    def __init__(self, socket: WebSocket, hub: Hub, clock: Clock, number: int) -> None:
        self._socket = socket
        self._hub = hub
        self._clock = clock
        self._answers: deque[dict[str, Any]] = deque()
        self._awake = asyncio.Event()
        self._topics: dict[str, Topic] = {}
        self._heard = clock.monotonic()
        self.number = number
        self.caller: Caller | None = None
        self.over: tuple[int, str] | None = None

    @property
    def shows_desk(self) -> bool:
        """It is an agent's desk."""
        return "desk" in self._topics

    def wake(self) -> None:
        """There may be something to send."""
        self._awake.set()

    def say(self, message: dict[str, Any]) -> None:
        """Send ``message`` before anything else that waits. A page that does not take its answers is ended."""
        if len(self._answers) >= WAITING_ANSWERS:
            self.end(CLOSE_SLOW, "slow")
        self._answers.append(message)
        self.wake()

    def end(self, code: int, reason: str) -> None:
        """Say that it is over, and close."""
        self.over = self.over or (code, reason)
        self.wake()

    async def take_over(self) -> None:
        """The same agent opened a newer desk: this one watches it no longer, and is told."""
        await self.drop("desk")
        self.say({"type": "taken_over"})

    async def hear(self, seconds: float) -> Hello | Ping | None:
        """The page's next message; None when it said something that is not one. Raises TimeoutError, WebSocketDisconnect."""
        async with asyncio.timeout(seconds):
            frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1005))
        self._heard = self._clock.monotonic()
        data = frame.get("text") or frame.get("bytes") or ""
        if len(data) > LONGEST_MESSAGE:
            return None
        try:
            message: Hello | Ping = _decoder.decode(data)
        except msgspec.MsgspecError:
            return None
        return message

    async def open(self, name: str, subject: Subject, place: Place | None) -> None:
        """Watch a topic from ``place``."""
        await self.drop(name)
        self._topics[name] = Topic(subject, await self._hub.watch(subject, self.number, self.wake), place)
        self.wake()

    async def drop(self, name: str) -> None:
        """Watch a topic no longer."""
        topic = self._topics.pop(name, None)
        if topic is not None:
            await self._hub.leave(topic.subject, self.number)

    async def drop_all(self) -> None:
        """The connection is gone."""
        for name in list(self._topics):
            await self.drop(name)

    async def write(self) -> None:
        """Send what there is to send until it is over; a page that takes nothing for 15 s is ended."""
        while True:
            missing = await self._send_all()
            if self.over is not None:
                await self._close(*self.over)
                return
            try:
                async with asyncio.timeout(RETRY_SECONDS if missing else None):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def _send_all(self) -> bool:
        """Send answers and changes; whether some document could not be had."""
        self._awake.clear()
        while self._answers:
            await self._send(self._answers.popleft())
        missing = False
        for name, topic in list(self._topics.items()):
            if self._topics.get(name) is topic and not self.over:
                missing |= not await self._bring_up_to_date(name, topic)
        return missing

    async def _bring_up_to_date(self, name: str, topic: Topic) -> bool:
        await self._tell_stale(name, topic, self._hub.stale)
        if self._hub.stale:
            return True
        updates = topic.feed.since(topic.place)
        if updates is None:
            try:
                document = await self._hub.snapshot(topic.subject)
            except TimeoutError:
                await self._tell_stale(name, topic, True)
                return False
            topic.place = document.place
            await self._tell_stale(name, topic, False)
            await self._send({"type": "snapshot", "topic": name, "epoch": document.epoch, "seq": document.seq, "data": document.data})
            updates = topic.feed.since(topic.place) or []
        for update in updates:
            topic.place = Place(update.epoch, update.seq)
            await self._send({"type": "change", "topic": name, "epoch": update.epoch, "seq": update.seq, "changes": update.changes})
        return True

    async def _tell_stale(self, name: str, topic: Topic, stale: bool) -> None:
        if topic.told_stale != stale:
            topic.told_stale = stale
            await self._send({"type": "stale", "topic": name, "stale": stale})

    async def _send(self, message: dict[str, Any]) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_text(_encoder.encode(message).decode())

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        if code == CLOSE_ENDED:
            await self._send({"type": "ended", "reason": reason})
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.close(code, reason)


def subject_of(name: str, caller: Caller) -> Subject:
    """What ``caller`` watches under the name ``name``. Raises Refused: nobody watches another's desk, or the board without the right."""
    if name == "desk":
        if not caller.agent:
            raise Refused("no_agent")
        return Subject(caller.tenant, caller.site, f"desk.{caller.agent}")
    if name == "board":
        if not caller.may("board.see"):
            raise Refused("forbidden", right="board.see")
        return Subject(caller.tenant, caller.site, "board")
    if name == "conferences":
        if not caller.may("conferences.host"):
            raise Refused("forbidden", right="conferences.host")
        return Subject(caller.tenant, caller.site, "conferences")
    raise Refused("not_found")

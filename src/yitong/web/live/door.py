"""Who may come in to the live WebSocket, one desk per agent, and the end of sessions (reliability W4, N4, N6)."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from yitong.contact.bus import Refused
from yitong.domains.security.service import LOCKED, Recognition, SessionKeeper
from yitong.kit.clock import Clock
from yitong.kit.database import OUTAGES as DATABASE_OUTAGES
from yitong.kit.ids import Ids
from yitong.kit.nats import OUTAGES, Nats
from yitong.kit.tasks import Tasks
from yitong.web.live.hub import Hub
from yitong.web.live.socket import CLOSE_BAD_MESSAGE, CLOSE_ENDED, HELLO_SECONDS, PROTOCOL, SILENCE_SECONDS, Hello, LiveSocket, subject_of

SWEEP_SECONDS = 2.0
LARGEST_CROWD = 5_000
_log = structlog.get_logger("yitong.live")


class DeskTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The desk of ``agent`` was opened on the socket ``id``; every other one gives it up."""

    tenant: str
    agent: str
    id: str


class Door:
    """All live WebSockets of this process."""

    def __init__(
        self, hub: Hub, recognition: Recognition, keeper: SessionKeeper, nats: Nats, clock: Clock, ids: Ids, tasks: Tasks
    ) -> None:
        self._hub = hub
        self._recognition = recognition
        self._keeper = keeper
        self._nats = nats
        self._clock = clock
        self._ids = ids
        self._tasks = tasks
        self._sockets: dict[int, LiveSocket] = {}
        self._desks: dict[int, str] = {}
        self._numbers = itertools.count(1)

    async def open(self) -> None:
        """Begin to listen for desks opened elsewhere, and to end sockets whose session is over."""
        await self._nats.subscribe("web.desk_taken", DeskTaken, self._desk_taken)
        self._tasks.keep(self._sweep, "live documents: end of sessions")

    def count(self) -> int:
        """Sockets open now."""
        return len(self._sockets)

    def end_sessions(self, sessions: list[str], reason: str) -> None:
        """These sessions are over: so are their pages."""
        gone = set(sessions)
        for socket in self._sockets.values():
            if socket.caller is not None and socket.caller.session in gone:
                socket.end(CLOSE_ENDED, reason)

    async def enter(self, websocket: WebSocket) -> None:
        """Serve one page from its first byte to its last."""
        if not same_origin(websocket) or len(self._sockets) >= LARGEST_CROWD:
            await websocket.close(1008)
            return
        offered = websocket.scope.get("subprotocols", [])
        await websocket.accept(PROTOCOL if PROTOCOL in offered else None)
        socket = LiveSocket(websocket, self._hub, self._clock, next(self._numbers))
        self._sockets[socket.number] = socket
        writer = self._tasks.start(_write(socket), f"live socket {socket.number}")
        try:
            await self._serve(socket, writer)
        except (WebSocketDisconnect, TimeoutError):
            pass
        finally:
            self._sockets.pop(socket.number, None)
            self._desks.pop(socket.number, None)
            writer.cancel()
            await socket.drop_all()

    async def _serve(self, socket: LiveSocket, writer: asyncio.Task[None]) -> None:
        seconds = HELLO_SECONDS
        while not writer.done():
            reader = self._tasks.start(_hear(socket, seconds), f"live socket {socket.number}: next message")
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            if not reader.done():
                reader.cancel()
                return
            message = reader.result()
            if message == "gone":
                return
            if isinstance(message, Hello):
                await self._greet(socket, message)
            elif message is None or socket.caller is None:
                socket.end(CLOSE_BAD_MESSAGE, "hello expected" if socket.caller is None else "message not understood")
            else:
                socket.say({"type": "pong", "now": self._clock.wall()})
            seconds = SILENCE_SECONDS

    async def _greet(self, socket: LiveSocket, hello: Hello) -> None:
        try:
            socket.caller = await self._recognition.caller(hello.token, "")
        except Refused as refusal:
            socket.end(CLOSE_ENDED, refusal.code)
            return
        except DATABASE_OUTAGES:
            socket.end(1013, "database_unavailable")
            return
        if socket.caller.locked:
            socket.end(CLOSE_ENDED, LOCKED)
            return
        for name, place in list(hello.topics.items())[:10]:
            try:
                subject = subject_of(name, socket.caller)
            except Refused as refusal:
                socket.say({"type": "refused", "topic": name, "code": refusal.code})
                continue
            if name == "desk":
                await self._take_desk(socket)
            await socket.open(name, subject, place)

    async def _take_desk(self, socket: LiveSocket) -> None:
        """Last one wins, here and in every other web process."""
        assert socket.caller is not None
        own = self._desks[socket.number] = self._ids.new(self._clock.now())
        taken = DeskTaken(tenant=socket.caller.tenant, agent=socket.caller.agent, id=own)
        await self._desk_taken("", taken)
        try:
            await self._nats.publish("web.desk_taken", taken)
        except OUTAGES:
            _log.warning("desk opened while nats is away; another one may stay open", agent=socket.caller.agent)

    async def _desk_taken(self, _: str, taken: DeskTaken) -> None:
        for number, own in list(self._desks.items()):
            socket = self._sockets.get(number)
            if socket is None or socket.caller is None or own >= taken.id:
                continue
            if (socket.caller.tenant, socket.caller.agent) == (taken.tenant, taken.agent):
                self._desks.pop(number, None)
                await socket.take_over()

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            callers = {socket.caller.session: socket.shows_desk for socket in self._sockets.values() if socket.caller is not None}
            limits = {socket.caller.session: socket.caller.expires_at for socket in self._sockets.values() if socket.caller is not None}
            for session, reason in (await self._keeper.over(callers, limits)).items():
                self._recognition.forget([session])
                self.end_sessions([session], reason)


def same_origin(websocket: WebSocket) -> bool:
    """Whether a browser's page from our own address asks (or no browser at all): RFC 6455 §10.2, reliability W7."""
    origin = websocket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == websocket.headers.get("host", "").lower()


async def _write(socket: LiveSocket) -> None:
    try:
        await socket.write()
    except (WebSocketDisconnect, TimeoutError, RuntimeError, OSError):
        return


async def _hear(socket: LiveSocket, seconds: float) -> Any:
    try:
        return await socket.hear(seconds)
    except (WebSocketDisconnect, TimeoutError, RuntimeError):
        return "gone"

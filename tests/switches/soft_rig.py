"""The soft switch under test: a real media worker, real sockets on loopback, user agents that behave as told."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from tests.ports import free_range
from tests.switches.agents import Agent
from tests.switches.gateways import Gateway
from tests.switches.rigs import CALLED, CALLING, LENGTHS, OPTIONS, TENANT, matching

from yitong.ct.events import AnyEvent, CtEvent, Delivered, Snapshot
from yitong.ct.services import AnyService
from yitong.ct.switches.soft.media_settings import MediaSettings
from yitong.ct.switches.soft.media_worker import MediaWorker
from yitong.ct.switches.soft.options import SoftOptions
from yitong.ct.switches.soft.outside import Health
from yitong.ct.switches.soft.switch import SoftSwitch
from yitong.kit.clock import SystemClock
from yitong.kit.ids import RandomIds
from yitong.kit.tasks import Tasks
from yitong.sip.digest import ha1

E = TypeVar("E", bound=CtEvent)
SITE = "s1"
PATIENCE_SECONDS = 30.0


class Media:
    """A media worker in a thread, for many switches one after another."""

    def __init__(self, home: Path, folder: Path, name: str, bind: str) -> None:
        (home / "prompts").mkdir(parents=True, exist_ok=True)
        for prompt, seconds in LENGTHS.items():
            (home / "prompts" / prompt).write_bytes(tone(seconds))
        low = free_range(200)
        self.home = home
        self.socket = folder / name
        settings = MediaSettings(home=home, socket=self.socket, ports=(low, low + 199), rows=64, recordings=16, bind=bind)
        self._worker = MediaWorker(settings, SystemClock())
        self._thread = threading.Thread(target=self._worker.run)
        self._thread.start()

    def next_port(self) -> int:
        """Where the next row will listen."""
        return next(iter(self._worker._opening._stock), 0) or self._worker._ports._free[0]

    @contextmanager
    def starved(self) -> Iterator[None]:
        """The worker gets no CPU meanwhile."""
        gate, step = threading.Lock(), self._worker.step

        def gated(now: int) -> None:
            with gate:
                step(now)

        with gate, patch.object(self._worker, "step", gated):
            yield

    def stop(self) -> None:
        self._worker.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()


@contextmanager
def running_media(home: Path, name: str = "media.sock", bind: str = "127.0.0.1") -> Iterator[Media]:
    with tempfile.TemporaryDirectory() as folder:
        media = Media(home, Path(folder), name, bind)
        try:
            yield media
        finally:
            media.stop()


def tone(seconds: float) -> bytes:
    """A WAV file of a quiet square wave, 8 kHz mono."""
    count = int(seconds * 8000)
    samples = b"".join(struct.pack("<h", 800 if index // 8 % 2 else -800) for index in range(count))
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", len(samples)
    )
    return head + samples


def account(number: str, password: str = "secret", realm: str = "yitong") -> bytes:
    fields: dict[str, Any] = {
        "username": number,
        "realm": realm,
        "agent": f"agent-{number}",
        "kind": "phone",
        "site": SITE,
        "extension": number,
    }
    fields["ha1_md5"] = ha1("MD5", number, realm, password)
    fields["ha1_sha256"] = ha1("SHA-256", number, realm, password)
    return json.dumps(fields).encode()


class SoftFar:
    """A caller on the trunk ``demo``."""

    def __init__(self, rig: SoftRig, agent: Agent, connection: str, call: str) -> None:
        self._rig, self.agent, self.connection, self.call = rig, agent, connection, call

    async def hang_up(self) -> None:
        self.agent.hang_up()

    async def press(self, digits: str) -> None:
        await self._rig.true(lambda: self.agent.rtp.target[1] != 0)
        await self.agent.rtp.press(digits)

    def hears_ringing(self) -> bool:
        return 180 in self.agent.responses

    def is_answered(self) -> bool:
        return 200 in self.agent.responses

    def is_released(self) -> bool:
        return self.agent.released


class SoftPhone:
    """A registered desk phone."""

    def __init__(self, rig: SoftRig, agent: Agent, number: str, kind: str = "phone") -> None:
        self._rig, self.agent = rig, agent
        self.device = f"{TENANT}/{kind}/{number}"

    async def pick_up(self) -> None:
        await self._rig.true(lambda: self.agent.ringing is not None)
        self.agent.pick_up()

    async def refuse(self) -> None:
        await self._rig.true(lambda: self.agent.ringing is not None)
        self.agent.refuse()

    async def hang_up(self) -> None:
        self.agent.hang_up()

    async def hold(self) -> None:
        await self._rig.true(lambda: self.agent.acks > 0 or self.agent.invite is not None)
        self.agent.reinvite(hold=True)

    async def retrieve(self) -> None:
        await self._rig.true(lambda: self.agent.dialog is not None and not self.agent.dialog.invite_out)
        self.agent.reinvite(hold=False)

    async def press(self, digits: str) -> None:
        await self.agent.rtp.press(digits)

    async def call(self, number: str) -> None:
        self.agent.call(number)

    def ignores(self) -> None:
        self.agent.mode = "ignore"

    def is_full(self) -> None:
        """Of a gateway: every call is answered with 503."""
        assert isinstance(self.agent, Gateway)
        self.agent.answers = 503

    def is_busy(self) -> None:
        self.agent.mode = "busy"

    def calling_shown(self) -> str:
        return self.agent.invitations[-1].from_.uri.user

    def called_shown(self) -> str:
        return self.agent.invitations[-1].uri.user

    def is_ringing(self) -> bool:
        return self.agent.ringing is not None

    def digits_heard(self) -> str:
        return self.agent.rtp.keys


class SoftRig:
    """The soft switch with its surroundings; waiting is real."""

    def __init__(self, home: Path, media: Media, **fields: Any) -> None:
        self.home, self.media_home = home, media.home
        self.tasks = Tasks()
        given: dict[str, Any] = {"sip_port": 0, "ws_port": None, "switching": OPTIONS, **fields}
        self.options = SoftOptions(home=home, media_sockets=(media.socket,), **given)
        self.switch: SoftSwitch
        self.events: list[AnyEvent] = []
        self.agents: list[Agent] = []

    async def start(self) -> SoftRig:
        self.switch = SoftSwitch(self.options, SystemClock(), RandomIds(), self.tasks)
        await self.switch.start()
        self.switch.monitor(self.events.append)
        self.configure("site", SITE, {"code": "main"})
        self.configure("trunk", "demo", {"code": "demo", "addresses": ["127.0.0.0/8"], "site": SITE})
        self.configure("number", "n1", {"number": CALLED, "trunk": "demo", "flow": "f1", "site": SITE, "web": True})
        await self.true(self.switch.sound.has_room)
        return self

    def configure(self, kind: str, name: str, fields: dict[str, Any]) -> None:
        self.switch.configure(f"{TENANT}.{kind}.{name}", json.dumps(fields).encode())

    @property
    def server(self) -> tuple[str, int]:
        return self.options.bind, self.switch.transports.ports["udp"]

    async def agent(self, user: str, password: str = "") -> Agent:
        agent = await Agent(user, self.server, password, self.options.bind).open()
        self.agents.append(agent)
        return agent

    # --- Rig ---

    def ask(self, service: AnyService) -> None:
        self.switch.ask(service, SITE)

    async def incoming(self, calling: str = CALLING) -> SoftFar:
        seen = len(self.events)
        agent = await self.agent(calling)
        agent.call(CALLED)
        await self.true(lambda: matching(self.events[seen:], Delivered, {"incoming": True}) is not None)
        told = matching(self.events[seen:], Delivered, {"incoming": True})
        assert told is not None
        return SoftFar(self, agent, told.connection, told.call)

    async def phone(self, number: str) -> SoftPhone:
        self.switch.configure(f"{TENANT}.account.a{number}", account(number))
        agent = await self.agent(number, "secret")
        agent.register()
        await self.true(lambda: agent.registered != 0)
        assert agent.registered == 200
        return SoftPhone(self, agent, number)

    async def operator(self, code: str, **fields: Any) -> Gateway:
        """The far end of a trunk that calls out, which has answered its first OPTIONS."""
        gateway = Gateway(code, self.server)
        await gateway.open()
        self.agents.append(gateway)
        self.configure("trunk", code, {"code": code, "site": SITE, "host": "127.0.0.1", "port": gateway.port, **fields})
        trunks = self.switch.trunks.outside.trunks
        await self.true(lambda: f"{TENANT}/trunk/{code}" in trunks and trunks[f"{TENANT}/trunk/{code}"].health is Health.UP)
        return gateway

    async def gateway(self, code: str) -> SoftPhone:
        return SoftPhone(self, await self.operator(code, caller_id="given"), code, "trunk")

    async def settle(self, seconds: float = 0.2) -> None:
        await asyncio.sleep(seconds)

    async def until(self, kind: type[E], **fields: Any) -> E:
        await self.true(lambda: matching(self.events, kind, fields) is not None, f"{kind.__name__} {fields}")
        found = matching(self.events, kind, fields)
        assert found is not None
        return found

    async def true(self, condition: Callable[[], bool], what: str = "") -> None:
        limit = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < limit, f"never true: {what}; last events {self.events[-6:]}"
            await asyncio.sleep(0.005)

    def snapshot(self) -> Snapshot:
        return self.switch.snapshot_of(TENANT, SITE)

    def since(self, epoch: int, sequence: int) -> list[AnyEvent] | None:
        return self.switch.function.log.since(TENANT, SITE, epoch, sequence)

    async def close(self) -> None:
        for agent in self.agents:
            agent.close()
        await self.switch.close()
        await self.tasks.close()


def home_of(base: Path) -> Path:
    """A home whose prompts and recordings are the media worker's."""
    home = base / f"home-{os.urandom(4).hex()}"
    home.mkdir()
    return home

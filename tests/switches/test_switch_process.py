"""The switch as a process of its own over a real NATS server: services, events, Monitor Start; killed and come back (cases K1, K2)."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import sys
import time
import wave
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.ports import free_port
from tests.switches.agents import Agent
from tests.switches.rigs import CALLED, CALLING, PROMPT, TENANT
from tests.switches.situations import make, new_id
from tests.switches.soft_rig import SITE, Media, account, running_media
from tests.tcp import peers

from yitong.app import streams
from yitong.ct import services
from yitong.ct.events import (
    AnyEvent,
    ConnectionCleared,
    Delivered,
    DeviceChanged,
    Established,
    Played,
    RecordingEnded,
    RecordingStarted,
    Snapshot,
    SwitchStarted,
)
from yitong.ct.model import Cause
from yitong.kit.nats import Nats
from yitong.media import g711

PLACE = f"{TENANT}.{SITE}"


class World:
    """A switch process, its NATS, its media worker, and the phones around it."""

    def __init__(self, home: Path, media: Media, nats: Nats, url: str) -> None:
        self.home, self.media, self.nats, self.url = home, media, nats, url
        self.sip_port, self.ws_port = free_port(), free_port()
        self.events: list[AnyEvent] = []
        self.agents: list[Agent] = []
        self.process: Process | None = None

    async def start(self) -> None:
        environment = {
            **os.environ, "YITONG_HOME": str(self.home), "YITONG_SIP_PORT": str(self.sip_port), "YITONG_SIP_WS_PORT": str(self.ws_port),

            "YITONG_NATS_URL": self.url, "YITONG_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "YITONG_MEDIA_WORKERS": "1", "YITONG_RUNTIME": str(self.media.socket.parent),
        }  # fmt: skip
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a second life finds its modules compiled, as it does at an operator's
        log = (self.home / "switch.log").open("ab")
        try:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "from yitong.app.cli import main; raise SystemExit(main(['switch']))", env=environment,
                stdout=log, stderr=log,
            )  # fmt: skip
        finally:
            log.close()

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    async def configure(self) -> None:
        await streams.prepare(self.nats)
        await _empty(self.nats, "config")
        bucket = await self.nats.bucket("config")
        entries: dict[str, bytes] = {
            f"site.{SITE}": json.dumps({"code": "main"}).encode(),
            "trunk.demo": json.dumps({"code": "demo", "addresses": ["127.0.0.0/8"], "site": SITE}).encode(),
            "number.n1": json.dumps({"number": CALLED, "trunk": "demo", "site": SITE}).encode(),
            "account.a1001": account("1001"),
            "account.a1002": account("1002"),
        }
        for key, value in entries.items():
            await bucket.put(f"{TENANT}.{key}", value)
        await self.nats.subscribe(f"ct.event.{PLACE}", list[AnyEvent], self._heard)

    async def _heard(self, _: str, events: list[AnyEvent]) -> None:
        self.events += events

    async def ask(self, *asked: services.AnyService) -> None:
        await self.nats.publish(f"ct.service.{PLACE}", list(asked))

    async def monitor(self, epoch: int = 0, sequence: int = 0) -> list[AnyEvent] | Snapshot:
        answer: list[AnyEvent] | Snapshot = await self.nats.request(
            f"ct.monitor.{PLACE}", {"epoch": epoch, "sequence": sequence}, list[AnyEvent] | Snapshot, seconds=5.0
        )
        return answer

    async def agent(self, user: str, password: str = "") -> Agent:
        agent = await Agent(user, ("127.0.0.1", self.sip_port), password).open()
        self.agents.append(agent)
        return agent

    async def until(self, kind: type[Any], seconds: float = 40.0, **fields: Any) -> Any:
        limit = time.monotonic() + seconds
        while True:
            for event in self.events:
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                    return event
            assert time.monotonic() < limit, f"no {kind.__name__} {fields} in {self.events[-6:]}"
            await asyncio.sleep(0.01)

    async def true(self, condition: Callable[[], bool], seconds: float = 40.0) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, f"never true; {[one.responses for one in self.agents]} {self.events[-6:]}"
            await asyncio.sleep(0.01)

    async def answers_options(self) -> None:
        """Wait until the switch answers OPTIONS."""
        with datagrams() as sock:
            port = sock.getsockname()[1]
            for number in range(200):
                sock.sendto(
                    f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{number}x{port};rport\r\n"
                    f"From: <sip:probe@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {port}-{number}\r\nCSeq: 1 OPTIONS\r\n"
                    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode(),
                    ("127.0.0.1", self.sip_port),
                )
                await asyncio.sleep(0.05)
                try:
                    if sock.recv(4096).startswith(b"SIP/2.0 200"):
                        return
                except OSError:
                    continue
        raise AssertionError("no answer to OPTIONS in 10 s")


@contextmanager
def datagrams() -> Any:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    try:
        yield sock
    finally:
        sock.close()


@pytest.fixture
async def world(tmp_path: Path, nats: Nats, nats_url: str) -> AsyncIterator[World]:
    home = tmp_path / "home"
    home.mkdir()
    with running_media(home, "media-0.sock") as media:
        made = World(home, media, nats, nats_url)
        await made.configure()
        await made.start()
        try:
            await made.until(SwitchStarted)
            yield made
        finally:
            await made.stop()
            for agent in made.agents:
                agent.close()
            for key in ("config", "credentials"):
                await _empty(nats, key)


async def _empty(nats: Nats, bucket: str) -> None:
    await nats.js.purge_stream(f"KV_{bucket}")


async def registered(world: World, number: str) -> Agent:
    phone = await world.agent(number, "secret")
    phone.register()
    await world.until(DeviceChanged)
    await world.true(lambda: phone.registered == 200)
    return phone


async def talking(world: World, number: str) -> tuple[Agent, Agent, str, str]:
    """A caller talks with a phone; caller, phone, their connections."""
    phone = await registered(world, number)
    caller = await world.agent(CALLING)
    count = len(world.events)
    caller.call(CALLED)
    await world.true(lambda: any(isinstance(event, Delivered) and event.incoming for event in world.events[count:]))
    told = next(event for event in world.events[count:] if isinstance(event, Delivered) and event.incoming)
    agent = new_id()
    target = services.Target(connection=agent, device=f"{TENANT}/phone/{number}")
    await world.ask(make(services.Answer, connection=told.connection))
    await world.until(Established, connection=told.connection)
    await world.ask(make(services.Route, connection=told.connection, targets=(target,), calling=CALLING))
    await world.true(lambda: phone.ringing is not None)
    phone.pick_up()
    await world.until(Established, connection=agent)
    return caller, phone, told.connection, agent


def spoken(frame: bytes) -> int:
    """The sample of a frame whose octets are the same."""
    return int(g711.decode(np.frombuffer(frame, np.uint8)[None], np.array([g711.law_index(g711.PCMA)], np.uint8))[0, 0])


def said(file: Path) -> tuple[int, int]:
    """The commonest sample on each of the two tracks of a recording."""
    with wave.open(str(file), "rb") as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)
    left, right = (Counter(samples[:, track].tolist()).most_common(1)[0][0] for track in (0, 1))
    return left, right


@pytest.mark.req("H24", "H27")
async def test_every_act_of_the_switch_is_asked_and_told_by_messages_over_tcp(world: World) -> None:
    """提机、放音、交换、录音、转接、挂机、拨号 (H24): each asked by a service, done at real telephones, told by an event."""
    first, second = await registered(world, "1001"), await registered(world, "1002")
    caller = await world.agent(CALLING)
    for number, one in enumerate((caller, first, second)):
        one.rtp.frame = bytes([0x2A + number]) * 160  # everybody says something of his own
    assert world.process is not None
    assert int(world.url.rpartition(":")[2]) in peers(world.process.pid)

    def hears(one: Agent, whom: Agent) -> bool:
        return one.rtp.heard[-1:] == [whom.rtp.frame]

    caller.call(CALLED)
    told = await world.until(Delivered, incoming=True)
    assert (told.calling, told.called) == (CALLING, CALLED)
    incoming, agent, other, recording = told.connection, new_id(), new_id(), new_id()
    await world.ask(make(services.Answer, connection=incoming))
    await world.until(Established, connection=incoming)
    await world.ask(make(services.Play, connection=incoming, prompts=(PROMPT,)))
    await world.true(lambda: any(len({*frame}) > 1 for frame in caller.rtp.heard))
    assert (await world.until(Played, connection=incoming)).completed

    target = services.Target(connection=agent, device=f"{TENANT}/phone/1001")
    await world.ask(make(services.Route, connection=incoming, targets=(target,), calling=CALLING))
    await world.true(lambda: first.ringing is not None)
    assert first.invitations[0].from_.uri.user == CALLING
    first.pick_up()
    await world.until(Established, connection=agent)
    file = f"{recording}.wav"
    await world.ask(make(services.StartRecording, recording=recording, call=told.call, left=incoming, right=agent, file=file))
    await world.until(RecordingStarted, recording=recording)
    await world.true(lambda: hears(caller, first) and hears(first, caller))
    await asyncio.sleep(0.5)
    await world.ask(make(services.StopRecording, recording=recording))
    ended = await world.until(RecordingEnded, recording=recording)
    assert (ended.complete, ended.milliseconds >= 400) == (True, True)
    assert said(world.home / "recordings" / file) == tuple(spoken(one.rtp.frame) for one in (caller, first))

    await world.ask(make(services.SingleStepTransfer, connection=agent, target=services.Target(
        connection=other, device=f"{TENANT}/phone/1002")))  # fmt: skip
    await world.true(lambda: second.ringing is not None)
    second.pick_up()
    await world.true(lambda: first.released and hears(caller, second) and hears(second, caller))
    await world.ask(make(services.Clear, connection=other))
    await world.true(lambda: second.released and caller.released)
    assert (await world.until(ConnectionCleared, connection=other)).by_device is False

    dialled = new_id()
    await world.ask(make(services.Make, call=new_id(), connection=dialled, device=f"{TENANT}/phone/1001", called="1002"))
    for one in (first, second):
        await world.true(lambda one=one: one.ringing is not None)  # type: ignore[misc]
        one.pick_up()
    await world.true(lambda: hears(first, second) and hears(second, first))
    await world.ask(make(services.Clear, connection=dialled))
    await world.true(lambda: first.released and second.released)


async def test_services_and_events_over_nats(world: World) -> None:
    caller, phone, connection, agent = await talking(world, "1001")
    assert phone.invitations[0].from_.uri.user == CALLING
    snapshot = await world.monitor()
    assert isinstance(snapshot, Snapshot)
    assert {one.connection for one in snapshot.connections} == {connection, agent}
    again = await world.monitor(snapshot.epoch, snapshot.sequence - 2)
    assert isinstance(again, list)
    assert [event.sequence for event in again] == [snapshot.sequence - 1, snapshot.sequence]
    await world.ask(make(services.Clear, connection=agent))
    await world.true(lambda: phone.released and caller.released)


@pytest.mark.case("K1")
async def test_killed_switch_comes_back_with_its_calls(world: World) -> None:
    one = await talking(world, "1001")
    two = await talking(world, "1002")
    recording = new_id()
    call = (await world.until(Delivered, connection=one[2])).call
    await world.ask(make(services.StartRecording, recording=recording, call=call, left=one[2], right=one[3], file=f"{recording}.wav"))
    await world.until(RecordingStarted, recording=recording)
    await asyncio.sleep(0.5)
    heard = len(one[0].rtp.arrivals)
    killed = time.monotonic()
    await world.kill()
    world.events.clear()
    await world.start()  # at once, as the supervisor does
    await world.answers_options()
    assert time.monotonic() - killed < 5.0
    started = await world.until(SwitchStarted)
    assert (started.epoch, started.calls_kept) == (2, 2)
    arrivals = one[0].rtp.arrivals[heard:]
    assert max(later - earlier for earlier, later in itertools.pairwise(arrivals)) < 4.0
    one[0].hang_up()  # the caller of the first call
    two[1].hang_up()  # the agent of the second
    await world.true(lambda: one[1].released and two[0].released)
    ended = await world.until(RecordingEnded, recording=recording)
    assert ended.complete
    assert ended.milliseconds >= 400
    await world.until(ConnectionCleared, connection=two[2])
    snapshot = await world.monitor()
    assert isinstance(snapshot, Snapshot)
    assert snapshot.connections == ()
    assert {device.account for device in snapshot.devices if device.registered} == {"1001", "1002"}


@pytest.mark.case("K2")
async def test_calls_in_setup_are_ended_by_the_next_switch(world: World) -> None:
    phone = await registered(world, "1001")
    caller = await world.agent(CALLING)
    caller.call(CALLED)
    told = await world.until(Delivered, incoming=True)
    await world.ask(make(services.Answer, connection=told.connection))
    await world.until(Established, connection=told.connection)
    target = services.Target(connection=new_id(), device=f"{TENANT}/phone/1001")
    await world.ask(make(services.Route, connection=told.connection, targets=(target,)))
    await world.true(lambda: phone.ringing is not None)
    waiting = await world.agent("13900000000")
    waiting.call(CALLED)
    await world.true(lambda: sum(isinstance(event, Delivered) and event.incoming for event in world.events) == 2)
    await world.kill()
    world.events.clear()
    await world.start()
    await world.until(SwitchStarted)
    await world.true(lambda: phone.ringing is None and bool(phone.cancels))
    await world.true(lambda: 503 in waiting.responses)
    snapshot = await world.monitor()
    assert isinstance(snapshot, Snapshot)
    assert [one.connection for one in snapshot.connections] == [told.connection]
    caller.hang_up()
    assert (await world.until(ConnectionCleared, connection=told.connection)).cause is Cause.NORMAL

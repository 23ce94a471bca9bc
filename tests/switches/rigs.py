"""What the one suite needs of a switch under test, simulated or real: callers, phones, and time to pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from yitong.ct.events import AnyEvent, CtEvent, Delivered, Snapshot
from yitong.ct.model import Cause, ConnectionState, DeviceKind, Prompt
from yitong.ct.services import AnyService
from yitong.ct.switching.board import Options
from yitong.sim.switch import BUSY, FULL, IGNORES, Behaviour, SimSwitch
from yitong.sim.timeline import Timeline

E = TypeVar("E", bound=CtEvent)
TENANT = "t1"
CALLED = "96900"
CALLING = "13800138000"
PROMPT = Prompt(file="hello.wav")
LONG = Prompt(file="long.wav")
MUSIC = "music.wav"
LENGTHS = {"hello.wav": 0.3, "long.wav": 20.0, "music.wav": 2.0}
OPTIONS = Options(core_seconds=1.5, dial_seconds=0.0)


class Phone(Protocol):
    """A registered device. ``device`` is its id, ``last`` what it saw of the newest call."""

    device: str

    async def pick_up(self) -> None: ...
    async def refuse(self) -> None: ...
    async def hang_up(self) -> None: ...
    async def hold(self) -> None: ...
    async def retrieve(self) -> None: ...
    async def press(self, digits: str) -> None: ...
    async def call(self, number: str) -> None: ...
    def ignores(self) -> None: ...
    def is_busy(self) -> None: ...
    def is_full(self) -> None: ...
    def calling_shown(self) -> str: ...
    def called_shown(self) -> str: ...
    def is_ringing(self) -> bool: ...
    def digits_heard(self) -> str: ...


class Far(Protocol):
    """The caller of an incoming call."""

    connection: str
    call: str

    async def hang_up(self) -> None: ...
    async def press(self, digits: str) -> None: ...
    def hears_ringing(self) -> bool: ...
    def is_answered(self) -> bool: ...
    def is_released(self) -> bool: ...


class Rig(Protocol):
    """A switch under test with its surroundings."""

    events: list[AnyEvent]

    def ask(self, service: AnyService) -> None: ...
    async def incoming(self, calling: str = CALLING) -> Far: ...
    async def phone(self, number: str) -> Phone: ...
    async def gateway(self, code: str) -> Phone: ...
    async def settle(self, seconds: float = 0.2) -> None: ...
    async def until(self, kind: type[E], **fields: Any) -> E: ...
    async def true(self, condition: Callable[[], bool]) -> None: ...
    def snapshot(self) -> Snapshot: ...
    def since(self, epoch: int, sequence: int) -> list[AnyEvent] | None: ...
    async def close(self) -> None: ...


def matching(events: list[AnyEvent], kind: type[E], fields: dict[str, Any]) -> E | None:
    """The first event of ``kind`` with these fields."""
    for event in events:
        if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
            return event
    return None


class SimFar:
    def __init__(self, rig: SimRig, calling: str) -> None:
        self._rig = rig
        self._ringing = self._answered = self._released = False
        self.connection = rig.switch.arrive(TENANT, CALLED, calling, caller=self)
        self.call = rig.switch.function.table.connections[self.connection].call

    def rings(self) -> None:
        self._ringing = True

    def accepted(self) -> None:
        self._answered = True

    def released(self, cause: Cause) -> None:
        self._released = True

    def hears(self, prompts: tuple[Prompt, ...], collecting: bool) -> None:
        """Nothing to do."""

    def linked(self, source: str, on: bool) -> None:
        """Nothing to do."""

    def hears_ringing(self) -> bool:
        return self._ringing

    def is_answered(self) -> bool:
        return self._answered

    def is_released(self) -> bool:
        return self._released

    async def hang_up(self) -> None:
        self._rig.switch.hang_up(self.connection)

    async def press(self, digits: str) -> None:
        self._rig.switch.press(self.connection, digits)


class SimPhone:
    def __init__(self, rig: SimRig, number: str, kind: DeviceKind = DeviceKind.PHONE) -> None:
        self._rig = rig
        self._known = rig.switch.register(TENANT, number, usual=IGNORES, kind=kind)
        self.device = self._known.device.device
        self._own = ""

    @property
    def _connection(self) -> str:
        return self._own or self._known.rung[-1][0]

    async def pick_up(self) -> None:
        await self._rig.true(self.is_ringing)
        self._rig.switch.pick_up(self._connection)

    async def refuse(self) -> None:
        await self._rig.true(self.is_ringing)
        self._rig.switch.refuse(self._connection, Cause.BUSY, 486)

    async def hang_up(self) -> None:
        self._rig.switch.hang_up(self._connection)

    async def hold(self) -> None:
        self._rig.switch.hold(self._connection)

    async def retrieve(self) -> None:
        self._rig.switch.retrieve(self._connection)

    async def press(self, digits: str) -> None:
        self._rig.switch.press(self._connection, digits)

    async def call(self, number: str) -> None:
        self._own = self._rig.switch.call_from(self.device, number)

    def ignores(self) -> None:
        self._known.usual = Behaviour(ring_after=None)

    def is_busy(self) -> None:
        self._known.usual = BUSY

    def is_full(self) -> None:
        self._known.usual = FULL

    def calling_shown(self) -> str:
        return self._known.rung[-1][1].calling

    def called_shown(self) -> str:
        return self._known.rung[-1][1].called

    def is_ringing(self) -> bool:
        if not self._known.rung:
            return False
        one = self._rig.switch.function.table.connections.get(self._known.rung[-1][0])
        return one is not None and one.state is ConnectionState.ALERTING

    def digits_heard(self) -> str:
        return self._rig.switch.audio.ports[self._connection].sent


class SimRig:
    """The simulated switch on a timeline: waiting is jumping."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.switch = SimSwitch(self.timeline, options=OPTIONS, length=lambda prompt: LENGTHS.get(prompt.file, prompt.silence_ms / 1000))
        self.events: list[AnyEvent] = []
        self.switch.monitor(self.events.append)

    def ask(self, service: AnyService) -> None:
        self.switch.ask(service)

    async def incoming(self, calling: str = CALLING) -> SimFar:
        far = SimFar(self, calling)
        await self.until(Delivered, connection=far.connection, incoming=True)
        return far

    async def phone(self, number: str) -> SimPhone:
        return SimPhone(self, number)

    async def gateway(self, code: str) -> SimPhone:
        """The far end of a trunk that calls out."""
        return SimPhone(self, code, DeviceKind.TRUNK)

    async def settle(self, seconds: float = 0.2) -> None:
        self.timeline.run(seconds)

    async def until(self, kind: type[E], **fields: Any) -> E:
        limit = self.timeline.now + 60_000_000
        while (found := matching(self.events, kind, fields)) is None:
            assert self.timeline.step(limit), f"no {kind.__name__} {fields} in {self.events[-8:]}"
        return found

    async def true(self, condition: Callable[[], bool]) -> None:
        limit = self.timeline.now + 60_000_000
        while not condition():
            assert self.timeline.step(limit), f"never true; events {self.events[-8:]}"

    def snapshot(self) -> Snapshot:
        return self.switch.snapshot_now()

    def since(self, epoch: int, sequence: int) -> list[AnyEvent] | None:
        return self.switch.function.log.since(TENANT, "", epoch, sequence)

    async def close(self) -> None:
        await asyncio.sleep(0)

"""A whole switch that exists only in a timeline: ``ct.port.Switch`` over simulated lines and audio.

Devices behave by script (``Behaviour``), callers are objects (``callers.Customer``). What is told to the listener may be lost, doubled
or delayed by ``faults``; ``since`` and ``snapshot`` are how a listener heals that, as with a real switch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from yitong.ct.events import AnyEvent, QualityReported, Snapshot
from yitong.ct.model import Cause, Device, DeviceKind, Prompt
from yitong.ct.numbering import NumberClass, default_rules, number_class
from yitong.ct.services import AnyService
from yitong.ct.switching.board import Options
from yitong.ct.switching.function import SwitchingFunction
from yitong.ct.switching.joining import transfer_asked
from yitong.ct.switching.ports import Invitation
from yitong.kit.clock import SECOND
from yitong.kit.ids import CountedIds, Ids
from yitong.sim.audio import SimAudio
from yitong.sim.devices import (
    ANSWERS,
    BUSY,
    DEAD,
    FULL,
    GOES_ON,
    IGNORES,
    REFUSES,
    SILENT_SECONDS,
    Behaviour,
    Caller,
    SimDevice,
    SimLine,
)
from yitong.sim.faults import Fates, perfect
from yitong.sim.lamps import SimLamps
from yitong.sim.timeline import Happening, Timeline

__all__ = [
    "ANSWERS", "BUSY", "DEAD", "FULL", "IGNORES", "REFUSES", "Behaviour", "Caller", "SimDevice", "SimLine", "SimSwitch", "connections_of",
]  # fmt: skip


class SimSwitch(SimLamps):
    """The simulated switch; also the ``Lines`` of its own switching function."""

    def __init__(
        self, timeline: Timeline, *, name: str = "sim", ids: Ids | None = None, options: Options | None = None,
        tenant: str = "t1", site: str = "", faults: Fates = perfect,
        service_faults: Fates = perfect, length: Callable[[Prompt], float] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.tenant = tenant
        self.site = site
        self.timeline = timeline
        self.ids = ids or CountedIds()
        self.faults = faults
        self.service_faults = service_faults
        self.devices: dict[str, SimDevice] = {}
        self.lines: dict[str, SimLine] = {}
        self.audio = SimAudio(timeline, length)
        self.audio.on_play, self.audio.on_link, self.audio.arm = self._plays, self._links, self._arm
        self._options = options or Options()
        self._listeners: list[Callable[[AnyEvent], None]] = []
        self._tick: Happening | None = None
        self._tick_at = 0
        self.function = self._begin(1)

    def _begin(self, epoch: int) -> SwitchingFunction:
        function = SwitchingFunction(name=self.name, epoch=epoch, lines=self, audio=self.audio, ids=self.ids, options=self._options)
        function.log.monitor(self._tell)
        self.audio.ear = function
        return function

    # --- the Switch port ---------------------------------------------------------------------------------------------------------

    def ask(self, service: AnyService) -> None:
        """Ask for a service; it arrives as ``service_faults`` allows."""
        for seconds in self.service_faults(service):
            self.timeline.after(seconds, lambda: self._do(lambda now: self.function.ask(service, now, self.site)))

    def monitor(self, listener: Callable[[AnyEvent], None]) -> None:
        self._listeners.append(listener)

    async def snapshot(self) -> Snapshot:
        return self.snapshot_now()

    def snapshot_now(self, tenant: str = "") -> Snapshot:
        """Snapshot without waiting, of the switch's own tenant or of another."""
        return self.function.snapshot(self.timeline.now, tenant or self.tenant, self.site)

    def since(self, epoch: int, sequence: int, tenant: str = "") -> list[AnyEvent] | Snapshot:
        """Monitor Start: the events since then, or a Snapshot when they are no longer held."""
        events = self.function.log.since(tenant or self.tenant, self.site, epoch, sequence)
        return self.snapshot_now(tenant) if events is None else events

    def silence(self) -> None:
        """Nobody listens any more (core died)."""
        self._listeners.clear()

    def _tell(self, event: AnyEvent) -> None:
        for listener in self._listeners:
            for seconds in self.faults(event):
                self.timeline.after(seconds, lambda told=listener: told(event))  # type: ignore[misc]

    def _do(self, action: Callable[[int], None]) -> None:
        action(self.timeline.now)
        self._arm()

    def _arm(self) -> None:
        deadline = self.function.next_deadline()
        if deadline is None or (self._tick is not None and self._tick.action is not None and self._tick_at <= deadline):
            return
        if self._tick is not None:
            self._tick.cancel()
        self._tick_at = deadline
        self._tick = self.timeline.at(deadline, lambda: self._do(self.function.tick))

    # --- the world ------------------------------------------------------------------------------------------------------------------

    def register(
        self, tenant: str, number: str, *, kind: DeviceKind = DeviceKind.PHONE, usual: Behaviour = ANSWERS, answering: bool = True
    ) -> SimDevice:
        """A device of ``tenant`` registers (again); its id is ``{tenant}/{kind}/{number}``."""
        name = f"{tenant}/{kind.value}/{number}"
        device = Device(device=name, account=number, tenant=tenant, kind=kind, site=self.site, registered=True, answering=answering)
        known = self.devices.setdefault(name, SimDevice(device, number))
        known.device, known.usual = device, usual
        self._do(lambda now: self.function.device_changed(device, now))
        return known

    def unregister(self, device: str) -> None:
        """The device's binding ends."""
        known = self.devices[device]
        gone = Device(
            device=device, account=known.number, tenant=known.device.tenant, kind=known.device.kind, site=self.site, registered=False,
            answering=False,
        )  # fmt: skip
        known.device = gone
        self._do(lambda now: self.function.device_changed(gone, now))

    def arrive(self, tenant: str, called: str, calling: str, *, caller: Caller | None = None, device: str = "",
               kind: DeviceKind = DeviceKind.TRUNK, name: str = "", linked: bool = False, data: str = "") -> str:  # fmt: skip
        """A call comes in, by the trunk ``demo`` when nothing else is said; returns its connection."""
        device = device or f"{tenant}/trunk/demo"
        now = self.timeline.now
        call, connection = self.ids.new(now), self.ids.new(now)
        self.lines[connection] = SimLine(caller=caller)
        invitation = Invitation(calling=calling, calling_name=name, called=called, linked=linked, data=data)
        self._do(
            lambda now: self.function.arrived(
                connection=connection, call=call, tenant=tenant, site=self.site, device=device, kind=kind, invitation=invitation, now=now
            )
        )
        return connection

    def call_from(self, device: str, number: str) -> str:
        """One of our devices calls an internal number; returns its connection."""
        now = self.timeline.now
        call, connection = self.ids.new(now), self.ids.new(now)
        known = self.devices[device]
        self.lines[connection] = SimLine(device=known)
        invitation = Invitation(calling=known.number, called=number)
        self._do(
            lambda now: self.function.arrived_internal(
                connection=connection, call=call, tenant=known.device.tenant, site=self.site, device=device, kind=known.device.kind,
                invitation=invitation, now=now,
            )
        )  # fmt: skip
        return connection

    def hang_up(self, connection: str, cause: Cause | None = None) -> None:
        """The device of a connection hangs up (a caller that was not answered yet cancels)."""
        line = self.lines.get(connection)
        if line is None:
            return
        self._close(connection)
        self._do(lambda now: self.function.gone(connection, cause or (Cause.NORMAL if line.answered else Cause.CANCELLED), now))

    def pick_up(self, connection: str) -> None:
        """The device that rings as ``connection`` answers."""
        line = self.lines.get(connection)
        if line is None or line.answered:
            return
        line.answered = True
        self.audio.open(connection)
        self._do(lambda now: self.function.answered(connection, now))

    def speak_early(self, connection: str) -> None:
        """The device that rings as ``connection`` is heard before it answers."""
        if connection in self.lines:
            self.audio.open(connection)
            self._do(lambda now: self.function.early(connection, now))

    def refuse(self, connection: str, cause: Cause, sip_status: int = 486) -> None:
        """The device that rings as ``connection`` refuses; a trunk that cannot is followed by the next one, and nobody is told."""
        if connection in self.lines and not (cause in GOES_ON and self._next_trunk(connection)):
            self._close(connection)
            self._do(lambda now: self.function.failed(connection, cause, now, sip_status))

    def press(self, connection: str, digits: str) -> None:
        """Keys of the connection's device."""
        for digit in digits:
            self.audio.press(connection, digit)

    def speak(self, connection: str, on: bool) -> None:
        """Who is at the connection's device begins or ceases to speak; told where somebody watches for it."""
        if connection in self.audio.watched:
            self._do(lambda now: self.function.talked(connection, on, now))

    def fax_tone(self, connection: str, tone: str) -> None:
        """The device is a fax machine and shows it."""
        self._do(lambda now: self.function.fax_tone(connection, tone, now))

    def ask_transfer(self, connection: str, number: str) -> bool:
        """The device gives whom it talks with to a number of ours."""
        done: list[bool] = []
        self._do(lambda now: done.append(transfer_asked(self.function.board, connection, number, now)))
        return done[0]

    def hold(self, connection: str) -> None:
        """The device holds."""
        self.audio.hold(connection, True)
        self._do(lambda now: self.function.held(connection, now))

    def retrieve(self, connection: str) -> None:
        """The device retrieves."""
        self.audio.hold(connection, False)
        self._do(lambda now: self.function.retrieved(connection, now))

    def lose(self, connection: str, cause: Cause = Cause.MEDIA_LOST) -> None:
        """The connection's audio or signalling is lost."""
        self._do(lambda now: self.function.gone(connection, cause, now, by_device=False))

    def power_cut(self) -> None:
        """Everything ends at once and no BYE goes out: calls, recordings, registrations. Up again, it knows none of them."""
        for connection in list(self.lines):
            self._tell_caller(connection, lambda caller: caller.released(Cause.INTERRUPTED))
            for plan in self.lines.pop(connection).plans:
                plan.cancel()
            self.audio.close(connection)
        self.audio.takes.clear()
        self.devices.clear()
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        self.function = self._begin(self.function.log.epoch + 1)
        self._do(lambda now: self.function.started(now, self.tenant, self.site))

    def restart(self) -> None:
        """The switch comes up again with its calls kept, under a new epoch."""
        old = self.function
        self.function = self._begin(old.log.epoch + 1)
        self.function.devices = old.devices
        self.function.epochs = old.epochs
        self.function.take_over(old.table)
        self._do(lambda now: self.function.started(now, self.tenant, self.site))

    # --- Lines, asked by the switching function ---------------------------------------------------------------------------------------

    def kind_of(self, tenant: str, device: str) -> DeviceKind | None:
        known = self.devices.get(device)
        return known.device.kind if known is not None and known.device.registered and known.device.tenant == tenant else None

    def device_called(self, tenant: str, number: str) -> str:
        return next((one.device.device for one in self.devices.values() if (one.device.tenant, one.number) == (tenant, number)), "")

    def way_out(self, tenant: str, site: str, number: str) -> str:
        return next(iter(self._trunks(tenant)), "")

    def is_emergency(self, tenant: str, number: str) -> bool:
        return number_class(number, default_rules("CN")) is NumberClass.EMERGENCY

    def _trunks(self, tenant: str) -> list[str]:
        return [
            name for name, one in self.devices.items()
            if one.device.tenant == tenant and one.device.kind is DeviceKind.TRUNK and one.device.registered
        ]  # fmt: skip

    def invite(self, connection: str, device: str, invitation: Invitation) -> None:
        self.lines[connection] = SimLine(invitation=invitation)
        self._ring(connection, self.devices[device])

    def _ring(self, connection: str, known: SimDevice) -> None:
        line = self.lines[connection]
        line.device = known
        known.rung.append((connection, line.invitation))
        behaviour = known.queue.popleft() if known.queue else known.usual
        self._script(connection, line, behaviour)
        if known.device.kind is DeviceKind.TRUNK and (behaviour.ring_after, behaviour.refuse_after, behaviour.answer_after) == (None,) * 3:
            line.plans.append(self.timeline.after(SILENT_SECONDS, lambda: self._silent(connection)))

    def _silent(self, connection: str) -> None:
        if connection in self.lines:
            self._next_trunk(connection)

    def _next_trunk(self, connection: str) -> bool:
        """Ring by a trunk that was not tried yet for this call; whether there is one."""
        line = self.lines[connection]
        if line.device is None or line.device.device.kind is not DeviceKind.TRUNK or line.answered:
            return False
        line.tried.add(line.device.device.device)
        left = [name for name in self._trunks(line.device.device.tenant) if name not in line.tried]
        if not left:
            return False
        for plan in line.plans:
            plan.cancel()
        line.device.released[connection] = Cause.CANCELLED
        self._do(lambda now: self.function.carried(connection, left[0]))
        self._ring(connection, self.devices[left[0]])
        return True

    def _script(self, connection: str, line: SimLine, does: Behaviour) -> None:
        def plan(seconds: float | None, action: Callable[[], None]) -> None:
            if seconds is not None:
                line.plans.append(self.timeline.after(seconds, action))

        plan(does.ring_after, lambda: self._do(lambda now: self.function.ringing(connection, now)))
        plan(does.refuse_after, lambda: self.refuse(connection, does.refuse_with))
        plan(does.answer_after, lambda: self.pick_up(connection))
        if does.answer_after is not None and does.hang_up_after is not None:
            plan(does.answer_after + does.hang_up_after, lambda: self.hang_up(connection))

    def ring(self, connection: str) -> None:
        self._tell_caller(connection, lambda caller: caller.rings())

    def progress(self, connection: str) -> None:
        def happen() -> None:
            if connection in self.lines:
                self.audio.open(connection)
                self._do(lambda now: self.function.progressed(connection, now))

        self.timeline.after(0.0, happen)

    def accept(self, connection: str) -> None:
        def happen() -> None:
            line = self.lines.get(connection)
            if line is None:
                return
            line.answered = True
            self.audio.open(connection)
            self._do(lambda now: self.function.accepted(connection, now))
            if line.caller is not None:
                line.caller.accepted()

        self.timeline.after(0.0, happen)

    def together(self, connections: list[str]) -> bool:
        return True

    def moved(self, connection: str, call: str) -> None:
        """Nothing depends on the call."""

    def offer_image(self, connection: str) -> None:
        """Whoever faxes in a simulation needs no description."""

    def resume_audio(self, connection: str) -> None:
        """Whoever faxes in a simulation needs no description."""

    def release(self, connection: str, cause: Cause) -> None:
        line = self.lines.get(connection)
        if line is None:
            return
        if line.device is not None:
            line.device.released[connection] = cause
        self._tell_caller(connection, lambda caller: caller.released(cause))
        self._close(connection)

    # --- inside ------------------------------------------------------------------------------------------------------------------------

    def _close(self, connection: str) -> None:
        line = self.lines.pop(connection)
        for plan in line.plans:
            plan.cancel()
        self.audio.close(connection)
        one = self.function.table.connections.get(connection)
        if line.answered and one is not None:
            packets = (self.timeline.now - one.since) * 50 // SECOND
            event = QualityReported(tenant=one.tenant, site=one.site, call=one.call, connection=connection, packets=packets, lost=0, late=0,
                                    jitter_ms=0.0, mos=4.4)  # fmt: skip
            self.timeline.after(0.0, lambda: self._do(lambda now: self.function.quality(event, now)))

    def _tell_caller(self, connection: str, tell: Callable[[Caller], None]) -> None:
        line = self.lines.get(connection)
        if line is not None and (caller := line.caller) is not None:
            self.timeline.after(0.0, lambda: tell(caller))

    def _plays(self, connection: str) -> None:
        port = self.audio.ports[connection]
        self._tell_caller(connection, lambda caller: caller.hears(port.prompts, port.order is not None))

    def _links(self, connection: str, source: str, on: bool) -> None:
        self._tell_caller(connection, lambda caller: caller.linked(source, on))


def connections_of(switch: SimSwitch, tenant: str = "") -> Iterable[str]:
    """All live connections (for the question whether anything is stuck)."""
    return [one.connection for one in switch.snapshot_now(tenant).connections]

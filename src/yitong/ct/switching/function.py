"""The switching function: one object that takes services, line and audio reports and the time, and tells events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from yitong.ct import services
from yitong.ct.events import (
    AnyEvent,
    Collected,
    Delivered,
    DeviceChanged,
    DigitPressed,
    Established,
    Played,
    QualityReported,
    RecordingEnded,
    RecordingStarted,
    ServiceFailed,
    Snapshot,
    SwitchStarted,
)  # fmt: skip
from yitong.ct.model import Cause, ConnectionState, Device, DeviceKind, FaxOutcome
from yitong.ct.switching import faxes, halls, joining, routing, taking
from yitong.ct.switching.board import Board, Options, after, fail, finish, hold, retrieve, settle_audio, stop_music
from yitong.ct.switching.handlers import HANDLERS, subject
from yitong.ct.switching.log import EventLog
from yitong.ct.switching.ports import Audio, Invitation, Lines
from yitong.ct.switching.refusing import refused
from yitong.ct.switching.table import LiveConnection, Table, told_of
from yitong.kit.ids import Ids

IDS_KEPT = 20_000


class SwitchingFunction:
    """Calls and connections of one switch. ``now`` is UTC microseconds everywhere."""

    def __init__(self, *, name: str, epoch: int, lines: Lines, audio: Audio, ids: Ids, options: Options | None = None) -> None:
        self.log = EventLog(name, epoch)
        self.board = Board(
            lines=lines, audio=audio, log=self.log, ids=ids, options=options or Options(), settle_hall=halls.settle, leave_hall=halls.go_out
        )
        self.table = self.board.table
        self.devices: dict[str, Device] = {}
        self.epochs: dict[tuple[str, str], int] = {}
        self._done: OrderedDict[str, None] = OrderedDict()
        self._after_answer: dict[str, list[tuple[services.AnyService, str]]] = {}
        """What was asked of a connection that is being answered, with the asker's site: it is done once it is connected."""

    # --- asked by core -----------------------------------------------------------------------------------------------------

    def ask(self, service: services.AnyService, now: int, site: str = "") -> None:
        """Carry out a service or tell why not. The same id twice is done once. ``site`` is the asker's."""
        if service.id in self._done:
            return
        self._done[service.id] = None
        if len(self._done) > IDS_KEPT:
            self._done.popitem(last=False)
        one = self.table.connections.get(subject(service))
        if one is not None and one.answering and not isinstance(service, services.Answer | services.Clear):
            self._after_answer.setdefault(one.connection, []).append((service, site))
            return
        self._do(service, one, now, site)
        self._drop_held(now)

    def _do(self, service: services.AnyService, one: LiveConnection | None, now: int, site: str) -> None:
        if one is not None and (one.tenant, one.site) != (service.tenant, site):
            one = None
        reason = self._old(service, site) or refused(self.board, service, one)
        if reason:
            self._tell_failure(service, reason, now, site)
            return
        if one is not None:
            self._core_spoke(one)
        if isinstance(service, services.Make):
            routing.make(self.board, service, now, site)
        else:
            HANDLERS[type(service)](self.board, one, service, now)

    def _old(self, service: services.Service, site: str) -> str:
        newest = self.epochs.get((service.tenant, site), 0)
        if service.epoch < newest:
            return "old_epoch"
        self.epochs[service.tenant, site] = service.epoch
        return ""

    def _tell_failure(self, service: services.AnyService, reason: str, now: int, site: str) -> None:
        kind = type(service).__name__
        self._tell(
            ServiceFailed(tenant=service.tenant, site=site, service=service.id, kind=kind, connection=subject(service), reason=reason), now
        )

    def _core_spoke(self, one: LiveConnection) -> None:
        """Core takes care of the connection: neither its standing order nor the wait for core goes on."""
        if one.ordered:
            self.table.set_deadline(one, 0)
            if one.music:
                stop_music(self.board, one)
        elif one.incoming and not one.in_call and one.deadline:
            self.table.set_deadline(one, after(one.since, self.board.options.alerting_seconds))

    def _tell(self, event: AnyEvent, now: int) -> None:
        self.board.tell(event, now)

    # --- told by the lines -------------------------------------------------------------------------------------------------

    def arrived(
        self, *, connection: str, call: str, tenant: str, site: str, device: str, kind: DeviceKind, invitation: Invitation, now: int
    ) -> None:
        """A call came in; it waits for core."""
        one = LiveConnection(
            connection=connection, call=call, tenant=tenant, site=site, device=device, kind=kind, state=ConnectionState.ALERTING, since=now,
            incoming=True, invitation=invitation, deadline=after(now, self.board.options.core_seconds),
        )  # fmt: skip
        self.table.add(one)
        self._tell(
            Delivered(
                tenant=tenant, site=site, call=call, connection=connection, device=device, kind=kind, incoming=True,
                called=invitation.called, first_called=invitation.first_called,
                calling=invitation.calling, calling_name=invitation.calling_name, data=invitation.data, linked=invitation.linked,
            ),
            now,
        )  # fmt: skip

    def arrived_internal(
        self, *, connection: str, call: str, tenant: str, site: str, device: str, kind: DeviceKind, invitation: Invitation, now: int
    ) -> None:
        """One of our devices calls another one, or an outside number. Core says who rings; where it is silent, the switch goes on."""
        one = LiveConnection(
            connection=connection, call=call, tenant=tenant, site=site, device=device, kind=kind, state=ConnectionState.ALERTING, since=now,
            incoming=True, invitation=invitation, internal=True, goes_on_to=invitation.called,
        )  # fmt: skip
        routing.dialled(self.board, one, now)

    def ringing(self, connection: str, now: int) -> None:
        """A device that we rang rings."""
        if (one := self.table.connections.get(connection)) is not None:
            routing.ringing(self.board, one, now)

    def carried(self, connection: str, device: str) -> None:
        """Another trunk than the first carries the call to an outside number; nobody is told before it rings or answers."""
        if (one := self.table.connections.get(connection)) is not None:
            routing.carried(self.board, one, device)

    def early(self, connection: str, now: int) -> None:
        """A device that we rang speaks before it answers."""
        if (one := self.table.connections.get(connection)) is not None and one.pending:
            routing.early(self.board, one, now)

    def progressed(self, connection: str, now: int) -> None:
        """An incoming connection hears before it is answered."""
        one = self.table.connections.get(connection)
        if one is not None and not one.in_call:
            one.listens = True
            self.table.changed.add(connection)
            settle_audio(self.board, one.call)

    def answered(self, connection: str, now: int) -> None:
        """A device that we rang answered; its audio is there."""
        if (one := self.table.connections.get(connection)) is not None and one.pending:
            routing.answered(self.board, one, now)

    def accepted(self, connection: str, now: int) -> None:
        """An incoming connection is answered; its audio is there."""
        one = self.table.connections.get(connection)
        if one is None or not one.answering:
            return
        one.answering = False
        self.table.move(one, ConnectionState.CONNECTED, now)
        self._tell(
            Established(tenant=one.tenant, site=one.site, call=one.call, connection=connection, service=one.service, device=one.device), now
        )
        if one.replaces:
            joining.took_over(self.board, one, now)
        settle_audio(self.board, one.call)
        for service, site in self._after_answer.pop(connection, ()):
            self._do(service, self.table.connections.get(connection), now, site)

    def _drop_held(self, now: int) -> None:
        """What waited for an answer that never came cannot be done."""
        for connection in [name for name in self._after_answer if name not in self.table.connections]:
            for service, site in self._after_answer.pop(connection):
                self._tell_failure(service, "no_such_connection", now, site)

    def join_calls(self, connection: str, other: str, now: int) -> bool:
        """A device brings two of its calls together and leaves; whether that can be done."""
        one, second = self.table.connections.get(connection), self.table.connections.get(other)
        return one is not None and second is not None and joining.join_calls(self.board, one, second, now)

    def replaced(self, old: str, *, connection: str, device: str, kind: DeviceKind, invitation: Invitation, now: int) -> None:
        """A device takes the place of a connection. Told: ``accepted`` or ``gone``."""
        if (one := self.table.connections.get(old)) is not None:
            joining.replace(self.board, one, connection=connection, device=device, kind=kind, invitation=invitation, now=now)

    def failed(self, connection: str, cause: Cause, now: int, sip_status: int = 0) -> None:
        """A device that we rang did not take the call."""
        if (one := self.table.connections.get(connection)) is not None and one.pending:
            fail(self.board, one, cause, now, sip_status=sip_status)

    def gone(self, connection: str, cause: Cause, now: int, *, by_device: bool = True) -> None:
        """A connection ended by itself: hung up, cancelled, or lost (then its line is already closed)."""
        one = self.table.connections.get(connection)
        if one is None:
            return
        finish(self.board, one, cause, now, by_device=by_device)
        self._drop_held(now)

    def gone_together(self, connections: Iterable[str], cause: Cause, now: int) -> None:
        """Connections that were lost at one blow: each ends with the same cause, no standing order of one for the other."""
        lost = [one for name in connections if (one := self.table.connections.get(name)) is not None]
        for one in lost:
            one.had_peer = False
        for one in lost:
            self.gone(one.connection, cause, now, by_device=False)

    def held(self, connection: str, now: int) -> None:
        """The device itself holds."""
        one = self.table.connections.get(connection)
        if one is not None and one.state is ConnectionState.CONNECTED:
            hold(self.board, one, "", "", now)

    def retrieved(self, connection: str, now: int) -> None:
        """The device itself retrieves."""
        one = self.table.connections.get(connection)
        if one is not None and one.state is ConnectionState.HOLD:
            retrieve(self.board, one, "", now)

    def device_changed(self, device: Device, now: int) -> None:
        """A device registered, left, or stopped or began to answer; equal news are not told twice."""
        if self.devices.get(device.device) != device:
            self.devices[device.device] = device
            self._tell(DeviceChanged(tenant=device.tenant, site=device.site, device=device), now)

    # --- told by the audio -------------------------------------------------------------------------------------------------

    def played(self, connection: str, tag: str, completed: bool, now: int) -> None:
        """Playing ended."""
        one = self.table.connections.get(connection)
        if one is None or tag.startswith("music:"):
            return
        if one.playing == tag:
            one.playing = ""
            self.table.changed.add(connection)
        self._tell(Played(tenant=one.tenant, site=one.site, call=one.call, connection=connection, service=tag, completed=completed), now)

    def collected(self, connection: str, tag: str, digits: str, reason: str, now: int) -> None:
        """Collecting ended."""
        one = self.table.connections.get(connection)
        if one is None:
            return
        if one.collecting == tag:
            one.collecting = ""
            self.table.changed.add(connection)
        told = Collected(tenant=one.tenant, site=one.site, call=one.call, connection=connection, service=tag, digits=digits, reason=reason)
        self._tell(told, now)

    def digit(self, connection: str, digit: str, now: int) -> None:
        """A key while nothing collects."""
        if (one := self.table.connections.get(connection)) is not None:
            self._tell(DigitPressed(tenant=one.tenant, site=one.site, call=one.call, connection=connection, digit=digit), now)

    def talked(self, connection: str, on: bool, now: int) -> None:
        """A speaker of a hall began or ceased to speak."""
        if (one := self.table.connections.get(connection)) is not None:
            halls.talk(self.board, one, on, now)

    def settle_halls(self) -> None:
        """The audio is known again: say once more who hears whom in halls."""
        halls.settle_all(self.board)

    def faxed(self, tag: str, outcome: FaxOutcome, now: int) -> None:
        """A fax ended."""
        faxes.ended(self.board, tag, outcome, now)

    def fax_refused(self, tag: str, reason: str, now: int) -> None:
        """The audio takes no fax."""
        faxes.refused(self.board, tag, reason, now)

    def faxes_lost(self, connections: Iterable[str], now: int) -> None:
        """Whoever carried the faxes of these connections is gone."""
        faxes.lost(self.board, frozenset(connections), now)

    def fax_tone(self, connection: str, tone: str, now: int) -> None:
        """A fax machine showed itself by its tone, ``cng`` or ``ced``."""
        faxes.tone(self.board, connection, tone, now)

    def recording_started(self, recording: str, now: int) -> None:
        """The audio records."""
        if (one := self.table.recordings.get(recording)) is not None:
            self._tell(
                RecordingStarted(
                    tenant=one.tenant, site=one.site, call=one.call, connection=one.left, service=one.service, recording=recording,
                    file=one.file,
                ),
                now,
            )  # fmt: skip

    def recording_refused(self, recording: str, reason: str, now: int) -> None:
        """The audio cannot record."""
        if (one := self.table.recordings.pop(recording, None)) is not None:
            self.table.changed.add(recording)
            halls.recorded(self.board, one)
            kind = "RecordHall" if one.hall else "StartRecording"
            self._tell(
                ServiceFailed(tenant=one.tenant, site=one.site, service=one.service, kind=kind, connection=one.left, reason=reason), now
            )

    def recorded(
        self, recording: str, now: int, *, milliseconds: int, size: int, sha256: str, holds: tuple[tuple[int, int], ...], complete: bool,
        pauses: tuple[tuple[int, int], ...] = (),
    ) -> None:  # fmt: skip
        """A recording is closed."""
        one = self.table.recordings.pop(recording, None)
        if one is None:
            return
        self.table.changed.add(recording)
        halls.recorded(self.board, one)
        self._tell(
            RecordingEnded(
                tenant=one.tenant, site=one.site, call=one.call, connection=one.left, service=one.service, recording=recording,
                file=one.file, milliseconds=milliseconds, bytes=size, sha256=sha256, holds=holds, complete=complete, pauses=pauses,
            ),
            now,
        )  # fmt: skip

    def recording_resumed(self, recording: str, now: int) -> None:
        """A paused recording went on by itself."""
        taking.resumed(self.board, recording, "", now)

    def message_recorded(self, tag: str, now: int, *, reason: str, milliseconds: int, size: int, sha256: str) -> None:
        """A message is closed."""
        taking.taken(self.board, tag, reason, milliseconds, size, sha256, now)

    def messages_lost(self, connections: Iterable[str], now: int) -> None:
        """Whoever recorded the messages of these connections is gone."""
        taking.lost(self.board, connections, now)

    def quality(self, event: QualityReported, now: int) -> None:
        """Statistics of a connection's audio."""
        self._tell(event, now)

    # --- time, start, snapshot ---------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        """When ``tick`` has something to do; None for never."""
        return self.table.next_deadline()

    def tick(self, now: int) -> None:
        """Do what is due."""
        while (one := self.table.take_due(now)) is not None:
            if one.ordered:
                finish(self.board, one, Cause.STANDING_ORDER, now)
            elif one.dialled is not None:
                routing.go_on(self.board, one, routing.DIALLED_SECONDS, now)
            elif one.pending:
                routing.unanswered(self.board, one, now)
            elif not one.in_call:
                core_was_silent = now < after(one.since, self.board.options.alerting_seconds)
                finish(self.board, one, Cause.OVERLOADED if core_was_silent else Cause.NO_ANSWER, now)
        self._drop_held(now)

    def take_over(self, table: Table) -> None:
        """Go on with the connections and recordings of a former life; deadlines keep running."""
        self.table.recordings.update(table.recordings)
        self.board.several.update(recording.call for recording in table.recordings.values() if recording.also)
        self.table.faxes.update(table.faxes)
        self.table.messages.update(table.messages)
        for one in table.connections.values():
            self.table.add(one)

    def started(self, now: int, tenant: str, site: str) -> None:
        """The switch is ready: told to a tenant and site."""
        kept = len({one.call for one in self.table.connections.values() if (one.tenant, one.site) == (tenant, site)})
        self._tell(SwitchStarted(tenant=tenant, site=site, calls_kept=kept), now)

    def snapshot(self, now: int, tenant: str, site: str) -> Snapshot:
        """All live connections and devices of a tenant and site."""
        return Snapshot(
            switch=self.log.switch, epoch=self.log.epoch, sequence=self.log.sequence(tenant, site), at=now,
            connections=tuple(
                one.told(self.table.recording_of(one.connection))
                for one in self.table.connections.values() if (one.tenant, one.site) == (tenant, site)
            ),
            devices=tuple(device for device in self.devices.values() if (device.tenant, device.site) == (tenant, site)),
            recordings=tuple(told_of(one) for one in self.table.recordings.values() if (one.tenant, one.site) == (tenant, site)),
        )  # fmt: skip

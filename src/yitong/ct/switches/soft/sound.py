"""The audio of the soft switch: rows in the media workers, one a connection, named like it (``ct.switching.ports.Audio``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog

from yitong.ct.model import Prompt
from yitong.ct.services import Classify, Collect, ReceiveFax, RecordMessage, SendFax
from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.halls import RELAY, Halls
from yitong.ct.switches.soft.workers import Worker, Workers
from yitong.ct.switching.halls import EAR
from yitong.sip.negotiation import Remote

_log = structlog.get_logger("yitong.switch.sound")
Opened = Callable[[m.PortOpened | None], None]


class RowRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A row as the journal keeps it."""

    connection: str
    call: str
    worker: int
    opened: m.PortOpened


@dataclass
class Row:
    """A connection's place in a worker; ``opened`` is None while it is being opened."""

    call: str
    worker: Worker
    opened: m.PortOpened | None = None
    closed: bool = False


class Sound:
    """Opens and closes rows and passes on what the switching function wants heard. Rows of one call are on one worker."""

    def __init__(
        self, workers: Workers, refused: Callable[[str, str], None], started: Callable[[str], None], address: str = "127.0.0.1"
    ) -> None:
        self._workers = workers
        self.halls = Halls(self, address)
        self._recording_refused = refused
        self._recording_started = started
        self.fax_refused: Callable[[str, str], None] = lambda tag, reason: None
        self.rows: dict[str, Row] = {}
        self.recorders: dict[str, Worker] = {}
        self.changed: set[str] = set()
        self.alarms: dict[str, int] = {}
        """What the workers raised an alarm about, and when last (UTC microseconds)."""
        self._calls: dict[str, tuple[Worker, set[str]]] = {}
        self._beside: dict[str, Worker] = {}
        self._early: dict[str, set[str]] = {}
        """Whom ears shall hear that are not open yet."""

    # --- rows ---

    def has_room(self) -> bool:
        """Whether a new call can be given a row."""
        return self._workers.choose() is not None

    def open(self, connection: str, call: str, secure: bool, done: Opened, label: str) -> None:
        """Open a row; ``done`` gets its own side, or None when there is no room. Never called from within."""
        worker = self._calls[call][0] if call in self._calls else self._beside.pop(call, None) or self._workers.choose()
        if worker is None:
            self._workers.listener.later(lambda: done(None))
            return
        row = self._add(connection, call, worker)
        if not secure and (pair := worker.take()) is not None:
            self._take(row, connection, pair, label, done)
            return

        def answered(reply: m.Reply) -> None:
            if row.closed:
                if isinstance(reply, m.PortOpened):
                    worker.ask(lambda number: m.ClosePort(id=number, port=connection))
            elif isinstance(reply, m.PortOpened):
                row.opened = reply
                self.changed.add(connection)
                done(reply)
            else:
                self._remove(connection)
                done(None)

        worker.ask(lambda number: m.OpenPort(id=number, port=connection, secure=secure, label=label), answered)

    def _take(self, row: Row, connection: str, pair: m.Pair, label: str, done: Opened) -> None:
        """The row's ports are bound already: nobody waits for the worker."""
        row.opened = m.PortOpened(id=0, port=connection, rtp_port=pair.rtp_port, rtcp_port=pair.rtp_port + 1, ssrc=pair.ssrc)
        self.changed.add(connection)
        row.worker.ask(lambda number: m.OpenPort(id=number, port=connection, label=label, pair=pair.rtp_port))
        self._workers.listener.later(lambda: None if row.closed else done(row.opened))

    def place_beside(self, call: str, other: str) -> None:
        """A new call is to be mixed where another one is, so that they can be brought together."""
        known = self._calls.get(other)
        if known is not None and known[0].up:
            if len(self._beside) > 1_000:
                self._beside.clear()  # of calls that ended before they had a row
            self._beside[call] = known[0]

    def together(self, connections: list[str]) -> bool:
        """Whether the rows of connections of several calls are on one worker; one that has no row yet gets it there."""
        return len({self.rows[name].worker.index for name in connections if name in self.rows}) == 1

    def moved(self, connection: str, call: str) -> None:
        """A row belongs to another call now."""
        row = self.rows.get(connection)
        if row is not None:
            self._leave(connection, row)
            row.call = call
            self._calls.setdefault(call, (row.worker, set()))[1].add(connection)
            self.changed.add(connection)

    def set_remote(self, connection: str, remote: Remote) -> None:
        """Tell a row what was agreed by SDP."""
        self._ask(
            connection,
            lambda number: m.SetRemote(
                id=number, port=connection, address=remote.address, rtp_port=remote.rtp_port, rtcp_port=remote.rtcp_port,
                codec=remote.codec, event_type=remote.event_type, send=remote.send, receive=remote.receive,
                fingerprint=remote.fingerprint, setup=remote.setup, ufrag=remote.ufrag, password=remote.password,
                suite=remote.suite, their_key=remote.their_key, our_key=remote.our_key,
            ),
        )  # fmt: skip

    def set_image(self, connection: str, address: str, port: int) -> None:
        """Tell a row that T.38 was agreed."""
        self._ask(connection, lambda number: m.SetRemote(id=number, port=connection, address=address, rtp_port=port, image=True))

    def close(self, connection: str) -> None:
        """End a row."""
        row = self.rows.get(connection)
        if row is None:
            return
        row.closed = True
        if row.opened is not None:
            row.worker.ask(lambda number: m.ClosePort(id=number, port=connection))
        self._remove(connection)

    def restore(self, record: RowRecord) -> None:
        """Hold a row of a former life; ``worker_up`` says whether it still lives."""
        if record.worker < len(self._workers.all):
            row = self._add(record.connection, record.call, self._workers.all[record.worker])
            row.opened = record.opened

    def record_of(self, connection: str) -> RowRecord | None:
        """The row for the journal."""
        row = self.rows.get(connection)
        if row is None or row.opened is None:
            return None
        return RowRecord(connection=connection, call=row.call, worker=row.worker.index, opened=row.opened)

    def rows_of(self, worker: Worker) -> list[str]:
        """The connections whose rows are on a worker."""
        return [connection for connection, row in self.rows.items() if row.worker is worker]

    # --- rows of no connection: what halls need ---

    def worker_of(self, connection: str) -> Worker | None:
        """Where a row is mixed; None when there is no such row."""
        row = self.rows.get(connection)
        return row.worker if row is not None else None

    def worker_at(self, index: int) -> Worker:
        """A worker by its number."""
        return self._workers.all[index]

    def opened(self, name: str) -> m.PortOpened | None:
        """A row's own side; None while it is not there."""
        row = self.rows.get(name)
        return row.opened if row is not None else None

    def open_beside(self, worker: Worker, name: str, *, bus: bool, done: Opened) -> None:
        """Open a row of no connection on a worker."""
        row = self._add(name, name, worker)

        def answered(reply: m.Reply) -> None:
            if self.rows.get(name) is not row:
                worker.ask(lambda number: m.ClosePort(id=number, port=name))
            elif isinstance(reply, m.PortOpened):
                row.opened = reply
                self.changed.add(name)
                done(reply)
            else:
                self._remove(name)
                done(None)

        worker.ask(lambda number: m.OpenPort(id=number, port=name, label=name, bus=bus), answered)

    def take_up(self, record: RowRecord) -> bool:
        """Hold such a row of a former life; false when the record is of a connection."""
        if not record.connection.startswith((RELAY, EAR)):
            return False
        self.restore(record)
        return True

    def _add(self, connection: str, call: str, worker: Worker) -> Row:
        row = self.rows[connection] = Row(call, worker)
        self._calls.setdefault(call, (worker, set()))[1].add(connection)
        worker.rows += 1
        return row

    def _remove(self, connection: str) -> None:
        row = self.rows.pop(connection)
        row.worker.rows -= 1
        self._leave(connection, row)
        self.changed.add(connection)

    def _leave(self, connection: str, row: Row) -> None:
        members = self._calls[row.call][1]
        members.discard(connection)
        if not members:
            del self._calls[row.call]

    def _ask(self, connection: str, make: Callable[[int], m.AnyRequest]) -> None:
        row = self.rows.get(connection)
        if row is not None and row.opened is not None:
            row.worker.ask(make)

    # --- Audio, asked by the switching function ---

    def link(self, connection: str, source: str, on: bool) -> None:
        gain = 1.0 if on else 0.0
        if connection.startswith(EAR) and self.opened(connection) is None:
            early = self._early.setdefault(connection, set())
            (early.add if on else early.discard)(source)
        elif source in self.rows:
            self._ask(connection, lambda number: m.Link(id=number, port=connection, source=source, gain=gain))

    def share(self, hall: str, connection: str, source: str, on: bool) -> None:
        self.halls.share(hall, connection, source, on)

    def open_ear(self, ear: str, near: str) -> None:
        """The links of an ear are asked before it is open: they are told when it is."""
        worker = self.worker_of(near)
        if worker is not None:
            self.open_beside(worker, ear, bus=True, done=lambda opened: self._hear_now(ear))

    def close_ear(self, ear: str) -> None:
        self._early.pop(ear, None)
        self.close(ear)

    def _hear_now(self, ear: str) -> None:
        for source in self._early.pop(ear, set()):
            self.link(ear, source, True)

    def watch(self, connection: str, on: bool) -> None:
        self._ask(connection, lambda number: m.MediaWatch(id=number, port=connection, on=on))

    def classify(self, connection: str, order: Classify) -> None:
        self._ask(
            connection,
            lambda number: m.MediaClassify(
                id=number, port=connection, tag_id=order.id, rules=order.rules, beep_seconds=order.beep_seconds, machine=order.machine
            ),
        )

    def listen_for_tones(self, connection: str, on: bool) -> None:
        self._ask(connection, lambda number: m.MediaClassify(id=number, port=connection, on=on))

    def play(self, connection: str, tag: str, prompts: tuple[Prompt, ...], loop: bool) -> None:
        self._ask(connection, lambda number: m.MediaPlay(id=number, port=connection, tag_id=tag, prompts=prompts, loop=loop))

    def collect(self, connection: str, order: Collect) -> None:
        self._ask(
            connection,
            lambda number: m.MediaCollect(
                id=number, port=connection, tag_id=order.id, prompts=order.prompts, minimum=order.minimum, maximum=order.maximum,
                terminators=order.terminators, first_seconds=order.first_seconds, between_seconds=order.between_seconds,
                barge_in=order.barge_in, discard=order.discard,
            ),
        )  # fmt: skip

    def stop(self, connection: str) -> None:
        self._ask(connection, lambda number: m.MediaStop(id=number, port=connection))

    def forget_keys(self, connection: str) -> None:
        self._ask(connection, lambda number: m.MediaForgetKeys(id=number, port=connection))

    def send_digits(self, connection: str, digits: str) -> None:
        self._ask(connection, lambda number: m.MediaDigits(id=number, port=connection, digits=digits))

    def press(self, connection: str, digit: str) -> None:
        """A key that the device told by signalling."""
        self._ask(connection, lambda number: m.MediaPress(id=number, port=connection, digit=digit))

    def fax(self, connection: str, order: SendFax | ReceiveFax) -> None:
        row = self.rows.get(connection)
        if row is None or row.opened is None:
            self._workers.listener.later(lambda: self.fax_refused(order.id, "no_such_port"))
            return

        def answered(reply: m.Reply) -> None:
            if isinstance(reply, m.Refusal):
                _log.warning("no fax", reason=reply.reason)
                self.fax_refused(order.id, reply.reason)

        row.worker.ask(
            lambda number: m.MediaFax(
                id=number, port=connection, tag_id=order.id, sends=isinstance(order, SendFax), file=order.file, station=order.station,
                error_correction=order.error_correction,
            ),
            answered,
        )  # fmt: skip

    def record(self, recording: str, left: str, right: str, file: str) -> None:
        row = self.rows.get(left)
        if row is None or right not in self.rows:
            self._workers.listener.later(lambda: self._recording_refused(recording, "no_such_port"))
            return
        self.recorders[recording] = row.worker

        def answered(reply: m.Reply) -> None:
            if isinstance(reply, m.Refusal):
                self.recorders.pop(recording, None)
                self._recording_refused(recording, reply.reason)
            else:
                self._recording_started(recording)

        row.worker.ask(lambda number: m.MediaRecord(id=number, recording=recording, left=left, right=right, file=file), answered)

    def record_also(self, recording: str, others: tuple[str, ...]) -> None:
        worker = self.recorders.get(recording)
        if worker is not None:
            worker.ask(lambda number: m.MediaAlso(id=number, recording=recording, ports=others))

    def mark_hold(self, recording: str, on: bool) -> None:
        worker = self.recorders.get(recording)
        if worker is not None:
            worker.ask(lambda number: m.MarkHold(id=number, recording=recording, on=on))

    def pause_record(self, recording: str, on: bool, seconds: float) -> None:
        worker = self.recorders.get(recording)
        if worker is not None:
            worker.ask(lambda number: m.MediaPause(id=number, recording=recording, on=on, seconds=seconds))

    def record_message(self, connection: str, order: RecordMessage) -> None:
        self._ask(
            connection,
            lambda number: m.MediaMessage(
                id=number, port=connection, tag_id=order.id, file=order.file, prompts=order.prompts,
                maximum_seconds=order.maximum_seconds, silence_seconds=order.silence_seconds, terminators=order.terminators,
            ),
        )  # fmt: skip

    def stop_record(self, recording: str) -> None:
        worker = self.recorders.get(recording)
        if worker is not None:
            worker.ask(lambda number: m.StopRecord(id=number, recording=recording))

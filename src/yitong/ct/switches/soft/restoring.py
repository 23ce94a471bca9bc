"""What outlives a killed switch: its epoch, its secret, and the journal of calls, from which it goes on (cases K1, K2).

A connected line comes back with its dialog and its row in the media worker, which has gone on meanwhile. A line in set-up is ended: the
phone that rings gets CANCEL, the caller who waits gets 503, so that nobody waits for a switch that has forgotten him.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec
import structlog

from yitong.ct.model import Cause, FaxOutcome
from yitong.ct.switches.soft import media_messages as m
from yitong.ct.switches.soft.halls import RELAY
from yitong.ct.switches.soft.journal import Journal
from yitong.ct.switches.soft.line import Line, LineRecord
from yitong.ct.switches.soft.lines import Lines
from yitong.ct.switches.soft.registrations import BindingsRecord, Registrations
from yitong.ct.switches.soft.sound import RowRecord
from yitong.ct.switches.soft.workers import Worker
from yitong.ct.switching.function import SwitchingFunction
from yitong.ct.switching.table import LiveConnection, LiveFax, LiveMessage, LiveRecording, Table
from yitong.sip.core import Flow
from yitong.sip.endpoint import Endpoint
from yitong.sip.grammar import ParseError
from yitong.sip.message import Request, make_response, parse
from yitong.sip.uas import reply_flow

WORKER_SECONDS = 10.0
"""How long the rows of a former life may be unknown before their connections are given up."""
_log = structlog.get_logger("yitong.switch.restoring")


class Memory:
    """The journal with what is read from and written to it. ``ended``: connection → tenant, site, call, for late statistics."""

    def __init__(self, journal: Journal, folder: Path) -> None:
        self.journal = journal
        self.epoch = _next_epoch(folder / "epoch")
        self.secret = _secret(folder / "secret")
        self.ended: dict[str, tuple[str, str, str]] = {}
        self.patience: float | None = None
        self._unsure: set[str] = set()
        self._known: dict[str, tuple[str, str, str]] = {}

    @property
    def unsure(self) -> bool:
        """Some calls of a former life were not yet compared with the rows of the media workers; lasts ``WORKER_SECONDS`` at most."""
        return bool(self._unsure)

    # --- writing ---

    def write(self, lines: Lines, registrations: Registrations, function: SwitchingFunction) -> None:
        """Write down what changed since the last time."""
        if function.table.changed or lines.changed or lines.sound.changed or registrations.changed:
            with self.journal.together():
                self._write(lines, registrations, function)

    def _write(self, lines: Lines, registrations: Registrations, function: SwitchingFunction) -> None:
        table = function.table
        if table.changed:
            self._write_table(table)
        for connection in lines.changed:
            line = lines.all.get(connection)
            self._put("line", connection, line.record() if line is not None else None)
        for connection in lines.sound.changed:
            self._put("row", connection, lines.sound.record_of(connection))
        for device in registrations.changed:
            self._put("bindings", device, registrations.record_of(device))
        lines.changed.clear()
        lines.sound.changed.clear()
        registrations.changed.clear()

    def _write_table(self, table: Table) -> None:
        for name in table.changed:
            one = table.connections.get(name)
            if one is not None:
                self._known[name] = (one.tenant, one.site, one.call)
                self._put("connection", name, one)
                continue  # its name is nothing else's
            if name in self._known:
                self.ended[name] = self._known.pop(name)
                if len(self.ended) > 5_000:
                    self.ended.pop(next(iter(self.ended)))
            self._put("connection", name, one)
            self._put("recording", name, table.recordings.get(name))
            self._put("fax", name, table.faxes.get(name))
            self._put("message", name, table.messages.get(name))
        table.changed.clear()

    def _put(self, kind: str, key: str, value: msgspec.Struct | None) -> None:
        if value is None:
            self.journal.drop(kind, key)
        else:
            self.journal.put(kind, key, value)

    # --- reading ---

    def restore(self, lines: Lines, registrations: Registrations, function: SwitchingFunction) -> None:
        """Take up what the journal holds."""
        table = Table()
        decode = msgspec.msgpack.decode
        for device, data in self.journal.all("bindings").items():
            registrations.restore(device, decode(data, type=BindingsRecord))
        records = {key: decode(data, type=LineRecord) for key, data in self.journal.all("line").items()}
        rows = {key: decode(data, type=RowRecord) for key, data in self.journal.all("row").items()}
        for key, data in self.journal.all("connection").items():
            one = decode(data, type=LiveConnection)
            record = records.get(key)
            if record is not None and record.dialog is not None and key in rows and one.in_call:
                table.add(one)
                self._restore_line(lines, record, rows[key])
        for key, record in records.items():
            if key not in table.connections:
                _end_setup(lines.endpoint, record, lines.now)
        for data in self.journal.all("recording").values():
            recording = decode(data, type=LiveRecording)
            table.recordings[recording.recording] = recording
        for data in self.journal.all("fax").values():
            fax = decode(data, type=LiveFax)
            table.faxes[fax.fax] = fax
        for data in self.journal.all("message").values():
            message = decode(data, type=LiveMessage)
            table.messages[message.message] = message
        function.take_over(table)
        beside = {key for key, row in rows.items() if lines.sound.take_up(row)}
        self._forget_the_rest(table, (set(records) | set(rows) | set(self.journal.all("connection"))) - beside)
        self._unsure = set(table.connections)
        if self._unsure or table.recordings or table.faxes:
            self.patience = lines.now + WORKER_SECONDS
            _log.info("calls taken up again", connections=len(self._unsure), recordings=len(table.recordings))

    def _forget_the_rest(self, table: Table, names: set[str]) -> None:
        for name in names - set(table.connections):
            for kind in ("connection", "line", "row"):
                self.journal.drop(kind, name)

    def _restore_line(self, lines: Lines, record: LineRecord, row: RowRecord) -> None:
        assert record.dialog is not None
        line = Line(
            connection=record.connection, call=record.call, device=record.device, kind=record.kind, incoming=record.incoming,
            username=record.username, secure=record.secure, local=record.local, held=record.held, image=record.image, acknowledged=True,
        )  # fmt: skip
        line.dialog = lines.endpoint.restore(record.dialog, lines.now)
        lines.all[line.connection] = line
        lines.by_dialog[line.dialog.id] = line
        lines.sound.restore(row)

    # --- the media workers come back ---

    def reconcile(self, worker: Worker, ports: m.PortList, lines: Lines, function: SwitchingFunction, now: int) -> None:
        """Compare a worker's rows and recordings with ours: what only it knows is closed, what only we know is lost."""
        alive = {state.opened.port: state for state in ports.ports}
        sound = lines.sound
        for port in alive:
            if port not in sound.rows:
                worker.ask(lambda number, port=port: m.ClosePort(id=number, port=port))  # type: ignore[misc]
        for name, *_ in ports.recordings:
            if name in function.table.recordings:
                sound.recorders[name] = worker
            else:
                worker.ask(lambda number, name=name: m.StopRecord(id=number, recording=name))  # type: ignore[misc]
        ours = sound.rows_of(worker)
        lost = [connection for connection in ours if sound.rows[connection].opened is not None and connection not in alive]
        function.gone_together([one for one in lost if one in self._unsure], Cause.INTERRUPTED, now)
        function.gone_together([one for one in lost if one not in self._unsure], Cause.MEDIA_LOST, now)
        function.messages_lost(lost, now)
        for name in lost:
            sound.close(name)  # rows that only halls need have no line
        self._unsure.difference_update(ours)
        self._restore_links(function, alive)
        self._settle_faxes(function, ours, alive, now)
        if not self._unsure:
            self._settle_recordings(function, lines, now)
            sound.halls.taken_up([name for name in sound.rows if name.startswith(RELAY)])
            function.settle_halls()

    def _restore_links(self, function: SwitchingFunction, alive: dict[str, m.PortState]) -> None:
        """Tell the mixing what the rows hear already."""
        for port, state in alive.items():
            one = function.table.connections.get(port)
            if one is not None:
                pairs = {(port, source) for source, gain in state.hears if gain > 0}
                function.board.links.setdefault(one.call, set()).update(pairs)

    def _settle_faxes(self, function: SwitchingFunction, ours: list[str], alive: dict[str, m.PortState], now: int) -> None:
        """A fax that its row does not know any more was broken off."""
        for fax in list(function.table.faxes.values()):
            state = alive.get(fax.connection)
            gone = state is None and (fax.connection in ours or fax.connection not in function.table.connections)
            if gone or (state is not None and state.fax != fax.fax):
                function.faxed(fax.fax, FaxOutcome(reason="interrupted"), now)

    def _settle_recordings(self, function: SwitchingFunction, lines: Lines, now: int) -> None:
        self.patience = None
        for name in [name for name in function.table.recordings if name not in lines.sound.recorders]:
            function.recorded(name, now, milliseconds=0, size=0, sha256="", holds=(), complete=False)

    def tick(self, now: float, lines: Lines, function: SwitchingFunction) -> None:
        """Give up what no worker has confirmed in time."""
        if self.patience is None or now < self.patience:
            return
        function.gone_together(sorted(self._unsure), Cause.INTERRUPTED, lines.clock.now())
        self._unsure.clear()
        self._settle_recordings(function, lines, lines.clock.now())


def _end_setup(endpoint: Endpoint, record: LineRecord, now: float) -> None:
    """End a call that was being set up when the switch died."""
    if not record.request:
        return
    try:
        request = parse(record.request)
    except ParseError:
        return
    if not isinstance(request, Request):
        return
    flow = Flow(*record.flow)
    if record.incoming:
        response = make_response(request, 503, to_tag=record.to_tag, headers=[("Retry-After", "5")])
        endpoint.core.send(response.encode(), reply_flow(request, flow))
        return
    headers = [(name, request.need(name)) for name in ("Via", "Max-Forwards", "From", "To", "Call-ID")]
    cancel = Request("CANCEL", request.uri_text, [*headers, ("CSeq", f"{request.cseq.number} CANCEL")])
    endpoint.core.send(cancel.encode(), flow)


def _next_epoch(path: Path) -> int:
    text = path.read_text("ascii") if path.exists() else "0"
    epoch = int(text) + 1 if text.isdigit() else 1
    fresh = path.with_suffix(".new")
    fresh.write_text(str(epoch), "ascii")
    fresh.replace(path)
    return epoch


def _secret(path: Path) -> bytes:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()

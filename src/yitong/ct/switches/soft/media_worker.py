"""A media worker: one loop, one step every 10 ms, everything else behind queues.

The loop sleeps on a timer descriptor, reads all sockets, advances the plane, sends. Disk, prompts and DTLS have threads of their own that
hand over results; the loop never waits for them. Missed steps are caught up in order (the packets are read first, so nobody is late by our
fault); after more than 200 ms the rest is skipped.
"""

from __future__ import annotations

import datetime
import gc
import os
import threading

from yitong.ct.switches.soft.media_certificate import load_or_make
from yitong.ct.switches.soft.media_classify import Classifying
from yitong.ct.switches.soft.media_control import Control
from yitong.ct.switches.soft.media_fax import Faxes
from yitong.ct.switches.soft.media_heed import Heed
from yitong.ct.switches.soft.media_load import Load
from yitong.ct.switches.soft.media_messages import MediaConnected, MediaEvent, MediaTone, WorkerState
from yitong.ct.switches.soft.media_opening import Opening
from yitong.ct.switches.soft.media_ports import Ports
from yitong.ct.switches.soft.media_prompts import Prompts
from yitong.ct.switches.soft.media_record import Recordings
from yitong.ct.switches.soft.media_reports import STEPS_PER_SECOND, Reports
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_secure import Secure
from yitong.ct.switches.soft.media_server import Server
from yitong.ct.switches.soft.media_services import Services
from yitong.ct.switches.soft.media_settings import MediaSettings
from yitong.ct.switches.soft.media_socket import RowSockets
from yitong.ct.switches.soft.media_taking import Messages
from yitong.ct.switches.soft.media_talk import Talks
from yitong.ct.switches.soft.media_timer import StepTimer
from yitong.ct.switches.soft.media_wire import MOST_BAD, Batch, Wire
from yitong.kit.clock import Clock
from yitong.kit.kept import KeptFolder
from yitong.media.jitter import STEP_MS, STEPS
from yitong.media.plane import Plane

STEP_SECONDS = 1 / STEPS_PER_SECOND
_MOST_CATCH_UP = 200 // STEP_MS
_NICE = -11
_PRIORITY = 1
_REFRESH_STEPS = 20 * STEPS_PER_SECOND


class MediaWorker:
    """Build it, ``run`` it in a thread (or ``step`` it by hand), ``stop`` it from anywhere."""

    def __init__(self, settings: MediaSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._step = 0
        self._plane = Plane(settings.rows + 1)
        self._wire = Wire(self._plane.packets)
        self._load = Load(STEP_SECONDS)
        self._prompts = Prompts(settings.home / "prompts", settings.prompt_bytes, settings.home / "recordings", settings.keyring)
        self._ports = Ports(*settings.ports)
        self._recordings = Recordings(self._plane, settings.recordings, settings.home / "recordings", self._tell, settings.keyring)
        self._reports = Reports(self._plane, self._wire, settings.lost_seconds, clock.now, self._tell)
        messages = Messages(self._recordings, self._tell, lambda: self._step)
        self._services = Services(self._plane, self._prompts, messages, self._tell, clock.monotonic)
        self._faxes = Faxes(self._plane, self._wire, KeptFolder(settings.home / "faxes", settings.keyring), self._tell)
        self._talks = Talks(self._plane, self._tell)
        self._classifying = Classifying(self._plane, self._tell)
        self._heed = Heed(self._plane, self._recordings, self._faxes, self._reports)
        self._sockets = RowSockets(self._wire, settings.bind, self._reports.silent_seconds, self._connected)
        today = datetime.datetime.fromtimestamp(clock.wall() / 1e6, datetime.UTC)
        certificate = load_or_make(settings.home / "media" / "dtls.pem", today)
        self._secure = Secure(certificate, settings.addresses, self._wire, self._tell, self._reports.receive)
        self._opening = Opening(
            settings.bind,
            self._plane,
            self._ports,
            self._sockets,
            self._secure,
            self._reports,
            self._may_open,
            lambda: self._step,
            self._tell,
        )
        self._control = Control(
            settings, self._plane, self._opening, self._sockets, self._secure, self._services, self._recordings, self._reports,
            self._faxes, self._talks, self._classifying, self._heed, lambda: self._step,
        )  # fmt: skip
        self._server = self._control.server = Server(settings.socket, self._wire, self._control.handle)
        self._alone_since = 0
        self._stopping = threading.Event()
        self.refusing = ""
        """Why no row may be added, as whoever watches the process's limits says; set from any thread."""

    def run(self) -> None:
        """The loop, until ``stop``; then everything is closed in order."""
        gc.collect()
        gc.freeze()
        _be_prompt()
        timer = StepTimer(STEP_SECONDS)
        timer.watch(self._server.descriptor)
        try:
            while not self._stopping.is_set():
                steps = timer.wait()
                if steps:
                    self._advance(steps)
                else:
                    self._server.attend()
        finally:
            timer.close()
            self.close()

    def stop(self) -> None:
        """Let ``run`` end; from any thread."""
        self._stopping.set()

    def load(self) -> WorkerState:
        """What was told last."""
        rows = len(self._control.rows)
        return self._load.state(rows, rows if self.refusing else self._settings.rows, self._ports.free)

    def close(self) -> None:
        """End all rows and recordings, write what waits, close the sockets."""
        for row in list(self._control.rows.values()):
            self._control.close(row)
        self._opening.close()
        self._recordings.close()
        self._recordings.review(self._step)
        self._faxes.close()
        self._server.flush()
        self._server.close()
        self._prompts.close()
        self._secure.shut()
        self._wire.close()

    def _advance(self, steps: int) -> None:
        """``steps`` of 10 ms have passed since the last call."""
        begun = self._clock.monotonic()
        self._load.late(steps - 1)
        if steps > _MOST_CATCH_UP:
            self._step += steps - _MOST_CATCH_UP
            steps = _MOST_CATCH_UP
        for _ in range(steps):
            self._step += 1
            self.step(self._step)
        self._load.took(self._clock.monotonic() - begun, steps)

    def step(self, now: int) -> None:
        """One step: in, through, out."""
        for _ in range(MOST_BAD):
            batch = self._wire.take()
            if batch is None or not self._receive(batch):
                break
        self._prompts.deliver()
        self._secure.deliver()
        if self._control.rows:
            self._through(now)
        self._review(now)
        self._server.flush()

    def _through(self, now: int) -> None:
        """Frames that came are mixed and go out; an idle worker spares itself this."""
        done = self._plane.advance(now)
        self._wire.send(done.rows, done.at)
        for row, packet in done.extra:
            self._wire.send_one(row, packet)
        self._recordings.advance(now)
        self._talks.advance(now)
        self._classifying.advance(now)
        by_index = self._control.by_index
        for index, key in done.keys:
            self._services.press(by_index[index], key)
        for index, tone in done.tones:
            self._tell(MediaTone(port=by_index[index].port, tone=tone))
        for index in done.ended:
            self._services.play_ended(by_index[index])

    def _receive(self, batch: Batch) -> bool:
        """Packets of a round; true when some were not plain audio, so that more may wait behind them."""
        odd = self._plane.receive(*batch, self._step).tolist()
        for i in odd:
            self._receive_odd(int(batch.rows[i]), bytes(batch.slab[i, : batch.lengths[i]]))
        return bool(odd)

    def _receive_odd(self, index: int, data: bytes) -> None:
        row = self._control.by_index.get(index)
        if row is None:
            return
        if (row.image or self._faxes.runs(row)) and self._faxes.packet(row, data):
            self._plane.heard_at[index] = self._step
            return
        keys = self._plane.receive_odd(index, data, self._step)
        if keys is None:
            row.malformed += 1
            return
        for key in keys:
            if not key.ended:
                self._services.press(row, key.key)

    def _review(self, now: int) -> None:
        """What is not of every step."""
        self._faxes.advance(now)
        self._reports.review(self._control.by_index, now)
        self._heed.review(self._control.by_index, now)
        if now % STEPS == 0:
            self._services.time_out()
        if now % (5 * STEPS) == 0:
            self._secure.time_out()
            self._recordings.review(now)
        if now % STEPS_PER_SECOND == 0:
            self._server.tell(self.load())
            self._load.begin_anew()
            self._look_after_orphans(now)
        if now % _REFRESH_STEPS == 0:
            self._secure.refresh()

    def _look_after_orphans(self, now: int) -> None:
        """A switch that never comes back leaves rows behind: silent ones end after ten minutes without it."""
        if self._server.connected:
            self._alone_since = now
        elif now - self._alone_since > self._settings.orphan_seconds * STEPS_PER_SECOND:
            for row in list(self._control.rows.values()):
                if self._reports.silent_seconds(row) > self._settings.lost_seconds:
                    self._control.close(row)

    def _may_open(self) -> str:
        return self.refusing or ("overloaded" if self._load.overloaded(len(self._control.rows)) else "")

    def _connected(self, row: Row) -> None:
        self._tell(MediaConnected(port=row.port))

    def _tell(self, event: MediaEvent) -> None:
        self._server.tell(event)


def _be_prompt() -> None:
    """Ask the scheduler for this thread: real time (it sleeps most of each step, and refuses rows before it takes a core), else a better
    nice value, else nothing; without the right to either all works, with more jitter on a busy machine."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_PRIORITY))
    except OSError:
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        except OSError:
            return

"""Faxes on rows of a worker: the modems run on a thread of their own, the loop only moves frames and datagrams.

While a fax runs, its row takes no part in the mixing: what comes goes to the modem, what the modem says leaves in its place, every 20 ms,
from a store of a tenth of a second that bears a late thread. A row whose remote side is T.38 sends and hears UDPTL; when that changes under
way (a re-INVITE), the fax begins anew in the other form, as T.30 does on a gateway.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

import msgspec
import structlog

from yitong.ct.switches.soft.media_messages import MediaEvent, MediaFax, MediaFaxed
from yitong.ct.switches.soft.media_paper import UNREADABLE, Paper
from yitong.ct.switches.soft.media_row import Row
from yitong.ct.switches.soft.media_wire import Wire
from yitong.kit.kept import KeptFolder
from yitong.media import fax_library, g711, rtp
from yitong.media.fax import FaxOrder, FaxResult, FaxTerminal
from yitong.media.fax_ear import FaxEar, Heard
from yitong.media.fax_t38 import T38Terminal
from yitong.media.g711 import Samples
from yitong.media.jitter import STEPS
from yitong.media.plane import Plane

FRAME_STEPS = STEPS
_STORE = 5
_MOST = 60
"""Faxes at once: more than a thread can do well."""
_FLUSH = 3
"""Frames of silence after the last of a fax, so that its end arrives."""
_log = structlog.get_logger("yitong.media.fax")


class Job:
    """One fax. ``outbox`` is filled by the thread and emptied by the loop; ``result`` is set by the thread at the end."""

    def __init__(self, request: MediaFax, kept: KeptFolder, port: str, t38: bool) -> None:
        self.request = request
        self.kept = kept
        self.port = port
        self.t38 = t38
        self.ear = FaxEar()
        self.outbox: deque[Samples | bytes] = deque()
        self.result: FaxResult | None = None
        self.flush = _FLUSH
        self.terminal: FaxTerminal | T38Terminal | None = None
        self.paper: Paper | None = None
        """Both the thread's alone."""


Work = tuple[Job, str, Heard | bytes | None]


class Modems:
    """The thread: begins, feeds and ends the terminals in the order in which the loop says so."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, job: Job, what: str, value: Heard | bytes | None = None) -> None:
        """``what``: begin, hear, receive, tick, end."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="fax", daemon=True)
            self._thread.start()
        self._work.put((job, what, value))

    def close(self) -> None:
        """End the thread, after everything that was put before."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(5.0)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            job, what, value = work
            if job.result is not None:
                continue
            try:
                _do(job, what, value)
            except Exception:  # noqa: BLE001 - one fax must not end the others
                _log.exception("a fax failed")
                job.terminal = None
                _put_away(job)
                job.result = FaxResult(reason="failed", pages=0)


def _do(job: Job, what: str, value: Heard | bytes | None) -> None:
    if what == "begin":
        _begin(job)
    terminal = job.terminal
    if terminal is None:
        return
    if what == "end":
        _end(job, terminal)
    elif isinstance(terminal, FaxTerminal):
        _audio(job, terminal, what, value)
    elif what == "receive" and isinstance(value, bytes):
        terminal.receive(value)
    elif what == "tick":
        job.outbox.extend(terminal.tick())
    if terminal.ended and job.result is None:
        _end(job, terminal)


def _end(job: Job, terminal: FaxTerminal | T38Terminal) -> None:
    """The pages are kept before anybody is told of them."""
    result = terminal.close()
    try:
        if job.paper is not None:
            job.paper.keep()
    except UNREADABLE as error:
        _log.error("a fax cannot be kept", error=str(error)[:200])
        result = msgspec.structs.replace(result, reason="failed", pages=0)
    _put_away(job)
    job.result = result


def _put_away(job: Job) -> None:
    if job.paper is not None:
        job.paper.close()
        job.paper = None


def _audio(job: Job, terminal: FaxTerminal, what: str, value: Heard | bytes | None) -> None:
    if what == "hear" and isinstance(value, Heard):
        if value.samples is not None:
            terminal.hear(value.samples)
        else:
            terminal.miss(value.missing)
    elif what == "tick":
        while len(job.outbox) < _STORE and not terminal.ended:
            job.outbox.append(terminal.speak())


def _begin(job: Job) -> None:
    """The terminal of the row's form; one of the other form is broken off."""
    if job.terminal is not None:
        job.terminal.close()
        job.outbox.clear()
        job.terminal = None
    _put_away(job)
    request = job.request
    try:
        job.paper = Paper(job.kept, request.file, sends=request.sends)
    except UNREADABLE as error:
        _log.warning("a fax has no file", error=str(error)[:200])
        job.result = FaxResult(reason="no_such_file", pages=0)
        return
    order = FaxOrder(sends=request.sends, file=job.paper.path, station=request.station, error_correction=request.error_correction)
    job.terminal = T38Terminal(order) if job.t38 else FaxTerminal(order)


class Faxes:
    """All faxes of a worker; files are named below ``kept``. ``tell`` gets ``MediaFaxed``."""

    def __init__(self, plane: Plane, wire: Wire, kept: KeptFolder, tell: Callable[[MediaEvent], None]) -> None:
        self._plane = plane
        self._wire = wire
        self._kept = kept
        self._tell = tell
        self._modems = Modems()
        fax_library.available()  # loaded now: it takes a fifth of a second that no call may wait for
        self._jobs: dict[int, tuple[Row, Job]] = {}
        self._ending: list[Job] = []

    def start(self, row: Row, request: MediaFax, now: int) -> str:
        """Begin a fax; answers "" or why not: fax_unavailable, wrong_media, fax_running, overloaded."""
        if not fax_library.available():
            return fax_library.UNAVAILABLE
        if row.leg is not None or row.rtp is None:
            return "wrong_media"
        if row.index in self._jobs:
            return "fax_running"
        if len(self._jobs) >= _MOST:
            return "overloaded"
        job = Job(request, self._kept, row.port, row.image)
        self._jobs[row.index] = (row, job)
        self._silence(row, now)
        self._modems.put(job, "begin")
        return ""

    def runs(self, row: Row) -> bool:
        """Whether a fax runs on the row."""
        return row.index in self._jobs

    def tag(self, row: Row) -> str:
        """The ``tag_id`` of the fax that runs on the row, or empty."""
        known = self._jobs.get(row.index)
        return known[1].request.tag_id if known is not None else ""

    def stop(self, row: Row) -> None:
        """Break off the row's fax; ``MediaFaxed`` follows."""
        known = self._jobs.get(row.index)
        if known is not None:
            self._modems.put(known[1], "end")

    def row_closed(self, row: Row) -> None:
        """The row is gone; its fax ends as it stands."""
        known = self._jobs.pop(row.index, None)
        if known is not None:
            self._modems.put(known[1], "end")
            self._ending.append(known[1])

    def redirected(self, row: Row, now: int) -> None:
        """The remote side of the row is another one now, perhaps of the other form."""
        if row.image:
            self._silence(row, now)
        known = self._jobs.get(row.index)
        if known is None:
            return
        self._silence(row, now)
        job = known[1]
        if job.t38 != row.image:
            job.t38, job.ear = row.image, FaxEar()
            self._modems.put(job, "begin")

    def _silence(self, row: Row, now: int) -> None:
        """The mixing neither hears nor feeds the row."""
        self._plane.direct(row.index, row.remote.codec if row.remote is not None else g711.PCMA, -1, False, False, now)

    def packet(self, row: Row, data: bytes) -> bool:
        """What came for a row; false when no fax wants it."""
        known = self._jobs.get(row.index)
        if known is None:
            return row.image
        job = known[1]
        if job.t38:
            self._modems.put(job, "receive", data)
            return True
        packet = rtp.parse(data)
        if packet is not None and packet.payload_type in (g711.PCMU, g711.PCMA):
            for heard in job.ear.put(packet):
                self._modems.put(job, "hear", heard)
        return True

    def advance(self, now: int) -> None:
        """A step of 10 ms; each fax has its turn every second."""
        for index, (row, job) in list(self._jobs.items()):
            if (now + index) % FRAME_STEPS == 0:
                self._turn(row, job, now)
        for job in [job for job in self._ending if job.result is not None]:
            self._ending.remove(job)
            self._told(job)

    def _turn(self, row: Row, job: Job, now: int) -> None:
        if not job.t38:
            for heard in job.ear.tick():
                self._modems.put(job, "hear", heard)
        self._modems.put(job, "tick")
        self._send(row, job)
        if job.t38:
            self._plane.heard_at[row.index] = now  # silence is T.30's to judge: nobody speaks while he hears a page
        if job.result is not None and not job.outbox:
            job.flush -= 1
            if job.flush <= 0:
                self._end(row, job, now)

    def _send(self, row: Row, job: Job) -> None:
        sends = row.remote is not None and row.remote.rtp_port
        while job.outbox:
            item = job.outbox.popleft()
            if isinstance(item, bytes):
                if sends and job.t38:
                    self._wire.send_one(row.index, item)
            elif not job.t38:
                if sends:
                    self._send_frame(row, item)
                return
        if not job.t38 and sends and job.result is not None:
            self._send_frame(row, _SILENCE)

    def _send_frame(self, row: Row, samples: Samples) -> None:
        plane, index = self._plane, row.index
        assert row.remote is not None
        law = g711.ENCODE.reshape(2, -1)[g711.law_index(row.remote.codec)]
        payload = law[samples.view("uint16")].tobytes()
        plane.sequence[index] += 1
        plane.timestamp[index] += rtp.FRAME
        plane.sent[index] += 1
        packet = rtp.build(row.remote.codec, int(plane.sequence[index]), int(plane.timestamp[index]), int(plane.ssrc[index]), payload)
        self._wire.send_one(index, packet)

    def _end(self, row: Row, job: Job, now: int) -> None:
        del self._jobs[row.index]
        remote = row.remote
        if remote is not None and not row.image:
            self._plane.direct(row.index, remote.codec, remote.event_type, remote.send and remote.rtp_port > 0, remote.receive, now)
        self._told(job)

    def _told(self, job: Job) -> None:
        assert job.result is not None
        self._tell(
            MediaFaxed(
                port=job.port, tag_id=job.request.tag_id, reason=job.result.reason, pages=job.result.pages, station=job.result.station,
                rate=job.result.rate, error_correction=job.result.error_correction, t38=job.t38, detail=job.result.detail,
            )
        )  # fmt: skip

    def close(self) -> None:
        """End the thread; what ran is told as broken off."""
        for row, _ in list(self._jobs.values()):
            self.row_closed(row)
        self._modems.close()
        self.advance(1)


_SILENCE = g711.DECODE[:1].repeat(rtp.FRAME) * 0

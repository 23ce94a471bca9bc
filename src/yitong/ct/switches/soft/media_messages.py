"""What the switch and a media worker say to each other over a Unix seqpacket socket: one msgpack message a packet.

The switch connects (and connects again after its own restart: rows live on without it). Requests carry ``id``; the worker answers each
with ``Done`` or ``Refusal`` of the same id. Ports are named by the switch. All times in seconds unless named otherwise.
"""

from __future__ import annotations

import msgspec

from yitong.ct.model import Prompt
from yitong.ct.switches.soft.media_judging import MediaClassified as MediaClassified
from yitong.ct.switches.soft.media_judging import MediaClassify as MediaClassify
from yitong.ct.switches.soft.media_judging import MediaEvent as MediaEvent
from yitong.ct.switches.soft.media_judging import MediaGreeted as MediaGreeted
from yitong.ct.switches.soft.media_judging import Request as Request
from yitong.ct.switches.soft.media_opened import Done as Done
from yitong.ct.switches.soft.media_opened import KeepStock as KeepStock
from yitong.ct.switches.soft.media_opened import OpenPort as OpenPort
from yitong.ct.switches.soft.media_opened import Pair as Pair
from yitong.ct.switches.soft.media_opened import PortOpened as PortOpened
from yitong.ct.switches.soft.media_opened import Refusal as Refusal
from yitong.ct.switches.soft.media_opened import Reply as Reply
from yitong.ct.switches.soft.media_opened import Stocked as Stocked


class SetRemote(Request, frozen=True, tag=True):
    """Where the other side of a row is and how it codes, from its SDP. ``codec``: 0 PCMU, 8 PCMA. ``event_type``: payload type of
    telephone-event, -1 without. ``send``/``receive``: direction. A secure row needs ``fingerprint`` ("sha-256 AA:.."), ``setup`` (its
    role; to ``actpass`` we are passive), ``ufrag``, ``password``. ``suite`` with both keys (base64, RFC 4568): SRTP on
    a plain row. ``image``: no audio but T.38 in UDPTL (RFC 3362) at ``rtp_port``.
    """

    address: str
    rtp_port: int
    rtcp_port: int = 0
    codec: int = 8
    event_type: int = -1
    send: bool = True
    receive: bool = True
    fingerprint: str = ""
    setup: str = ""
    ufrag: str = ""
    password: str = ""
    image: bool = False
    suite: str = ""
    their_key: str = ""
    our_key: str = ""


class ClosePort(Request, frozen=True, tag=True):
    """End a row; ``PortClosed`` tells its statistics."""


class Link(Request, frozen=True, tag=True):
    """Whether row ``port`` hears row ``source`` (a matrix entry); ``gain`` 0 takes it out."""

    source: str
    gain: float = 1.0


class MediaPlay(Request, frozen=True, tag=True):
    """Play to a row; replaces what plays. Ends with ``MediaPlayed`` carrying ``tag_id``."""

    tag_id: str
    prompts: tuple[Prompt, ...]
    loop: bool = False


class MediaCollect(Request, frozen=True, tag=True):
    """PlayCollect as ``ct.services.Collect``. Ends with ``MediaCollected``."""

    tag_id: str
    prompts: tuple[Prompt, ...] = ()
    minimum: int = 1
    maximum: int = 1
    terminators: str = ""
    first_seconds: float = 5.0
    between_seconds: float = 3.0
    barge_in: bool = True
    discard: bool = False


class MediaStop(Request, frozen=True, tag=True):
    """Stop what plays or collects on the row, and its fax."""


class MediaForgetKeys(Request, frozen=True, tag=True):
    """Throw away keys that were pressed while nothing collected."""


class MediaDigits(Request, frozen=True, tag=True):
    """Send digits from the row (RFC 4733; silence if the other side takes none)."""

    digits: str


class MediaPress(Request, frozen=True, tag=True):
    """A key that the row's telephone told by signalling (SIP INFO); one that the audio tells, too, counts once."""

    digit: str


class MediaFax(Request, frozen=True, tag=True):
    """Send or receive ``file``, a TIFF below the home's faxes folder, on the row; ends with ``MediaFaxed`` carrying ``tag_id``. Meanwhile
    the row takes no part in the mixing. Refused with fax_unavailable, wrong_media, fax_running, overloaded.
    """

    tag_id: str
    sends: bool
    file: str
    station: str = ""
    error_correction: bool = True


class MediaRecord(Request, frozen=True, tag=True):
    """Record what arrives from rows ``left`` and ``right`` on two tracks of a WAV below the recordings folder."""

    recording: str
    left: str
    right: str
    file: str


class MediaAlso(Request, frozen=True, tag=True):
    """Whose voices are on the right track of the recording besides that of its right row, from now on: rows."""

    recording: str
    ports: tuple[str, ...]


class MarkHold(Request, frozen=True, tag=True):
    """A hold began (``on``) or ended in the recording."""

    recording: str
    on: bool


class MediaPause(Request, frozen=True, tag=True):
    """Let nothing into the recording from now on (``on``), or go on; it goes on by itself after ``seconds`` (``MediaResumed``)."""

    recording: str
    on: bool
    seconds: float = 300.0


class MediaMessage(Request, frozen=True, tag=True):
    """Play, then record what arrives from the row alone (mono); as ``ct.services.RecordMessage``. Ends with ``MediaTaken``."""

    tag_id: str
    file: str
    prompts: tuple[Prompt, ...] = ()
    maximum_seconds: float = 120.0
    silence_seconds: float = 4.0
    terminators: str = "#"


class MediaWatch(Request, frozen=True, tag=True):
    """Whether ``MediaTalk`` is told of the row."""

    on: bool


class StopRecord(Request, frozen=True, tag=True):
    """Close the recording; ``MediaRecorded`` follows."""

    recording: str


class ListPorts(Request, frozen=True, tag=True):
    """Ask for all rows; answered by ``PortList`` (after a switch's restart)."""


class PortState(msgspec.Struct, frozen=True, kw_only=True):
    """A row as ``ListPorts`` tells it: own side, remote, what it hears and plays; ``fax`` is the ``tag_id`` of its fax."""

    opened: PortOpened
    label: str
    remote: SetRemote | None
    hears: tuple[tuple[str, float], ...]
    tag_id: str = ""
    fax: str = ""


class PortList(Reply, frozen=True, tag=True):
    """All rows and running recordings (recording id, left, right, file). ``more``: another ``PortList`` of this id follows (100 rows
    each)."""

    ports: tuple[PortState, ...]
    recordings: tuple[tuple[str, str, str, str], ...] = ()
    more: bool = False


class MediaPlayed(MediaEvent, frozen=True, tag=True):
    """Playing ended."""

    tag_id: str
    completed: bool


class MediaCollected(MediaEvent, frozen=True, tag=True):
    """Collecting ended; ``reason`` as in ``ct.events.Collected``."""

    tag_id: str
    digits: str
    reason: str


class MediaDigit(MediaEvent, frozen=True, tag=True):
    """A key while nothing collects (it also stays in the type-ahead buffer, at most 32)."""

    digit: str


class MediaFaxed(MediaEvent, frozen=True, tag=True):
    """A fax ended. ``reason`` as in ``media.fax.FaxResult``, or no_such_file; ``t38``: it ended in T.38."""

    tag_id: str
    reason: str
    pages: int
    station: str
    rate: int
    error_correction: bool
    t38: bool
    detail: str = ""


class MediaTone(MediaEvent, frozen=True, tag=True):
    """A fax machine showed itself on a row that plays or collects: ``cng`` (it calls) or ``ced`` (it answers)."""

    tone: str


class MediaTalk(MediaEvent, frozen=True, tag=True):
    """A watched row began (``on``) or ceased to carry speech."""

    on: bool


class MediaConnected(MediaEvent, frozen=True, tag=True):
    """The first packet from the locked source arrived (for a secure row: DTLS is done and the fingerprint is right)."""


class MediaLost(MediaEvent, frozen=True, tag=True):
    """No packet for ``seconds``; told once, until packets come again. ``reason``: silence, ice, fingerprint."""

    seconds: float
    reason: str


class MediaRecorded(MediaEvent, frozen=True, tag=True):
    """A recording is closed."""

    recording: str
    file: str
    milliseconds: int
    bytes: int
    sha256: str
    holds: tuple[tuple[int, int], ...]
    complete: bool
    pauses: tuple[tuple[int, int], ...] = ()


class MediaResumed(MediaEvent, frozen=True, tag=True):
    """A paused recording went on by itself."""

    recording: str


class MediaTaken(MediaEvent, frozen=True, tag=True):
    """A message is closed; ``reason`` as in ``ct.events.MessageRecorded``."""

    tag_id: str
    reason: str
    milliseconds: int
    bytes: int = 0
    sha256: str = ""


class MediaAlarm(MediaEvent, frozen=True, tag=True):
    """The operator should know. ``code``: disk_full, disk_slow, ports_low, descriptors_low; ``detail`` says where."""

    code: str
    detail: str


class PortClosed(MediaEvent, frozen=True, tag=True):
    """Statistics of a row's life: what we received (RTCP says what they did). ``strangers``: packets from a wrong source."""

    packets: int
    lost: int
    late: int
    sent: int
    strangers: int
    jitter_ms: float
    mos: float


class WorkerState(MediaEvent, frozen=True, tag=True):
    """Told every second: load for the choice of a worker and for metrics. ``late_ticks`` since the start; ``latest_ms``: how late the
    latest of the last second began."""

    ports: int
    capacity: int
    late_ticks: int
    tick_ms_p99: float
    latest_ms: float = 0.0


AnyRequest = (
    OpenPort
    | KeepStock
    | SetRemote
    | ClosePort
    | Link
    | MediaPlay
    | MediaCollect
    | MediaStop
    | MediaForgetKeys
    | MediaDigits
    | MediaPress
    | MediaFax
    | MediaRecord
    | MediaAlso
    | MarkHold
    | StopRecord
    | MediaPause
    | MediaMessage
    | MediaWatch
    | MediaClassify
    | ListPorts
)
FromWorker = (
    Done
    | Refusal
    | PortOpened
    | Stocked
    | PortList
    | MediaPlayed
    | MediaCollected
    | MediaDigit
    | MediaFaxed
    | MediaTone
    | MediaClassified
    | MediaGreeted
    | MediaTalk
    | MediaConnected
    | MediaLost
    | MediaRecorded
    | MediaResumed
    | MediaTaken
    | MediaAlarm
    | PortClosed
    | WorkerState
)

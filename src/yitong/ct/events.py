"""What a switch tells (ECMA-269 events), as values.

Every event carries the switch's name, its ``epoch`` (one a start) and ``sequence`` (gap-free within the epoch of one tenant and
site), so that a listener that missed some asks for them again (Monitor Start) or takes a ``Snapshot``. ``at`` is UTC microseconds.
"""

from __future__ import annotations

import msgspec

from yitong.ct.model import Cause, Connection, Device, DeviceKind, Dialled, Participation, Take


class CtEvent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What every event carries."""

    switch: str = ""
    epoch: int = 0
    sequence: int = 0
    at: int = 0
    tenant: str = ""
    site: str = ""


class CallEvent(CtEvent, frozen=True, kw_only=True, tag=True):
    """What every event of a connection carries; ``service`` is the service that caused it, if one did."""

    call: str
    connection: str
    service: str = ""


class Delivered(CallEvent, frozen=True, tag=True):
    """A connection alerts. ``incoming``: it came from outside and waits at the routing device for core; else a device that we ring.

    ``calling`` is empty when it is withheld; ``first_called`` is what was called before the call was diverted to us. ``linked``: it came
    from another site of ours, to a number or a person here; ``data``: what came with it from there (``Target.data``).
    """

    device: str
    kind: DeviceKind
    incoming: bool
    called: str = ""
    calling: str = ""
    calling_name: str = ""
    first_called: str = ""
    linked: bool = False
    data: str = ""


class Originated(CallEvent, frozen=True, tag=True):
    """A connection was begun towards a device by a service (INVITE sent), or by a device of ours that dialled a colleague or outside.

    The latter waits for core: Route says who rings, Clear refuses. Where core keeps silent it goes on to what was dialled.
    """

    device: str
    kind: DeviceKind
    dialled: Dialled | None = None


class Established(CallEvent, frozen=True, tag=True):
    """A connection became connected; audio flows between all connected ones of the call."""

    device: str


class Held(CallEvent, frozen=True, tag=True):
    """A connection went on hold."""


class Retrieved(CallEvent, frozen=True, tag=True):
    """A held connection takes part again."""


class Failed(CallEvent, frozen=True, tag=True):
    """A connection could not be made; it is gone."""

    device: str
    cause: Cause
    sip_status: int = 0


class ConnectionCleared(CallEvent, frozen=True, tag=True):
    """A connection ended. ``by_device``: the device itself hung up (or cancelled)."""

    device: str
    cause: Cause
    by_device: bool


class Transferred(CallEvent, frozen=True, tag=True):
    """A single-step transfer is done: ``connection`` left, ``to_connection`` is connected, at ``device``; ``called``: the outside number
    that was rung for it."""

    to_connection: str
    device: str = ""
    called: str = ""


class TransferAsked(CallEvent, frozen=True, tag=True):
    """A device that talks with somebody wants to give him to ``number``, one of ours that leads to a flow. Core does so, or not."""

    number: str


class CallsJoined(CallEvent, frozen=True, tag=True):
    """A telephone brought two of its calls together: ``connections`` were in ``former_call`` and are in ``call`` now.

    ``connection`` is the telephone's own in ``call``; it leaves (``Transferred`` follows), and so does that in ``former_call``.
    """

    former_call: str
    connections: tuple[str, ...]


class Moved(CallEvent, frozen=True, tag=True):
    """A connection talks in another room of its call (Consultation, Alternate, Reconnect); ``room`` is empty for the first one."""

    room: str


class Conferenced(CallEvent, frozen=True, tag=True):
    """The rooms of a consultation became one: ``connection``, ``consulted`` and the others hear each other."""

    consulted: str


class ParticipationChanged(CallEvent, frozen=True, tag=True):
    """A connection takes part in another way; ``attends`` is the connection with which it stays, or empty."""

    participation: Participation
    attends: str = ""


class HallEntered(CallEvent, frozen=True, tag=True):
    """A connection is in a hall, or is heard there in another way."""

    hall: str
    participation: Participation


class HallLeft(CallEvent, frozen=True, tag=True):
    """A connection is no longer in a hall, by a service; at its end ``ConnectionCleared`` says it all."""

    hall: str


class TalkChanged(CallEvent, frozen=True, tag=True):
    """A speaker of a hall began (``on``) or ceased to speak. Told a moment late, and not at the end of its connection."""

    hall: str
    on: bool


class Diverted(CallEvent, frozen=True, tag=True):
    """A deflected connection now alerts elsewhere as ``to_connection``."""

    to_connection: str


class CallCleared(CtEvent, frozen=True, tag=True):
    """The last connection of a call ended."""

    call: str


class Played(CallEvent, frozen=True, tag=True):
    """A Play ended; ``completed`` is false when it was stopped or replaced."""

    completed: bool


class Collected(CallEvent, frozen=True, tag=True):
    """The result of a Collect. ``reason``: digits, terminator, timeout, stopped, prompt_missing."""

    digits: str
    reason: str


class DigitPressed(CallEvent, frozen=True, tag=True):
    """A key was pressed while nothing collected (kept for type-ahead too)."""

    digit: str


class FaxEnded(CallEvent, frozen=True, tag=True):
    """A SendFax (``sent``) or ReceiveFax ended, perhaps after its connection; the fields are those of ``model.FaxOutcome``."""

    file: str
    sent: bool
    reason: str
    pages: int
    station: str = ""
    rate: int = 0
    error_correction: bool = False
    t38: bool = False


class FaxToneHeard(CallEvent, frozen=True, tag=True):
    """A fax machine showed itself while something played or collected: ``cng`` (it wants to send), ``ced`` (it answered). Told once."""

    tone: str


class Classified(CallEvent, frozen=True, tag=True):
    """The result of a Classify. ``who``: person, machine, fax, busy, congestion, unobtainable (tones of the network), silence, unknown.

    ``reason``: greeting (how long it spoke), words, pause (after a short greeting), beep, tone, silence, undecided. ``measure``: what
    decided, in ms (of words: their number; of tones: hertz). ``milliseconds`` since Classify; ``confidence`` in percent.
    """

    who: str
    reason: str
    measure: int = 0
    milliseconds: int = 0
    confidence: int = 0


class GreetingEnded(CallEvent, frozen=True, tag=True):
    """A machine's greeting is over, a message may be left. ``reason``: beep (of ``hertz``), silence, limit (it may still speak)."""

    reason: str
    hertz: int = 0
    milliseconds: int = 0


class RecordingStarted(CallEvent, frozen=True, tag=True):
    """A recording runs; ``connection`` is its left track."""

    recording: str
    file: str


class RecordingEnded(CallEvent, frozen=True, tag=True):
    """A recording is closed. ``holds`` and ``pauses`` are (from, to) in milliseconds of the file; a pause is silent there. ``complete`` is
    false after a crash or a full disk."""

    recording: str
    file: str
    milliseconds: int
    bytes: int
    sha256: str
    holds: tuple[tuple[int, int], ...] = ()
    complete: bool = True
    pauses: tuple[tuple[int, int], ...] = ()


class RecordingPaused(CallEvent, frozen=True, tag=True):
    """Nothing gets into a recording from now on; ``connection`` is its left track."""

    recording: str


class RecordingResumed(CallEvent, frozen=True, tag=True):
    """A paused recording goes on: by a service, or by itself (then ``service`` is empty)."""

    recording: str


class MessageRecorded(CallEvent, frozen=True, tag=True):
    """A RecordMessage ended, perhaps after its connection. ``reason``: silence, limit, key, stopped, hung_up, failed, prompt_missing."""

    file: str
    reason: str
    milliseconds: int
    bytes: int = 0
    sha256: str = ""


class QualityReported(CallEvent, frozen=True, tag=True):
    """Speech quality of a connection over its life: loss and jitter of what we received, the G.107 estimate (MOS 1 to 4.5)."""

    packets: int
    lost: int
    late: int
    jitter_ms: float
    mos: float


class DeviceChanged(CtEvent, frozen=True, tag=True):
    """A device registered, went away, or stopped or began to answer."""

    device: Device


class ServiceFailed(CtEvent, frozen=True, tag=True):
    """A service could not be done: ``reason`` is a stable code (no_such_connection, wrong_state, no_such_device, old_epoch, ...)."""

    service: str
    kind: str
    connection: str
    reason: str


class SwitchStarted(CtEvent, frozen=True, tag=True):
    """The switch came up (again) and accepts services; listeners take a Snapshot."""

    calls_kept: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All live connections, devices and recordings of a tenant and site, as of event ``sequence`` of ``epoch``."""

    switch: str
    epoch: int
    sequence: int
    at: int
    connections: tuple[Connection, ...]
    devices: tuple[Device, ...]
    recordings: tuple[Take, ...] = ()


AnyEvent = (
    Delivered
    | Originated
    | Established
    | Held
    | Retrieved
    | Failed
    | ConnectionCleared
    | Transferred
    | TransferAsked
    | CallsJoined
    | Moved
    | Conferenced
    | ParticipationChanged
    | HallEntered
    | HallLeft
    | TalkChanged
    | Diverted
    | CallCleared
    | Played
    | Collected
    | DigitPressed
    | FaxEnded
    | FaxToneHeard
    | Classified
    | GreetingEnded
    | RecordingStarted
    | RecordingEnded
    | RecordingPaused
    | RecordingResumed
    | MessageRecorded
    | QualityReported
    | DeviceChanged
    | ServiceFailed
    | SwitchStarted
)

"""Calls, connections and devices in the words of ECMA-269.

A *device* is something that can take part in calls (a desk phone, a browser page, a trunk). A *connection* is one device's part in
one *call*. A call is nothing but its connections: whoever is ``CONNECTED`` in the same call hears the others.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ConnectionState(StrEnum):
    """Local connection states of ECMA-269."""

    NULL = "null"
    INITIATED = "initiated"
    ALERTING = "alerting"
    CONNECTED = "connected"
    HOLD = "hold"
    QUEUED = "queued"
    FAILED = "failed"


class Cause(StrEnum):
    """Why something happened to a connection."""

    NORMAL = "normal"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    UNREACHABLE = "unreachable"
    NOT_ALLOWED = "not_allowed"
    NO_SUCH_NUMBER = "no_such_number"
    NO_COMMON_CODEC = "no_common_codec"
    OVERLOADED = "overloaded"
    MEDIA_LOST = "media_lost"
    SIGNALLING_LOST = "signalling_lost"
    TRANSFERRED = "transferred"
    STANDING_ORDER = "standing_order"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class DeviceKind(StrEnum):
    """What a connection's device is."""

    TRUNK = "trunk"
    PHONE = "phone"
    PAGE = "page"
    GUEST = "guest"


class Participation(StrEnum):
    """How a connection takes part in what is said (ECMA-269, Single Step Conference: participation type).

    ``ACTIVE`` is heard by everybody in its room, ``SILENT`` by nobody, ``WHISPER`` by the connection that it attends to alone.
    """

    ACTIVE = "active"
    SILENT = "silent"
    WHISPER = "whisper"


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a play list: a WAV file (8 kHz, 16 bit, mono) below the home's ``prompts`` folder, a tone, or a silence.

    A name that begins with ``recording:`` is below the home's recordings folder: a message that somebody left.

    ``tone``: one round of ringback (450 Hz, 1 s in 5), busy, congestion (GB/T 3380), dial (1 s), beep, or of so many hertz (1 s);
    ``file`` may say the same as ``tone:NAME``.
    """

    file: str = ""
    silence_ms: int = 0
    tone: str = ""


class FaxOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a fax ended. ``reason``: ok, no_fax (nobody spoke T.30), cannot_train, incompatible, no_answer, no_carrier, bad_file,
    no_such_file, call_dropped, interrupted (a process died), failed. ``station`` is the other machine's name for itself: a number, hence
    personal. ``rate`` in bit/s; ``t38``: over T.38, not audio.
    """

    reason: str
    pages: int = 0
    station: str = ""
    rate: int = 0
    error_correction: bool = False
    t38: bool = False


class StandingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the switch does by itself with a connection whose other side left, should core stay silent.

    ``wait_seconds`` 0 releases at once; otherwise the connection hears ``music`` (or silence) for that long, then is released.
    """

    wait_seconds: float = 0.0
    music: str = ""


class Dialled(msgspec.Struct, frozen=True, kw_only=True):
    """What a device of ours dialled by itself and core has not said anything about.

    ``connection``: the id that whoever is rung for it will have; ``device``: the device of ours behind the number, empty: none, it is an
    outside number; ``calling``: the extension that dialled.
    """

    number: str
    connection: str
    calling: str = ""
    device: str = ""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One device's part in a call as a Snapshot tells it."""

    connection: str
    call: str
    device: str
    kind: DeviceKind
    state: ConnectionState
    since: int
    calling: str = ""
    called: str = ""
    playing: str = ""
    collecting: str = ""
    recording: str = ""
    room: str = ""
    participation: Participation = Participation.ACTIVE
    attends: str = ""
    incoming: bool = True
    """It came in; else we rang it."""
    faxing: str = ""
    classifying: str = ""
    """The Classify that runs."""
    hall: str = ""
    """The hall in which it hears and is heard besides its call."""
    talking: bool = False
    """It speaks there this moment (``TalkChanged``)."""
    dialled: Dialled | None = None
    """It waits for core, which says who rings (``Originated``)."""
    linked: bool = False
    """It came from another site of ours."""
    data: str = ""
    """What came with it from there, until it is answered."""


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """A recording as a Snapshot tells it, from its start until its end was told. ``paused``: nothing gets into its file."""

    recording: str
    call: str
    paused: bool = False


class MessageWaiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in the mailbox of an extension: messages nobody has heard yet, and heard ones."""

    extension: str
    new: int = 0
    heard: int = 0


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A device that an account stands for: ``registered`` has a binding, ``answering`` replied to the last OPTIONS."""

    device: str
    account: str
    tenant: str
    kind: DeviceKind
    site: str = ""
    registered: bool
    answering: bool

"""Services asked of a switch (ECMA-269), as values. Each has an ``id`` made by the asker: the same id twice is done once.

A service that cannot be done is answered by ``events.ServiceFailed`` naming the id; success shows in the events that follow.
``epoch`` is the asker's lease: a switch refuses an older one than it has seen for the tenant (``Cause.NOT_ALLOWED``).
"""

from __future__ import annotations

import msgspec

from yitong.ct.model import Cause, MessageWaiting, Participation, Prompt, StandingOrder
from yitong.media.answerer import Rules


class Service(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What every service carries."""

    id: str
    tenant: str
    epoch: int = 0


class Answer(Service, frozen=True, tag=True):
    """Answer Call: take an incoming connection that is alerting at a routing device; it becomes connected."""

    connection: str


class Ring(Service, frozen=True, tag=True):
    """Tell the caller that it rings (180) without answering."""

    connection: str


class Clear(Service, frozen=True, tag=True):
    """Clear Connection: reject, cancel or hang up, whatever the state asks for."""

    connection: str
    cause: Cause = Cause.NORMAL


class Hold(Service, frozen=True, tag=True):
    """Hold Call: this device stops taking part; the others of the call hear ``music``."""

    connection: str
    music: str = ""


class Retrieve(Service, frozen=True, tag=True):
    """Retrieve Call: a held connection takes part again."""

    connection: str


class Make(Service, frozen=True, tag=True):
    """Make Call: the device is rung first; when it answers, the call goes on to ``called``.

    ``number`` instead of a device: an outside number, by what way out fits; it is alone in its call when it answers. ``tones``: a busy
    tone, or another one of the network, that is heard before the answer ends the ringing with that cause.
    """

    call: str
    connection: str
    device: str = ""
    called: str = ""
    calling: str = ""
    ring_seconds: float = 30.0
    auto_answer: bool = False
    number: str = ""
    tones: bool = False


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A device to ring and the id its connection shall have. ``number`` instead of a device: an outside number, by what way out fits.

    ``data``: what goes with the call when that way is a link to another site of ours (User-to-User, RFC 7433); by no other.
    """

    connection: str
    device: str = ""
    number: str = ""
    data: str = ""


class Route(Service, frozen=True, tag=True):
    """Route Select: ring ``targets`` for the call of ``connection``; the first to answer is connected with it, the others cleared.

    ``calling`` is shown to the targets in From. ``resume`` marks the INVITE (header ``X-Yitong-Resume: 1``) so that a reloaded
    page answers by itself. ``order`` stands for the caller when the target leaves later. Without targets a call that a device of ours
    dialled goes on to what was dialled. ``tones`` as of Make.
    """

    connection: str
    targets: tuple[Target, ...]
    calling: str = ""
    calling_name: str = ""
    ring_seconds: float = 20.0
    contact: str = ""
    resume: bool = False
    order: StandingOrder = StandingOrder()
    tones: bool = False


class Deflect(Service, frozen=True, tag=True):
    """Deflect Call: an alerting connection is moved to another device; the first stops ringing."""

    connection: str
    target: Target
    ring_seconds: float = 20.0


class SingleStepTransfer(Service, frozen=True, tag=True):
    """Single Step Transfer: the connection leaves; the others of its call go on with ``target``."""

    connection: str
    target: Target
    calling: str = ""
    ring_seconds: float = 30.0


class Consult(Service, frozen=True, tag=True):
    """Consultation Call: ``target`` is rung for the connection alone, in a room of their own; the others hear ``music`` meanwhile.

    A room is a part of a call: connected ones hear each other only in the same one. It is named like the target's connection. A hold of
    the asker's own ends; the others' music goes on. While the target is rung the asker hears ``ringback`` (a prompt's file, or a tone);
    empty: nothing.
    """

    connection: str
    target: Target
    calling: str = ""
    ring_seconds: float = 30.0
    music: str = ""
    ringback: str = "tone:ringback"


class StepAside(Service, frozen=True, tag=True):
    """The connection goes into a room of its own, named like itself, and ends a hold of its own; Reconnect brings it back.

    Meanwhile it hears none of the others, nor they it: what is played to them and what they press is theirs alone.
    """

    connection: str


class Alternate(Service, frozen=True, tag=True):
    """Alternate Call: the connection goes over to its other room; who is left alone hears music."""

    connection: str


class Reconnect(Service, frozen=True, tag=True):
    """Reconnect Call: whoever was consulted is released, and the connection is back where it came from."""

    connection: str


class Conference(Service, frozen=True, tag=True):
    """Conference Call: the two rooms become one, all hear each other."""

    connection: str


class Transfer(Service, frozen=True, tag=True):
    """Transfer Call: the two rooms become one and the connection leaves, also while the target still rings."""

    connection: str


class Join(Service, frozen=True, tag=True):
    """Single Step Conference: ring ``target`` into the call of ``connection``.

    ``attend``: it stays with that connection (a supervisor with an agent): goes where it goes, and is released with it.
    """

    connection: str
    target: Target
    participation: Participation = Participation.ACTIVE
    attend: bool = False
    calling: str = ""
    ring_seconds: float = 20.0
    auto_answer: bool = False


class Participate(Service, frozen=True, tag=True):
    """Change Connection Information: another participation, without a gap. ``attend`` false ends an attendance: it stays by itself."""

    connection: str
    participation: Participation
    attend: bool = True


class EnterHall(Service, frozen=True, tag=True):
    """Let a connection hear all speakers of a hall, whatever calls they are in, and be heard by all there if it is ``ACTIVE``.

    A hall is a conference of any size: it is there while somebody is in it. Its name is the asker's. ``Participate`` makes a listener a
    speaker and back, without a gap. Nothing that a connection hears of its own call changes.
    """

    connection: str
    hall: str
    participation: Participation = Participation.ACTIVE


class LeaveHall(Service, frozen=True, tag=True):
    """Take a connection out of its hall; its call goes on. Keys pressed there do not count for what is collected afterwards."""

    connection: str


class RecordHall(Service, frozen=True, tag=True):
    """Record what is said in a hall, mixed, into ``file``; ends with ``StopRecording``, or when the last one leaves the hall."""

    recording: str
    hall: str
    file: str


class Play(Service, frozen=True, tag=True):
    """Play prompts to a connection; ``loop`` repeats until stopped (music). A new Play replaces the running one.

    Whoever holds us hears nothing: what is said to him waits, and goes on where it was when he is back. So do prompts of a Collect.
    """

    connection: str
    prompts: tuple[Prompt, ...]
    loop: bool = False


class Stop(Service, frozen=True, tag=True):
    """Stop whatever plays, collects or judges on a connection, and its fax."""

    connection: str


class Collect(Service, frozen=True, tag=True):
    """Play prompts and collect digits beside the media (PlayCollect); one ``Collected`` is the result.

    A key stops the prompts at once when ``barge_in``; keys pressed before count unless ``discard`` (type-ahead). Times in seconds;
    the first-digit time starts at the end of the prompts. Ends at ``maximum`` digits, a terminator, or a time-out.
    """

    connection: str
    prompts: tuple[Prompt, ...] = ()
    minimum: int = 1
    maximum: int = 1
    terminators: str = ""
    first_seconds: float = 5.0
    between_seconds: float = 3.0
    barge_in: bool = True
    discard: bool = False


class SendDigits(Service, frozen=True, tag=True):
    """Generate Digits towards a connection's device (RFC 4733)."""

    connection: str
    digits: str


class Classify(Service, frozen=True, tag=True):
    """Judge by its voice who answered at a connection; one ``Classified`` is the result, within ``rules.limit``.

    ``beep_seconds``: when it is a machine, the end of its greeting is awaited for so long, and told (``GreetingEnded``). ``machine``: it is
    known to be one, only that end is wanted. A new Classify replaces the running one, Stop ends it; neither of them is told. What plays to
    the connection meanwhile goes on and counts for nothing.
    """

    connection: str
    rules: Rules = Rules()
    beep_seconds: float = 0.0
    machine: bool = False


class SendFax(Service, frozen=True, tag=True):
    """Send a fax to the device of a connection: ``file``, a TIFF below the home's faxes folder. One ``FaxEnded`` is the result.

    Meanwhile the connection neither hears nor is heard. ``station`` is shown by the other machine (digits). ``t38``: T.38 is taken when
    the other side offers it. Refused with fax_unavailable (no libspandsp2), fax_running, wrong_media (a browser), overloaded.
    """

    connection: str
    file: str
    station: str = ""
    error_correction: bool = True
    t38: bool = True


class ReceiveFax(Service, frozen=True, tag=True):
    """Receive a fax from the device of a connection into ``file``, as ``SendFax``. ``t38``: T.38 is offered; refused, audio carries it."""

    connection: str
    file: str
    station: str = ""
    error_correction: bool = True
    t38: bool = True


class StartRecording(Service, frozen=True, tag=True):
    """Record two connections of a call on two tracks, ``left`` and ``right``, into ``file`` below the home's recordings folder."""

    recording: str
    call: str
    left: str
    right: str
    file: str


class StopRecording(Service, frozen=True, tag=True):
    """End a recording; ``RecordingEnded`` tells its length and digest."""

    recording: str


class PauseRecording(Service, frozen=True, tag=True):
    """What is said from now on does not get into a recording: silence of the same length and a mark stand in its place.

    ``seconds``: it goes on by itself after so long, at most 300.
    """

    recording: str
    seconds: float = 300.0


class ResumeRecording(Service, frozen=True, tag=True):
    """Go on with a paused recording."""

    recording: str


class RecordMessage(Service, frozen=True, tag=True):
    """Record what a connection says after ``prompts`` into ``file``, a mono WAV below the home's recordings folder.

    Ends with ``MessageRecorded``: after ``silence_seconds`` without speech, ``maximum_seconds`` in all, a key of ``terminators``, Stop, or
    the end of the connection.
    """

    connection: str
    file: str
    prompts: tuple[Prompt, ...] = ()
    maximum_seconds: float = 120.0
    silence_seconds: float = 4.0
    terminators: str = "#"


class SetMessageWaiting(Service, frozen=True, tag=True):
    """Set Message Waiting Indicator: what telephones that ask for it (RFC 3842) show of their mailboxes.

    ``whole``: extensions that are not named have no mailbox at the asker's site (any more). An extension's mailboxes at several sites
    are added up.
    """

    site: str
    lamps: tuple[MessageWaiting, ...]
    whole: bool = False


class SetStandingOrder(Service, frozen=True, tag=True):
    """Change what the switch does with the connection when the other side leaves and core is silent."""

    connection: str
    order: StandingOrder


AnyService = (
    Answer
    | Ring
    | Clear
    | Hold
    | Retrieve
    | Make
    | Route
    | Deflect
    | SingleStepTransfer
    | Consult
    | StepAside
    | Alternate
    | Reconnect
    | Conference
    | Transfer
    | Join
    | Participate
    | EnterHall
    | LeaveHall
    | RecordHall
    | Play
    | Stop
    | Collect
    | SendDigits
    | Classify
    | SendFax
    | ReceiveFax
    | StartRecording
    | StopRecording
    | PauseRecording
    | ResumeRecording
    | RecordMessage
    | SetMessageWaiting
    | SetStandingOrder
)

"""What the switching function asks of the lines that carry its connections, and of the audio behind them.

None of these calls waits or raises; what comes of them is told to the switching function later (``SwitchingFunction.answered`` ...),
never from within the call.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from yitong.ct.model import Cause, DeviceKind, MessageWaiting, Prompt
from yitong.ct.services import Classify, Collect, ReceiveFax, RecordMessage, SendFax

MAXIMUM_HOPS = 18
"""How often a call may be sent on, whatever its caller allows: enough for any network between, and an end for a loop."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What a device that is rung shall see."""

    calling: str = ""
    calling_name: str = ""
    called: str = ""
    contact: str = ""
    resume: bool = False
    auto_answer: bool = False
    """The device is asked to answer by itself: its own user made the call."""
    hops: int = MAXIMUM_HOPS
    """How many times the call may still be sent on (Max-Forwards): a call that comes back to us again and again ends."""
    first_called: str = ""
    """The number that the caller called before the call was diverted to us."""
    data: str = ""
    """What goes with the call to another site of ours, or came with it from there; by no other trunk."""
    linked: bool = False
    """The call came from another site of ours."""


class Lines(Protocol):
    """The carriers of connections."""

    def kind_of(self, tenant: str, device: str) -> DeviceKind | None:
        """The kind of a device that can be rung now; None when it does not exist, is another tenant's, or is not registered."""
        ...

    def device_called(self, tenant: str, number: str) -> str:
        """The device behind an internal number, or empty."""
        ...

    def way_out(self, tenant: str, site: str, number: str) -> str:
        """The device by which an outside number is reached (a trunk, or the first of several), or empty."""
        ...

    def is_emergency(self, tenant: str, number: str) -> bool:
        """Whether a number is one that nothing delays."""
        ...

    def invite(self, connection: str, device: str, invitation: Invitation) -> None:
        """Ring ``device`` as ``connection``. Told: ``ringing``, then ``answered`` or ``failed``."""
        ...

    def ring(self, connection: str) -> None:
        """Tell the caller that it rings."""
        ...

    def progress(self, connection: str) -> None:
        """Let the caller hear something before it is answered, if its telephone can. Told: ``progressed``, or nothing."""
        ...

    def accept(self, connection: str) -> None:
        """Answer an incoming connection. Told: ``accepted`` or ``gone``."""
        ...

    def together(self, connections: list[str]) -> bool:
        """Whether the audio of connections of several calls can be brought together."""
        ...

    def moved(self, connection: str, call: str) -> None:
        """The connection belongs to another call now."""
        ...

    def offer_image(self, connection: str) -> None:
        """Offer the device T.38 instead of audio; when it agrees, the audio part is told by itself."""
        ...

    def resume_audio(self, connection: str) -> None:
        """A fax by T.38 is over: back to audio."""
        ...

    def show_waiting(self, tenant: str, site: str, lamps: tuple[MessageWaiting, ...], whole: bool) -> None:
        """What waits in mailboxes of a site, for telephones that ask; ``whole``: extensions not named have none there."""
        ...

    def release(self, connection: str, cause: Cause) -> None:
        """Reject, cancel or hang up, whatever its dialog asks for; the connection is never heard of again."""
        ...


class Audio(Protocol):
    """What connected connections hear. A connection has audio from ``accepted`` or ``answered`` until ``release``."""

    def link(self, connection: str, source: str, on: bool) -> None:
        """Whether ``connection`` hears ``source``."""
        ...

    def share(self, hall: str, connection: str, source: str, on: bool) -> None:
        """Whether ``connection`` (or an ear) hears ``source`` in a hall; unlike ``link`` wherever the audio of the two is. One of them may
        be gone when it ends."""
        ...

    def open_ear(self, ear: str, near: str) -> None:
        """Something that hears in a hall to be recorded, best where ``near`` is mixed."""
        ...

    def close_ear(self, ear: str) -> None:
        """The recording of an ear is over."""
        ...

    def watch(self, connection: str, on: bool) -> None:
        """Whether ``talked`` is told when the connection begins or ceases to speak."""
        ...

    def play(self, connection: str, tag: str, prompts: tuple[Prompt, ...], loop: bool) -> None:
        """Replace what plays. Told: ``played`` with ``tag``. While the device itself holds, what is said to it waits."""
        ...

    def collect(self, connection: str, order: Collect) -> None:
        """Play and collect. Told: ``collected`` with the order's id as tag."""
        ...

    def stop(self, connection: str) -> None:
        """Stop what plays or collects."""
        ...

    def forget_keys(self, connection: str) -> None:
        """Keys pressed until now count for nothing that is collected later."""
        ...

    def send_digits(self, connection: str, digits: str) -> None:
        """Send keys towards the device."""
        ...

    def classify(self, connection: str, order: Classify) -> None:
        """Judge who speaks. Told: ``classifying.heard``, and ``greeted``, with the order's id."""
        ...

    def listen_for_tones(self, connection: str, on: bool) -> None:
        """Whether tones of the network are listened for. Told: ``classifying.heard`` without an id."""
        ...

    def fax(self, connection: str, order: SendFax | ReceiveFax) -> None:
        """Send or receive a fax in place of the audio. Told: ``faxed``, or ``fax_refused``, with the order's id."""
        ...

    def record(self, recording: str, left: str, right: str, file: str) -> None:
        """Record two connections. Told: ``recording_started`` or ``recording_refused``, in the end ``recorded``."""
        ...

    def record_also(self, recording: str, others: tuple[str, ...]) -> None:
        """Whose voices are on the right track of a recording besides that of its right connection, from now on."""
        ...

    def mark_hold(self, recording: str, on: bool) -> None:
        """A hold began or ended in a recording."""
        ...

    def pause_record(self, recording: str, on: bool, seconds: float) -> None:
        """Let nothing into a recording from now on, or go on. Told: ``recording_resumed`` when it goes on by itself after ``seconds``."""
        ...

    def record_message(self, connection: str, order: RecordMessage) -> None:
        """Play the prompts, then record the connection alone; replaces what plays. Told: ``message_recorded`` with the order's id."""
        ...

    def stop_record(self, recording: str) -> None:
        """Close a recording."""
        ...

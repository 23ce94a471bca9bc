"""What is agreed anew in a dialog: by re-INVITE or UPDATE with an offer, or by a re-INVITE without one, whose offer is ours in the 200
and whose answer comes with the ACK (RFC 3261 §14.2, RFC 3264 §8). Many operators' systems hold and retrieve in the second way.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from yitong.ct.model import Cause
from yitong.ct.switches.soft.line import SDP, Line
from yitong.ct.switches.soft.reached import Holder
from yitong.sip import image, negotiation
from yitong.sip.events import AckReceived, RequestReceived, TransactionFailed, TransactionTimedOut
from yitong.sip.negotiation import Local, Remote
from yitong.sip.sdp import SdpError, parse


def next_version(local: Local) -> Local:
    """The same side in the next description of its dialog (RFC 3264 §8)."""
    return msgspec.structs.replace(local, version=local.version + 1)


class Renewing:
    """Where the other side of a line is now, and whether it holds. An offer of ours is open until its ACK."""

    def __init__(self, lines: Holder) -> None:
        self._lines = lines
        self.waiting: dict[int, Line] = {}
        """By transaction: whose ACK is to bring an answer."""

    def offer(self, event: RequestReceived, line: Line, local: Local) -> None:
        """They made no offer: ours is what runs now, audio or T.38."""
        line.local = next_version(local)
        session = image.make_offer(line.local) if line.image else negotiation.make_offer(line.local)
        self._lines.endpoint.respond(event.transaction, 200, self._lines.now, body=session.encode(), content_type=SDP)
        self._lines.changed.add(line.connection)
        if event.request.method == "INVITE":
            self.waiting[event.transaction.id] = line

    def acknowledged(self, event: AckReceived) -> bool:
        """True when it was an offer of ours. An ACK without an answer, or with one that cannot be, leaves all as it was."""
        line = self.waiting.pop(event.transaction.id, None)
        if line is None or line.ended or line.local is None or line.image or not event.request.body:
            return line is not None
        with suppress(SdpError):
            self.agreed(line, negotiation.accept_answer(parse(event.request.body), line.local))
        return True

    def timed_out(self, event: TransactionTimedOut | TransactionFailed) -> bool:
        """True when it was an offer of ours that was never acknowledged: the dialog ends (RFC 3261 §14.2)."""
        line = self.waiting.pop(event.transaction.id, None)
        if line is not None and not line.ended:
            self._lines.lose(line, Cause.SIGNALLING_LOST)
        return line is not None

    def agreed(self, line: Line, remote: Remote) -> None:
        """From now on it is so; whoever begins or ceases to hold is told of."""
        self._lines.sound.set_remote(line.connection, remote)
        self._lines.changed.add(line.connection)
        if remote.held != line.held:
            line.held = remote.held
            tell = self._lines.function.held if remote.held else self._lines.function.retrieved
            tell(line.connection, self._lines.clock.now())

"""The side of a caller until its call is answered: ringing, early audio (183 with our description), the 200."""

from __future__ import annotations

from collections.abc import Callable

from yitong.ct.model import Cause
from yitong.ct.switches.soft import encryption
from yitong.ct.switches.soft.line import RETRY_AFTER, SDP, Line
from yitong.ct.switches.soft.media_messages import PortOpened
from yitong.ct.switches.soft.reached import Holder
from yitong.sip import negotiation
from yitong.sip.negotiation import Local
from yitong.sip.sdp import SdpError, Session

OpenedLine = Callable[[Line], None]


class Accepting:
    """Answers to INVITEs of others that the switching function asks for."""

    def __init__(self, lines: Holder) -> None:
        self._lines = lines

    def ring(self, line: Line) -> None:
        """180."""
        if line.server is not None:
            self._lines.endpoint.respond(line.server, 180, self._lines.now)
            self._bind(line)

    def progress(self, line: Line) -> None:
        """Early audio: a row is opened, and 183 tells where it is. A caller who made no offer only hears that it rings."""
        if line.server is None or line.opening or line.local is not None:
            return
        if line.offer is None:
            self.ring(line)
            return
        self._open(line, self._progressed)

    def accept(self, line: Line) -> None:
        """200."""
        if line.opening:
            line.wanted = True
        elif line.local is not None:
            self._answer(line)
        else:
            self._open(line, self._accepted)

    def _open(self, line: Line, done: OpenedLine) -> None:
        line.opening = True
        tenant = self._lines.function.table.connections[line.connection].tenant
        label = f"{tenant}/{line.call}"
        self._lines.sound.open(line.connection, line.call, line.secure, lambda opened: self._opened(line, opened, done), label)

    def _opened(self, line: Line, opened: PortOpened | None, done: OpenedLine) -> None:
        line.about()
        line.opening = False
        if line.ended or line.server is None:
            return
        if opened is None:
            self._refuse(line, 503, Cause.OVERLOADED)
            return
        local = self._lines.local_for(opened, line.secure, self._lines.reach.address_for(line.flow))
        line.local = encryption.answering(local, self._lines.reach.speech(line.device))
        try:
            line.answer = self._agree(line, line.local).encode()
        except SdpError as error:
            self._refuse(line, error.status, Cause.NO_COMMON_CODEC)
            return
        done(line)

    def _progressed(self, line: Line) -> None:
        if line.wanted:
            self._answer(line)
        elif line.server is not None:
            self._lines.endpoint.respond(line.server, 183, self._lines.now, body=line.answer, content_type=SDP)
            self._bind(line)
            self._lines.function.progressed(line.connection, self._lines.clock.now())

    def _accepted(self, line: Line) -> None:
        self._answer(line)

    def _answer(self, line: Line) -> None:
        """The description is that of the 183, if there was one; none when it was changed since (RFC 3262 §5)."""
        if line.server is None:
            return
        self._lines.endpoint.respond(line.server, 200, self._lines.now, body=line.answer, content_type=SDP if line.answer else "")
        line.dialog = line.server.dialog
        if line.dialog is None:
            self._refuse(line, 500, Cause.FAILED)
            return
        line.answer = b""
        self._lines.bind(line, line.dialog)
        self._lines.changed.add(line.connection)
        self._lines.function.accepted(line.connection, self._lines.clock.now())

    def _agree(self, line: Line, local: Local) -> Session:
        """Our answer to their offer, or our offer when they made none."""
        if line.offer is None:
            return negotiation.make_offer(local)
        answer, remote = negotiation.make_answer(line.offer, local)
        line.local = negotiation.settled(local, remote)
        line.offer = None
        line.held = remote.held
        self._lines.sound.set_remote(line.connection, remote)
        return answer

    def _bind(self, line: Line) -> None:
        """What they send in the early dialog finds the line."""
        if line.server is not None and line.server.dialog is not None:
            self._lines.bind(line, line.server.dialog)

    def _refuse(self, line: Line, status: int, cause: Cause) -> None:
        """End an incoming call that cannot be answered."""
        if line.server is not None:
            self._lines.endpoint.respond(line.server, status, self._lines.now, headers=[RETRY_AFTER] if status == 503 else [])
        self._lines.forget(line)
        self._lines.function.gone(line.connection, cause, self._lines.clock.now(), by_device=False)

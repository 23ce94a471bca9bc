"""Lines that go over to T.38 for a fax and back to audio: re-INVITEs of ours and of the other side (RFC 3264 §8, RFC 3362).

Who receives the fax offers T.38; a refusal leaves the call as it is, and the fax goes on as audio. The other side's offer is taken while a
fax runs on the line, and refused with 488 otherwise.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
import structlog

from yitong.ct.model import DeviceKind, FaxOutcome
from yitong.ct.switches.soft.line import Line
from yitong.ct.switches.soft.media_messages import MediaFaxed, MediaTone
from yitong.ct.switches.soft.outward import Outward
from yitong.ct.switches.soft.sound import Sound
from yitong.ct.switching import faxes
from yitong.ct.switching.function import SwitchingFunction
from yitong.sip import image, negotiation
from yitong.sip.endpoint import Endpoint
from yitong.sip.events import RequestReceived, ResponseReceived, TransactionFailed, TransactionTimedOut
from yitong.sip.grammar import SipError
from yitong.sip.negotiation import Remote
from yitong.sip.sdp import SdpError, Session, parse

_SDP = "application/sdp"
_log = structlog.get_logger("yitong.switch.imaging")


def tell_of_fax(event: MediaFaxed | MediaTone, function: SwitchingFunction, now: int) -> None:
    """What a media worker says of faxes."""
    if isinstance(event, MediaTone):
        function.fax_tone(event.port, event.tone, now)
        return
    outcome = FaxOutcome(
        reason=event.reason, pages=event.pages, station=event.station, rate=event.rate, error_correction=event.error_correction,
        t38=event.t38,
    )  # fmt: skip
    function.faxed(event.tag_id, outcome, now)


def _read(body: bytes) -> Session | None:
    try:
        return parse(body)
    except SdpError:
        return None


def _sealed(line: Line) -> bool:
    """A telephone whose speech must be encrypted: T.38 is not."""
    return line.kind is DeviceKind.PHONE and line.local is not None and line.local.sealed


class Home(Protocol):
    """The lines, as far as a change of media needs them."""

    endpoint: Endpoint
    sound: Sound
    function: SwitchingFunction
    outward: Outward
    all: dict[str, Line]
    changed: set[str]

    @property
    def now(self) -> float: ...


class Imaging:
    """The T.38 side of all lines."""

    def __init__(self, lines: Home) -> None:
        self._lines = lines
        self._open: dict[int, Line] = {}

    def offer(self, connection: str) -> None:
        """Offer T.38; nothing happens on a line that cannot have it now."""
        line = self._lines.all.get(connection)
        if line is not None and line.dialog is not None and not line.secure and not line.image and not _sealed(line):
            self._ask(line, to_image=True)

    def resume(self, connection: str) -> None:
        """Offer audio again."""
        line = self._lines.all.get(connection)
        if line is not None and line.dialog is not None and line.image:
            self._ask(line, to_image=False)

    def _ask(self, line: Line, to_image: bool) -> None:
        if line.local is None or line.dialog is None:
            return
        line.local = msgspec.structs.replace(line.local, version=line.local.version + 1)
        make = image.make_offer if to_image else negotiation.make_offer
        try:
            transaction = self._lines.endpoint.request_in_dialog(
                line.dialog, "INVITE", self._lines.now, body=make(line.local).encode(), content_type=_SDP
            )
        except SipError:
            return  # theirs is on its way, or ours of another kind: the fax goes on as audio, or by their offer
        self._open[transaction.id] = line
        self._lines.changed.add(line.connection)

    def answered(self, event: ResponseReceived | TransactionTimedOut | TransactionFailed) -> bool:
        """Something came of an offer of ours; true when it was one."""
        line = self._open.get(event.transaction.id)
        if line is None:
            return False
        if isinstance(event, ResponseReceived) and event.response.status < 200:
            return True
        del self._open[event.transaction.id]
        if isinstance(event, ResponseReceived) and event.response.status in (401, 407):
            again = self._lines.outward.challenged(event)
            if again is not None:
                self._open[again.id] = line
                return True
        if isinstance(event, ResponseReceived) and event.response.status < 300 and event.dialog is not None:
            self._lines.endpoint.ack(event.transaction, event.dialog, self._lines.now)
            if not line.ended:
                self._agreed(line, event.response.body)
        elif isinstance(event, ResponseReceived):
            _log.info("T.38 or its end was refused", status=event.response.status)
        return True

    def _agreed(self, line: Line, body: bytes) -> None:
        """Their answer to our offer, of T.38 or of audio."""
        assert line.local is not None
        try:
            answer = parse(body)
            if image.wants_image(answer):
                self._take(line, image.accept_answer(answer, line.local))
            else:
                self.back(line, negotiation.accept_answer(answer, line.local))
        except SdpError as error:
            _log.warning("answer to a change of media is not usable", reason=error.reason)

    def asked(self, event: RequestReceived, line: Line) -> bool:
        """Their re-INVITE; true when it was about T.38 and is answered."""
        offer = _read(event.request.body)
        if offer is None or not image.wants_image(offer):
            line.image = False
            return False
        if line.local is None or line.secure or _sealed(line) or not faxes.may_take_image(self._lines.function.board, line.connection):
            self._lines.endpoint.respond(event.transaction, 488, self._lines.now)
            return True
        line.local = msgspec.structs.replace(line.local, version=line.local.version + 1)
        try:
            answer, theirs = image.make_answer(offer, line.local)
        except SdpError as error:
            self._lines.endpoint.respond(event.transaction, error.status, self._lines.now)
            return True
        self._lines.endpoint.respond(event.transaction, 200, self._lines.now, body=answer.encode(), content_type=_SDP)
        self._take(line, theirs)
        return True

    def _take(self, line: Line, theirs: image.Image) -> None:
        line.image = True
        self._lines.changed.add(line.connection)
        self._lines.sound.set_image(line.connection, theirs.address, theirs.port)

    def back(self, line: Line, remote: Remote) -> None:
        """Audio was agreed, after T.38 or in its place."""
        line.image = False
        line.held = remote.held
        self._lines.changed.add(line.connection)
        self._lines.sound.set_remote(line.connection, remote)

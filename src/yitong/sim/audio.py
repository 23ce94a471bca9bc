"""The audio of the simulated switch: prompts that last, keys that are typed ahead, recordings with their lengths; no sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from yitong.ct.model import FaxOutcome, Prompt
from yitong.ct.services import Classify, Collect, ReceiveFax, RecordMessage, SendFax
from yitong.ct.switching import classifying
from yitong.ct.switching.board import Board
from yitong.kit.clock import MILLISECOND, SECOND
from yitong.media import tones
from yitong.media.answerer import Greeted, Rules, Verdict
from yitong.sim.timeline import Happening, Timeline
from yitong.sim.voices import PERSON, Voice, told_of

TYPE_AHEAD = 32


class Ear(Protocol):
    """The switching function, as far as the audio tells it something."""

    board: Board

    def played(self, connection: str, tag: str, completed: bool, now: int) -> None: ...
    def collected(self, connection: str, tag: str, digits: str, reason: str, now: int) -> None: ...
    def digit(self, connection: str, digit: str, now: int) -> None: ...
    def faxed(self, tag: str, outcome: FaxOutcome, now: int) -> None: ...
    def recording_started(self, recording: str, now: int) -> None: ...
    def recording_refused(self, recording: str, reason: str, now: int) -> None: ...
    def recorded(
        self, recording: str, now: int, *, milliseconds: int, size: int, sha256: str, holds: tuple[tuple[int, int], ...], complete: bool,
        pauses: tuple[tuple[int, int], ...] = (),
    ) -> None: ...  # fmt: skip
    def recording_resumed(self, recording: str, now: int) -> None: ...
    def message_recorded(self, tag: str, now: int, *, reason: str, milliseconds: int, size: int, sha256: str) -> None: ...


@dataclass
class Port:
    """The audio of one connection. ``heard`` is told what plays to it, for scripted customers."""

    prompts: tuple[Prompt, ...] = ()
    tag: str = ""
    order: Collect | None = None
    message: RecordMessage | None = None
    digits: str = ""
    ahead: str = ""
    timer: Happening | None = None
    away: bool = False
    """The device holds: it hears nothing, and what is said waits for it."""
    unsaid: int = 0
    """How much is still to be said when it is back (microseconds), and ``then`` follows by ``end``."""
    said_at: int = 0
    then: float = 0.0
    end: Callable[[], None] | None = None
    sent: str = ""
    hears: set[str] = field(default_factory=set)


@dataclass
class Take:
    """A running recording of the connections ``sides``."""

    file: str
    began: int
    sides: tuple[str, str] = ("", "")
    holds: list[tuple[int, int]] = field(default_factory=list)
    hold_began: int | None = None
    pauses: list[tuple[int, int]] = field(default_factory=list)
    pause_began: int | None = None
    pause_timer: Happening | None = None
    also: tuple[str, ...] = ()


def one_page(order: SendFax | ReceiveFax) -> FaxOutcome:
    """A fax that goes well."""
    return FaxOutcome(reason="ok", pages=1, station="+86 21 5555", rate=14_400, error_correction=True, t38=order.t38)


class SimAudio:
    """Audio as ``ct.switching.ports.Audio`` asks, on a timeline."""

    def __init__(self, timeline: Timeline, length: Callable[[Prompt], float] | None = None) -> None:
        self.timeline = timeline
        self.ear: Ear | None = None
        self.length = length or prompt_seconds
        self.ports: dict[str, Port] = {}
        self.takes: dict[str, Take] = {}
        self.watched: set[str] = set()
        self.fax_seconds = 20.0
        self.message_seconds = 5.0
        """How long somebody who leaves a message speaks."""
        self.fax_outcome: Callable[[SendFax | ReceiveFax], FaxOutcome] = one_page
        self._faxes: dict[str, tuple[str, Happening]] = {}
        self.voice: Voice = PERSON
        """Of whoever is judged from now on."""
        self._judged: dict[str, list[Happening]] = {}
        self.arm: Callable[[], None] = lambda: None
        self.on_play: Callable[[str], None] = lambda connection: None
        self.on_link: Callable[[str, str, bool], None] = lambda connection, source, on: None

    def open(self, connection: str) -> None:
        """The connection has audio now."""
        self.ports.setdefault(connection, Port())

    def close(self, connection: str) -> None:
        """The connection is gone."""
        self._end_message(connection, "hung_up")
        port = self.ports.pop(connection, None)
        self._end_fax(connection)
        self._judge(connection, "", [])
        if port is not None and port.timer is not None:
            port.timer.cancel()

    # --- asked by the switching function ---------------------------------------------------------------------------------------

    def link(self, connection: str, source: str, on: bool) -> None:
        port = self.ports.get(connection)
        if port is None:
            return
        (port.hears.add if on else port.hears.discard)(source)
        self.on_link(connection, source, on)

    def share(self, hall: str, connection: str, source: str, on: bool) -> None:
        self.link(connection, source, on)

    def open_ear(self, ear: str, near: str) -> None:
        self.open(ear)

    def close_ear(self, ear: str) -> None:
        self.close(ear)

    def watch(self, connection: str, on: bool) -> None:
        (self.watched.add if on else self.watched.discard)(connection)

    def play(self, connection: str, tag: str, prompts: tuple[Prompt, ...], loop: bool) -> None:
        port = self._begin(connection, tag, prompts)
        if port is not None and not loop:
            self._say(port, prompts, 0.0, lambda: self._end_play(connection, completed=True))
        if port is not None:
            self.on_play(connection)

    def collect(self, connection: str, order: Collect) -> None:
        port = self._begin(connection, order.id, order.prompts)
        if port is None:
            return
        port.order, port.digits = order, ""
        ahead, port.ahead = ("" if order.discard else port.ahead), ""
        self._say(port, order.prompts, order.first_seconds, lambda: self._end_collect(connection, "timeout"))
        self.on_play(connection)
        for digit in ahead:
            self.press(connection, digit)

    def stop(self, connection: str) -> None:
        port = self.ports.get(connection)
        if port is not None:
            self._stop(connection, port)
        self._end_fax(connection)
        self._judge(connection, "", [])

    def classify(self, connection: str, order: Classify) -> None:
        beep_ms = round(order.beep_seconds * 1000)
        self._judge(connection, order.id, told_of(self.voice, order.rules, beep_ms=beep_ms, machine=order.machine))

    def listen_for_tones(self, connection: str, on: bool) -> None:
        self._judge(connection, "", told_of(self.voice, Rules(), tones_only=True) if on else [])

    def _judge(self, connection: str, tag: str, told: list[tuple[int, Verdict | Greeted]]) -> None:
        """Plan what is told of a connection, in place of what was planned."""
        for planned in self._judged.pop(connection, []):
            planned.cancel()

        def happen(one: Verdict | Greeted) -> None:
            if self.ear is not None:
                classifying.heard(self.ear.board, connection, tag, one, self.timeline.now)
                self.arm()

        if told:
            self._judged[connection] = [self.timeline.after(at / 1000, lambda one=one: happen(one)) for at, one in told]  # type: ignore[misc]

    def fax(self, connection: str, order: SendFax | ReceiveFax) -> None:
        if connection in self.ports:
            self.stop(connection)
            outcome = self.fax_outcome(order)
            self._faxes[connection] = order.id, self.timeline.after(self.fax_seconds, lambda: self._end_fax(connection, outcome))

    def _end_fax(self, connection: str, outcome: FaxOutcome | None = None) -> None:
        """The fax is over; without an outcome it was broken off."""
        tag, timer = self._faxes.pop(connection, ("", None))
        if timer is not None:
            timer.cancel()
            self._later(lambda ear, now: ear.faxed(tag, outcome or FaxOutcome(reason="call_dropped"), now))

    def forget_keys(self, connection: str) -> None:
        if connection in self.ports:
            self.ports[connection].ahead = ""

    def send_digits(self, connection: str, digits: str) -> None:
        if connection in self.ports:
            self.ports[connection].sent += digits

    def record(self, recording: str, left: str, right: str, file: str) -> None:
        if left not in self.ports or right not in self.ports:
            self._later(lambda ear, now: ear.recording_refused(recording, "no_such_port", now))
            return
        self.takes[recording] = Take(file, self.timeline.now, (left, right))
        self._later(lambda ear, now: ear.recording_started(recording, now))

    def record_also(self, recording: str, others: tuple[str, ...]) -> None:
        take = self.takes.get(recording)
        if take is not None:
            take.also = others

    def mark_hold(self, recording: str, on: bool) -> None:
        take = self.takes.get(recording)
        if take is None:
            return
        offset = (self.timeline.now - take.began) // MILLISECOND
        if on:
            take.hold_began = offset
        elif take.hold_began is not None:
            take.holds.append((take.hold_began, offset))
            take.hold_began = None

    def pause_record(self, recording: str, on: bool, seconds: float) -> None:
        take = self.takes.get(recording)
        if take is None:
            return
        if take.pause_timer is not None:
            take.pause_timer.cancel()
            take.pause_timer = None
        offset = (self.timeline.now - take.began) // MILLISECOND
        if on:
            take.pause_began = offset
            take.pause_timer = self.timeline.after(seconds, lambda: self._resume_by_itself(recording))
        elif take.pause_began is not None:
            take.pauses.append((take.pause_began, offset))
            take.pause_began = None

    def _resume_by_itself(self, recording: str) -> None:
        self.pause_record(recording, False, 0.0)
        self._later(lambda ear, now: ear.recording_resumed(recording, now))

    def record_message(self, connection: str, order: RecordMessage) -> None:
        port = self._begin(connection, order.id, order.prompts)
        if port is not None:
            lasts, reason = self.message_seconds + order.silence_seconds, "silence"
            if lasts > order.maximum_seconds:
                lasts, reason = order.maximum_seconds, "limit"
            port.message = order
            self.on_play(connection)
            self._say(port, order.prompts, lasts, lambda: self._end_message(connection, reason))

    def stop_record(self, recording: str) -> None:
        self.pause_record(recording, False, 0.0)
        take = self.takes.pop(recording, None)
        if take is None:
            return
        length = (self.timeline.now - take.began) // MILLISECOND
        if take.hold_began is not None:
            take.holds.append((take.hold_began, length))
        size = 44 + length * 32
        holds, pauses = tuple(take.holds), tuple(take.pauses)
        self._later(
            lambda ear, now: ear.recorded(
                recording, now, milliseconds=length, size=size, sha256="0" * 64, holds=holds, complete=True, pauses=pauses
            )
        )

    # --- what is said ---------------------------------------------------------------------------------------------------------------

    def _say(self, port: Port, prompts: tuple[Prompt, ...], then: float, end: Callable[[], None]) -> None:
        """``end`` comes ``then`` seconds after the last prompt."""
        port.unsaid, port.then, port.end = round(sum(map(self.length, prompts)) * SECOND), then, end
        if not port.away:
            self._go_on(port)

    def _go_on(self, port: Port) -> None:
        assert port.end is not None
        port.said_at, port.unsaid = self.timeline.now + port.unsaid, 0
        port.timer = self.timeline.at(port.said_at + round(port.then * SECOND), port.end)

    def hold(self, connection: str, on: bool) -> None:
        """The device holds: what is being said to it waits, and goes on when it is back; what it has heard already has its time."""
        port = self.ports.get(connection)
        if port is None:
            return
        port.away = on
        if on and port.timer is not None and port.said_at > self.timeline.now:
            port.timer.cancel()
            port.timer, port.unsaid = None, port.said_at - self.timeline.now
        elif not on and port.timer is None and port.end is not None:
            self._go_on(port)

    # --- done by the device -------------------------------------------------------------------------------------------------------

    def press(self, connection: str, digit: str) -> None:
        """A key of the connection's device."""
        port = self.ports.get(connection)
        if port is None:
            return
        if port.message is not None and digit in port.message.terminators:
            self._end_message(connection, "key")
            return
        order = port.order
        if order is None and any(take.pause_began is not None and connection in take.sides for take in self.takes.values()):
            return  # what a recording must not have is kept nowhere
        if order is None:
            port.ahead = (port.ahead + digit)[-TYPE_AHEAD:]
            self._later(lambda ear, now: ear.digit(connection, digit, now))
            return
        if digit in order.terminators:
            self._end_collect(connection, "terminator")
            return
        port.digits += digit
        port.said_at = self.timeline.now  # a key ends what is said
        if len(port.digits) >= order.maximum:
            self._end_collect(connection, "digits")
            return
        if port.timer is not None:
            port.timer.cancel()
        port.timer = self.timeline.after(order.between_seconds, lambda: self._end_collect(connection, "timeout"))

    # --- inside -------------------------------------------------------------------------------------------------------------------

    def _begin(self, connection: str, tag: str, prompts: tuple[Prompt, ...]) -> Port | None:
        port = self.ports.get(connection)
        if port is None:
            return None
        self._stop(connection, port)
        port.tag, port.prompts = tag, prompts
        return port

    def _stop(self, connection: str, port: Port) -> None:
        if port.message is not None:
            self._end_message(connection, "stopped")
        elif port.order is not None:
            self._end_collect(connection, "stopped")
        elif port.tag:
            self._end_play(connection, completed=False)

    def _end_play(self, connection: str, *, completed: bool) -> None:
        port = self.ports.get(connection)
        if port is None:
            return
        tag = self._clear(port)
        self._later(lambda ear, now: ear.played(connection, tag, completed, now))

    def _end_collect(self, connection: str, reason: str) -> None:
        port = self.ports.get(connection)
        if port is None or port.order is None:
            return
        if reason == "timeout" and len(port.digits) >= port.order.minimum and port.digits:
            reason = "digits"
        digits, port.order = port.digits, None
        tag = self._clear(port)
        self._later(lambda ear, now: ear.collected(connection, tag, digits, reason, now))

    def _end_message(self, connection: str, reason: str) -> None:
        port = self.ports.get(connection)
        if port is None or port.message is None:
            return
        length = 0 if port.unsaid else max(0, self.timeline.now - port.said_at) // MILLISECOND
        port.message = None
        tag, size = self._clear(port), 44 + length * 16 if length else 0
        self._later(
            lambda ear, now: ear.message_recorded(tag, now, reason=reason, milliseconds=length, size=size, sha256="0" * 64 if size else "")
        )

    def _clear(self, port: Port) -> str:
        if port.timer is not None:
            port.timer.cancel()
        tag, port.tag, port.prompts, port.timer, port.end, port.unsaid = port.tag, "", (), None, None, 0
        return tag

    def _later(self, tell: Callable[[Ear, int], None]) -> None:
        def happen() -> None:
            if self.ear is not None:
                tell(self.ear, self.timeline.now)

        self.timeline.after(0.0, happen)


def prompt_seconds(prompt: Prompt) -> float:
    """How long a prompt lasts when nobody knows better: its silence, a tone's round, or two seconds."""
    name = prompt.file or tones.PREFIX + prompt.tone
    samples = tones.tone(name) if name.startswith(tones.PREFIX) else None
    if samples is not None:
        return len(samples) / tones.RATE
    return prompt.silence_ms / 1000 if prompt.silence_ms else 2.0

"""Scripted customers for journeys: each waits for what it hears, presses keys, talks, loses patience, hangs up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yitong.ct.model import Cause, Prompt
from yitong.kit.clock import SECOND
from yitong.sim.switch import SimSwitch
from yitong.sim.timeline import Happening


@dataclass(frozen=True)
class Wait:
    """Do nothing for ``seconds``."""

    seconds: float


@dataclass(frozen=True)
class UntilHears:
    """Wait until a prompt whose file name contains ``text`` is played to the customer."""

    text: str


@dataclass(frozen=True)
class UntilAsked:
    """Wait until keys are collected from the customer."""


@dataclass(frozen=True)
class UntilTalks:
    """Wait until the customer is connected with somebody."""


@dataclass(frozen=True)
class UntilAlone:
    """Wait until nobody is connected with the customer any more."""


@dataclass(frozen=True)
class Press:
    """Press keys, one every ``every`` seconds."""

    digits: str
    every: float = 0.2


@dataclass(frozen=True)
class HangUp:
    """Hang up."""


Step = Wait | UntilHears | UntilAsked | UntilTalks | UntilAlone | Press | HangUp


@dataclass(frozen=True)
class Seen:
    """Something the customer noticed: rings, accepted, hears (prompt files), talks, alone, released (cause), hung_up."""

    at: int
    what: str
    detail: str = ""


class Customer:
    """One call of one customer. ``patience_seconds``: hangs up when no agent was reached by then."""

    def __init__(
        self,
        switch: SimSwitch,
        *,
        tenant: str,
        called: str,
        calling: str,
        steps: Sequence[Step] = (),
        patience_seconds: float | None = None,
    ) -> None:
        self.switch = switch
        self.seen: list[Seen] = []
        self.talked_to: list[str] = []
        self.ended = False
        self.waited_seconds = 0.0
        self._steps = list(steps)
        self._peers: set[str] = set()
        self._playing: tuple[str, ...] = ()
        self._asked = False
        self._waiting = False
        self._began = switch.timeline.now
        self._patience: Happening | None = None
        self.connection = switch.arrive(tenant, called, calling, caller=self)
        if patience_seconds is not None:
            self._patience = switch.timeline.after(patience_seconds, self._impatient)
        switch.timeline.after(0.0, self._go_on)

    # --- what the line tells -------------------------------------------------------------------------------------------------------

    def rings(self) -> None:
        self._note("rings")

    def accepted(self) -> None:
        self._note("accepted")
        self._go_on()

    def released(self, cause: Cause) -> None:
        self.ended = True
        self._note("released", cause.value)
        self._stop_patience()

    def hears(self, prompts: tuple[Prompt, ...], collecting: bool) -> None:
        self._playing = tuple(prompt.file for prompt in prompts)
        self._asked = collecting
        self._note("hears", " ".join(self._playing))
        self._go_on()

    def linked(self, source: str, on: bool) -> None:
        if on:
            self._peers.add(source)
            self.talked_to.append(source)
            self.waited_seconds = (self.switch.timeline.now - self._began) / SECOND
            self._playing, self._asked = (), False
            self._stop_patience()
        else:
            self._peers.discard(source)
        self._note("talks" if self._peers else "alone")
        self._go_on()

    # --- the script ----------------------------------------------------------------------------------------------------------------

    def hang_up(self) -> None:
        """Hang up now, whatever the script says."""
        if not self.ended:
            self.ended = True
            self._note("hung_up")
            self._stop_patience()
            self.switch.hang_up(self.connection)

    def _go_on(self) -> None:
        while self._steps and not self.ended and not self._waiting:
            if not self._begin(self._steps[0]):
                return

    def _begin(self, step: Step) -> bool:
        """Do or await the next step; true when it is done and the next may begin."""
        match step:
            case UntilHears(text):
                done = any(text in file for file in self._playing)
            case UntilAsked():
                done = self._asked
            case UntilTalks():
                done = bool(self._peers)
            case UntilAlone():
                done = not self._peers
            case Wait(seconds):
                self._steps.pop(0)
                self._pause(seconds)
                return False
            case Press(digits, every):
                self._steps.pop(0)
                self._press(digits, every)
                return False
            case HangUp():
                self.hang_up()
                return False
        if done:
            self._steps.pop(0)
        return done

    def _pause(self, seconds: float) -> None:
        self._waiting = True

        def resume() -> None:
            self._waiting = False
            self._go_on()

        self.switch.timeline.after(seconds, resume)

    def _press(self, digits: str, every: float) -> None:
        for number, digit in enumerate(digits):
            self.switch.timeline.after(number * every, lambda digit=digit: self._key(digit))  # type: ignore[misc]
        self._asked = False
        self._pause(len(digits) * every)

    def _key(self, digit: str) -> None:
        if not self.ended:
            self.switch.press(self.connection, digit)

    def _impatient(self) -> None:
        if not self._peers:
            self.hang_up()

    def _stop_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()

    def _note(self, what: str, detail: str = "") -> None:
        self.seen.append(Seen(self.switch.timeline.now, what, detail))
